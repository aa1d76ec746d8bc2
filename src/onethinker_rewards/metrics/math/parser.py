"""Parses an answer: one piece of mathematics, or a few words.

The parser goes down from what binds least to what binds most: an answer, its elements, relations, sets, sums, products,
powers, atoms, and last what brackets and names begin.
"""

from __future__ import annotations

import re

from onethinker_rewards.metrics.math.lexer import FUNCTIONS, Token, TokenStream, tokenize
from onethinker_rewards.metrics.math.normalize import is_retracted, normalize
from onethinker_rewards.metrics.math.tree import Node, Unreadable

_MAX_CHARACTERS = 10_000
_MAX_DIGITS = 1000

_INTEGER = re.compile(r"[0-9]{1,300}")
_WORDS = re.compile(r"[A-Za-z]+(?:[-' ]+[A-Za-z]+){0,11}")
_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox)\s*\{([^{}]*)\}\s*")
_MATHEMATICAL_WORDS = FUNCTIONS | {"or", "and", "pi", "infinity", "inf"}
_PHRASES = {
    **dict.fromkeys(["no solution", "no solutions", "no real solution", "no real solutions", "empty set"], Node("set")),
    "all real numbers": Node("space", text="R"),
}

_SEPARATORS = frozenset({",", ";", "or", "and"})
_RELATIONS = frozenset({"=", "<", ">", "<=", ">=", "!=", "in", "to"})
_SET_OPERATIONS = {"cup": "union", "cap": "intersection", "setminus": "without"}
_SUM_SIGNS = frozenset({"+", "-", "pm", "mp"})
_CLOSING = {"(": frozenset(")]"), "[": frozenset(")]"), "\\{": frozenset({"\\}"}), "{": frozenset("}")}
_MATRICES = frozenset({"matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "array", "smallmatrix"})

_CONSTANTS = {"infty": "oo", "pi": "pi"}
_LETTERS = frozenset(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau "
    "upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell hbar".split()
)
_LIST_FUNCTIONS = frozenset({"max", "min", "gcd", "lcm", "det"})
_OPERATORS = frozenset({"sum", "prod", "int", "lim"})
_FIGURES = frozenset({"angle", "triangle", "odot", "square", "measuredangle"})
ACCENTS = frozenset(
    {"vec", "hat", "bar", "tilde", "dot", "overline", "overrightarrow", "overleftrightarrow", "widehat", "underline"}
)


def parse(text: str) -> Node:
    """Return the tree of an answer.

    Raises:
        Unreadable: The text is empty, too long, too deep, or not one piece of mathematics.
    """
    if len(text) > _MAX_CHARACTERS:
        raise Unreadable(f"longer than {_MAX_CHARACTERS} characters")
    text = text.strip()
    if _INTEGER.fullmatch(text):
        return Node("num", text=text.lstrip("0") or "0")
    mathematics = normalize(text)
    if not mathematics:
        raise Unreadable("nothing in it")
    if inside := _TEXT.fullmatch(mathematics):
        mathematics = normalize(inside[1])
    if _is_prose(mathematics):
        words = " ".join(mathematics.lower().split())
        return _PHRASES.get(words, Node("text", text=words))
    node = _Parser(tokenize(mathematics)).answer()
    return Node("retracted", (node,)) if is_retracted(text) else node


def _is_prose(text: str) -> bool:
    """Return whether a text is an answer in words rather than a product of variables or functions."""
    if not _WORDS.fullmatch(text):
        return False
    words = re.split(r"[-' ]+", text)
    if len(words) == 1:
        return len(text) > 2 and text.lower() not in _MATHEMATICAL_WORDS
    return max(map(len, words)) > 2 and not all(word.lower() in _MATHEMATICAL_WORDS or len(word) == 1 for word in words)


class _Parser(TokenStream):
    """A recursive descent over the tokens of one answer."""

    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens)
        self._open_bars = 0
        self._open_integrals = 0

    def answer(self) -> Node:
        """Parse all tokens as one answer."""
        node = self.items()
        if not self.is_at_end():
            raise Unreadable("something is left over")
        return node

    def items(self) -> Node:
        """Parse elements with separators between them; a single element is not a list."""
        with self.deeper():
            items, separators = [self.relation()], set[str]()
            while self.sign() in _SEPARATORS:
                while self.sign() in _SEPARATORS:
                    separators.add(self.take().value)
                items.append(self.relation())
        if len(items) == 1:
            return items[0]
        words = separators & {"or", "and"}
        return Node(words.pop() if len(words) == 1 and separators <= {*words, ","} else "list", tuple(items))

    def relation(self) -> Node:
        """Parse expressions or sets with relation signs between them."""
        parts = [self.sets()]
        while self.sign() in _RELATIONS:
            parts += [_word(self.take().value), self.sets()]
        return parts[0] if len(parts) == 1 else Node("rel", tuple(parts))

    def sets(self) -> Node:
        """Parse unions, intersections and differences, from left to right."""
        left = self.ratio()
        while self.sign() in _SET_OPERATIONS:
            self.count_operation()
            left = Node(_SET_OPERATIONS[self.take().value], (left, self.ratio()))
        return left

    def ratio(self) -> Node:
        """Parse ``a : b`` as a quotient, ``a : b : c`` as a list in proportion."""
        parts = [self.sum()]
        while self.take_if(":"):
            parts.append(self.sum())
        if len(parts) == 1:
            return parts[0]
        return Node("div" if len(parts) == 2 else "ratio", tuple(parts))

    def sum(self) -> Node:
        """Parse terms with signs between them."""
        sign = self.take().value if self.sign() in _SUM_SIGNS else "+"
        terms = [_signed(sign, self.product())]
        while self.sign() in _SUM_SIGNS:
            sign = self.take().value
            terms.append(_signed(sign, self.product()))
        return terms[0] if len(terms) == 1 else Node("add", tuple(terms))

    def product(self) -> Node:
        """Parse factors; those without a sign between them are multiplied."""
        result = self.signed_factor()
        while True:
            sign = self.sign()
            if sign == "*":
                self.take()
                result = _times(result, self.signed_factor())
            elif sign == "/":
                self.take()
                below = self.signed_factor()
                self.count_operation()
                result = Node("div", (result, below))
            elif self.starts_factor():
                result = self.juxtaposed(result)
            else:
                return result

    def signed_factor(self) -> Node:
        """Parse a factor with the signs that it may have at the beginning or after an operator."""
        if self.sign() in ("+", "-"):
            with self.deeper():
                return _signed(self.take().value, self.signed_factor())
        return self.power()

    def starts_factor(self) -> bool:
        """Return whether the next token starts a factor, which is multiplied with what is before it."""
        kind, value = self.token()
        if kind == "sign":
            return value in ("(", "{", "\\{", "[") or (value == "|" and not self._open_bars)
        if self._open_integrals and kind == "symbol" and value == "d":
            return False
        return kind != "end" and value not in ("rfloor", "rceil")

    def juxtaposed(self, left: Node) -> Node:
        """Parse a factor that follows another without a sign."""
        kind, value = self.token()
        if kind == "number":
            return self.mixed_number(left)
        right = self.atom()
        if _is_integer(left) and value == "frac" and right.op == "div" and all(map(_is_integer, right.args)):
            # 1\frac{1}{2} is one and a half.
            return self.postfixed(Node("add", (left, right)))
        return _times(left, self.postfixed(right))

    def mixed_number(self, left: Node) -> Node:
        """Parse the ``1/2`` of ``1 1/2``; two numbers without a sign mean nothing else."""
        above = self.take()
        if not (_is_integer(left) and above.value.isdigit() and self.take_if("/")):
            raise Unreadable("two numbers side by side")
        below = self.take()
        if below.kind != "number" or not below.value.isdigit():
            raise Unreadable("two numbers side by side")
        return Node("add", (left, Node("div", (_number(above.value), _number(below.value)))))

    def power(self) -> Node:
        """Parse an atom with the powers, ``!``, ``%`` and degrees after it."""
        return self.postfixed(self.atom())

    def postfixed(self, base: Node) -> Node:
        """Parse the powers, ``!``, ``%`` and degrees after an atom."""
        while (sign := self.sign()) in ("^", "!", "%", "degree"):
            self.take()
            self.count_operation()
            if sign == "^":
                base = Node("degree", (base,)) if self.take_ring() else Node("pow", (base, self.exponent()))
            elif sign == "!":
                base = _call("factorial", base)
            else:
                base = Node("percent" if sign == "%" else "degree", (base,))
        return base

    def take_ring(self) -> bool:
        r"""Go past the ``\circ`` or ``{\circ}`` of a degree sign if it comes next."""
        if self.take_if("circ"):
            return True
        if self.sign() != "{" or self.token(1) != Token("sign", "circ"):
            return False
        self.skip(2)
        self.close("}")
        return True

    def exponent(self) -> Node:
        """Parse the atom after a caret, with its sign, and with its own exponent if another caret follows."""
        with self.deeper():
            if self.sign() in ("+", "-"):
                return _signed(self.take().value, self.exponent())
            exponent = self.atom()
            if self.take_if("^"):
                return Node("pow", (exponent, self.exponent()))
            return exponent

    def atom(self) -> Node:
        """Parse a number, a name, or anything in brackets."""
        kind, value = self.take()
        if kind == "number":
            return self.number(value)
        if kind == "symbol":
            return self.symbol(value)
        if kind == "word":
            return _word(value)
        if kind == "space":
            return Node("space", text=value)
        if kind == "begin" and value in _MATRICES:
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
        number = _number(text)
        if self.take_if("_"):
            return Node("based", (number, self.argument()))
        kind, value = self.token()
        if kind != "name" or value not in ("overline", "dot"):
            return number
        self.take()
        period = self.argument()
        if "." not in text or not _is_integer(period):
            raise Unreadable("a bar over something else than decimals")
        # 0.1666… is (1 + 6/9) / 10.
        whole = text.replace(".", "").lstrip("0") or "0"
        scale = "1" + "0" * len(text.partition(".")[2])
        cycle = Node("div", (period, Node("num", text="9" * len(period.text))))
        return Node("div", (Node("add", (Node("num", text=whole), cycle)), Node("num", text=scale)))

    def symbol(self, name: str) -> Node:
        """Parse the index and the primes of a variable; ``e`` and ``i`` without them are constants."""
        if name in ("e", "i") and self.sign() not in ("_", "'"):
            return Node("const", text=name)
        if self.take_if("_"):
            name += "_" + _joined_text(self.argument())
        while self.take_if("'"):
            name += "'"
        return Node("sym", text=name)

    def group(self, opening: str) -> Node:
        """Parse what is between brackets, after the opening one."""
        if self.sign() in _CLOSING[opening]:
            closing = self.take().value
            return Node("set") if opening == "\\{" else _bracket(opening + closing, Node("list"))
        if opening == "\\{" and self.token().kind == "symbol" and self.token(1).value in ("|", ":"):
            # \{x | condition\} is described by its condition.
            self.skip(2)
            condition = self.items()
            self.close("\\}")
            return condition
        inside = self.items()
        closing = self.take().value
        if closing not in _CLOSING[opening]:
            raise Unreadable("a bracket that is not closed")
        if opening == "\\{" or (opening == "{" and inside.op == "list"):
            return Node("set", inside.args if inside.op in ("list", "and") else (inside,))
        return inside if opening == "{" else _bracket(opening + closing, inside)

    def absolute(self) -> Node:
        """Parse an absolute value after its first bar."""
        with self.deeper():
            self._open_bars += 1
            inside = self.sum()
            self._open_bars -= 1
        if self.take().value != "|":
            raise Unreadable("a bar that is not closed")
        return _call("abs", inside)

    def named(self, name: str) -> Node:
        """Parse what a command or a known name begins."""
        if name in _CONSTANTS:
            return Node("const", text=_CONSTANTS[name])
        if name in _LETTERS:
            return self.symbol(name)
        if name in FUNCTIONS:
            return self.function(name)
        if name in _LIST_FUNCTIONS:
            return self.list_function(name)
        if name in _OPERATORS:
            return self.operator(name)
        if name in _FIGURES:
            return self.figure(name)
        if name in ACCENTS:
            return _call(name, self.argument())
        return self.command(name)

    def command(self, name: str) -> Node:
        """Parse the operands of a LaTeX command."""
        if name == "frac":
            return Node("div", (self.argument(), self.argument()))
        if name in ("binom", "dbinom", "tbinom"):
            return _call("binomial", self.argument(), self.argument())
        if name == "sqrt":
            return self.root()
        if name in ("emptyset", "varnothing"):
            return Node("set")
        if name in ("lfloor", "lceil"):
            return self.rounded(name)
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
        result = _call(name.replace("arc", "a"), *((inside,) if base is None else (inside, base)))
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
            return _call(name, *(arg for arg in inside.args if arg.op != "word"))
        return _call(name, inside)

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
        if lower is None or lower.op != "rel" or (name != "lim" and upper is None):
            raise Unreadable(f"a {name} without bounds")
        return _call(name, body, lower.args[0], lower.args[2], *([] if upper is None else [upper]))

    def integral(self, bounds: dict[str, Node]) -> Node:
        """Parse the integrand and the variable of an integral."""
        self._open_integrals += 1
        body = self.sum()
        self._open_integrals -= 1
        if self.take() != Token("symbol", "d"):
            raise Unreadable("an integral without dx")
        variable = self.atom()
        return _call("int", body, variable, *([bounds["_"], bounds["^"]] if len(bounds) == 2 else []))

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
        return _call("floor" if name == "lfloor" else "ceiling", inside)

    def figure(self, name: str) -> Node:
        """Parse the points of a figure as one name."""
        points = [name]
        while self.token().kind == "symbol":
            points.append(self.take().value)
        return Node("sym", text=" ".join(points))

    def matrix(self, kind: str) -> Node:
        """Parse a matrix after its beginning."""
        rows: list[Node] = []
        ended = False
        while not ended:
            row = [self.relation()]
            while (token := self.take()).value == "&":
                row.append(self.relation())
            rows.append(Node("row", tuple(row)))
            ended = token == Token("end", kind)
            if not ended:
                if token.value != "\\\\":
                    raise Unreadable("a matrix that does not end")
                ended = self.token() == Token("end", kind)
                self.skip(int(ended))
        if len({len(row.args) for row in rows}) != 1:
            raise Unreadable("rows of different length")
        matrix = Node("matrix", tuple(rows))
        return _call("det", matrix) if kind.startswith("vmatrix") else matrix


def _word(text: str) -> Node:
    return Node("word", text=text)


def _number(text: str) -> Node:
    """Return a number without its leading zeros and without a point at its end."""
    if len(text) > _MAX_DIGITS:
        raise Unreadable("too many digits")
    whole, point, decimals = text.partition(".")
    whole = whole.lstrip("0")
    # The zero of ".5", "0" and "0e5" counts.
    whole = whole if whole[:1].isdigit() else "0" + whole
    return Node("num", text=whole + (point + decimals if decimals else ""))


def _is_integer(node: Node) -> bool:
    return node.op == "num" and node.text.isdigit()


def _signed(sign: str, node: Node) -> Node:
    return node if sign == "+" else Node({"-": "neg"}.get(sign, sign), (node,))


def _times(left: Node, right: Node) -> Node:
    """Return a product; a left side that is a product gets one more factor."""
    factors = left.args if left.op == "mul" else (left,)
    return Node("mul", (*factors, right))


def _call(name: str, *args: Node) -> Node:
    return Node("call", (_word(name), *args))


def _joined_text(node: Node) -> str:
    return node.text + "".join(map(_joined_text, node.args))


def _bracket(brackets: str, inside: Node) -> Node:
    """Return a tuple or an interval; brackets around a single element only group."""
    if inside.op == "list":
        return Node("bracket", (_word(brackets), *inside.args))
    if brackets == "()" or (brackets == "[]" and inside.op not in ("rel", "or", "and")):
        return inside
    raise Unreadable("brackets that do not match")
