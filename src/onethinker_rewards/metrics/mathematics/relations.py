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
    "without_variable",
]

_FLIPPED = {">": "<", ">=": "<="}


def is_equation(node: Node) -> bool:
    """Return whether all signs of a relation are equals signs."""
    return node.op == "rel" and all(sign.text == "=" for sign in node.args[1::2])


def is_inequality(node: Node) -> bool:
    """Return whether a relation compares sizes, or excludes a value."""
    return node.op == "rel" and all(sign.text in ("<", ">", "<=", ">=", "!=") for sign in node.args[1::2])


def without_variable(node: Node) -> Node:
    """Return the set of ``x ∈ S``."""
    if node.op == "rel" and len(node.args) == 3 and node.args[1].text == "in" and node.args[0].op == "sym":
        return node.args[2]
    return node


def name_of(equation: Node) -> Node | None:
    """Return what an equation defines: the variable, word or ``f(x)`` alone on one side; None if there is none."""
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
    applied = node.op == "mul" and len(node.args) == 2 and all(arg.op == "sym" for arg in node.args)
    return node.op in ("sym", "word") or (applied and node.args[0].text in "fghFGHPQSVT")


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
