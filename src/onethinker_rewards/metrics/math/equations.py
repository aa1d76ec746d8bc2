"""Equations, the names that they define, approximations, and statements that are neither equations nor sizes."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Literal, TypeAlias

from onethinker_rewards.metrics.math.tree import Node, rational
from onethinker_rewards.metrics.math.units import measure

# Whether two expressions are equal; whether two differences say the same when set to zero, or when compared with zero;
# whether two descriptions are of the same set; whether the first number, rounded, is the second; whether two
# expressions in the integer n have the same values.
Question: TypeAlias = Literal["equal", "proportional", "positive", "set", "rounded", "family"]
Algebra: TypeAlias = Callable[[Question, Node, Node], bool]
IsEqual: TypeAlias = Callable[[Node, Node], bool]

_EQUAL_SIGN = Node("word", text="=")
# Signs of statements, of which the first may have its sides in either order.
_SYMMETRIC_SIGNS = frozenset({"perp", "parallel", "sim", "cong", "equiv", "iff"})
_STATEMENT_SIGNS = _SYMMETRIC_SIGNS | {"notin", "subset", "subseteq", "propto", "implies", "to"}

_DIFFERENTIALS = (Node("sym", text="d"), Node("sym", text="partial"))
_CHANGES = (Node("sym", text="Delta"), Node("sym", text="nabla"))
_NAMING_CALLS = frozenset(
    {
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "vec",
        "overline",
        "overrightarrow",
        "hat",
        "bar",
        "dot",
        "ddot",
        "tilde",
        "det",
    }
)


def is_equation(node: Node) -> bool:
    """Return whether a relation has equals signs only, or signs of approximation."""
    return node.op == "rel" and all(sign.text in ("=", "approx") for sign in node.args[1::2])


def is_statement(node: Node) -> bool:
    """Return whether a relation or a congruence says something that has no value and is no equation."""
    return node.op in ("mod", "cases") or (
        node.op == "rel" and any(sign.text in _STATEMENT_SIGNS for sign in node.args[1::2])
    )


# Equations.


def is_equal_equation(predicted: Node, reference: Node, same: IsEqual, algebra: Algebra) -> bool:
    """Compare an equation with another one, or with a value."""
    approximate = [node for node in (predicted, reference) if node.has("rel") and has_approximation(node)]
    if approximate:
        return _is_equal_approximation(predicted, reference, same, algebra)
    if not is_equation(predicted):
        # The reference may name what it is the value of where the answer gives the value alone, and an equation of
        # numbers has a value. A chain of different signs, `1 = a > 8`, has no value, on either side.
        has_value = is_equation(reference) and (defined_name(reference) is not None or _is_of_numbers(reference))
        return has_value and same(predicted, value_of(reference))
    if not is_equation(reference):
        return all(same(value, reference) for value in _values(predicted))
    name = defined_name(predicted)
    if name is not None and _is_same_name(name, defined_name(reference)):
        return all(same(value, value_of(reference)) for value in _values(predicted))
    if _is_of_numbers(predicted) or _is_of_numbers(reference):
        return _has_equal_sides(predicted, reference, same)
    if len(predicted.args) > 3 or len(reference.args) > 3:
        return False
    return algebra("proportional", difference(predicted), difference(reference)) or _has_equal_sides(
        predicted, reference, same
    )


def _is_same_name(left: Node, right: Node | None) -> bool:
    """Return whether two names are the same; ``y`` is also ``y(x)`` and ``f(x)``."""
    if left == right or right is None:
        return left == right
    function, letter = (left, right) if left.op == "apply" else (right, left)
    is_function = function.op == "apply" and letter.op == "sym" and all(arg.op == "sym" for arg in function.args)
    return is_function and (letter == function.args[0] or (letter.text, function.args[0].text) == ("y", "f"))


def _has_equal_sides(predicted: Node, reference: Node, same: IsEqual) -> bool:
    """Return whether the sides of two equations are equal one by one, in one order or the other."""
    lefts, rights = predicted.args[::2], reference.args[::2]
    if len(lefts) != len(rights):
        return False
    return any(all(map(same, lefts, order)) for order in (rights, rights[::-1]))


def _is_of_numbers(equation: Node) -> bool:
    return not any(map(_has_names, equation.args[::2]))


def _has_names(node: Node) -> bool:
    args = node.args[1:] if node.op == "call" else node.args
    return node.op in ("sym", "apply", "word", "unit", "text", "bracket", "list", "matrix") or any(
        map(_has_names, args)
    )


def difference(relation: Node) -> Node:
    """Return left minus right."""
    return Node("add", (relation.args[0], Node("neg", (relation.args[2],))))


def defined_name(equation: Node) -> Node | None:
    """Return the side of an equation that is a mere name; None if it defines nothing."""
    for side in (equation.args[0], equation.args[-1]):
        if is_name(side):
            return side
    return None


def _values(equation: Node) -> tuple[Node, ...]:
    """Return the sides of an equation without the name that it defines."""
    sides = equation.args[::2]
    if is_name(sides[0]):
        return sides[1:]
    return sides[:-1] if is_name(sides[-1]) else sides


def value_of(node: Node) -> Node:
    """Return the last value of an equation; anything else is its own value."""
    return _values(node)[-1] if is_equation(node) else node


def is_name(node: Node) -> bool:
    """Return whether a side is a mere name: ``x``, ``AB``, ``f(x)``, ``(x, y)``, ``x : y``, ``sin A``, ``dy/dx``."""
    if node.op in ("sym", "word", "apply"):
        return True
    if node.op == "bracket":
        return all(arg.op == "sym" for arg in node.args[1:])
    if node.op == "matrix":
        return all(element.op == "sym" for row in node.args for element in row.args)
    if node.op == "div":
        return (
            all(map(_is_differential, node.args))
            or all(arg.op == "sym" for arg in node.args)
            or all(arg.op == "mul" and all(map(is_point, arg.args)) for arg in node.args)
        )
    if node.op == "call":
        name = node.args[0].text
        if name == "int" and len(node.args) == 3:
            return True
        is_length = name == "abs" and node.args[1].op == "mul" and all(map(is_point, node.args[1].args))
        return is_length or (name in _NAMING_CALLS and len(node.args) == 2 and _is_variable(node.args[1]))
    if node.op != "mul":
        return False
    return all(map(is_point, node.args)) or _is_change(node) or node.args[0].op == "word"


def _is_variable(node: Node) -> bool:
    return node.op == "sym" or (node.op == "mul" and all(map(is_point, node.args)))


def _is_differential(node: Node) -> bool:
    factor = node.args[0] if node.op == "mul" else node
    return factor in _DIFFERENTIALS or (factor.op == "pow" and factor.args[0] in _DIFFERENTIALS)


def _is_change(product: Node) -> bool:
    r"""Return whether a product is a change of a variable, like ``\Delta x``."""
    return product.args[0] in _CHANGES and len(product.args) == 2 and product.args[1].op == "sym"


def is_point(node: Node) -> bool:
    """Return whether a variable is a capital letter, as points are."""
    return node.op == "sym" and len(node.text.rstrip("'")) == 1 and node.text[0].isupper()


# Approximations.


def has_approximation(node: Node) -> bool:
    """Return whether an equation has a sign of approximation."""
    return is_equation(node) and any(sign.text == "approx" for sign in node.args[1::2])


def _is_equal_approximation(predicted: Node, reference: Node, same: IsEqual, algebra: Algebra) -> bool:
    r"""Compare an exact value with its approximation, ``12\pi \approx 37.7``, with a value or with such another.

    The approximations of an answer must be its value, rounded. Those of a reference are right as they are.
    """
    exact, approximations = _split_approximation(predicted)
    if not all(is_rounded(value_of(exact), number, algebra) for number in approximations):
        return False
    wanted, wanted_approximations = _split_approximation(reference)
    if approximations and wanted_approximations:
        units = [measure(numbers[-1], letters=False) for numbers in (approximations, wanted_approximations)]
        if len({str(sorted(unit.dimensions.items())) for unit in units if unit is not None}) > 1:
            return False
    if same(exact, wanted):
        return True
    others = [(exact, _with_value(wanted, number)) for number in wanted_approximations]
    if not wanted_approximations:
        others = [(_with_value(exact, number), wanted) for number in approximations]
    return any(same(left, right) for left, right in others)


def _split_approximation(node: Node) -> tuple[Node, list[Node]]:
    """Return the exact part of an equation, and the approximations of its value."""
    if not has_approximation(node):
        return node, []
    signs = [sign.text for sign in node.args[1::2]]
    first = signs.index("approx")
    if first == 0 and is_name(node.args[0]):
        # "x \\approx 6.76" gives a value to a name.
        signs[0] = "="
        node = Node("rel", (node.args[0], _EQUAL_SIGN, *node.args[2:]))
        if "approx" not in signs:
            return node, []
        first = signs.index("approx")
    sides = node.args[: 2 * first + 1]
    return (sides[0] if len(sides) == 1 else Node("rel", sides)), list(node.args[2 * first + 2 :: 2])


def _with_value(node: Node, value: Node) -> Node:
    """Return a value with the name that an equation gives to its own."""
    name = defined_name(node) if is_equation(node) else None
    return value if name is None else Node("rel", (name, _EQUAL_SIGN, value))


def is_rounded(exact: Node, rounded: Node, algebra: Algebra) -> bool:
    """Return whether a decimal is a value rounded to the decimal's last place."""
    measured = measure(rounded, letters=False)
    if measured is not None:
        # The value may have the unit too; per cent are a hundred times a value without.
        scale, rounded = measured.scale, measured.number
        value = measure(exact, letters=False)
        if value is not None:
            exact = value._replace(scale=value.scale / scale).scaled()
        elif "percent" in measured.dimensions:
            exact = Node("mul", (exact, Node("num", text="100")))
    step = _step(rounded)
    if exact.op == rounded.op == "bracket" and len(exact.args) == len(rounded.args):
        return all(is_rounded(*pair, algebra) for pair in zip(exact.args[1:], rounded.args[1:], strict=True))
    number, known = rational(rounded), rational(exact)
    if step is None or number is None:
        return exact == rounded
    return abs(number - known) <= step / 2 if known is not None else algebra("rounded", exact, rounded)


def _step(node: Node) -> Fraction | None:
    """Return one unit in the last place of a decimal, which may have a power of ten; None for anything else."""
    if node.op == "neg":
        return _step(node.args[0])
    if node.op == "mul" and len(node.args) == 2 and node.args[1].op in ("pow", "div"):
        step, factor = _step(node.args[0]), rational(node.args[1])
        return None if step is None or factor is None else step * abs(factor)
    if node.op != "num":
        return None
    digits, _, exponent = node.text.lower().partition("e")
    whole, _, decimals = digits.partition(".")
    zeros = 0 if decimals else len(whole) - len(whole.rstrip("0")) if whole.strip("0") else 0
    return Fraction(10) ** (zeros - len(decimals) + int(exponent or 0))


def rounding_step(node: Node) -> Fraction:
    """Return one unit in the last place of a decimal."""
    return _step(node) or Fraction(0)


# Statements.


def is_equal_statement(predicted: Node, reference: Node, same: IsEqual) -> bool:
    r"""Compare congruences, cases, and relations like ``AB \perp CD``, part by part."""
    if "cases" in (predicted.op, reference.op):
        return _is_equal_cases(value_of(predicted), value_of(reference), same)
    if "mod" in (predicted.op, reference.op):
        return _is_equal_congruence(predicted, reference, same)
    if predicted.op != "rel" or reference.op != "rel" or predicted.args[1::2] != reference.args[1::2]:
        return False
    if all(map(same, predicted.args[::2], reference.args[::2])):
        return True
    is_symmetric = len(reference.args) == 3 and reference.args[1].text in _SYMMETRIC_SIGNS
    return is_symmetric and same(predicted.args[0], reference.args[2]) and same(predicted.args[2], reference.args[0])


def _is_equal_congruence(predicted: Node, reference: Node, same: IsEqual) -> bool:
    r"""Compare ``x \equiv 3 \pmod 5``, or its value ``3 \pmod 5``; a number is the value of ``8 \bmod 5``."""
    if predicted.op != reference.op:
        congruence, other = (predicted, reference) if predicted.op == "mod" else (reference, predicted)
        value, modulus = map(rational, congruence.args)
        number = rational(value_of(other)) if other.op != "rel" or is_equation(other) else None
        if value is None or modulus is None or number is None or modulus <= 0:
            return False
        return value % modulus == number
    (left, modulus), (right, other_modulus) = predicted.args, reference.args
    if not same(modulus, other_modulus):
        return False
    if left.op == right.op == "rel" and left.args[0] != right.args[0]:
        return False
    left_value, right_value = (node.args[-1] if node.op == "rel" else node for node in (left, right))
    size, *residues = map(rational, (modulus, left_value, right_value))
    if size and None not in residues:
        return (residues[0] - residues[1]) % size == 0  # type: ignore[operator]
    return same(left_value, right_value)


def _is_equal_cases(predicted: Node, reference: Node, same: IsEqual) -> bool:
    if predicted.op != reference.op or len(predicted.args) != len(reference.args):
        return False
    remaining = list(predicted.args)
    for row in reference.args:
        found = next((other for other in remaining if _is_equal_case(other, row, same)), None)
        if found is None:
            return False
        remaining.remove(found)
    return True


def _is_equal_case(predicted: Node, reference: Node, same: IsEqual) -> bool:
    return len(predicted.args) == len(reference.args) and all(map(same, predicted.args, reference.args))
