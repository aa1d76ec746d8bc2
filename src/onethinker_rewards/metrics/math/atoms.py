"""Parses the atoms of a formula: numbers, names, functions, roots, matrices, and what is in brackets."""

from __future__ import annotations

from abc import ABC, abstractmethod

from onethinker_rewards.metrics.math.lexer import FUNCTIONS, Token, TokenStream
from onethinker_rewards.metrics.math.tree import Node, Unreadable

_MAX_DIGITS = 1000

_CLOSING = {"(": frozenset(")]"), "[": frozenset(")]"), "\\{": frozenset({"\\}"}), "{": frozenset("}")}
_MATRICES = frozenset({"matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "array", "smallmatrix"})
_SYSTEMS = frozenset({"cases", "dcases", "aligned", "align", "gathered", "split"})

_CONSTANTS = {"infty": "oo", "pi": "pi"}
_LETTERS = frozenset(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau "
    "upsilon phi varphi chi psi omega partial nabla Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell hbar".split()
)
_LIST_FUNCTIONS = frozenset({"max", "min", "gcd", "lcm", "det"})
_PLAIN_FUNCTIONS = {"abs": "abs", "floor": "floor", "ceil": "ceiling"}
# Letters before a bracket that are always a factor, and those that may be applied to a negative number.
_NEVER_APPLIED = frozenset({"e", "i", "d"})
_APPLIED = frozenset("fghFGHPQpquvy")
_INSIDE_APPLIED = frozenset({"=", "<", ">", "<=", ">=", "!=", "|", "cup", "cap", "in"})
_OPERATORS = frozenset({"sum", "prod", "int", "lim"})
_FIGURES = frozenset({"angle", "triangle", "odot", "square", "measuredangle"})
ACCENTS = frozenset(
    {
        "vec",
        "boldsymbol",
        "hat",
        "ddot",
        "bar",
        "tilde",
        "dot",
        "overline",
        "overrightarrow",
        "overleftrightarrow",
        "widehat",
        "underline",
    }
)


class AtomParser(TokenStream, ABC):
    """Parses atoms; what binds less is parsed by the class that completes this one."""

    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens)
        self._open_bars = 0
        self._open_integrals = 0
        self._open_sets = 0

    @abstractmethod
    def items(self) -> Node:
        """Parse elements with separators between them."""

    @abstractmethod
    def relation(self) -> Node:
        """Parse expressions with relation signs between them."""

    @abstractmethod
    def sum(self) -> Node:
        """Parse terms with signs between them."""

    @abstractmethod
    def product(self) -> Node:
        """Parse factors."""

    @abstractmethod
    def signed_factor(self) -> Node:
        """Parse a factor with its signs."""

    @abstractmethod
    def starts_factor(self) -> bool:
        """Return whether the next token starts a factor."""

    @abstractmethod
    def juxtaposed(self, left: Node) -> Node:
        """Parse a factor that follows another without a sign."""

    @abstractmethod
    def power(self) -> Node:
        """Parse an atom with what is after it."""

    @abstractmethod
    def exponent(self) -> Node:
        """Parse the atom after a caret."""

    def atom(self) -> Node:
        """Parse a number, a name, or anything in brackets."""
        kind, value = self.take()
        if kind == "number":
            return self.number(value)
        if kind == "symbol":
            return self.symbol(value)
        if kind in ("word", "unit"):
            return Node(kind, text=value)
        if kind == "space":
            return Node("space", text=value)
        if kind == "begin" and value.rstrip("*") in _SYSTEMS:
            with self.deeper():
                return self.cases(value)
        if kind == "begin" and value.rstrip("*") in _MATRICES:
            with self.deeper():
                return self.matrix(value)
        if kind == "name":
            return self.named(value)
        if value in _CLOSING:
            return self.group(value)
        if value == "|":
            return self.absolute()
        raise Unreadable("an operand is missing")

    def argument(self) -> Node:
        r"""Parse the operand of ``\frac`` or ``\sqrt``: a group, or a single token (of a number, one digit)."""
        kind, value = self.token()
        if kind == "number" and len(value) > 1 and value.isdigit():
            return Node("num", text=self.take_digit())
        with self.deeper():
            return self.atom()

    def number(self, text: str) -> Node:
        r"""Parse what follows the digits of a number: the base of ``101_2``, the period of ``0.1\overline{6}``."""
        number = number_node(text)
        if self.take_if("_"):
            return Node("based", (number, self.argument()))
        kind, value = self.token()
        if kind != "name" or value not in ("overline", "dot", "bar"):
            return number
        self.take()
        period = self.argument()
        if "." not in text or not is_integer(period):
            raise Unreadable("a bar over something else than decimals")
        # 0.1666… is (1 + 6/9) / 10.
        whole = text.replace(".", "").lstrip("0") or "0"
        scale = "1" + "0" * len(text.partition(".")[2])
        cycle = Node("div", (period, Node("num", text="9" * len(period.text))))
        return Node("div", (Node("add", (Node("num", text=whole), cycle)), Node("num", text=scale)))

    def symbol(self, name: str) -> Node:
        """Parse the index, the primes and the bracket of a variable; ``e`` and ``i`` without them are constants."""
        if name in ("e", "i") and self.sign() not in ("_", "'"):
            return Node("const", text=name)
        while self.take_if("'"):
            name += "'"
        if self.take_if("_"):
            name += "_" + self.index()
        while self.take_if("'"):
            name += "'"
        if self.sign() == "(" and self.is_applied(name):
            return self.applied(Node("sym", text=name))
        return Node("sym", text=name)

    def applied(self, function: Node) -> Node:
        """Parse the bracket that a function is applied to."""
        self.take()
        # The bar of P(A | B) is no absolute value.
        is_probability = function.text[:1] == "P"
        self._open_bars += is_probability
        with self.deeper():
            inside = self.items()
            if is_probability and self.take_if("|"):
                inside = Node("rel", (inside, word_node("|"), self.items()))
        self._open_bars -= is_probability
        self.close(")")
        return Node("apply", (function, *(inside.args if inside.op == "list" else (inside,))))

    def is_applied(self, name: str) -> bool:
        """Return whether the bracket after a name is what a function is applied to: ``f(0)``, ``P(X > 1)``.

        A product has such a bracket only for a sum or a difference, ``x(x + 1)``, which only ``f`` and derivatives are
        applied to.
        """
        inside = self.inside_bracket()
        letters = [token for token in inside if token.kind == "symbol" or token.value in _LETTERS]
        values = [token.value for token in inside]
        letter = name.rstrip("'").partition("_")[0]
        if not inside or letter in _NEVER_APPLIED:
            return False
        if "'" in name and not (letter.isupper() and "," in values):
            return True
        if letter == "f" or any(token.value in _INSIDE_APPLIED for token in inside):
            return True
        if "," in values:
            # "A(1, 2)" is a point, "f(1, 2)" and "F(x, y)" are values.
            return not letter.isupper() or len(letters) == len(inside) - values.count(",")
        if len(inside) == 1 and letters:
            return values[0] != name
        after = self.token(len(inside) + 2).value
        return not letters and after != "^" and (values[0] != "-" or letter in _APPLIED)

    def inside_bracket(self) -> list[Token]:
        """Return the tokens inside of the bracket that comes next; none if it does not close."""
        inside: list[Token] = []
        depth = 0
        for token in self.rest():
            depth += token.value == "("
            depth -= token.value == ")"
            if not depth:
                return inside[1:]
            inside.append(token)
        return []

    def index(self) -> str:
        r"""Parse the index of a variable as its text: ``n + 1`` of ``a_{n+1}``, ``max`` of ``m_{\max}``."""
        if not self.take_if("{"):
            return self.take().value
        text, depth = "", 1
        while depth:
            value = self.take().value
            depth += (value == "{") - (value == "}")
            text += value if depth else ""
        return text

    def group(self, opening: str) -> Node:
        """Parse what is between brackets, after the opening one."""
        if self.sign() in _CLOSING[opening]:
            closing = self.take().value
            return Node("set") if opening == "\\{" else bracket(opening + closing, Node("list"))
        if opening == "\\{" and self.token().kind == "symbol" and self.token(1).value in ("|", ":"):
            # \{x | condition\} is described by its condition.
            self.skip(2)
            condition = self.items()
            self.close("\\}")
            return condition
        self._open_bars += opening == "\\{"
        self._open_sets += opening == "\\{"
        inside = self.items()
        self._open_bars -= opening == "\\{"
        self._open_sets -= opening == "\\{"
        if opening == "\\{" and (self.take_if("|") or self.take_if(":")):
            # \{k\pi | k \in \mathbb{Z}\} is a family.
            family = Node("family", (inside, self.items()))
            self.close("\\}")
            return family
        if opening == "{" and self.token() in (Token("name", "over"), Token("name", "choose")):
            # {a \over b} is \frac{a}{b}.
            name = self.take().value
            below = self.items()
            inside = Node("div", (inside, below)) if name == "over" else call("binomial", inside, below)
        closing = self.take().value
        if closing not in _CLOSING[opening]:
            raise Unreadable("a bracket that is not closed")
        if opening == "\\{" or (opening == "{" and inside.op == "list"):
            return Node("set", inside.args if inside.op in ("list", "and") else (inside,))
        if inside.op == "sym" and "∘" in inside.text and self.sign() == "(":
            return self.applied(inside)
        return inside if opening == "{" else bracket(opening + closing, inside)

    def absolute(self) -> Node:
        """Parse an absolute value after its first bar."""
        with self.deeper():
            self._open_bars += 1
            inside = self.sum()
            self._open_bars -= 1
        if self.take().value != "|":
            raise Unreadable("a bar that is not closed")
        return call("det" if inside.op == "matrix" else "abs", inside)

    def named(self, name: str) -> Node:
        """Parse what a command or a known name begins."""
        if name in _CONSTANTS:
            return Node("const", text=_CONSTANTS[name])
        if name in _LETTERS:
            return self.symbol(name)
        if name in FUNCTIONS:
            return self.function(name)
        if name in _PLAIN_FUNCTIONS:
            return call(_PLAIN_FUNCTIONS[name], self.argument())
        if name in _LIST_FUNCTIONS:
            return self.list_function(name)
        if name in _OPERATORS:
            return self.operator(name)
        if name in _FIGURES:
            return self.figure(name)
        if name in ACCENTS:
            return self.accented(name)
        return self.command(name)

    def accented(self, name: str) -> Node:
        r"""Parse what an accent is over, with the index and the primes after it: ``\dot{x}_0``."""
        inside = self.argument()
        if inside.op == "sym":
            mark = "_" + self.index() if self.take_if("_") else ""
            while self.take_if("'"):
                mark += "'"
            inside = inside._replace(text=inside.text + mark)
        if name == "underline" and inside.op == "num":
            return inside
        return call(name, inside)

    def command(self, name: str) -> Node:
        """Parse the operands of a LaTeX command."""
        if name == "frac":
            return Node("div", (self.argument(), self.argument()))
        if name == "binom":
            return call("binomial", self.argument(), self.argument())
        if name == "sqrt":
            return self.root()
        if name in ("emptyset", "varnothing"):
            return Node("set")
        if name in ("lfloor", "lceil"):
            return self.rounded(name)
        if name in ("dots", "ldots", "cdots"):
            return Node("sym", text="...")
        raise Unreadable(f"the command {name}")

    def function(self, name: str) -> Node:
        """Parse the power, the index and the argument of a function."""
        power = base = None
        while self.sign() in ("^", "_"):
            if self.take().value == "^":
                power = self.exponent()
            else:
                base = self.argument()
        if power == Node("neg", (Node("num", text="1"),)) and name in ("sin", "cos", "tan"):
            name, power = f"a{name}", None
        inside = self.function_argument()
        if base is not None and name != "log":
            raise Unreadable(f"an index of {name}")
        result = call(name.replace("arc", "a"), *((inside,) if base is None else (inside, base)))
        return result if power is None else Node("pow", (result, power))

    def function_argument(self) -> Node:
        """Parse what a function is applied to: a bracket, or the factors up to the next function."""
        with self.deeper():
            if self.sign() in ("(", "[", "{"):
                return self.power()
            inside = self.signed_factor()
            while self.starts_factor() and self.token().value not in FUNCTIONS and self.sign() not in ("(", "["):
                inside = self.juxtaposed(inside)
            return inside

    def list_function(self, name: str) -> Node:
        """Parse the arguments of a function that takes several."""
        with self.deeper():
            inside = self.atom()
        if inside.op in ("bracket", "set"):
            return call(name, *(arg for arg in inside.args if arg.op != "word"))
        return call(name, inside)

    def operator(self, name: str) -> Node:
        """Parse a sum, a product, a limit or an integral with its bounds."""
        with self.deeper():
            bounds: dict[str, Node] = {}
            while self.sign() in ("_", "^"):
                sign = self.take().value
                bounds[sign] = self.argument() if sign == "_" else self.exponent()
            if name == "int":
                return self.integral(bounds)
            body = self.product()
        lower, upper = bounds.get("_"), bounds.get("^")
        if (
            lower is None
            or lower.op != "rel"
            or lower.args[1].text not in ("=", "to")
            or (name != "lim" and upper is None)
        ):
            raise Unreadable(f"a {name} without bounds")
        return call(name, body, lower.args[0], lower.args[2], *([] if upper is None else [upper]))

    def integral(self, bounds: dict[str, Node]) -> Node:
        """Parse the integrand and the variable of an integral."""
        self._open_integrals += 1
        body = self.sum()
        self._open_integrals -= 1
        if self.take() != Token("symbol", "d"):
            raise Unreadable("an integral without dx")
        variable = self.atom()
        return call("int", body, variable, *([bounds["_"], bounds["^"]] if len(bounds) == 2 else []))

    def root(self) -> Node:
        """Parse the index and the argument of a root."""
        index = Node("num", text="2")
        if self.take_if("["):
            index = self.sum()
            self.close("]")
        with self.deeper():
            inside = self.atom()
        return Node("pow", (inside, Node("div", (Node("num", text="1"), index))))

    def rounded(self, name: str) -> Node:
        """Parse a number between floor or ceiling brackets."""
        with self.deeper():
            inside = self.sum()
        if self.take() != Token("name", name.replace("l", "r", 1)):
            raise Unreadable("a bracket that is not closed")
        return call("floor" if name == "lfloor" else "ceiling", inside)

    def figure(self, name: str) -> Node:
        """Parse the points of a figure as one name."""
        points = [name]
        while self.token().kind == "symbol":
            points.append(self.take().value)
        return Node("sym", text=" ".join(points))

    def matrix(self, kind: str) -> Node:
        """Parse a matrix after its beginning."""
        rows = self.rows(kind)
        if len({len(row.args) for row in rows}) != 1:
            raise Unreadable("rows of different length")
        if all(len(row.args) == 1 and row.args[0].op == "rel" for row in rows):
            return Node("list", tuple(row.args[0] for row in rows))
        matrix = Node("matrix", tuple(rows))
        return call("det", matrix) if kind.startswith("vmatrix") else matrix

    def cases(self, kind: str) -> Node:
        """Parse the cases of a function, or the equations of a system."""
        rows = self.rows(kind)
        if any(len(row.args) > 2 for row in rows):
            raise Unreadable("cases with more than a value and a condition")
        if all(len(row.args) == 1 for row in rows):
            return Node("list", tuple(row.args[0] for row in rows))
        return Node("cases", tuple(rows))

    def rows(self, kind: str) -> list[Node]:
        """Parse the rows of a matrix or of cases, each with its elements, up to the end."""
        rows: list[Node] = []
        ended = False
        while not ended:
            row = [self.element()]
            while (token := self.take()).value == "&":
                row.append(self.element())
            rows.append(Node("row", tuple(row)))
            ended = token == Token("end", kind)
            if not ended:
                if token.value != "\\\\":
                    raise Unreadable("a matrix that does not end")
                ended = self.token() == Token("end", kind)
                self.skip(int(ended))
        return rows

    def element(self) -> Node:
        """Parse an element of a row; the "if" before a condition and the comma after a value say nothing."""
        while (
            self.token().kind == "word" and self.token().value in ("if", "for", "when") and self.token(1).kind != "end"
        ):
            self.skip(1)
        node = self.relation()
        while self.sign() in (",", ";") and self.token(1).value in ("&", "\\\\"):
            self.skip(1)
        return node


def word_node(text: str) -> Node:
    """Return a word, which also names signs, brackets and functions."""
    return Node("word", text=text)


def number_node(text: str) -> Node:
    """Return a number without its leading zeros and without a point at its end."""
    if len(text) > _MAX_DIGITS:
        raise Unreadable("too many digits")
    whole, point, decimals = text.partition(".")
    whole = whole.lstrip("0")
    # The zero of ".5", "0" and "0e5" counts.
    whole = whole if whole[:1].isdigit() else "0" + whole
    return Node("num", text=whole + (point + decimals if decimals else ""))


def is_integer(node: Node) -> bool:
    """Return whether a tree is a whole number in digits."""
    return node.op == "num" and node.text.isdigit()


def signed(sign: str, node: Node) -> Node:
    """Return a tree with a sign before it."""
    return node if sign == "+" else Node({"-": "neg"}.get(sign, sign), (node,))


def times(left: Node, right: Node) -> Node:
    """Return a product; a left side that is a product gets one more factor."""
    factors = left.args if left.op == "mul" else (left,)
    return Node("mul", (*factors, right))


def call(name: str, *args: Node) -> Node:
    """Return a function of the library's own with its arguments."""
    return Node("call", (word_node(name), *args))


def bracket(brackets: str, inside: Node) -> Node:
    """Return a tuple or an interval; brackets around a single element only group."""
    are_rows = all(row.op == "bracket" and row.args[0].text == brackets for row in inside.args)
    if inside.op == "list" and brackets == "[]" and are_rows and len({len(row.args) for row in inside.args}) == 1:
        # [[1, 2], [3, 4]] is a matrix.
        return Node("matrix", tuple(Node("row", row.args[1:]) for row in inside.args))
    if inside.op == "list":
        return Node("bracket", (word_node(brackets), *inside.args))
    if brackets == "()" or (brackets == "[]" and inside.op not in ("rel", "or", "and")):
        return inside
    raise Unreadable("brackets that do not match")
