"""Sums over rows by task, which do not grow with a file, and the table that shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from rich import box
from rich.table import Table

__all__ = ["Column", "Summary", "Tally", "summary_table"]

_CODES_SHOWN = 3


class Tally(msgspec.Struct):
    """Sums over the rows of one task.

    Attributes:
        rows: The number of rows.
        sums: Sums by name.
        codes: Failure codes, or format faults of rows without a failure, with how often each occurred.
    """

    rows: int = 0
    sums: dict[str, float] = msgspec.field(default_factory=dict[str, float])
    codes: dict[str, int] = msgspec.field(default_factory=dict[str, int])

    def add(self, numbers: Mapping[str, float], code: str | None) -> None:
        """Add one row."""
        self.merge(Tally(1, dict(numbers), {} if code is None else {str(code): 1}))

    def merge(self, other: Tally) -> None:
        """Add the sums of other rows."""
        self.rows += other.rows
        for name, number in other.sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + number
        for code, count in other.codes.items():
            self.codes[code] = self.codes.get(code, 0) + count


class Summary(msgspec.Struct):
    """What became of some rows.

    Attributes:
        rows: The number of rows.
        invalid: How many of them could not be used.
        tallies: Sums by task.
    """

    rows: int = 0
    invalid: int = 0
    tallies: dict[str, Tally] = msgspec.field(default_factory=dict[str, Tally])

    def of(self, task: str) -> Tally:
        """Return a task's tally, a new one if there is none yet."""
        return self.tallies.setdefault(task, Tally())

    def merge(self, other: Summary) -> None:
        """Add other rows."""
        self.rows += other.rows
        self.invalid += other.invalid
        for task, tally in other.tallies.items():
            self.of(task).merge(tally)


class Column(NamedTuple):
    """A column of the table: its heading, the sum it shows, and whether as a mean."""

    heading: str
    name: str
    mean: bool = True


def summary_table(
    tallies: Mapping[str, Tally], order: Sequence[str], columns: Sequence[Column], *, codes: bool = True
) -> Table:
    """Return a table with a row a task, in the order given; ``codes`` adds the most frequent codes."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("task", no_wrap=True)
    for heading in ("rows", *(column.heading for column in columns)):
        table.add_column(heading, justify="right", no_wrap=True)
    if codes:
        table.add_column("most frequent failures", overflow="fold")
    place = {task: index for index, task in enumerate(order)}
    for task, tally in sorted(tallies.items(), key=lambda item: (place.get(item[0], len(place)), item[0])):
        shown = [_shown(tally, column) for column in columns]
        table.add_row(task, f"{tally.rows:,}", *shown, *([_frequent(tally.codes)] if codes else []))
    return table


def _shown(tally: Tally, column: Column) -> str:
    total = tally.sums.get(column.name, 0.0)
    return f"{total / tally.rows:.3f}" if column.mean else f"{total:,.0f}"


def _frequent(codes: Mapping[str, int]) -> str:
    # Without a space, so that a narrow table breaks between codes only.
    shown = [f"{code}={count:,}" for code, count in Counter(codes).most_common(_CODES_SHOWN)]
    more = len(codes) - _CODES_SHOWN
    return ", ".join(shown) + (f", {more} more" if more > 0 else "")
