"""The base of all columns, which are arrays with one entry a row: how they are filled, joined and indexed."""

from __future__ import annotations

import math
from collections.abc import Sequence, Sized
from dataclasses import dataclass, fields, replace
from typing import Any, Self, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.answers.limits import Limits

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Texts = NDArray[np.object_]
# Columns of coordinates, in which x and y take turns.
_COORDINATES = ("boxes", "points", "corners", "positive_points", "negative_points")


class Columns:
    """Base of the columns of one kind of answer: a dataclass of arrays, or of columns, of equal length."""

    __slots__ = ()

    def take(self, rows: Integers) -> Self:
        """Return these rows, in this order; a row may come several times."""
        return type(self)(*[_take(column, rows) for column in _columns_of(self)])

    @classmethod
    def pack(cls, values: Sequence[msgspec.Struct], stand_in: msgspec.Struct) -> Self:
        """Return the columns of decoded answers: one for each field of their struct, in the same order.

        Args:
            values: The answers.
            stand_in: A value like them, which gives the shapes where there are no answers.
        """
        shapes = {name: np.shape(getattr(stand_in, name)) for name in stand_in.__struct_fields__}
        return cls(*[float_array([getattr(value, name) for value in values], *shapes[name]) for name in shapes])

    def scaled(self, factor: Floats, divisor: Floats) -> Self:
        """Return the same columns with coordinates in another unit.

        Args:
            factor: ``[N, 2]`` what x and y are multiplied by.
            divisor: ``[N, 2]`` what they are divided by then.
        """
        factor, divisor = self._per_entry(factor), self._per_entry(divisor)
        changed: dict[str, Any] = {}
        for field in fields(cast("Any", self)):
            column = getattr(self, field.name)
            if isinstance(column, Columns):
                changed[field.name] = column.scaled(factor, divisor)
            elif field.name in _COORDINATES:
                points = column.reshape(len(column), math.prod(column.shape[1:]) // 2, 2)
                # What overflows is far outside of the image.
                with np.errstate(over="ignore"):
                    changed[field.name] = (factor[:, None] * points / divisor[:, None]).reshape(column.shape)
        return replace(cast("Any", self), **changed)

    def _per_entry(self, values: Floats) -> Floats:
        """Return values of rows for each entry of the columns."""
        return values

    @classmethod
    def concatenate(cls, blocks: Sequence[Any]) -> Self:
        """Return the rows of several blocks one after the other."""
        columns = zip(*[_columns_of(block) for block in blocks], strict=True)
        return cls(*map(_concatenate, columns))

    def __len__(self) -> int:
        return len(_columns_of(self)[0])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} rows)"


@dataclass(frozen=True, slots=True, repr=False)
class RaggedColumns(Columns):
    """Base of columns with any number of entries a row, laid end to end: row i has entries starts[i] to starts[i + 1].

    Attributes:
        starts: ``[N + 1]`` where each row's entries start; the last is M, the length of all other columns.
    """

    starts: Integers

    @property
    def lengths(self) -> Integers:
        """``[N]`` number of entries."""
        return self.starts[1:] - self.starts[:-1]

    @property
    def row_of(self) -> Integers:
        """``[M]`` row of each entry."""
        return np.arange(len(self)).repeat(self.lengths)

    def rows_with(self, entries: Booleans) -> Booleans:
        """Return ``[N]`` whether any of a row's entries is among ``entries`` ``[M]``."""
        return np.bincount(self.row_of[entries], minlength=len(self)) > 0

    def all_valid(self, entries: Booleans, limits: Limits) -> Booleans:
        """Return ``[N]`` whether all of a row's ``entries`` ``[M]`` are valid, and no more than allowed."""
        return ~self.rows_with(~entries) & (self.lengths <= limits.track_boxes)

    def _per_entry(self, values: Floats) -> Floats:
        return values.repeat(self.lengths, axis=0)

    def take(self, rows: Integers) -> Self:
        """Return these rows, in this order; a row may come several times."""
        lengths = self.lengths[rows]
        starts = run_starts(lengths)
        offsets = np.arange(starts[-1]) + (self.starts[rows] - starts[:-1]).repeat(lengths)
        return type(self)(starts, *[_take(column, offsets) for column in _columns_of(self)[1:]])

    @classmethod
    def concatenate(cls, blocks: Sequence[Any]) -> Self:
        """Return the rows of several blocks one after the other."""
        starts = run_starts(np.concatenate([block.lengths for block in blocks]))
        entries = zip(*[_columns_of(block)[1:] for block in blocks], strict=True)
        return cls(starts, *map(_concatenate, entries))

    def __len__(self) -> int:
        return len(self.starts) - 1


def run_starts(lengths: Integers) -> Integers:
    """Return ``[N + 1]`` where runs of these lengths start when they are laid end to end."""
    return np.concatenate((np.zeros(1, dtype=np.int64), lengths.cumsum()))


def starts_of(values: Sequence[Sized]) -> Integers:
    """Return ``[N + 1]`` where each of N collections starts when they are laid end to end."""
    return run_starts(np.fromiter(map(len, values), np.int64, len(values)))


def _columns_of(columns: Any) -> list[Any]:
    return [getattr(columns, field.name) for field in fields(columns)]


def _take(column: Any, rows: Integers) -> Any:
    return column.take(rows, axis=0) if isinstance(column, np.ndarray) else column.take(rows)


def _concatenate(blocks: Any) -> Any:
    return np.concatenate(blocks) if isinstance(blocks[0], np.ndarray) else type(blocks[0]).concatenate(blocks)


_encode = msgspec.msgpack.Encoder().encode


def float_array(values: Sequence[Any], *shape: int) -> Floats:
    """Return ``[N, *shape]``: the numbers of N equally nested tuples of floats.

    MessagePack writes a float in nine bytes and opens a short tuple with one, so the encoded list is an array seen
    through strides. That takes half the time of passing the numbers one by one, and a third of ``np.array``'s.
    """
    if not values:
        return np.zeros((0, *shape))
    strides = [9]
    for size in reversed(shape):
        strides.insert(0, 1 + size * strides[0])
    encoded = _encode(values)
    header = len(encoded) - len(values) * strides[0]
    return np.ndarray((len(values), *shape), ">f8", encoded, header + len(shape) + 1, strides).astype(np.float64)


def text_array(values: Sequence[str]) -> Texts:
    """Return ``[N]`` Python strings in an array."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
