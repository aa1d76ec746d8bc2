"""ROUGE for rewards: what can be said in full earns 1, and saying it again never pays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics import rouge, shared_wording
from onethinker_rewards.metrics._repeats import said_once
from tests import oracles_text as oracle

plain = st.lists(st.sampled_from(["a", "the", "dogs", "dog", "running", "x1", "Żółw"]), max_size=8).map(" ".join)
foreign = st.text("猫犬がカไทย кот\u0915\u093fé…!\u200b ", max_size=10)
known = plain | foreign | st.text("ab \x01\n?", max_size=10)
texts = known | st.text(max_size=12)
pairs = st.lists(st.tuples(texts, texts), max_size=6)


def columns(rows: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [row[0] for row in rows], [row[1] for row in rows]


@pytest.mark.parametrize(
    ("predicted", "reference", "expected"),
    [
        pytest.param("the cat sat", "the cat sat", 1.0, id="equal"),
        pytest.param("dogs running", "Dog, RUN!", 1.0, id="stems, case and punctuation"),
        pytest.param("sat cat", "cat sat", (1 + 0 + 1 / 2) / 3, id="reversed"),
        pytest.param("yes", "Yes.", 1.0, id="one word"),
        pytest.param("yes it is", "yes", (1 / 2 + 1 / 2) / 2, id="one word of three"),
        pytest.param("no", "yes", 0.0, id="another word"),
        pytest.param("yes", "yes it is", (1 / 2 + 0 + 1 / 2) / 3, id="one word beside three"),
        pytest.param("a b. a b\na b", "a b", 1.0, id="said three times"),
        pytest.param("a b", "A b, a b!", 1.0, id="a reference said twice"),
        pytest.param("b a b a", "a b c", (4 / 5 + 0 + 2 / 5) / 3, id="wrong order said twice"),
        pytest.param("a a b a a b a", "a b", (4 / 9 + 2 / 7 + 4 / 9) / 3, id="said two times and a third"),
        pytest.param("dog dogs", "dog", (2 / 3 + 2 / 3) / 2, id="other words of one stem are no repetition"),
        pytest.param("ha " * 30, "ha", 1.0, id="thirty times"),
        pytest.param("猫が いる。", "猫がいる", 1.0, id="a script without spaces"),
        pytest.param("猫が", "猫がいる", (2 / 3 + 2 / 4 + 2 / 3) / 3, id="half of its characters"),
        pytest.param("ДОЖДЬ идёт", "Дождь идёт!", 1.0, id="another alphabet"),
        pytest.param("дождь", "Дождь идёт!", (2 / 3 + 0 + 2 / 3) / 3, id="half of its words"),
        pytest.param("\u0915\u093f", "\u0915\u093f", 1.0, id="a letter with its mark is one word"),
        pytest.param("cat", "猫", 0.0, id="words of one script beside another"),
        pytest.param("猫", "cat", 0.0, id="the other way round"),
        pytest.param("…", "…", 1.0, id="no word at all"),
        pytest.param("!", "…", 0.0, id="other signs"),
        pytest.param("", "", 0.0, id="both empty"),
        pytest.param(" ", " ", 0.0, id="both blank"),
    ],
)
def test_shared_wording(predicted: str, reference: str, expected: float) -> None:
    assert shared_wording([predicted], [reference])[0] == pytest.approx(expected, abs=1e-12)
    assert oracle.shared_wording(predicted, reference) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.tuples(known, known), max_size=6))
@example([("a\x01b", "c"), ("d", "\x01")])
def test_equals_the_textbook(rows: list[tuple[str, str]]) -> None:
    expected = [oracle.shared_wording(*row) for row in rows]
    np.testing.assert_allclose(shared_wording(*columns(rows)), expected, rtol=0, atol=1e-12)


@given(pairs)
def test_a_batch_equals_its_rows(rows: list[tuple[str, str]]) -> None:
    assert shared_wording(*columns(rows)).tolist() == [shared_wording([p], [r])[0] for p, r in rows]


@given(texts)
def test_a_reference_against_itself_is_1(text: str) -> None:
    assert shared_wording([text], [text])[0] == float(bool(text.strip()))


@given(texts, plain.filter(bool) | st.text("猫犬がт кот", min_size=1, max_size=8), st.integers(2, 7))
@pytest.mark.parametrize("between", [" ", "\n", ". "])
def test_saying_it_again_changes_nothing(between: str, text: str, reference: str, times: int) -> None:
    if oracle.words_of_any_script(text) == text.casefold().split() and not text.isalnum():
        between = " "
    again = between.join([text] * times)
    assert shared_wording([again], [reference]).tolist() == shared_wording([text], [reference]).tolist()


@given(plain, plain)
def test_is_rouge_where_nothing_is_repeated(predicted: str, reference: str) -> None:
    if said_once(predicted) == predicted and said_once(reference) == reference and len(reference.split()) > 1:
        assert shared_wording([predicted], [reference]).tolist() == rouge([predicted], [reference]).tolist()


@pytest.mark.parametrize(
    ("text", "once"),
    [("", ""), ("a", "a"), ("A a", "a"), ("a b a b a b a b", "a b"), ("a b a", "a b a"), ("ab ab", "ab"),
     ("aa a", "aa a"), ("a b c d e f " * 30, "a b c d e f"), ("a " * 997, "a")],
)  # fmt: skip
def test_said_once(text: str, once: str) -> None:
    assert said_once(text) == once


def test_lengths_that_differ() -> None:
    with pytest.raises(ArgumentError, match="predicted has 1 rows, reference has 0"):
        shared_wording(["a"], [])


def test_no_rows() -> None:
    assert shared_wording([], []).shape == (0,)
