"""Arrow tables: rows of Parquet files to Python's values, and rows with rewards to Parquet.

A column whose values have no common type becomes text: texts stay as they are, other values become JSON.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, TypeAlias

from onethinker_rewards.adapters.columns import without_null_entries
from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.rows import InvalidRow, Row, json_text

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    raise CliError("Parquet needs pyarrow: pip install 'onethinker-rewards[parquet]'") from None

__all__ = [
    "batches",
    "common_schema",
    "open_parquet",
    "rows_of_batch",
    "scored_table",
    "table_from_bytes",
    "table_of_rows",
    "table_to_bytes",
    "write_parquet",
]

# pyarrow has no types.
ArrowFile: TypeAlias = Any
ArrowBatch: TypeAlias = Any
ArrowTable: TypeAlias = Any
ArrowType: TypeAlias = Any
ArrowSchema: TypeAlias = Any
ArrowColumn: TypeAlias = Any
# What is written for a row: columns, or why there are none.
Result: TypeAlias = Mapping[str, object] | InvalidRow
# Bytes read from a file at a time: without a buffer of this size memory would grow with a row group.
_BUFFER = 1 << 20
# Rows decoded together, until their length is known.
_FIRST_ROWS = 16
_GROUP_ROWS = 8192
_GROUP_BYTES = 16_000_000
# Not every integer beyond it is a double.
_EXACT = 2**53
_TYPES: dict[str, ArrowType] = {
    "task": pa.string(),
    "failure": pa.string(),
    "format_fault": pa.string(),
    "repairs": pa.list_(pa.string()),
    "row": pa.int64(),
    "error": pa.string(),
}


def open_parquet(file: IO[bytes], name: str) -> ArrowFile:
    """Open a Parquet file.

    Raises:
        CliError: If it is none, or two of its columns have one name.
    """
    try:
        parquet = pq.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise CliError(f"{name}: not Parquet: {_first_line(error)}") from None
    names = parquet.schema_arrow.names
    if repeated := [column for column in names if names.count(column) > 1]:
        raise CliError(f"{name}: two columns are called {repeated[0]!r}")
    return parquet


def batches(
    parquet: ArrowFile, name: str, groups: Iterable[int], most_rows: int, most_bytes: int
) -> Iterator[ArrowBatch]:
    """Yield the rows of row groups, of at most so many rows and about so many bytes.

    Raises:
        CliError: If they cannot be read any further.
    """
    rows = _FIRST_ROWS
    try:
        # Group by group, because Arrow cannot read some nested columns across two.
        for group in groups:
            for stored in parquet.iter_batches(min(rows, most_rows), row_groups=[group], use_threads=False):
                batch = _plain(stored)
                yield batch
                # A text that many rows share is stored once, so only decoded rows say how long rows are.
                fitting = most_bytes * len(batch) // max(batch.nbytes, 1)
                rows = max(1, min(4 * rows, most_rows, fitting))
                parquet.reader.set_batch_size(rows)
    except (pa.ArrowException, OSError) as error:
        raise CliError(f"{name}: cannot be read any further: {_first_line(error)}") from None


def rows_of_batch(batch: ArrowBatch, first: int) -> list[Row | InvalidRow]:
    """Return the rows as Python's values, numbered from ``first``."""
    try:
        columns = [_values(column) for column in batch.columns]
    except (pa.ArrowException, OverflowError, ValueError):
        # Some value has no counterpart in Python: only its row is lost.
        return [_row(batch.slice(index, 1), first + index) for index in range(len(batch))]
    names = batch.schema.names
    values = zip(*columns, strict=True) if columns else [()] * len(batch)
    return [Row(number, dict(zip(names, row, strict=True))) for number, row in enumerate(values, first)]


def table_of_rows(
    rows: Sequence[Mapping[str, object]],
    types: Mapping[str, ArrowType] | None = None,
    *,
    last: Sequence[str] = (),
) -> ArrowTable:
    """Return rows as a table: columns of the types given, all others as inferred; some columns come last."""
    names = dict.fromkeys(name for row in rows for name in row if name not in last) | dict.fromkeys(last)
    known = types or {}
    return pa.table({_utf_8(name): _column([row.get(name) for row in rows], known.get(name)) for name in names})


def scored_table(rows: Sequence[Row | InvalidRow], results: Sequence[Result], batch: ArrowBatch | None) -> ArrowTable:
    """Return rows with what was written for them; the columns of an Arrow batch keep their types.

    A row that could not be used has its number and the reason, and null in all other columns.
    """
    ours = [
        result.columns() if isinstance(result, InvalidRow) else _own_columns(row) | dict(result)
        for row, result in zip(rows, results, strict=True)
    ]
    names = dict.fromkeys(name for result in ours for name in result) | dict.fromkeys(("row", "error"))
    types = {name: _TYPES.get(name, pa.float64()) for name in names}
    if batch is None:
        merged = [
            mine if isinstance(result, InvalidRow) or isinstance(row, InvalidRow) else {**row.columns, **mine}
            for row, result, mine in zip(rows, results, ours, strict=True)
        ]
        return table_of_rows([*merged], types, last=("row", "error"))
    kept = [None if isinstance(result, InvalidRow) else index for index, result in enumerate(results)]
    taken = batch.take(pa.array(kept, pa.int64())) if None in kept else batch
    columns: dict[str, object] = dict(zip(taken.schema.names, taken.columns, strict=True))
    return pa.table(columns | {name: _column([row.get(name) for row in ours], kind) for name, kind in types.items()})


def _own_columns(row: Row | InvalidRow) -> dict[str, object]:
    """Return the columns of the input that have the names of ours for rows that could not be used."""
    return {} if isinstance(row, InvalidRow) else {name: row.columns.get(name) for name in ("row", "error")}


def table_to_bytes(table: ArrowTable) -> bytes:
    """Return a table as an Arrow stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def table_from_bytes(blob: bytes) -> ArrowTable:
    """Return the table of an Arrow stream."""
    return pa.ipc.open_stream(blob).read_all()


def common_schema(tables: Iterable[bytes]) -> ArrowSchema:
    """Return the types that fit all tables; a column whose values have no common type is text."""
    types: dict[str, ArrowType] = {}
    for blob in tables:
        for field in pa.ipc.open_stream(blob).schema:
            types[field.name] = _common_type(types.get(field.name, pa.null()), field.type)
    # What is written for rows that could not be used comes last.
    last = {name: types.pop(name) for name in ("row", "error") if name in types}
    return pa.schema(types | last)


def write_parquet(tables: Callable[[], Iterable[bytes]], schema: ArrowSchema, target: IO[bytes]) -> None:
    """Write tables as one Parquet file in the types of a schema; a column that would lose digits becomes text."""
    try:
        _write_parquet(tables(), schema, target)
    except _LosesDigitsError as error:
        target.seek(0)
        target.truncate()
        index = schema.get_field_index(error.column)
        write_parquet(tables, schema.set(index, pa.field(error.column, pa.string())), target)


class _LosesDigitsError(ValueError):
    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


def _write_parquet(tables: Iterable[bytes], schema: ArrowSchema, target: IO[bytes]) -> None:
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        held: list[ArrowTable] = []
        for blob in tables:
            held.append(_as_schema(table_from_bytes(blob), schema))
            if sum(map(len, held)) >= _GROUP_ROWS or sum(table.nbytes for table in held) >= _GROUP_BYTES:
                writer.write_table(pa.concat_tables(held))
                held.clear()
        if held:
            writer.write_table(pa.concat_tables(held))


def _plain(batch: ArrowBatch) -> ArrowBatch:
    """Return a batch without dictionaries and views, which Arrow cannot join and pick rows of everywhere."""
    kinds = [_plain_type(kind) for kind in batch.schema.types]
    if kinds == batch.schema.types:
        return batch
    columns = [column.cast(kind) for column, kind in zip(batch.columns, kinds, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _plain_type(kind: ArrowType) -> ArrowType:
    def inside(field: ArrowType) -> ArrowType:
        return field.with_type(_plain_type(field.type))

    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if pa.types.is_struct(kind):
        return pa.struct([inside(field) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(inside(kind.key_field), inside(kind.item_field))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(inside(kind.value_field), kind.list_size)
    if pa.types.is_large_list(kind):
        return pa.large_list(inside(kind.value_field))
    if pa.types.is_list(kind):
        return pa.list_(inside(kind.value_field))
    return {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}.get(kind, kind)


def _values(column: ArrowColumn) -> list[Any]:
    # Python has no nanoseconds.
    nanoseconds = pa.types.is_temporal(column.type) and getattr(column.type, "unit", None) == "ns"
    return column.cast(pa.string()).to_pylist() if nanoseconds else column.to_pylist()


def _row(batch: ArrowBatch, number: int) -> Row | InvalidRow:
    columns: dict[str, object] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            (columns[name],) = _values(column)
        except UnicodeDecodeError as error:
            return InvalidRow(number, f"{name} cannot be read: not UTF-8 (byte {error.start + 1})")
        except (pa.ArrowException, OverflowError, ValueError) as error:
            return InvalidRow(number, f"{name} cannot be read: {_first_line(error)}")
    return Row(number, columns)


def _column(values: list[object], kind: ArrowType | None) -> ArrowColumn:
    try:
        array = pa.array(values, kind)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError, ValueError):
        # Mixed types, integers beyond 64 bits, lone surrogates.
        return _texts(values)
    held = kind is not None or all(_is_held(value, array.type) for value in values)
    return array if held and not _has_empty_struct(array.type) else _texts(values)


def _is_held(value: Any, kind: ArrowType) -> bool:
    """Return whether a value comes out of an inferred type as it is: Arrow takes truth values in lists for numbers."""
    if pa.types.is_floating(kind):
        return not isinstance(value, bool)
    if value is None or not kind.num_fields:
        return True
    inside = value.items() if isinstance(value, dict) else ((0, member) for member in value)
    return all(_is_held(member, kind.field(key).type) for key, member in inside)


def _has_empty_struct(kind: ArrowType) -> bool:
    """Return whether a type has an object without any key in it, which Parquet cannot hold."""
    inside = [kind.field(index).type for index in range(kind.num_fields)]
    return (pa.types.is_struct(kind) and not inside) or any(map(_has_empty_struct, inside))


def _texts(values: Iterable[object]) -> ArrowColumn:
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: object) -> str:
    if isinstance(value, str):
        return _utf_8(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        # An integer that shared its column with fractions.
        return str(int(value))
    return value.isoformat() if isinstance(value, dt.date | dt.time) else json_text(without_null_entries(value))


def _utf_8(text: str) -> str:
    """Return a text without lone surrogates, which Arrow refuses."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _common_type(left: ArrowType, right: ArrowType) -> ArrowType:
    if left == right:
        return left
    try:
        both = [pa.schema([pa.field("", kind)]) for kind in (left, right)]
        return pa.unify_schemas(both, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return pa.string()


def _as_schema(table: ArrowTable, schema: ArrowSchema) -> ArrowTable:
    there = set(table.column_names)
    columns: list[ArrowColumn] = []
    for field in schema:
        try:
            column = (
                _as_type(table[field.name], field.type) if field.name in there else pa.nulls(len(table), field.type)
            )
        except pa.ArrowInvalid:
            # An integer that no double is, in a column where other rows have fractions.
            raise _LosesDigitsError(field.name) from None
        columns.append(column)
    return pa.table(columns, schema=schema)


def _as_type(column: ArrowColumn, kind: ArrowType) -> ArrowColumn:
    if column.type == kind:
        return column
    if kind == pa.string() and not pa.types.is_null(column.type):
        return _texts(column.to_pylist())
    return column.cast(kind)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
