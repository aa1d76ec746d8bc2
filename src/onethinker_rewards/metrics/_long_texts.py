"""Words of very long texts, of which only those count that stand in another text too.

A megabyte of words that are all different would take a second to stem. Most of them need no stem: a word that does not
begin as one of the other texts' stems, or goes on too long after it, equals no word of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.metrics._endings import shortest_stems
from onethinker_rewards.metrics.stems import LONGEST_ENDING, heads, separated, stem

__all__ = ["SharedWords", "shared_words"]

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]

_SPACE = 0x20
_MARK, _NO_MARK = b"\x01", b" "

# Words are told apart by their first letters, as one number, and looked up in a table of so many bits.
_LETTERS = 8
_FIRST = np.array([(1 << 8 * letters) - 1 for letters in range(_LETTERS + 1)], dtype="<u8")
_BITS = 20
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class SharedWords(NamedTuple):
    """The words of a text whose stems are known.

    Attributes:
        numbers: The stems' numbers, in order.
        places: Which words of the text these are, counted from 0.
        total: How many words the text has.
    """

    numbers: NDArray[np.int64]
    places: Places
    total: int


def shared_words(text: str, known: Mapping[bytes, int]) -> SharedWords:
    """Return the words of a text whose stem is one of ``known``, which gives each stem a number above 0."""
    letters = b" " + separated(text).replace(_MARK, _NO_MARK) + b" " * _LETTERS
    codes = np.frombuffer(letters, dtype=np.uint8)
    edges = np.flatnonzero(np.diff(codes == _SPACE)) + 1
    starts, ends = edges[::2], edges[1::2]
    wanted = _Wanted(known)
    places = np.flatnonzero(wanted.begin_alike(codes, starts) & (ends - starts <= wanted.longest))
    spans = starts[places], ends[places]
    first, short = _first_letters(letters, *spans), spans[1] - spans[0] <= _LETTERS
    numbers = np.zeros(len(places), dtype=np.int64)
    numbers[short] = wanted.numbers_of_short(first[short])
    numbers[~short] = wanted.numbers_of_long(codes, first[~short], *(side[~short] for side in spans))
    found = np.flatnonzero(numbers)
    return SharedWords(numbers[found], places[found], len(starts))


def _first_letters(letters: bytes, starts: Places, ends: Places) -> NDArray[np.uint64]:
    windows: NDArray[np.uint64] = np.ndarray((len(letters) - _LETTERS + 1,), dtype="<u8", buffer=letters, strides=(1,))
    return windows[starts] & _FIRST[np.minimum(ends - starts, _LETTERS)]


class _Wanted:
    """Stems, and how the words begin that have them."""

    def __init__(self, known: Mapping[bytes, int]) -> None:
        self.known = known
        self.heads = heads(known)
        self.longest = max(map(len, known), default=0) + LONGEST_ENDING

    def begin_alike(self, codes: Bytes, starts: Places) -> NDArray[np.bool_]:
        """Return which words have the first two letters of a head, or its only one: what is seen fastest."""
        table = np.zeros((256, 256), dtype=np.bool_)
        for head in self.heads:
            table[head[0], head[1] if len(head) > 1 else slice(None)] = True
        return table[codes[starts], codes[starts + 1]]

    def numbers_of_short(self, first: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the numbers of the stems of words that their first letters are all of, 0 for another one."""
        different = _different(first)
        codes = different.view(np.uint8)
        lengths = np.count_nonzero(codes.reshape(-1, _LETTERS), axis=1)
        ends = np.arange(len(different)) * _LETTERS + lengths
        likely = self._begin_with_head(different, shortest_stems(codes, ends, lengths) - 1)
        numbers = np.zeros(len(different), dtype=np.int64)
        numbers[likely] = self._numbers(different[likely].view(f"S{_LETTERS}").tolist())
        return numbers[np.searchsorted(different, first)]

    def numbers_of_long(
        self, codes: Bytes, first: NDArray[np.uint64], starts: Places, ends: Places
    ) -> NDArray[np.int64]:
        """Return the numbers of the stems of words with more letters, 0 for another one."""
        likely = self._begin_with_head(first, shortest_stems(codes, ends, ends - starts) - 1)
        spans = zip(starts[likely].tolist(), ends[likely].tolist(), strict=True)
        numbers = np.zeros(len(first), dtype=np.int64)
        numbers[likely] = self._numbers([codes[start:end].tobytes() for start, end in spans])
        return numbers

    def _begin_with_head(self, first: NDArray[np.uint64], least: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which words begin with a head of at least some letters, and few others: a table has an end."""
        by_length: dict[int, list[int]] = {}
        for head in self.heads:
            by_length.setdefault(len(head), []).append(int.from_bytes(head[:_LETTERS], "little"))
        found = np.zeros(len(first), dtype=np.bool_)
        for length, numbers in by_length.items():
            table = np.zeros(1 << _BITS, dtype=np.bool_)
            table[_slots(np.array(numbers, dtype="<u8"))] = True
            found |= table[_slots(first & _FIRST[min(length, _LETTERS)])] & (length >= least)
        return found

    def _numbers(self, words: Iterable[bytes]) -> list[int]:
        words = list(words)
        number = {word: self.known.get(stem(word), 0) for word in set(words)}
        return [number[word] for word in words]


def _slots(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return (numbers * _MULTIPLIER) >> np.uint64(64 - _BITS)


def _different(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return each number once, in order; several times as fast as numpy's own."""
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), dtype=np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]
