"""Porter stems of many texts, as numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["LONGEST_ENDING", "heads", "plain_words", "separated", "stem", "stems"]

# Everything but a-z0-9 and the mark between two texts becomes a space. Bytes, because
# bytes.translate and bytes.split are the fastest there are.
_MARK = "\x01"
_KEPT = "abcdefghijklmnopqrstuvwxyz0123456789" + _MARK
_SEPARATED = bytes(code if chr(code) in _KEPT else 0x20 for code in range(256))

# The two letters outside ASCII whose small letters lie in it: I with a dot, and the sign of the unit kelvin.
_LOWERED_INTO_ASCII = (("\u0130".encode(), b"i?"), ("\u212a".encode(), b"k"))

_VOWELS = frozenset("aeiou")

# Words and their stems kept between calls: some 20 MB at most.
_CACHE_WORDS = 100_000
_CACHED_LETTERS = 64

# Letters that Porter's rules can look at, change or take off; what stands before them counts by its pattern alone.
LONGEST_ENDING = 24

# Three of nltk's irregular forms: dying, lying and tying share one letter with their stems.
_IRREGULAR = {b"die": b"d", b"lie": b"l", b"tie": b"t"}

_cache: dict[bytes, bytes] = {}


def stems(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[bytes, int]]:
    """Return the stems of all texts end to end as numbers, how many each text has, and the number of each stem.

    Words are as the package rouge-score has them: lowercase runs of ``a-z0-9``; those of more than three
    letters are stemmed with nltk's Porter stemmer. Numbers count up from 1; 0 is no stem's.
    """
    number = _Numbers()
    if not texts:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), number.stems
    words = _words(texts)
    flat = np.fromiter(map(number.__getitem__, words), dtype=np.int64, count=len(words))
    marks = np.flatnonzero(flat == 0)
    lengths = np.diff(np.concatenate([[-1], marks, [len(flat)]])) - 1
    return np.delete(flat, marks), lengths, number.stems


def heads(known: Iterable[bytes]) -> set[bytes]:
    """Return texts of which every word begins with one if its stem is among these.

    Porter's rules take endings off and change or add no more than the last letter of what remains, and none of
    its first two. So a word begins with its stem but for the stem's last letter.
    """
    return {_IRREGULAR.get(one, one[: max(2, len(one) - 1)]) for one in known}


def _words(texts: Sequence[str]) -> list[bytes]:
    """Return the words of all texts with a mark between two texts."""
    joined = f" {_MARK} ".join(texts)
    if joined.count(_MARK) >= len(texts):
        joined = f" {_MARK} ".join(text.replace(_MARK, " ") for text in texts)
    return separated(joined).split()


def separated(text: str) -> bytes:
    """Return a text's letters and digits in lower case, with a space for everything else but the mark."""
    letters = text.encode("utf-8", "replace")
    if not text.isascii():
        for letter, lowered in _LOWERED_INTO_ASCII:
            letters = letters.replace(letter, lowered)
    # The bytes of letters outside ASCII are outside of it, too, and separate words just as "?" does.
    return letters.lower().translate(_SEPARATED)


def plain_words(text: str) -> bytes:
    """Return a text's words of ``a-z0-9`` in lower case, each with one space behind it."""
    words = separated(text).replace(_MARK.encode(), b" ").strip() + b" "
    while b"  " in words:
        words = words.replace(b"  ", b" ")
    return words.lstrip()


class _Numbers(dict[bytes, int]):
    """The number of a word's stem."""

    def __init__(self) -> None:
        super().__init__()
        self.stems = {_MARK.encode(): 0}

    def __missing__(self, word: bytes) -> int:
        self[word] = number = self.stems.setdefault(stem(word), len(self.stems))
        return number


def stem(word: bytes) -> bytes:
    """Return the stem of a word of ``a-z0-9``."""
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
    head, tail = word[:-LONGEST_ENDING].decode(), word[-LONGEST_ENDING:].decode()
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
