"""What commands show a person: a summary table a task, on standard error or in the demo."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from typing import IO, Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from onethinker_rewards.cli.files import drop
from onethinker_rewards.cli.tallies import Tally

__all__ = ["PIPE_WIDTH", "Column", "console", "summary_table"]

# Columns where there is no terminal to ask.
PIPE_WIDTH = 100
_CODES_SHOWN = 3


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # Rich would end the process with 1, which means something else here.
        raise BrokenPipeError


class _Forgiving:
    """A stream that what cannot be written to it is of no consequence to: nobody reads it, and the run matters."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        try:
            return self._file.write(text)
        except OSError:
            drop(self._file)
            return len(text)

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError:
            drop(self._file)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def console(*, stderr: bool = False) -> Console:
    """Return a console that knows colours on a terminal, and is plain and 100 columns wide elsewhere."""
    if isinstance(sys.stdout, TextIOWrapper):
        # An encoding that lacks a character should show another one, not end the run.
        sys.stdout.reconfigure(errors="replace")
    file: Any = _Forgiving(sys.stderr) if stderr and sys.stderr is not None else None
    made = _Console(file=file, stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = PIPE_WIDTH
    return made


class Column(NamedTuple):
    """A column of the table: its heading, the sum it shows, and whether as a mean."""

    heading: str
    name: str
    mean: bool = True


def summary_table(
    tallies: Mapping[str, Tally], order: Sequence[str], columns: Sequence[Column], *, codes: bool = True
) -> Table:
    """Return a table with a row a task, in the order given; ``codes`` adds why rows lost."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("task", no_wrap=True)
    for heading in ("rows", *(column.heading for column in columns)):
        table.add_column(heading, justify="right", no_wrap=True)
    if codes:
        table.add_column("commonest failures", overflow="fold")
    for task in sorted(tallies, key=order.index):
        tally = tallies[task]
        shown = [_shown(tally, column) for column in columns]
        table.add_row(task, f"{tally.rows:,}", *shown, *([_commonest(tally.codes)] if codes else []))
    return table


def _shown(tally: Tally, column: Column) -> str:
    total = tally.sums[column.name]
    return f"{total / tally.rows:.3f}" if column.mean else f"{total:,}"


def _commonest(codes: Counter[str]) -> str:
    # Without a space, so that a narrow table breaks between codes only.
    shown = [f"{code}={count:,}" for code, count in codes.most_common(_CODES_SHOWN)]
    more = len(codes) - _CODES_SHOWN
    return ", ".join(shown) + (f", {more} more" if more > 0 else "")
