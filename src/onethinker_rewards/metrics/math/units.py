"""Units, and numbers with a unit."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from onethinker_rewards.metrics.math.tree import Node, rational


class Unit(NamedTuple):
    """A unit as a multiple of the first unit of its dimension."""

    dimension: str
    scale: Fraction = Fraction(1)


_SIZES: dict[str, dict[str, str]] = {
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

# Units without multiples: each is its own dimension.
_OTHERS = (
    "mph kmh year month dollar cent euro unit degree percent radian rad hz mol pa kpa ohm people person student "
    "apple time way box ball"
).split()


def _with_plurals() -> dict[str, Unit]:
    found = {name: Unit(name) for name in _OTHERS}
    for dimension, sizes in _SIZES.items():
        found |= {name: Unit(dimension, Fraction(size)) for name, size in sizes.items()}
    plurals = {f"{name}s": unit for name, unit in found.items() if len(name) > 1}
    return plurals | found


UNITS = _with_plurals()

# Letters that are variables, but can be units if the other side is a bare number.
UNIT_LETTERS = frozenset("msghlLNJWVAKC")

_ONE = Node("num", text="1")
# Words that raise the unit after them: "square meters".
_RAISING = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}


class Measure(NamedTuple):
    """A number, the powers of the dimensions of its unit, and the size of the unit in their first units."""

    number: Node
    dimensions: dict[str, int]
    scale: Fraction

    def scaled(self) -> Node:
        """Return the number in the first units of the dimensions."""
        if self.scale == 1:
            return self.number
        above, below = (Node("num", text=str(part)) for part in (self.scale.numerator, self.scale.denominator))
        return Node("mul", (self.number, Node("div", (above, below))))


def measure(node: Node, letters: bool) -> Measure | None:
    """Return a number and its unit; None if there is no unit, or no number.

    Args:
        node: A tree.
        letters: Whether variables that are also units, like ``m``, are taken as units.
    """
    if node.op in ("percent", "degree"):
        return Measure(node.args[0], {node.op: 1}, Fraction(1))
    # A letter is a unit too where the tree has a unit in words: the "h" of "km/h".
    factors = _Factors(letters or node.has("word", "degree"))
    factors.add(node, 1)
    if not factors.has_unit or factors.starts_with_unit or not (factors.above or factors.below):
        return None
    number = _product(factors.above)
    if factors.below:
        number = Node("div", (number, _product(factors.below)))
    if factors.negative:
        number = Node("neg", (number,))
    dimensions = {name: power for name, power in factors.dimensions.items() if power and name != "unit"}
    return Measure(number, dimensions, factors.scale)


class _Factors:
    """The factors of a product, sorted into numbers and units."""

    def __init__(self, letters: bool) -> None:
        self.letters = letters
        self.above: list[Node] = []
        self.below: list[Node] = []
        self.negative = False
        self.dimensions: dict[str, int] = {}
        self.scale = Fraction(1)
        self.has_unit = False
        # A word before the number is not its unit.
        self.starts_with_unit = False
        self._power_of_next = 1

    def add(self, node: Node, power: int) -> None:
        """Add a factor that is raised to 1 or -1."""
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
            self._add_unit("degree", power)
        elif self._is_unit(node):
            self._add_unit(node.text, power)
        elif node.op == "pow" and self._is_unit(node.args[0]) and (exponent := _small_integer(node.args[1])):
            self._add_unit(node.args[0].text, power * exponent)
        elif power > 0:
            self.above.append(node)
        elif node != _ONE:
            self.below.append(node)

    def _is_unit(self, node: Node) -> bool:
        return node.op == "word" or (self.letters and node.op == "sym" and node.text in UNIT_LETTERS)

    def _add_unit(self, name: str, power: int) -> None:
        self.starts_with_unit |= not (self.above or self.below)
        self.has_unit = True
        if name in _RAISING:
            self._power_of_next = _RAISING[name]
            return
        unit = UNITS.get(name, Unit(name.removesuffix("s")))
        power, self._power_of_next = power * self._power_of_next, 1
        self.dimensions[unit.dimension] = self.dimensions.get(unit.dimension, 0) + power
        self.scale *= unit.scale**power


def _small_integer(node: Node) -> int:
    """Return the value of an exponent; 0 if it is not an integer of one digit."""
    value = rational(node)
    return int(value) if value is not None and value.denominator == 1 and abs(value) <= 9 else 0


def _product(factors: list[Node]) -> Node:
    return _ONE if not factors else factors[0] if len(factors) == 1 else Node("mul", tuple(factors))
