"""Which runs of letters are words, and which are products of variables."""

from __future__ import annotations

from itertools import pairwise

NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen",    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip

_VOWELS = frozenset("aeiou")
_SHORT_WORDS = frozenset(
    "no yes odd one two six ten red all any and off out old new far sum set add day may jan feb apr jun jul aug sep "
    "oct nov dec mon tue wed thu fri sat sun east west acute none even true".split()
)


def is_word(run: str) -> bool:
    """Return whether letters without a space are a word: ``odd``, ``ellipse``, ``YES``, but not ``lwh`` or ``nRT``.

    A word has a vowel between its letters and is written as words are. Letters in the order of the alphabet,
    ``abcd``, are variables.
    """
    lowered = run.lower()
    if lowered in _SHORT_WORDS:
        return True
    if not (run[1:].islower() or run.isupper()) or len(run) < 3:
        return False
    if all(ord(later) == ord(earlier) + 1 for earlier, later in pairwise(lowered)):
        return False
    vowels = [letter in _VOWELS for letter in lowered]
    if len(run) == 3:
        return vowels == [False, True, False]
    return sum(vowels + [letter == "y" for letter in lowered]) * 5 >= len(run)
