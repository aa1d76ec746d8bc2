"""Play tricks on a reward function, or on a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.hacks.tricks import Trick, plain_response, read_tricks
from onethinker_rewards.hacks.verdict import Rewards, Verdict, judge
from onethinker_rewards.rewards import Recipe, score

Reward = Callable[[list[str], list[str], list[str]], Sequence[float | None]]
"""Responses, references and task names, one per row, to one number per row; None where there is no reward."""


@dataclass(frozen=True, slots=True)
class Played:
    """One trick under one reward function.

    Attributes:
        trick: The trick.
        rewards: The function's rewards of the trick and of what it is compared with.
    """

    trick: Trick
    rewards: Rewards

    @property
    def verdict(self) -> Verdict:
        """Whether the trick pays."""
        return judge(self.rewards)


def play(reward: Reward, tricks: Iterable[Trick] | None = None) -> list[Played]:
    """Play tricks on a reward function.

    Args:
        reward: Called once, with three lists: all responses, their references and tasks. It returns one number per row,
            as a list or an array; None and NaN mean no reward.
        tricks: All by default.

    Returns:
        One result per trick, in the same order.

    Raises:
        ArgumentError: If the function does not return one number per row. What it raises itself is not caught.

    >>> played = play(lambda responses, references, tasks: [float(len(response)) for response in responses])
    >>> sum(result.verdict == "pays" for result in played) > 10
    True
    """
    chosen = list(read_tricks() if tricks is None else tricks)
    questions = [
        (response, trick.reference, trick.task)
        for trick in chosen
        for response in (
            trick.response,
            *(plain_response(trick, kind) for kind in (trick.compared_with, "right", "wrong")),
        )
    ]
    # Many tricks share their counterparts: score each question once.
    rows = list(dict.fromkeys(questions))
    responses, references, tasks = ([row[column] for row in rows] for column in range(3))
    reward_of = dict(zip(rows, _numbers(reward(responses, references, tasks), len(rows)), strict=True))
    rewards = [reward_of[question] for question in questions]
    # Four rewards in a row belong to one trick.
    return [Played(trick, Rewards(*rewards[4 * row : 4 * row + 4])) for row, trick in enumerate(chosen)]


def _numbers(rewards: object, count: int) -> list[float]:
    """Return rewards as floats, None as NaN."""
    try:
        # Tensors of any device have `tolist`.
        values = rewards.tolist() if hasattr(rewards, "tolist") else rewards  # pyright: ignore[reportAttributeAccessIssue]
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"reward returned {type(rewards).__name__}, not one number per row") from None
    if numbers.shape != (count,):
        raise ArgumentError(f"reward returned shape {numbers.shape} for {count} responses, not one number per row")
    return numbers.tolist()


def recipe_reward(recipe: str | Recipe) -> Reward:
    """Return the totals of a recipe as a reward function.

    >>> recipe_reward("paper")(["<think>…</think><answer>B</answer>"], ["B"], ["multiple_choice"])
    [2.0]
    """
    return lambda responses, references, tasks: score(responses, references, tasks, recipe=recipe).total.tolist()
