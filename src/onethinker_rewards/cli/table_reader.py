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
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

from onethinker_rewards.cli.messages import STANDARD, CliError, error_text
from onethinker_rewards.cli.rows import InvalidRow, Row, decode_row

# A row, or its JSON text and its number: then another process can decode it.
Item: TypeAlias = Row | InvalidRow | tuple[bytes, int]

# A chunk ends with whichever comes first.
CHUNK_ROWS = 1024
CHUNK_BYTES = 8_000_000
# A longer row is an error: without an end, a missing bracket would take the whole file into memory.
LONGEST_ROW = 64_000_000
_HEAD = 1 << 16
# Lines that tell one object over several lines from one object a line.
_HEAD_LINES = 2
_BOM = b"\xef\xbb\xbf"
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


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some consecutive rows of a table, as items or as an Arrow batch; it can be pickled.

    A table without rows is a chunk without rows, with ``names`` for its columns if they are known.
    """

    items: Sequence[Item] = ()
    batch: Any = None
    first: int = 1
    names: Sequence[str] = ()

    def rows(self) -> list[Row | InvalidRow]:
        """Decode the rows."""
        if self.batch is None:
            return [decode_row(*item) if isinstance(item, tuple) else item for item in self.items]
        from onethinker_rewards.cli.arrow import rows_of_batch  # noqa: PLC0415 - needs pyarrow

        return rows_of_batch(self.batch, self.first)


class Table:
    """An open table.

    Attributes:
        path: The file, ``-`` for standard input.
        name: What messages call it.
        raw: The file on disk.
        size: Its bytes on disk, for a progress bar, or its rows if it is Parquet; None for a pipe.
    """

    def __init__(
        self, path: str, raw: IO[bytes], items: Iterator[Item], names: Sequence[str] = (), text: IO[str] | None = None
    ) -> None:
        self.path, self.name, self.raw = path, input_name(path), raw
        # The text is kept, because a text file that goes out of use closes what it reads.
        self._items, self._names, self._text = items, names, text
        self.size = _file_size(raw)

    def position(self) -> int:
        """Return how many bytes on disk, or rows of Parquet, have been read."""
        return 0 if self.size is None else os.lseek(self.raw.fileno(), 0, os.SEEK_CUR)

    def chunks(self, skip: int = 0) -> Iterator[Chunk]:
        """Yield the rows after the first ``skip``; a table without rows is one empty chunk."""
        is_empty = skip == 0
        try:
            for chunk in self._chunks(skip):
                is_empty = False
                yield chunk
        except (OSError, EOFError, zlib.error) as error:
            raise CliError(f"{self.name}: {error_text(cast('OSError', error))}") from None
        if is_empty:
            yield self._empty_chunk()

    def _empty_chunk(self) -> Chunk:
        return Chunk(names=self._names)

    def _chunks(self, skip: int) -> Iterator[Chunk]:
        held: list[Item] = []
        size = 0
        for item in islice(self._items, skip, None):
            held.append(item)
            size += len(item[0]) if isinstance(item, tuple) else 0
            if len(held) >= CHUNK_ROWS or size >= CHUNK_BYTES:
                yield Chunk(held)
                held, size = [], 0
        if held:
            yield Chunk(held)


class _ParquetTable(Table):
    def __init__(self, path: str, raw: IO[bytes], parquet: Any) -> None:
        super().__init__(path, raw, iter(()))
        self._parquet = parquet
        self._read = 0
        self.size = parquet.metadata.num_rows

    def position(self) -> int:
        return self._read

    def _empty_chunk(self) -> Chunk:
        from onethinker_rewards.cli.arrow import empty_batch  # noqa: PLC0415 - needs pyarrow

        return Chunk(batch=empty_batch(self._parquet))

    def _chunks(self, skip: int) -> Iterator[Chunk]:
        from onethinker_rewards.cli.arrow import batches  # noqa: PLC0415 - needs pyarrow

        self._read = 0
        for batch in batches(self._parquet, self.name, CHUNK_ROWS, CHUNK_BYTES):
            left_out = min(max(skip - self._read, 0), len(batch))
            first, self._read = self._read + left_out + 1, self._read + len(batch)
            if left_out < len(batch):
                yield Chunk(batch=batch.slice(left_out), first=first)


@contextmanager
def open_table(path: str, *, responses: Iterable[str] = ()) -> Generator[Table]:
    """Open a table, or standard input for ``-``; its first bytes tell its format.

    Args:
        path: The file.
        responses: Columns in which an empty cell of CSV is an empty text; in others it is a missing value.
    """
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
            raise CliError(f"{input_name(path)}: {error_text(cast('OSError', error))}") from None
        yield _recognized(path, head, file, raw, responses)


def input_name(path: str) -> str:
    """Return what messages call an input."""
    return "<stdin>" if path == STANDARD else path


def _file_size(file: IO[bytes]) -> int | None:
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


def _recognized(path: str, head: bytes, file: IO[bytes], raw: IO[bytes], responses: Iterable[str]) -> Table:
    """Return a table of the format that the first bytes show."""
    name = input_name(path)
    if head.startswith(b"PAR1"):
        from onethinker_rewards.cli.arrow import open_parquet  # noqa: PLC0415 - needs pyarrow

        return _ParquetTable(path, raw, open_parquet(file, name))
    _check_container(name, head)
    text = head.removeprefix(_BOM).lstrip()
    begin = len(head) - len(text)
    results = 1 if text.startswith(b"[") else _results_offset(text) if text.startswith(b"{") else None
    if results is not None:
        file.read(begin + results)
        array = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape")
        return Table(path, raw, _array_items(array, inside=not text.startswith(b"[")), text=array)
    if not text.startswith(b"{"):
        first_line, _, rest = text.partition(b"\n")
        delimiter = max(",\t;", key=lambda mark: first_line.count(mark.encode()))
        is_csv = Path(path.removesuffix(".gz")).suffix.lower() in (".csv", ".tsv")
        if is_csv or (not rest.startswith(b"{") and delimiter.encode() in first_line):
            decoded = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
            header, lines = _csv_lines(name, decoded, delimiter)
            written = [column for column in responses if column in header]
            return Table(path, raw, _csv_items(header, lines, written), header, decoded)
    elif _PRETTY.match(text):
        what = 'one JSON object over several lines; give one object a line, a list, or {"results": [...]}'
        raise CliError(f"{name}: {what}")
    return Table(path, raw, _line_items(file))


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


def _line_items(file: IO[bytes]) -> Iterator[Item]:
    """Yield lines with their numbers; blank lines are left out, and counted in the numbers of the others."""
    for number, line in enumerate(file, 1):
        text = line.removeprefix(_BOM) if number == 1 else line
        if text.strip():
            yield text.rstrip(), number


def _csv_lines(name: str, text: IO[str], delimiter: str) -> tuple[list[str], Iterator[list[str]]]:
    csv.field_size_limit(LONGEST_ROW)
    lines = csv.reader(text, delimiter=delimiter)
    try:
        header = next(filter(None, lines), [])
    except csv.Error as error:
        raise CliError(f"{name}: not CSV: {error}") from None
    if repeated := [column for column in header if header.count(column) > 1]:
        raise CliError(f"{name}: two columns are called {repeated[0]!r}")
    return header, lines


def _csv_items(header: list[str], lines: Iterator[list[str]], responses: list[str]) -> Iterator[Item]:
    """Yield rows. An empty cell is no value, except for the response: a model may have written nothing."""
    for number in count(1):
        try:
            cells = next(lines, None)
        except csv.Error as error:
            yield InvalidRow(number, f"not CSV: {error}")
            continue
        if cells is None:
            return
        if not cells:
            continue
        if (whole := "".join(cells)) and not whole.isascii() and (fault := _UNDECODED.search(whole)):
            yield InvalidRow(number, f"not UTF-8 (byte 0x{ord(fault[0]) - 0xDC00:x})")
        elif len(cells) != len(header):
            yield InvalidRow(number, f"{len(cells)} cells, but the header has {len(header)}")
        else:
            columns: dict[str, object] = {name: cell for name, cell in zip(header, cells, strict=True) if cell}
            if responses and columns.keys().isdisjoint(responses):
                columns[responses[0]] = ""
            yield Row(number, columns)


def _array_items(text: IO[str], *, inside: bool) -> Iterator[Item]:
    """Yield the elements of an array whose bracket has been read; what follows one inside an object is not read."""
    buffer, at = text.read(_HEAD), 0
    # What a row begins with if each begins on a line of its own: its indentation tells it from objects inside rows.
    first = re.match(r"\s*\n([ \t]*)\{", buffer)
    row_begin = f"\n{first[1]}{{" if first else None
    for number in count(1):
        at = _behind_separators(buffer, at)
        while at == len(buffer) and (buffer := text.read(_HEAD)):
            at = _behind_separators(buffer, 0)
        if buffer.startswith("]", at):
            if not inside and (buffer[at + 1 :].strip() or any(line.strip() for line in text)):
                yield InvalidRow(number, "there is text after the end of the array, which is not read")
            return
        if not buffer:
            yield InvalidRow(number, "the file ends before the array does")
            return
        fault, buffer, at, end = _array_element(text, buffer, at)
        if fault is None:
            yield buffer[at:end].encode("utf-8", "surrogateescape"), number
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


def _behind_separators(text: str, at: int) -> int:
    match = _SEPARATORS.match(text, at)
    return match.end() if match else at
