"""The tree that an answer is parsed into, and the exact value of a tree of numbers."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

# Larger values are left to algebra, so that exact arithmetic takes bounded time.
_MAX_BITS = 1 << 14
_MAX_EXPONENT = 1024

# A decimal with fewer digits than this is exact. One with as many may be a rounded value.
_ROUNDED_DIGITS = 6


class Unreadable(ValueError):  # noqa: N818
    """A text that is not one piece of mathematics; the message says where parsing stopped."""


class Node(NamedTuple):
    """One operation or atom. Equal trees are identical normal forms.

    Atoms hold text: ``num`` (decimal digits), ``sym`` (a variable), ``const`` (``pi``, ``e``, ``i``, ``oo``),
    ``word`` (a unit, or a name in an expression), ``text`` (an answer in words), ``space`` (``R``, ``N`` …).

    Operations hold nodes: ``add``, ``mul``, ``neg``, ``div``, ``pow``, ``pm``, ``mp``; ``call`` (a ``word`` with the
    name, then the arguments); ``percent``, ``degree``; ``based`` (digits and their base); ``matrix`` of ``row``;
    ``bracket`` (a ``word`` with both brackets, then the elements), ``set``; ``union``, ``intersection``,
    ``without``; ``rel`` (operands with a ``word`` for each sign between them); ``ratio`` (``a : b : c``); ``list``,
    ``or``, ``and``; ``retracted`` (a whole answer whose words deny it: "not 5").
    """

    op: str
    args: tuple[Node, ...] = ()
    text: str = ""

    def has(self, *ops: str) -> bool:
        """Return whether any node of the tree is one of these operations."""
        return self.op in ops or any(arg.has(*ops) for arg in self.args)


def rational(node: Node) -> Fraction | None:
    """Return the exact value of a tree of numbers, in bounded time.

    None if the tree contains anything but numbers, has no value (1/0), a value that is not rational, or one with
    too many digits.
    """
    if node.op == "num":
        value = Fraction(node.text)
        return value if _bits(value) <= _MAX_BITS else None
    if node.op not in ("add", "mul", "neg", "div", "pow", "percent"):
        return None
    values: list[Fraction] = []
    for arg in node.args:
        value = rational(arg)
        if value is None:
            return None
        values.append(value)
    result = _apply(node.op, values)
    return result if result is not None and _bits(result) <= _MAX_BITS else None


def _apply(op: str, values: list[Fraction]) -> Fraction | None:
    """Return the result of an operation; None if it has none, or would take too many digits to compute."""
    if op == "pow":
        base, exponent = values
        if exponent.denominator != 1 or abs(exponent) > _MAX_EXPONENT or (not base and exponent <= 0):
            return None
        return base**exponent.numerator if _bits(base) * abs(exponent.numerator) <= _MAX_BITS else None
    if op == "div":
        return values[0] / values[1] if values[1] else None
    if sum(map(_bits, values)) > _MAX_BITS:
        return None
    if op == "add":
        return sum(values, start=Fraction(0))
    if op == "mul":
        return math.prod(values, start=Fraction(1))
    return -values[0] if op == "neg" else values[0] / 100


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def tolerance(left: Node, right: Node) -> Fraction | None:
    """Return how far two equal values may differ: one unit in the last place of a long decimal.

    This holds only where one side is a decimal of at least six digits and the other is not a decimal: then the first
    is taken as the second rounded or cut off. None means that the values must be equal.
    """
    decimals = [counts for counts in map(_count_digits, (left, right)) if counts is not None]
    if len(decimals) != 1:
        return None
    ((places, digits),) = decimals
    return Fraction(1, 10**places) if digits >= _ROUNDED_DIGITS else None


def _count_digits(node: Node) -> tuple[int, int] | None:
    """Return the number of decimal places and of all digits of a decimal; None for anything else."""
    if node.op == "neg":
        node = node.args[0]
    if node.op != "num" or "." not in node.text or "e" in node.text.lower():
        return None
    places = len(node.text.partition(".")[2])
    return places, len(node.text.replace(".", "").lstrip("0"))
