"""ROUGE-1, ROUGE-2 and ROUGE-L of many texts at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards._validation import check_texts_beside
from onethinker_rewards.metrics._long_texts import SharedWords, shared_words
from onethinker_rewards.metrics.stems import stems

__all__ = ["rouge"]

# How many different words fit into the code points of a string without the surrogates.
_CHARACTERS = 0x110000 - 0x800

# Texts of more characters than this take a way of their own. Stemming 10,000 characters of different words takes
# some 15 ms.
_LONG = 10_000


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
        ArgumentError: These are not two lists of texts of one length.

    Source: Lin 2004, ROUGE-N (equation 1) and ROUGE-L (equations 2-4 with β = 1); words and stems as the
    package rouge-score has them.

    >>> rouge(["the dogs were running"], ["a dog is running"]).round(6).tolist()
    [0.333333]
    """
    check_texts_beside(predicted, reference)
    references = dict.fromkeys(reference)
    others = [text for text in dict.fromkeys(predicted) if text not in references]
    short = [*references, *(text for text in others if len(text) <= _LONG)]
    long = [text for text in others if len(text) > _LONG]
    words, singles, pairs = _grams(short, long, len(references))
    number = {text: index for index, text in enumerate([*short, *long])}
    left = np.fromiter(map(number.__getitem__, predicted), dtype=np.int64, count=len(predicted))
    right = np.fromiter(map(number.__getitem__, reference), dtype=np.int64, count=len(reference))
    return (_f_measure(singles, left, right) + _f_measure(pairs, left, right) + _f_measure(words, left, right)) / 3.0


class _Ragged(NamedTuple):
    """N-grams of texts laid end to end.

    Attributes:
        flat: The n-grams as numbers; of a long text only those that a reference has.
        lengths: How many of these each text has.
        counts: How many n-grams each text has in all.
        vocabulary: More than the largest number.
    """

    flat: NDArray[np.int64]
    lengths: NDArray[np.int64]
    counts: NDArray[np.int64]
    vocabulary: int

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each text begins."""
        return np.cumsum(self.lengths) - self.lengths

    def with_long(self, texts: Sequence[NDArray[np.int64]], counts: NDArray[np.int64]) -> _Ragged:
        """Return these texts with long ones behind them."""
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        return self._replace(
            flat=np.concatenate([self.flat, *texts]),
            lengths=np.concatenate([self.lengths, lengths]),
            counts=np.concatenate([self.counts, counts]),
        )


def _grams(short: list[str], long: list[str], references: int) -> tuple[_Ragged, _Ragged, _Ragged]:
    """Return words in their order, and words and pairs of words in ascending order; the first texts are references."""
    flat, lengths, numbers = stems(short)
    words = singles = _Ragged(flat, lengths, lengths, len(numbers))
    pairs = _pairs_of_words(words)
    if long:
        wanted = set(flat[: lengths[:references].sum()].tolist())
        known = {stem: number for stem, number in numbers.items() if number in wanted}
        shared = [shared_words(text, known) for text in long]
        counts = np.array([one.total for one in shared])
        # No n-gram is shared more often than a reference has words.
        most = int(lengths[:references].max(initial=0))
        words = words.with_long([one.numbers for one in shared], counts)
        singles = singles.with_long([_at_most(one.numbers, most) for one in shared], counts)
        beside = [_at_most(_pairs_beside(one, len(numbers)), most) for one in shared]
        pairs = pairs.with_long(beside, np.maximum(counts - 1, 0))
    return words, _in_order(singles), _in_order(_numbered(pairs))


def _pairs_of_words(words: _Ragged) -> _Ragged:
    """Return the bigrams of each text."""
    lengths = np.maximum(words.lengths - 1, 0)
    starts = np.cumsum(lengths) - lengths
    first = np.arange(lengths.sum()) + np.repeat(words.starts - starts, lengths)
    key = words.flat[first] * words.vocabulary + words.flat[first + 1]
    return _Ragged(key, lengths, lengths, words.vocabulary**2)


def _pairs_beside(words: SharedWords, vocabulary: int) -> NDArray[np.int64]:
    """Return the bigrams of a long text, of words that stand beside each other in it."""
    first = np.flatnonzero(np.diff(words.places) == 1)
    return words.numbers[first] * vocabulary + words.numbers[first + 1]


def _at_most(grams: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return n-grams in ascending order, each no more often than so many times."""
    ordered = np.sort(grams)
    kept = np.ones(len(ordered), dtype=np.bool_)
    kept[most:] = ordered[most:] != ordered[: max(0, len(ordered) - most)]
    return ordered[kept]


def _numbered(grams: _Ragged) -> _Ragged:
    """Return the n-grams numbered densely."""
    distinct, flat = np.unique(grams.flat, return_inverse=True)
    return grams._replace(flat=flat.astype(np.int64), vocabulary=len(distinct))


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
    return 2.0 * shared / np.maximum(grams.counts[left] + grams.counts[right], 1)
