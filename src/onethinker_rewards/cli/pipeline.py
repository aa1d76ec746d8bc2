"""The way of a table through a command: chunk by chunk, in one process or several, results in the order of the rows."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from types import FrameType
from typing import TypeAlias

from rich.console import Console

from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.outputs import ChunkResult, Output
from onethinker_rewards.cli.progress import RunProgress
from onethinker_rewards.cli.summary import Summary
from onethinker_rewards.cli.table_reader import Chunk, TableReader

__all__ = ["Engine", "Job", "engine_of", "run"]

# What a command does with a chunk; it can be pickled.
Job: TypeAlias = Callable[[Chunk], ChunkResult]
# Does a job on the rows after the first ``skip``.
Engine: TypeAlias = Callable[[TableReader, int], Generator[ChunkResult]]
# More processes than this only take memory.
_WORKERS_PER_CORE = 4


def run(table: TableReader, output: Output, engine: Engine, console: Console) -> Summary:
    """Write what ``engine`` makes of the rows that are not done yet; return the summary of all of them.

    Raises:
        CliError: If the input cannot be read or the output cannot be written.
        KeyboardInterrupt: On Ctrl-C; what is done is written.
    """
    summary = Summary()
    summary.merge(output.done)
    # Rows on the same terminal would tear a bar apart.
    bar = not output.is_terminal
    with (
        _interrupts() as interrupted,
        RunProgress(table, console, earlier=summary.rows, bar=bar) as progress,
        closing(engine(table, summary.rows)) as results,
    ):
        for result in results:
            output.write(result)
            summary.merge(result.summary)
            progress.add(result)
            if interrupted():
                raise KeyboardInterrupt
    output.finish()
    return summary


def engine_of(job: Job, workers: int | None) -> Engine:
    """Return an engine of this process, or of so many others.

    Raises:
        CliError: If the machine has too few cores for them.
    """
    if workers is None or workers == 1:
        return lambda table, skip: (job(chunk) for chunk in table.chunks(skip))
    cores = os.cpu_count() or 1
    if workers > _WORKERS_PER_CORE * cores:
        raise CliError(f"--workers {workers}: this machine has {cores} cores; give {_WORKERS_PER_CORE * cores} at most")
    # Costs an import that one process does not need.
    from onethinker_rewards.cli.process_pool import run_in_processes  # noqa: PLC0415

    return lambda table, skip: run_in_processes(job, workers, table.chunks(skip))


@contextmanager
def _interrupts() -> Generator[Callable[[], bool]]:
    """Return whether there was a Ctrl-C: Python drops one that is raised inside a finalizer."""
    seen = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield seen.is_set
        return

    def handle(number: int, frame: FrameType | None) -> None:
        seen.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, handle)
    try:
        yield seen.is_set
    finally:
        signal.signal(signal.SIGINT, before)
