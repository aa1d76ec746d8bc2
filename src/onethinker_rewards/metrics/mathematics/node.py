"""The tree that an answer is read into."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Node", "Unreadable"]


class Unreadable(ValueError):  # noqa: N818
    """A text that is not one piece of mathematics; the message says where reading stopped."""


class Node(NamedTuple):
    """One operation or atom. Equal trees are identical normal forms.

    Atoms hold text: ``num`` (decimal digits), ``sym`` (a variable), ``const`` (``pi``, ``e``, ``i``, ``oo``),
    ``word`` (a unit, or a name in an expression), ``text`` (an answer in words), ``space`` (``R``, ``N`` …).

    Operations hold nodes: ``add``, ``mul``, ``neg``, ``div``, ``pow``, ``pm``, ``mp``; ``call`` (a ``word`` with the
    name, then the arguments); ``percent``, ``degree``; ``based`` (digits and their base); ``matrix`` of ``row``;
    ``bracket`` (a ``word`` with both brackets, then the elements), ``set``; ``union``, ``intersection``,
    ``without``; ``rel`` (operands with a ``word`` for each sign between them); ``list``, ``or``, ``and``;
    ``denied`` (a whole answer whose words take it back: "not 5").
    """

    op: str
    args: tuple[Node, ...] = ()
    text: str = ""

    def has(self, *ops: str) -> bool:
        """Return whether an operation of these stands anywhere in the tree."""
        return self.op in ops or any(arg.has(*ops) for arg in self.args)
