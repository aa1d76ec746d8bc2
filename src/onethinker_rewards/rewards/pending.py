"""The last step of scoring: the judge's verdicts, totals, penalties."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from onethinker_rewards.answers import Integers
from onethinker_rewards.codes import FailureCode, FaultDetail, shortened
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.rewards.penalties import Responses
from onethinker_rewards.rewards.recipe import Recipe
from onethinker_rewards.rewards.result import RewardBatch
from onethinker_rewards.tasks import JudgeRow, Verdict


@dataclass(frozen=True, slots=True)
class PendingBatch:
    """Scored rows, but for what a judge says of some.

    A row with several references (`AnyOf`) has an entry for each of them, and every other row has one.

    Attributes:
        recipe: The recipe.
        responses: ``[N]`` all that the model wrote.
        tokens: ``[N]`` token ids or their numbers, or None.
        maxima: The largest accuracy by task, None where there is none.
        entries: ``[M]`` what is known of each entry, without totals.
        row_of: ``[M]`` the row of each entry, ascending from 0 to N - 1.
        bad: What is wrong with references, by entry.
        to_judge: What a judge is to be asked, by entry.
        is_raw: Whether the judge's scores are any numbers.
    """

    recipe: Recipe
    responses: Sequence[str]
    tokens: Sequence[Any] | None
    maxima: Mapping[str, float | None]
    entries: RewardBatch
    row_of: Integers
    bad: dict[int, str]
    to_judge: dict[int, JudgeRow]
    is_raw: bool

    def judged_rows(self) -> list[int]:
        """Return the rows that wait for a judge."""
        return sorted({int(self.row_of[entry]) for entry in self.to_judge})

    def bad_by_row(self) -> dict[int, str]:
        """Return what is wrong with the references of each row, and with which of them where it has several."""
        first, counts = np.unique(self.row_of, return_index=True, return_counts=True)[1:]
        reasons: dict[int, list[str]] = {}
        for entry in sorted(self.bad):
            row = int(self.row_of[entry])
            number = f"reference {entry - first[row] + 1} of {counts[row]}: " if counts[row] > 1 else ""
            reasons.setdefault(row, []).append(number + self.bad[entry])
        return {row: "; ".join(of_row) for row, of_row in reasons.items()}

    def take(self, rows: Sequence[int]) -> PendingBatch:
        """Return these rows alone; they have to be in ascending order."""
        chosen = np.flatnonzero(np.isin(self.row_of, rows))
        entries = {int(entry): index for index, entry in enumerate(chosen)}
        return replace(
            self,
            responses=[self.responses[row] for row in rows],
            tokens=None if self.tokens is None else [self.tokens[row] for row in rows],
            entries=self.entries.take(chosen),
            row_of=np.searchsorted(rows, self.row_of[chosen]),
            bad={entries[entry]: reason for entry, reason in self.bad.items() if entry in entries},
            to_judge={entries[entry]: asked for entry, asked in self.to_judge.items() if entry in entries},
        )

    def finish(self, verdicts: Iterable[Verdict] = ()) -> RewardBatch:
        """Return the rewards, with a verdict on each entry that was to be judged, in the order of ``to_judge``."""
        for entry, verdict in zip(self.to_judge, verdicts, strict=True):
            self._write_verdict(entry, verdict)
        _add_up(self.entries, self.recipe, self.bad)
        batch = self.entries if len(self.entries) == len(self.responses) else self.entries.take(self._best_entries())
        if self.recipe.penalties:
            _add_penalties(
                batch, self.recipe, Responses(texts=self.responses, tokens=self.tokens, normalized=batch.normalized)
            )
        return batch

    def _write_verdict(self, entry: int, verdict: Verdict) -> None:
        score, entries = math.nan if verdict.score is None else verdict.score, self.entries
        maximum = None if self.is_raw else self.maxima[entries.tasks[entry]]
        entries.accuracy[entry] = entries.part("judge")[entry] = score
        entries.normalized[entry] = score / (math.nan if maximum is None else maximum)
        if verdict.code is not None:
            entries.failure[entry] = verdict.code
            entries.faults[entry] = FaultDetail("", shortened(verdict.reason), "a score from the judge")

    def _best_entries(self) -> Integers:
        # A number is better than none, and a judge's failure better than a reference that could not be read.
        worth = self.entries.accuracy.copy()
        worth[np.isnan(worth)] = np.finfo(np.float64).min
        worth[[*self.bad]] = -np.inf
        # By row, then the best, then the first.
        order = np.lexsort((np.arange(len(worth)), -worth, self.row_of))
        return order[np.searchsorted(self.row_of, np.arange(len(self.responses)))]


def _add_up(batch: RewardBatch, recipe: Recipe, bad: Mapping[int, str]) -> None:
    """Write format, structure and total."""
    batch.format[:] = [fault is None for fault in batch.format_fault]
    batch.structure[batch.format == 0.0] = 0.0
    for row, reason in bad.items():
        batch.failure[row] = FailureCode.BAD_REFERENCE
        batch.faults[row] = FaultDetail("reference", reason, "a reference that can be read")
    without_number = [*bad]
    for values in (batch.accuracy, batch.normalized, *batch.parts.values()):
        values[without_number] = np.nan
    accuracy = batch.normalized if recipe.accuracy == "normalized" else batch.accuracy
    batch.total[:] = recipe.accuracy_weight * accuracy + recipe.format_weight * batch.format + batch.structure


def _add_penalties(batch: RewardBatch, recipe: Recipe, responses: Responses) -> None:
    """Add each penalty to the totals, as a part and, where it lowers the total, as a code."""
    for penalty in recipe.penalties:
        if penalty.code in batch.parts:
            raise ArgumentError(f"penalties: a task has a part that is called {penalty.code} too")
        values = np.where(np.isnan(batch.total), np.nan, penalty.values(responses))
        batch.part(str(penalty.code))[:] = values
        batch.total[:] += values
        for row in np.flatnonzero(values < 0.0).tolist():
            batch.penalties[row] += (penalty.code,)
