"""What needs a computer algebra system; imported by worker processes only.

Two expressions are equal if sympy builds the same object from both, or if they agree to thirty digits: as
they stand if they are numbers, at random places if they have variables. That finds more equalities than
simplifying does, and cannot run away with an expression in the way simplifying can.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import sympy

from onethinker_rewards.metrics.mathematics.node import Node
from onethinker_rewards.metrics.mathematics.rational import close_enough
from onethinker_rewards.metrics.mathematics.reading import read
from onethinker_rewards.metrics.mathematics.same import Question, same
from onethinker_rewards.metrics.mathematics.sympify import Hopeless, describes_set, to_set, to_sympy

__all__ = ["algebra", "verdict"]

_DIGITS = 30
_MOST_DIGITS = 120
_ROUGHLY = sympy.Float("1e-25")
_EXACTLY = sympy.Float("1e-90")
_PLACES = 5
_NEEDED = 3

# What sympy raises where an expression makes no sense to it, or is beyond it.
_REFUSALS = (ArithmeticError, AttributeError, IndexError, KeyError, NotImplementedError, TypeError, ValueError)


def verdict(predicted: str, reference: str) -> str:
    """Return ``equal``, ``different`` or ``timeout`` for two texts that can be read."""
    try:
        return "equal" if same(read(predicted), _read_reference(reference), algebra) else "different"
    except Hopeless:
        return "timeout"


_read_reference = lru_cache(maxsize=256)(read)


def algebra(question: Question, left: Node, right: Node) -> bool:
    """Answer one of `same`'s questions."""
    try:
        return _ANSWERS[question](left, right)
    except _REFUSALS:
        return False


def _equal(left: Node, right: Node) -> bool:
    one: Any = to_sympy(left)
    other: Any = to_sympy(right)
    if one == other:
        return True
    if isinstance(one, sympy.MatrixBase):
        return isinstance(other, sympy.MatrixBase) and one.shape == other.shape and _agree_each(one, other)
    allowed = close_enough(left, right)
    if one.is_Rational and other.is_Rational:
        return allowed is not None and bool(abs(one - other) < allowed)
    return _agree(one, other, allowed and sympy.Rational(allowed.numerator, allowed.denominator))


def _agree_each(one: Any, other: Any) -> bool:
    return all(map(_agree, one, other))


def _agree(one: Any, other: Any, allowed: Any = None) -> bool:
    """Compare numbers as they stand, functions at random places."""
    variables = sorted(one.free_symbols | other.free_symbols, key=lambda symbol: symbol.name)
    # The same places every time: a verdict must not depend on what was compared before.
    random_numbers = random.Random(7)  # noqa: S311
    found: list[bool | None] = []
    for _ in range(_PLACES if variables else 1):
        at = [(variable, sympy.Rational(random_numbers.randint(-4000, 4000), 1009)) for variable in variables]
        found.append(_same_value(one.subs(at), other.subs(at), allowed))
        if found[-1] is False:
            return False
    compared = found.count(True)
    return compared >= _NEEDED or compared == len(found) or sympy.simplify(one - other) == 0


def _same_value(one: Any, other: Any, allowed: Any) -> bool | None:
    """Return whether two numbers are equal; None if neither has a value."""
    left, right = _number(one), _number(other)
    if left is None or right is None:
        return None if left is right else False
    if not (left.is_finite and right.is_finite):
        return bool(left == right)
    if allowed is not None:
        return bool(abs(left - right) < allowed)
    scale = max(abs(left), abs(right))
    if abs(left - right) > _ROUGHLY * scale:
        return False
    # Thirty digits are not enough to tell 10^40 + 1 from 10^40.
    return bool(abs((one - other).evalf(_DIGITS, maxn=_MOST_DIGITS)) <= _EXACTLY * max(scale, 1))


def _number(expression: Any) -> Any:
    """Return the value to thirty digits; None where there is none."""
    value = expression.evalf(_DIGITS)
    if value in (sympy.oo, -sympy.oo):
        return value
    parts = value.as_real_imag() if value.is_number else ()
    return value if parts and all(part.is_Float or part.is_Rational for part in parts) else None


def _proportional(left: Node, right: Node) -> bool:
    return _factor(left, right) is not None


def _positive(left: Node, right: Node) -> bool:
    factor = _factor(left, right)
    return factor is not None and bool(factor > 0)


def _factor(left: Node, right: Node) -> Any:
    """Return the constant that one difference is of the other; None if it is none."""
    one, other = sympy.expand(to_sympy(left)), sympy.expand(to_sympy(right))
    if one == 0 or other == 0:
        return sympy.Integer(1) if one == other else None
    ratio = sympy.cancel(one / other)
    if ratio.free_symbols:
        ratio = sympy.simplify(ratio)
    if ratio.free_symbols or not ratio.is_finite or ratio.is_zero or not ratio.is_real:
        return None
    return ratio


def _same_set(left: Node, right: Node) -> bool:
    # Seen before either is solved: against what is no set, solving an inequality is in vain.
    if not (describes_set(left) and describes_set(right)):
        return False
    one, other = to_set(left), to_set(right)
    return one == other or bool(one.symmetric_difference(other) == sympy.S.EmptySet)


_ANSWERS: dict[Question, Callable[[Node, Node], bool]] = {
    "equal": _equal,
    "proportional": _proportional,
    "positive": _positive,
    "set": _same_set,
}
