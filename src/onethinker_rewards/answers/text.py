r"""Answers in plain text: option letters, numbers, words.

An option letter: take off what surrounds it without changing it (white space, Markdown emphasis, ``\boxed{}``,
``\text{}``, enclosing brackets, a leading "the answer is:"). Then it is one letter alone, in any case, or one
upper-case letter followed by ``.``, ``)`` or ``:`` and any text that names no second letter in that way. Anything else
names no option: ``A or B``, ``Apple``, ``a dog``, ``I think B``.

A plain number: an optional sign, commas only between thousands, a decimal point, an exponent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from onethinker_rewards.answers.columns import Columns, Floats, Integers, Texts
from onethinker_rewards.answers.limits import DEFAULT_LIMITS, Limits
from onethinker_rewards.codes import FailureCode


@dataclass(frozen=True, slots=True, repr=False)
class LetterColumns(Columns):
    """``letters`` ``[N]`` code point of the option letter, 0 without one; ``texts`` ``[N]`` as written."""

    letters: Integers
    texts: Texts


@dataclass(frozen=True, slots=True, repr=False)
class NumberColumns(Columns):
    """``values`` ``[N]``, and ``texts`` ``[N]`` str: the same as written, without commas, for exact rounding."""

    values: Floats
    texts: Texts


@dataclass(frozen=True, slots=True, repr=False)
class TextColumns(Columns):
    """``texts``: ``[N]`` str."""

    texts: Texts


_EMPHASIS = ("***", "___", "**", "__", "*", "_")
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"), ("$", "$"))
_COMMANDS = ("\\boxed{", "\\text{", "\\mathrm{", "\\mathbf{", "\\textbf{")
# Possessive, or a megabyte of white space would be tried again at every length.
_LEAD = re.compile(
    r"(?:the\s++)?(?:(?:correct|final)\s++)?(?:answer|option|choice)(?:\s++is)?\s*+:\s*+"
    r"|(?:the\s++)?(?:(?:correct|final)\s++)?(?:answer|option|choice)\s++(?:is\s++)?",
    re.IGNORECASE,
)
_LABEL = re.compile(r"([A-Z])[.):]")
_LATER_LABEL = re.compile(r"(?<![A-Za-z0-9])([A-Z])[.):]")
# No honest answer is nested deeper; more would only keep the reader busy.
_DEEPEST = 8
_TOO_DEEP = re.compile(rf"(?:\s*+(?:[\[({{$]|\\(?:boxed|text|mathrm|mathbf|textbf){{)){{{_DEEPEST + 1}}}")
_CACHED_LENGTH = 64


def option_letter(text: str) -> str | None:
    """Return the upper-case option letter that ``text`` names, or None.

    >>> [option_letter(text) for text in ("b", "(C)", "**A**", "A. dog", "The answer is: D", "A or B")]
    ['B', 'C', 'A', 'A', 'D', None]
    """
    return _short_letter(text) if len(text) <= _CACHED_LENGTH else _named_letter(text)


def _named_letter(text: str) -> str | None:
    if text.count("**") % 2 == 0:
        # Bold marks may be anywhere: "**Answer:** B".
        text = text.replace("**", "")
    if _TOO_DEEP.match(text):
        return None
    text = _bare(text)
    for _ in range(_DEEPEST):
        lead = _LEAD.match(text)
        if lead is None:
            break
        text = _bare(text[lead.end() :])
    if len(text) == 1:
        return text.upper() if text.isascii() and text.isalpha() else None
    label = _LABEL.match(text)
    if label is None or _names_another(text[label.end() :], label[1]):
        return None
    return label[1]


# Rollouts repeat the same few spellings.
_short_letter = lru_cache(maxsize=8192)(_named_letter)


def _names_another(rest: str, letter: str) -> bool:
    """Return whether a second letter follows, alone or with a label's mark: "A. dog B. cat"."""
    alone = rest.strip()
    if len(alone) == 1 and alone.isascii() and alone.isupper() and alone != letter:
        return True
    return any(label[1] != letter for label in _LATER_LABEL.finditer(rest))


def _bare(text: str) -> str:
    """Take off, again and again, what encloses the whole of ``text``."""
    text = text.strip()
    for _ in range(_DEEPEST):
        inner = _inside(text)
        if inner is None:
            break
        text = inner.strip()
    return text


def _inside(text: str) -> str | None:
    for mark in _EMPHASIS:
        if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark):
            return text[len(mark) : -len(mark)]
    for command in _COMMANDS:
        if text.startswith(command) and _closes_at_end(text, len(command) - 1, "{", "}"):
            return text[len(command) : -1]
    for left, right in _BRACKETS:
        if len(text) > 2 and text[0] == left and _closes_at_end(text, 0, left, right):
            return text[1:-1]
    return None


def _closes_at_end(text: str, start: int, left: str, right: str) -> bool:
    """Return whether the bracket at ``start`` is closed by the last character, and not before."""
    if not text.endswith(right):
        return False
    if left == right:
        return text.find(right, start + 1) == len(text) - 1
    depth = 0
    for index in range(start, len(text)):
        depth += (text[index] == left) - (text[index] == right)
        if depth == 0:
            return index == len(text) - 1
    return False


_OPTION_LABEL = re.compile(r"\s*\(?([A-Z])[.):]\s*")


def named_option(text: str, options: Sequence[str]) -> str | None:
    """Return the letter of the only option whose text this is, with its label or without, or None.

    >>> named_option("a cat", ["a dog", "a cat"]), named_option("B. a cat", ["A. a dog", "B. a cat"])
    ('B', 'B')
    """
    letters = [chr(ord("A") + index) for index in range(len(options))]
    bodies: Sequence[str] = options
    labels = [label for label in map(_OPTION_LABEL.match, options) if label]
    # Labels count only where all options have one, or else "U.S. Navy" would be option U.
    if sorted(label[1] for label in labels) == letters:
        letters = [label[1] for label in labels]
        bodies = [label.string[label.end() :] for label in labels]
    wanted = text.casefold()
    named = [
        letter
        for letter, option, body in zip(letters, options, bodies, strict=True)
        if wanted in (option.strip().casefold(), body.strip().casefold())
    ]
    return named[0] if len(named) == 1 else None


PLAIN_CHARACTERS = "0123456789.-+eE"
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")


def without_thousands(text: str) -> str | None:
    """Return ``text`` without its commas if they are between thousands and nowhere else, else None."""
    if "," not in text:
        return text
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else None


def plain_number(text: str, *, limits: Limits = DEFAULT_LIMITS) -> float | FailureCode:
    """Return the number that ``text`` is, or why it is not one.

    >>> [plain_number(text) for text in ("-1,234.5", "2e3", ".5")]
    [-1234.5, 2000.0, 0.5]
    >>> [str(plain_number(text)) for text in ("12 cm", "1_000", "1,5", "NaN")]
    ['not_a_number', 'not_a_number', 'not_a_number', 'not_a_number']
    """
    if len(text) > limits.number_characters:
        return FailureCode.NOT_A_NUMBER if text.strip(PLAIN_CHARACTERS + ",") else FailureCode.TOO_MANY_DIGITS
    digits = without_thousands(text)
    # `float` alone would also take "1_000", "nan", "inf" and the digits of other scripts.
    if digits is None or digits.strip(PLAIN_CHARACTERS):
        return FailureCode.NOT_A_NUMBER
    try:
        value = float(digits)
    except ValueError:
        return FailureCode.NOT_A_NUMBER
    return value if math.isfinite(value) else FailureCode.NOT_A_NUMBER
