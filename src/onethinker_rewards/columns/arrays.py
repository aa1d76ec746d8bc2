"""Columns whose fields are arrays with one row an answer."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Self

from onethinker_rewards.columns.reading import Integers

__all__ = ["ArrayColumns"]


class ArrayColumns:
    """Base of the columns that are nothing but arrays of equal length."""

    __slots__ = ()

    def _arrays(self) -> list[Any]:
        return [getattr(self, field.name) for field in fields(self)]  # pyright: ignore[reportArgumentType]

    def take(self, rows: Integers) -> Self:
        """Return these rows, in this order."""
        return type(self)(*(array[rows] for array in self._arrays()))

    def __len__(self) -> int:
        return len(self._arrays()[0])
