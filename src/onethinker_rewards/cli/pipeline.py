"""The way of a table through a command: chunk by chunk, in one process or several, results in the order of the rows.

A long run shows on standard error how far it is, how fast, how long it will take, and which rows are invalid.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from types import FrameType
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.outputs import ChunkResult, Output
from onethinker_rewards.cli.rows import InvalidRow
from onethinker_rewards.cli.summary import Summary
from onethinker_rewards.cli.table_reader import Chunk, Table

# What a command does with a chunk; it can be pickled.
Job: TypeAlias = Callable[[Chunk], ChunkResult]
# Does a job on the rows after the first ``skip``.
Engine: TypeAlias = Callable[[Table, int], Generator[ChunkResult]]
# More processes than this only take memory.
_WORKERS_PER_CORE = 4
# Reasons that are printed; every invalid row is in the output as well.
MOST_REASONS = 20
# Seconds before a bar is shown, and between two lines where there is no terminal.
_BAR_AFTER = 1.0
_LINE_EVERY = 30.0


def run(table: Table, output: Output, engine: Engine, console: Console) -> Summary:
    """Write what ``engine`` makes of the rows that are not done yet; return the summary of all of them."""
    summary = Summary()
    summary.merge(output.done)
    # Rows on the same terminal would tear a bar apart.
    progress = _Progress(table, console, earlier=summary.rows, bar=not output.is_terminal)
    try:
        with _interrupts() as interrupted, closing(engine(table, summary.rows)) as results:
            for result in results:
                output.write(result)
                summary.merge(result.summary)
                progress.add(result)
                if interrupted:
                    raise KeyboardInterrupt
    finally:
        progress.end()
    output.finish()
    return summary


def engine_of(job: Job, workers: int | None = None) -> Engine:
    """Return an engine of this process, or of so many others."""
    if workers is None or workers == 1:
        return lambda table, skip: (job(chunk) for chunk in table.chunks(skip))
    cores = os.cpu_count() or 1
    if workers > _WORKERS_PER_CORE * cores:
        raise CliError(f"--workers {workers}: this machine has {cores} cores; give {_WORKERS_PER_CORE * cores} at most")
    # Costs an import that one process does not need.
    from onethinker_rewards.cli.process_pool import run_in_processes  # noqa: PLC0415

    return lambda table, skip: run_in_processes(job, workers, table.chunks(skip))


@contextmanager
def _interrupts() -> Generator[list[int]]:
    """Return a list that a Ctrl-C is added to: Python drops one that is raised inside a finalizer."""
    seen: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    # A shell lets a command in the background ignore it.
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, handle)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


class _Progress:
    """Shows a bar on a terminal and a line now and then elsewhere; prints each reason of invalid rows once."""

    def __init__(self, table: Table, console: Console, *, earlier: int = 0, bar: bool = True) -> None:
        self._table, self._console, self._earlier = table, console, earlier
        self._bar = bar and console.is_terminal
        self._rows = 0
        self._begin: int | None = None
        self._since = self._last_line = time.monotonic()
        # The number of the first row with a reason, and how many rows in later chunks have it too.
        self._reasons: dict[str, list[int]] = {}
        columns = TextColumn("{task.fields[text]}"), BarColumn()
        self._progress = Progress(*columns, console=console, auto_refresh=False, transient=True)
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
            self._print(self._text(now, position))

    def end(self) -> None:
        """Remove the bar, and say how many more rows had a reason that was printed."""
        if self._progress.live.is_started:
            self._progress.stop()
        for reason, (first, later) in self._reasons.items():
            if later:
                self._print(f"{later:,} more rows like row {first:,}: {reason}")

    def _report(self, invalid: Sequence[InvalidRow]) -> None:
        numbers: dict[str, list[int]] = {}
        for row in invalid:
            numbers.setdefault(row.reason, []).append(row.number)
        for reason, (first, *others) in numbers.items():
            if reason in self._reasons:
                self._reasons[reason][1] += 1 + len(others)
            elif len(self._reasons) < MOST_REASONS:
                self._reasons[reason] = [first, 0]
                rows = f"{1 + len(others):,} rows from row {first:,}" if others else f"row {first:,}"
                self._print(f"{rows}: {reason}")
                if len(self._reasons) == MOST_REASONS:
                    self._print("other reasons are in the output only")

    def _text(self, now: float, position: int) -> str:
        spent = max(now - self._since, 1e-9)
        text = f"{self._earlier + self._rows:,} rows, {self._rows / spent:,.0f} a second"
        size, begin = self._table.size, self._begin or 0
        if not size or position <= begin:
            return text
        left = spent * (size - position) / (position - begin)
        return f"{text}, {100 * position / size:.0f} %, {timedelta(seconds=round(left))} left"

    def _print(self, text: str) -> None:
        self._console.print(f"{self._table.name}: {text}", soft_wrap=True)
