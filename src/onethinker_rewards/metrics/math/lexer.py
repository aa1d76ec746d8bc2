"""Tokens of mathematics in LaTeX or plain text, and the stream that the parser takes them from."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from onethinker_rewards.metrics.math.tree import Unreadable
from onethinker_rewards.metrics.math.units import UNIT_LETTERS, is_unit_word
from onethinker_rewards.metrics.math.words import is_word

# Functions of one argument that need no brackets.
FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan "
    "arccot arcsec arccsc coth sech csch sinh cosh tanh asin acos atan ln log lg exp".split()
)
_NAMES = FUNCTIONS | {"pi", "sqrt", "infty", "max", "min", "gcd", "lcm", "det", "abs", "floor", "ceil"}

# Commands and words that are written for a sign or for another name.
_SYNONYMS = {
    "inf": "infty", "infinity": "infty", "oo": "infty", "cdot": "*", "times": "*", "div": "/", "ast": "*", "le": "<=",
    "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=", "geqslant": ">=", "lt": "<", "gt": ">", "ne": "!=",
    "neq": "!=", "approx": "approx", "thickapprox": "approx", "doteq": "approx", "equiv": "equiv", "lvert": "|",
    "rvert": "|", "vert": "|", "mid": "|", "cup": "cup", "cap": "cap", "setminus": "setminus",
    "backslash": "setminus", "in": "in", "notin": "notin", "subset": "subset", "subseteq": "subseteq", "perp": "perp",
    "parallel": "parallel", "sim": "sim", "backsim": "sim", "cong": "cong", "propto": "propto", "pm": "pm", "mp": "mp",
    "to": "to", "rightarrow": "to", "longrightarrow": "to", "mapsto": "to", "implies": "implies",
    "Rightarrow": "implies", "iff": "iff",
    "Leftrightarrow": "iff", "lbrace": "\\{", "rbrace": "\\}", "lbrack": "[", "rbrack": "]", "langle": "(",
    "rangle": ")", "colon": ":", "wedge": "and", "vee": "or", "land": "and", "lor": "or", "degree": "degree",
    "circ": "circ", "prime": "'", "mod": "mod", "bmod": "mod", "pmod": "mod", "arctg": "arctan", "tg": "tan",
    "ctg": "cot", "dbinom": "binom", "tbinom": "binom",
}  # fmt: skip
_RENAMED = frozenset({"infty", "arctan", "tan", "cot", "binom"})
_SIGNS = {"==": "=", "**": "^", "\\{": "\\{", "\\}": "\\}", "\\%": "%", "\\&": "and", "\\|": "|", "\\\\": "\\\\"}

# Words that multiply the number before them.
_MULTIPLIERS = {
    "dozen": "12", "hundred": "100", "thousand": "1000", "million": "1" + 6 * "0", "billion": "1" + 9 * "0",
    "trillion": "1" + 12 * "0",
}  # fmt: skip

_TOKEN = re.compile(
    r"""\s*(?:
      \\(?:text|textnormal|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|bold|mbox|operatorname\*?|rm|bm|boldsymbol)
      \s*\{(?P<text>[^{}]*)\}
    | \\begin\s*\{(?P<begin>[A-Za-z]+\*?)\}(?:\s*(?:\{[|clr ]*\}|\[[clr]\]))?
    | \\end\s*\{(?P<end>[A-Za-z]+\*?)\}
    | \\(?:mathbb|Bbb)\s*\{?(?P<space>[A-Z])\}?
    | \\(?P<command>[A-Za-z]+)
    | (?P<number>(?P<grouped>[1-9]\d{0,2}(?:,\d{3})+(?![\d,]))(?:\.\d+)?
               | (?:\d+\.\d+|\.\d+|\d+\.?)(?:[eE][+-]?\d{1,4}(?![\d.]))?)
    | (?P<letters>[A-Za-z]+)
    | (?P<han>[\u4e00-\u9fff]+)
    | (?P<sign><=|>=|!=|==|\*\*|\\[{}%&|\\]|[-+*/^_=<>(){}\[\]|,;:!%&'])
    )""",
    re.VERBOSE,
)

# A single letter with a space between it and the number before it, as units have: "3 m", "5 m/s".
_UNIT_LETTER = re.compile(r"(?<=\d)\s+[A-Za-z](?=$|\s*[/^,;)}]|\s+(?:and|or)\b|\s+\d)")


class Token(NamedTuple):
    """``kind`` is number, symbol, word, unit, name, sign, space, begin or end.

    A unit is a run of letters that may be one, or a product of variables.
    """

    kind: str
    value: str


def tokenize(text: str, previous: Token | None = None) -> list[Token]:
    """Return the tokens of a normalized text that may follow a token.

    Raises:
        Unreadable: A character starts no token.
    """
    tokens: list[Token] = []
    position, depth = 0, 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise Unreadable(f"character {position} starts nothing known")
        position = match.end()
        if match["grouped"] and depth:
            # Between brackets a comma separates elements, so that only the digits before it are taken.
            position = match.start("grouped") + match["grouped"].index(",")
            tokens.append(Token("number", match["grouped"].split(",")[0]))
            continue
        tokens.extend(_from_match(match, _operand_before(tokens) if tokens else previous or _END))
        if match["letters"] in UNIT_LETTERS and _UNIT_LETTER.match(text, match.start()):
            tokens[-1] = Token("unit", tokens[-1].value)
        last = tokens[-1].value if tokens else ""
        depth += last in ("(", "[", "\\{")
        depth -= last in (")", "]", "\\}")
    return tokens


def _operand_before(tokens: list[Token]) -> Token:
    """Return the last token, or the unit before it where it is the sign of a compound unit: the "N" of "N/kg"."""
    if len(tokens) > 1 and tokens[-1].value in ("/", "*") and tokens[-2].kind in ("unit", "word"):
        return tokens[-2]
    return tokens[-1]


def _ends_operand(token: Token) -> bool:
    """Return whether a factor may end with a token, so that a unit can follow it."""
    if token.kind == "sign":
        return token.value in (")", "}", "]", "!", "%", "|")
    return token.kind in ("number", "word", "unit") or token == Token("name", "pi")


def _from_match(match: re.Match[str], previous: Token) -> Iterator[Token]:
    kind = str(match.lastgroup)
    value = match[kind]
    if kind in ("number", "grouped"):
        yield Token("number", match["number"].replace(",", ""))
    elif kind == "command":
        name = _SYNONYMS.get(value, value)
        yield Token("sign" if value in _SYNONYMS and name not in _RENAMED else "name", name)
    elif kind == "letters":
        yield from _from_letters(value, previous)
    elif kind == "text":
        yield from _from_text(value, previous)
    elif kind == "sign":
        yield Token("sign", _SIGNS.get(value, value))
    elif kind == "han":
        yield Token("word", value)
    else:
        yield Token(kind, value)


def _from_letters(run: str, previous: Token) -> Iterator[Token]:
    lowered = run.lower()
    after_operand = _ends_operand(previous)
    if lowered in ("or", "and"):
        yield Token("sign", lowered)
    elif len(run) > 1 and after_operand and is_unit_word(run) and run != "max":
        yield Token("unit" if len(run) < 4 and lowered != "per" else "word", run)
    elif run in ("in", "mod"):
        yield Token("sign", run)
    elif run in _NAMES or lowered in ("infinity", "inf") or run == "oo":
        yield Token("name", _SYNONYMS.get(lowered, run))
    elif len(run) == 1:
        yield Token("symbol", run)
    elif previous.kind == "number" and lowered in _MULTIPLIERS:
        yield from (Token("sign", "*"), Token("number", _MULTIPLIERS[lowered]))
    else:
        yield from _split_letters(run)


def _split_letters(run: str) -> Iterator[Token]:
    """Split letters without a space: ``sinx`` is a function and a variable, ``area`` a word, ``lwh`` a product."""
    for name in ("sqrt", "sin", "cos", "tan", "log", "ln", "pi"):
        rest = run.removeprefix(name)
        if rest != run and len(rest) <= 2:
            yield Token("name", name)
            yield from (Token("symbol", letter) for letter in rest)
            return
    if len(run) > 3 and is_word(run):
        yield Token("word", run.lower())
    else:
        yield from (Token("symbol", letter) for letter in run)


def _from_text(content: str, previous: Token) -> Iterator[Token]:
    r"""Yield the tokens of what ``\text{}`` holds: words one by one, anything else as mathematics."""
    content = content.strip().replace("\\cdot", "*")
    after_operand = _ends_operand(previous)
    for part in re.split(r"\s+", content) if re.fullmatch(r"[A-Za-z\s.'-]+", content) else [content]:
        lowered = part.lower().rstrip(".")
        if lowered in ("or", "and", "mod"):
            yield Token("sign", lowered)
        elif previous.kind == "number" and lowered in _MULTIPLIERS:
            yield from (Token("sign", "*"), Token("number", _MULTIPLIERS[lowered]))
        elif len(part) == 1 and part.isalpha():
            yield Token("word" if after_operand and part in UNIT_LETTERS else "symbol", part)
        elif lowered in _NAMES and not (after_operand and is_unit_word(part)):
            yield Token("name", lowered)
        elif re.fullmatch(r"[A-Za-z.'-]+", part):
            yield Token("word", part.rstrip(".") if is_unit_word(part.rstrip(".")) else lowered)
        elif "\\" in part:
            raise Unreadable("commands inside text")
        else:
            for token in tokenize(part, previous):
                is_unit = after_operand and (token.kind == "unit" or token.value in UNIT_LETTERS)
                yield Token("word", token.value) if is_unit or token.kind == "unit" else token


_END = Token("sign", "")
_MAX_DEPTH = 32
_MAX_IN_A_ROW = 50


class TokenStream:
    """The tokens of one text, taken one by one, and the limits on how deep its mathematics is nested."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = [*tokens, _END]
        self._position = 0
        self._depth = 0
        self._operations_in_a_row = 0

    def is_at_end(self) -> bool:
        """Return whether all tokens are taken."""
        return self._position == len(self._tokens) - 1

    def token(self, ahead: int = 0) -> Token:
        """Return the next token, or one further ahead, without taking it."""
        return self._tokens[min(self._position + ahead, len(self._tokens) - 1)]

    def rest(self) -> list[Token]:
        """Return the tokens that are not taken."""
        return self._tokens[self._position : -1]

    def sign(self) -> str:
        """Return the next token if it is a sign, "" otherwise."""
        kind, value = self.token()
        return value if kind == "sign" else ""

    def take(self) -> Token:
        """Return the next token and go past it."""
        if self.is_at_end():
            raise Unreadable("it ends too early")
        self._position += 1
        return self._tokens[self._position - 1]

    def previous(self) -> Token:
        """Return the last token that was taken."""
        return self._tokens[self._position - 1] if self._position else _END

    def take_digit(self) -> str:
        """Return the first digit of the next token, which is a longer number, and leave the others."""
        digits = self.token().value
        self._tokens[self._position] = Token("number", digits[1:])
        return digits[0]

    def skip(self, count: int) -> None:
        """Go past tokens that were looked at."""
        self._position += count

    def take_if(self, sign: str) -> bool:
        """Go past a sign if it comes next."""
        found = self.sign() == sign
        self._position += found
        return found

    def close(self, bracket: str) -> None:
        """Go past a closing bracket."""
        if self.take().value != bracket:
            raise Unreadable("a bracket that is not closed")

    @contextmanager
    def deeper(self) -> Generator[None]:
        """Count the nesting, and stop before the limit of Python's stack does."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Unreadable("nested too deeply")
        yield
        self._depth -= 1

    def count_operation(self) -> None:
        """Count an operation that puts all before it one level down in the tree, as ``1/2/3`` does."""
        self._operations_in_a_row += 1
        if self._operations_in_a_row > _MAX_IN_A_ROW:
            raise Unreadable("too many operations in a row")
