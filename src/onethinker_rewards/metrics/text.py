"""Word and character error rate, and ROUGE."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards._validation import aligned_texts, check_choice
from onethinker_rewards.errors import ArgumentError

Normalization: TypeAlias = Literal["case", "punctuation", "width"]

# In the order in which they apply, whatever order the caller names them in: full-width punctuation and capitals
# have to become ordinary ones before the other two look at them.
_NORMALIZATIONS: dict[str, Callable[[str], str]] = {
    "width": lambda text: unicodedata.normalize("NFKC", text),
    "case": str.lower,
    "punctuation": lambda text: "".join(letter for letter in text if not unicodedata.category(letter).startswith("P")),
}

# Letters that Porter's rules can look at, change or take off; of what precedes them only the pattern counts.
_LONGEST_ENDING = 24
# A head of this many runs of vowels and consonants has every pattern that the rules tell apart.
_RUNS = 6

Words: TypeAlias = Literal["spaces", "scripts"]

# Scripts that put no spaces between words: Thai and Lao, Burmese, Khmer, kana, Han.
_WORD_A_CHARACTER = (
    "\u0e00-\u0eff\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f\u1780-\u17ff\u3005-\u3007\u3021-\u3029\u3038-\u303b"
    "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f"
    "\U00020000-\U0003ffff"
)
_UNSPACED = re.compile(f"([{_WORD_A_CHARACTER}])")
# Captions count Tibetan and Bopomofo by the character, too.
_UNSPACED_IN_CAPTIONS = re.compile(f"[{_WORD_A_CHARACTER}\u0f00-\u0fff\u3100-\u312f\u31a0-\u31bf]")


def word_error_rate(
    predicted: Sequence[str],
    reference: Sequence[str],
    *,
    normalize: Collection[Normalization] = (),
    words: Words = "spaces",
) -> NDArray[np.float64]:
    """Return the edit distance in words over the number of reference words.

    ::

        WER = (substitutions + deletions + insertions) / max(1, words of the reference)

    Words are what ``str.split()`` gives: runs of anything that is not Unicode white space, compared code point by code
    point. A row whose reference has no word scores the number of predicted words, which is 0 where both are empty.

    Args:
        predicted: ``[N]`` texts.
        reference: ``[N]`` texts.
        normalize: What to make equal first: ``"case"``, ``"punctuation"``, ``"width"`` (Unicode's NFKC). Nothing by
            default.
        words: ``"spaces"``, or ``"scripts"``: each character of Han, kana, Thai, Lao, Khmer and Burmese, which put no
            spaces between words, is a word of its own.

    Returns:
        ``[N]`` in [0, ∞); lower is better.

    Raises:
        ArgumentError: If these are not two lists of texts of one length, or ``normalize`` or ``words`` has another
            name.

    Source: Levenshtein 1966; the rate as jiwer 4 defines it, one row at a time.

    >>> word_error_rate(["the cat sat", ""], ["the cat sat down", ""]).tolist()
    [0.25, 0.0]
    >>> word_error_rate(["你好世"], ["你好世界"], words="scripts").tolist()
    [0.25]
    """
    check_choice("words", words, get_args(Words))
    return _error_rate(predicted, reference, str.split if words == "spaces" else words_by_script, normalize)


def character_error_rate(
    predicted: Sequence[str], reference: Sequence[str], *, normalize: Collection[Normalization] = ()
) -> NDArray[np.float64]:
    """Return the edit distance in code points over the number of reference code points.

    ::

        CER = (substitutions + deletions + insertions) / max(1, code points of the reference)

    The text is the words of ``str.split()`` with one space between them; that space is a character too.
    Everything else is as in `word_error_rate`.

    Args:
        predicted: ``[N]`` texts.
        reference: ``[N]`` texts.
        normalize: What to make equal first: ``"case"``, ``"punctuation"``, ``"width"``. Nothing by default.

    Returns:
        ``[N]`` in [0, ∞); lower is better.

    Raises:
        ArgumentError: If these are not two lists of texts of one length, or a normalization has no such name.

    Source: as for `word_error_rate`.

    >>> character_error_rate(["kitten"], ["sitting"]).round(4).tolist()
    [0.4286]
    """
    return _error_rate(predicted, reference, lambda text: " ".join(text.split()), normalize)


def edit_similarity(predicted: Sequence[str], reference: Sequence[str]) -> NDArray[np.float64]:
    """Return how much of two texts is left after editing one into the other.

    ::

        similarity = 1 − edit distance / longer length, and 1 where both are empty

    Texts are compared code point by code point as they are; an edit is a substitution, a deletion or an insertion.

    Args:
        predicted: ``[N]`` texts.
        reference: ``[N]`` texts.

    Returns:
        ``[N]`` in [0, 1]; higher is better.

    Raises:
        ArgumentError: If these are not two lists of texts of one length.

    Source: Levenshtein 1966, by rapidfuzz.

    >>> edit_similarity(["kitten", ""], ["sitting", ""]).round(4).tolist()
    [0.5714, 1.0]
    """
    # Imported here because most callers never compare texts.
    from rapidfuzz.distance import Levenshtein  # noqa: PLC0415

    pairs = zip(*aligned_texts(predicted, reference), strict=True)
    return np.array([Levenshtein.normalized_similarity(text, other) for text, other in pairs], dtype=np.float64)


def rouge(predicted: Sequence[str], reference: Sequence[str]) -> NDArray[np.float64]:
    """Return the mean of the F-measures of ROUGE-1, ROUGE-2 and ROUGE-L.

    ::

        P = shared / n-grams of the prediction      R = shared / n-grams of the reference
        F = 2PR / (P + R) = 2 · shared / (n-grams of the prediction + n-grams of the reference)

    An n-gram is shared as often as both texts have it; for ROUGE-L what is shared is the longest common
    subsequence of words.

    A text is lowercased, split at everything but ``a-z0-9``, and words longer than three letters are
    stemmed after Porter. A text without such a word scores 0, against an equal one too.

    Args:
        predicted: ``[N]`` texts.
        reference: ``[N]`` texts.

    Returns:
        ``[N]`` in [0, 1]; higher is better.

    Raises:
        ArgumentError: If these are not two lists of texts of one length.

    Source: Lin 2004, ROUGE-N (equation 1) and ROUGE-L (equations 2-4 with β = 1); words and stems as the
    package rouge-score has them.

    >>> rouge(["the dogs were running"], ["a dog is running"]).round(6).tolist()
    [0.333333]
    """
    predicted, reference = aligned_texts(predicted, reference)
    stems = {text: _stems(_plain_words(text)) for text in dict.fromkeys([*predicted, *reference])}
    rows = zip(predicted, reference, strict=True)
    return np.array([sum(_f_measures(stems[text], stems[ref_text])) / 3.0 for text, ref_text in rows], dtype=np.float64)


def rouge_reward(
    predicted: Sequence[str], reference: Sequence[str], *, normalize: Collection[Normalization] = ("width",)
) -> NDArray[np.float64]:
    """Return ROUGE for rewards, where a text can always reach 1 and gains nothing by repeating itself.

    ::

        score = (F of ROUGE-1 + F of ROUGE-2 + F of ROUGE-L) / 3, as in `rouge`

    Differs: a text that is one sequence of words repeated counts as that sequence once.
    Differs: against a reference of one word there are no pairs of words, and the mean is that of the other two.
    Differs: words are runs of letters, digits and marks of any script, casefolded; in scripts that put no spaces
    between words, characters; in a text without either, what is between spaces. Only words of ``a-z0-9`` are stemmed.

    Args:
        predicted: ``[N]`` texts.
        reference: ``[N]`` texts.
        normalize: What to make equal first, as in `word_error_rate`; by default ``"width"``, Unicode's NFKC.

    Returns:
        ``[N]`` in [0, 1]; higher is better. 1 for a reference against itself, if it is not blank.

    Raises:
        ArgumentError: If these are not two lists of texts of one length, or a normalization has no such name.

    Source: Lin 2004, as for `rouge`.

    >>> rouge_reward(["yes", "a cat, a cat", "一只猫"], ["Yes.", "a cat", "一只猫。"]).tolist()
    [1.0, 1.0, 1.0]
    """
    predicted, reference = aligned_texts(predicted, reference)
    normalized = _normalizer(normalize)
    words = {text: _caption_words(normalized(text)) for text in dict.fromkeys([*predicted, *reference])}
    scores: list[float] = []
    for text, ref_text in zip(predicted, reference, strict=True):
        singles, pairs, longest = _f_measures(words[text], words[ref_text])
        one_word = len(words[ref_text]) == 1
        scores.append((singles + longest) / 2.0 if one_word else (singles + pairs + longest) / 3.0)
    return np.array(scores, dtype=np.float64)


def _error_rate(
    predicted: Sequence[str],
    reference: Sequence[str],
    divide: Callable[[str], str | list[str]],
    normalize: Collection[Normalization],
) -> NDArray[np.float64]:
    from rapidfuzz.distance import Levenshtein  # noqa: PLC0415
    from rapidfuzz.process import cpdist  # noqa: PLC0415

    normalized = _normalizer(normalize)
    predicted, reference = aligned_texts(predicted, reference)
    # Rollouts share their reference, so each text is divided once, however often it occurs.
    divided = {text: divide(normalized(text)) for text in dict.fromkeys([*reference, *predicted])}
    left = [divided[text] for text in predicted]
    right = [divided[text] for text in reference]
    distance = cpdist(left, right, scorer=Levenshtein.distance, dtype=np.int64)
    length = np.fromiter(map(len, right), dtype=np.float64, count=len(right))
    return distance / np.maximum(length, 1.0)


def _normalizer(normalize: Collection[Normalization]) -> Callable[[str], str]:
    if isinstance(normalize, str) or not set(normalize).issubset(_NORMALIZATIONS):
        raise ArgumentError(f"normalize takes a collection of {sorted(_NORMALIZATIONS)}, not {normalize!r}")
    steps = [step for name, step in _NORMALIZATIONS.items() if name in normalize]

    def normalized(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    return normalized


def words_by_script(text: str) -> list[str]:
    """Return what is between spaces; in scripts that put none between words, each character."""
    return text.split() if text.isascii() else _UNSPACED.sub(r" \1 ", text).split()


def _f_measures(words: list[str], ref_words: list[str]) -> tuple[float, float, float]:
    """Return the F-measures of ROUGE-1, ROUGE-2 and ROUGE-L, each 0 where nothing is shared."""
    from rapidfuzz.distance import LCSseq  # noqa: PLC0415

    singles = (Counter(ref_words) & Counter(words)).total()
    pairs = (Counter(pairwise(ref_words)) & Counter(pairwise(words))).total()
    longest = LCSseq.similarity(words, ref_words)
    # A text has one pair fewer than it has words.
    count = max(1, len(words) + len(ref_words))
    return 2.0 * singles / count, 2.0 * pairs / max(1, count - 2), 2.0 * longest / count


def _plain_words(text: str) -> list[str]:
    return re.findall("[a-z0-9]+", text.lower())


def _caption_words(text: str) -> list[str]:
    """Return a text's words of any script, stemmed where they are English, or what is between spaces without any."""
    text = text.casefold()
    words = _said_once(text.translate(_SPACED).split() or text.split())
    return [word if not word.isascii() else stem for word, stem in zip(words, _stems(words), strict=True)]


class _Spaced(dict[int, str]):
    """What each character becomes before its text is split at spaces; filled in when a character first occurs."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        # Marks, such as the vowels of Devanagari, belong to their word.
        in_word = character.isalnum() or unicodedata.category(character).startswith("M")
        self[code] = spaced = (
            (f" {character} " if _UNSPACED_IN_CAPTIONS.match(character) else character) if in_word else " "
        )
        return spaced


_SPACED = _Spaced()


def _said_once(words: list[str]) -> list[str]:
    """Return the sequence of words that a text repeats as a whole, or all of them where it repeats none."""
    text = " ".join(words) + " "
    # Written twice, a text that repeats itself is found again before its second half.
    return text[: (text + text).find(text, 1)].split()


def _stems(words: list[str]) -> list[str]:
    """Return the words' stems, those of three letters and less as they are."""
    return [word if len(word) <= 3 else _stem(word) if len(word) <= 64 else _stem_long(word) for word in words]


# Some 20 MB at most: longer words are not kept.
@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    return _porter()(word)


def _stem_long(word: str) -> str:
    """Return the stem of a very long word in linear time.

    Porter's rules look at the letters at the end and, of the rest, at the pattern of vowels and
    consonants: whether it has none, one or more changes from vowel to consonant. So the head is
    replaced by a short one with the same pattern, and put back afterwards.
    """
    head, tail = word[:-_LONGEST_ENDING], word[-_LONGEST_ENDING:]
    # A run of vowels is written as "a", one of consonants as "b"; a "y" is a vowel after a consonant.
    runs: list[str] = []
    for letter in head:
        vowel = runs[-1:] == ["b"] if letter == "y" else letter in "aeiou"
        kind = "a" if vowel else "b"
        if runs[-1:] != [kind]:
            runs.append(kind)
    pattern = "".join(runs[-_RUNS:])
    return head + _porter()(pattern + tail)[len(pattern) :]


@cache
def _porter() -> Callable[[str], str]:
    from nltk.stem.porter import PorterStemmer  # noqa: PLC0415 - takes long to import

    return PorterStemmer().stem
