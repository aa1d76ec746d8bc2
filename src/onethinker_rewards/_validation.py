"""Checks of what callers give, with one wording each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from onethinker_rewards.errors import ArgumentError

__all__ = [
    "as_list",
    "check_choice",
    "check_positive",
    "check_text",
    "check_texts",
    "check_texts_beside",
    "option_texts",
]

_SHOWN = 80


def check_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """Raise an `ArgumentError` where ``value`` is none of ``choices``."""
    known = [*choices]
    if value not in known:
        raise ArgumentError(f"{name} is one of {', '.join(known)}, not {value!r}")


def check_positive(name: str, value: Any) -> None:
    """Raise an `ArgumentError` where ``value`` is no number above 0, or is infinite."""
    try:
        fits = 0.0 < value < math.inf
    except TypeError:
        fits = False
    if not fits:
        raise ArgumentError(f"{name} must be positive and finite, got {value!r}")


def as_list(name: str, values: Any) -> list[Any]:
    """Return the values of a list, an array, or a table's column, one a row.

    Raises:
        ArgumentError: If it is one text, which is a sequence of texts too and hardly meant so, or has no rows at all.
    """
    if isinstance(values, str | bytes):
        raise ArgumentError(f"{name} is one {type(values).__name__}; give a list with one str a row")
    if hasattr(values, "to_pylist"):
        # A column of pyarrow, whose elements are no Python objects.
        return values.to_pylist()
    if not isinstance(values, Iterable) or isinstance(values, Mapping):
        raise ArgumentError(f"{name}: expected a list with one value a row, got {type(values).__name__}")
    return [*values]


def check_text(name: str, value: Any) -> None:
    """Raise an `ArgumentError` where ``value`` is no text."""
    if not isinstance(value, str):
        raise ArgumentError(f"{name}: expected str, got {type(value).__name__}")


def option_texts(value: Any, row: int | None = None) -> list[str] | None:
    """Return the options' texts of a question; None for None, and for the NaN that tables have for it.

    Raises:
        ArgumentError: If they are no list of texts.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | set):
        texts: list[Any] = [*value]
        if all(isinstance(text, str) for text in texts):
            return texts
    where = "" if row is None else f" in row {row}"
    raise ArgumentError(f"options: expected a list of str, got {repr(value)[:_SHOWN]}{where}")


def check_texts(name: str, values: Sequence[Any]) -> None:
    """Raise an `ArgumentError` where a value is no text, naming its row."""
    for row, value in enumerate(as_list(name, values)):
        if not isinstance(value, str):
            raise ArgumentError(f"{name}, row {row}: expected str, got {type(value).__name__}")


def check_texts_beside(predicted: Sequence[Any], reference: Sequence[Any]) -> None:
    """Raise an `ArgumentError` where these are not two lists with as many texts."""
    check_texts("predicted", predicted)
    check_texts("reference", reference)
    if len(predicted) != len(reference):
        raise ArgumentError(f"predicted has {len(predicted)} rows, reference has {len(reference)}")
