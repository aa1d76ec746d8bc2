"""The text of COCO's compressed masks: lengths of runs in characters of five bits.

A number takes as many characters as it needs with its sign, the lowest bits first, and each but the last has a sixth
bit set. From the fourth run of a mask on, the number is what the run differs from the one before last.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.errors import ArgumentError

__all__ = ["Integers", "in_pairs", "read_text", "write_text"]

Integers = NDArray[np.int64]

_ZERO, _MORE, _SIGN, _DIGITS = 48, 32, 16, 31
# 30 bits: a difference of two runs of a mask that is not refused for its size needs no more.
_LONGEST = 6
# The characters that are not the last of their number.
_GOES_ON = bytes(range(_ZERO + _MORE, _ZERO + 2 * _MORE))
# What a byte stands for as the last character of a number: its digits, with their sign.
_LAST = ((np.arange(256, dtype=np.int64) - _ZERO + _SIGN) & _DIGITS) - _SIGN


def read_text(texts: Sequence[bytes]) -> tuple[Integers, Integers]:
    """Return the runs of all texts in one pass over their characters.

    Returns:
        ``[M, 2]`` lengths of runs in pairs, off and on, laid end to end; they may be negative or too long. ``[N + 1]``
        where those of each text begin: each has a pair at least, and its last runs may be of nothing.

    Raises:
        ArgumentError: A text holds another character, breaks off in a number, or a number has more than 30 bits.
    """
    counts = [len(text.translate(None, _GOES_ON)) for text in texts]
    starts = in_pairs(counts)
    added = 2 * np.diff(starts) - counts
    characters = np.frombuffer(b"".join(map(_filled, texts, added.tolist())), dtype=np.uint8)
    if characters.size and (characters.min() < _ZERO or characters.max() >= _ZERO + 2 * _MORE):
        raise ArgumentError("counts hold a character that no run-length encoding has")
    pairs = _summed(_numbers(characters).reshape(-1, 2), starts)
    # What was added to a text was a difference too.
    pairs[starts[1:][added > 0] - 1, 1] = 0
    return pairs, starts


def write_text(lengths: Integers) -> str:
    """Return the text of one mask's runs, ``[M]``, as COCO's own tools write it."""
    values = lengths.copy()
    values[3:] -= lengths[1:-2]
    places = _places(values)
    ends = places.cumsum()
    place = np.arange(ends[-1]) - np.repeat(ends - places, places)
    codes = (np.repeat(values, places) >> (5 * place)) & _DIGITS
    codes += _ZERO + _MORE
    codes[ends - 1] -= _MORE
    return codes.astype(np.uint8).tobytes().decode("ascii")


def in_pairs(counts: Sequence[int]) -> Integers:
    """Return ``[N + 1]``: where the pairs of each mask begin, with so many runs; none has no pair."""
    pairs = np.maximum((np.array(counts, dtype=np.int64) + 1) // 2, 1)
    return np.concatenate([np.zeros(1, dtype=np.int64), pairs.cumsum()])


def _filled(text: bytes, added: int) -> bytes:
    # The next text, or what is added here, would go on with the number.
    if text and text[-1] in _GOES_ON:
        raise ArgumentError("counts break off in the middle of a number")
    return text + b"0" * added


def _numbers(characters: NDArray[np.uint8]) -> Integers:
    goes_on = characters >= _ZERO + _MORE
    numbers = _LAST.take(characters[~goes_on])
    more = np.flatnonzero(goes_on)
    # Each of these few characters is one that has no number of its own.
    owner = more - np.arange(len(more))
    place = np.arange(len(more)) - np.searchsorted(owner, owner)
    if place.max(initial=0) >= _LONGEST - 1:
        raise ArgumentError("counts hold a number that no mask has room for")
    # It moves the last one up by five bits.
    np.multiply.at(numbers, owner, 1 << 5)
    np.add.at(numbers, owner, ((characters[more].astype(np.int64) - _ZERO) & _DIGITS) << (5 * place))
    return numbers


def _summed(pairs: Integers, starts: Integers) -> Integers:
    """Return the runs that numbers stand for: off and on runs add up apart, from the start of each mask."""
    firsts, counts = starts[:-1], np.diff(starts)
    # The third number is a run as it is.
    several = firsts[counts > 1]
    pairs[several + 1, 0] -= pairs[several, 0]
    sums = pairs.cumsum(axis=0)
    # Up to the second mask nothing is before; from there on the sum of all the masks before.
    before = np.concatenate([np.zeros((1, 2), dtype=np.int64), sums[firsts[1:] - 1]])[: len(firsts)]
    return sums - np.repeat(before, counts, axis=0)


def _places(values: Integers) -> Integers:
    """Return how many digits of five bits each number needs with its sign."""
    magnitude = values ^ (values >> 63)
    places = np.ones_like(values)
    for place in range(1, _LONGEST):
        longer = magnitude >= 1 << (5 * place - 1)
        if not longer.any():
            break
        places += longer
    return places
