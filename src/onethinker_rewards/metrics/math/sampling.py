"""Compares expressions of sympy at points: which letters are whole numbers or positive there, and how near is equal."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import sympy

_DIGITS = 30
_MAX_DIGITS = 120
_ROUGHLY = sympy.Float("1e-25")
_EXACTLY = sympy.Float("1e-90")

_POINTS = 5
_NEEDED_POINTS = 3
# Points for expressions with a floor or a sign that alternates: each remainder must have its turn.
_CONSECUTIVE = 25
_FAR_APART = 15
_FARTHEST = 1_000_000
# The same where a letter is in an exponent or a factorial, whose values have thousands of digits.
_FARTHEST_EXPONENT = 2000
_GROWING = (sympy.factorial, sympy.gamma, sympy.binomial, sympy.exp)

# Letters are fractions of so many parts; the first, where one is in an exponent.
_FEW_PARTS = 13
_MANY_PARTS = 1009
# Letters that are complex numbers beside an i.
_COMPLEX = frozenset("zw")

# Letters that are whole numbers under a floor, or in a multiple of pi; others may be any number there.
_WHOLE_NUMBERS = frozenset("jklmnpqKMN")
_PERIODIC = (sympy.sin, sympy.cos, sympy.tan, sympy.cot, sympy.sec, sympy.csc, sympy.exp)


def agrees(left: Any, right: Any, allowed: Any = None) -> bool:
    """Compare numbers as they are, functions at points that are the same every time."""
    variables = sorted(left.free_symbols | right.free_symbols, key=lambda symbol: symbol.name)
    if not variables:
        return _agrees_in_value(left, right, allowed) is True
    conditions = [_conditions(left), _conditions(right)]
    agreements: list[bool | None] = []
    for point in _points(left, right, variables, conditions):
        agreements.append(_agrees_in_value(left.subs(point), right.subs(point), allowed))
        if agreements[-1] is False:
            return False
    agreed = agreements.count(True)
    return agreed >= _NEEDED_POINTS or agreed == len(agreements) or sympy.simplify(left - right) == 0


def _points(left: Any, right: Any, variables: list[Any], conditions: list[list[Any]]) -> Iterator[dict[Any, Any]]:
    # A verdict must not depend on what was compared before.
    generator = random.Random(7)  # noqa: S311
    whole, rounded = _whole_numbers(left) | _whole_numbers(right), _rounded(left) | _rounded(right)
    positive = _positive(variables, conditions)
    has_exponent = _has_exponent(left + right)
    farthest = _FARTHEST_EXPONENT if left.has(*_GROWING) or right.has(*_GROWING) or has_exponent else _FARTHEST
    # sympy works 24^(p/q) out by way of 24^p, so that exponents must be short fractions.
    parts = _FEW_PARTS if has_exponent else _MANY_PARTS
    is_complex = left.has(sympy.I) or right.has(sympy.I)

    def fraction() -> Any:
        return sympy.Rational(generator.randint(-4 * parts, 4 * parts), parts)

    def draw(variable: Any, index: int) -> Any:
        if variable in whole:
            return sympy.Integer(index + 1 if index < _CONSECUTIVE else generator.randint(1, farthest))
        if variable in rounded:
            value = sympy.Rational(generator.randint(-120, 120), generator.choice((1, 2, 3, 4, 7)))
        elif is_complex and variable.name in _COMPLEX:
            value = fraction() + sympy.I * fraction()
        else:
            value = fraction()
        return abs(value) or sympy.Integer(1) if variable in positive else value

    if not (whole or rounded):
        count = 4 * _POINTS if any(conditions) else _POINTS
        candidates = [{variable: draw(variable, 0) for variable in variables} for _ in range(count)]
        # Where neither side has a real value they may take different branches of a root or a logarithm.
        if any(conditions):
            real = [point for point in candidates if not all(_is_violated(side, point) for side in conditions)]
            candidates = (real if len(real) >= _NEEDED_POINTS else candidates)[:_POINTS]
        yield from candidates
        return
    shifts = {variable: generator.randint(0, 9) if index else 0 for index, variable in enumerate(variables)}
    for index in range(_CONSECUTIVE + _FAR_APART):
        yield {
            variable: draw(variable, (index + shifts[variable]) % _CONSECUTIVE if index < _CONSECUTIVE else index)
            for variable in variables
        }


# Which letters are whole numbers.


def _whole_numbers(expression: Any) -> set[Any]:
    """Return the letters under a floor, in a multiple of pi, or in the exponent of a negative number."""
    named = [atom.args[0] for atom in expression.atoms(sympy.floor, sympy.ceiling)]
    named += [atom.args[0] for atom in expression.atoms(*_PERIODIC) if atom.args[0].has(sympy.pi)]
    found = {symbol for part in named for symbol in part.free_symbols if symbol.name[0] in _WHOLE_NUMBERS}
    for power in expression.atoms(sympy.Pow):
        if power.base.is_number and power.base.is_negative:
            found |= power.exp.free_symbols
    return found


def _has_exponent(expression: Any) -> bool:
    return any(power.exp.free_symbols for power in expression.atoms(sympy.Pow))


def _rounded(expression: Any) -> set[Any]:
    """Return the letters under a floor or a ceiling."""
    atoms = expression.atoms(sympy.floor, sympy.ceiling)
    return {symbol for atom in atoms for symbol in atom.free_symbols}


# Which letters are positive.


def _conditions(expression: Any) -> list[Any]:
    """Return roots and logarithms of letters, each of which is real only where what it is of is positive."""
    powers = [
        power for power in expression.atoms(sympy.Pow)
        if power.exp.is_Rational and not power.exp.is_Integer and power.base.free_symbols
    ]  # fmt: skip
    return powers + [log for log in expression.atoms(sympy.log) if log.args[0].free_symbols]


def _is_even(condition: Any) -> bool:
    return not condition.is_Pow or condition.exp.q % 2 == 0


def _is_violated(conditions: list[Any], point: dict[Any, Any]) -> bool:
    return any(_is_negative(condition, point) for condition in conditions)


def _is_negative(condition: Any, point: dict[Any, Any]) -> bool:
    return bool(condition.args[0].subs(point).evalf(_DIGITS).is_negative)


def _positive(variables: list[Any], conditions: list[list[Any]]) -> set[Any]:
    r"""Return the letters that a root or a logarithm needs to be positive.

    These are the letters whose sign decides whether it is real. A function of one letter keeps both signs if the
    second side, the reference, has a root or a logarithm that is real for both: ``2\ln x`` is not ``\ln x^2``.
    """
    generator = random.Random(11)  # noqa: S311
    is_alone = len(variables) == 1
    needed: set[Any] = set()
    under: set[Any] = set()
    points = [{name: sympy.Rational(generator.randint(1, 4000), 1009) for name in variables} for _ in range(3)]
    for variable in variables:
        needs = [any(_needs(condition, variable, points) for condition in side) for side in conditions]
        others = [any(_is_even(condition) and condition.has(variable) for condition in side) for side in conditions]
        if any(needs) and not (is_alone and others[-1] and not needs[-1]):
            needed.add(variable)
        if any(others):
            under.add(variable)
    if needed and not is_alone:
        # Beside such letters the others under a root are positive too, as in x√y for √(x²y).
        return needed | under
    return needed


def _needs(condition: Any, variable: Any, points: list[dict[Any, Any]]) -> bool:
    if not condition.has(variable):
        return False
    flipped = [point | {variable: -point[variable]} for point in points]
    return any(
        not _is_negative(condition, point) and _is_negative(condition, other)
        for point, other in zip(points, flipped, strict=True)
    )


def with_positive_letters(left: Any, right: Any) -> tuple[Any, Any]:
    """Return both expressions with letters that a root or a logarithm needs to be positive declared so."""
    conditions = [_conditions(left), _conditions(right)]
    if not any(conditions):
        return left, right
    variables = sorted(left.free_symbols | right.free_symbols, key=lambda symbol: symbol.name)
    names = {variable: sympy.Symbol(variable.name, positive=True) for variable in _positive(variables, conditions)}
    return left.subs(names), right.subs(names)


# Values.


def _agrees_in_value(left: Any, right: Any, allowed: Any) -> bool | None:
    """Return whether two numbers are equal; None if neither has a value."""
    left_value, right_value = numeric_value(left), numeric_value(right)
    if left_value is None or right_value is None:
        return None if left_value is right_value else False
    if not (left_value.is_finite and right_value.is_finite):
        return bool(left_value == right_value)
    distance = abs(left_value - right_value)
    if allowed is not None:
        return bool(distance < allowed)
    scale = max(abs(left_value), abs(right_value))
    if distance > _ROUGHLY * scale:
        return False
    # Thirty digits are not enough to tell 10^40 + 1 from 10^40.
    return bool(abs((left - right).evalf(_DIGITS, maxn=_MAX_DIGITS)) <= _EXACTLY * max(scale, 1))


def numeric_value(expression: Any) -> Any:
    """Return the value to thirty digits; None if there is no value."""
    value = expression.evalf(_DIGITS)
    if value in (sympy.oo, -sympy.oo):
        return value
    parts = value.as_real_imag() if value.is_number else ()
    return value if parts and all(part.is_Float or part.is_Rational for part in parts) else None
