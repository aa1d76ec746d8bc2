"""Judges made of judges: a weighted mean of several, and scores within a group."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, cast

import anyio.to_thread

from onethinker_rewards import metrics
from onethinker_rewards.errors import ArgumentError, JudgeError
from onethinker_rewards.judges.concurrency import all_of
from onethinker_rewards.tasks.judging import JudgeRow, RowJudge, Verdict

_ROUGE = "rouge"


class _Combined:
    """What judges made of judges share."""

    def __init__(self, judges: Sequence[RowJudge]) -> None:
        self._judges = judges

    async def aclose(self) -> None:
        """Close the judges."""
        for judge in self._judges:
            if hasattr(judge, "aclose"):
                await cast("Any", judge).aclose()

    def log_items(self, prefix: str = "judge") -> dict[str, float]:
        """Return the counts of the judges; those of several are numbered from 0."""
        items: dict[str, float] = {}
        for number, judge in enumerate(self._judges):
            if hasattr(judge, "log_items"):
                name = prefix if len(self._judges) == 1 else f"{prefix}/{number}"
                items |= cast("Any", judge).log_items(name)
        return items


class Blend(_Combined):
    """The weighted mean of judges, and of ROUGE, which needs no model.

    ::

        score = Σ weight · score / Σ weight

    If any of them gives no score, neither does the blend: a mean of the others would be another reward.

    Args:
        weights: From a judge, or the word ``rouge`` (`metrics.rouge_reward`), to its weight, above 0.

    Raises:
        ArgumentError: If there is no judge, a weight is not above 0, or a judge's scores are raw.
    """

    def __init__(self, weights: Mapping[RowJudge | Literal["rouge"], float]) -> None:
        super().__init__([judge for judge in weights if not isinstance(judge, str)])
        words = [judge for judge in weights if isinstance(judge, str)]
        if words not in ([], [_ROUGE]) or not self._judges:
            raise ArgumentError(f"a blend has judges, and perhaps 'rouge', not {[*weights]}")
        if not all(0 < weight < float("inf") for weight in weights.values()):
            raise ArgumentError(f"weights: above 0, not {[*weights.values()]}")
        if any(getattr(judge, "is_raw", False) for judge in self._judges):
            raise ArgumentError("a judge whose scores are raw cannot be blended with others: leave out raw=True")
        self._weights = dict(weights)

    def __repr__(self) -> str:
        return f"Blend({self._weights})"

    async def judge(self, row: JudgeRow) -> Verdict:
        """Return the weighted mean, or the first verdict without a score."""
        works = [partial(judge.judge, row) for judge in self._judges]
        # A judge gives a code as a verdict; it raises for other things, which go on to the caller.
        verdicts = iter(cast("list[Verdict]", await all_of(works)))
        total, reasons = 0.0, list[str]()
        for judge, weight in self._weights.items():
            if isinstance(judge, str):
                rouge = await anyio.to_thread.run_sync(metrics.rouge_reward, [row.answer], [row.reference])
                score, reason = rouge.item(), f"ROUGE {rouge.item():.3f}"
            else:
                verdict = next(verdicts)
                if verdict.score is None:
                    return verdict
                score, reason = verdict.score, verdict.reason
            total += weight * score
            reasons.append(reason)
        return Verdict(score=total / sum(self._weights.values()), reason=" | ".join(reasons))


class GroupedJudge(_Combined):
    """The released code's scores within a group; see `grouped`."""

    def __init__(self, judge: RowJudge) -> None:
        super().__init__([judge])

    def __repr__(self) -> str:
        return f"grouped({self._judges[0]})"

    async def judge(self, row: JudgeRow) -> Verdict:
        """Return the verdict on a row that is alone in its group: 1, or a code."""
        (verdict,) = await self.judge_all([row])
        return verdict

    async def judge_all(self, rows: Sequence[JudgeRow]) -> list[Verdict]:
        """Return the verdicts on rows, each scaled within its group.

        Args:
            rows: With their groups.

        Raises:
            JudgeError: If a row has no group.
        """
        if any(row.group is None for row in rows):
            raise JudgeError("grouped() needs each row's group: give the ids of the prompts as groups")
        (judge,) = self._judges
        verdicts = cast("list[Verdict]", await all_of([partial(judge.judge, row) for row in rows]))
        members: dict[Hashable, list[float]] = {}
        for row, verdict in zip(rows, verdicts, strict=True):
            if verdict.score is not None:
                members.setdefault(row.group, []).append(verdict.score)
        return [
            verdict if verdict.score is None else _within(members[row.group], verdict)
            for row, verdict in zip(rows, verdicts, strict=True)
        ]


def _within(scores: Sequence[float], verdict: Verdict) -> Verdict:
    lowest, highest = min(scores), max(scores)
    # As in the released code: a group whose scores are equal is all right, and so is a group of one.
    score = 1.0 if highest == lowest else ((verdict.score or 0.0) - lowest) / (highest - lowest)
    return Verdict(score=score, reason=verdict.reason)


def grouped(judge: RowJudge) -> GroupedJudge:
    """Return a judge that scales scores to [0, 1] within each group of a batch, as the released code does.

    ::

        score = (s − min of the group) / (max of the group − min of the group);  1 where max = min

    It is there to compare runs with the release, which takes the z-score first, to the same effect. It is a poor
    reward: the best of a bad group gets 1 and the worst of a good group 0; a group of one gets 1 whatever it says, and
    so does a group in which only one row could be judged; the score of a row depends on the batch it is in.

    Differs: rows that could not be judged keep their code and stay out of the group's ends; the release gives a whole
    batch ROUGE then and scales both kinds of numbers together.
    Differs: equal scores give 1 always; in the release rounding makes them all 1 or all 0.

    Args:
        judge: Best with ``raw=True``; a mapping to [0, 1] bends the distances.
    """
    return GroupedJudge(judge)
