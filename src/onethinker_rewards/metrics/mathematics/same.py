"""Whether two answers are the same in mathematics: the rules, and what they leave to algebra."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import starmap
from typing import Literal, TypeAlias

from onethinker_rewards.metrics.mathematics.measures import Measure, measure
from onethinker_rewards.metrics.mathematics.node import Node
from onethinker_rewards.metrics.mathematics.rational import close_enough, rational
from onethinker_rewards.metrics.mathematics.relations import (
    difference,
    is_equation,
    is_inequality,
    name_of,
    pieces,
    values,
    variables,
    without_variable,
)

__all__ = ["Algebra", "Question", "same"]

# Whether two expressions are equal; whether two differences set to zero, or compared with it, say the same;
# whether two descriptions are of one set.
Question: TypeAlias = Literal["equal", "proportional", "positive", "set"]
Algebra: TypeAlias = Callable[[Question, Node, Node], bool]

_COLLECTIONS = frozenset({"list", "or", "and", "set"})
_SETS = frozenset({"union", "intersection", "without", "space"})
_SHAPES = frozenset({"bracket", "set", "matrix", "list", "or", "and", "rel", "text", "ratio", "row"}) | _SETS
_MATCHED = 64


def same(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Return whether two trees are equal.

    Every path to a verdict is in here. ``algebra`` answers what needs a computer algebra system; one that
    raises leaves the pair undecided, and the same question with another one gives the verdict.
    """
    if predicted == reference:
        return True
    # A reference has such words for reasons of its own; an answer has them to be right either way.
    denied, predicted, reference = predicted.op == "denied", _said(predicted), _said(reference)
    return not denied and _same_said(predicted, reference, algebra)


def _same_said(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    predicted, reference = _both_signs(predicted), _both_signs(reference)
    if _is_member(predicted) and _is_member(reference) and predicted.args[0] != reference.args[0]:
        return False
    predicted, reference = without_variable(predicted), without_variable(reference)
    if "text" in (predicted.op, reference.op):
        return predicted == reference
    if _describes_set(predicted) or _describes_set(reference):
        return _same_set(predicted, reference, algebra)
    if predicted.op in _COLLECTIONS or reference.op in _COLLECTIONS:
        return _same_collection(predicted, reference, algebra)
    if predicted.op == "rel" or reference.op == "rel":
        return _same_equation(predicted, reference, algebra)
    if {predicted.op, reference.op} - {"bracket"} != {"matrix"} and (
        predicted.has("matrix") or reference.has("matrix")
    ):
        return algebra("equal", predicted, reference)
    if predicted.op in _SHAPES or reference.op in _SHAPES:
        return _same_shape(predicted, reference, algebra)
    return _same_measure(predicted, reference, algebra)


def _said(node: Node) -> Node:
    return node.args[0] if node.op == "denied" else node


def _is_member(node: Node) -> bool:
    return node.op == "rel" and node.args[1].text == "in"


def _both_signs(node: Node) -> Node:
    """Return both cases of a ``±``."""
    if not node.has("pm", "mp"):
        return node
    return Node("list", (_with_sign(node, 1), _with_sign(node, -1)))


def _with_sign(node: Node, sign: int) -> Node:
    args = tuple(_with_sign(arg, sign) for arg in node.args)
    if node.op in ("pm", "mp"):
        return args[0] if (sign > 0) == (node.op == "pm") else Node("neg", args)
    return node._replace(args=args)


def _describes_set(node: Node) -> bool:
    return node.op in _SETS or _inequal(node)


def _inequal(node: Node) -> bool:
    return is_inequality(node) or (node.op in ("or", "and", "list") and any(map(is_inequality, node.args)))


def _same_set(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Compare unions, intervals and inequalities: piece by piece if they are alike, else as sets."""
    if predicted.op == reference.op == "union" and _matched(
        _flat(predicted), _flat(reference), lambda a, b: same(a, b, algebra)
    ):
        return True
    if is_inequality(predicted) and is_inequality(reference):
        left, right = pieces(predicted), pieces(reference)
        if len(left) == len(right) and _matched(left, right, lambda a, b: _same_piece(a, b, algebra)):
            return True
    if _inequal(predicted) and _inequal(reference) and variables(predicted) != variables(reference):
        return False
    return algebra("set", predicted, reference)


def _flat(node: Node) -> list[Node]:
    return [part for arg in node.args for part in _flat(arg)] if node.op == "union" else [node]


def _same_piece(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Compare two inequalities that compare with zero what may differ by a positive factor."""
    if predicted.args[1] != reference.args[1]:
        return False
    left, right = difference(predicted), difference(reference)
    return left == right or algebra("proportional" if predicted.args[1].text == "!=" else "positive", left, right)


def _matched(left: Sequence[Node], right: Sequence[Node], alike: Callable[[Node, Node], bool]) -> bool:
    """Return whether each element has its like on the other side."""
    if not (left and right) or max(len(left), len(right)) > _MATCHED:
        return len(left) == len(right) and all(starmap(alike, zip(left, right, strict=True)))
    table = [[alike(a, b) for b in right] for a in left]
    return all(map(any, table)) and all(map(any, zip(*table, strict=True)))


def _same_collection(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Compare lists and sets, whose order does not count, except beside a tuple."""
    for one, other in ((predicted, reference), (reference, predicted)):
        if one.op == "bracket" and other.op == "list":
            elements = one.args[1:]
            return len(elements) == len(other.args) and all(
                same(*pair, algebra) for pair in zip(map(_value, other.args), elements, strict=True)
            )
    left, right = ([node] if node.op not in _COLLECTIONS else list(node.args) for node in (predicted, reference))
    named, expected = (all(map(is_equation, side)) and bool(side) for side in (left, right))
    if named and not expected:
        left = list(map(_value, left))
    return _matched(left, right, lambda a, b: same(a, b, algebra))


def _value(node: Node) -> Node:
    return values(node)[-1] if is_equation(node) else node


def _same_equation(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    if not is_equation(predicted):
        # The reference names what it is the value of; the answer gives the value.
        # A chain of different signs, `1 = a > 8`, has no value, on either side.
        named = is_equation(reference) and name_of(reference) is not None
        return named and same(predicted, values(reference)[-1], algebra)
    if not is_equation(reference):
        return all(same(value, reference, algebra) for value in values(predicted))
    names = name_of(predicted), name_of(reference)
    if names[0] is not None and names[0] == names[1]:
        return all(same(value, values(reference)[-1], algebra) for value in values(predicted))
    if len(predicted.args) > 3 or len(reference.args) > 3:
        return False
    return algebra("proportional", difference(predicted), difference(reference))


def _same_shape(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Compare tuples, intervals, matrices and proportions, element by element."""
    if {predicted.op, reference.op} == {"matrix", "bracket"}:
        predicted, reference = _vector(predicted), _vector(reference)
    if predicted.op != reference.op or len(predicted.args) != len(reference.args):
        return False
    if predicted.op == "ratio":
        predicted, reference = _proportions(predicted), _proportions(reference)
    pairs = list(zip(predicted.args, reference.args, strict=True))
    if predicted.op == "bracket" and pairs.pop(0)[0] != reference.args[0]:
        return False
    return bool(pairs) and all(same(left, right, algebra) for left, right in pairs)


def _vector(node: Node) -> Node:
    """Return a matrix of one column or one row as a tuple."""
    if node.op != "matrix" or (len(node.args) > 1 and len(node.args[0].args) > 1):
        return node
    elements = tuple(element for row in node.args for element in row.args)
    return Node("bracket", (Node("word", text="()"), *elements))


def _proportions(node: Node) -> Node:
    return Node("ratio", tuple(Node("div", (part, node.args[0])) for part in node.args[1:]))


def _same_measure(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Compare values; a unit counts only where both sides have one."""
    left, right = measure(predicted, letters=False), measure(reference, letters=False)
    if left is None and (right is not None or not reference.has("sym", "word")):
        left = measure(predicted, letters=True)
    if right is None and left is not None and left.dimensions.keys() - {"percent", "degree"} and predicted.has("word"):
        right = measure(reference, letters=True)
    if left is not None and right is not None:
        return left.dimensions == right.dimensions and _equal(left.scaled(), right.scaled(), algebra)
    if left is not None:
        return _same_without_unit(left, predicted, reference, algebra)
    if right is not None:
        return _same_without_unit(right, reference, predicted, algebra)
    return _equal(predicted, reference, algebra)


def _same_without_unit(measured: Measure, node: Node, bare: Node, algebra: Algebra) -> bool:
    if "percent" in measured.dimensions:
        value = rational(bare)
        dropped = value is not None and abs(value) > 1 and _equal(measured.number, bare, algebra)
        return dropped or _equal(node, bare, algebra)
    return _equal(measured.number, bare, algebra) or ("degree" in measured.dimensions and _equal(node, bare, algebra))


def _equal(left: Node, right: Node, algebra: Algebra) -> bool:
    if left == right:
        return True
    values = rational(left), rational(right)
    if values[0] is None or values[1] is None:
        return algebra("equal", left, right)
    distance = abs(values[0] - values[1])
    allowed = close_enough(left, right)
    return distance < allowed if allowed is not None else not distance
