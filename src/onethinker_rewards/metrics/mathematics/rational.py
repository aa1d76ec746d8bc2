"""The exact value of plain numbers and fractions, in bounded time."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from operator import add, mul

from onethinker_rewards.metrics.mathematics.node import Node

__all__ = ["close_enough", "rational"]

_BITS = 1 << 14
_EXPONENT = 1024

# A decimal with fewer digits than this stands for itself alone, not for a number that it rounds.
_DIGITS = 6


def rational(node: Node) -> Fraction | None:
    """Return the value of a tree of numbers; None if it is no fraction, or one with too many digits."""
    if node.op == "num":
        value = Fraction(node.text)
        return value if _bits(value) <= _BITS else None
    if node.op not in ("add", "mul", "neg", "div", "pow", "percent"):
        return None
    values: list[Fraction] = []
    for arg in node.args:
        value = rational(arg)
        if value is None:
            return None
        values.append(value)
    result = _applied(node.op, values)
    return result if result is not None and _bits(result) <= _BITS else None


def _applied(op: str, values: list[Fraction]) -> Fraction | None:
    if op == "pow":
        return _power(*values)
    if op == "div":
        return values[0] / values[1] if values[1] else None
    if sum(map(_bits, values)) > _BITS:
        return None
    if op in ("add", "mul"):
        return reduce(add if op == "add" else mul, values)
    return -values[0] if op == "neg" else values[0] / 100


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator != 1 or abs(exponent) > _EXPONENT or (not base and exponent <= 0):
        return None
    return base**exponent.numerator if _bits(base) * abs(exponent.numerator) <= _BITS else None


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def close_enough(left: Node, right: Node) -> Fraction | None:
    """Return how far two values may lie apart: one unit in the last place of a long decimal.

    Only where one side is a decimal of at least six digits, and the other is not a decimal: then the first
    is taken as that value rounded or cut off. None means that they must be equal.
    """
    places = [_places(node) for node in (left, right)]
    if places.count(None) != 1:
        return None
    (place, digits) = next(found for found in places if found is not None)
    return Fraction(1, 10**place) if digits >= _DIGITS else None


def _places(node: Node) -> tuple[int, int] | None:
    """Return how many decimals and how many digits in all a decimal has; None for anything else."""
    if node.op == "neg":
        node = node.args[0]
    if node.op != "num" or "." not in node.text or "e" in node.text.lower():
        return None
    decimals = node.text.partition(".")[2]
    return len(decimals), len(node.text.replace(".", "").lstrip("0"))
