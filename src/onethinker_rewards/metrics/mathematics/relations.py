"""Equations and inequalities as trees."""

from __future__ import annotations

from onethinker_rewards.metrics.mathematics.node import Node

__all__ = [
    "difference",
    "is_equation",
    "is_inequality",
    "name_of",
    "pieces",
    "values",
    "variables",
    "without_variable",
]

_D = Node("sym", text="d")
_FUNCTIONS = frozenset("fghFGHPQSVT")
_NAMED_CALLS = frozenset({"sin", "cos", "tan", "cot", "sec", "csc", "vec", "overline", "overrightarrow", "hat", "bar"})
_FLIPPED = {">": "<", ">=": "<="}


def is_equation(node: Node) -> bool:
    """Return whether all signs of a relation are equals signs."""
    return node.op == "rel" and all(sign.text == "=" for sign in node.args[1::2])


def is_inequality(node: Node) -> bool:
    """Return whether a relation compares sizes, or excludes a value."""
    return node.op == "rel" and all(sign.text in ("<", ">", "<=", ">=", "!=") for sign in node.args[1::2])


def without_variable(node: Node) -> Node:
    """Return the set of ``x ∈ S``, and the point of ``A(1, 2)``."""
    if node.op == "rel" and len(node.args) == 3 and node.args[1].text == "in" and node.args[0].op == "sym":
        return node.args[2]
    if node.op == "mul" and len(node.args) == 2 and _is_point(node.args[0]) and node.args[1].op == "bracket":
        return node.args[1]
    return node


def name_of(equation: Node) -> Node | None:
    """Return what an equation defines: ``x``, a word, ``f(x)`` or ``(x, y)`` on one side; None if nothing."""
    for side in (equation.args[0], equation.args[-1]):
        if _is_name(side):
            return side
    return None


def values(equation: Node) -> tuple[Node, ...]:
    """Return the sides of an equation without the name that it defines."""
    sides = equation.args[::2]
    if _is_name(sides[0]):
        return sides[1:]
    return sides[:-1] if _is_name(sides[-1]) else sides


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
        return node.args[0].text in _NAMED_CALLS and len(node.args) == 2 and node.args[1].op == "sym"
    return node.op == "mul" and (_is_applied(node) or all(_is_point(arg) for arg in node.args))


def _is_applied(node: Node) -> bool:
    function, *rest = node.args
    inverse = function.op == "pow" and function.args[1].op == "neg"
    name = function.args[0] if inverse else function
    return len(rest) == 1 and rest[0].op == "sym" and name.op == "sym" and name.text in _FUNCTIONS


def _is_point(node: Node) -> bool:
    return node.op == "sym" and len(node.text) == 1 and node.text.isupper()


def variables(node: Node) -> set[str]:
    """Return the names of the variables in a tree."""
    return {node.text} if node.op == "sym" else set[str]().union(*map(variables, node.args))


def difference(relation: Node) -> Node:
    """Return left minus right."""
    return Node("add", (relation.args[0], Node("neg", (relation.args[2],))))


def pieces(relation: Node) -> list[Node]:
    """Return the inequalities of a chain, each as smaller ``<`` or ``<=`` larger."""
    found: list[Node] = []
    for index in range(0, len(relation.args) - 2, 2):
        left, sign, right = relation.args[index : index + 3]
        if sign.text in _FLIPPED:
            left, sign, right = right, Node("word", text=_FLIPPED[sign.text]), left
        found.append(Node("rel", (left, sign, right)))
    return found
