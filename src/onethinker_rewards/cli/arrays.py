"""A JSON array as a source of work: its elements as they are in the file, found without decoding them.

A streaming parser would decode all rows in one process, would not say at which byte a row begins, which resuming
needs, and could not go on after a row that is broken. Here a row is what stands between two commas of the array.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Protocol

from onethinker_rewards.cli.files import Refused, file_size, reason
from onethinker_rewards.cli.lines import CHUNK_BYTES, CHUNK_ROWS
from onethinker_rewards.cli.rows import Broken, Row, read_rows
from onethinker_rewards.cli.work import Place

__all__ = ["ArraySource", "Elements", "begins_array"]

# No row is as long; without an end to it, a missing bracket would take all of the rest into memory.
LONGEST = 64_000_000
_BLOCK = 1 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# A string ends with its line at the latest: so a missing quote does no harm beyond its row.
_IN_STRING = rb'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+'
_STRING = _IN_STRING + rb'"'
_TOKEN = re.compile(_IN_STRING + rb'(?:"|\\?\n)|"|[\[\]{},]')
# Objects and lists this deep inside each other are found by one pattern, deeper ones token by token.
_DEPTH = 5


def _nested(depth: int) -> bytes:
    inside = rb"[^\[\]{}\"]++|" + _STRING + (rb"|" + _nested(depth - 1) if depth else rb"")
    return rb"[\[{](?:" + inside + rb")*+[\]}]"


_ELEMENT = re.compile(rb"\s*+" + _nested(_DEPTH) + rb"\s*+(?=[,\]])")
# What follows a line that lacks a quote, and maybe with it a bracket: the next row, or who knows.
_NEXT_ROW = re.compile(rb"\s*+({|$)")
_OPENING = re.compile(rb"(?:" + _BYTE_ORDER_MARK + rb")?\s*\[")


@dataclass(frozen=True, slots=True)
class Elements:
    """Consecutive elements of an array.

    Attributes:
        start: The place of the first.
        end: Where the next begin.
        texts: The elements.
        broken: What follows them and is none.
    """

    start: Place
    end: Place
    texts: list[bytes]
    broken: Broken | None = None

    def rows(self, only: Sequence[str] | None = None) -> list[Row | Broken]:
        """Decode the elements, whole."""
        rows = list(read_rows((text.strip() for text in self.texts), self.start.number))
        return rows if self.broken is None else [*rows, self.broken]


def begins_array(file: IO[Any]) -> bool:
    """Tell whether a file that has just been opened holds an array."""
    return _OPENING.match(file.peek(_BLOCK)) is not None  # pyright: ignore[reportAttributeAccessIssue] - it is buffered


class ArraySource:
    """A file that is one JSON array; offsets in it are bytes, and numbers count elements."""

    def __init__(self, file: IO[Any], name: str) -> None:
        self.file = file
        self.name = name
        self.begin = 0
        self.total = file_size(file)

    def works(self, start: Place, rows: int | None = None) -> Iterator[Elements]:
        """Read from a place to the end."""
        begin = end = start
        texts: list[bytes] = []
        for offset, found in _elements(self._read, start):
            if isinstance(found, Broken):
                # Behind the end, so that a run that is taken up again has no more of it.
                yield Elements(begin, Place((self.total or 0) + 1, end.number + 1), texts, found)
                texts = []
                continue
            texts.append(found)
            end = Place(offset, end.number + 1)
            if len(texts) >= (rows or CHUNK_ROWS) or end.offset - begin.offset >= CHUNK_BYTES:
                yield Elements(begin, end, texts)
                begin, texts = end, []
        if texts:
            yield Elements(begin, end, texts)

    def splits(self, start: Place, count: Callable[[list[tuple[str, int, int]]], Iterable[int]]) -> list[Any]:
        """Refuse: where an element begins is known only to who has read what is before it.

        Raises:
            Refused: Always.
        """
        raise Refused(f"{self.name}: a JSON array cannot be divided; write it as JSON Lines for Ray")

    def _read(self, size: int, offset: int | None = None) -> bytes:
        try:
            if offset is not None:
                self.file.seek(offset)
            return self.file.read(size)
        except OSError as error:
            raise Refused(f"{self.name}: {reason(error)}") from None


class _Read(Protocol):
    def __call__(self, size: int, offset: int | None = None) -> bytes: ...


def _elements(read: _Read, start: Place) -> Iterator[tuple[int, bytes | Broken]]:
    """Yield each element with the offset behind its comma; in the end, what is wrong with the end of the file."""
    # A place is behind a comma, behind the end of the array, or behind that of the file.
    before = read(1, start.offset - 1) if start.offset else b","
    if not before:
        return
    buffer, base, number = read(_BLOCK), start.offset, start.number
    opening = _OPENING.match(buffer) if base == 0 else None
    at = opening.end() if opening else 0
    ended = before == b"]"
    while not ended:
        stop = _stop(buffer, at)
        while stop < 0 and len(buffer) - at < LONGEST:
            # As much again, so that a long element is not looked at over and over.
            more = read(max(_BLOCK, len(buffer) - at))
            if not more:
                yield -1, Broken(number, _cut_off(buffer[at:]))
                return
            buffer, base, at = buffer[at:] + more, base + at, 0
            stop = _stop(buffer, at)
        if stop < 0:
            yield -1, Broken(number, f"no end within {LONGEST:,} bytes; what follows is not readable either")
            return
        text, at = buffer[at:stop], stop + 1
        ended = buffer[stop] == ord("]")
        if text.strip() or not ended:
            yield base + at, text
            number += 1
    if (buffer[at:] + read(_BLOCK)).strip():
        yield -1, Broken(number, "text after the end of the array")


def _cut_off(rest: bytes) -> str:
    return "the file ends inside this row" if rest.strip() else "the file ends before the array does"


def _stop(buffer: bytes, at: int) -> int:
    """Return where the comma or bracket behind an element is, or a line's end, -1 where it is not in the buffer."""
    found = _ELEMENT.match(buffer, at)
    return found.end() if found else _stop_by_tokens(buffer, at)


def _stop_by_tokens(buffer: bytes, at: int) -> int:
    depth = 0
    for token in _TOKEN.finditer(buffer, at):
        text = token[0]
        if text == b'"':
            # The string goes on behind the buffer.
            return -1
        if text.endswith(b"\n") and (follows := _NEXT_ROW.match(buffer, token.end())):
            return token.end() - 1 if follows[1] else -1
        if text in (b"{", b"["):
            depth += 1
        elif depth == 0 and text in (b",", b"]"):
            return token.start()
        elif text in (b"}", b"]"):
            depth = max(depth - 1, 0)
    return -1
