"""Porter stems of many texts, as numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["stems"]

# Everything but a-z0-9 and the mark between two texts becomes a space. Bytes, because
# bytes.translate and bytes.split are the fastest there are.
_MARK = "\x01"
_KEPT = "abcdefghijklmnopqrstuvwxyz0123456789" + _MARK
_SEPARATED = bytes(code if chr(code) in _KEPT else 0x20 for code in range(256))

_VOWELS = frozenset("aeiou")

# Words and their stems kept between calls: some 20 MB at most.
_CACHE_WORDS = 100_000
_CACHED_LETTERS = 64

# Letters that Porter's rules can look at or change; what stands before them counts by its pattern alone.
_TAIL_LETTERS = 24

_cache: dict[bytes, bytes] = {}


def stems(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return the stems of all texts end to end as numbers, how many each has, and how many differ.

    Words are as the package rouge-score has them: lowercase runs of ``a-z0-9``; those of more than three
    letters are stemmed with nltk's Porter stemmer.
    """
    if not texts:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), 0
    number = _Numbers()
    words = _words(texts)
    flat = np.fromiter(map(number.__getitem__, words), dtype=np.int64, count=len(words))
    marks = np.flatnonzero(flat == 0)
    lengths = np.diff(np.concatenate([[-1], marks, [len(flat)]])) - 1
    return np.delete(flat, marks), lengths, len(number.stems)


def _words(texts: Sequence[str]) -> list[bytes]:
    """Return the words of all texts with a mark between two texts."""
    joined = f" {_MARK} ".join(texts)
    if joined.count(_MARK) >= len(texts):
        joined = f" {_MARK} ".join(text.replace(_MARK, " ") for text in texts)
    # Letters outside ASCII separate words just as "?" does; lowering first, since "K" (Kelvin) lowers to "k".
    return joined.lower().encode("ascii", "replace").translate(_SEPARATED).split()


class _Numbers(dict[bytes, int]):
    """The number of a word's stem."""

    def __init__(self) -> None:
        super().__init__()
        self.stems = {_MARK.encode(): 0}

    def __missing__(self, word: bytes) -> int:
        self[word] = number = self.stems.setdefault(_stem(word), len(self.stems))
        return number


def _stem(word: bytes) -> bytes:
    if len(word) <= 3:
        return word
    if len(word) > _CACHED_LETTERS:
        return _stem_long(word)
    known = _cache.get(word)
    if known is None:
        if len(_cache) >= _CACHE_WORDS:
            _cache.clear()
        known = _cache[word] = _porter()(word.decode()).encode()
    return known


def _stem_long(word: bytes) -> bytes:
    """Return the stem of a very long word in linear time.

    Porter's rules look at the letters at the end and, of the rest, at the pattern of vowels and
    consonants: whether it has none, one or more changes from vowel to consonant. So the head is
    replaced by a short one with the same pattern, and put back afterwards.
    """
    head, tail = word[:-_TAIL_LETTERS].decode(), word[-_TAIL_LETTERS:].decode()
    pattern = _pattern(head)
    return (head + _porter()(pattern + tail)[len(pattern) :]).encode()


def _pattern(head: str) -> str:
    """Return ``a`` a run of vowels and ``b`` a run of consonants, at most the last six runs."""
    runs: list[str] = []
    for letter in head:
        vowel = runs[-1:] == ["b"] if letter == "y" else letter in _VOWELS
        kind = "a" if vowel else "b"
        if runs[-1:] != [kind]:
            runs.append(kind)
    return "".join(runs[-6:])


def _porter() -> Callable[[str], str]:
    global _porter_stem  # noqa: PLW0603
    if _porter_stem is None:
        from nltk.stem.porter import PorterStemmer  # noqa: PLC0415

        _porter_stem = PorterStemmer().stem
    return _porter_stem


_porter_stem: Callable[[str], str] | None = None
