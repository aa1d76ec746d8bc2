"""``validate``: is each answer in its task's schema?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import click

from onethinker_rewards.answers import Parsed, bare_reference, find_answer
from onethinker_rewards.answers.text import named_option
from onethinker_rewards.cli.messages import INVALID, STANDARD, UNREADABLE, counted
from onethinker_rewards.cli.outputs import MAIN, ChunkResult, open_lines
from onethinker_rewards.cli.pipeline import engine_of, run
from onethinker_rewards.cli.rows import InvalidRow, Row, encode_row
from onethinker_rewards.cli.samples import RowReader, Sample, row_options
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.summary import Column, Summary, summary_table
from onethinker_rewards.cli.table_reader import Chunk, open_table
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import BadReferenceError
from onethinker_rewards.rewards import parse, parse_answer, parse_reference

__all__ = ["validate"]

Rules: TypeAlias = Literal["strict", "lenient"]
_VALID = Column("valid", "valid", mean=False)
_REPAIRED = Column("repaired", "repaired", mean=False)
_FORMAT = Column("format", "format")


@click.command(short_help="Check that each answer is in its schema.")
@click.argument("file")
@click.option(
    "--rules",
    type=click.Choice(["strict", "lenient"]),
    default="strict",
    show_default=True,
    help="lenient repairs what can be repaired without changing a number.",
)
@click.option("--bare", is_flag=True, help="The column is the answer alone, without tags.")
@click.option("--references", is_flag=True, help="Check the references instead, as `score` reads them.")
@row_options
@click.pass_context
def validate(ctx: click.Context, file: str, rules: Rules, reader: RowReader, *, bare: bool, references: bool) -> None:
    """Say which answers in FILE (`-` is standard input) are not in their task's schema.

    A row needs `response` and `task`, or columns that go by other usual names, and no reference. With --bare,
    `response`, or else the reference (`answer`, `solution`), is the text of the answer alone; answer tags around a
    reference are taken off. With --references the references are checked, all of them before a long run.

    Each invalid row is written as {"row": number, "code": code, "why": meaning}, one that cannot be read as
    {"row": number, "error": why}. A summary by task goes to standard error.

    Example: onethinker-rewards validate answers.jsonl --task tracking --rules lenient

    Exit code: 0, 1 if some answers are invalid, or 2 if some input could not be read.
    """
    screen = console(stderr=True)
    with open_table(file) as table, open_lines(STANDARD, table.file) as output:
        job = _CheckReferences(reader) if references else _Check(rules, reader, bare=bare)
        summary = run(table, output, engine_of(job, None), screen)
    checked = summary.rows - summary.invalid
    invalid = checked - round(sum(tally.sums.get(_VALID.name, 0) for tally in summary.tallies.values()))
    what = "reference" if references else "answer"
    how = "" if references else f", {rules} rules"
    screen.print(
        f"{counted(checked, what)} checked, {invalid:,} invalid{how}"
        + (f"; {counted(summary.invalid, 'row')} could not be read" if summary.invalid else "")
    )
    if summary.tallies:
        columns = (_VALID,) if references else (_VALID, _REPAIRED) if bare else (_VALID, _REPAIRED, _FORMAT)
        screen.print(summary_table(summary.tallies, list(reader.tasks()), columns))
    ctx.exit(UNREADABLE if summary.invalid else INVALID if invalid else 0)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is counted of a row, and what is written if it is invalid: a code and why."""

    numbers: Mapping[str, float]
    counted_code: str | None
    invalid: tuple[str, str] | None


# Judges a row that could be read.
Judge: TypeAlias = Callable[[Sample], _Verdict]


def _checked(chunk: Chunk, read: Callable[[Row | InvalidRow], Sample | InvalidRow], judge: Judge) -> ChunkResult:
    """Judge the rows of a chunk and write the invalid ones."""
    rows = chunk.rows()
    result = ChunkResult(Summary(len(rows)))
    lines: list[bytes] = []
    for row in rows:
        sample = read(row)
        if isinstance(sample, InvalidRow):
            result.summary.invalid += 1
            result.invalid.append(sample)
            lines.append(encode_row(sample.columns()))
            continue
        verdict = judge(sample)
        result.summary.of(sample.task).add(verdict.numbers, verdict.counted_code)
        if verdict.invalid is not None:
            code, why = verdict.invalid
            lines.append(encode_row({"row": sample.row.number, "code": code, "why": why}))
    result.parts[MAIN] = b"".join(lines)
    return result


@dataclass(frozen=True, slots=True)
class _CheckReferences:
    """Reads references."""

    reader: RowReader

    def __call__(self, chunk: Chunk) -> ChunkResult:
        return _checked(chunk, lambda row: self.reader.read(row, response=False), self._judge)

    def _judge(self, sample: Sample) -> _Verdict:
        try:
            parse_reference(sample.reference, sample.task, table=self.reader.tasks())
        except BadReferenceError as error:
            reason = error.reasons[0]
            code = reason.partition(" ")[0]
            return _Verdict({"valid": False}, code, (code, reason))
        return _Verdict({"valid": True}, None, None)


@dataclass(frozen=True, slots=True)
class _Check:
    """Reads answers."""

    rules: Rules
    reader: RowReader
    bare: bool

    def __call__(self, chunk: Chunk) -> ChunkResult:
        return _checked(chunk, lambda row: self.reader.read(self._with_answer(row), reference=False), self._judge)

    def _judge(self, sample: Sample) -> _Verdict:
        parsed = self._parsed(sample)
        numbers = {
            "valid": parsed.failure is None,
            "repaired": bool(parsed.repairs),
            "format": parsed.format_fault is None,
        }
        code = parsed.failure if self.bare else parsed.failure or parsed.format_fault
        invalid = None if parsed.failure is None else (str(parsed.failure), parsed.failure.meaning)
        return _Verdict(numbers, None if code is None else str(code), invalid)

    def _with_answer(self, row: Row | InvalidRow) -> Row | InvalidRow:
        """Return the row with its answer as the response, if only the answer is there."""
        if (
            isinstance(row, InvalidRow)
            or not self.bare
            or self.reader.columns.value("response", row.columns) is not None
        ):
            return row
        answer = self.reader.columns.value("reference", row.columns)
        text = bare_reference(answer) if isinstance(answer, str) else answer
        return Row(row.number, row.columns | {"response": text})

    def _parsed(self, sample: Sample) -> Parsed:
        read = parse_answer if self.bare else parse
        parsed = read(sample.response, sample.task, rules=self.rules, table=self.reader.tasks())
        if parsed.failure is FailureCode.NO_OPTION_LETTER and sample.options:
            return self._by_options(sample, parsed)
        return parsed

    def _by_options(self, sample: Sample, parsed: Parsed) -> Parsed:
        """An option's own text is its letter too; only a reader that knows the options can tell."""
        found = None if self.bare else find_answer(sample.response)
        text = sample.response if found is None else found.answer or ""
        if named_option(text.strip(), sample.options or []) is None:
            return parsed
        return Parsed(parsed.think, text, None, found.format_fault if found is not None else None)
