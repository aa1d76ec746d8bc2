"""Texts that say one thing several times."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from onethinker_rewards.metrics.stems import plain_words

__all__ = ["said_once"]


def said_once(text: str) -> str:
    """Return the sequence of words that a text repeats as a whole, or the text itself where it repeats none.

    >>> said_once("a b. A b! a b"), said_once("a b a")
    ('a b', 'a b a')
    """
    words = plain_words(text)
    count = words.count(b" ")
    period = words
    for times in _primes(count):
        # As often as it goes: eight times is twice, twice and twice.
        while len(period) % times == 0 and period[: len(period) // times] * times == period:
            period = period[: len(period) // times]
    return text if len(period) == len(words) else period.decode().rstrip()


@lru_cache(maxsize=4096)
def _primes(number: int) -> tuple[int, ...]:
    """Return the prime factors of a number, each once."""
    return tuple(_factors(number))


def _factors(number: int) -> Iterator[int]:
    factor = 2
    while factor * factor <= number:
        if number % factor == 0:
            yield factor
        while number % factor == 0:
            number //= factor
        factor += 1
    if number > 1:
        yield number
