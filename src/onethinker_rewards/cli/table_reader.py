"""The one reader of tables: JSON Lines, JSON arrays, ``{"results": […]}``, CSV and Parquet, plain or gzipped.

What a file holds is told by its first bytes, not by its name; a container that cannot be read is one error that says
what it is and what to do. Rows come in chunks, so that memory does not grow with the file, and chunks can be pickled,
so that other processes can decode them.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import shutil
import stat
import sys
import tempfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, cast

from onethinker_rewards.cli.messages import STANDARD, CliError, error_text
from onethinker_rewards.cli.rows import InvalidRow, Row, decode_row

if TYPE_CHECKING:
    from onethinker_rewards.cli.arrow import ArrowBatch, ArrowFile

__all__ = ["Chunk", "LinesSplit", "ParquetSplit", "Split", "TableReader", "input_name", "open_table"]

# A chunk ends with whichever comes first.
CHUNK_ROWS = 1024
CHUNK_BYTES = 8_000_000
# A longer row is an error: without an end, a missing bracket would take the whole file into memory.
LONGEST_ROW = 64_000_000
_HEAD = 1 << 16
# Lines that tell one object over several lines from one object a line.
_HEAD_LINES = 2
_UNPACKERS = {b"BZh": "bunzip2 -c", b"\xfd7zXZ": "xz -dc", b"\x28\xb5\x2f\xfd": "zstd -dc"}
# What follows the key of a list of objects, and what can open, close or hide such a key.
_OBJECTS = re.compile(rb"\s*:\s*\[(?=\s*(?:[{\]]|$))")
_TOKEN = re.compile(rb'"(?:[^"\\\n]|\\.)*"|["\[\]{}]')
_PRETTY = re.compile(rb'\{\s*\n\s*"')
# How Python holds bytes that are not UTF-8.
_UNDECODED = re.compile("[\udc80-\udcff]")
# Finds where an element ends; numbers of any length will do.
_ELEMENT = json.JSONDecoder(parse_int=str)
_SEPARATORS = re.compile(r"[\s,]*")


class Chunk(Protocol):
    """Some consecutive rows of a table; it can be pickled."""

    def rows(self) -> list[Row | InvalidRow]:
        """Decode the rows."""
        ...


class Split(Protocol):
    """A part of a file that can be read on its own, on another machine too."""

    def chunks(self) -> Iterator[Chunk]:
        """Read it."""
        ...


@dataclass(frozen=True, slots=True)
class RowsChunk:
    """Rows that are decoded already."""

    members: list[Row | InvalidRow]

    def rows(self) -> list[Row | InvalidRow]:
        """Return the rows."""
        return self.members


@dataclass(frozen=True, slots=True)
class LinesChunk:
    """Lines of JSON as they are in the file, each with its number."""

    lines: list[tuple[int, bytes]]

    def rows(self) -> list[Row | InvalidRow]:
        """Decode the lines."""
        return [decode_row(line, number) for number, line in self.lines]


@dataclass(frozen=True, slots=True)
class ArrowChunk:
    """Rows of a Parquet file, and the number of the first."""

    first: int
    batch: ArrowBatch

    def rows(self) -> list[Row | InvalidRow]:
        """Decode the rows."""
        from onethinker_rewards.cli.arrow import rows_of_batch  # noqa: PLC0415 - needs pyarrow

        return rows_of_batch(self.batch, self.first)


class TableReader:
    """An open table.

    Attributes:
        name: What messages call the input.
        file: The file itself, decompressed.
        size: Its bytes on disk, for a progress bar; None for a pipe.
    """

    def __init__(self, name: str, file: IO[bytes], raw: IO[bytes]) -> None:
        self.name = name
        self.file = file
        self._raw = raw
        self.size = file_size(raw)

    def position(self) -> int:
        """Return how many of the bytes on disk have been read."""
        return os.lseek(self._raw.fileno(), 0, os.SEEK_CUR) if self.size is not None else 0

    def chunks(self, skip: int = 0) -> Iterator[Chunk]:
        """Yield the rows after the first ``skip``.

        Raises:
            CliError: If the input cannot be read any further.
        """
        try:
            yield from self._chunks(skip)
        except (OSError, EOFError, zlib.error) as error:
            raise CliError(f"{self.name}: {error_text(cast('OSError', error))}") from None

    def splits(self, skip: int = 0) -> list[Split]:
        """Divide the rows after the first ``skip`` into parts that other machines can read.

        Raises:
            CliError: If the format cannot be divided.
        """
        raise CliError(f"{self.name}: only JSON Lines and Parquet files that are not compressed can be divided for Ray")

    def _chunks(self, skip: int) -> Iterator[Chunk]:
        rows = islice(self._rows(), skip, None)
        while members := list(islice(rows, CHUNK_ROWS)):
            yield RowsChunk(members)

    def _rows(self) -> Iterator[Row | InvalidRow]:
        raise NotImplementedError


class JsonLines(TableReader):
    """One JSON object a line; blank lines are left out, and counted in the numbers of the others."""

    def _chunks(self, skip: int) -> Iterator[Chunk]:
        return _chunks_of_lines(islice(_filled_lines(self.file, 1), skip, None))

    def splits(self, skip: int = 0) -> list[Split]:
        """Divide the lines; each part knows the number of its first line."""
        if self.file is not self._raw or not Path(self.name).is_file():
            return super().splits(skip)
        parts: list[Split] = []
        begin, first, rows = 0, 1, 0
        end, number = 0, 1
        for line in self.file:
            end, number = end + len(line), number + 1
            if rows < skip:
                rows += bool(line.strip())
                begin, first = end, number
            elif end - begin >= CHUNK_BYTES:
                parts.append(LinesSplit(self.name, begin, end, first))
                begin, first = end, number
        return parts if begin == end else [*parts, LinesSplit(self.name, begin, end, first)]


@dataclass(frozen=True, slots=True)
class LinesSplit:
    """The lines of a JSON Lines file in a range of bytes."""

    path: str
    begin: int
    end: int
    first: int

    def chunks(self) -> Iterator[Chunk]:
        """Read the range."""
        with Path(self.path).open("rb") as file:
            file.seek(self.begin)
            lines = io.BytesIO(file.read(self.end - self.begin))
        return _chunks_of_lines(_filled_lines(lines, self.first))


class JsonArray(TableReader):
    """A JSON array of objects, pretty-printed or not.

    Args:
        name: What messages call the input.
        file: The file itself, decompressed.
        raw: The file on disk.
        begin: Where the array's elements begin in the file.
        inside: Whether an object encloses the array; what follows the array is then not read.
    """

    def __init__(self, name: str, file: IO[bytes], raw: IO[bytes], begin: int, *, inside: bool = False) -> None:
        super().__init__(name, file, raw)
        self._begin, self._inside = begin, inside

    def _rows(self) -> Iterator[Row | InvalidRow]:
        self.file.read(self._begin)
        # Held, because a text file that goes out of use closes what it reads.
        self._text = io.TextIOWrapper(self.file, encoding="utf-8", errors="surrogateescape")
        return _array_rows(self._text, inside=self._inside)


class Csv(TableReader):
    """Values separated by commas, tabs or semicolons with a header; an empty cell is no value."""

    def __init__(self, name: str, file: IO[bytes], raw: IO[bytes], delimiter: str) -> None:
        super().__init__(name, file, raw)
        self._delimiter = delimiter

    def _rows(self) -> Iterator[Row | InvalidRow]:
        csv.field_size_limit(LONGEST_ROW)
        # Held, because a text file that goes out of use closes what it reads.
        self._text = io.TextIOWrapper(self.file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        lines = csv.reader(self._text, delimiter=self._delimiter)
        header = next(filter(None, lines), [])
        if repeated := [name for name in header if header.count(name) > 1]:
            raise CliError(f"{self.name}: two columns are called {repeated[0]!r}")
        number = 0
        while True:
            try:
                cells = next(lines, None)
            except csv.Error as error:
                yield InvalidRow(number + 1, f"not CSV: {error}")
                number += 1
                continue
            if cells is None:
                return
            number += 1
            if not cells:
                continue
            if (text := "".join(cells)) and not text.isascii() and (fault := _UNDECODED.search(text)):
                yield InvalidRow(number, f"not UTF-8 (byte 0x{ord(fault[0]) - 0xDC00:x})")
            elif len(cells) != len(header):
                yield InvalidRow(number, f"{len(cells)} cells, but the header has {len(header)}")
            else:
                yield Row(number, {name: cell for name, cell in zip(header, cells, strict=True) if cell})


class Parquet(TableReader):
    """A Parquet file."""

    def __init__(self, name: str, file: IO[bytes], raw: IO[bytes]) -> None:
        super().__init__(name, file, raw)
        self._parquet = _open_parquet(file, name)
        self.size = self._parquet.metadata.num_rows
        self._read = 0

    def position(self) -> int:
        """Return how many rows have been read; `size` counts rows too."""
        return self._read

    def _chunks(self, skip: int) -> Iterator[Chunk]:
        for chunk in _parquet_chunks(self._parquet, self.name, range(self._parquet.num_row_groups), 1, skip):
            self._read = chunk.first - 1 + len(chunk.batch)
            yield chunk

    def splits(self, skip: int = 0) -> list[Split]:
        """Divide the file by row groups."""
        if self.file is not self._raw or not Path(self.name).is_file():
            return super().splits(skip)
        parts: list[Split] = []
        first = 1
        for group in range(self._parquet.num_row_groups):
            rows = self._parquet.metadata.row_group(group).num_rows
            left_out = min(max(skip - first + 1, 0), rows)
            if left_out < rows:
                parts.append(ParquetSplit(self.name, group, first, left_out))
            first += rows
        return parts


@dataclass(frozen=True, slots=True)
class ParquetSplit:
    """A row group of a Parquet file, without its first rows."""

    path: str
    group: int
    first: int
    skip: int

    def chunks(self) -> Iterator[Chunk]:
        """Read the row group."""
        with Path(self.path).open("rb") as file:
            parquet = _open_parquet(file, self.path)
            yield from _parquet_chunks(parquet, self.path, [self.group], self.first, self.skip)


@contextmanager
def open_table(path: str) -> Generator[TableReader]:
    """Open a table, or standard input for ``-``; its first bytes tell its format.

    Raises:
        CliError: If it cannot be opened, or holds something else.
    """
    name = input_name(path)
    with ExitStack() as stack:
        try:
            raw = _open_raw(path)
            stack.callback(raw.close) if path != STANDARD else None
            file = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if raw.peek(2)[:2] == b"\x1f\x8b" else raw
            head, file = _read_head(file)
            if head.startswith(b"PAR1") and (file is not raw or not raw.seekable()):
                # Parquet is read from its end: what comes through a pipe or a decompressor is written to disk first.
                spool = stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(file, spool)
                file = spool
        except (OSError, ValueError, EOFError, zlib.error) as error:
            raise CliError(f"{name}: {error_text(cast('OSError', error))}") from None
        yield _reader(name, path, head, file, raw)


def input_name(path: str) -> str:
    """Return what messages call an input."""
    return "<stdin>" if path == STANDARD else path


def file_size(file: IO[bytes]) -> int | None:
    """Return how many bytes a file has, None for a pipe."""
    try:
        status = os.fstat(file.fileno())
    except (OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _open_raw(path: str) -> io.BufferedReader:
    if not path:
        raise CliError("the name of the input is empty")
    if path != STANDARD:
        return cast("io.BufferedReader", Path(path).open("rb", buffering=_HEAD))
    if sys.stdin is None:
        raise CliError(f"{input_name(path)}: is closed")
    file = sys.stdin.buffer
    return file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", file))


class _Prefixed(io.RawIOBase):
    """Bytes that were read already, and then the rest of their file."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        block = self._head[: len(view)] or self._rest.read1(len(view))  # pyright: ignore[reportAttributeAccessIssue]
        self._head = self._head[len(view) :]
        view[: len(block)] = block
        return len(block)


def _read_head(file: IO[bytes]) -> tuple[bytes, IO[bytes]]:
    """Return the first lines or the first 64 KB, whichever is shorter, and a file that begins with them again."""
    head = b""
    while len(head) < _HEAD and head.lstrip().count(b"\n") < _HEAD_LINES:
        block = file.read1(_HEAD)  # pyright: ignore[reportAttributeAccessIssue] - both kinds of file are buffered
        if not block:
            break
        head += block
    if isinstance(file, io.BufferedReader) and file.seekable():
        file.seek(file.tell() - len(head))
        return head, file
    return head, cast("IO[bytes]", io.BufferedReader(_Prefixed(head, file), _HEAD))


def _reader(name: str, path: str, head: bytes, file: IO[bytes], raw: IO[bytes]) -> TableReader:
    """Return the reader for what the first bytes say.

    Raises:
        CliError: If they say that it is something else.
    """
    if head.startswith(b"PAR1"):
        return Parquet(name, file, raw)
    _check_container(name, head)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    begin = len(head) - len(text)
    if text.startswith(b"["):
        return JsonArray(name, file, raw, begin + 1)
    suffix = Path(path.removesuffix(".gz")).suffix.lower()
    if not text.startswith(b"{"):
        first_line, _, rest = text.partition(b"\n")
        delimiter = max(",\t;", key=lambda mark: first_line.count(mark.encode()))
        if suffix in (".csv", ".tsv") or (not rest.startswith(b"{") and delimiter.encode() in first_line):
            return Csv(name, file, raw, delimiter)
        return JsonLines(name, file, raw)
    results = _results_offset(text)
    if results is not None:
        return JsonArray(name, file, raw, begin + results, inside=True)
    if _PRETTY.match(text):
        what = 'one JSON object over several lines; give one object a line, a list, or {"results": [...]}'
        raise CliError(f"{name}: {what}")
    return JsonLines(name, file, raw)


def _results_offset(text: bytes) -> int | None:
    """Return where the elements of ``{"results": […]}`` begin; None if the text begins with a row, or something else.

    ``results`` is a key of the outermost object, holds objects, and nothing follows that object.
    """
    depth, found = 0, None
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
            if depth == 0:
                return None if text[token.end() :].strip() else found
        elif mark == b'"':
            # A string that is cut off.
            break
        elif depth == 1 and found is None and mark == b'"results"':
            objects = _OBJECTS.match(text, token.end())
            found = objects.end() if objects else None
    return found


def _check_container(name: str, head: bytes) -> None:
    """Raise if the first bytes are those of a format that is not read."""
    for mark, unpack in _UNPACKERS.items():
        if head.startswith(mark):
            raise CliError(f"{name}: is compressed; unpack it on the way: {unpack} {name} | onethinker-rewards … -")
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        raise CliError(f"{name}: is an Arrow file; write it as Parquet: pyarrow.parquet.write_table(table, path)")
    if head.startswith(b"PK\x03\x04"):
        raise CliError(f"{name}: is a zip archive, such as an Excel file; unpack it, or save it as CSV")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in head[:4]:
        raise CliError(f"{name}: is UTF-16 or binary; write it as UTF-8: iconv -f UTF-16 -t UTF-8 {name}")


def _filled_lines(lines: IO[bytes], first: int) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(lines, first):
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if text.strip():
            yield number, text.rstrip()


def _chunks_of_lines(lines: Iterator[tuple[int, bytes]]) -> Iterator[Chunk]:
    held: list[tuple[int, bytes]] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line[1])
        if len(held) >= CHUNK_ROWS or size >= CHUNK_BYTES:
            yield LinesChunk(held)
            held, size = [], 0
    if held:
        yield LinesChunk(held)


def _array_rows(text: IO[str], *, inside: bool) -> Iterator[Row | InvalidRow]:
    """Yield the elements of an array whose bracket has been read."""
    buffer, at = text.read(_HEAD), 0
    # What a row begins with if each begins on a line of its own: its indentation tells it from objects inside rows.
    first = re.match(r"\s*\n([ \t]*)\{", buffer)
    row_begin = f"\n{first[1]}{{" if first else None
    for number in count(1):
        at = _behind(_SEPARATORS, buffer, at)
        while at == len(buffer) and (buffer := text.read(_HEAD)):
            at = _behind(_SEPARATORS, buffer, 0)
        if buffer.startswith("]", at):
            if not inside and (buffer[at + 1 :].strip() or any(line.strip() for line in text)):
                yield InvalidRow(number, "there is text after the end of the array, which is not read")
            return
        if not buffer:
            yield InvalidRow(number, "the file ends before the array does")
            return
        fault, buffer, at, end = _array_element(text, buffer, at)
        if fault is None:
            # As the bytes of a line, so that rows of both are the same.
            yield decode_row(buffer[at:end].encode("utf-8", "surrogateescape"), number)
            at = end
            continue
        at = buffer.find(row_begin, 1) if row_begin else -1
        yield InvalidRow(number, fault + ("; the rows after it cannot be found" if at < 0 else ""))
        if at < 0:
            return


def _array_element(text: IO[str], buffer: str, at: int) -> tuple[str | None, str, int, int]:
    """Find the end of the element that begins at an offset of the buffer.

    Returns:
        Why there is no end, or None; the buffer, which may hold more now; where the element begins and ends in it.
    """
    while True:
        try:
            return None, buffer, at, _ELEMENT.raw_decode(buffer, at)[1]
        except RecursionError:
            fault = "not JSON: nested too deeply"
        except json.JSONDecodeError as error:
            fault = f"not JSON: {error.msg} (character {error.pos - at + 1})"
        # The row may be incomplete: twice as much text each time, so that a long row is not decoded often.
        more = text.read(max(_HEAD, len(buffer) - at)) if len(buffer) - at < LONGEST_ROW else ""
        buffer, at = buffer[at:] + more, 0
        if not more:
            return fault, buffer, 0, 0


def _behind(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _open_parquet(file: IO[bytes], name: str) -> ArrowFile:
    from onethinker_rewards.cli.arrow import open_parquet  # noqa: PLC0415 - needs pyarrow

    return open_parquet(file, name)


def _parquet_chunks(
    parquet: ArrowFile, name: str, groups: range | list[int], first: int, skip: int
) -> Iterator[ArrowChunk]:
    from onethinker_rewards.cli.arrow import batches  # noqa: PLC0415 - needs pyarrow

    for batch in batches(parquet, name, groups, CHUNK_ROWS, CHUNK_BYTES):
        left_out = min(skip, len(batch))
        skip -= left_out
        if left_out < len(batch):
            yield ArrowChunk(first + left_out, batch.slice(left_out))
        first += len(batch)
