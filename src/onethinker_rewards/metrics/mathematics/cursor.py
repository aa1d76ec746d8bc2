"""Going through tokens, with what all parts of the grammar share."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from onethinker_rewards.metrics.mathematics.lexing import Token
from onethinker_rewards.metrics.mathematics.node import Node, Unreadable

__all__ = ["Cursor", "digits", "signed", "times", "word"]

_DEPTH = 32
_NESTED = 50
_END = Token("sign", "")


class Cursor:
    """A position among tokens, and bounds on what may be read."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = [*found, _END]
        self._position = 0
        self._depth = 0
        self._nested = 0
        self.bars = 0
        self.integrals = 0

    @contextmanager
    def deeper(self) -> Generator[None]:
        """Count the nesting, and stop before Python's own limit does."""
        self._depth += 1
        if self._depth > _DEPTH:
            raise Unreadable("nested too deeply")
        yield
        self._depth -= 1

    def nest(self) -> None:
        """Count an operation that puts all before it one level down, as ``1/2/3`` does."""
        self._nested += 1
        if self._nested > _NESTED:
            raise Unreadable("too many operations in a row")

    def token(self) -> Token:
        """Return the next token without taking it."""
        return self._tokens[self._position]

    def peek(self) -> str:
        """Return the next sign, "" if something else comes."""
        kind, value = self._tokens[self._position]
        return value if kind == "sign" else ""

    def take(self) -> Token:
        """Return the next token and go past it."""
        token = self._tokens[self._position]
        if self._position == len(self._tokens) - 1:
            raise Unreadable("it ends too early")
        self._position += 1
        return token

    def skip(self, token: Token) -> bool:
        """Go past this token if it comes next."""
        found = self._tokens[self._position] == token
        self._position += found
        return found

    def expect_end(self) -> None:
        """Raise Unreadable if anything is left."""
        if self._position != len(self._tokens) - 1:
            raise Unreadable("something is left over")


def word(text: str) -> Node:
    """Return an atom that names something."""
    return Node("word", text=text)


def digits(text: str) -> Node:
    """Return a number, zeros in front of it left out."""
    if len(text) > 1000:
        raise Unreadable("too many digits")
    whole, point, decimals = text.partition(".")
    return Node("num", text=(whole.lstrip("0") or "0") + (point + decimals if decimals else ""))


def signed(sign: str, node: Node) -> Node:
    """Return a term with the sign that stands before it."""
    return node if sign == "+" else Node({"-": "neg"}.get(sign, sign), (node,))


def times(left: Node, right: Node) -> Node:
    """Return a product, one longer if there is one already."""
    factors = left.args if left.op == "mul" else (left,)
    return Node("mul", (*factors, right))
