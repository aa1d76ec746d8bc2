"""Units: their names, their sizes, and numbers with a unit.

The table is this module's own, because importing those of sympy or pint takes longer than comparing a whole batch and
they lack everyday names; the tests compare its sizes with `sympy.physics.units`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from onethinker_rewards.metrics.math.tree import Node, rational


class Unit(NamedTuple):
    """A unit: its size in the base units (m, kg, s, A, K, mol) and the powers of those."""

    scale: Fraction
    dimensions: dict[str, int]


# Names (each with its plural), size and dimensions; a prefixed symbol follows "+".
_TABLE = """
meter metre         +m    1               m
inch inche          in    0.0254          m
foot feet           ft    0.3048          m
yard                yd    0.9144          m
mile                mi    1609.344        m
angstrom            -     1e-10           m
gram                +g    0.001           kg
pound               lb    0.45359237      kg
ounce               oz    0.028349523125  kg
ton tonne           -     1000            kg
second sec          +s    1               s
minute              min   60              s
hour hr             h     3600            s
day                 -     86400           s
week                -     604800          s
liter litre         +L    0.001           m3
-                   +l    0.001           m3
gallon              gal   0.003785411784  m3
hectare             ha    10000           m2
acre                -     4046.8564224    m2
-                   kmh   5/18            m/s
-                   kph   5/18            m/s
-                   mph   0.44704         m/s
hertz               +Hz   1               1/s
newton              +N    1               kg*m/s2
pascal              +Pa   1               kg/m*s2
atmosphere          atm   101325          kg/m*s2
joule               +J    1               kg*m2/s2
electronvolt        +eV   1.602176634e-19 kg*m2/s2
watt                +W    1               kg*m2/s3
-                   +Wh   3600            kg*m2/s2
ampere amp          +A    1               A
coulomb             +C    1               A*s
volt                +V    1               kg*m2/A*s3
ohm                 +Ω    1               kg*m2/A2*s3
farad               +F    1               A2*s4/kg*m2
tesla               +T    1               kg/A*s2
weber               Wb    1               kg*m2/A*s2
henry               -     1               kg*m2/A2*s2
kelvin              K     1               K
mole                +mol  1               mol
"""
_PREFIXES = {"p": "1e-12", "n": "1e-9", "μ": "1e-6", "m": "1e-3", "c": "1e-2", "d": "1e-1", "k": "1e3", "M": "1e6",
             "G": "1e9", "T": "1e12"}  # fmt: skip
_LONG_PREFIXES = {"nano": "1e-9", "micro": "1e-6", "milli": "1e-3", "centi": "1e-2", "deci": "1e-1", "kilo": "1e3",
                  "mega": "1e6", "giga": "1e9"}  # fmt: skip
# Units without multiples, each its own dimension. Other words after a number are so too.
_OTHERS = (
    "year month dollar cent euro unit degree radian rad person people student apple time way box ball "
    "USD EUR GBP RMB CNY yuan rupee peso yen point pt "
    "cup pint quart rpm dB ppm cal kcal calorie kilocalorie knot byte bit bps"
).split()
# A unit in symbols of Chinese that has a name of ours; others are words as they are.
_CHINESE = {"米": "m", "厘米": "cm", "毫米": "mm", "千米": "km", "公里": "km", "克": "g", "千克": "kg", "公斤": "kg",
            "秒": "s", "分钟": "min", "小时": "h", "天": "day", "升": "L", "毫升": "mL", "元": "yuan", "度": "degree",
            "人": "people", "平方米": "m²", "平方厘米": "cm²", "立方米": "m³", "立方厘米": "cm³"}  # fmt: skip

# Symbols that are also letters of formulas: units only in the places that `measure` says.
UNIT_LETTERS = frozenset("msghlLNJWVAKC")

# Words that raise the unit after them, "square meters", or before them, "meters per second squared".
_RAISING = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_RAISED = {"squared": 2, "cubed": 3}
_ONE = Node("num", text="1")


def _dimensions(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for part, sign in zip(text.split("/"), (1, -1), strict=False):
        for factor in part.split("*"):
            name = factor.rstrip("0123456789")
            if name:
                found[name] = sign * int(factor[len(name) :] or 1)
    return found


def _table() -> dict[str, Unit]:
    found = {name: Unit(Fraction(1), {name: 1}) for name in _OTHERS}
    for line in _TABLE.strip().splitlines():
        *names, symbol, size, powers = line.split()
        unit = Unit(Fraction(size), _dimensions(powers))
        symbols = {symbol: unit}
        if symbol.startswith("+"):
            symbols = {symbol[1:]: unit} | {
                prefix + symbol[1:]: Unit(unit.scale * Fraction(factor), unit.dimensions)
                for prefix, factor in _PREFIXES.items()
            }
        longer = {name: unit for name in names if name != "-"} | {
            prefix + name: Unit(unit.scale * Fraction(factor), unit.dimensions)
            for name in names
            if symbol.startswith("+") and name != "-"
            for prefix, factor in _LONG_PREFIXES.items()
        }
        found |= longer | symbols
    del found["-"]
    plurals = {f"{name}s": unit for name, unit in found.items() if len(name) > 2 or name in ("hr", "lb", "pt", "yd")}
    return plurals | found | {"um": found["μm"], "us": found["μs"], "kWhs": found["kWh"]}


_UNITS = _table()
_LOWER = {name.lower(): name for name in sorted(_UNITS, key=str.lower, reverse=True)}


def find_unit(name: str) -> Unit | None:
    """Return the unit of a symbol, exactly or else in any case, or of a word; None if there is none."""
    name = _CHINESE.get(name, name)
    return _UNITS.get(name) or (_UNITS[_LOWER[name.lower()]] if len(name) > 1 and name.lower() in _LOWER else None)


def is_unit_word(name: str) -> bool:
    """Return whether a run of letters is a unit, or a word that goes with units."""
    return find_unit(name) is not None or name.lower() in _RAISING or name.lower() in _RAISED or name.lower() == "per"


class Measure(NamedTuple):
    """A number, the powers of the dimensions of its unit, and the size of the unit in the base units."""

    number: Node
    dimensions: dict[str, int]
    scale: Fraction

    def scaled(self) -> Node:
        """Return the number in the base units of the dimensions."""
        if self.scale == 1:
            return self.number
        above, below = (Node("num", text=str(part)) for part in (self.scale.numerator, self.scale.denominator))
        return Node("mul", (self.number, Node("div", (above, below))))


def measure(node: Node, letters: bool) -> Measure | None:
    """Return a number and its unit; None if there is no unit, or no number.

    Args:
        node: A tree.
        letters: Whether variables that are also units, like ``m``, are taken as units. A letter is one too where
            the tree has a unit in words: the "h" of "km/h".
    """
    if node.op == "neg":
        inside = measure(node.args[0], letters)
        return inside and inside._replace(number=Node("neg", (inside.number,)))
    if node.op in ("percent", "degree"):
        return Measure(node.args[0], {node.op: 1}, Fraction(1))
    if node.op == "add":
        return _sum_of_measures([measure(term, letters) for term in node.args])
    factors = _Factors(letters or node.has("word", "unit", "degree"))
    factors.add(node, 1)
    if not factors.has_unit or factors.starts_with_unit or not (factors.above or factors.below):
        return None
    number = _product(factors.above)
    if factors.below:
        number = Node("div", (number, _product(factors.below)))
    if factors.negative:
        number = Node("neg", (number,))
    # Letters beside other letters are a product: the "h" of "πr²h", the "mg" of "mgx".
    if factors.has_letters and number.has("sym", "apply", "unit", "word"):
        return None
    dimensions = {name: power for name, power in factors.dimensions.items() if power}
    return Measure(number, dimensions, factors.scale)


def _sum_of_measures(terms: list[Measure | None]) -> Measure | None:
    """Return the sum of "3 hours 30 minutes" in the unit of its first term."""
    found = [term for term in terms if term is not None]
    if len(found) < len(terms) or any(term.dimensions != found[0].dimensions for term in found):
        return None
    if len({term.scale for term in found}) == 1:
        return None if found[0].dimensions.keys() & {"percent", "degree"} else _in_unit_of(found)
    return _in_unit_of(found)


def _in_unit_of(terms: list[Measure]) -> Measure:
    scale = terms[0].scale
    numbers = tuple(term._replace(scale=term.scale / scale).scaled() for term in terms)
    return Measure(Node("add", numbers), terms[0].dimensions, scale)


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
        # Whether a unit is written in letters that can be variables.
        self.has_letters = False
        # A word before the number is not its unit.
        self.starts_with_unit = False
        self._power_of_next = 1
        self._sign_of_next = 1
        self._last: tuple[Unit, int] | None = None

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
            self._add_unit(node.text, power, node.op != "word")
        elif node.op == "pow" and self._is_unit(node.args[0]) and (exponent := _small_integer(node.args[1])):
            self._add_unit(node.args[0].text, power * exponent, node.args[0].op != "word")
        elif power > 0:
            self.above.append(node)
        elif node != _ONE:
            self.below.append(node)

    def _is_unit(self, node: Node) -> bool:
        is_letter = node.op == "sym" and (node.text in UNIT_LETTERS or node.text == "Omega")
        return node.op in ("word", "unit") or (self.letters and is_letter)

    def _add_unit(self, name: str, power: int, is_letters: bool = False) -> None:
        self.starts_with_unit |= not (self.above or self.below)
        self.has_unit = True
        self.has_letters |= is_letters
        lowered = name.lower()
        if lowered in _RAISING:
            self._power_of_next = _RAISING[lowered]
        elif lowered == "per":
            self._sign_of_next = -1
        elif lowered in _RAISED and self._last is not None:
            unit, power = self._last
            self._multiply(unit, power * (_RAISED[lowered] - 1))
        else:
            raised = _CHINESE.get(name, name)[-1:]
            power *= {"²": 2, "³": 3}.get(raised, 1) * self._power_of_next * self._sign_of_next
            name = _CHINESE.get(name, name).rstrip("²³").replace("Omega", "Ω").replace("mu", "μ")
            unit = find_unit(name) or Unit(Fraction(1), {lowered.removesuffix("s"): 1})
            self._power_of_next = self._sign_of_next = 1
            self._last = unit, power
            self._multiply(unit, power)

    def _multiply(self, unit: Unit, power: int) -> None:
        for dimension, exponent in unit.dimensions.items():
            self.dimensions[dimension] = self.dimensions.get(dimension, 0) + power * exponent
        self.scale *= unit.scale**power


def as_letters(node: Node) -> Node:
    """Return a tree whose units in plain letters are products of variables: ``km`` is k times m."""
    if node.op == "unit":
        letters = tuple(map(_letter, node.text))
        return letters[0] if len(letters) == 1 else Node("mul", letters)
    if node.op == "pow" and node.args[0].op == "unit":
        *first, last = map(_letter, node.args[0].text)
        return Node("mul", (*first, Node("pow", (last, as_letters(node.args[1])))))
    return node if not node.has("unit") else node._replace(args=tuple(map(as_letters, node.args)))


def _letter(letter: str) -> Node:
    return Node("const" if letter in "ei" else "sym", text=letter)


def _small_integer(node: Node) -> int:
    """Return the value of an exponent; 0 if it is not an integer of one digit."""
    value = rational(node)
    return int(value) if value is not None and value.denominator == 1 and abs(value) <= 9 else 0


def _product(factors: list[Node]) -> Node:
    return _ONE if not factors else factors[0] if len(factors) == 1 else Node("mul", tuple(factors))
