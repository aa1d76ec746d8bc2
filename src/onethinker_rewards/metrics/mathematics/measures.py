"""Numbers with a unit behind them."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from onethinker_rewards.metrics.mathematics.node import Node
from onethinker_rewards.metrics.mathematics.rational import rational
from onethinker_rewards.metrics.mathematics.units import LETTERS, UNITS, Unit

__all__ = ["Measure", "measure"]

_ONE = Node("num", text="1")
_POWER_OF_NEXT = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}


class Measure(NamedTuple):
    """A number, the dimensions of its unit, and the unit's size in them."""

    number: Node
    dimensions: dict[str, int]
    scale: Fraction

    def scaled(self) -> Node:
        """Return the number in the dimensions' own units."""
        if self.scale == 1:
            return self.number
        size = (Node("num", text=str(part)) for part in (self.scale.numerator, self.scale.denominator))
        return Node("mul", (self.number, Node("div", tuple(size))))


def measure(node: Node, letters: bool) -> Measure | None:
    """Return a number and its unit; None if there is no unit, or no number.

    Args:
        node: A tree.
        letters: Whether variables that are also units, like ``m``, are taken as units.
    """
    if node.op in ("percent", "degree"):
        return Measure(node.args[0], {node.op: 1}, Fraction(1))
    # Beside one unit in words, a letter is one too: "km/h".
    collected = _Collected(letters or node.has("word", "degree"))
    collected.add(node, 1)
    if not collected.found or not (collected.above or collected.below) or collected.first:
        return None
    above, below = (_product(factors) for factors in (collected.above, collected.below))
    number = above if not collected.below else Node("div", (above, below))
    dimensions = {name: power for name, power in collected.dimensions.items() if power and name != "unit"}
    return Measure(Node("neg", (number,)) if collected.negative else number, dimensions, collected.scale)


class _Collected:
    """The factors of a product, units apart."""

    def __init__(self, letters: bool) -> None:
        self.letters = letters
        self.above: list[Node] = []
        self.below: list[Node] = []
        self.dimensions: dict[str, int] = {}
        self.scale = Fraction(1)
        self.found = False
        # A word before any number is none of its units.
        self.first = False
        self.negative = False
        self._next = 1

    def add(self, node: Node, power: int) -> None:
        """Sort a factor, raised to 1 or -1."""
        if node.op == "mul":
            for factor in node.args:
                self.add(factor, power)
        elif node.op == "div":
            self.add(node.args[0], power)
            self.add(node.args[1], -power)
        elif node.op == "neg":
            self.negative = not self.negative
            self.add(node.args[0], power)
        elif node.op == "degree":
            self.add(node.args[0], power)
            self._unit("degree", power)
        elif self._is_unit(node):
            self._unit(node.text, power)
        elif node.op == "pow" and self._is_unit(node.args[0]) and (times := _whole(node.args[1])):
            self._unit(node.args[0].text, power * times)
        elif node != _ONE:
            (self.above if power > 0 else self.below).append(node)
        elif power > 0:
            self.above.append(node)

    def _is_unit(self, node: Node) -> bool:
        return node.op == "word" or (self.letters and node.op == "sym" and node.text in LETTERS)

    def _unit(self, name: str, power: int) -> None:
        self.first |= not (self.above or self.below)
        self.found = True
        if name in _POWER_OF_NEXT:
            self._next = _POWER_OF_NEXT[name]
            return
        unit = UNITS.get(name, Unit(name.removesuffix("s")))
        power, self._next = power * self._next, 1
        self.dimensions[unit.dimension] = self.dimensions.get(unit.dimension, 0) + power
        self.scale *= unit.scale**power


def _whole(node: Node) -> int:
    value = rational(node)
    return int(value) if value is not None and value.denominator == 1 and abs(value) <= 9 else 0


def _product(factors: list[Node]) -> Node:
    return _ONE if not factors else factors[0] if len(factors) == 1 else Node("mul", tuple(factors))
