"""``validate``: is each answer in its task's schema?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import click
from rich import box
from rich.console import Console
from rich.table import Table

from onethinker_rewards.answers import Rules, bare_reference
from onethinker_rewards.cli.messages import INVALID, STANDARD, UNREADABLE, CliError, counted, one_line_errors
from onethinker_rewards.cli.options import choice_option, dialect_option, file_option, recipe_option, row_options
from onethinker_rewards.cli.outputs import MAIN, ChunkResult, open_lines
from onethinker_rewards.cli.pipeline import engine_of, run
from onethinker_rewards.cli.rows import InvalidRow, Row, encode_row
from onethinker_rewards.cli.samples import RowReader, Sample, check_size, load_recipe
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.summary import Summary
from onethinker_rewards.cli.table_reader import Chunk, open_table
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.rewards import Recipe
from onethinker_rewards.rewards import validate as validate_texts
from onethinker_rewards.rewards.validate import CodeCount, Part, TaskCounts, ValidationSummary

__all__ = ["validate"]

By: TypeAlias = Literal["task", "code"]
# Columns that may tell a person which row of the data it is.
_IDS = ("id", "problem_id", "question_id", "uid", "index")
_WHAT = {"failure": "", "format": "format alone", "repair": "repaired"}


@click.command
@click.argument("file")
@recipe_option("Recipe with the rules and end tokens; module:RECIPE is your own.")
@click.option(
    "--rules",
    type=click.Choice(["strict", "lenient"]),
    help="lenient repairs answers without changing a number.  [default: the recipe's]",
)
@dialect_option
@click.option("--bare", is_flag=True, help="Columns contain only the answer, without tags.")
@click.option("--references", is_flag=True, help="Check the references instead, as `score` reads them.")
@choice_option("--by", ["task", "code"], "Count codes for each task, or over all tasks.")
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="Show only the N most frequent codes.")
@file_option("--summary", "Write all counts to FILE, as JSON.")
@row_options
def validate(
    file: str, recipe: str, rules: Rules | None, dialect: str | None, by: By, top: int | None, summary: str | None,
    reader: RowReader, *, bare: bool, references: bool,
) -> None:  # fmt: skip
    """List the answers in FILE (`-` is standard input) that do not fit their task's schema, and show where.

    A row needs `response` and `task`, or columns with other common names, and no reference. With --bare, `response`,
    or else the reference (`answer`, `solution`), is the text of the answer alone; answer tags around a reference are
    removed. With --references the references are checked instead, as before a long run. In CSV an empty cell is a
    missing value, but an empty response is an empty text. A --dialect in pixels needs the image's `size`, or `width`
    and `height`.

    Each invalid row is written as {"row", "id", "task", "code", "where", "found", "expected", "message"}, one that
    cannot be read as {"row": number, "error": reason}. Counts of all codes, and of what lenient rules would repair, go
    to standard error; `codes CODE` explains a code.

    Example: onethinker-rewards validate answers.jsonl --task tracking --by code

    Exit code: 0, 1 if some answers are invalid, or 2 if some input could not be read.
    """
    screen = console(stderr=True)
    part: Part = "reference" if references else "answer" if bare else "response"
    counts = ValidationSummary(part, "strict" if references else rules or load_recipe(recipe).rules)
    check = _Check(part, recipe, (None, dialect) if references else (dialect, None), rules, reader, counts)
    check.load()
    with (
        open_table(file, responses=reader.names("response") if part == "response" else ()) as table,
        open_lines(STANDARD, table.raw) as output,
    ):
        done = run(table, output, engine_of(check), screen)
    if summary is not None:
        with one_line_errors(summary):
            Path(summary).write_text(json.dumps(counts.to_dict() | {"unreadable": done.invalid}, indent=2) + "\n")
    total = counts.all
    invalid = total.rows - total.valid
    what, how = ("reference", "") if references else ("answer", f", {counts.rules} rules")
    screen.print(
        f"{counted(total.rows, what)} checked, {invalid:,} invalid{how}"
        + (f"; {counted(done.invalid, 'row')} could not be read" if done.invalid else "")
    )
    if counts.tasks:
        _show(screen, counts, list(reader.tasks()), by, top)
    raise click.exceptions.Exit(UNREADABLE if done.invalid else INVALID if invalid else 0)


@dataclass(frozen=True, slots=True)
class _Check:
    """Checks the rows of a chunk, writes the invalid ones, and adds to the counts of this process.

    ``dialects`` are the names of that of responses and that of references.
    """

    part: Part
    recipe: str
    dialects: tuple[str | None, str | None]
    rules: Rules | None
    reader: RowReader
    counts: ValidationSummary

    def load(self) -> Recipe:
        """Return the recipe by which rows are read; raises CliError if it knows no dialects."""
        return load_recipe(self.recipe, *self.dialects)

    def __call__(self, chunk: Chunk) -> ChunkResult:
        read = [self._read(row) for row in chunk.rows()]
        result = ChunkResult(Summary(len(read)))
        samples = [sample for sample in read if isinstance(sample, Sample)]
        faults = self._faults(samples)
        for sample in read:
            if isinstance(sample, InvalidRow):
                result.reject(sample)
                result.write(MAIN, encode_row(sample.columns()))
            elif sample.row.number in faults:
                result.write(MAIN, encode_row(faults[sample.row.number]))
        return result

    def _read(self, row: Row | InvalidRow) -> Sample | InvalidRow:
        sample, is_reference = self._sample(row), self.part == "reference"
        if isinstance(sample, InvalidRow):
            return sample
        try:
            check_size(sample, self.load(), self.reader.tasks(), response=not is_reference, reference=is_reference)
        except ArgumentError as error:
            return InvalidRow(sample.row.number, str(error))
        return sample

    def _sample(self, row: Row | InvalidRow) -> Sample | InvalidRow:
        if self.part == "reference":
            return self.reader.read(row, response=False)
        if self.part == "answer" and isinstance(row, Row):
            # Where there is no response, the reference is the answer.
            columns, value = row.columns, self.reader.columns.value
            if value("response", columns) is None:
                answer = value("reference", columns)
                text = bare_reference(answer) if isinstance(answer, str) else answer
                row = Row(row.number, columns | {"response": text})
        return self.reader.read(row, reference=False)

    def _faults(self, samples: Sequence[Sample]) -> dict[int, dict[str, object]]:
        """Check samples; return what is written of the invalid ones, by row number."""
        # Of several references each is checked.
        texts = [
            (sample, text)
            for sample in samples
            for text in (sample.references if self.part == "reference" else (sample.response,))
        ]
        try:
            found = validate_texts(
                [text for _, text in texts],
                [sample.task for sample, _ in texts],
                part=self.part,
                recipe=self.load(),
                rules=self.rules,
                sizes=[sample.size for sample, _ in texts],
                options=[sample.options for sample, _ in texts],
                table=self.reader.tasks(),
                numbers=[sample.row.number for sample, _ in texts],
            )
        except ArgumentError as error:
            raise CliError(str(error)) from None
        self.counts.merge(found.summary)
        rows = {sample.row.number: sample.row for sample in samples}
        return {fault["row"]: _with_id(fault, rows[fault["row"]]) for fault in found.rows}


def _with_id(fault: dict[str, object], row: Row) -> dict[str, object]:
    """Add what the row calls itself, where it does."""
    name = next((name for name in _IDS if isinstance(row.columns.get(name), str | int)), None)
    return fault if name is None else {"row": fault["row"], "id": row.columns[name], **fault}


def _show(screen: Console, summary: ValidationSummary, order: list[str], by: By, top: int | None) -> None:
    rank = {task: index for index, task in enumerate(order)}
    tasks = dict(sorted(summary.tasks.items(), key=lambda item: rank.get(item[0], len(rank))))
    screen.print(_tasks_table(tasks, summary))
    groups = {"all": summary.all} if by == "code" else tasks
    codes = _table("task", "code", "rows:", "%:", "", "example rows")
    for task, counts in groups.items():
        shown = counts.of_kind("failure", "format", "repair")[:top]
        for index, (kind, code, count) in enumerate(shown):
            codes.add_row(task if index == 0 else "", code, *_share(count, counts.rows), _WHAT[kind], _rows(count))
    if codes.row_count:
        screen.print()
        screen.print(codes)
    _show_repairable(screen, summary.all, top)


def _tasks_table(tasks: dict[str, TaskCounts], summary: ValidationSummary) -> Table:
    """Return the table with a line a task, and one for all."""
    repaired, format_ = summary.part != "reference", summary.part == "response"
    headings = ["task", "rows:", "valid:", "%:"] + ["repaired:"] * repaired + ["format:"] * format_
    table = _table(*headings)
    for task, counts in {**tasks, **({"all": summary.all} if len(tasks) > 1 else {})}.items():
        cells = [task, f"{counts.rows:,}", f"{counts.valid:,}", f"{100 * counts.valid / counts.rows:.1f}"]
        cells += [f"{counts.repaired:,}"] * repaired + [f"{counts.format / counts.rows:.3f}"] * format_
        table.add_row(*cells)
    return table


def _show_repairable(screen: Console, total: TaskCounts, top: int | None) -> None:
    """Say which of the invalid rows lenient rules would read, by the repairs that they need."""
    if not total.repairable:
        return
    invalid = total.rows - total.valid
    screen.print()
    screen.print(f"lenient rules would read {total.repairable:,} of the {invalid:,} that are invalid, after")
    table = _table("repair", "rows:", "%:", "example rows")
    for _, code, count in total.of_kind("lenient")[:top]:
        table.add_row(code, *_share(count, invalid), _rows(count))
    screen.print(table)


def _share(count: CodeCount, of: int) -> tuple[str, str]:
    return f"{count.rows:,}", f"{100 * count.rows / of:.1f}"


def _rows(count: CodeCount) -> str:
    return ", ".join(map(str, count.examples)) + (", …" if count.rows > len(count.examples) else "")


def _table(*headings: str) -> Table:
    """Return a table with these columns; numbers, whose heading ends in a colon, are to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for heading in headings:
        is_number = heading.endswith(":")
        table.add_column(heading.removesuffix(":"), justify="right" if is_number else "left", overflow="fold")
    return table
