"""Plain numbers: an optional sign, commas only between thousands, a decimal point, an exponent."""

from __future__ import annotations

import math
import re

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.parsing.limits import DEFAULT_LIMITS, Limits

__all__ = ["PLAIN_CHARACTERS", "plain_number", "without_thousands"]

PLAIN_CHARACTERS = "0123456789.-+eE"
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")


def without_thousands(text: str) -> str | None:
    """Return ``text`` without its commas if they stand between thousands and nowhere else, else None."""
    if "," not in text:
        return text
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else None


def plain_number(text: str, *, limits: Limits = DEFAULT_LIMITS) -> float | FailureCode:
    """Return the number that ``text`` is, or why it is none.

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
