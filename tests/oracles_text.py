"""Slow textbook versions of the text metrics."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from nltk.stem.porter import PorterStemmer


def edit_distance(left: Sequence[str], right: Sequence[str]) -> int:
    """The whole table of Wagner and Fischer, 1974."""
    table = [[i + j if not i * j else 0 for j in range(len(right) + 1)] for i in range(len(left) + 1)]
    for i, a in enumerate(left, 1):
        for j, b in enumerate(right, 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a != b))
    return table[-1][-1]


def word_error_rate(predicted: str, reference: str) -> float:
    words = reference.split()
    return edit_distance(predicted.split(), words) / max(1, len(words))


def character_error_rate(predicted: str, reference: str) -> float:
    left, right = (" ".join(text.split()) for text in (predicted, reference))
    return edit_distance(left, right) / max(1, len(right))


def stems(text: str) -> list[str]:
    stem = PorterStemmer().stem
    return [stem(word) if len(word) > 3 else word for word in re.findall("[a-z0-9]+", text.lower())]


def f_measure(shared: int, predicted: int, reference: int) -> float:
    if not shared:
        return 0.0
    precision, recall = shared / predicted, shared / reference
    return 2 * precision * recall / (precision + recall)


def overlap(predicted: Sequence[object], reference: Sequence[object]) -> float:
    shared = sum((Counter(predicted) & Counter(reference)).values())
    return f_measure(shared, len(predicted), len(reference))


def longest_common_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left, 1):
        for j, b in enumerate(right, 1):
            table[i][j] = table[i - 1][j - 1] + 1 if a == b else max(table[i - 1][j], table[i][j - 1])
    return table[-1][-1]


def rouge(predicted: str, reference: str) -> float:
    left, right = stems(predicted), stems(reference)
    pairs = [list(itertools.pairwise(words)) for words in (left, right)]
    longest = f_measure(longest_common_subsequence(left, right), len(left), len(right))
    return (overlap(left, right) + overlap(*pairs) + longest) / 3


UNSPACED = ("HIRAGANA", "KATAKANA", "CJK", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "BOPOMOFO")


def words_of_any_script(text: str) -> list[str]:
    """Character by character: letters, digits and marks make words, and words of their own without spaces."""
    found: list[str] = []
    inside = False
    for character in text.casefold():
        alone = unicodedata.name(character, "").startswith(UNSPACED)
        wordlike = unicodedata.category(character)[0] in "LNM"
        if wordlike and inside and not alone:
            found[-1] += character
        elif wordlike:
            found.append(character)
        inside = wordlike and not alone
    return found or text.casefold().split()


def root(words: list[str]) -> list[str]:
    """The shortest sequence that the words are one or more times."""
    return next(
        (words[:size] for size in range(1, len(words)) if words == words[:size] * (len(words) // size)),
        words,
    )


def rouge_reward(predicted: str, reference: str) -> float:
    plain = re.compile("[a-z0-9]+")
    sides = [plain.findall(text.lower()) for text in (predicted, reference)]
    stem = PorterStemmer().stem
    if sides[1]:
        left, right = ([stem(word) if len(word) > 3 else word for word in root(side)] for side in sides)
    else:
        left, right = root(words_of_any_script(predicted)), root(words_of_any_script(reference))
    pairs = [list(itertools.pairwise(words)) for words in (left, right)]
    longest = f_measure(longest_common_subsequence(left, right), len(left), len(right))
    if len(right) == 1:
        return (overlap(left, right) + longest) / 2
    return (overlap(left, right) + overlap(*pairs) + longest) / 3
