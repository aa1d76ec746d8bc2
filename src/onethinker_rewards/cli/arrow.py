"""Results as Arrow tables: columns of the input as they are, rewards in fixed types, everything else as inferred.

A column whose values have no common type is text: texts as they are, other values as JSON. What is written of a value
depends on the values of its column, never on which of them happen to stand near it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from onethinker_rewards.cli.decoding import values_of
from onethinker_rewards.cli.kinds import pa, text_type
from onethinker_rewards.cli.rows import Broken, Row, json_text
from onethinker_rewards.cli.work import Result

__all__ = ["as_type", "fits", "pa", "table_of_batch", "table_of_columns", "table_of_rows"]

# All other rewards are numbers.
_TYPES: dict[str, Any] = {
    "task": pa.string(),
    "failure": pa.string(),
    "format_fault": pa.string(),
    "repairs": pa.list_(pa.string()),
}
_ERROR_TYPES: dict[str, Any] = {"row": pa.int64(), "error": pa.string()}
# Beyond it not every integer is a double.
_EXACT = 2**53


def table_of_rows(rows: Sequence[Row | Broken], results: Sequence[Result]) -> Any:
    """Return a table of rows that came as dictionaries, with their rewards."""
    merged = [
        one.columns | result if isinstance(one, Row) and not isinstance(result, Broken) else _error(result)
        for one, result in zip(rows, results, strict=True)
    ]
    return _table(merged, _types(results), _ERROR_TYPES)


def table_of_columns(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return a table of rows that came as dictionaries, all types as inferred."""
    return _table(rows, {}, ())


def table_of_batch(batch: Any, results: Sequence[Result]) -> Any:
    """Return a table of rows that came as columns, with their rewards; a row that is broken keeps no column."""
    kept = [None if isinstance(result, Broken) else place for place, result in enumerate(results)]
    taken = batch.take(pa.array(kept, pa.int64())) if None in kept else batch
    columns: dict[str, Any] = dict(zip(taken.schema.names, taken.columns, strict=True))
    ours = [_error(result) if isinstance(result, Broken) else result for result in results]
    for name, kind in _types(results).items():
        values = [row.get(name) for row in ours]
        if name in columns and name in _ERROR_TYPES:
            if None not in kept:
                continue
            theirs = values_of(columns[name])
            values = [mine if place is None else own for mine, own, place in zip(values, theirs, kept, strict=True)]
        columns[name] = _column(values, kind)
    return pa.table(columns)


def fits(column: Any, kind: Any) -> bool:
    """Tell whether a type can hold each value of a column as it is; text holds any."""
    try:
        as_type(column, kind)
    except pa.ArrowInvalid:
        # An integer that no double is.
        return False
    return True


def as_type(column: Any, kind: Any) -> Any:
    """Return a column in a type that its own can be widened to, or as text.

    Raises:
        ArrowInvalid: If the type cannot hold a value as it is.
    """
    if column.type == kind:
        return column
    if kind == text_type and not pa.types.is_null(column.type):
        return pa.chunked_array([_as_text(values_of(column))])
    return column.cast(kind)


def _table(rows: Sequence[Mapping[str, Any]], types: Mapping[str, Any], last: Iterable[str]) -> Any:
    names = dict.fromkeys(name for row in rows for name in row) | dict.fromkeys(last)
    escaped = {name: _text(name) for name in names if not _is_utf_8(name)}
    if escaped:
        rows = [{escaped.get(name, name): value for name, value in row.items()} for row in rows]
        names = dict.fromkeys(escaped.get(name, name) for name in names)
    return pa.table({name: _column([row.get(name) for row in rows], types.get(name)) for name in names})


def _is_utf_8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        # A lone surrogate.
        return False
    return True


def _types(results: Sequence[Result]) -> dict[str, Any]:
    scored = next((result for result in results if not isinstance(result, Broken)), {})
    return {name: _TYPES.get(name, pa.float64()) for name in scored} | _ERROR_TYPES


def _error(result: Result) -> dict[str, Any]:
    return {"row": result.number, "error": result.why} if isinstance(result, Broken) else result


def _column(values: list[Any], kind: Any) -> Any:
    try:
        array = pa.array(values, kind)
        # Arrow takes truth values for numbers where they stand in lists.
        return array if kind is not None or all(_is_held(value, array.type) for value in values) else _as_text(values)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError, ValueError):
        # Mixed types, integers beyond 64 bits, lone surrogates.
        return _as_text(values)


def _is_held(value: Any, kind: Any) -> bool:
    """Tell whether a value comes out of an inferred type as what it is."""
    if pa.types.is_floating(kind):
        return not isinstance(value, bool)
    if value is None or not kind.num_fields:
        return True
    inside = value.items() if isinstance(value, dict) else ((0, one) for one in value)
    return all(_is_held(one, kind.field(key).type) for key, one in inside)


def _as_text(values: list[Any]) -> Any:
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return json_text(_as_if_alone(value))


def _as_if_alone(value: Any) -> Any:
    """Return a value without what it may have from others that share its type: decimals, null keys, their order."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= _EXACT and str(value) != "-0.0" else value
    if isinstance(value, dict):
        return {key: _as_if_alone(one) for key, one in sorted(value.items()) if one is not None}
    return [_as_if_alone(one) for one in value] if isinstance(value, list) else value
