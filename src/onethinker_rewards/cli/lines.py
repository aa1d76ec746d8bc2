"""JSON Lines as a source of work: some thousand lines at a time, from any place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from onethinker_rewards.cli.files import file_size, lines_of, open_input
from onethinker_rewards.cli.rows import Broken, Row, read_rows
from onethinker_rewards.cli.work import Place

__all__ = ["Lines", "LinesSource", "LinesSplit", "count_lines"]

CHUNK_ROWS = 4096
CHUNK_BYTES = 16_000_000
# Bytes of a file that are handed to another machine together.
SPLIT_BYTES = 8_000_000
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Lines:
    """Consecutive lines as they are in the file."""

    start: Place
    end: Place
    lines: list[bytes]

    def rows(self, only: Sequence[str] | None = None) -> list[Row | Broken]:
        """Decode the lines, whole: a line holds all of its columns."""
        return list(read_rows(self.lines, self.start.number))


@dataclass(frozen=True, slots=True)
class LinesSplit:
    """The lines that start in a range of bytes."""

    path: str
    start: Place
    stop: int

    def works(self) -> Iterator[Lines]:
        """Read the range."""
        with open_input(self.path) as source:
            yield from read_works(source, self.path, self.start, self.stop)


class LinesSource:
    """A JSONL file, or standard input."""

    def __init__(self, file: IO[Any], path: str, name: str) -> None:
        self.file = file
        self.name = name
        size = file_size(file)
        # Standard input may be a file of which someone has read the beginning.
        self.begin = 0 if size is None else file.tell()
        self.total = None if size is None else size - self.begin
        self._path = path

    def works(self, start: Place, rows: int | None = None) -> Iterator[Lines]:
        """Read from a place to the end."""
        return read_works(self.file, self.name, start, None, rows, self.begin)

    def splits(self, start: Place, count: Callable[[list[tuple[str, int, int]]], Iterable[int]]) -> list[LinesSplit]:
        """Divide what comes after a place.

        Args:
            start: Where the first split begins.
            count: Calls `count_lines` with each of these arguments; lines have no numbers before they are counted.
        """
        total = self.total or 0
        bounds = [(low, min(low + SPLIT_BYTES, total)) for low in range(start.offset, total, SPLIT_BYTES)]
        splits: list[LinesSplit] = []
        number = start.number
        for (low, high), lines in zip(bounds, count([(self._path, *one) for one in bounds]), strict=True):
            splits.append(LinesSplit(self._path, Place(low, number), high))
            number += lines
        return splits


def count_lines(path: str, low: int, high: int) -> int:
    """Return how many lines start in a range of bytes: at the beginning, or after a line's end."""
    with open_input(path) as source:
        source.seek(max(low - 1, 0))
        left = high - 1 - max(low - 1, 0)
        ends = 0
        while left > 0 and (block := source.read(min(left, _BLOCK))):
            ends += block.count(b"\n")
            left -= len(block)
    return ends + (low == 0)


def read_works(
    source: IO[Any], name: str, start: Place, stop: int | None, rows: int | None = None, begin: int = 0
) -> Iterator[Lines]:
    """Yield lines some thousand at a time, fewer where they are long, so that memory stays bounded.

    Args:
        source: Where they are read from.
        name: What messages call it.
        start: The place of the first.
        stop: The offset at which no further one may start, None for the end.
        rows: Most lines together.
        begin: The position from which offsets count.

    Raises:
        Refused: If reading fails on the way.
    """
    offset = _seek(source, start.offset, begin)
    lines: list[bytes] = []
    size = 0
    for line in lines_of(source, name) if stop is None or offset < stop else ():
        lines.append(line)
        size += len(line)
        last = stop is not None and offset + size >= stop
        if len(lines) >= (rows or CHUNK_ROWS) or size >= CHUNK_BYTES or last:
            end = Place(offset + size, start.number + len(lines))
            yield Lines(start, end, lines)
            start, offset, lines, size = end, end.offset, [], 0
        if last:
            return
    if lines:
        yield Lines(start, Place(offset + size, start.number + len(lines)), lines)


def _seek(source: IO[Any], offset: int, begin: int) -> int:
    """Go to the first line that starts at or after an offset; return where that is."""
    if offset == 0:
        return 0
    source.seek(begin + offset - 1)
    return offset - 1 + len(source.readline())
