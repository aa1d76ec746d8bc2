from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics import character_error_rate, word_error_rate
from tests import oracles_text as oracle

few_words = st.lists(st.sampled_from(["a", "b", "ab", "Ab", "é", "e\u0301"]), max_size=8)
spaces = st.sampled_from([" ", "  ", "\n", "\t", "\u3000", "\xa0"])
texts = st.builds(lambda words, space: space.join(words), few_words, spaces) | st.text(max_size=12)
pairs = st.lists(st.tuples(texts, texts), max_size=8)


@pytest.mark.parametrize(
    ("predicted", "reference", "expected"),
    [
        pytest.param("the cat sat", "the cat sat", 0.0, id="equal"),
        pytest.param("the dog sat", "the cat sat", 1 / 3, id="substitution"),
        pytest.param("the sat", "the cat sat", 1 / 3, id="deletion"),
        pytest.param("the big cat sat", "the cat sat", 1 / 3, id="insertion"),
        pytest.param("a b c d", "x", 4.0, id="above one"),
        pytest.param("", "a b", 1.0, id="empty prediction"),
        pytest.param("a b", "", 2.0, id="empty reference counts the words"),
        pytest.param(" \n", "\t", 0.0, id="both empty"),
        pytest.param("a\u3000b\nc", "a b c", 0.0, id="any white space"),
        pytest.param("a\u200bb", "a b", 1.0, id="zero-width space joins"),
        pytest.param("The cat.", "the cat", 1.0, id="case and punctuation count"),
        pytest.param("caf\u00e9", "cafe\u0301", 1.0, id="composed and decomposed differ"),
        pytest.param("a / b", "a/b", 3.0, id="nothing is collapsed"),
        pytest.param("\ud800 b", "\ud800 c", 0.5, id="lone surrogate"),
    ],
)
def test_word_error_rate(predicted: str, reference: str, expected: float) -> None:
    assert word_error_rate([predicted], [reference]).tolist() == [expected]


@pytest.mark.parametrize(
    ("predicted", "reference", "expected"),
    [
        pytest.param("sitting", "kitten", 0.5, id="textbook"),
        pytest.param("a  b", "a b", 0.0, id="runs of spaces"),
        pytest.param("ab", "a b", 1 / 3, id="a space is a character"),
        pytest.param("abc", "", 3.0, id="empty reference counts the characters"),
        pytest.param("", "", 0.0, id="both empty"),
        pytest.param("\U0001f600", "\U0001f601", 1.0, id="one code point"),
    ],
)
def test_character_error_rate(predicted: str, reference: str, expected: float) -> None:
    assert character_error_rate([predicted], [reference]).tolist() == [expected]


@pytest.mark.parametrize(
    ("normalize", "expected"),
    [
        pytest.param((), 1.0, id="none"),
        pytest.param(("case",), 0.5, id="case"),
        pytest.param(("punctuation",), 0.5, id="punctuation"),
        pytest.param(("case", "punctuation"), 0.0, id="both"),
    ],
)
def test_normalization(normalize: tuple[str, ...], expected: float) -> None:
    assert word_error_rate(["The cat!"], ["the cat"], normalize=normalize).tolist() == [expected]


def test_normalization_of_width_comes_first() -> None:
    assert word_error_rate(["\uff21\uff22\uff01"], ["ab"], normalize=["punctuation", "case", "width"]).tolist() == [0.0]
    # TELEPHONE SIGN becomes capitals, PARENTHESIZED IDEOGRAPH STOCK brackets.
    assert word_error_rate(["\u2121 \u3231"], ["tel \u682a"], normalize=["punctuation", "case", "width"]).tolist() == [
        0.0
    ]
    assert character_error_rate(["\uff21\uff22"], ["AB"], normalize=["width"]).tolist() == [0.0]


@given(pairs)
def test_equals_the_textbook(rows: list[tuple[str, str]]) -> None:
    predicted, reference = [row[0] for row in rows], [row[1] for row in rows]
    words = [oracle.word_error_rate(*row) for row in rows]
    characters = [oracle.character_error_rate(*row) for row in rows]
    assert word_error_rate(predicted, reference).tolist() == words
    assert character_error_rate(predicted, reference).tolist() == characters


@pytest.mark.peer
@given(pairs)
def test_equals_jiwer(rows: list[tuple[str, str]]) -> None:
    import jiwer

    joined = [(" ".join(predicted.split()), " ".join(reference.split())) for predicted, reference in rows]
    words = [
        jiwer.wer(reference, predicted) if reference else len(predicted.split()) for predicted, reference in joined
    ]
    characters = [jiwer.cer(reference, predicted) if reference else len(predicted) for predicted, reference in joined]
    predicted, reference = [row[0] for row in rows], [row[1] for row in rows]
    np.testing.assert_allclose(word_error_rate(predicted, reference), words, rtol=0, atol=1e-15)
    np.testing.assert_allclose(character_error_rate(predicted, reference), characters, rtol=0, atol=1e-15)


@pytest.mark.peer
def test_empty_texts_as_jiwer_has_them() -> None:
    import jiwer

    assert word_error_rate(["a b", ""], ["", ""]).tolist() == [jiwer.wer("", "a b"), jiwer.wer("", "")]


@given(pairs)
def test_a_batch_equals_its_rows(rows: list[tuple[str, str]]) -> None:
    predicted, reference = [row[0] for row in rows], [row[1] for row in rows]
    alone = [word_error_rate([p], [r])[0] for p, r in rows]
    assert word_error_rate(predicted, reference).tolist() == alone


def test_no_rows() -> None:
    assert word_error_rate([], []).shape == (0,)
    assert word_error_rate([], []).dtype == np.float64


def test_arguments_that_do_not_fit() -> None:
    with pytest.raises(ArgumentError, match="predicted has 1 rows, reference has 0"):
        word_error_rate(["a"], [])
    with pytest.raises(ArgumentError, match="normalize"):
        word_error_rate(["a"], ["a"], normalize="case")
    with pytest.raises(ArgumentError, match="normalize"):
        character_error_rate(["a"], ["a"], normalize=["lower"])
