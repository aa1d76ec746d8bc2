"""Reading sums, products, powers and numbers."""

from __future__ import annotations

from abc import abstractmethod

from onethinker_rewards.metrics.mathematics.calls import Calls
from onethinker_rewards.metrics.mathematics.cursor import digits, signed, times, word
from onethinker_rewards.metrics.mathematics.lexing import Token
from onethinker_rewards.metrics.mathematics.node import Node, Unreadable

__all__ = ["Terms"]

_MATRICES = frozenset({"matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "array", "smallmatrix"})


class Terms(Calls):
    """A recursive descent over tokens; what brackets hold is the subclass's matter."""

    @abstractmethod
    def group(self, opening: str) -> Node:
        """Read up to the closing bracket."""

    @abstractmethod
    def relation(self) -> Node:
        """Read one element of a list."""

    @abstractmethod
    def matrix(self, kind: str) -> Node:
        """Read up to the end of a matrix."""

    def sum(self) -> Node:
        """Read terms with signs between them."""
        terms: list[Node] = []
        sign = self.take().value if self.peek() in ("+", "-", "pm", "mp") else "+"
        while True:
            terms.append(signed(sign, self.product()))
            if self.peek() not in ("+", "-", "pm", "mp"):
                break
            sign = self.take().value
        return terms[0] if len(terms) == 1 else Node("add", tuple(terms))

    def product(self) -> Node:
        """Read factors; those that stand side by side are multiplied."""
        result = self.unary()
        while True:
            sign = self.peek()
            if sign in ("*", "/"):
                self.take()
                factor = self.unary()
                if sign == "/":
                    self.nest()
                result = Node("div", (result, factor)) if sign == "/" else times(result, factor)
            elif self.starts_factor():
                result = self.beside(result)
            else:
                return result

    def unary(self) -> Node:
        """Read a factor with the sign that may stand before it after an operator."""
        if self.peek() in ("+", "-"):
            with self.deeper():
                return signed(self.take().value, self.unary())
        return self.power()

    def power(self) -> Node:
        """Read an atom with what stands behind it: powers, ``!``, ``%``, degrees."""
        return self._behind(self.atom())

    def _behind(self, base: Node) -> Node:
        while True:
            sign = self.peek()
            if sign == "^":
                self.take()
                self.nest()
                base = self._raised(base)
            elif sign in ("!", "%"):
                self.take()
                self.nest()
                base = Node("call", (word("factorial"), base)) if sign == "!" else Node("percent", (base,))
            elif sign == "degree":
                self.take()
                self.nest()
                base = Node("degree", (base,))
            else:
                return base

    def atom(self) -> Node:
        """Read a number, a name, or anything in brackets."""
        kind, value = self.take()
        if kind == "number":
            return self._number(value)
        if kind == "symbol":
            return self.symbol(value)
        if kind == "word":
            return word(value)
        if kind == "space":
            return Node("space", text=value)
        if kind == "begin" and value in _MATRICES:
            with self.deeper():
                return self.matrix(value)
        if kind == "name":
            return self.named(value)
        if value in ("(", "[", "{", "\\{"):
            return self.group(value)
        if value == "|":
            return self.absolute()
        raise Unreadable("an operand is missing")

    def argument(self) -> Node:
        r"""Read the operand of ``\frac`` or ``\sqrt``: a group, or a single token (of a number, one digit)."""
        kind, value = self.token()
        if kind == "number" and len(value) > 1 and value.isdigit():
            self._tokens[self._position] = Token("number", value[1:])
            return Node("num", text=value[0])
        with self.deeper():
            return self.atom()

    def starts_factor(self) -> bool:
        """Return whether what comes next is multiplied with what stands before it."""
        kind, value = self.token()
        if kind == "sign":
            return value in ("(", "{", "\\{", "[") or (value == "|" and not self.bars)
        if self.integrals and kind == "symbol" and value == "d":
            return False
        return kind != "end" and value not in ("rfloor", "rceil")

    def beside(self, left: Node) -> Node:
        """Read a factor that stands beside another without a sign."""
        kind, value = self.token()
        if kind == "number":
            return self._mixed(left)
        right = self.atom()
        if left.op == "num" and left.text.isdigit() and value == "frac" and _is_plain_fraction(right):
            # 1\frac{1}{2} is one and a half.
            return self._behind(Node("add", (left, right)))
        return times(left, self._behind(right))

    def _mixed(self, left: Node) -> Node:
        """Read the ``1/2`` of ``1 1/2``; two numbers side by side mean nothing else."""
        above = self.take()
        if left.op != "num" or not (left.text.isdigit() and above.value.isdigit() and self.peek() == "/"):
            raise Unreadable("two numbers side by side")
        self.take()
        below = self.take()
        if below.kind != "number" or not below.value.isdigit():
            raise Unreadable("two numbers side by side")
        return Node("add", (left, Node("div", (digits(above.value), digits(below.value)))))

    def _number(self, text: str) -> Node:
        number = digits(text)
        if self.peek() == "_":
            self.take()
            return Node("based", (number, self.argument()))
        if self.token() == Token("name", "overline") or self.token() == Token("name", "dot"):
            return self._repeating(text)
        return number

    def _repeating(self, text: str) -> Node:
        self.take()
        period = self.argument()
        if "." not in text or period.op != "num" or not period.text.isdigit():
            raise Unreadable("a bar over something else than decimals")
        whole = text.replace(".", "").lstrip("0") or "0"
        places = len(text.partition(".")[2])
        scale = "1" + "0" * places
        cycle = Node("div", (period, Node("num", text="9" * len(period.text))))
        return Node("div", (Node("add", (Node("num", text=whole), cycle)), Node("num", text=scale)))

    def _raised(self, base: Node) -> Node:
        if self.peek() == "circ":
            self.take()
            return Node("degree", (base,))
        if self.peek() == "{" and self._tokens[self._position + 1] == Token("sign", "circ"):
            self._position += 2
            if not self.skip(Token("sign", "}")):
                raise Unreadable("a bracket that is not closed")
            return Node("degree", (base,))
        return Node("pow", (base, self.exponent()))

    def exponent(self) -> Node:
        """Read what stands behind a caret: a signed atom, raised in turn if another caret follows."""
        with self.deeper():
            if self.peek() in ("+", "-"):
                return signed(self.take().value, self.exponent())
            exponent = self.atom()
            if self.peek() == "^":
                self.take()
                return Node("pow", (exponent, self.exponent()))
            return exponent


def _is_plain_fraction(node: Node) -> bool:
    return node.op == "div" and all(arg.op == "num" and arg.text.isdigit() for arg in node.args)
