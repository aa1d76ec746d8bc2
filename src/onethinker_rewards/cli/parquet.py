"""Parquet as a source of work, and as what the rows are written to in the end."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import IO, Any

from onethinker_rewards.cli.arrow import as_type, fits, pa
from onethinker_rewards.cli.batches import read_batches
from onethinker_rewards.cli.decoding import Unreadable, values_of
from onethinker_rewards.cli.files import Refused
from onethinker_rewards.cli.kinds import has_empty_struct, text_type
from onethinker_rewards.cli.rows import Broken, Row
from onethinker_rewards.cli.work import Place

import pyarrow.parquet as pq  # isort: skip - after the line that says what is missing

__all__ = ["ParquetSource", "ParquetSplit", "Table", "frame_of", "write_parquet", "write_tables"]

# Bytes read from a file at a time: a row group may be as large as the file.
_BUFFER = 1 << 20
# A row group of ours: enough for readers, few enough for memory.
_GROUP_ROWS = 8192
_GROUP_BYTES = 16_000_000
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Table:
    """Consecutive rows of a Parquet file."""

    start: Place
    end: Place
    batch: Any

    def rows(self, only: Sequence[str] | None = None) -> list[Row | Broken]:
        """Decode the rows, of these columns or of all."""
        names = [name for name in self.batch.schema.names if only is None or name in only]
        columns = [values_of(self.batch.column(name)) for name in names]
        values = zip(*columns, strict=True) if names else [()] * len(self.batch)
        others = self._others(names)
        numbers = range(self.start.number, self.end.number)
        return [
            _row(number, dict(zip(names, row, strict=True)), more)
            for number, row, more in zip(numbers, values, others, strict=True)
        ]

    def _others(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        """Return for each row the names of the other columns that are not null in it."""
        columns = {name: self.batch.column(name) for name in self.batch.schema.names if name not in names}
        whole = tuple(name for name, column in columns.items() if column.null_count == 0)
        some = {name: column.is_valid().to_pylist() for name, column in columns.items() if column.null_count}
        if not some:
            return [whole] * len(self.batch)
        return [whole + tuple(name for name in some if some[name][place]) for place in range(len(self.batch))]


@dataclass(frozen=True, slots=True)
class ParquetSplit:
    """Rows of one row group, from a place on."""

    path: str
    start: Place

    def works(self) -> Iterator[Table]:
        """Read them."""
        with Path(self.path).open("rb") as file:
            yield from _tables(_opened(file, self.path), self.path, self.start, groups=1)


class ParquetSource:
    """A Parquet file; offsets in it are rows."""

    def __init__(self, file: IO[Any], path: str) -> None:
        self.file = file
        self.name = path
        self.begin = 0
        self._parquet = _opened(file, path)
        self.total: int | None = self._parquet.metadata.num_rows
        names = self._parquet.schema_arrow.names
        if twice := [name for name in names if names.count(name) > 1]:
            raise Refused(f"{path}: two columns are called {twice[0]!r}")

    def works(self, start: Place, rows: int | None = None) -> Iterator[Table]:
        """Read from a place to the end."""
        return _tables(self._parquet, self.name, start, groups=None, rows=rows)

    def splits(self, start: Place, count: Callable[[list[tuple[str, int, int]]], Iterable[int]]) -> list[ParquetSplit]:
        """Divide what comes after a place by row groups; their rows are counted already."""
        ends = _group_ends(self._parquet)
        lows = [start.offset, *(end for end in ends if end > start.offset)]
        return [ParquetSplit(self.name, Place(low, low + 1)) for low in lows if low < (self.total or 0)]


def frame_of(table: Any) -> bytes:
    """Return a table as an Arrow stream behind its length, so that such pieces can stand one after the other."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    blob = sink.getvalue()
    return _LENGTH.pack(len(blob)) + blob


def write_parquet(frames: IO[bytes], target: IO[bytes]) -> None:
    """Write the tables of a file of frames as one Parquet file, in types that fit all of them."""
    kinds = _kinds(_schemas(frames))
    schema = _exact(_common_schema(kinds), kinds, frames)
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for table in _grouped(_as_schema(table, schema) for table in _tables_of(frames)):
            writer.write_table(table)


def write_tables(frames: IO[bytes], target: IO[bytes], schema: Any, take: Callable[[Any], object]) -> None:
    """Write the tables of a file of frames that have this schema as one Parquet file; hand over the others."""

    def ours() -> Iterator[Any]:
        for table in _tables_of(frames):
            if table.schema == schema:
                yield table
            else:
                take(table)

    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for table in _grouped(ours()):
            writer.write_table(table)


def _row(number: int, columns: dict[str, Any], others: tuple[str, ...]) -> Row | Broken:
    for name, value in columns.items():
        if isinstance(value, Unreadable):
            return Broken(number, f"{name} cannot be read: {value.why}")
    return Row(number, columns, others)


def _opened(file: IO[Any], name: str) -> Any:
    try:
        # Without a buffer of that size, or with what is read ahead, memory would grow with a row group.
        return pq.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise Refused(f"{name}: not Parquet: {_first_line(error)}") from None


def _tables(parquet: Any, name: str, start: Place, groups: int | None, rows: int | None = None) -> Iterator[Table]:
    ends = _group_ends(parquet)
    first = sum(end <= start.offset for end in ends)
    chosen = range(first, len(ends) if groups is None else first + groups)
    skip = start.offset - (ends[first - 1] if first else 0)
    try:
        for batch in read_batches(parquet, chosen, skip, rows):
            end = Place(start.offset + len(batch), start.number + len(batch))
            yield Table(start, end, batch)
            start = end
    except (pa.ArrowException, OSError) as error:
        raise Refused(f"{name}: {_first_line(error)}") from None


def _group_ends(parquet: Any) -> list[int]:
    metadata = parquet.metadata
    return list(accumulate(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _frames(file: IO[bytes]) -> Iterator[int]:
    """Yield the length of each frame, the file standing behind that."""
    file.seek(0)
    at = 0
    while head := file.read(_LENGTH.size):
        (length,) = _LENGTH.unpack(head)
        yield length
        at += _LENGTH.size + length
        file.seek(at)


def _schemas(file: IO[bytes]) -> Iterator[Any]:
    for _ in _frames(file):
        with pa.ipc.open_stream(file) as stream:
            yield stream.schema


def _tables_of(file: IO[bytes]) -> Iterator[Any]:
    for length in _frames(file):
        with pa.ipc.open_stream(file.read(length)) as stream:
            yield stream.read_all()


def _kinds(schemas: Iterable[Any]) -> dict[str, list[Any]]:
    """Return the types of each column; in order of first appearance, ``row`` and ``error`` last."""
    kinds: dict[str, dict[Any, None]] = {}
    for schema in schemas:
        for field in schema:
            kinds.setdefault(field.name, {})[field.type] = None
    # Rows that were filtered have no error column; where there are none at all, both stand for the file.
    for name in [name for name in ("row", "error") if name in kinds or not kinds]:
        kinds[name] = kinds.pop(name, {pa.null(): None})
    return {name: list(found) for name, found in kinds.items()}


def _common_schema(kinds: Mapping[str, list[Any]]) -> Any:
    """Return for each column a type that fits all of its types."""
    return pa.schema([(name, _common_type(found)) for name, found in kinds.items()])


def _exact(schema: Any, kinds: Mapping[str, list[Any]], frames: IO[bytes]) -> Any:
    """Return the schema with text for columns whose values their common type cannot all hold as they are."""
    widened = [name for name, found in kinds.items() if len(found) > 1 and schema.field(name).type != text_type]
    if not widened:
        return schema
    lost = {
        name
        for table in _tables_of(frames)
        for name in widened
        if name in table.schema.names and not fits(table[name], schema.field(name).type)
    }
    return pa.schema([field.with_type(text_type) if field.name in lost else field for field in schema])


def _common_type(kinds: list[Any]) -> Any:
    try:
        schemas = [pa.schema([("", kind)]) for kind in kinds]
        kind = pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return text_type
    return text_type if has_empty_struct(kind) else kind


def _as_schema(table: Any, schema: Any) -> Any:
    rows = len(table)
    columns = [
        as_type(table[field.name], field.type) if field.name in table.schema.names else pa.nulls(rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _grouped(tables: Iterable[Any]) -> Iterator[Any]:
    """Join tables to some thousand rows, fewer where they are long."""
    group: list[Any] = []
    for table in tables:
        group.append(table)
        if sum(map(len, group)) >= _GROUP_ROWS or sum(one.nbytes for one in group) >= _GROUP_BYTES:
            yield pa.concat_tables(group)
            group = []
    if group:
        yield pa.concat_tables(group)
