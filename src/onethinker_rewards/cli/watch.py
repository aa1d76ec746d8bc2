"""What a long run says on standard error: broken rows, how far it is, how fast, and how long it will take."""

from __future__ import annotations

import time
from datetime import timedelta
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from onethinker_rewards.cli.work import NAMED, Done

__all__ = ["Watch"]

# Seconds before a bar is worth the while.
PATIENCE = 1.0
# Seconds between two lines where there is no terminal to draw a bar on.
LINE_EVERY = 30.0


class Watch:
    """Names broken rows and shows how far a run is: on a terminal as a bar, elsewhere as a line now and then.

    Args:
        name: What messages call the input.
        console: Standard error.
        total: The offset of the input's end, None where nobody knows.
        start: The offset at which this run begins.
        rows: Rows that earlier runs have done.
        bar: Whether there is room for a bar.
    """

    def __init__(
        self, name: str, console: Console, *, total: int | None, start: int = 0, rows: int = 0, bar: bool = True
    ) -> None:
        self._name = name
        self._console = console
        self._total = total
        self._start = start
        self._before = rows
        self._rows = 0
        self._broken = 0
        self._bar = bar and console.is_terminal
        self._since = self._said = time.monotonic()
        # Drawn only between chunks.
        self._progress = Progress(
            TextColumn("{task.fields[said]}"), BarColumn(), console=console, auto_refresh=False, transient=True
        )
        self._task = self._progress.add_task("", total=total, completed=start, said="")

    def note(self, done: Done) -> None:
        """Take note of rows that are done."""
        self._rows += done.rows
        for broken in done.named[: max(0, NAMED - self._broken)]:
            self._line(f"{self._name}: row {broken.number}: {broken.why}")
        self._broken += done.broken
        now = time.monotonic()
        if self._bar and now - self._since > PATIENCE:
            # Starting twice is starting once.
            self._progress.start()
            self._progress.update(self._task, completed=done.end.offset, said=self._said_at(now, done.end.offset))
            self._progress.refresh()
        elif not self._console.is_terminal and now - self._said > LINE_EVERY:
            self._said = now
            self._line(f"{self._name}: {self._said_at(now, done.end.offset)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Rich ends with an empty line where there was no bar.
        if self._progress.live.is_started:
            self._progress.stop()
        if self._broken > NAMED:
            self._line(f"{self._name}: {self._broken - NAMED:,} more rows that could not be used; see the output")

    def _said_at(self, now: float, offset: int) -> str:
        """Say rows, rows a second, and the time left if the rest goes as what this run has done."""
        spent = max(now - self._since, 1e-9)
        said = f"{self._before + self._rows:,} rows, {self._rows / spent:,.0f} a second"
        if not self._total or offset <= self._start:
            return said
        left = spent * (self._total - offset) / (offset - self._start)
        return f"{said}, {100 * offset / self._total:.0f} %, {timedelta(seconds=round(left))} left"

    def _line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)
