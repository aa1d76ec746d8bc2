"""``validate``: is each answer in its task's schema?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import click

from onethinker_rewards.answers import Parsed, bare_reference, find_answer
from onethinker_rewards.answers.text import named_option
from onethinker_rewards.cli.files import STANDARD, UNREADABLE
from onethinker_rewards.cli.output import open_output
from onethinker_rewards.cli.rows import Broken, Row
from onethinker_rewards.cli.samples import SCORED_COLUMNS, Sample, options_of, task_of, text_of, usable
from onethinker_rewards.cli.sources import open_source
from onethinker_rewards.cli.stream import alone, stream
from onethinker_rewards.cli.tables import Column, console, summary_table
from onethinker_rewards.cli.tallies import Tally, tally_of
from onethinker_rewards.cli.work import Done, Result, Work, done_of, lines_of_results
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.rewards import parse, parse_answer
from onethinker_rewards.tasks import TASKS

__all__ = ["INVALID", "validate"]

# Exit code: some answers are invalid.
INVALID = 1
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
@click.pass_context
def validate(ctx: click.Context, file: str, rules: Literal["strict", "lenient"], *, bare: bool) -> None:
    """Say which answers in FILE (`-` is standard input) are not in their task's schema.

    A row needs `response`, and `task`, or `problem_type` and `data_type`; no reference. With --bare, `response`,
    or else `answer`, is the text of the answer alone; answer tags around an `answer` are taken off.

    Each invalid row is written as {"row": number, "code": code, "why": meaning}, one that cannot be read as
    {"row": number, "error": why}. A summary by task goes to standard error.

    Exit code: 0, 1 if some answers are invalid, or 2 if some input could not be read.
    """
    screen = console(stderr=True)
    with open_source(file) as source, open_output(STANDARD, source.file, None) as output:
        seen = stream(source, output, alone(_Check(rules=rules, bare=bare)), screen)
    checked = seen.rows - seen.broken
    invalid = checked - round(sum(tally.sums[_VALID.name] for tally in seen.tallies.values()))
    screen.print(
        f"{checked:,} answers checked, {invalid:,} invalid, {rules} rules"
        + (f"; {seen.broken:,} rows could not be read" if seen.broken else "")
    )
    if seen.tallies:
        columns = (_VALID, _REPAIRED) if bare else (_VALID, _REPAIRED, _FORMAT)
        screen.print(summary_table(seen.tallies, list(TASKS), columns))
    ctx.exit(UNREADABLE if seen.broken else INVALID if invalid else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """Reads answers; what is valid is not written."""

    rules: Literal["strict", "lenient"]
    bare: bool

    def __call__(self, work: Work) -> Done:
        tallies: dict[str, Tally] = {}
        results = list(self._results(work, tallies))
        written = lines_of_results(result for result in results if result != {})
        return done_of(work, results, tallies, written)

    def _results(self, work: Work, tallies: dict[str, Tally]) -> Iterator[Result]:
        for row in work.rows(SCORED_COLUMNS):
            sample = usable(row, self._sample)
            if isinstance(sample, Broken):
                yield sample
                continue
            parsed = self._parsed(sample)
            self._count(tally_of(tallies, sample.task), parsed)
            code = parsed.failure
            yield {} if code is None else {"row": row.number, "code": str(code), "why": code.meaning}

    def _sample(self, row: Row) -> Sample:
        return Sample(row, self._text(row), task_of(row), options_of(row.columns))

    def _text(self, row: Row) -> str:
        if not self.bare:
            return text_of(row, "response")
        text = text_of(row, "response", "answer")
        return text if row.columns.get("response") is not None else bare_reference(text)

    def _parsed(self, sample: Sample) -> Parsed:
        read = parse_answer if self.bare else parse
        parsed = read(sample.response, sample.task, rules=self.rules)
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

    def _count(self, tally: Tally, parsed: Parsed) -> None:
        numbers = {
            "valid": parsed.failure is None,
            "repaired": bool(parsed.repairs),
            "format": parsed.format_fault is None,
        }
        code = parsed.failure if self.bare else parsed.failure or parsed.format_fault
        tally.add(numbers, None if code is None else str(code))
