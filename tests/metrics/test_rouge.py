from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics import rouge, stems
from onethinker_rewards.metrics import rouge as rouge_metric
from onethinker_rewards.metrics._endings import shortest_stems
from onethinker_rewards.metrics._long_texts import shared_words
from tests import oracles_text as oracle

words = st.sampled_from(
    ["a", "the", "dogs", "dog", "running", "runs", "ran", "x1", "Żółw", "İ", "flies", "skies", "1990s"]
)
sentences = st.lists(words, max_size=9).map(" ".join) | st.text(max_size=20) | st.text("ab \x01\n?", max_size=12)
pairs = st.lists(st.tuples(sentences, sentences), max_size=6)


def columns(rows: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [row[0] for row in rows], [row[1] for row in rows]


@pytest.mark.parametrize(
    ("predicted", "reference", "expected"),
    [
        pytest.param("the cat sat", "the cat sat", 1.0, id="equal"),
        pytest.param("dogs running", "Dog, RUN!", 1.0, id="stems, case and punctuation"),
        pytest.param("sat cat", "cat sat", (1 + 0 + 1 / 2) / 3, id="reversed"),
        pytest.param(
            "a a a b", "a b b b", (2 / 4 + 1 / 3 + 2 / 4) / 3, id="repeated words count as often as both have them"
        ),
        pytest.param("a", "a", 2 / 3, id="one word has no pair"),
        pytest.param("a", "b", 0.0, id="nothing shared"),
        pytest.param("", "", 0.0, id="both empty"),
        pytest.param("", "a", 0.0, id="empty prediction"),
        pytest.param("日本語", "日本語", 0.0, id="no word of a-z0-9"),
        pytest.param("\u212aelvin", "kelvin", 2 / 3, id="lowered before letters are chosen"),
        pytest.param("a\x01b", "a b", 1.0, id="the mark between texts in a text"),
        pytest.param("\ud800 a b", "a b", 1.0, id="lone surrogate"),
        pytest.param("ab" * 40 + "ing", "ab" * 40 + "ed", 2 / 3, id="stems of very long words"),
    ],
)
def test_rouge(predicted: str, reference: str, expected: float) -> None:
    assert rouge([predicted], [reference])[0] == pytest.approx(expected, abs=1e-12)


@given(pairs)
@example([("a\x01b", "c"), ("d", "\x01")])
def test_equals_the_textbook(rows: list[tuple[str, str]]) -> None:
    expected = [oracle.rouge(*row) for row in rows]
    np.testing.assert_allclose(rouge(*columns(rows)), expected, rtol=0, atol=1e-12)


@pytest.mark.peer
@given(pairs)
def test_equals_rouge_score(rows: list[tuple[str, str]]) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    scores = [scorer.score(reference, predicted) for predicted, reference in rows]
    expected = [sum(part.fmeasure for part in score.values()) / 3 for score in scores]
    np.testing.assert_allclose(rouge(*columns(rows)), expected, rtol=0, atol=1e-9)


@given(pairs)
def test_a_batch_equals_its_rows(rows: list[tuple[str, str]]) -> None:
    assert rouge(*columns(rows)).tolist() == [rouge([p], [r])[0] for p, r in rows]


@given(pairs)
def test_symmetric(rows: list[tuple[str, str]]) -> None:
    predicted, reference = columns(rows)
    assert rouge(predicted, reference).tolist() == rouge(reference, predicted).tolist()


heads = st.builds(
    lambda first, run, length: first + run * length,
    st.text("aby", max_size=6),
    st.sampled_from("aby0"),
    st.integers(30, 90),
)


@given(
    heads | st.text("aby", min_size=60, max_size=80) | st.text("0abcdey", min_size=60, max_size=80),
    st.sampled_from(
        ["", "ing", "ies", "yed", "ational", "fulli", "logi", "iviti", "ement", "sses", "eed", "ll", "yyy"]
    ),
)
def test_very_long_words_have_porters_stem(head: str, tail: str) -> None:
    word = head + tail
    assert stems._stem_long(word.encode()).decode() == PorterStemmer().stem(word)


def test_long_texts_and_words() -> None:
    long = " ".join(f"w{index}" for index in range(100_000))
    assert rouge([long, "y" * 5_000_000], [long, "y"]).tolist() == [1.0, 0.0]


@given(pairs)
@example([("a\x01b", "b a"), ("\u0130 a", "i a"), ("\u212ay", "key ky"), ("", "")])
def test_long_texts_score_as_short_ones_do(rows: list[tuple[str, str]]) -> None:
    short = rouge(*columns(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[rouge_metric.__module__], "_LONG", 0)
        assert rouge(*columns(rows)).tolist() == short.tolist()


ENDINGS = (
    "s es ed ing eed ied ies sses y i e al ance ence er ic able ible ant ement ment ent ion sion tion ou ism ate iti "
    "ous ive ize icate ative alize iciti ical ful ness ational tional enci anci ency ancy izer bli bly alli ally entli "
    "ently eli ely ousli ously ization ation ator alism iveness fulness ousness aliti ality iviti ivity biliti bility "
    "fulli fully logi logy l ll tt bb at bl iz"
).split()
built = st.builds(
    lambda base, endings: base + "".join(endings),
    st.text("aeioubdlrstvyz1", max_size=5) | st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12),
    st.lists(st.sampled_from(ENDINGS), max_size=5),
)
irregular = st.sampled_from("sky skies dying lying tying news innings outing cannings howe proceed exceed".split())


@given(built | irregular)
@settings(max_examples=300)
def test_a_word_begins_as_its_stem_does(word: str) -> None:
    text = stems.stem(word.encode())
    assert any(word.encode().startswith(head) for head in stems.heads([text])) or not word
    assert 0 <= len(word) - len(text) <= stems.LONGEST_ENDING


@given(st.lists(built | irregular, min_size=1, max_size=6))
@settings(max_examples=300)
def test_no_stem_is_shorter_than_is_seen(words: list[str]) -> None:
    letters = " " + " ".join(words) + " "
    ends = np.cumsum([len(word) + 1 for word in words])
    lengths = np.array([len(word) for word in words])
    shortest = shortest_stems(np.frombuffer(letters.encode(), dtype=np.uint8), ends, lengths)
    # A letter can be added to what is left, never one taken off.
    assert all(least <= len(stems.stem(word.encode())) for least, word in zip(shortest, words, strict=True))


def test_endings_are_seen_where_they_are_and_nowhere_else() -> None:
    words = ["red", "tabxed", "relational", "hopping", "tabxxx", "w", "", "aeiou1"]
    letters = " " + " ".join(words) + " "
    ends = np.cumsum([len(word) + 1 for word in words])
    lengths = np.array([len(word) for word in words])
    shortest = shortest_stems(np.frombuffer(letters.encode(), dtype=np.uint8), ends, lengths)
    assert shortest.tolist() == [1, 4, 1, 3, 4, 1, 0, 6]


@given(st.lists(built | irregular, max_size=8), st.lists(built | irregular, max_size=8))
def test_shared_words_are_those_whose_stems_are_known(words: list[str], known: list[str]) -> None:
    numbers = {stems.stem(word.encode()): place + 1 for place, word in enumerate(known) if word}
    words = [word for word in words if word]
    expected = [numbers.get(stems.stem(word.encode()), 0) for word in words]
    shared = shared_words(" ".join(words), numbers)
    assert shared.numbers.tolist() == [number for number in expected if number]
    assert shared.places.tolist() == [place for place, number in enumerate(expected) if number]
    assert shared.total == len(words)


def test_only_two_letters_outside_of_ascii_are_lowered_into_it() -> None:
    kept = set("abcdefghijklmnopqrstuvwxyz0123456789")
    odd = [chr(code) for code in range(128, sys.maxunicode + 1) if kept & set(chr(code).lower())]
    assert odd == ["\u0130", "\u212a"]


@pytest.mark.parametrize(
    "text",
    [
        "the red " * 125_000,
        "a " * 500_000,
        "\u0130" * 1_000_000,
        "9" * 1_000_000,
        "aeb" * 333_333,
        "\ud800" * 1_000_000,
    ],
    ids=["two words", "one word", "I with a dot", "one number", "one long word", "surrogates"],
)
def test_a_megabyte_beside_a_sentence(text: str) -> None:
    assert 0.0 <= rouge([text], ["The red chairs stand on a table, I see."])[0] < 0.01


def test_words_made_to_look_like_the_reference_are_not_stemmed() -> None:
    """Stemming 27,000 words takes 0.2 s; none of these can have a stem of the reference's."""
    letters = "abcdefghijkmnopqrtuvwxz0123456"
    words = [f"tab{one}{two}{three}ed" for one in letters for two in letters for three in letters]
    stems._cache.clear()
    assert rouge([" ".join(words)], ["the table stands"])[0] == 0.0
    assert len(stems._cache) < 2_000


def test_more_words_than_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[rouge_metric.__module__], "_CHARACTERS", 2)
    assert rouge(["a b c d"], ["a b c e"])[0] == pytest.approx((3 / 4 + 2 / 3 + 3 / 4) / 3)


def test_stems_are_forgotten_when_they_get_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stems, "_CACHE_WORDS", 3)
    rouge(["walking talking baking making raking"], ["taking"])
    assert len(stems._cache) <= 3


def test_no_rows() -> None:
    assert rouge([], []).shape == (0,)


def test_lengths_that_differ() -> None:
    with pytest.raises(ArgumentError, match="predicted has 1 rows, reference has 0"):
        rouge(["a"], [])
