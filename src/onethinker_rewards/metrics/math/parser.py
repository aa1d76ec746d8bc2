"""Parses an answer: one piece of mathematics, or a few words.

The parser goes down from what binds least to what binds most: an answer, its elements, relations, sets, sums, products,
powers, atoms, and last what brackets and names begin.
"""

from __future__ import annotations

import re

from onethinker_rewards.metrics.math.atoms import AtomParser, call, is_integer, number_node, signed, times, word_node
from onethinker_rewards.metrics.math.dress import is_retracted
from onethinker_rewards.metrics.math.lexer import FUNCTIONS, Token, tokenize
from onethinker_rewards.metrics.math.normalize import normalize
from onethinker_rewards.metrics.math.tree import Node, Unreadable
from onethinker_rewards.metrics.math.words import is_word

_MAX_CHARACTERS = 10_000

_INTEGER = re.compile(r"[0-9]{1,300}")
_WORDS = re.compile(r"[A-Za-z]+(?:[-' ]+[A-Za-z]+){0,11}")
_MATHEMATICAL_WORDS = FUNCTIONS | {"or", "and", "pi", "infinity", "inf"}
_PHRASES = {
    **dict.fromkeys(["no solution", "no solutions", "no real solution", "no real solutions", "empty set"], Node("set")),
    "all real numbers": Node("space", text="R"),
}
_ARTICLE = re.compile(r"(?:an?|the) (?=\w{2})")
# Longer words are no products of variables, even where the other side is one.
_MAX_LETTERS = 5

# "C. 12", "(C) 12", "\textbf{(C)} 12": the letter of an option with its text.
_OPTION = re.compile(
    r"(?:\\(?:text|math)(?:bf|rm|it)?\s*\{\s*)?(?:\(\s*([A-J])\s*\)\s*[.:]?|([A-J])(?:\s*[.)、]|:))"
    r"(?:\s*\}(?:\\ |[~\s])*|\s+|$)"
)
_OPTION_LETTER = re.compile(r"(?<![A-Za-z\\])[A-J](?![A-Za-z])|(?<![A-Za-z])(?:or|and|not|no|maybe)(?![A-Za-z])")
_CLOCK = re.compile(
    r"(\d{1,2})(?::([0-5]\d))?(?::[0-5]\d)?\s*(?:\\text\s*\{)?\s*(?:([ap])\.?\s?m\b\.?)?\s*\}?", re.IGNORECASE
)

_SEPARATORS = frozenset({",", ";", "or", "and"})
_RELATIONS = frozenset(
    "= < > <= >= != in notin to approx equiv subset subseteq perp parallel sim cong propto implies iff".split()
)
_SET_OPERATIONS = {"cup": "union", "cap": "intersection", "setminus": "without"}
_SUM_SIGNS = frozenset({"+", "-", "pm", "mp"})
# A number in brackets before a fraction is a factor: (2)1/2 is no mixed number.
_CLOSING_BRACKETS = frozenset({")", "]"})
_STOPPING_NAMES = frozenset({"rfloor", "rceil", "over", "choose"})


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
    node = _parse_option(mathematics) or _parse_clock(mathematics) or _parse_bare(mathematics)
    return Node("retracted", (node,)) if node.op != "text" and is_retracted(text) else node


def _parse_bare(text: str) -> Node:
    """Parse words or a formula, without a label before it."""
    if _is_prose(text):
        return _parse_prose(text)
    return _Parser(tokenize(text)).answer()


def _is_prose(text: str) -> bool:
    """Return whether a text is an answer in words rather than a product of variables or functions."""
    if not _WORDS.fullmatch(text):
        return False
    words = re.split(r"[-' ]+", text)
    if len(words) == 1:
        return text.lower() not in _MATHEMATICAL_WORDS and (is_word(text) or (len(text) > 2 and text.isupper()))
    return max(map(len, words)) > 2 and not all(word.lower() in _MATHEMATICAL_WORDS or len(word) == 1 for word in words)


def _parse_prose(text: str) -> Node:
    """Return words, in small letters and without an article; a short one is also the product of its letters."""
    words = _ARTICLE.sub("", " ".join(text.lower().split()), count=1) if " " in text else text.lower()
    if text.isalpha() and len(text) <= _MAX_LETTERS:
        letters = tuple(Node("const" if letter in "ei" else "sym", text=letter) for letter in text)
        return Node("text", (Node("mul", letters),), words)
    return _PHRASES.get(words, Node("text", text=words))


def _parse_option(text: str) -> Node | None:
    """Parse the letter of an option and its text, which must not name another option; None for anything else."""
    if not (match := _OPTION.match(text)):
        return None
    rest = text[match.end() :]
    letter = Node("sym", text=match[1] or match[2])
    if not rest:
        return letter
    if _OPTION_LETTER.search(rest) and ":" in match[0]:
        return None
    if _OPTION_LETTER.search(rest) and not re.search(r"[=+/\\]", rest):
        raise Unreadable("more than one option")
    try:
        content = _parse_bare(rest)
    except Unreadable:
        content = Node("text", text=rest.lower())
    return Node("option", (letter, content))


def _parse_clock(text: str) -> Node | None:
    """Parse a time of day: the minutes of the day and, without "a.m." or "p.m.", the ratio it can also be."""
    match = _CLOCK.fullmatch(text)
    if match is None or not (match[2] or match[3]) or int(match[1]) > 24 or (text.count(":") > 1 and not match[3]):
        return None
    hours = int(match[1])
    half = (match[3] or "").lower()
    ratio = Node("div", (number_node(match[1]), number_node(match[2] or "0")))
    if half:
        hours = hours % 12 + (12 if half == "p" else 0)
    return Node("clock", () if half else (ratio,), f"{hours * 60 + int(match[2] or 0)}")


class _Parser(AtomParser):
    """A recursive descent over the tokens of one answer."""

    def answer(self) -> Node:
        """Parse all tokens as one answer."""
        node = self.items()
        if self.token() in (Token("name", "over"), Token("name", "choose")):
            name = self.take().value
            parts = node, self.items()
            node = Node("div", parts) if name == "over" else call("binomial", *parts)
        if not self.is_at_end():
            raise Unreadable("something is left over")
        return _with_domain(_with_modulus(node))

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
        """Parse expressions or sets with relation signs between them, and the modulus of a congruence."""
        self.take_if("approx")
        parts = [self.sets()]
        while self.sign() in _RELATIONS:
            parts += [word_node(self.take().value), self.sets()]
        node = parts[0] if len(parts) == 1 else Node("rel", tuple(parts))
        if not self.take_if("mod"):
            return node
        if self.take_if("("):
            modulus = self.sum()
            self.close(")")
        else:
            modulus = self.sum()
        return Node("mod", (node, modulus))

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
        while not self.is_condition_next() and self.take_if(":"):
            parts.append(self.sum())
        if len(parts) == 1:
            return parts[0]
        return Node("div" if len(parts) == 2 else "ratio", tuple(parts))

    def is_condition_next(self) -> bool:
        r"""Return whether a colon is that of a set, as in ``\{2n : n \in \mathbb{Z}\}``."""
        return self._open_sets > 0 and any(token.kind == "sign" and token.value in _RELATIONS for token in self.rest())

    def sum(self) -> Node:
        """Parse terms with signs between them."""
        sign = self.take().value if self.sign() in _SUM_SIGNS else "+"
        terms = [signed(sign, self.product())]
        while self.sign() in _SUM_SIGNS:
            sign = self.take().value
            terms.append(signed(sign, self.product()))
        return terms[0] if len(terms) == 1 else Node("add", tuple(terms))

    def product(self) -> Node:
        """Parse factors; those without a sign between them are multiplied."""
        result = self.signed_factor()
        while True:
            sign = self.sign()
            if sign == "*":
                self.take()
                result = times(result, self.signed_factor())
            elif sign == "/":
                self.take()
                below = self.signed_factor()
                self.count_operation()
                result = Node("div", (result, below))
            elif sign == "circ" and result.op == "sym":
                self.take()
                result = result._replace(text=f"{result.text}∘{self.atom().text}")
            elif self.starts_factor():
                result = self.juxtaposed(result)
            else:
                return result

    def signed_factor(self) -> Node:
        """Parse a factor with the signs that it may have at the beginning or after an operator."""
        if self.sign() in ("+", "-"):
            with self.deeper():
                return signed(self.take().value, self.signed_factor())
        return self.power()

    def starts_factor(self) -> bool:
        """Return whether the next token starts a factor, which is multiplied with what is before it."""
        kind, value = self.token()
        if kind == "sign":
            return value in ("(", "{", "\\{", "[") or (value == "|" and not self._open_bars)
        if self._open_integrals and kind == "symbol" and value == "d":
            return False
        return kind != "end" and value not in _STOPPING_NAMES

    def juxtaposed(self, left: Node) -> Node:
        """Parse a factor that follows another without a sign."""
        kind, value = self.token()
        if kind == "number":
            return self.number_after(left)
        is_mixed = self.previous().value not in _CLOSING_BRACKETS
        right = self.atom()
        if is_mixed and is_integer(left) and value == "frac" and right.op == "div" and all(map(is_integer, right.args)):
            # 1\frac{1}{2} is one and a half.
            return self.postfixed(Node("add", (left, right)))
        return times(left, self.postfixed(right))

    def number_after(self, left: Node) -> Node:
        """Parse a number behind a factor: "1 1/2", "n 2^n", "2^5 3!", "3 hours 30 minutes"."""
        last = left.args[-1] if left.op == "mul" else left
        previous = self.previous().value
        is_mixed = previous not in _CLOSING_BRACKETS and is_integer(left)
        number = self.take()
        if is_mixed and number.value.isdigit() and self.take_if("/"):
            below = self.take()
            if below.kind == "number" and below.value.isdigit():
                fraction = Node("div", (number_node(number.value), number_node(below.value)))
                mixed = Node("add", (left, fraction))
                return Node("percent", (mixed,)) if self.take_if("%") else mixed
        elif last.op in ("word", "unit") and self.token().kind in ("word", "unit"):
            unit = self.take()
            return Node("add", (left, Node("mul", (number_node(number.value), Node(unit.kind, text=unit.value)))))
        elif last.op not in ("num", "neg") and (self.sign() in ("^", "!") or (last.op == "pow" and previous == "}")):
            return times(left, self.postfixed(number_node(number.value)))
        raise Unreadable("two numbers side by side")

    def power(self) -> Node:
        """Parse an atom with the powers, ``!``, ``%`` and degrees after it."""
        return self.postfixed(self.atom())

    def postfixed(self, base: Node) -> Node:
        """Parse the powers, ``!``, ``%`` and degrees after an atom."""
        while (sign := self.sign()) in ("^", "!", "%", "degree"):
            self.take()
            self.count_operation()
            if sign == "^":
                base = Node("degree", (base,)) if self.take_ring() else self.raised(base)
            elif sign == "!":
                base = call("factorial", base)
            else:
                base = Node("percent" if sign == "%" else "degree", (base,))
        return base

    def raised(self, base: Node) -> Node:
        """Parse an exponent; the inverse of a function may be applied to something: ``f^{-1}(x)``."""
        power = Node("pow", (base, self.exponent()))
        if base.op == "word" and power.args[1] == Node("num", text="0"):
            raise Unreadable("a unit to the power 0")
        if power.args[1] == Node("sym", text="T") and base.op in ("matrix", "bracket"):
            return base if base.op == "bracket" else _transposed(base)
        is_inverse = base.op == "sym" and power.args[1] == Node("neg", (Node("num", text="1"),))
        return self.applied(power) if is_inverse and self.sign() == "(" and self.is_applied(base.text) else power

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
                return signed(self.take().value, self.exponent())
            exponent = self.atom()
            if self.take_if("^"):
                return Node("pow", (exponent, self.exponent()))
            return exponent


def _with_modulus(node: Node) -> Node:
    r"""Return ``x \equiv 1, 3 \pmod 8`` as a list of congruences."""
    if node.op not in ("list", "or", "and") or node.args[-1].op != "mod" or node.args[0].op != "rel":
        return node
    (name, sign, first), (last, modulus) = node.args[0].args[:3], node.args[-1].args
    values = [first, *node.args[1:-1], last]
    return Node(node.op, tuple(Node("mod", (Node("rel", (name, sign, value)), modulus)) for value in values))


def _transposed(matrix: Node) -> Node:
    columns = zip(*(row.args for row in matrix.args), strict=True)
    return Node("matrix", tuple(Node("row", column) for column in columns))


def _with_domain(node: Node) -> Node:
    r"""Return a list that ends with the domain of its letter, ``k\pi, k \in \mathbb{Z}``, as a family."""
    if node.op not in ("list", "or", "and") or node.args[-1].op != "rel" or node.args[-1].args[1].text != "in":
        return node
    *bodies, domain = node.args
    letter = domain.args[0]
    if letter.op != "sym" or not any(_contains(body, letter) for body in bodies):
        return node
    return Node("family", (bodies[0] if len(bodies) == 1 else Node(node.op, tuple(bodies)), domain))


def _contains(node: Node, part: Node) -> bool:
    return node == part or any(_contains(arg, part) for arg in node.args)
