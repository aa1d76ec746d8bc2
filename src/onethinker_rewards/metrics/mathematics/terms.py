"""Reading sums, products, powers and functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from onethinker_rewards.metrics.mathematics.lexing import FUNCTIONS, Token
from onethinker_rewards.metrics.mathematics.node import Node, Unreadable

__all__ = ["Terms"]

_DEPTH = 32
_NESTED = 50
_END = Token("sign", "")
_INVERSE = {"sin": "asin", "cos": "acos", "tan": "atan"}
_CONSTANTS = {"infty": "oo", "pi": "pi"}
_OPERATORS = frozenset({"sum", "prod", "int", "lim"})
_MATRICES = frozenset({"matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "array", "smallmatrix"})
_CALLED = frozenset({"max", "min", "gcd", "lcm", "det"})
_LETTERS = frozenset(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau upsilon "
    "phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell hbar".split()
)
_ACCENTS = frozenset({"vec", "hat", "bar", "tilde", "dot"})


def word(text: str) -> Node:
    """Return an atom that names something."""
    return Node("word", text=text)


class Terms(ABC):
    """A recursive descent over tokens; what brackets hold is the subclass's matter."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = [*found, _END]
        self._position = 0
        self._depth = 0
        self._nested = 0
        self._bars = 0
        self._integrals = 0

    @abstractmethod
    def group(self, opening: str) -> Node:
        """Read up to the closing bracket."""

    @abstractmethod
    def relation(self) -> Node:
        """Read one element of a list."""

    @abstractmethod
    def matrix(self, kind: str) -> Node:
        """Read up to the end of a matrix."""

    @contextmanager
    def deeper(self) -> Iterator[None]:
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

    def at_close(self) -> bool:
        """Return whether a list ends here."""
        return self.peek() in ("", ")", "]", "\\}", "}") and self.token().kind == "sign"

    def expect_end(self) -> None:
        """Raise Unreadable if anything is left."""
        if self._position != len(self._tokens) - 1:
            raise Unreadable("something is left over")

    def sum(self) -> Node:
        """Read terms with signs between them."""
        terms: list[Node] = []
        sign = self.take().value if self.peek() in ("+", "-", "pm", "mp") else "+"
        while True:
            terms.append(_signed(sign, self.product()))
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
                result = Node("div", (result, factor)) if sign == "/" else _times(result, factor)
            elif self._starts_factor():
                result = self._beside(result)
            else:
                return result

    def unary(self) -> Node:
        """Read a factor with the sign that may stand before it after an operator."""
        if self.peek() in ("+", "-"):
            with self.deeper():
                return _signed(self.take().value, self.unary())
        return self.power()

    def power(self) -> Node:
        """Read an atom with what stands behind it: powers, ``!``, ``%``, degrees."""
        base = self.atom()
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
            return self._symbol(value)
        if kind == "word":
            return word(value)
        if kind == "space":
            return Node("space", text=value)
        if kind == "begin" and value in _MATRICES:
            with self.deeper():
                return self.matrix(value)
        if kind == "name":
            return self._named(value)
        if value in ("(", "[", "{", "\\{"):
            return self.group(value)
        if value == "|":
            return self._absolute()
        raise Unreadable("an operand is missing")

    def argument(self) -> Node:
        """Read the operand of ``\\frac`` or ``\\sqrt``: a group, or a single token (of a number, one digit)."""
        kind, value = self.token()
        if kind == "number" and len(value) > 1 and value.isdigit():
            self._tokens[self._position] = Token("number", value[1:])
            return Node("num", text=value[0])
        with self.deeper():
            return self.atom()

    def _starts_factor(self) -> bool:
        kind, value = self.token()
        if kind == "sign":
            return value in ("(", "{", "\\{", "[") or (value == "|" and not self._bars)
        if self._integrals and kind == "symbol" and value == "d":
            return False
        return kind != "end"

    def _beside(self, left: Node) -> Node:
        kind, value = self.token()
        if kind == "number":
            return self._mixed(left)
        right = self.power()
        if left.op == "num" and left.text.isdigit() and value == "frac" and _is_plain_fraction(right):
            # 1\frac{1}{2} is one and a half.
            return Node("add", (left, right))
        return _times(left, right)

    def _mixed(self, left: Node) -> Node:
        """Read the ``1/2`` of ``1 1/2``; two numbers side by side mean nothing else."""
        above = self.take()
        if left.op != "num" or not (left.text.isdigit() and above.value.isdigit() and self.peek() == "/"):
            raise Unreadable("two numbers side by side")
        self.take()
        below = self.take()
        if below.kind != "number" or not below.value.isdigit():
            raise Unreadable("two numbers side by side")
        return Node("add", (left, Node("div", (_digits(above.value), _digits(below.value)))))

    def _number(self, text: str) -> Node:
        number = _digits(text)
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

    def _symbol(self, name: str) -> Node:
        if name in ("e", "i") and self.peek() not in ("_", "'"):
            return Node("const", text=name)
        if self.peek() == "_":
            self.take()
            index = self.argument()
            name += "_" + _flat(index)
        while self.peek() == "'":
            name += self.take().value
        return Node("sym", text=name)

    def _raised(self, base: Node) -> Node:
        if self.peek() == "circ":
            self.take()
            return Node("degree", (base,))
        if self.peek() == "{" and self._tokens[self._position + 1] == Token("sign", "circ"):
            self._position += 2
            if not self.skip(Token("sign", "}")):
                raise Unreadable("a bracket that is not closed")
            return Node("degree", (base,))
        return Node("pow", (base, self._exponent()))

    def _exponent(self) -> Node:
        with self.deeper():
            if self.peek() in ("+", "-"):
                return _signed(self.take().value, self._exponent())
            exponent = self.atom()
            if self.peek() == "^":
                self.take()
                return Node("pow", (exponent, self._exponent()))
            return exponent

    def _named(self, name: str) -> Node:
        if name in _CONSTANTS:
            return Node("const", text=_CONSTANTS[name])
        if name == "frac":
            return Node("div", (self.argument(), self.argument()))
        if name in ("binom", "dbinom", "tbinom"):
            return Node("call", (word("binomial"), self.argument(), self.argument()))
        if name == "sqrt":
            return self._root()
        if name in FUNCTIONS:
            return self._function(name)
        if name in _CALLED:
            return self._called(name)
        if name in _OPERATORS:
            return self._operator(name)
        if name in _LETTERS:
            return self._symbol(name)
        if name in ("emptyset", "varnothing"):
            return Node("set")
        if name in ("lfloor", "lceil"):
            return self._rounded(name)
        if name in _ACCENTS:
            return Node("call", (word(name), self.argument()))
        raise Unreadable(f"the command {name}")

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
                power = self._exponent()
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
            while self._starts_factor() and self.token().value not in FUNCTIONS and self.peek() not in ("(", "["):
                inside = self._beside(inside)
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
                bounds[sign] = self.argument() if sign == "_" else self._exponent()
            if name == "int":
                return self._integral(bounds)
            body = self.product()
        lower, upper = bounds.get("_"), bounds.get("^")
        if lower is None or lower.op != "rel" or (name != "lim" and upper is None):
            raise Unreadable(f"a {name} without bounds")
        limits = (lower.args[0], lower.args[2]) if upper is None else (lower.args[0], lower.args[2], upper)
        return Node("call", (word(name), body, *limits))

    def _integral(self, bounds: dict[str, Node]) -> Node:
        self._integrals += 1
        body = self.sum()
        self._integrals -= 1
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

    def _absolute(self) -> Node:
        with self.deeper():
            self._bars += 1
            inside = self.sum()
            self._bars -= 1
        if self.take().value != "|":
            raise Unreadable("a bar that is not closed")
        return Node("call", (word("abs"), inside))


def _digits(text: str) -> Node:
    if len(text) > 1000:
        raise Unreadable("too many digits")
    whole, point, decimals = text.partition(".")
    return Node("num", text=(whole.lstrip("0") or "0") + (point + decimals if decimals else ""))


def _signed(sign: str, node: Node) -> Node:
    return node if sign == "+" else Node({"-": "neg"}.get(sign, sign), (node,))


def _times(left: Node, right: Node) -> Node:
    factors = left.args if left.op == "mul" else (left,)
    return Node("mul", (*factors, right))


def _is_plain_fraction(node: Node) -> bool:
    return node.op == "div" and all(arg.op == "num" and arg.text.isdigit() for arg in node.args)


def _flat(node: Node) -> str:
    return node.text + "".join(map(_flat, node.args))
