"""From Arrow's columns to Python's values; what Python has no value for is text, or the reason why it cannot be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from onethinker_rewards.cli.kinds import is_nanoseconds, is_temporal, pa, plain_type, with_text_for

from pyarrow import compute  # isort: skip - after the line that says what is missing

__all__ = ["Unreadable", "decoded_bytes", "plain", "values_of"]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A value that cannot be had, and why."""

    why: str


def plain(batch: Any) -> Any:
    """Return a batch in types in which all that is done here can be done."""
    kinds = [plain_type(kind) for kind in batch.schema.types]
    if kinds == batch.schema.types:
        return batch
    columns = [_cast(column, kind) for column, kind in zip(batch.columns, kinds, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def decoded_bytes(batch: Any) -> int:
    """Return how long the values of a batch are, each counted as often as it occurs."""
    return sum(map(_decoded_bytes, batch.columns))


def values_of(column: Any) -> list[Any]:
    """Return the values of a column; dates, times and durations that Python does not have are text."""
    try:
        return _cast(column, with_text_for(column.type, is_nanoseconds)).to_pylist()
    except (pa.ArrowException, OverflowError, ValueError):
        # Rare enough to look at one after the other.
        return [_value_of(one) for one in column]


def _value_of(scalar: Any) -> Any:
    # As few as possible are text: other rows must not look different for this one.
    kind = scalar.type
    why = ""
    for wanted in (with_text_for(kind, is_nanoseconds), with_text_for(kind, is_temporal)):
        try:
            return _cast(scalar, wanted).as_py()
        except UnicodeDecodeError as error:
            return Unreadable(f"not UTF-8 (byte {error.start + 1})")
        except (pa.ArrowException, OverflowError, ValueError) as error:
            why = str(error).partition("\n")[0]
    return Unreadable(why)


def _cast(values: Any, kind: Any) -> Any:
    # Some types that cannot be cast are cast to themselves all the same.
    return values if values.type == kind else values.cast(kind)


def _decoded_bytes(column: Any) -> int:
    if not pa.types.is_dictionary(column.type) or not len(column.dictionary):
        return column.nbytes
    values = column.dictionary
    if values.type in (pa.string(), pa.binary(), pa.large_string(), pa.large_binary()):
        lengths = compute.call_function("binary_length", [values])
        return compute.call_function("sum", [lengths.take(column.indices)]).as_py() or 0
    return values.nbytes * len(column) // len(values)
