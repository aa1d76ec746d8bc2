r"""The option letter in an answer to a multiple-choice question.

Rule: take off what surrounds a letter without changing it (white space, Markdown emphasis, ``\boxed{}``,
``\text{}``, enclosing brackets, a leading "the answer is:"), then it is one letter alone, in any case, or one
upper-case letter followed by ``.``, ``)`` or ``:`` and any text that names no second letter in that way.
Anything else names no option: ``A or B``, ``Apple``, ``a dog``, ``I think B``.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["option_letter"]

_EMPHASIS = ("***", "___", "**", "__", "*", "_")
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"), ("$", "$"))
_COMMANDS = ("\\boxed{", "\\text{", "\\mathrm{", "\\mathbf{", "\\textbf{")
# White space is taken whole, or a megabyte of it would be tried again at every length.
_LEAD = re.compile(
    r"(?:the\s++)?(?:(?:correct|final)\s++)?(?:answer|option|choice)(?:\s++is)?\s*+:\s*+"
    r"|(?:the\s++)?(?:(?:correct|final)\s++)?(?:answer|option|choice)\s++(?:is\s++)?",
    re.IGNORECASE,
)
_LABEL = re.compile(r"([A-Z])[.):]")
# Nobody wraps a letter deeper than this; more is an attempt to keep the reader busy.
_DEEPEST = 8
_TOO_DEEP = re.compile(rf"(?:\s*+(?:[\[({{$]|\\(?:boxed|text|mathrm|mathbf|textbf){{)){{{_DEEPEST + 1}}}")
_CACHED_LENGTH = 64
# From here on arrays are faster than a loop.
_LONG = 500


def option_letter(text: str) -> str | None:
    """Return the upper-case option letter that ``text`` names, or None.

    >>> [option_letter(text) for text in ("b", "(C)", "**A**", "A. dog", "The answer is: D", "A or B")]
    ['B', 'C', 'A', 'A', 'D', None]
    """
    return _short_letter(text) if len(text) <= _CACHED_LENGTH else _named_letter(text)


def _named_letter(text: str) -> str | None:
    text = _without_bold(text)
    if _TOO_DEEP.match(text):
        return None
    text = _bare(text)
    for _ in range(_DEEPEST):
        lead = _LEAD.match(text)
        if lead is None:
            break
        text = _bare(text[lead.end() :])
    if len(text) == 1:
        return _letter(text)
    label = _LABEL.match(text)
    if label is None or _names_another(text[label.end() :], label[1]):
        return None
    return label[1]


# Rollouts repeat the same few spellings.
_short_letter = lru_cache(maxsize=8192)(_named_letter)


def _letter(text: str) -> str | None:
    return text.upper() if text.isascii() and text.isalpha() else None


def _names_another(rest: str, letter: str) -> bool:
    alone = rest.strip()
    if len(alone) == 1 and alone.isascii() and alone.isupper() and alone != letter:
        return True
    return _second(letter).search(rest) is not None


@cache
def _second(letter: str) -> re.Pattern[str]:
    """Find a second letter named in the same way, standing as a word of its own: "A. dog B. cat"."""
    return re.compile(rf"(?<![A-Za-z0-9])(?!{letter})[A-Z][.):]")


def _without_bold(text: str) -> str:
    """Take bold marks off wherever they stand: "**Answer:** B"."""
    return text.replace("**", "") if text.count("**") % 2 == 0 else text


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
    """Say whether the bracket at ``start`` is closed by the last character, and not before."""
    if not text.endswith(right):
        return False
    if left == right:
        return text.find(right, start + 1) == len(text) - 1
    if len(text) > _LONG:
        return _closes_at_end_of_long(text[start:], left, right)
    depth = 0
    for position in range(start, len(text)):
        depth += (text[position] == left) - (text[position] == right)
        if depth == 0:
            return position == len(text) - 1
    return False


def _closes_at_end_of_long(text: str, left: str, right: str) -> bool:
    """Say the same as `_closes_at_end` of a text that is full of brackets, some ten times as fast."""
    encoded = np.frombuffer(text.encode("ascii"), np.uint8) if text.isascii() else _code_points(text)
    steps = (encoded == ord(left)).view(np.int8) - (encoded == ord(right)).view(np.int8)
    depth = np.cumsum(steps, dtype=np.int32)
    return bool(depth[-1] == 0 and depth[:-1].min() > 0)


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
