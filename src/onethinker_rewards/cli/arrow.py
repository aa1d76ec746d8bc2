"""Results as Arrow tables: columns of the input as they are, rewards in fixed types, everything else as inferred.

A column whose values have no common type is text: texts as they are, other values as JSON.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from onethinker_rewards.cli.files import Refused
from onethinker_rewards.cli.rows import Broken, Row, encode
from onethinker_rewards.cli.work import Result

try:
    import pyarrow as pa
except ImportError:
    raise Refused("Parquet needs pyarrow: pip install 'onethinker-rewards[parquet]'") from None

__all__ = ["as_type", "has_empty_struct", "pa", "table_of_batch", "table_of_columns", "table_of_rows", "text_type"]

text_type: Any = pa.string()
# All other rewards are numbers.
_TYPES: dict[str, Any] = {
    "task": pa.string(),
    "failure": pa.string(),
    "format_fault": pa.string(),
    "repairs": pa.list_(pa.string()),
}
_ERROR_TYPES: dict[str, Any] = {"row": pa.int64(), "error": pa.string()}


def table_of_rows(rows: Sequence[Row | Broken], results: Sequence[Result]) -> Any:
    """Return a table of rows that came as dictionaries, with their rewards."""
    merged = [
        one.columns | result if isinstance(one, Row) and not isinstance(result, Broken) else _error(result)
        for one, result in zip(rows, results, strict=True)
    ]
    types = _types(results)
    names = dict.fromkeys(name for row in merged for name in row) | dict.fromkeys(_ERROR_TYPES)
    return pa.table({name: _column([row.get(name) for row in merged], types.get(name)) for name in names})


def table_of_columns(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return a table of rows that came as dictionaries, all types as inferred."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _column([row.get(name) for row in rows], None) for name in names})


def table_of_batch(batch: Any, results: Sequence[Result]) -> Any:
    """Return a table of rows that came as columns, with their rewards; a row that is broken keeps no column."""
    kept = [None if isinstance(result, Broken) else place for place, result in enumerate(results)]
    taken = batch.take(pa.array(kept, pa.int64())) if None in kept else batch
    columns: dict[str, Any] = dict(zip(taken.schema.names, taken.columns, strict=True))
    ours = [_error(result) if isinstance(result, Broken) else result for result in results]
    for name, kind in _types(results).items():
        values = [row.get(name) for row in ours]
        if name in columns and name in _ERROR_TYPES:
            theirs = columns[name].to_pylist()
            if None not in kept:
                continue
            values = [mine if place is None else own for mine, own, place in zip(values, theirs, kept, strict=True)]
        columns[name] = _column(values, kind)
    return pa.table(columns)


def as_type(column: Any, kind: Any) -> Any:
    """Return a column in a type that its own can be widened to, or as text."""
    if column.type == kind:
        return column
    if kind == text_type and not pa.types.is_null(column.type):
        return pa.chunked_array([_as_text(column.to_pylist())])
    return column.cast(kind, safe=False)


def has_empty_struct(kind: Any) -> bool:
    """Tell whether a type has an object without any key in it: Parquet cannot hold that."""
    inside = [kind.field(place).type for place in range(kind.num_fields)]
    return (pa.types.is_struct(kind) and not inside) or any(map(has_empty_struct, inside))


def _types(results: Sequence[Result]) -> dict[str, Any]:
    scored = next((result for result in results if not isinstance(result, Broken)), {})
    return {name: _TYPES.get(name, pa.float64()) for name in scored} | _ERROR_TYPES


def _error(result: Result) -> dict[str, Any]:
    return {"row": result.number, "error": result.why} if isinstance(result, Broken) else result


def _column(values: list[Any], kind: Any) -> Any:
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError, ValueError):
        # Mixed types, integers beyond 64 bits, lone surrogates.
        return _as_text(values)


def _as_text(values: list[Any]) -> Any:
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return encode({"": value})[len(b'{"":') : -len(b"}\n")].decode("utf-8")
