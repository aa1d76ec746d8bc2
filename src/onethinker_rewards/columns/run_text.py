"""The text of COCO's compressed masks: lengths of runs in characters of five bits.

A number takes as many characters as it needs with its sign, the lowest bits first, and each but the last has a sixth
bit set. From the fourth run of a mask on, the number is what the run differs from the one before last.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.errors import ArgumentError

__all__ = ["Integers", "offsets", "read_text", "write_text"]

Integers = NDArray[np.int64]

_ZERO, _MORE, _SIGN, _DIGITS = 48, 32, 16, 31
# 30 bits: a difference of two runs of a mask that is not refused for its size needs no more.
_LONGEST = 6
# What a byte stands for as the last character of a number: its digits, with their sign.
_LAST = ((np.arange(256, dtype=np.int64) - _ZERO + _SIGN) & _DIGITS) - _SIGN


def read_text(texts: Sequence[bytes]) -> tuple[Integers, Integers]:
    """Return the runs of all texts in one pass over their characters.

    Returns:
        ``[M]`` lengths laid end to end, which may be negative or too long, and ``[N + 1]`` where those of each text
        begin.

    Raises:
        ArgumentError: A text holds another character, breaks off in a number, or a number has more than 30 bits.
    """
    characters = np.frombuffer(b"".join(texts), dtype=np.uint8)
    if characters.size and (characters.min() < _ZERO or characters.max() >= _ZERO + 2 * _MORE):
        raise ArgumentError("counts hold a character that no run-length encoding has")
    borders = offsets([len(text) for text in texts])
    goes_on = characters >= _ZERO + _MORE
    if any(goes_on[border - 1] for text, border in zip(texts, borders[1:].tolist(), strict=True) if text):
        raise ArgumentError("counts break off in the middle of a number")
    more = np.flatnonzero(goes_on)
    lengths = _LAST.take(characters[~goes_on])
    _put_before(lengths, more, characters[more])
    starts = borders - np.searchsorted(more, borders)
    for start, end in pairwise(starts.tolist()):
        for first in (start + 1, start + 2):
            chain = lengths[first:end:2]
            chain.cumsum(out=chain)
    return lengths, starts


def write_text(lengths: Integers) -> str:
    """Return the text of one mask's runs, ``[M]``, as COCO's own tools write it."""
    values = lengths.copy()
    values[3:] -= lengths[1:-2]
    # The first power of 32 of whose numbers half are below zero, and this one is in.
    half = 1 << (5 * np.arange(1, _LONGEST) - 1)
    places = 1 + ((values[:, None] >= half) | (values[:, None] < -half)).sum(axis=1)
    ends = places.cumsum()
    place = np.arange(ends[-1]) - np.repeat(ends - places, places)
    codes = (np.repeat(values, places) >> (5 * place)) & _DIGITS
    codes += _ZERO + _MORE
    codes[ends - 1] -= _MORE
    return codes.astype(np.uint8).tobytes().decode("ascii")


def offsets(counts: Sequence[int] | Integers) -> Integers:
    """Return ``[N + 1]``: where each of some things laid end to end begins, and the last ends."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])


def _put_before(numbers: Integers, more: Integers, characters: NDArray[np.uint8]) -> None:
    """Put the characters that are not the last of their number into it; most numbers have none."""
    # Each of these characters is one that has no number of its own.
    owner = more - np.arange(len(more))
    place = np.arange(len(more)) - np.searchsorted(owner, owner)
    if place.max(initial=0) >= _LONGEST - 1:
        raise ArgumentError("counts hold a number that no mask has room for")
    owners, places = np.unique(owner, return_counts=True)
    numbers[owners] <<= 5 * places
    np.add.at(numbers, owner, ((characters.astype(np.int64) - _ZERO) & _DIGITS) << (5 * place))
