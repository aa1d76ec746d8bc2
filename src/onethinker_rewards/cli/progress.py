"""What a long run shows on standard error: how far it is, how fast, how long it will take, and invalid rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from onethinker_rewards.cli.outputs import ChunkResult
from onethinker_rewards.cli.rows import InvalidRow
from onethinker_rewards.cli.table_reader import TableReader

__all__ = ["RunProgress"]

# Reasons that are printed; every invalid row is in the output as well.
MOST_REASONS = 20
# Seconds before a bar is shown, and between two lines where there is no terminal.
_BAR_AFTER = 1.0
_LINE_EVERY = 30.0


class RunProgress:
    """Shows a bar on a terminal and a line now and then elsewhere; prints each reason of invalid rows once.

    Args:
        table: The input.
        console: Standard error.
        earlier: Rows that earlier runs have done.
        bar: Whether a bar may be drawn.
    """

    def __init__(self, table: TableReader, console: Console, *, earlier: int = 0, bar: bool = True) -> None:
        self._table, self._console, self._earlier = table, console, earlier
        self._bar = bar and console.is_terminal
        self._rows = 0
        self._begin: int | None = None
        self._since = self._last_line = time.monotonic()
        # The number of the first row with a reason, and how many rows in later chunks have it too.
        self._reasons: dict[str, list[int]] = {}
        self._progress = Progress(
            TextColumn("{task.fields[text]}"), BarColumn(), console=console, auto_refresh=False, transient=True
        )
        self._task = self._progress.add_task("", total=table.size, text="")

    def add(self, result: ChunkResult) -> None:
        """Take note of rows that are done."""
        position = self._table.position()
        self._begin = position if self._begin is None else self._begin
        self._rows += result.summary.rows
        self._report(result.invalid)
        now = time.monotonic()
        if self._bar and now - self._since > _BAR_AFTER:
            self._progress.start()
            self._progress.update(self._task, completed=position, text=self._text(now, position))
            self._progress.refresh()
        elif not self._console.is_terminal and now - self._last_line > _LINE_EVERY:
            self._last_line = now
            self._print(f"{self._table.name}: {self._text(now, position)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress.live.is_started:
            self._progress.stop()
        for reason, (first, later) in self._reasons.items():
            if later:
                self._print(f"{self._table.name}: {later:,} more rows like row {first:,}: {reason}")

    def _report(self, invalid: Sequence[InvalidRow]) -> None:
        by_reason: dict[str, list[int]] = {}
        for row in invalid:
            by_reason.setdefault(row.reason, []).append(row.number)
        for reason, numbers in by_reason.items():
            if reason in self._reasons:
                self._reasons[reason][1] += len(numbers)
            elif len(self._reasons) < MOST_REASONS:
                self._reasons[reason] = [numbers[0], 0]
                rows = f"row {numbers[0]:,}" if len(numbers) == 1 else f"{len(numbers):,} rows from row {numbers[0]:,}"
                self._print(f"{self._table.name}: {rows}: {reason}")
                if len(self._reasons) == MOST_REASONS:
                    self._print(f"{self._table.name}: other reasons are in the output only")

    def _text(self, now: float, position: int) -> str:
        spent = max(now - self._since, 1e-9)
        text = f"{self._earlier + self._rows:,} rows, {self._rows / spent:,.0f} a second"
        size, begin = self._table.size, self._begin or 0
        if not size or position <= begin:
            return text
        left = spent * (size - position) / (position - begin)
        return f"{text}, {100 * position / size:.0f} %, {timedelta(seconds=round(left))} left"

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)
