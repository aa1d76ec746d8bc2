"""What the public rewards for boxes, points, clicks, segments and orders pay for tricks, and their time beside ours.

The rows are the tricks of the task and what they are compared with, each in the syntax of the reward that reads it, 256
rows or more. We wrote the public formulas ourselves ([where each comes from](../public-rewards.md)): their time says
what such a formula takes one row after another, and not how fast their own code is. "Pay" and "gain" are those of
[tricks](../hacks.md).
"""

from __future__ import annotations

from functools import partial

from tests.hacks.public_rewards import PUBLIC_REWARDS, PUBLIC_TASKS, prepared

import onethinker_rewards as otr
from benchmarks.harness import Row, best_of_both
from onethinker_rewards.hacks import Trick, Verdict, gain, play, read_tricks
from onethinker_rewards.hacks.tricks import plain_response

LEAST_ROWS = 256


def run() -> list[Row]:
    """Return a row for each reward and task."""
    return [measured(name, task) for name, tasks in PUBLIC_TASKS.items() for task in tasks]


def measured(name: str, task: str) -> Row:
    """Play the task's tricks on a reward and on ours, and time both on the same rows."""
    tricks = [trick for trick in read_tricks() if trick.task == task]
    responses, references = rows_of(tricks)
    ours = partial(otr.score, responses, references, task)
    ours_s, theirs_s = best_of_both(ours, prepared(name, responses, references, task), repeat=3)
    times = f"{ours_s / len(responses) * 1e6:.1f} against {theirs_s / len(responses) * 1e6:.1f} µs a row"
    return Row(f"{task}, {len(responses)} rows", ours_s, name, theirs_s, f"{paid(name, tricks)}; {times}")


def paid(name: str, tricks: list[Trick]) -> str:
    """Say how many tricks pay under a reward, of those that could be tried, and the largest gain."""
    played = [result for result in play(PUBLIC_REWARDS[name], tricks) if result.verdict is not Verdict.NOT_TRIED]
    gains = [gain(result.rewards) for result in played if result.verdict is Verdict.PAYS]
    most = f", largest gain {max(gains):.2f}" if gains else ""
    return f"{len(gains)} of {len(played)} tricks pay{most}"


def rows_of(tricks: list[Trick]) -> tuple[list[str], list[str]]:
    """Return responses and references: each trick and its three counterparts, again until there are enough."""
    rows = [
        (response, trick.reference)
        for trick in tricks
        for response in (
            trick.response,
            *(plain_response(trick, kind) for kind in (trick.compared_with, "right", "wrong")),
        )
    ]
    rows *= -(-LEAST_ROWS // len(rows))
    responses, references = zip(*rows, strict=True)
    return list(responses), list(references)
