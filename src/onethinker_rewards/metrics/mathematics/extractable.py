"""What of a text math-verify could extract anything from: its patterns take long for long texts without mathematics."""

from __future__ import annotations

import re
from string import digits

__all__ = ["readable_part"]

# Its formulas stand between these, in this order.
_DELIMITERS = (("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("[", "]"), ("\\boxed{", "}"), ("\\frac{", "}"))
_DOLLAR = re.compile(r"\$[^$]")
_BRACKET = re.compile(r"\s\[")

# Its numbers and sums begin at a beginning, white space or an equals sign, and have at most a currency, signs, a
# bracket and a point before their first digit.
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"(?:^|[\s=])(?:\*\*)?[^\s\w]{0,5}\d")
_BEGINNING = re.compile(r"[\s=]")
_LETTER = re.compile(r"[^\W\d_]")

# A whole number of more digits is an error to Python, which ends the reading of the text without a result.
_MANY_DIGITS = re.compile(r"[0-9]{4301,}")

# Letters that can follow a number and belong to it: those of "percentage".
_BEHIND = 20
_SHORT = 1_000


def readable_part(text: str) -> str:
    """Return the beginning of a text from which math-verify extracts what it does from the whole; empty for nothing.

    >>> readable_part("no number in it"), readable_part("about $x$"), readable_part("1e" * 1_000)[:4]
    ('', 'about $x$', '1e1e')
    """
    if _may_have_formula(text):
        return text
    if not _has_digit(text) or not _NUMBER.search(text) or _MANY_DIGITS.fullmatch(text):
        return ""
    return text if len(text) <= _SHORT else _up_to_last_number(text)


def _may_have_formula(text: str) -> bool:
    return any(
        0 <= text.find(opening) < text.rfind(closing) and _is_open(opening, text) for opening, closing in _DELIMITERS
    )


def _is_open(opening: str, text: str) -> bool:
    pattern = {"$": _DOLLAR, "[": _BRACKET}.get(opening)
    return pattern is None or pattern.search(text) is not None


def _has_digit(text: str) -> bool:
    if text.isascii():
        # Ten times as fast as the pattern.
        return any(digit in text for digit in digits)
    return _DIGIT.search(text) is not None


def _up_to_last_number(text: str) -> str:
    """Cut a text where the number that begins last has certainly ended."""
    last = _BEGINNING.search(text[::-1])
    start = len(text) - last.end() if last else 0
    letter = _LETTER.search(text, start)
    return text if letter is None else text[: letter.start() + _BEHIND]
