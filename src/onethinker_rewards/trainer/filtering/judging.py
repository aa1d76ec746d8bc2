"""Which answers are kept: those right enough for their task, in the format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal, get_args

from onethinker_rewards.rewards import Scorer
from onethinker_rewards.trainer.filtering.candidates import Candidate

__all__ = ["BELOW", "KEEPS", "Judged", "Keep", "Rule", "judge"]

Keep = Literal["best", "all", "first"]
KEEPS: tuple[Keep, ...] = get_args(Keep)

# In the place of a code, for an answer that was read and is not right enough.
BELOW = "below_threshold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is kept.

    Attributes:
        thresholds: The least accuracy by task, of the task's maximum.
        keep: Of the answers that pass, the ``best``, the ``first`` or ``all``. The best is the most accurate one,
            among equals the shortest, among these the first. Of equal texts one is kept.
    """

    thresholds: Mapping[str, float]
    keep: Keep = "best"


@dataclass(frozen=True, slots=True)
class Judged:
    """A row with what its answers earned.

    Attributes:
        candidate: The row.
        rewards: For each answer the row of `RewardBatch.to_rows`.
        codes: For each answer why it does not pass: its failure, its format fault or ``below_threshold``; None where
            it does.
        kept: Positions of the answers that are kept, in ascending order.
    """

    candidate: Candidate
    rewards: list[dict[str, Any]]
    codes: list[str | None]
    kept: list[int]


def judge(candidates: Sequence[Candidate], scorer: Scorer, rule: Rule) -> list[Judged]:
    """Score all answers of all rows at once, and say which are kept.

    Args:
        candidates: Rows, whose references are known to be readable.
        scorer: Scores the answers.
        rule: What is kept.
    """
    counts = [len(one.responses) for one in candidates]
    each = [one for one, count in zip(candidates, counts, strict=True) for _ in range(count)]
    batch = scorer.score(
        [response for one in candidates for response in one.responses],
        [one.reference for one in each],
        [one.task for one in each],
        options=[one.options for one in each],
        on_bad_reference="skip",
    )
    rewards = batch.to_rows()
    ends = accumulate(counts)
    return [
        _judged(one, rewards[end - count : end], rule) for one, count, end in zip(candidates, counts, ends, strict=True)
    ]


def _judged(candidate: Candidate, rewards: list[dict[str, Any]], rule: Rule) -> Judged:
    codes = [_code(row, rule.thresholds[candidate.task]) for row in rewards]
    return Judged(candidate, rewards, codes, _kept(candidate.responses, rewards, codes, rule.keep))


def _code(row: Mapping[str, Any], least: float) -> str | None:
    # There is no accuracy where there is no number, and that has its failure.
    code = row["failure"] or row["format_fault"]
    return code or (BELOW if row["normalized"] < least else None)


def _kept(
    responses: Sequence[str], rewards: Sequence[Mapping[str, Any]], codes: Sequence[str | None], keep: Keep
) -> list[int]:
    passing = [place for place, code in enumerate(codes) if code is None]
    if keep == "all":
        # From the back, so that the first of equal texts stays.
        return sorted({responses[place]: place for place in reversed(passing)}.values())
    if keep == "best":
        passing.sort(key=lambda place: (-rewards[place]["normalized"], len(responses[place])))
    return passing[:1]
