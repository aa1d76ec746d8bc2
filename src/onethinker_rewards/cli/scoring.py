"""From rows to what is written for them: the part of ``score`` that any process can do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from onethinker_rewards.cli.rows import Broken, Row
from onethinker_rewards.cli.samples import SCORED_COLUMNS, Sample, sample_of, usable
from onethinker_rewards.cli.tallies import Tally, tally_of
from onethinker_rewards.cli.work import Done, Result, Work, done_of, lines_of_results
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import BadReferenceError
from onethinker_rewards.rewards import RewardBatch, Scorer

__all__ = ["MEANS", "ScoreJob", "add_to_tallies", "score_samples"]

# The rewards whose means are shown.
MEANS = ("total", "accuracy", "format")


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """Scores work; it can be pickled.

    Attributes:
        recipe: Name of the recipe.
        parquet: Whether rows are written as Arrow tables, not as JSON Lines.
        alone: Whether mathematics may use all cores; else there are processes like this one beside it.
    """

    recipe: str
    parquet: bool = False
    alone: bool = True

    def __call__(self, work: Work) -> Done:
        """Score the rows of a work and encode them with their columns."""
        tallies: dict[str, Tally] = {}
        scorer = _scorer(self.recipe, None if self.alone else 1)
        rows = work.rows(SCORED_COLUMNS if self.parquet else None)
        results = list(_score_rows(rows, scorer, tallies))
        return done_of(work, results, tallies, (_frame if self.parquet else _lines)(work, rows, results))


def score_samples(samples: list[Sample], scorer: Scorer) -> tuple[RewardBatch, dict[int, str]]:
    """Score samples; return also what is wrong with unreadable references, by position."""
    batch = _score(samples, scorer, skip=True)
    bad = [row for row, code in enumerate(batch.failure) if code is FailureCode.BAD_REFERENCE]
    if not bad:
        return batch, {}
    reasons = dict.fromkeys(bad, "unreadable reference")
    try:
        # Only an error says what is wrong, so these few are scored once more.
        _score([samples[row] for row in bad], scorer, skip=False)
    except BadReferenceError as error:
        for place, why in zip(error.rows, error.reasons, strict=True):
            reasons[bad[place]] = f"unreadable reference: {why}"
    return batch, reasons


def add_to_tallies(tallies: dict[str, Tally], row: dict[str, Any]) -> None:
    """Count one row of rewards in its task."""
    numbers = {name: row[name] for name in MEANS}
    tally_of(tallies, row["task"]).add(numbers, row["failure"] or row["format_fault"])


@cache
def _scorer(recipe: str, workers: int | None) -> Scorer:
    # Held as long as the process: its own processes, for mathematics, start once.
    return Scorer(recipe, workers=workers)


def _score(samples: list[Sample], scorer: Scorer, *, skip: bool) -> RewardBatch:
    return scorer.score(
        [sample.response for sample in samples],
        [sample.reference for sample in samples],
        [sample.task for sample in samples],
        options=[sample.options for sample in samples],
        on_bad_reference="skip" if skip else "raise",
    )


def _score_rows(rows: list[Row | Broken], scorer: Scorer, tallies: dict[str, Tally]) -> Iterator[Result]:
    read = [usable(row, sample_of) for row in rows]
    samples = [one for one in read if isinstance(one, Sample)]
    batch, reasons = score_samples(samples, scorer)
    rewards = iter(enumerate(batch.to_rows()))
    for one in read:
        if isinstance(one, Broken):
            yield one
            continue
        place, row = next(rewards)
        if place in reasons:
            yield Broken(one.row.number, reasons[place])
        else:
            add_to_tallies(tallies, row)
            yield row


def _lines(_: Work, rows: list[Row | Broken], results: list[Result]) -> bytes:
    return lines_of_results(
        row.columns | result if isinstance(row, Row) and not isinstance(result, Broken) else result
        for row, result in zip(rows, results, strict=True)
    )


def _frame(work: Work, rows: list[Row | Broken], results: list[Result]) -> bytes:
    from onethinker_rewards.cli.arrow import table_of_batch, table_of_rows  # noqa: PLC0415 - needs pyarrow
    from onethinker_rewards.cli.parquet import Table, frame_of  # noqa: PLC0415

    table = table_of_batch(work.batch, results) if isinstance(work, Table) else table_of_rows(rows, results)
    return frame_of(table)
