"""Word and character error rate: edit distance over the length of the reference."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards._validation import check_texts_beside
from onethinker_rewards.errors import ArgumentError

__all__ = ["Normalization", "character_error_rate", "word_error_rate"]

Normalization: TypeAlias = Literal["case", "punctuation", "width"]

# The order in which normalizations apply, whatever order the caller names them in: full-width
# punctuation and capitals have to become ordinary ones before the other two look at them.
_ORDER: tuple[Normalization, ...] = ("width", "case", "punctuation")


def word_error_rate(
    predicted: Sequence[str], reference: Sequence[str], *, normalize: Collection[Normalization] = ()
) -> NDArray[np.float64]:
    """Return the edit distance in words over the number of reference words.

    Words are what ``str.split()`` gives: runs of anything that is not Unicode white space, compared code
    point by code point. A row whose reference has no word scores the number of predicted words, which is
    0 where both are empty.

    Args:
        predicted: ``[N]`` texts.
        reference: ``[N]`` texts.
        normalize: What to even out first: ``"case"``, ``"punctuation"``, ``"width"``. Nothing by default.

    Returns:
        ``[N]`` in [0, ∞); lower is better.

    Raises:
        ArgumentError: These are not two lists of texts of one length, or a normalization has no such name.

    Source: Levenshtein 1966; the rate as jiwer 4 defines it, one row at a time.

    >>> word_error_rate(["the cat sat", ""], ["the cat sat down", ""]).tolist()
    [0.25, 0.0]
    """
    return _error_rate(predicted, reference, str.split, _prepare(normalize))


def character_error_rate(
    predicted: Sequence[str], reference: Sequence[str], *, normalize: Collection[Normalization] = ()
) -> NDArray[np.float64]:
    """Return the edit distance in code points over the number of reference code points.

    The text is the words of ``str.split()`` with one space between them; that space is a character too.
    Everything else is as in `word_error_rate`.

    Args:
        predicted: ``[N]`` texts.
        reference: ``[N]`` texts.
        normalize: What to even out first: ``"case"``, ``"punctuation"``, ``"width"``. Nothing by default.

    Returns:
        ``[N]`` in [0, ∞); lower is better.

    Raises:
        ArgumentError: These are not two lists of texts of one length, or a normalization has no such name.

    >>> character_error_rate(["kitten"], ["sitting"]).round(4).tolist()
    [0.4286]
    """
    return _error_rate(predicted, reference, lambda text: " ".join(text.split()), _prepare(normalize))


def _error_rate(
    predicted: Sequence[str],
    reference: Sequence[str],
    divide: Callable[[str], str | list[str]],
    prepare: Callable[[str], str] | None,
) -> NDArray[np.float64]:
    from rapidfuzz.distance import Levenshtein  # noqa: PLC0415
    from rapidfuzz.process import cpdist  # noqa: PLC0415

    check_texts_beside(predicted, reference)
    # Rollouts share their reference, so that a text is divided once however often it stands. rapidfuzz
    # compares words by their hashes, which Python keeps in them: faster than numbering them would be.
    distinct = dict.fromkeys([*reference, *predicted])
    divided = {text: divide(text if prepare is None else prepare(text)) for text in distinct}
    left = [divided[text] for text in predicted]
    right = [divided[text] for text in reference]
    distance = cpdist(left, right, scorer=Levenshtein.distance, dtype=np.int64)
    length = np.fromiter(map(len, right), dtype=np.float64, count=len(right))
    return distance / np.maximum(length, 1.0)


def _prepare(normalize: Collection[Normalization]) -> Callable[[str], str] | None:
    if isinstance(normalize, str) or not set(normalize).issubset(_ORDER):
        raise ArgumentError(f"normalize takes a collection of {sorted(_ORDER)}, not {normalize!r}")
    if not normalize:
        return None
    import unicodedata  # noqa: PLC0415

    import jiwer  # noqa: PLC0415

    steps: dict[Normalization, Callable[[str], str]] = {
        "width": lambda text: unicodedata.normalize("NFKC", text),
        "case": jiwer.ToLowerCase().process_string,
        "punctuation": jiwer.RemovePunctuation().process_string,
    }
    chosen = [steps[name] for name in _ORDER if name in normalize]

    def prepare(text: str) -> str:
        for step in chosen:
            text = step(text)
        return text

    return prepare
