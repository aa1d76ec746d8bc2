"""From our trees to sympy's; imported by worker processes only.

Each operation is built by name from a closed table. No text is ever given to sympy to evaluate.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import sympy

from onethinker_rewards.metrics.mathematics.calls import ACCENTS
from onethinker_rewards.metrics.mathematics.node import Node
from onethinker_rewards.metrics.mathematics.relations import is_inequality, pieces, without_variable

__all__ = ["Hopeless", "describes_set", "to_set", "to_sympy"]

# Powers and factorials with more bits than this are not worked out.
_BITS = 400_000
_FACTORIAL = 20_000


class Hopeless(Exception):  # noqa: N818
    """Working this out would take longer than any deadline."""


def to_sympy(node: Node) -> Any:
    """Return the expression of a tree; raises TypeError for what is none."""
    if node.op == "num":
        return sympy.Rational(node.text)
    if node.op in ("sym", "word"):
        return sympy.Symbol(node.text)
    if node.op == "const":
        return _CONSTANTS[node.text]
    if node.op == "call":
        name, *args = node.args
        return _CALLS[name.text](*map(to_sympy, args))
    if node.op == "matrix":
        return sympy.Matrix([[to_sympy(element) for element in row.args] for row in node.args])
    if node.op == "based":
        return _based(*node.args)
    if node.op in _OPERATIONS:
        return _OPERATIONS[node.op](*map(to_sympy, node.args))
    raise TypeError(f"{node.op} is no expression")


def _based(digits: Node, base: Node) -> Any:
    return sympy.Integer(int(digits.text, int(base.text)))


def _divide(above: Any, below: Any) -> Any:
    if below == 0:
        raise ZeroDivisionError
    return above / below


def _multiply(*factors: Any) -> Any:
    # One after the other, so that matrices can stand among them.
    return math.prod(factors, start=sympy.Integer(1))


def _percent(value: Any) -> Any:
    return value / 100


def _degree(value: Any) -> Any:
    return value * sympy.pi / 180


def _power(base: Any, exponent: Any) -> Any:
    if base.is_Rational and exponent.is_Rational and abs(base) not in (0, 1):
        bits = max(int(base.p).bit_length(), int(base.q).bit_length())
        if bits * abs(exponent) > _BITS:
            raise Hopeless
    return base**exponent


def _factorial(of: Any) -> Any:
    if of.is_Rational and of > _FACTORIAL:
        raise Hopeless
    return sympy.factorial(of)


def _log(of: Any, base: Any = None) -> Any:
    # Without an index it is the common logarithm, as in school and on calculators; \ln is the natural one.
    return sympy.log(of, 10 if base is None else base)


def _sum(body: Any, index: Any, low: Any, high: Any) -> Any:
    return sympy.Sum(body, (index, low, high)).doit()


def _product(body: Any, index: Any, low: Any, high: Any) -> Any:
    return sympy.Product(body, (index, low, high)).doit()


def _integral(body: Any, variable: Any, *bounds: Any) -> Any:
    return sympy.Integral(body, (variable, *bounds)).doit()


_CONSTANTS = {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "oo": sympy.oo}

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": sympy.Add, "mul": _multiply, "neg": operator.neg, "div": _divide, "pow": _power, "percent": _percent,
    "degree": _degree,
}  # fmt: skip

_CALLS: dict[str, Callable[..., Any]] = {
    "abs": sympy.Abs, "floor": sympy.floor, "ceiling": sympy.ceiling, "factorial": _factorial,
    "binomial": sympy.binomial, "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "cot": sympy.cot,
    "sec": sympy.sec, "csc": sympy.csc, "asin": sympy.asin, "acos": sympy.acos, "atan": sympy.atan,
    "sinh": sympy.sinh, "cosh": sympy.cosh, "tanh": sympy.tanh, "ln": sympy.log, "log": _log, "lg": _log,
    "exp": sympy.exp, "max": sympy.Max, "min": sympy.Min, "gcd": sympy.gcd, "lcm": sympy.lcm,
    "det": sympy.det, "sum": _sum, "prod": _product, "int": _integral, "lim": sympy.limit,
    **{accent: sympy.Function(accent) for accent in ACCENTS},
}  # fmt: skip

_SPACES = {
    "R": sympy.S.Reals,
    "N": sympy.S.Naturals,
    "Z": sympy.S.Integers,
    "Q": sympy.S.Rationals,
    "C": sympy.S.Complexes,
}
_COMBINED = {"union": sympy.Union, "intersection": sympy.Intersection, "or": sympy.Union, "and": sympy.Intersection}


def describes_set(node: Node) -> bool:
    """Return whether `to_set` has a rule for a tree."""
    node = without_variable(node)
    if node.op in ("without", *_COMBINED):
        return all(map(describes_set, node.args))
    return node.op in ("space", "set", "bracket") or is_inequality(node)


def to_set(node: Node) -> Any:
    """Return the set of numbers of a tree that describes one; raises TypeError where a part is no number."""
    node = without_variable(node)
    if node.op == "space":
        return _SPACES[node.text]
    if node.op == "set":
        return sympy.FiniteSet(*map(to_sympy, node.args))
    if node.op == "bracket":
        return _interval(*node.args)
    if node.op in _COMBINED:
        return _COMBINED[node.op](*map(to_set, node.args))
    if node.op == "without":
        return sympy.Complement(*map(to_set, node.args))
    return sympy.Intersection(*map(_solved, pieces(node)))


def _interval(brackets: Node, low: Node, high: Node) -> Any:
    left, right = (bracket in "()" for bracket in brackets.text)
    return sympy.Interval(to_sympy(low), to_sympy(high), left, right)


def _solved(piece: Node) -> Any:
    """Return the real solutions of one inequality in one variable."""
    left, right = to_sympy(piece.args[0]), to_sympy(piece.args[2])
    variables = left.free_symbols | right.free_symbols
    if len(variables) != 1:
        raise TypeError("more than one variable")
    real = sympy.Symbol("x", real=True)
    (variable,) = variables
    relation: Any = _COMPARED[piece.args[1].text]
    return relation(left.subs(variable, real), right.subs(variable, real)).as_set()


_COMPARED: dict[str, Any] = {"<": sympy.Lt, "<=": sympy.Le, "!=": sympy.Ne}
