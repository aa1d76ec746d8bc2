r"""Families of solutions, one for each whole number, like ``x = \frac{\pi}{2} + 2\pi n``.

A family is the same under another letter and from another of its members on: ``x = \frac{5\pi}{2} + 2\pi k``.
"""

from __future__ import annotations

from typing import NamedTuple

from onethinker_rewards.metrics.math.equations import Algebra, defined_name, is_equation, value_of
from onethinker_rewards.metrics.math.tree import Node

_WHOLE_NUMBERS = frozenset("jklmnNK")
# What trigonometric equations are solved for. An area S = nπ is no family.
_UNKNOWNS = frozenset({"x", "y", "z", "t", "u", "theta", "alpha", "beta", "phi", "varphi", "omega"})


class _Family(NamedTuple):
    """One family: its unknown if it has one, its members in terms of ``n``, and whether it says that ``n`` is in Z."""

    unknown: str | None
    members: Node
    is_of_integers: bool


def is_same_solutions(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Return whether two answers are the same families of solutions, each for all integers."""
    lefts, rights = _families(predicted), _families(reference)
    # A bare value with a letter is a family only where the reference says so: (n - 2)π is a sum of angles.
    are_solutions = all(family.is_of_integers or family.unknown is not None for family in rights)
    if not lefts or len(lefts) != len(rights) or not are_solutions:
        return False
    for left in lefts:
        # Being the same family is transitive, so that the first partner is as good as any.
        found = next((right for right in rights if _is_same(left, right, algebra)), None)
        if found is None:
            return False
        rights.remove(found)
    return True


def _is_same(left: _Family, right: _Family, algebra: Algebra) -> bool:
    has_one_unknown = None in (left.unknown, right.unknown) or left.unknown == right.unknown
    return has_one_unknown and algebra("family", left.members, right.members)


def _families(node: Node, *, is_of_integers: bool = False) -> list[_Family]:
    """Return the families of an answer; none if a part of it is no family."""
    if node.op in ("list", "or", "and", "set"):
        parts = [_families(element, is_of_integers=is_of_integers) for element in node.args]
        return [family for part in parts for family in part] if all(parts) else []
    if node.op == "family":
        body, domain = node.args
        is_integer = domain.op == "rel" and domain.args[-1] == Node("space", text="Z")
        return _families(body, is_of_integers=True) if is_integer else []
    name = defined_name(node) if is_equation(node) and len(node.args) == 3 else None
    if is_equation(node) and (name is None or name.text not in _UNKNOWNS):
        return []
    value = value_of(node)
    letters = _letters(value)
    if len(letters) != 1 or not letters <= _WHOLE_NUMBERS or not (value.has("degree") or _has_pi(value)):
        return []
    return [_Family(None if name is None else name.text, _with_letter_n(value), is_of_integers)]


def _letters(node: Node) -> set[str]:
    return {node.text} if node.op == "sym" else set[str]().union(*map(_letters, node.args))


def _has_pi(node: Node) -> bool:
    return node == Node("const", text="pi") or any(map(_has_pi, node.args))


def _with_letter_n(node: Node) -> Node:
    return Node("sym", text="n") if node.op == "sym" else node._replace(args=tuple(map(_with_letter_n, node.args)))
