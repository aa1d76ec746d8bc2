"""The comparisons that need sympy, a computer algebra system; imported by worker processes only.

Two expressions are equal if sympy builds the same object from both, or if their values agree to thirty digits: at
random points if they have variables. This finds more equalities than simplifying, which can also take without end, so
that an expression is only simplified where too few points have a value.

Nothing here limits the time: if sympy hangs, `workers` kills the process at the pair's deadline, and `compare` gives
the pair the verdict ``timeout``.

Each operation is built by name from a closed table. No text is ever given to sympy to evaluate.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import sympy
from mpmath.libmp import NoConvergence

from onethinker_rewards.metrics.math.atoms import ACCENTS
from onethinker_rewards.metrics.math.equality import inequalities, is_equal_answer, is_inequality, without_variable
from onethinker_rewards.metrics.math.equations import Question, rounding_step
from onethinker_rewards.metrics.math.parser import parse
from onethinker_rewards.metrics.math.sampling import agrees, numeric_value, with_positive_letters
from onethinker_rewards.metrics.math.tree import Node, tolerance
from onethinker_rewards.metrics.math.units import as_letters

# Larger powers and factorials are not computed.
_MAX_BITS = 400_000
_MAX_FACTORIAL = 20_000

# What sympy raises if an expression makes no sense to it, or is too hard for it.
_REFUSALS = (
    ArithmeticError, AttributeError, IndexError, KeyError, NoConvergence, NotImplementedError, TypeError, ValueError,
)  # fmt: skip


class TooExpensive(Exception):  # noqa: N818
    """Computing this would take longer than any deadline."""


def verdict(predicted: str, reference: str) -> str:
    """Return ``equal``, ``different`` or ``timeout`` for two readable texts."""
    try:
        return "equal" if is_equal_answer(parse(predicted), _parse_reference(reference), _answer) else "different"
    except TooExpensive:
        return "timeout"


_parse_reference = lru_cache(maxsize=256)(parse)


def _answer(question: Question, left: Node, right: Node) -> bool:
    """Answer one of the questions of `is_equal`."""
    try:
        return _ANSWERS[question](as_letters(left), as_letters(right))
    except _REFUSALS:
        return False


# Expressions.


def _is_equal_expression(left_node: Node, right_node: Node) -> bool:
    left: Any = _to_sympy(left_node)
    right: Any = _to_sympy(right_node)
    if left == right:
        return True
    if isinstance(left, sympy.MatrixBase):
        same_shape = isinstance(right, sympy.MatrixBase) and left.shape == right.shape
        return same_shape and all(map(agrees, left.flat(), right.flat()))
    allowed = tolerance(left_node, right_node)
    if left.is_Rational and right.is_Rational:
        return allowed is not None and bool(abs(left - right) < allowed)
    return agrees(left, right, allowed and sympy.Rational(allowed.numerator, allowed.denominator))


def _is_rounded(exact_node: Node, rounded_node: Node) -> bool:
    value, step = numeric_value(_to_sympy(exact_node)), rounding_step(rounded_node)
    distance = abs(value - _to_sympy(rounded_node)) if value is not None else sympy.oo
    return bool(distance <= sympy.Rational(step.numerator, step.denominator) / 2)


def _is_same_family(left_node: Node, right_node: Node) -> bool:
    """Return whether two expressions that are linear in the integer n have the same values."""
    letter = sympy.Symbol("n")
    sides = [_to_sympy(left_node), _to_sympy(right_node)]
    starts = [side.subs(letter, 0) for side in sides]
    periods = [sympy.diff(side, letter) for side in sides]
    if any(period.free_symbols or period.is_zero for period in periods) or not agrees(periods[0] ** 2, periods[1] ** 2):
        return False
    shift = (starts[0] - starts[1]) / periods[0]
    value = numeric_value(shift)
    return bool(value is not None and value.is_real and agrees(shift, sympy.Integer(round(value))))


# Equations and inequalities, given as the difference of their sides.


def _is_proportional_with_sign(left: Node, right: Node) -> bool:
    factor = _factor(left, right)
    return factor is not None and bool(factor > 0)


def _factor(left_node: Node, right_node: Node) -> Any:
    """Return the real constant that, times the right side, gives the left side; None if there is no such constant."""
    left, right = with_positive_letters(sympy.expand(_to_sympy(left_node)), sympy.expand(_to_sympy(right_node)))
    if left == 0 or right == 0:
        # Identities say nothing, whatever their sides are.
        return None
    ratio = sympy.cancel(left / right)
    if ratio.free_symbols:
        ratio = sympy.simplify(ratio)
    if ratio.free_symbols or not ratio.is_finite or ratio.is_zero or not ratio.is_real:
        return None
    return ratio


# Sets.


def _is_equal_set(left_node: Node, right_node: Node) -> bool:
    # Checked before either side is solved, because solving an inequality takes long.
    if not (_describes_set(left_node) and _describes_set(right_node)):
        return False
    left, right = _to_set(left_node), _to_set(right_node)
    return left == right or bool(left.symmetric_difference(right) == sympy.S.EmptySet)


def _describes_set(node: Node) -> bool:
    """Return whether `_to_set` has a rule for a tree."""
    node = without_variable(node)
    if node.op in ("without", *_COMBINATIONS):
        return all(map(_describes_set, node.args))
    return node.op in ("space", "set", "bracket") or is_inequality(node)


def _to_set(node: Node) -> Any:
    """Return the set of numbers that a tree describes; raises TypeError if a part is no number."""
    node = without_variable(node)
    if node.op == "space":
        return _SPACES[node.text]
    if node.op == "set":
        return sympy.FiniteSet(*map(_to_sympy, node.args))
    if node.op == "bracket":
        brackets, low, high = node.args
        left_open, right_open = (bracket in "()" for bracket in brackets.text)
        low, high = _to_sympy(low), _to_sympy(high)
        if (low == -sympy.oo and not left_open) or (high == sympy.oo and not right_open):
            raise TypeError("infinity is no element")
        return sympy.Interval(low, high, left_open, right_open)
    if node.op in _COMBINATIONS:
        return _COMBINATIONS[node.op](*map(_to_set, node.args))
    if node.op == "without":
        return sympy.Complement(*map(_to_set, node.args))
    return sympy.Intersection(*map(_solutions, inequalities(node)))


def _solutions(inequality: Node) -> Any:
    """Return the real solutions of an inequality in one variable."""
    left, right = _to_sympy(inequality.args[0]), _to_sympy(inequality.args[2])
    variables = left.free_symbols | right.free_symbols
    if len(variables) != 1 or left.has(sympy.I) or right.has(sympy.I):
        raise TypeError("not in one real variable")
    real = sympy.Symbol("x", real=True)
    (variable,) = variables
    relation: Any = _INEQUALITIES[inequality.args[1].text]
    return relation(left.subs(variable, real), right.subs(variable, real)).as_set()


# From our trees to expressions of sympy.


def _to_sympy(node: Node) -> Any:
    """Return the expression of a tree; raises TypeError for what is no expression."""
    if node.op == "num":
        return sympy.Rational(node.text)
    if node.op in ("sym", "word"):
        return sympy.Symbol(node.text)
    if node.op == "const":
        return _CONSTANTS[node.text]
    if node.op == "apply":
        # The value of an unknown function is a number like any other: f(0) is a variable of that name.
        name, *values = map(_to_sympy, node.args)
        return sympy.Symbol(f"{name}({', '.join(map(str, values))})")
    if node.op == "call":
        name, *args = node.args
        return _CALLS[name.text](*map(_to_sympy, args))
    if node.op == "matrix":
        return sympy.Matrix([[_to_sympy(element) for element in row.args] for row in node.args])
    if node.op == "based":
        digits, base = node.args
        return sympy.Integer(int(digits.text, int(base.text)))
    if node.op in _OPERATIONS:
        return _OPERATIONS[node.op](*map(_to_sympy, node.args))
    raise TypeError(f"{node.op} is no expression")


def _multiply(*factors: Any) -> Any:
    # One factor after the other, because sympy.Mul refuses matrices.
    return math.prod(factors, start=sympy.Integer(1))


def _divide(above: Any, below: Any) -> Any:
    if below == 0:
        raise ZeroDivisionError
    return above / below


def _power(base: Any, exponent: Any) -> Any:
    if base.is_Rational and exponent.is_Rational and abs(base) not in (0, 1):
        bits = max(int(base.p).bit_length(), int(base.q).bit_length())
        if bits * abs(exponent) > _MAX_BITS:
            raise TooExpensive
        if base < 0 and exponent.q != 1 and exponent.q % 2:
            # Odd roots of negative numbers are real, as in school.
            return (-1) ** exponent.p * abs(base) ** exponent
    return base**exponent


def _factorial(of: Any) -> Any:
    if of.is_Rational and of > _MAX_FACTORIAL:
        raise TooExpensive
    return sympy.factorial(of)


def _log(of: Any, base: Any = 10) -> Any:
    # Without an index it is the common logarithm, as in school and on calculators; \ln is the natural one.
    return sympy.log(of, base)


def _evaluate(operation: Callable[..., Any], body: Any, *bounds: Any) -> Any:
    """Return the value of a sum, a product or an integral; ``bounds`` are its variable and, if any, its two bounds."""
    return operation(body, bounds).doit()


_CONSTANTS = {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "oo": sympy.oo}

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": sympy.Add, "mul": _multiply, "neg": operator.neg, "div": _divide, "pow": _power,
    "percent": partial(operator.mul, sympy.Rational(1, 100)), "degree": partial(operator.mul, sympy.pi / 180),
}  # fmt: skip

_CALLS: dict[str, Callable[..., Any]] = {
    "abs": sympy.Abs, "floor": sympy.floor, "ceiling": sympy.ceiling, "factorial": _factorial,
    "binomial": sympy.binomial, "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "cot": sympy.cot,
    "sec": sympy.sec, "csc": sympy.csc, "acot": sympy.acot, "asec": sympy.asec, "acsc": sympy.acsc, "coth": sympy.coth,
    "sech": sympy.sech, "csch": sympy.csch, "asin": sympy.asin, "acos": sympy.acos, "atan": sympy.atan,
    "sinh": sympy.sinh, "cosh": sympy.cosh, "tanh": sympy.tanh, "ln": sympy.log, "log": _log, "lg": _log,
    "exp": sympy.exp, "max": sympy.Max, "min": sympy.Min, "gcd": sympy.gcd, "lcm": sympy.lcm,
    "det": sympy.det, "sum": partial(_evaluate, sympy.Sum), "prod": partial(_evaluate, sympy.Product),
    "int": partial(_evaluate, sympy.Integral), "lim": sympy.limit,
    **{accent: sympy.Function(accent) for accent in ACCENTS},
}  # fmt: skip

_SPACES = {
    "R": sympy.S.Reals, "N": sympy.S.Naturals, "Z": sympy.S.Integers, "Q": sympy.S.Rationals, "C": sympy.S.Complexes,
}  # fmt: skip
_COMBINATIONS = {
    "union": sympy.Union, "intersection": sympy.Intersection, "or": sympy.Union, "and": sympy.Intersection,
}  # fmt: skip
_INEQUALITIES: dict[str, Any] = {"<": sympy.Lt, "<=": sympy.Le, "!=": sympy.Ne}

_ANSWERS: dict[Question, Callable[[Node, Node], bool]] = {
    "equal": _is_equal_expression,
    "proportional": lambda left, right: _factor(left, right) is not None,
    "positive": _is_proportional_with_sign,
    "set": _is_equal_set,
    "rounded": _is_rounded,
    "family": _is_same_family,
}
