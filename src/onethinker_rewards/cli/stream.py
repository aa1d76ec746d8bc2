"""The way of a file through a command: chunk by chunk, every row in its place."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing

from rich.console import Console

from onethinker_rewards.cli.interrupts import interruptible
from onethinker_rewards.cli.output import Output
from onethinker_rewards.cli.sources import Source
from onethinker_rewards.cli.watch import Watch
from onethinker_rewards.cli.work import Done, Job, Place, Progress

__all__ = ["Engine", "alone", "stream"]

# Does a job on all that comes after a place, and gives what came out in the order of the file.
Engine = Callable[[Source, Place], Generator[Done]]


def stream(source: Source, output: Output, engine: Engine, console: Console) -> Progress:
    """Write what ``engine`` makes of the rows that are not done yet; return what was seen, in all runs together.

    Raises:
        Refused: If the input cannot be read or the output not be written.
    """
    progress = output.progress
    begun = progress.place.offset
    # Rows that run over the same terminal would tear a bar apart.
    bar = not output.is_terminal
    with interruptible() as interrupts:
        with (
            Watch(source.name, console, total=source.total, start=begun, rows=progress.rows, bar=bar) as watch,
            # At once, however this ends: an engine may hold processes.
            closing(engine(source, progress.place)) as work_done,
        ):
            for done in work_done:
                output.write(done.blob)
                progress.add(done)
                watch.note(done)
                output.keep()
                interrupts.check()
        output.finish()
    return progress


def alone(job: Job) -> Engine:
    """Return an engine that does everything in this process."""

    def engine(source: Source, start: Place) -> Generator[Done]:
        yield from map(job, source.works(start))

    return engine
