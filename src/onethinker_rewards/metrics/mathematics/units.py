"""Units that may stand behind a number."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

__all__ = ["LETTERS", "UNITS", "Unit"]


class Unit(NamedTuple):
    """A unit as a multiple of its dimension's first one; two units compare if their dimensions are equal."""

    dimension: str
    scale: Fraction = Fraction(1)


_SCALES: dict[str, dict[str, str]] = {
    "length": {
        "m": "1", "meter": "1", "metre": "1", "cm": "1/100", "centimeter": "1/100", "centimetre": "1/100",
        "mm": "1/1000", "millimeter": "1/1000", "millimetre": "1/1000", "km": "1000", "kilometer": "1000",
        "kilometre": "1000", "dm": "1/10", "inch": "0.0254", "inche": "0.0254", "ft": "0.3048", "foot": "0.3048",
        "feet": "0.3048", "yd": "0.9144", "yard": "0.9144", "mi": "1609.344", "mile": "1609.344",
    },
    "mass": {
        "kg": "1", "kilogram": "1", "g": "1/1000", "gram": "1/1000", "mg": "1/1000000", "lb": "0.45359237",
        "pound": "0.45359237", "oz": "0.028349523125", "ounce": "0.028349523125", "ton": "1000", "tonne": "1000",
    },
    "time": {
        "s": "1", "sec": "1", "second": "1", "min": "60", "minute": "60", "h": "3600", "hr": "3600", "hour": "3600",
        "day": "86400", "week": "604800", "ms": "1/1000",
    },
    "volume": {"l": "1", "liter": "1", "litre": "1", "ml": "1/1000", "milliliter": "1/1000", "gallon": "3.785411784"},
}  # fmt: skip

# Names of their own; only equal ones compare.
_OTHERS = (
    "mph kmh year month dollar cent euro unit degree percent radian rad hz mol pa kpa ohm people person student "
    "apple time way box ball"
).split()


def _table() -> dict[str, Unit]:
    found = {name: Unit(name) for name in _OTHERS}
    for dimension, scales in _SCALES.items():
        found |= {name: Unit(dimension, Fraction(scale)) for name, scale in scales.items()}
    plural = {f"{name}s": unit for name, unit in found.items() if len(name) > 1}
    return plural | found


UNITS = _table()

# Variables that are units where the other side is a bare number.
LETTERS = frozenset("msghlLNJWVAKC")
