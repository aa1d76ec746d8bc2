"""The text of COCO's compressed masks: lengths of runs in characters of five bits.

A number takes as many characters as it needs with its sign, the lowest bits first, and each but the last has a sixth
bit set. From the fourth run of a mask on, the number is what the run differs from the one before last.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.errors import ArgumentError

__all__ = ["Integers", "offsets", "read_text", "write_text"]

Integers = NDArray[np.int64]

_ZERO, _MORE, _SIGN, _DIGITS = 48, 32, 16, 31
# 30 bits: a difference of two runs of a mask that is not refused for its size needs no more.
_LONGEST = 6


def read_text(texts: Sequence[bytes]) -> tuple[Integers, Integers]:
    """Return the runs of all texts in one pass over their characters.

    Returns:
        ``[M]`` lengths laid end to end, which may be negative or too long, and ``[N + 1]`` where those of each text
        begin.

    Raises:
        ArgumentError: A text holds another character, breaks off in a number, or a number has more than 30 bits.
    """
    codes = np.frombuffer(b"".join(texts), dtype=np.uint8) - np.uint8(_ZERO)
    if (codes >= 2 * _MORE).any():
        raise ArgumentError("counts hold a character that no run-length encoding has")
    ends = np.flatnonzero(codes < _MORE)
    borders = offsets([len(text) for text in texts])
    starts = np.searchsorted(ends, borders)
    # A text ends where a number does, or the number goes on in the next text.
    if not np.isin(borders[1:] - 1, ends, assume_unique=True)[borders[1:] > borders[:-1]].all():
        raise ArgumentError("counts break off in the middle of a number")
    lengths = _numbers(codes, ends)
    for start, end in zip(starts.tolist(), starts[1:].tolist(), strict=False):
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


def _numbers(codes: NDArray[np.uint8], ends: Integers) -> Integers:
    firsts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1] + 1])[: len(ends)]
    places = ends - firsts + 1
    numbers = (codes[firsts] & _DIGITS).astype(np.int64)
    longest = int(places.max(initial=0))
    if longest > _LONGEST:
        raise ArgumentError("counts hold a number that no mask has room for")
    # Most have one place, and few have three.
    for place in range(1, longest):
        longer = np.flatnonzero(places > place)
        numbers[longer] += (codes[firsts[longer] + place] & _DIGITS).astype(np.int64) << (5 * place)
    return numbers - ((codes[ends] & _SIGN).astype(np.int64) << (5 * places - 4))
