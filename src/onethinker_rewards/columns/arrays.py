"""Columns whose fields are arrays with one row an answer."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, Self

from onethinker_rewards.columns.reading import Integers

__all__ = ["ArrayColumns"]


class ArrayColumns:
    """Base of the columns that are nothing but arrays of equal length."""

    __slots__ = ()

    def take(self, rows: Integers) -> Self:
        """Return these rows, in this order."""
        return type(self)(*[getattr(self, name).take(rows, axis=0) for name in _names(type(self))])

    def split(self, at: int) -> tuple[Self, Self]:
        """Return the first ``at`` rows, and the others."""
        arrays = [getattr(self, name) for name in _names(type(self))]
        return type(self)(*[array[:at] for array in arrays]), type(self)(*[array[at:] for array in arrays])

    def __len__(self) -> int:
        return len(getattr(self, _names(type(self))[0]))


@cache
def _names(columns: Any) -> list[str]:
    return [field.name for field in fields(columns)]
