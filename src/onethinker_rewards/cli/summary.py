"""Sums over rows by task, which do not grow with a file, and the table that shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import msgspec
from rich import box
from rich.table import Table

# Sums by name: ``rows`` is the number of rows, ``code/<code>`` how often a code occurred.
Tally: TypeAlias = dict[str, float]
_CODE = "code/"
_CODES_SHOWN = 3


class Summary(msgspec.Struct):
    """What became of some rows: their number, how many could not be used, and sums by task."""

    rows: int = 0
    invalid: int = 0
    tallies: dict[str, Tally] = msgspec.field(default_factory=dict[str, Tally])
    # The first of each kind of warning, by task and kind.
    warnings: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    # Sums over all tasks: what a judge counts.
    counts: dict[str, float] = msgspec.field(default_factory=dict[str, float])

    def add(self, task: str, numbers: Mapping[str, float], *codes: str | None) -> None:
        """Add the numbers of one row, and why it failed, to the sums of its task."""
        counted = [(f"{_CODE}{code}", 1) for code in codes if code is not None]
        self._add(task, [("rows", 1), *numbers.items(), *counted])

    def merge(self, other: Summary) -> None:
        """Add other rows."""
        self.rows += other.rows
        self.invalid += other.invalid
        for task, tally in other.tallies.items():
            self._add(task, tally.items())
        for kind, text in other.warnings.items():
            self.warnings.setdefault(kind, text)
        for name, count in other.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count

    def total(self, name: str) -> int:
        """Return a sum over all tasks."""
        return round(sum(tally.get(name, 0) for tally in self.tallies.values()))

    def _add(self, task: str, numbers: Iterable[tuple[str, float]]) -> None:
        tally = self.tallies.setdefault(task, {})
        for name, number in numbers:
            tally[name] = tally.get(name, 0) + number


class Column(NamedTuple):
    """A column of the table: its heading, the sum it shows, and whether as a mean."""

    heading: str
    name: str
    mean: bool = True


def codes_of(tally: Tally) -> list[tuple[str, int]]:
    """Return the codes of a tally with how often each occurred, the most frequent first."""
    counts = [(name.removeprefix(_CODE), round(count)) for name, count in tally.items() if name.startswith(_CODE)]
    return sorted(counts, key=lambda count: -count[1])


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
    rank = {task: index for index, task in enumerate(order)}
    for task, tally in sorted(tallies.items(), key=lambda item: (rank.get(item[0], len(rank)), item[0])):
        cells = [task, f"{tally['rows']:,.0f}"]
        for _, name, mean in columns:
            total = tally.get(name, 0)
            cells.append(f"{total / tally['rows']:.3f}" if mean else f"{total:,.0f}")
        if codes:
            # Without a space, so that a narrow table breaks between codes only.
            counts = [f"{code}={count:,}" for code, count in codes_of(tally)]
            more = [f"{len(counts) - _CODES_SHOWN} more"] if len(counts) > _CODES_SHOWN else []
            cells.append(", ".join(counts[:_CODES_SHOWN] + more))
        table.add_row(*cells)
    return table
