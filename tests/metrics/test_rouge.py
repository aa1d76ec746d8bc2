from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics import rouge, stems
from onethinker_rewards.metrics import rouge as rouge_metric
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


def test_more_words_than_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

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
