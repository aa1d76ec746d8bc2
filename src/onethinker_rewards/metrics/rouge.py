"""ROUGE-1, ROUGE-2 and ROUGE-L of many texts at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics.stems import stems

__all__ = ["rouge"]

# How many different words fit into the code points of a string without the surrogates.
_CHARACTERS = 0x110000 - 0x800


def rouge(predicted: Sequence[str], reference: Sequence[str]) -> NDArray[np.float64]:
    """Return the mean of the F-measures of ROUGE-1, ROUGE-2 and ROUGE-L.

    A text is lowercased, split at everything but ``a-z0-9``, and words longer than three letters are
    stemmed after Porter. A text without such a word scores 0, against an equal one too.

    Args:
        predicted: ``[N]`` texts.
        reference: ``[N]`` texts.

    Returns:
        ``[N]`` in [0, 1]; higher is better.

    Raises:
        ArgumentError: The lists differ in length.

    Source: Lin 2004, ROUGE-N (equation 1) and ROUGE-L (equations 2-4 with β = 1); words and stems as the
    package rouge-score has them.

    >>> rouge(["the dogs were running"], ["a dog is running"]).round(6).tolist()
    [0.333333]
    """
    if len(predicted) != len(reference):
        raise ArgumentError(f"predicted has {len(predicted)} rows, reference has {len(reference)}")
    texts = list(dict.fromkeys([*reference, *predicted]))
    number = {text: index for index, text in enumerate(texts)}
    words = _read(texts)
    left = np.fromiter(map(number.__getitem__, predicted), dtype=np.int64, count=len(predicted))
    right = np.fromiter(map(number.__getitem__, reference), dtype=np.int64, count=len(reference))
    pairs = _pairs_of_words(words)
    unigram = _f_measure(_in_order(words), left, right)
    bigram = _f_measure(_in_order(pairs), left, right)
    longest = _f_measure(words, left, right)
    return (unigram + bigram + longest) / 3.0


class _Ragged(NamedTuple):
    """Texts laid end to end: numbers of words, and where each text begins."""

    flat: NDArray[np.int64]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    vocabulary: int


def _read(texts: list[str]) -> _Ragged:
    flat, lengths, vocabulary = stems(texts)
    starts = np.cumsum(lengths) - lengths
    return _Ragged(flat, starts, lengths, vocabulary)


def _pairs_of_words(words: _Ragged) -> _Ragged:
    """Return the bigrams of each text, numbered densely."""
    lengths = np.maximum(words.lengths - 1, 0)
    starts = np.cumsum(lengths) - lengths
    first = np.arange(lengths.sum()) + np.repeat(words.starts - starts, lengths)
    key = words.flat[first] * words.vocabulary + words.flat[first + 1]
    distinct, flat = np.unique(key, return_inverse=True)
    return _Ragged(flat.astype(np.int64), starts, lengths, len(distinct))


def _in_order(grams: _Ragged) -> _Ragged:
    """Return the n-grams of each text in ascending order.

    The longest common subsequence of two ascending sequences is what they share, each element as often as
    both have it: the overlap that ROUGE-N counts. So one bit-parallel routine serves all three scores.
    """
    shift = np.repeat(np.arange(len(grams.lengths)) * grams.vocabulary, grams.lengths)
    return grams._replace(flat=np.sort(grams.flat + shift) - shift)


def _common(grams: _Ragged, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the length of the longest common subsequence of the texts ``left`` and ``right``."""
    from rapidfuzz.distance import LCSseq  # noqa: PLC0415
    from rapidfuzz.process import cpdist  # noqa: PLC0415

    sequences = _sequences(grams)
    first, second = ([sequences[index] for index in side.tolist()] for side in (left, right))
    return cpdist(first, second, scorer=LCSseq.similarity, dtype=np.int64)


def _sequences(grams: _Ragged) -> Sequence[str | list[int]]:
    bounds = zip(grams.starts.tolist(), (grams.starts + grams.lengths).tolist(), strict=True)
    if grams.vocabulary > _CHARACTERS:
        return [grams.flat[begin:end].tolist() for begin, end in bounds]
    points = grams.flat + 0x800 * (grams.flat >= 0xD800)
    characters = points.astype("<u4").tobytes().decode("utf-32-le")
    return [characters[begin:end] for begin, end in bounds]


def _f_measure(grams: _Ragged, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return 2PR/(P + R) with P = shared/predicted and R = shared/reference, which is this quotient."""
    shared = _common(grams, left, right)
    return 2.0 * shared / np.maximum(grams.lengths[left] + grams.lengths[right], 1)
