"""``explain``: why responses got what they got, for one or for the rows of a file with a code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import click
from rich.text import Text

from onethinker_rewards.cli.messages import UNREADABLE, CliError, counted
from onethinker_rewards.cli.options import dialect_options, recipe_option, row_options
from onethinker_rewards.cli.rows import InvalidRow, Row
from onethinker_rewards.cli.samples import RowReader, Sample, check_size, load_recipe
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.table_reader import Chunk, open_table
from onethinker_rewards.codes import FailureCode, RepairCode
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.rewards import Recipe, score, validate
from onethinker_rewards.rewards import explain as explain_one

__all__ = ["explain"]

_CODES = [*map(str, FailureCode), *map(str, RepairCode)]


@click.command
@click.argument("file", required=False)
@click.option("--response", metavar="TEXT", help="Explain this response instead of a file; needs --task.")
@click.option("--reference", metavar="TEXT", help="Reference for --response.")
@click.option(
    "--option", "choices", multiple=True, metavar="TEXT", help="An option of the question, for --response; repeatable."
)
@click.option(
    "--size", metavar="WxH", help="Size of images, for dialects in pixels; a row's own size takes precedence."
)
@click.option("--code", type=click.Choice(_CODES), metavar="CODE", help="Explain only rows with this code.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=5, show_default=True, metavar="N", help="Maximum number of rows."
)
@recipe_option("How responses are read and scored; module:RECIPE is your own.")
@dialect_options
@row_options
def explain(
    file: str | None, response: str | None, reference: str | None, choices: tuple[str, ...], size: str | None,
    code: str | None, limit: int, recipe: str, dialect: str | None, reference_dialect: str | None, reader: RowReader,
) -> None:  # fmt: skip
    """Explain why the rows of FILE (`-` is standard input), or one --response, got their rewards.

    From a file, the rows with --code are explained, or all with a failure or a format fault. A row needs `response` and
    `task`, or columns with other common names; without a reference it is read but not scored.

    Each explanation shows what was read, a caret under the fault, what lenient rules or another dialect would have
    read, and the terms of the total. In Python, use `otr.explain`.

    Example: onethinker-rewards explain answers.jsonl --code wrong_type --limit 3

    Example: onethinker-rewards explain --task numerical --response "<answer>12 cm</answer>" --reference 12
    """
    if response is not None and file is not None:
        raise click.UsageError("Give a FILE or --response, not both.")
    explainer = _Explainer(load_recipe(recipe, dialect, reference_dialect), reader, _size(size))
    if response is not None:
        if reader.task is None:
            raise click.UsageError("--response needs --task.")
        row = Row(1, {"response": response, "task": reader.task})
        sample = Sample(row, response, reader.task, list(choices) or None, reference or "", _size(size))
        explainer.show(sample, has_reference=reference is not None)
        return
    if file is None:
        raise click.UsageError("Give a FILE, or --response with --task.")
    with open_table(file, responses=reader.names("response")) as table:
        explainer.show_rows(table.chunks(), code, limit)
    raise click.exceptions.Exit(UNREADABLE if explainer.unreadable else 0)


def _size(text: str | None) -> tuple[float, float] | None:
    found = re.fullmatch(r"([0-9]{1,6})x([0-9]{1,6})", text or "")
    if text is not None and found is None:
        raise click.UsageError(f"--size {text}: expected WIDTHxHEIGHT, such as 640x480")
    return None if found is None else (float(found[1]), float(found[2]))


class _Explainer:
    """Prints explanations; ``unreadable`` counts the rows that could not be used."""

    def __init__(self, recipe: Recipe, reader: RowReader, size: tuple[float, float] | None) -> None:
        self.unreadable = 0
        self._recipe, self._reader, self._size = recipe, reader, size
        self._screen, self._errors = console(), console(stderr=True)

    def show_rows(self, chunks: Iterator[Chunk], code: str | None, limit: int) -> None:
        """Explain rows with a code, or with any fault; reading ends with the last that is shown."""
        shown = 0
        for chunk in chunks:
            for sample, has_reference in self._with_code(self._samples(chunk), code):
                self._screen.print(f"row {sample.row.number:,}", style="bold")
                self.show(sample, has_reference=has_reference)
                self._screen.print()
                shown += 1
                if shown == limit:
                    return
        self._errors.print(f"{counted(shown, 'row')} with {code or 'a fault'}")

    def show(self, sample: Sample, *, has_reference: bool) -> None:
        """Explain one response."""
        try:
            text = explain_one(
                sample.response,
                sample.task,
                sample.reference if has_reference else None,
                recipe=self._recipe,
                options=sample.options,
                size=sample.size,
                table=self._reader.tasks(),
            )
        except ArgumentError as error:
            raise CliError(str(error)) from None
        self._screen.print(Text(text), soft_wrap=True)

    def _samples(self, chunk: Chunk) -> list[tuple[Sample, bool]]:
        """Return what can be explained of a chunk, and whether it has a reference."""
        samples: list[tuple[Sample, bool]] = []
        for row in chunk.rows():
            has_reference = isinstance(row, Row) and self._reader.columns.value("reference", row.columns) is not None
            sample = self._sample(row, has_reference=has_reference)
            if isinstance(sample, InvalidRow):
                self.unreadable += 1
                self._errors.print(f"row {sample.number:,}: {sample.reason}", soft_wrap=True)
            else:
                samples.append((sample, has_reference))
        return samples

    def _sample(self, row: Row | InvalidRow, *, has_reference: bool) -> Sample | InvalidRow:
        """Return what is explained of a row; an image without a size has that of the option."""
        sample = self._reader.read(row, reference=has_reference)
        if isinstance(sample, InvalidRow):
            return sample
        sample = replace(sample, size=sample.size or self._size)
        try:
            check_size(sample, self._recipe, self._reader.tasks(), reference=has_reference)
        except ArgumentError as error:
            return InvalidRow(sample.row.number, str(error))
        return sample

    def _with_code(self, samples: Sequence[tuple[Sample, bool]], code: str | None) -> Iterator[tuple[Sample, bool]]:
        codes: dict[int, set[str]] = {}
        for has_reference in (False, True):
            chosen = [sample for sample, scored in samples if scored is has_reference]
            numbers = [sample.row.number for sample in chosen]
            codes |= zip(numbers, self._codes(chosen, has_reference=has_reference), strict=True)
        for sample, has_reference in samples:
            its = codes[sample.row.number]
            if code in its or (code is None and not its.isdisjoint(FailureCode)):
                yield sample, has_reference

    def _codes(self, samples: Sequence[Sample], *, has_reference: bool) -> list[set[str]]:
        """Return the codes of each sample: those of its reading, and with a reference those of its comparison too."""
        texts, tasks = [sample.response for sample in samples], [sample.task for sample in samples]
        shared: dict[str, Any] = {
            "recipe": self._recipe,
            "options": [sample.options for sample in samples],
            "sizes": [sample.size for sample in samples],
            "table": self._reader.tasks(),
        }
        references = [sample.reference for sample in samples]
        try:
            found = (
                score(texts, references, tasks, on_bad_reference="skip", **shared)
                if has_reference
                else validate(texts, tasks, **shared).answers
            )
        except ArgumentError as error:
            raise CliError(str(error)) from None
        columns = zip(found.failure, found.format_fault, found.repairs, strict=True)
        return [{*map(str, filter(None, (failure, fault))), *map(str, repairs)} for failure, fault, repairs in columns]
