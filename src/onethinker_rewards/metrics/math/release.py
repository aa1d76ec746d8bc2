"""Equality of mathematics as the OneThinker release has it: math-verify on the raw texts.

The patterns of math-verify take long for long texts without mathematics, so a text is first cut to the part from which
math-verify can extract anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards._validation import aligned_texts, check_positive
from onethinker_rewards.workers import Pool, Status, shared_pool

_WORKER_FUNCTION = "onethinker_rewards.metrics.math.release_worker:verified"

# The formulas that math-verify extracts are between these delimiters, in this order.
_DELIMITERS = (("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("[", "]"), ("\\boxed{", "}"), ("\\frac{", "}"))
_OPENINGS = {"$": re.compile(r"\$[^$]"), "[": re.compile(r"\s\[")}

# Its numbers and sums begin at the beginning of the text, after white space or after an equals sign, and have at most
# a currency, signs, a bracket and a point before their first digit.
_NUMBER = re.compile(r"(?:^|[\s=])(?:\*\*)?[^\s\w]{0,5}\d")
_BEFORE_NUMBER = re.compile(r"[\s=]")
_LETTER = re.compile(r"[^\W\d_]")

# An integer with more digits is an error to Python, which makes math-verify extract nothing from the text.
_TOO_MANY_DIGITS = re.compile(r"[0-9]{4301,}")

# Letters that can follow a number and belong to it: those of "percentage".
_SUFFIX_LENGTH = 20
_SHORT = 1_000


def release_math_equal(
    predicted: Sequence[str],
    reference: Sequence[str],
    *,
    timeout: float = 5.0,
    batch_timeout: float | None = None,
    pool: Pool | None = None,
) -> NDArray[np.bool_]:
    r"""Return whether math-verify finds the raw texts equal, as the release scores mathematics.

    Only what math-verify extracts from a text counts: nothing of an undelimited ``2\pi``. A text from which
    it extracts nothing and a pair past its deadline are not equal.

    Args:
        predicted: ``[N]`` texts.
        reference: ``[N]`` texts.
        timeout: Seconds a pair may take.
        batch_timeout: Seconds for all pairs together.
        pool: Worker processes; those of this process by default.

    Returns:
        ``[N]`` bool.

    Raises:
        ArgumentError: If they are not two lists of texts of one length, or ``timeout`` is not positive and finite.

    Source: the released training code of OneThinker, arXiv 2512.03043, with the package math-verify.
    """
    predicted, reference = aligned_texts(predicted, reference)
    check_positive("timeout", timeout)
    parts = {text: extractable_part(text) for text in dict.fromkeys([*predicted, *reference])}
    rows = [(parts[left], parts[right]) for left, right in zip(predicted, reference, strict=True)]
    # A text from which nothing can be extracted equals nothing, and no worker is asked.
    pairs = [pair for pair in dict.fromkeys(rows) if all(pair)]
    workers = pool if pool is not None else shared_pool()
    outcomes = workers.run(_WORKER_FUNCTION, pairs, timeout=timeout, batch_timeout=batch_timeout) if pairs else []
    equal = {
        pair: outcome.status is Status.DONE and outcome.value for pair, outcome in zip(pairs, outcomes, strict=True)
    }
    return np.array([equal.get(pair, False) for pair in rows], dtype=np.bool_)


def extractable_part(text: str) -> str:
    """Return the beginning of a text from which math-verify extracts what it does from the whole; empty for nothing.

    >>> extractable_part("no number in it"), extractable_part("about $x$"), extractable_part("1e" * 1_000)[:4]
    ('', 'about $x$', '1e1e')
    """
    if _may_have_formula(text):
        return text
    if not _NUMBER.search(text) or _TOO_MANY_DIGITS.fullmatch(text):
        return ""
    return text if len(text) <= _SHORT else _up_to_last_number(text)


def _may_have_formula(text: str) -> bool:
    return any(
        0 <= text.find(opening) < text.rfind(closing)
        and (opening not in _OPENINGS or _OPENINGS[opening].search(text) is not None)
        for opening, closing in _DELIMITERS
    )


def _up_to_last_number(text: str) -> str:
    """Cut a text where the number that begins last has certainly ended."""
    last = _BEFORE_NUMBER.search(text[::-1])
    start = len(text) - last.end() if last else 0
    letter = _LETTER.search(text, start)
    return text if letter is None else text[: letter.start() + _SUFFIX_LENGTH]
