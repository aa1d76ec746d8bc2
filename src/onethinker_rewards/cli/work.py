"""The unit that a file goes through a command in: some rows in, what is written for them out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from onethinker_rewards.cli.rows import Broken, Row, encode
from onethinker_rewards.cli.tallies import Tally, add_tallies

__all__ = ["NAMED", "Done", "Job", "Place", "Progress", "Result", "Split", "Work", "done_of", "lines_of_results"]

# Broken rows named one by one; each of them stands in the output anyway.
NAMED = 20


class Place(NamedTuple):
    """A place in a file.

    Attributes:
        offset: Bytes of a JSONL file, or rows of a Parquet file, before it. It may lie inside a line: the next row is
            the first one that starts at or after it.
        number: The number of the next row, from 1.
    """

    offset: int = 0
    number: int = 1


class Work(Protocol):
    """Some consecutive rows of a file; it can be pickled."""

    @property
    def end(self) -> Place:
        """Where the next rows begin."""
        ...

    def rows(self, only: Sequence[str] | None = None) -> list[Row | Broken]:
        """Decode the rows; where columns are stored apart, only these."""
        ...


class Split(Protocol):
    """A part of a file that can be read on its own, on another machine too."""

    def works(self) -> Iterator[Work]:
        """Read it."""
        ...


# What was made of one row: columns to write, or why it cannot be used.
Result = dict[str, Any] | Broken


@dataclass(slots=True)
class Done:
    """What became of one work.

    Attributes:
        end: Where the next rows begin.
        rows: Number of rows.
        broken: How many of them could not be used.
        named: The first of those.
        tallies: Sums by task.
        blob: What is written.
    """

    end: Place
    rows: int
    broken: int
    named: list[Broken]
    tallies: dict[str, Tally]
    blob: bytes


Job = Callable[[Work], Done]


@dataclass(slots=True)
class Progress:
    """How far a run is, and all that its end needs to know about the way there.

    Attributes:
        place: Where the next rows begin.
        written: Bytes written.
        rows: Number of rows.
        broken: How many of them could not be used.
        tallies: Sums by task.
    """

    place: Place = field(default_factory=Place)
    written: int = 0
    rows: int = 0
    broken: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict[str, Tally])

    def add(self, done: Done) -> None:
        """Take note of the work that comes next."""
        self.place = done.end
        self.written += len(done.blob)
        self.rows += done.rows
        self.broken += done.broken
        add_tallies(self.tallies, done.tallies)


def done_of(work: Work, results: Sequence[Result], tallies: dict[str, Tally], blob: bytes) -> Done:
    """Count what came out of a work."""
    broken = [result for result in results if isinstance(result, Broken)]
    return Done(work.end, len(results), len(broken), broken[:NAMED], tallies, blob)


def lines_of_results(results: Iterable[Result]) -> bytes:
    """Return results as JSON Lines."""
    return b"".join(
        encode({"row": one.number, "error": one.why} if isinstance(one, Broken) else one) for one in results
    )
