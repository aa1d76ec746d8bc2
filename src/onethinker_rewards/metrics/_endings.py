"""How short the stems of many words can be at most, seen from their last letters and without stemming any."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.metrics.stems import LONGEST_ENDING

__all__ = ["shortest_stems"]

# What Porter's rules take off a word, as it stands in the word: "ing", and of "ational", which becomes "ate", either
# "ional" or, where "ate" goes as well, all of it.
_ENDINGS = """
s es ed ing e i li al ness ful er or
ate ative ize iti ance ence ic able ible ant ement ment ent ion ou ism ous ive
ional ational ation ization ator izer enci anci abli ibli iviti iliti abiliti ibiliti
at ativ iz anc enc abl ibl iv
""".split()

_SEEN = 3
_BITS = 5
_LETTER = (1 << _BITS) - 1


def shortest_stems(codes: NDArray[np.uint8], ends: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a length for each word that its stem does not fall below.

    Args:
        codes: Lower-case texts of ``a-z0-9`` and spaces, which begin with a space.
        ends: ``[N]`` where the words end in it.
        lengths: ``[N]`` letters of the words.
    """
    table = _taken_off()
    # Bit k: Porter's rules may take k letters off. Endings are peeled off in any order, one behind the other.
    may_go = np.ones(len(ends), dtype=np.int32)
    rows = np.arange(len(ends))
    for taken in range(LONGEST_ENDING):
        rows = rows[(may_go[rows] >= 1 << taken) & (lengths[rows] > taken)]
        if not len(rows):
            break
        here = rows[may_go[rows] >> taken & 1 == 1]
        may_go[here] |= table[_last_letters(codes, ends[here] - taken)] << taken
    most = np.frexp(may_go.astype(np.float64))[1] - 1
    return lengths - most


def _last_letters(codes: NDArray[np.uint8], ends: NDArray[np.int64]) -> NDArray[np.int32]:
    last = codes[ends - 1].astype(np.int32) & _LETTER
    for back in range(2, _SEEN + 1):
        last |= (codes[np.maximum(ends - back, 0)].astype(np.int32) & _LETTER) << _BITS * (back - 1)
    return last


@cache
def _taken_off() -> NDArray[np.int32]:
    """Return the lengths of the endings that a word with these last letters may have, a bit each."""
    table = np.zeros((1 << _BITS,) * _SEEN, dtype=np.int32)
    for ending in {*_ENDINGS, *(ending[:-1] + "y" for ending in _ENDINGS if ending.endswith("i"))}:
        last = [ord(letter) & _LETTER for letter in ending[-_SEEN:]]
        table[(..., *last)] |= 1 << len(ending)
    # One of two letters that are the same goes, too.
    letters = np.arange(1 << _BITS)
    table[:, letters, letters] |= 1 << 1
    return table.reshape(-1)
