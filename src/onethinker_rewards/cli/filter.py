"""``filter``: of several answers to each row those that are worth fine-tuning on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, cast

import click

from onethinker_rewards.cli.messages import STANDARD, UNREADABLE, CliError, counted
from onethinker_rewards.cli.options import (
    bad_option,
    choice_option,
    dialect_options,
    file_option,
    recipe_option,
    resume_option,
    row_options,
)  # fmt: skip
from onethinker_rewards.cli.outputs import MAIN, ChunkResult, Target, file_format, open_spool
from onethinker_rewards.cli.pipeline import engine_of, run
from onethinker_rewards.cli.prepare import (
    BAD,
    BadRow,
    add_bad_row,
    bad_path,
    check_packages,
    media_root_of,
    say_bad_rows,
)  # fmt: skip
from onethinker_rewards.cli.rows import InvalidRow, Row, encode_row
from onethinker_rewards.cli.samples import RowReader, check_size, load_recipe
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.summary import Column, Summary, summary_table
from onethinker_rewards.cli.table_reader import Chunk, open_table
from onethinker_rewards.cli.teacher import asking_engine, endpoint_options, teacher_of
from onethinker_rewards.errors import ArgumentError, BadReferenceError
from onethinker_rewards.rewards import Scorer, parse_reference
from onethinker_rewards.trainer.data import Fault, InvalidRowError, Rules
from onethinker_rewards.trainer.filter import KEEPS, THRESHOLDS, Candidate, Judged, Keep, Rule, judge
from onethinker_rewards.trainer.media import MediaRules

REJECTED, ANSWERS = "rejected", "answers"
_KEPT, _WRITTEN = "kept", "written"
_COLUMNS = (
    Column("answers", "answers", mean=False),
    Column("accuracy", "accuracy"),
    Column("kept", _KEPT, mean=False),
    Column("share", _KEPT),
)
_OWN_TASK = 1.0
_REWARDS = ("accuracy", "normalized", "format", "failure", "format_fault")
# A row with its answers, or why it has none.
Read: TypeAlias = tuple[Row, Candidate] | BadRow


@click.command
@click.argument("file")
@click.option(
    "--out", required=True, metavar="FILE", help="File for kept rows: JSON Lines, or Parquet if it ends in .parquet."
)
@bad_option
@file_option("--rejected", "File for rows without a right answer, with the reasons.")
@file_option("--answers", "File for all rows with all answers, to filter them again.")
@recipe_option("How to score; module:RECIPE for your own.")
@dialect_options
@row_options
@click.option(
    "--threshold", "thresholds", multiple=True, metavar="TASK=VALUE", help="Minimum accuracy from 0 to 1; repeatable."
)
@choice_option("--keep", KEEPS, "Which right answers of a row are kept.")
@endpoint_options
@resume_option
def filter(  # noqa: A001 - the command's name
    file: str, out: str, bad: str | None, rejected: str | None, answers: str | None, recipe: str,
    dialect: str | None, reference_dialect: str | None, reader: RowReader, thresholds: tuple[str, ...], keep: Keep,
    root: str | None, *, frames: bool, resume: bool, **asked: Any,
) -> None:  # fmt: skip
    """Keep the answers of FILE that are right and in the format, to fine-tune on.

    FILE (`-` is standard input) has rows as for `prepare` and `score`. A row has `responses`, a list of strings, or
    `response`; if it has neither, the model behind --endpoint is asked. An answer is kept if its accuracy, divided by
    the task's maximum, reaches the task's threshold and its format is right. Each kept answer is written as a row with
    the original columns and `response`, for `prepare --stage sft`. A summary by task goes to standard error.

    Example: onethinker-rewards filter rows.jsonl --out kept.jsonl --keep all --threshold ocr=0.95

    Exit code: 0, or 2 if there are unusable rows or the run could not continue.
    """
    if out == STANDARD:
        raise CliError("-: kept rows are known in the end only; give --out the name of a file")
    written = file_format(out)
    if written != "jsonl":
        check_packages(("pyarrow",), "parquet")
    bad = bad_path(out, bad)
    paths = {BAD: bad, REJECTED: rejected, ANSWERS: answers}
    sides = {part: Target(path) for part, path in paths.items() if path is not None}
    job = FilterJob(
        (recipe, dialect, reference_dialect),
        Rule(thresholds=_thresholds(thresholds, reader), keep=keep),
        reader,
        written != "jsonl",
        (MAIN, *sides),
    )
    how = load_recipe(*job.recipe)
    media = MediaRules(root=media_root_of(file, root), check="presence", frames=frames)
    rules = Rules(
        media=media,
        columns=reader.columns,
        task=reader.task,
        dialect=how.dialect,
        reference_dialect=how.reference_dialect,
    )
    teacher = teacher_of(asked, rules)
    what = [job, None if teacher is None else teacher.identity()]
    screen = console(stderr=True)
    targets = {MAIN: Target(out, written), **sides}
    with open_table(file) as table, open_spool(targets, table.raw, what, resume=resume) as spool:
        engine = engine_of(job) if teacher is None else asking_engine(job, teacher, spool)
        summary = run(table, spool, engine, screen)
    good, kept = summary.rows - summary.invalid, summary.total(_KEPT)
    share = f" ({kept / good:.1%})" if good else ""
    ended = f"{counted(summary.total(_WRITTEN), 'row')} written to {out}"
    screen.print(f"{kept:,} of {counted(good, 'row')} kept{share}; {ended}", soft_wrap=True)
    say_bad_rows(screen, summary, bad)
    if summary.tallies:
        screen.print(summary_table(summary.tallies, list(reader.tasks()), _COLUMNS))
    raise click.exceptions.Exit(UNREADABLE if summary.invalid else 0)


@dataclass(frozen=True, slots=True)
class FilterJob:
    """Scores the answers of rows, says which are kept, and writes the outputs that are wanted.

    Its recipe is three names: of the recipe, of the dialect and of that of references.
    """

    recipe: tuple[str, str | None, str | None]
    rule: Rule
    reader: RowReader
    arrow: bool
    parts: tuple[str, ...]

    def __call__(self, chunk: Chunk) -> ChunkResult:
        """Filter the rows of a chunk, which have their answers."""
        return self.finish([self.read(row) for row in chunk.rows()])

    def read(self, row: Row | InvalidRow) -> Read:
        """Return a row with the answers that it has, or why it cannot be scored."""
        if isinstance(row, InvalidRow):
            return BadRow(row.number, row.reason, Fault.NOT_JSON)
        try:
            return self.candidate(row, self.responses(row))
        except InvalidRowError as error:
            return BadRow(row.number, str(error), error.fault, row)

    def responses(self, row: Row) -> list[str]:
        """Return the answers that a row has: ``responses``, or the response as the only one."""
        responses = row.columns.get("responses")
        if responses is None and (response := self.reader.columns.value("response", row.columns)) is not None:
            responses = [response]
        found = [] if responses is None else responses
        if not isinstance(found, list) or not all(isinstance(text, str) for text in cast("list[object]", found)):
            raise InvalidRowError(Fault.COLUMNS, "responses: neither a list of texts nor null")
        return cast("list[str]", found)

    def candidate(self, row: Row, responses: list[str]) -> tuple[Row, Candidate]:
        """Return a row with the answers to it."""
        if not responses:
            raise InvalidRowError(Fault.COLUMNS, "no responses, and no --endpoint to ask")
        sample = self.reader.read(row, response=False)
        if isinstance(sample, InvalidRow):
            raise InvalidRowError(Fault.COLUMNS, sample.reason)
        recipe = load_recipe(*self.recipe)
        try:
            check_size(sample, recipe, self.reader.tasks())
            for reference in sample.references:
                parse_reference(
                    reference,
                    sample.task,
                    dialect=recipe.reference_dialect,
                    table=self.reader.tasks(),
                    size=sample.size,
                )
        except ArgumentError as error:
            raise InvalidRowError(Fault.COLUMNS, str(error)) from None
        except BadReferenceError as error:
            raise InvalidRowError(Fault.REFERENCE, f"unreadable reference: {error.reasons[0]}") from None
        return sample.row, Candidate(sample.task, sample.reference, responses, sample.options, sample.size)

    def finish(self, read: Sequence[Read]) -> ChunkResult:
        """Score the answers of rows and encode what is written."""
        result = ChunkResult(Summary(len(read)))
        for found in read:
            if isinstance(found, BadRow):
                add_bad_row(result, found)
        good = [found for found in read if not isinstance(found, BadRow)]
        judged = judge([candidate for _, candidate in good], _scorer(self.recipe, self.reader), self.rule)
        kept: list[dict[str, Any]] = []
        for (row, candidate), found in zip(good, judged, strict=True):
            _count(result.summary, candidate.task, found)
            columns = {name: value for name, value in row.columns.items() if name not in ("responses", "response")}
            for index in found.kept:
                rewards = {name: found.rewards[index][name] for name in ("accuracy", "normalized")}
                said = {"task": candidate.task, "response": candidate.responses[index]}
                kept.append(columns | {"row": row.number} | said | rewards)
            if ANSWERS in self.parts:
                result.write(ANSWERS, encode_row(columns | {"responses": candidate.responses}))
            if REJECTED in self.parts and not found.kept:
                answers = [
                    {"why": code, **{name: rewards[name] for name in _REWARDS}, "response": response}
                    for code, rewards, response in zip(found.codes, found.rewards, candidate.responses, strict=True)
                ]
                result.write(REJECTED, encode_row({"row": row.number, "columns": columns, "answers": answers}))
        if not self.arrow:
            result.write(MAIN, *map(encode_row, kept))
        elif kept:
            from onethinker_rewards.cli.arrow import table_of_rows, table_to_bytes  # noqa: PLC0415 - needs pyarrow

            result.write(MAIN, table_to_bytes(table_of_rows(kept)))
        return result


@cache
def _scorer(recipe: tuple[str, str | None, str | None], reader: RowReader) -> Scorer:
    return Scorer(load_recipe(*recipe), reader.tasks())


def _count(summary: Summary, task: str, judged: Judged) -> None:
    accuracies = [row["normalized"] for row in judged.rewards if row["normalized"] is not None]
    mean = sum(accuracies) / max(len(accuracies), 1)
    kept = {_KEPT: min(len(judged.kept), 1), _WRITTEN: len(judged.kept)}
    summary.add(task, {"answers": len(judged.rewards), "accuracy": mean} | kept, *judged.codes)


def _thresholds(given: tuple[str, ...], reader: RowReader) -> dict[str, float]:
    """Return the thresholds of all tasks: those given, or ours; 1 for the tasks of a user's own table."""
    thresholds = {task: THRESHOLDS[task].least if task in THRESHOLDS else _OWN_TASK for task in reader.tasks()}
    for pair in given:
        task, _, text = pair.partition("=")
        if task not in thresholds:
            raise CliError(f"--threshold {pair}: {task!r} is no task; tasks are {', '.join(thresholds)}")
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            raise CliError(f"--threshold {pair}: give a number from 0 to 1, the share of the task's maximum")
        thresholds[task] = value
    return thresholds
