"""Letters that stand for any constant, such as the C of an integral, under whatever name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from onethinker_rewards.metrics.math.tree import Node

_CONSTANTS = frozenset("CcKkABD")
_WHOLE_NUMBERS = frozenset("klmnN")
# Letters that a function may be of under another name; a value f(a) is at the point a.
_ARGUMENTS = frozenset("nmkrstuvwxyz")
# More constants than these are compared under their own names only.
_MAX_CONSTANTS = 4


def renamings(predicted: Node, reference: Node) -> Iterator[tuple[Node, Node]]:
    """Yield both trees as they are, then with the free constants of the answer renamed to those of the reference."""
    yield predicted, reference
    left, right = _names(predicted), _names(reference)
    ours, theirs = sorted(left - right), sorted(right - left)
    if "family" in (predicted.op, reference.op):
        old, new = _parameter(predicted, ours), _parameter(reference, theirs)
        if old and new and old != new:
            yield _renamed(predicted, {old: new}), reference
        return
    if len(left) != len(right) or len(left) < 2:
        return
    old, new = _arguments(predicted), _arguments(reference)
    if len(old) == len(new) and old != new and not set(new) & (left - set(old)):
        yield _renamed(predicted, dict(zip(old, new, strict=True))), reference
        return
    yield from _free_renamings(predicted, reference, left, right) if ours else _exchanges(predicted, reference, left)


def _free_renamings(predicted: Node, reference: Node, left: set[str], right: set[str]) -> Iterator[tuple[Node, Node]]:
    """Yield the answer with the constants that only it has under the names that only the reference has."""
    ours, theirs = sorted(left - right), sorted(right - left)
    are_constants = all(name.partition("_")[0] in _CONSTANTS for name in ours + theirs)
    # The c beside a and b is a length or a coefficient unless there is an x to integrate over.
    is_length = "c" in theirs and "b" in right and "x" not in right
    if len(ours) <= _MAX_CONSTANTS and are_constants and not is_length and not _is_no_constant(reference, theirs):
        for order in permutations(theirs):
            pairs = dict(zip(ours, order, strict=True))
            if _keeps_letters(pairs, left & right):
                yield _renamed(predicted, pairs), reference


def _is_no_constant(node: Node, names: list[str]) -> bool:
    """Return whether one of these letters is raised to a power, an argument, or what an equation defines."""
    inside = node.args[:1] if node.op in ("pow", "rel") else node.args if node.op == "call" else ()
    is_logarithm = node.op == "call" and node.args[0].text in ("ln", "log", "abs")
    if not is_logarithm and any(arg.op == "sym" and arg.text in names for arg in inside):
        return True
    return any(_is_no_constant(arg, names) for arg in node.args)


def _exchanges(predicted: Node, reference: Node, left: set[str]) -> Iterator[tuple[Node, Node]]:
    """Yield the answer with its ``C_1`` and ``C_2`` exchanged."""
    indexed = sorted(name for name in left if name[0] in "Cc" and name[1:2] == "_")
    if 1 < len(indexed) <= _MAX_CONSTANTS:
        for order in permutations(indexed):
            if order != tuple(indexed):
                yield _renamed(predicted, dict(zip(indexed, order, strict=True))), reference


def _arguments(node: Node) -> tuple[str, ...]:
    """Return the letters that the function that an answer defines is of: ``x`` for ``f(x) = 2x``."""
    equations = node.args if node.op in ("list", "or", "and", "set") else (node,)
    functions = [equation.args[0] for equation in equations if equation.op == "rel"]
    found = {
        tuple(argument.text for argument in function.args[1:])
        for function in functions
        if function.op == "apply" and all(argument.op == "sym" for argument in function.args)
    }
    letters = found.pop() if len(found) == 1 and len(functions) == len(equations) else ()
    return letters if _ARGUMENTS.issuperset(letters) else ()


def _parameter(node: Node, own: list[str]) -> str | None:
    """Return the letter that a family is of, or that it may be of where the answer does not say so."""
    if node.op == "family":
        return node.args[1].args[0].text
    whole = [name for name in own if name in _WHOLE_NUMBERS]
    return whole[0] if len(whole) == 1 else None


def _keeps_letters(pairs: dict[str, str], shared: set[str]) -> bool:
    """Return whether each constant becomes one that is written alike, or one of both is an integral's C.

    ``mc^2`` and ``mk^2`` are different, and so are ``C_1 + C_2`` and ``C_1 + C_3``.
    """
    for old, new in pairs.items():
        if old[0] == new[0] and any(name.startswith(f"{old[0]}_") for name in shared):
            return False
        if old.lower() == new.lower() and old[0] in "cC":
            continue
        if not (_is_of_integral(old) or _is_of_integral(new)):
            return False
    return True


def _is_of_integral(name: str) -> bool:
    return name[0] == "C" or (name[0] == "c" and "_" in name)


def _names(node: Node) -> set[str]:
    return {node.text} if node.op == "sym" else set[str]().union(*map(_names, node.args))


def _renamed(node: Node, names: dict[str, str]) -> Node:
    if node.op == "sym":
        return node._replace(text=names.get(node.text, node.text))
    return node._replace(args=tuple(_renamed(arg, names) for arg in node.args))
