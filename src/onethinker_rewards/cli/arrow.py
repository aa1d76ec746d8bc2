"""Arrow tables: rows of Parquet files to Python's values, and rows with rewards to Parquet.

A column whose values have no common type becomes text: texts stay as they are, other values become JSON.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, TypeAlias

from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.rows import InvalidRow, Row, json_text, without_null_entries

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    raise CliError("Parquet needs pyarrow: pip install 'onethinker-rewards[parquet]'") from None

# pyarrow has no types, so what comes from it is Any. Parts are read once more with each call, as Arrow streams.
Parts: TypeAlias = Callable[[], Iterable[bytes]]
# Bytes read from a file at a time: without a buffer of this size memory would grow with a row group.
_BUFFER = 1 << 20
# Rows decoded together, until their length is known.
_FIRST_ROWS = 16
_GROUP_ROWS = 8192
_GROUP_BYTES = 16_000_000
# Not every integer beyond it is a double.
_EXACT = 2**53
# Columns that `score` adds; all others of them are numbers.
_TYPES: dict[str, Any] = {
    "task": pa.string(),
    "failure": pa.string(),
    "format_fault": pa.string(),
    "repairs": pa.list_(pa.string()),
    "penalties": pa.list_(pa.string()),
    "row": pa.int64(),
    "error": pa.string(),
}
# What is written for rows that could not be used comes last.
_LAST = ("row", "error")


def open_parquet(file: IO[bytes], name: str) -> Any:
    """Open a Parquet file."""
    try:
        parquet = pq.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise CliError(f"{name}: not Parquet: {_first_line(error)}") from None
    names = parquet.schema_arrow.names
    if repeated := [column for column in names if names.count(column) > 1]:
        raise CliError(f"{name}: two columns are called {repeated[0]!r}")
    return parquet


def batches(parquet: Any, name: str, most_rows: int, most_bytes: int) -> Iterator[Any]:
    """Yield the rows of a file, at most so many and about so many bytes at a time; an empty batch if there are none."""
    rows = _FIRST_ROWS
    try:
        # Group by group, because Arrow cannot read some nested columns across two.
        for group in range(parquet.num_row_groups):
            for stored in parquet.iter_batches(min(rows, most_rows), row_groups=[group], use_threads=False):
                batch = _plain(stored)
                yield batch
                # A text that many rows share is stored once, so only decoded rows say how long rows are.
                fitting = most_bytes * len(batch) // max(batch.nbytes, 1)
                rows = max(1, min(4 * rows, most_rows, fitting))
                parquet.reader.set_batch_size(rows)
    except (pa.ArrowException, OSError) as error:
        raise CliError(f"{name}: cannot be read any further: {_first_line(error)}") from None


def empty_batch(parquet: Any) -> Any:
    """Return no rows of a Parquet file, in its columns."""
    return _plain(pa.RecordBatch.from_pylist([], schema=parquet.schema_arrow))


def rows_of_batch(batch: Any, first: int) -> list[Row | InvalidRow]:
    """Return the rows as Python's values, numbered from ``first``."""
    try:
        columns = [_values(column) for column in batch.columns]
    except (pa.ArrowException, OverflowError, ValueError):
        # Some value has no counterpart in Python: only its row is lost.
        return [_row(batch.slice(index, 1), first + index) for index in range(len(batch))]
    names = batch.schema.names
    values = zip(*columns, strict=True) if columns else [()] * len(batch)
    return [Row(number, dict(zip(names, row, strict=True))) for number, row in enumerate(values, first)]


def _values(column: Any) -> list[Any]:
    # Python has no nanoseconds.
    nanoseconds = pa.types.is_temporal(column.type) and getattr(column.type, "unit", None) == "ns"
    return column.cast(pa.string()).to_pylist() if nanoseconds else column.to_pylist()


def _row(batch: Any, number: int) -> Row | InvalidRow:
    columns: dict[str, object] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            (columns[name],) = _values(column)
        except UnicodeDecodeError as error:
            return InvalidRow(number, f"{name} cannot be read: not UTF-8 (byte {error.start + 1})")
        except (pa.ArrowException, OverflowError, ValueError) as error:
            return InvalidRow(number, f"{name} cannot be read: {_first_line(error)}")
    return Row(number, columns)


def _plain(batch: Any) -> Any:
    """Return a batch without dictionaries and views, which Arrow cannot join and pick rows of everywhere."""
    return batch.cast(pa.schema([field.with_type(_plain_type(field.type)) for field in batch.schema]))


def _plain_type(kind: Any) -> Any:
    def inside(field: Any) -> Any:
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


def table_of_rows(rows: Sequence[Mapping[str, object]], types: Mapping[str, Any] | None = None) -> Any:
    """Return rows as a table, with inferred types where none are given."""
    known = types or {}
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({_utf_8(name): _column([row.get(name) for row in rows], known.get(name)) for name in names})


def scored_table(results: Sequence[tuple[Row, Mapping[str, object]] | InvalidRow], batch: Any) -> Any:
    """Return rows with their rewards; the columns of an Arrow batch keep their types.

    A row that could not be used has its number and the reason, and null in all other columns.
    """
    kept: list[int | None] = []
    inputs: list[Mapping[str, object]] = []
    ours: list[Mapping[str, object]] = []
    for index, result in enumerate(results):
        if isinstance(result, InvalidRow):
            kept.append(None)
            inputs.append({})
            ours.append(result.columns())
        else:
            row, rewards = result
            kept.append(index)
            inputs.append(row.columns)
            # The input may have columns of the names that are ours for rows that could not be used.
            ours.append({name: row.columns.get(name) for name in _LAST} | dict(rewards))
    added = table_of_rows(ours, {name: _type(name) for columns in ours for name in columns})
    base = table_of_rows(inputs) if batch is None else batch.take(pa.array(kept, pa.int64()))
    return pa.table({name: table[name] for table in (base, added) for name in table.schema.names})


def empty_scored_table(names: Sequence[str], rewards: Sequence[str], batch: Any) -> Any:
    """Return the columns of scored rows without a row; those of the input are text where their type is not known."""
    kept = dict.fromkeys(names, pa.string()) if batch is None else {field.name: field.type for field in batch.schema}
    return pa.schema(kept | {name: _type(name) for name in (*rewards, *_LAST)}).empty_table()


def _type(name: str) -> Any:
    return _TYPES.get(name, pa.float64())


def table_to_bytes(table: Any) -> bytes:
    """Return a table as an Arrow stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def table_from_bytes(blob: bytes) -> Any:
    """Return the table of an Arrow stream."""
    return pa.ipc.open_stream(blob).read_all()


def common_schema(parts: Parts) -> Any:
    """Return the types that fit all parts; a column whose values have no common type is text."""
    found: dict[str, dict[Any, None]] = {}
    for blob in parts():
        for field in pa.ipc.open_stream(blob).schema:
            found.setdefault(field.name, {})[field.type] = None
    types = {name: _common_type(list(kinds)) for name, kinds in found.items()}
    mixed = {name for name, kinds in found.items() if len({*kinds} - {pa.null(), pa.string()}) > 1}
    for blob in parts() if mixed else ():
        table = table_from_bytes(blob)
        for name in mixed.intersection(table.column_names):
            try:
                _as_type(table[name], types[name])
            except pa.ArrowInvalid:
                # An integer that no double is, in a column where other rows have fractions.
                types[name] = pa.string()
    last = {name: types.pop(name) for name in _LAST if name in types}
    return pa.schema(types | last)


def _common_type(kinds: list[Any]) -> Any:
    if len(kinds) == 1:
        return kinds[0]
    try:
        schemas = [pa.schema([pa.field("", kind)]) for kind in kinds]
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return pa.string()


def write_parquet(parts: Parts, schema: Any, target: IO[bytes]) -> None:
    """Write parts as one Parquet file in the types of a schema."""
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        held: list[Any] = []
        for blob in parts():
            held.append(_as_schema(table_from_bytes(blob), schema))
            if sum(map(len, held)) >= _GROUP_ROWS or sum(table.nbytes for table in held) >= _GROUP_BYTES:
                writer.write_table(pa.concat_tables(held))
                held.clear()
        if held:
            writer.write_table(pa.concat_tables(held))


def _as_schema(table: Any, schema: Any) -> Any:
    there = {*table.column_names}
    columns = [
        _as_type(table[field.name], field.type) if field.name in there else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _as_type(column: Any, kind: Any) -> Any:
    if column.type == kind:
        return column
    if kind == pa.string() and not pa.types.is_null(column.type):
        return _texts(column.to_pylist())
    return column.cast(kind)


def _column(values: list[object], kind: Any | None) -> Any:
    try:
        array = pa.array(values, kind)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError, ValueError):
        # Mixed types, integers beyond 64 bits, lone surrogates.
        return _texts(values)
    held = kind is not None or all(_is_held(value, array.type) for value in values)
    return array if held and not _has_empty_struct(array.type) else _texts(values)


def _is_held(value: Any, kind: Any) -> bool:
    """Return whether a value comes out of an inferred type as it is: Arrow takes truth values in lists for numbers."""
    if pa.types.is_floating(kind):
        return not isinstance(value, bool)
    if value is None or not kind.num_fields:
        return True
    inside = value.items() if isinstance(value, dict) else ((0, member) for member in value)
    return all(_is_held(member, kind.field(key).type) for key, member in inside)


def _has_empty_struct(kind: Any) -> bool:
    """Return whether a type has an object without any key in it, which Parquet cannot hold."""
    inside = [kind.field(index).type for index in range(kind.num_fields)]
    return (pa.types.is_struct(kind) and not inside) or any(map(_has_empty_struct, inside))


def _texts(values: Iterable[object]) -> Any:
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


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
