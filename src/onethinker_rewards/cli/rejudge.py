"""``rejudge``: the rows of a scored file whose judge failed, once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from onethinker_rewards.cli.judging import check_judge, judge_options
from onethinker_rewards.cli.messages import STANDARD, UNREADABLE
from onethinker_rewards.cli.options import dialect_options, recipe_option, resume_option, row_options
from onethinker_rewards.cli.outputs import file_format
from onethinker_rewards.cli.pipeline import engine_of, run
from onethinker_rewards.cli.rows import InvalidRow, Row
from onethinker_rewards.cli.samples import RowReader, load_recipe
from onethinker_rewards.cli.score import ScoreJob, open_scored, show_summary
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.table_reader import open_table
from onethinker_rewards.rewards.scale import BatchWarning

_FAILED = "judge_"


@click.command
@click.argument("file")
@recipe_option("Recipe with which FILE was scored.")
@dialect_options
@click.option("--out", default=STANDARD, metavar="FILE", help="Output file for all rows; standard output by default.")
@row_options
@judge_options
@resume_option
def rejudge(
    file: str, recipe: str, dialect: str | None, reference_dialect: str | None, out: str, reader: RowReader,
    judge: str | None, *, resume: bool,
) -> None:  # fmt: skip
    """Score the rows of FILE again whose failure begins with `judge_`; all others are written unchanged.

    FILE is an output of `score`, with the original columns. Give the judge and the recipe with which it was scored.

    Example: onethinker-rewards rejudge scored.jsonl --out all.jsonl --judge http://localhost:8000/v1 --judge-model m

    Exit code: 0, or 2 if some input could not be read.
    """
    if judge is None:
        raise click.UsageError("Missing option '--judge'.")
    screen = console(stderr=True)
    load_recipe(recipe, dialect, reference_dialect)
    check_judge(judge)
    arrow = file_format(out) != "jsonl"
    job = RejudgeJob(recipe, reader, arrow, None, dialect, reference_dialect, judge)
    with (
        open_table(file, responses=reader.names("response")) as table,
        open_scored(job, out, table, resume=resume) as output,
    ):
        summary = run(table, output, engine_of(job), screen)
    show_summary(screen, summary, recipe, reader)
    raise click.exceptions.Exit(UNREADABLE if summary.invalid else 0)


@dataclass(frozen=True, slots=True)
class RejudgeJob(ScoreJob):
    """Scores rows that a judge failed, and leaves the others as they are."""

    def score_rows(
        self, rows: Sequence[Row | InvalidRow]
    ) -> tuple[list[tuple[Row, dict[str, Any]] | InvalidRow], list[BatchWarning]]:
        """Return each row with its rewards, old or new, or why it has none."""
        failed = [row for row in rows if _failure(row).startswith(_FAILED)]
        results, found = ScoreJob.score_rows(self, failed)
        again = iter(results)
        names = self.reward_names()
        return [next(again) if _failure(row).startswith(_FAILED) else _as_it_is(row, names) for row in rows], found


def _failure(row: Row | InvalidRow) -> str:
    failure = "" if isinstance(row, InvalidRow) else row.columns.get("failure")
    return failure if isinstance(failure, str) else ""


def _as_it_is(row: Row | InvalidRow, names: Sequence[str]) -> tuple[Row, dict[str, Any]] | InvalidRow:
    if isinstance(row, InvalidRow) or "error" in row.columns:
        # An earlier run could not score it either.
        return row if isinstance(row, InvalidRow) else InvalidRow(row.number, str(row.columns["error"]))
    if not {"failure", "total", "task"} <= row.columns.keys():
        return InvalidRow(row.number, "no columns failure, total and task: FILE has to be what score wrote")
    return row, {name: row.columns.get(name) for name in names}
