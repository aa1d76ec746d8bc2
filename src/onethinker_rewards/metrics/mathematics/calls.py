"""Reading names: letters, roots, functions, sums and integrals."""

from __future__ import annotations

from abc import ABC, abstractmethod

from onethinker_rewards.metrics.mathematics.cursor import Cursor, word
from onethinker_rewards.metrics.mathematics.lexing import FUNCTIONS, Token
from onethinker_rewards.metrics.mathematics.node import Node, Unreadable

__all__ = ["ACCENTS", "Calls"]

_INVERSE = {"sin": "asin", "cos": "acos", "tan": "atan"}
_CONSTANTS = {"infty": "oo", "pi": "pi"}
_OPERATORS = frozenset({"sum", "prod", "int", "lim"})
_CALLED = frozenset({"max", "min", "gcd", "lcm", "det"})
_LETTERS = frozenset(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau "
    "upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell hbar".split()
)
ACCENTS = frozenset(
    {"vec", "hat", "bar", "tilde", "dot", "overline", "overrightarrow", "overleftrightarrow", "widehat", "underline"}
)
_FIGURES = frozenset({"angle", "triangle", "odot", "square", "measuredangle"})


class Calls(Cursor, ABC):
    """What begins with a name; what it is applied to is the subclass's matter."""

    @abstractmethod
    def sum(self) -> Node:
        """Read terms with signs between them."""

    @abstractmethod
    def product(self) -> Node:
        """Read factors."""

    @abstractmethod
    def unary(self) -> Node:
        """Read a factor and its sign."""

    @abstractmethod
    def power(self) -> Node:
        """Read an atom and what stands behind it."""

    @abstractmethod
    def atom(self) -> Node:
        """Read a number, a name, or anything in brackets."""

    @abstractmethod
    def argument(self) -> Node:
        """Read a group or a single token."""

    @abstractmethod
    def exponent(self) -> Node:
        """Read what stands behind a caret."""

    @abstractmethod
    def starts_factor(self) -> bool:
        """Return whether a factor comes next."""

    @abstractmethod
    def beside(self, left: Node) -> Node:
        """Read a factor that stands beside another."""

    def symbol(self, name: str) -> Node:
        """Read a variable with its index and primes, or a constant."""
        if name in ("e", "i") and self.peek() not in ("_", "'"):
            return Node("const", text=name)
        if self.peek() == "_":
            self.take()
            index = self.argument()
            name += "_" + _flat(index)
        while self.peek() == "'":
            name += self.take().value
        return Node("sym", text=name)

    def named(self, name: str) -> Node:
        """Read what a command or a known name begins."""
        if name in _CONSTANTS:
            return Node("const", text=_CONSTANTS[name])
        if name in _LETTERS:
            return self.symbol(name)
        if name in FUNCTIONS:
            return self._function(name)
        if name in _CALLED:
            return self._called(name)
        if name in _OPERATORS:
            return self._operator(name)
        return self._command(name)

    def _command(self, name: str) -> Node:
        if name == "frac":
            return Node("div", (self.argument(), self.argument()))
        if name in ("binom", "dbinom", "tbinom"):
            return Node("call", (word("binomial"), self.argument(), self.argument()))
        if name == "sqrt":
            return self._root()
        if name in ("emptyset", "varnothing"):
            return Node("set")
        if name in ("lfloor", "lceil"):
            return self._rounded(name)
        if name in _FIGURES:
            return self._figure(name)
        if name in ACCENTS:
            return Node("call", (word(name), self.argument()))
        raise Unreadable(f"the command {name}")

    def _figure(self, name: str) -> Node:
        """Read the points of a figure as one name."""
        points = [name]
        while self.token().kind == "symbol":
            points.append(self.take().value)
        return Node("sym", text=" ".join(points))

    def _root(self) -> Node:
        index = Node("num", text="2")
        if self.peek() == "[":
            self.take()
            index = self.sum()
            if self.take().value != "]":
                raise Unreadable("a bracket that is not closed")
        with self.deeper():
            inside = self.atom()
        return Node("pow", (inside, Node("div", (Node("num", text="1"), index))))

    def _function(self, name: str) -> Node:
        power = base = None
        while self.peek() in ("^", "_"):
            if self.take().value == "^":
                power = self.exponent()
            else:
                base = self.argument()
        if power == Node("neg", (Node("num", text="1"),)) and name in _INVERSE:
            name, power = _INVERSE[name], None
        inside = self._applied()
        args = (inside,) if base is None else (inside, base)
        if base is not None and name != "log":
            raise Unreadable(f"an index of {name}")
        result = Node("call", (word(name.replace("arc", "a")), *args))
        return result if power is None else Node("pow", (result, power))

    def _applied(self) -> Node:
        """Read what a function is applied to: a bracket, or the factors up to the next function."""
        with self.deeper():
            if self.peek() in ("(", "[", "{"):
                return self.power()
            inside = self.unary()
            while self.starts_factor() and self.token().value not in FUNCTIONS and self.peek() not in ("(", "["):
                inside = self.beside(inside)
            return inside

    def _called(self, name: str) -> Node:
        with self.deeper():
            inside = self.atom()
        if inside.op in ("bracket", "set"):
            return Node("call", (word(name), *(arg for arg in inside.args if arg.op != "word")))
        return Node("call", (word(name), inside))

    def _operator(self, name: str) -> Node:
        with self.deeper():
            bounds: dict[str, Node] = {}
            while self.peek() in ("_", "^"):
                sign = self.take().value
                bounds[sign] = self.argument() if sign == "_" else self.exponent()
            if name == "int":
                return self._integral(bounds)
            body = self.product()
        lower, upper = bounds.get("_"), bounds.get("^")
        if lower is None or lower.op != "rel" or (name != "lim" and upper is None):
            raise Unreadable(f"a {name} without bounds")
        limits = (lower.args[0], lower.args[2]) if upper is None else (lower.args[0], lower.args[2], upper)
        return Node("call", (word(name), body, *limits))

    def _integral(self, bounds: dict[str, Node]) -> Node:
        self.integrals += 1
        body = self.sum()
        self.integrals -= 1
        if self.take() != Token("symbol", "d"):
            raise Unreadable("an integral without dx")
        variable = self.atom()
        limits = (bounds["_"], bounds["^"]) if len(bounds) == 2 else ()
        return Node("call", (word("int"), body, variable, *limits))

    def _rounded(self, name: str) -> Node:
        with self.deeper():
            inside = self.sum()
        if self.take() != Token("name", name.replace("l", "r", 1)):
            raise Unreadable("a bracket that is not closed")
        return Node("call", (word("floor" if name == "lfloor" else "ceiling"), inside))

    def absolute(self) -> Node:
        """Read an absolute value, of which the first bar has been taken."""
        with self.deeper():
            self.bars += 1
            inside = self.sum()
            self.bars -= 1
        if self.take().value != "|":
            raise Unreadable("a bar that is not closed")
        return Node("call", (word("abs"), inside))


def _flat(node: Node) -> str:
    return node.text + "".join(map(_flat, node.args))
