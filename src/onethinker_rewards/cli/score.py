"""``score``: rewards of the rows of a table."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import click

import onethinker_rewards
from onethinker_rewards.cli.messages import STANDARD, UNREADABLE, counted
from onethinker_rewards.cli.outputs import MAIN, ChunkResult, Output, Target, file_format, open_lines, open_spool
from onethinker_rewards.cli.pipeline import Engine, engine_of, run
from onethinker_rewards.cli.rows import InvalidRow, Row, encode_rows
from onethinker_rewards.cli.samples import RowReader, Sample, row_options
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.summary import Column, Summary, summary_table
from onethinker_rewards.cli.table_reader import ArrowChunk, Chunk, TableReader, open_table
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import BadReferenceError
from onethinker_rewards.rewards import RECIPES, RewardBatch, Scorer

__all__ = ["COLUMNS", "ScoreJob", "add_reward", "score", "score_samples"]

_MEANS = ("total", "accuracy", "format")
COLUMNS = tuple(Column(name, name) for name in _MEANS)


@click.command(short_help="Score the rows of a file.")
@click.argument("file")
@click.option(
    "--recipe",
    type=click.Choice(list(RECIPES)),
    default="paper",
    show_default=True,
    help="paper follows the equations, release equals the released code.",
)
@click.option("--out", default=STANDARD, metavar="FILE", help="Write rows there, not to standard output.")
@row_options
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Score in N processes.")
@click.option("--resume", is_flag=True, help="Go on where a run of the same command ended early.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="ray scores on Ray Data, on one machine or many.",
)
@click.pass_context
def score(
    ctx: click.Context,
    file: str,
    recipe: str,
    out: str,
    reader: RowReader,
    workers: int | None,
    engine: str,
    *,
    resume: bool,
) -> None:
    """Score the rows of FILE (`-` is standard input): JSON Lines, a JSON array, CSV or Parquet.

    A row needs `response`, `reference` and `task`, or columns that go by other usual names, such as `output`,
    `solution` and `problem_type`; --column names others. `options` lists the texts of a multiple-choice question.

    Each row is written with its columns and its rewards; a row that cannot be scored is written as
    {"row": number, "error": why}. A summary by task goes to standard error. A name of --out that ends in .parquet or
    .csv asks for that format.

    Example: onethinker-rewards score answers.jsonl --column response=output --out scored.jsonl

    Exit code: 0, or 2 if some input could not be read.
    """
    screen = console(stderr=True)
    job = ScoreJob(recipe, reader, arrow=file_format(out) != "jsonl")
    chosen = _engine(engine, job, workers)
    with open_table(file) as table, _open_output(out, table, job, resume=resume) as output:
        summary = run(table, output, chosen, screen)
    scored = summary.rows - summary.invalid
    title = f"{counted(scored, 'row')} scored, recipe {recipe}"
    screen.print(title + (f"; {summary.invalid:,} could not be scored" if summary.invalid else ""))
    if summary.tallies:
        screen.print(summary_table(summary.tallies, list(reader.tasks()), COLUMNS))
    ctx.exit(UNREADABLE if summary.invalid else 0)


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """Scores chunks; it can be pickled.

    Attributes:
        recipe: The name of the recipe.
        reader: Takes what is scored of a row.
        arrow: Whether rows are written as Arrow tables, not as JSON Lines.
        workers: Processes for mathematics; 1 where there are several processes like this one.
    """

    recipe: str
    reader: RowReader
    arrow: bool = False
    workers: int | None = None

    def __call__(self, chunk: Chunk) -> ChunkResult:
        """Score the rows of a chunk and encode them with their columns."""
        rows = chunk.rows()
        summary = Summary(len(rows))
        results = self._score(rows, summary)
        invalid = [result for result in results if isinstance(result, InvalidRow)]
        summary.invalid = len(invalid)
        if self.arrow:
            from onethinker_rewards.cli.arrow import scored_table, table_to_bytes  # noqa: PLC0415 - needs pyarrow

            batch = chunk.batch if isinstance(chunk, ArrowChunk) else None
            written = table_to_bytes(scored_table(rows, results, batch))
        else:
            written = encode_rows(
                result.columns() if isinstance(result, InvalidRow) else {**_columns(row), **result}
                for row, result in zip(rows, results, strict=True)
            )
        return ChunkResult(summary, invalid, {MAIN: written})

    def _score(self, rows: Sequence[Row | InvalidRow], summary: Summary) -> list[dict[str, Any] | InvalidRow]:
        read = [self.reader.read(row) for row in rows]
        samples = [sample for sample in read if isinstance(sample, Sample)]
        batch, reasons = score_samples(samples, _scorer(self))
        rewards = iter(enumerate(batch.to_rows()))
        results: list[dict[str, Any] | InvalidRow] = []
        for sample in read:
            if isinstance(sample, InvalidRow):
                results.append(sample)
                continue
            index, row = next(rewards)
            if index in reasons:
                results.append(InvalidRow(sample.row.number, f"unreadable reference: {reasons[index]}"))
            else:
                add_reward(summary, row)
                results.append(row)
        return results


def score_samples(samples: Sequence[Sample], scorer: Scorer) -> tuple[RewardBatch, dict[int, str]]:
    """Score samples; return also what is wrong with unreadable references, by index."""
    batch = _score_all(samples, scorer, skip=True)
    bad = [index for index, code in enumerate(batch.failure) if code is FailureCode.BAD_REFERENCE]
    if not bad:
        return batch, {}
    try:
        # Only an error says what is wrong, so these few are scored once more.
        _score_all([samples[index] for index in bad], scorer, skip=False)
    except BadReferenceError as error:
        return batch, {bad[row]: reason for row, reason in zip(error.rows, error.reasons, strict=True)}
    return batch, {}


def add_reward(summary: Summary, row: dict[str, Any]) -> None:
    """Add one row of rewards to the sums of its task."""
    numbers = {name: row[name] or 0.0 for name in _MEANS}
    summary.of(row["task"]).add(numbers, row["failure"] or row["format_fault"])


@cache
def _scorer(job: ScoreJob) -> Scorer:
    # Held as long as the process: its own processes, for mathematics, start once.
    return Scorer(job.recipe, job.reader.tasks(), workers=job.workers)


def _score_all(samples: Sequence[Sample], scorer: Scorer, *, skip: bool) -> RewardBatch:
    return scorer.score(
        [sample.response for sample in samples],
        [sample.reference for sample in samples],
        [sample.task for sample in samples],
        options=[sample.options for sample in samples],
        on_bad_reference="skip" if skip else "raise",
    )


def _columns(row: Row | InvalidRow) -> dict[str, object]:
    return row.columns if isinstance(row, Row) else {}


@contextmanager
def _open_output(out: str, table: TableReader, job: ScoreJob, *, resume: bool) -> Generator[Output]:
    if not job.arrow:
        with open_lines(out, table.file, resume=resume, recount=_recount) as output:
            yield output
        return
    options = {"recipe": job.recipe, "reader": repr(job.reader), "version": onethinker_rewards.__version__}
    with open_spool({MAIN: Target(out, file_format(out))}, table.file, options, resume=resume) as output:
        yield output


def _recount(row: Row, summary: Summary) -> None:
    columns = row.columns
    reward = {name: columns[name] for name in ("task", *_MEANS, "failure", "format_fault")}
    for name, value in reward.items():
        kinds = float | int | None if name in _MEANS else str if name == "task" else str | None
        if not isinstance(value, kinds):
            raise TypeError(name)
    add_reward(summary, reward)


def _engine(name: str, job: ScoreJob, workers: int | None) -> Engine:
    # Several processes must not each take all cores for mathematics.
    alone = replace(job, workers=1)
    if name == "ray":
        from onethinker_rewards.cli.ray_engine import ray_engine  # noqa: PLC0415 - needs Ray

        return ray_engine(alone, workers)
    return engine_of(job if workers in (None, 1) else alone, workers)
