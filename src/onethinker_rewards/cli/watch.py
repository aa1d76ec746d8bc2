"""What a long run says on standard error: broken rows, and how far it is."""

from __future__ import annotations

import os
import stat
import time
from types import TracebackType
from typing import IO, Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from onethinker_rewards.cli.rows import Broken

__all__ = ["Watch"]

# Seconds before a bar is worth the while.
PATIENCE = 1.0
# Broken rows named one by one; each of them stands in the output anyway.
NAMED = 20


class Watch:
    """Names broken rows and, on a terminal, shows a bar once a run has taken a second.

    Attributes:
        rows: Rows seen.
        broken: Rows that could not be used.
    """

    def __init__(self, name: str, source: IO[Any], console: Console, *, bar: bool) -> None:
        self.rows = 0
        self.broken = 0
        self._name = name
        self._console = console
        self._bar = bar and console.is_terminal
        self._since = time.monotonic()
        # Drawn only between chunks: a thread that draws would not go with worker processes that are forked.
        self._progress = Progress(
            TextColumn("{task.fields[rows]:,} rows"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._task = self._progress.add_task("", total=_size(source), rows=0)

    def say(self, broken: Broken) -> None:
        """Name a row that cannot be used."""
        self.broken += 1
        if self.broken <= NAMED:
            self._line(f"{self._name}: row {broken.number}: {broken.why}")

    def advance(self, rows: int, size: int) -> None:
        """Take note of rows that are done."""
        self.rows += rows
        self._progress.update(self._task, advance=size, rows=self.rows)
        if self._bar and not self._progress.live.is_started and time.monotonic() - self._since > PATIENCE:
            self._progress.start()
        if self._progress.live.is_started:
            self._progress.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Rich ends with an empty line where there was no bar.
        if self._progress.live.is_started:
            self._progress.stop()
        if self.broken > NAMED:
            self._line(f"{self._name}: {self.broken - NAMED:,} more rows that could not be used; see the output")

    def _line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)


def _size(source: IO[Any]) -> int | None:
    """Return how many bytes there are to read, None where nobody knows."""
    try:
        status = os.fstat(source.fileno())
    except (OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
