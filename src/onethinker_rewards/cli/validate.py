"""``validate``: is each answer in its task's schema?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import click

from onethinker_rewards.answers import Parsed, bare_reference, find_answer
from onethinker_rewards.answers.text import named_option
from onethinker_rewards.cli.messages import INVALID, STANDARD, UNREADABLE, counted
from onethinker_rewards.cli.options import recipe_option, row_options
from onethinker_rewards.cli.outputs import MAIN, ChunkResult, open_lines
from onethinker_rewards.cli.pipeline import engine_of, run
from onethinker_rewards.cli.rows import InvalidRow, Row, encode_row
from onethinker_rewards.cli.samples import RowReader, Sample, load_recipe
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.summary import Column, Summary, summary_table
from onethinker_rewards.cli.table_reader import Chunk, open_table
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import BadReferenceError
from onethinker_rewards.rewards import parse, parse_answer, parse_reference

Rules: TypeAlias = Literal["strict", "lenient"]
# What is checked: whole responses, bare answers, or references.
Part: TypeAlias = Literal["response", "answer", "reference"]
_VALID = Column("valid", "valid", mean=False)
_REPAIRED = Column("repaired", "repaired", mean=False)
_SHOWN: dict[Part, tuple[Column, ...]] = {
    "response": (_VALID, _REPAIRED, Column("format", "format")),
    "answer": (_VALID, _REPAIRED),
    "reference": (_VALID,),
}


@click.command(short_help="Check that each answer is in its schema.")
@click.argument("file")
@recipe_option("Whose rules and end tokens are taken; module:RECIPE is your own.")
@click.option(
    "--rules",
    type=click.Choice(["strict", "lenient"]),
    help="lenient repairs what can be repaired without changing a number.  [default: the recipe's]",
)
@click.option("--bare", is_flag=True, help="The column is the answer alone, without tags.")
@click.option("--references", is_flag=True, help="Check the references instead, as `score` reads them.")
@row_options
def validate(file: str, recipe: str, rules: Rules | None, reader: RowReader, *, bare: bool, references: bool) -> None:
    """Say which answers in FILE (`-` is standard input) are not in their task's schema.

    A row needs `response` and `task`, or columns that go by other usual names, and no reference. With --bare,
    `response`, or else the reference (`answer`, `solution`), is the text of the answer alone; answer tags around a
    reference are taken off. With --references the references are checked, all of them before a long run. In CSV an
    empty cell is a missing value, but for the response: that is an empty text.

    Each invalid row is written as {"row": number, "code": code, "why": meaning}, one that cannot be read as
    {"row": number, "error": why}. A summary by task goes to standard error.

    Example: onethinker-rewards validate answers.jsonl --task tracking --rules lenient

    Exit code: 0, 1 if some answers are invalid, or 2 if some input could not be read.
    """
    screen = console(stderr=True)
    part: Part = "reference" if references else "answer" if bare else "response"
    rules = rules or load_recipe(recipe).rules
    with (
        open_table(file, responses=reader.names("response") if part == "response" else ()) as table,
        open_lines(STANDARD, table.raw) as output,
    ):
        summary = run(table, output, engine_of(_Check(part, recipe, rules, reader)), screen)
    checked = summary.rows - summary.invalid
    invalid = checked - summary.total(_VALID.name)
    what, how = ("reference", "") if references else ("answer", f", {rules} rules")
    screen.print(
        f"{counted(checked, what)} checked, {invalid:,} invalid{how}"
        + (f"; {counted(summary.invalid, 'row')} could not be read" if summary.invalid else "")
    )
    if summary.tallies:
        screen.print(summary_table(summary.tallies, list(reader.tasks()), _SHOWN[part]))
    raise click.exceptions.Exit(UNREADABLE if summary.invalid else INVALID if invalid else 0)


@dataclass(frozen=True, slots=True)
class _Check:
    """Checks the rows of a chunk, and writes the invalid ones."""

    part: Part
    recipe: str
    rules: Rules
    reader: RowReader

    def __call__(self, chunk: Chunk) -> ChunkResult:
        rows = chunk.rows()
        result = ChunkResult(Summary(len(rows)))
        for row in rows:
            sample = self._read(row)
            if isinstance(sample, InvalidRow):
                result.reject(sample)
                result.write(MAIN, encode_row(sample.columns()))
            elif self.part == "reference":
                self._check_reference(sample, result)
            else:
                self._check_answer(sample, result)
        return result

    def _read(self, row: Row | InvalidRow) -> Sample | InvalidRow:
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

    def _check_reference(self, sample: Sample, result: ChunkResult) -> None:
        code = None
        try:
            parse_reference(sample.reference, sample.task, table=self.reader.tasks())
        except BadReferenceError as error:
            code, _, _ = error.reasons[0].partition(" ")
            _report(result, sample, code, error.reasons[0])
        result.summary.add(sample.task, {"valid": code is None}, code)

    def _check_answer(self, sample: Sample, result: ChunkResult) -> None:
        parsed = self._parsed(sample)
        failure, fault = parsed.failure, parsed.format_fault
        numbers = {"valid": failure is None, "repaired": bool(parsed.repairs), "format": fault is None}
        result.summary.add(sample.task, numbers, failure or (fault if self.part == "response" else None))
        if failure is not None:
            _report(result, sample, str(failure), failure.meaning)

    def _parsed(self, sample: Sample) -> Parsed:
        recipe = load_recipe(self.recipe)
        read = parse_answer if self.part == "answer" else parse
        parsed = read(sample.response, sample.task, recipe=recipe, rules=self.rules, table=self.reader.tasks())
        if parsed.failure is not FailureCode.NO_OPTION_LETTER or not sample.options:
            return parsed
        # An option's own text is its letter too; only a reader that knows the options can tell.
        tokens = tuple(recipe.end_tokens)
        found = find_answer(sample.response, think=recipe.think, end_tokens=tokens) if self.part == "response" else None
        text = sample.response if found is None else found.answer or ""
        if named_option(text.strip(), sample.options) is None:
            return parsed
        return Parsed(parsed.think, text, None, None if found is None else found.format_fault)


def _report(result: ChunkResult, sample: Sample, code: str, why: str) -> None:
    result.write(MAIN, encode_row({"row": sample.row.number, "code": code, "why": why}))
