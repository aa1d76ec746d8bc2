"""Whether two trees are equal in mathematics: the rules, and the questions that they leave to algebra."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import starmap
from typing import Literal, TypeAlias

from onethinker_rewards.metrics.math.tree import Node, rational, tolerance
from onethinker_rewards.metrics.math.units import Measure, measure

# Whether two expressions are equal; whether two differences say the same when set to zero, or when compared with zero;
# whether two descriptions are of the same set.
Question: TypeAlias = Literal["equal", "proportional", "positive", "set"]
Algebra: TypeAlias = Callable[[Question, Node, Node], bool]

_COLLECTIONS = frozenset({"list", "or", "and", "set"})
_SETS = frozenset({"union", "intersection", "without", "space"})
_SHAPES = frozenset({"bracket", "set", "matrix", "list", "or", "and", "rel", "text", "ratio", "row"}) | _SETS
_INEQUALITY_SIGNS = frozenset({"<", ">", "<=", ">=", "!="})
_FLIPPED = {">": "<", ">=": "<="}
# Longer collections are compared in order, because matching takes quadratic time.
_MAX_MATCHED = 64

_D = Node("sym", text="d")
_FUNCTION_NAMES = frozenset("fghFGHPQSVT")
_NAMING_CALLS = frozenset({"sin", "cos", "tan", "cot", "sec", "csc", "vec", "overline", "overrightarrow", "hat", "bar"})


def is_equal(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Return whether two trees are equal.

    Every path to a verdict is in here. ``algebra`` answers what needs a computer algebra system. If it raises, the
    pair stays undecided, and the same call with another ``algebra`` gives the verdict.
    """
    if predicted == reference:
        return True
    # An answer whose words deny it equals nothing else. A reference is right whatever its words say.
    if predicted.op == "retracted":
        return False
    predicted, reference = _both_signs(predicted), _both_signs(without_retraction(reference))
    if _is_member(predicted) and _is_member(reference) and predicted.args[0] != reference.args[0]:
        return False
    predicted, reference = without_variable(predicted), without_variable(reference)
    if "text" in (predicted.op, reference.op):
        return predicted == reference
    if _describes_set(predicted) or _describes_set(reference):
        return _is_equal_set(predicted, reference, algebra)
    if predicted.op in _COLLECTIONS or reference.op in _COLLECTIONS:
        return _is_equal_collection(predicted, reference, algebra)
    if predicted.op == "rel" or reference.op == "rel":
        return _is_equal_equation(predicted, reference, algebra)
    # A matrix is compared by element with a matrix or a tuple; a calculation with matrices is left to algebra.
    by_element = {predicted.op, reference.op} - {"bracket"} == {"matrix"}
    if not by_element and (predicted.has("matrix") or reference.has("matrix")):
        return algebra("equal", predicted, reference)
    if predicted.op in _SHAPES or reference.op in _SHAPES:
        return _is_equal_shape(predicted, reference, algebra)
    return _is_equal_measure(predicted, reference, algebra)


def without_retraction(node: Node) -> Node:
    """Return the mathematics of an answer whose words deny it."""
    return node.args[0] if node.op == "retracted" else node


def without_variable(node: Node) -> Node:
    """Return the set of ``x ∈ S``, and the coordinates of the point ``A(1, 2)``."""
    if _is_member(node) and len(node.args) == 3 and node.args[0].op == "sym":
        return node.args[2]
    if node.op == "mul" and len(node.args) == 2 and _is_point(node.args[0]) and node.args[1].op == "bracket":
        return node.args[1]
    return node


def _is_member(node: Node) -> bool:
    return node.op == "rel" and node.args[1].text == "in"


def _both_signs(node: Node) -> Node:
    """Return the list of both cases of a ``±``."""
    if not node.has("pm", "mp"):
        return node
    return Node("list", (_with_sign(node, 1), _with_sign(node, -1)))


def _with_sign(node: Node, sign: int) -> Node:
    args = tuple(_with_sign(arg, sign) for arg in node.args)
    if node.op in ("pm", "mp"):
        return args[0] if (sign > 0) == (node.op == "pm") else Node("neg", args)
    return node._replace(args=args)


# Sets and inequalities.


def _describes_set(node: Node) -> bool:
    return node.op in _SETS or _has_inequality(node)


def _has_inequality(node: Node) -> bool:
    return is_inequality(node) or (node.op in ("or", "and", "list") and any(map(is_inequality, node.args)))


def is_inequality(node: Node) -> bool:
    """Return whether a relation compares sizes, or excludes a value."""
    return node.op == "rel" and all(sign.text in _INEQUALITY_SIGNS for sign in node.args[1::2])


def inequalities(chain: Node) -> list[Node]:
    """Return the inequalities of a chain, each with ``<``, ``<=`` or ``!=``."""
    found: list[Node] = []
    for index in range(0, len(chain.args) - 2, 2):
        left, sign, right = chain.args[index : index + 3]
        if sign.text in _FLIPPED:
            left, sign, right = right, Node("word", text=_FLIPPED[sign.text]), left
        found.append(Node("rel", (left, sign, right)))
    return found


def _is_equal_set(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Compare unions, intervals and inequalities: part by part if they have the same form, else as sets."""
    if predicted.op == reference.op == "union" and _is_matched(
        _union_parts(predicted), _union_parts(reference), lambda left, right: is_equal(left, right, algebra)
    ):
        return True
    if is_inequality(predicted) and is_inequality(reference):
        lefts, rights = inequalities(predicted), inequalities(reference)
        if len(lefts) == len(rights) and _is_matched(
            lefts, rights, lambda left, right: _is_equal_inequality(left, right, algebra)
        ):
            return True
    if _has_inequality(predicted) and _has_inequality(reference) and _variables(predicted) != _variables(reference):
        return False
    return algebra("set", predicted, reference)


def _union_parts(node: Node) -> list[Node]:
    return [part for arg in node.args for part in _union_parts(arg)] if node.op == "union" else [node]


def _variables(node: Node) -> set[str]:
    return {node.text} if node.op == "sym" else set[str]().union(*map(_variables, node.args))


def _is_equal_inequality(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Compare two inequalities by their differences, which may have a positive factor between them."""
    sign = predicted.args[1]
    if sign != reference.args[1]:
        return False
    left, right = _difference(predicted), _difference(reference)
    return left == right or algebra("proportional" if sign.text == "!=" else "positive", left, right)


def _difference(relation: Node) -> Node:
    """Return left minus right."""
    return Node("add", (relation.args[0], Node("neg", (relation.args[2],))))


# Lists.


def _is_equal_collection(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Compare lists and sets in any order, but a list with a tuple in order."""
    for ordered, listed in ((predicted, reference), (reference, predicted)):
        if ordered.op == "bracket" and listed.op == "list":
            elements = ordered.args[1:]
            return len(elements) == len(listed.args) and all(
                is_equal(_value(item), element, algebra) for item, element in zip(listed.args, elements, strict=True)
            )
    lefts, rights = ([node] if node.op not in _COLLECTIONS else list(node.args) for node in (predicted, reference))
    if lefts and all(map(_is_equation, lefts)) and not (rights and all(map(_is_equation, rights))):
        lefts = list(map(_value, lefts))
    return _is_matched(lefts, rights, lambda left, right: is_equal(left, right, algebra))


def _is_matched(lefts: Sequence[Node], rights: Sequence[Node], is_pair: Callable[[Node, Node], bool]) -> bool:
    """Return whether each element has a partner on the other side."""
    if not (lefts and rights) or max(len(lefts), len(rights)) > _MAX_MATCHED:
        return len(lefts) == len(rights) and all(starmap(is_pair, zip(lefts, rights, strict=True)))
    table = [[is_pair(left, right) for right in rights] for left in lefts]
    return all(map(any, table)) and all(map(any, zip(*table, strict=True)))


# Equations.


def _is_equal_equation(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    if not _is_equation(predicted):
        # The reference may name what it is the value of where the answer gives the value alone.
        # A chain of different signs, `1 = a > 8`, has no value, on either side.
        is_named = _is_equation(reference) and _defined_name(reference) is not None
        return is_named and is_equal(predicted, _value(reference), algebra)
    if not _is_equation(reference):
        return all(is_equal(value, reference, algebra) for value in _values(predicted))
    name = _defined_name(predicted)
    if name is not None and name == _defined_name(reference):
        return all(is_equal(value, _value(reference), algebra) for value in _values(predicted))
    if len(predicted.args) > 3 or len(reference.args) > 3:
        return False
    return algebra("proportional", _difference(predicted), _difference(reference))


def _is_equation(node: Node) -> bool:
    return node.op == "rel" and all(sign.text == "=" for sign in node.args[1::2])


def _defined_name(equation: Node) -> Node | None:
    """Return the side of an equation that is a mere name; None if it defines nothing."""
    for side in (equation.args[0], equation.args[-1]):
        if _is_name(side):
            return side
    return None


def _values(equation: Node) -> tuple[Node, ...]:
    """Return the sides of an equation without the name that it defines."""
    sides = equation.args[::2]
    if _is_name(sides[0]):
        return sides[1:]
    return sides[:-1] if _is_name(sides[-1]) else sides


def _value(node: Node) -> Node:
    """Return the last value of an equation; anything else is its own value."""
    return _values(node)[-1] if _is_equation(node) else node


def _is_name(node: Node) -> bool:
    """Return whether a side is a mere name: ``x``, ``AB``, ``f(x)``, ``(x, y)``, ``x : y``, ``sin A``, ``dy/dx``."""
    if node.op in ("sym", "word"):
        return True
    if node.op == "bracket":
        return all(arg.op == "sym" for arg in node.args[1:])
    if node.op == "div":
        above, below = (arg.args[0] if arg.op == "mul" and arg.args[0] == _D else arg for arg in node.args)
        return above.op == "sym" and below.op == "sym"
    if node.op == "call":
        return node.args[0].text in _NAMING_CALLS and len(node.args) == 2 and node.args[1].op == "sym"
    return node.op == "mul" and (_is_applied(node) or all(map(_is_point, node.args)))


def _is_applied(product: Node) -> bool:
    """Return whether a product is a function of a variable, like ``f(x)`` and ``f^{-1}(x)``."""
    function, *rest = product.args
    if function.op == "pow" and function.args[1].op == "neg":
        function = function.args[0]
    return len(rest) == 1 and rest[0].op == "sym" and function.op == "sym" and function.text in _FUNCTION_NAMES


def _is_point(node: Node) -> bool:
    return node.op == "sym" and len(node.text) == 1 and node.text.isupper()


# Tuples and matrices.


def _is_equal_shape(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Compare tuples, intervals, matrices and proportions, element by element."""
    if {predicted.op, reference.op} == {"matrix", "bracket"}:
        predicted, reference = _as_tuple(predicted), _as_tuple(reference)
    if predicted.op != reference.op or len(predicted.args) != len(reference.args):
        return False
    if predicted.op == "ratio":
        predicted, reference = _quotients(predicted), _quotients(reference)
    pairs = list(zip(predicted.args, reference.args, strict=True))
    if predicted.op == "bracket" and pairs.pop(0)[0] != reference.args[0]:
        return False
    return bool(pairs) and all(is_equal(left, right, algebra) for left, right in pairs)


def _as_tuple(node: Node) -> Node:
    """Return a matrix of one column or one row as a tuple."""
    if node.op != "matrix" or (len(node.args) > 1 and len(node.args[0].args) > 1):
        return node
    elements = tuple(element for row in node.args for element in row.args)
    return Node("bracket", (Node("word", text="()"), *elements))


def _quotients(ratio: Node) -> Node:
    """Return the quotients of the parts of ``a : b : c`` and the first part."""
    return Node("ratio", tuple(Node("div", (part, ratio.args[0])) for part in ratio.args[1:]))


# Numbers and units.


def _is_equal_measure(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Compare values; a unit counts only if both sides have one."""
    left, right = measure(predicted, letters=False), measure(reference, letters=False)
    if left is None and (right is not None or not reference.has("sym", "word")):
        left = measure(predicted, letters=True)
    if right is None and left is not None and left.dimensions.keys() - {"percent", "degree"} and predicted.has("word"):
        right = measure(reference, letters=True)
    if left is not None and right is not None:
        return left.dimensions == right.dimensions and _is_equal_value(left.scaled(), right.scaled(), algebra)
    if left is not None:
        return _is_equal_without_unit(left, predicted, reference, algebra)
    if right is not None:
        return _is_equal_without_unit(right, reference, predicted, algebra)
    return _is_equal_value(predicted, reference, algebra)


def _is_equal_without_unit(measured: Measure, node: Node, bare: Node, algebra: Algebra) -> bool:
    """Compare a number with a unit, given as a measure and as a tree, with a number without."""
    if "percent" in measured.dimensions:
        # 50% is 50 as well as 1/2, but 0.5% is not 0.5.
        value = rational(bare)
        is_above_one = value is not None and abs(value) > 1
        return (is_above_one and _is_equal_value(measured.number, bare, algebra)) or _is_equal_value(
            node, bare, algebra
        )
    if _is_equal_value(measured.number, bare, algebra):
        return True
    # 60° is 60 as well as π/3.
    return "degree" in measured.dimensions and _is_equal_value(node, bare, algebra)


def _is_equal_value(left: Node, right: Node, algebra: Algebra) -> bool:
    if left == right:
        return True
    left_value, right_value = rational(left), rational(right)
    if left_value is None or right_value is None:
        return algebra("equal", left, right)
    allowed = tolerance(left, right)
    distance = abs(left_value - right_value)
    return distance < allowed if allowed is not None else not distance
