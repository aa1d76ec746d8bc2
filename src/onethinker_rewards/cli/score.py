"""``score``: rewards of the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import click
from rich.console import Console

from onethinker_rewards.cli.judging import check_judge, counts_text, judge_options, load_judge
from onethinker_rewards.cli.messages import STANDARD, UNREADABLE, counted
from onethinker_rewards.cli.options import (
    choice_option,
    dialect_options,
    recipe_option,
    resume_option,
    row_options,
    workers_option,
)  # fmt: skip
from onethinker_rewards.cli.outputs import MAIN, ChunkResult, Output, Target, file_format, open_lines, open_spool
from onethinker_rewards.cli.pipeline import engine_of, run
from onethinker_rewards.cli.rows import InvalidRow, Row, encode_row
from onethinker_rewards.cli.samples import RowReader, Sample, check_size, load_recipe
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.summary import Column, Summary, summary_table
from onethinker_rewards.cli.table_reader import Chunk, Table, open_table
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import ArgumentError, BadReferenceError
from onethinker_rewards.rewards import RewardBatch, Scorer
from onethinker_rewards.rewards.judging import counts_of
from onethinker_rewards.rewards.scale import BatchWarning

_MEANS = ("total", "accuracy", "format")
COLUMNS = tuple(Column(name, name) for name in _MEANS)


@click.command
@click.argument("file")
@recipe_option("paper, lenient, release (equals OneThinker's published code), or your own module:RECIPE.")
@dialect_options
@click.option("--out", default=STANDARD, metavar="FILE", help="Output file; standard output by default.")
@row_options
@workers_option
@resume_option
@judge_options
@choice_option("--engine", ["local", "ray"], "ray uses Ray Data, on one machine or many.")
def score(
    file: str, recipe: str, dialect: str | None, reference_dialect: str | None, out: str, reader: RowReader,
    workers: int | None, engine: str, judge: str | None, *, resume: bool,
) -> None:  # fmt: skip
    """Score the rows of FILE (`-` is standard input): JSON Lines, a JSON array, CSV or Parquet.

    A row needs `response`, `reference` and `task`, or columns with other common names, such as `output`, `solution` and
    `problem_type`; --column maps any others. Optional columns are `references`, of which the best counts, `options`,
    the options' texts of a multiple-choice question, and, for a dialect in pixels, `size`, or `width` and `height`, of
    the image in pixels.
    In CSV an empty cell is a missing value, but an empty response is an empty text, which earns 0.

    Open-ended answers get ROUGE, or with --judge the score of a model behind a server, which also gets the `question`.
    A row whose judge failed has no total; `rejudge` scores it again.

    Each row is written with its columns and its rewards; a row that cannot be scored is written as
    {"row": number, "error": reason}. A summary by task goes to standard error. If the name of --out ends in .parquet or
    .csv, the output has that format.

    Example: onethinker-rewards score answers.jsonl --column response=output --out scored.jsonl

    Exit code: 0, or 2 if some input could not be read.
    """
    screen = console(stderr=True)
    written = file_format(out)
    load_recipe(recipe, dialect, reference_dialect)
    job = ScoreJob(
        recipe,
        reader,
        arrow=written != "jsonl",
        dialect=dialect,
        reference_dialect=reference_dialect,
        judge=judge,
    )
    if judge is not None:
        check_judge(judge)
    responses = reader.names("response")
    # Several processes must not each take all cores for mathematics.
    alone = replace(job, workers=1)
    if engine == "ray":
        from onethinker_rewards.cli.ray_engine import ray_engine  # noqa: PLC0415 - needs Ray

        chosen = ray_engine(alone, workers, responses)
    else:
        chosen = engine_of(job if workers in (None, 1) else alone, workers)
    with open_table(file, responses=responses) as table, open_scored(job, out, table, resume=resume) as output:
        summary = run(table, output, chosen, screen)
    show_summary(screen, summary, recipe, reader)
    raise click.exceptions.Exit(UNREADABLE if summary.invalid else 0)


def open_scored(job: ScoreJob, out: str, table: Table, *, resume: bool) -> AbstractContextManager[Output]:
    """Open the output of scored rows."""
    if job.arrow:
        return open_spool({MAIN: Target(out, file_format(out))}, table.raw, job, resume=resume)
    return open_lines(out, table.raw, resume=resume, recount=_recount)


def show_summary(screen: Console, summary: Summary, recipe: str, reader: RowReader) -> None:
    """Print what became of the rows: counts, a line a task, warnings, what a judge did."""
    title = f"{counted(summary.rows - summary.invalid, 'row')} scored, recipe {recipe}"
    screen.print(title + (f"; {summary.invalid:,} could not be scored" if summary.invalid else ""))
    if summary.tallies:
        screen.print(summary_table(summary.tallies, list(reader.tasks()), COLUMNS))
    for text in summary.warnings.values():
        screen.print(f"warning: {text}", markup=False, soft_wrap=True)
    if any(summary.counts.values()):
        screen.print(counts_text(summary.counts), soft_wrap=True)


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """Scores chunks and encodes their rows as JSON Lines or Arrow; ``workers`` are the processes for mathematics."""

    recipe: str
    reader: RowReader
    arrow: bool = False
    workers: int | None = None
    dialect: str | None = None
    reference_dialect: str | None = None
    judge: str | None = None

    def __call__(self, chunk: Chunk) -> ChunkResult:
        """Score the rows of a chunk and encode them with their columns."""
        rows = chunk.rows()
        done = ChunkResult(Summary(len(rows)))
        before = counts_of(scorer_of(self).judge)
        results, found = self.score_rows(rows)
        after = counts_of(scorer_of(self).judge)
        done.summary.counts = {name: count - before.get(name, 0.0) for name, count in after.items()}
        done.summary.warnings = {f"{task}/{kind}": text for task, kind, text in found}
        for result in results:
            if isinstance(result, InvalidRow):
                done.reject(result)
            else:
                add_reward(done.summary, result[1])
        if self.arrow:
            from onethinker_rewards.cli import arrow  # noqa: PLC0415 - needs pyarrow

            if rows:
                table = arrow.scored_table(results, chunk.batch)
            else:
                table = arrow.empty_scored_table(chunk.names, self.reward_names(), chunk.batch)
            done.write(MAIN, arrow.table_to_bytes(table))
        else:
            for result in results:
                columns = result.columns() if isinstance(result, InvalidRow) else result[0].columns | result[1]
                done.write(MAIN, encode_row(columns))
        return done

    def score_rows(
        self, rows: Sequence[Row | InvalidRow]
    ) -> tuple[list[tuple[Row, dict[str, Any]] | InvalidRow], list[BatchWarning]]:
        """Return each row with its rewards, or why it has none, and the warnings about all of them."""
        read = [self._read(row) for row in rows]
        samples = [sample for sample in read if isinstance(sample, Sample)]
        batch, reasons = score_samples(samples, scorer_of(self))
        scored = [
            InvalidRow(sample.row.number, f"unreadable reference: {reasons[index]}")
            if index in reasons
            else (sample.row, rewards)
            for index, (sample, rewards) in enumerate(zip(samples, batch.to_rows(), strict=True))
        ]
        in_order = iter(scored)
        results = [sample if isinstance(sample, InvalidRow) else next(in_order) for sample in read]
        return results, batch.find_warnings()

    def _read(self, row: Row | InvalidRow) -> Sample | InvalidRow:
        sample = self.reader.read(row)
        if isinstance(sample, Sample):
            try:
                check_size(sample, scorer_of(self).recipe, self.reader.tasks())
            except ArgumentError as error:
                return InvalidRow(sample.row.number, str(error))
        return sample

    def reward_names(self) -> list[str]:
        """Return the columns of rewards, which are the same for every row."""
        task, spec = next(iter(self.reader.tasks().items()))
        return list(scorer_of(self).score([""], [spec.example], [task], on_bad_reference="skip").to_rows()[0])


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


def _score_all(samples: Sequence[Sample], scorer: Scorer, *, skip: bool) -> RewardBatch:
    return scorer.score(
        [sample.response for sample in samples],
        [sample.reference for sample in samples],
        [sample.task for sample in samples],
        options=[sample.options for sample in samples],
        sizes=[sample.size for sample in samples],
        questions=[sample.question for sample in samples],
        images=[sample.image for sample in samples],
        on_bad_reference="skip" if skip else "raise",
    )


def add_reward(summary: Summary, row: dict[str, Any]) -> None:
    """Add one row of rewards to the sums of its task."""
    summary.add(row["task"], {name: row[name] or 0.0 for name in _MEANS}, row["failure"] or row["format_fault"])


def _recount(row: Row, summary: Summary) -> None:
    """Add a row that an earlier run has written; raises KeyError or TypeError if it is of another command."""
    reward = {name: row.columns[name] for name in ("task", *_MEANS, "failure", "format_fault")}
    for name, value in reward.items():
        kinds = float | int | None if name in _MEANS else str if name == "task" else str | None
        if not isinstance(value, kinds):
            raise TypeError(name)
    add_reward(summary, reward)


@cache
def scorer_of(job: ScoreJob) -> Scorer:
    """Return the scorer of a job, held as long as the process: its own processes, for mathematics, start once."""
    recipe = load_recipe(job.recipe, job.dialect, job.reference_dialect)
    judge = None if job.judge is None else load_judge(job.judge)
    return Scorer(recipe, job.reader.tasks(), judge, workers=job.workers)
