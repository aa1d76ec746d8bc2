"""Option letters beside the options' texts, free references, numbers as written."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.columns import reader_of
from onethinker_rewards.columns.reading import Request
from onethinker_rewards.parsing import Limits, read_answer
from onethinker_rewards.schemas import Number, OptionLetter, Text

ANIMALS = ["a dog", "A cat", "Straße", "a dog and a cat"]


def letter(text: str, options: list[str] | None, **request: object) -> str:
    """Return the letter that ``text`` is read as: "" for none, else the failure where there is one."""
    reading = reader_of(OptionLetter)([text], Request(options=[options], **request))  # type: ignore[arg-type]
    if reading.faults.failures:
        return reading.faults.failures[0]
    code = reading.columns.letters.item()
    return chr(code) if code else ""


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        pytest.param("a dog", ANIMALS, "A", id="an option's text"),
        pytest.param("A DOG", ANIMALS, "A", id="in any case"),
        pytest.param("STRASSE", ANIMALS, "C", id="casefolded, not lower case"),
        pytest.param("  a dog\n", ANIMALS, "A", id="with white space around"),
        pytest.param("a dog", [" a dog ", "x"], "A", id="white space around the option"),
        pytest.param("dog", ANIMALS, "no_option_letter", id="a part of an option"),
        pytest.param("a dog and a cat", ANIMALS, "D", id="the whole text decides"),
        pytest.param("a dog", ["a dog", "A Dog"], "no_option_letter", id="two options with the text"),
        pytest.param("a dog", ["B. a dog", "A. a cat"], "B", id="a labelled option keeps its label"),
        pytest.param("B. a dog", ["B. a dog", "A. a cat"], "B", id="with its label"),
        pytest.param("a cat", ["(A) a dog", "(B) a cat"], "B", id="label in brackets"),
        pytest.param("a cat", ["A) a dog", "B: a cat"], "B", id="other labels"),
        pytest.param("U.S. Navy", ["Royal Navy", "U.S. Navy"], "B", id="a text that looks labelled"),
        pytest.param("S. Navy", ["A. Navy", "S. Navy"], "B", id="texts that look labelled, not by the first letters"),
        pytest.param("dog", ["A. dog", "a cat"], "no_option_letter", id="one label is none"),
        pytest.param("dog", ["A. dog", "A. cat"], "no_option_letter", id="the same label twice is none"),
        pytest.param("A", ["B", "A"], "A", id="a letter is a letter, not an option's text"),
        pytest.param("E", ["E", "x"], "A", id="a letter beyond the options may be a text"),
        pytest.param("C", ["C", "x"], "A", id="the first letter beyond the options too"),
        pytest.param("E", ["x", "y"], "E", id="a letter beyond the options"),
        pytest.param("e", ["x", "y"], "E", id="the same in lower case"),
        pytest.param("B", ["x", "y"], "B", id="the last option's letter"),
        pytest.param("(B)", ["x", "y"], "B", id="a dressed letter"),
        pytest.param("", ["", "x"], "empty_answer", id="nothing is no option"),
        pytest.param(" ", ["A. ", "x"], "empty_answer", id="white space is no option"),
        pytest.param("a dog", None, "no_option_letter", id="no options"),
        pytest.param("a dog", [], "no_option_letter", id="an empty list of options"),
        pytest.param("x" * 21, ["x" * 21, "y"], "answer_too_long", id="too long"),
        pytest.param("x" * 20, ["x" * 20, "y"], "A", id="just not too long"),
    ],
)
def test_options(text: str, options: list[str] | None, expected: str) -> None:
    assert letter(text, options, limits=Limits(answer_characters=20)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a dog", "", id="any text"),
        pytest.param("(B)", "B", id="a letter is still one"),
        pytest.param("b", "B", id="a bare letter"),
        pytest.param("", "empty_answer", id="nothing"),
        pytest.param(" \n", "empty_answer", id="white space"),
        pytest.param("x" * 21, "answer_too_long", id="too long"),
    ],
)
def test_free_references(text: str, expected: str) -> None:
    """Where the reference is no letter, any text is an answer."""
    assert letter(text, None, free=np.array([True]), limits=Limits(answer_characters=20)) == expected


def test_options_and_freedom_go_by_row() -> None:
    request = Request(options=[["x", "y"], None, ["y", "x"], None], free=np.array([False, True, False, False]))
    reading = reader_of(OptionLetter)(["Y", "Y y", "Y", "Y y"], request)
    assert reading.columns.letters.tolist() == [ord("B"), 0, ord("A")]
    assert reading.columns.texts.tolist() == ["Y", "Y y", "Y"]
    assert reading.rows.tolist() == [0, 1, 2]
    assert reading.faults.failures == {3: FailureCode.NO_OPTION_LETTER}


def test_texts_beside_letters_stay_as_written() -> None:
    columns = reader_of(OptionLetter)([" B ", "Straße"], Request(free=np.array([True, True]))).columns
    assert columns.texts.tolist() == [" B ", "Straße"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1,234.50", "1234.50"),
        (" 7 ", "7"),
        ("```\n1,000\n```", "1000"),
        ("-0.10", "-0.10"),
        ("1e2", "1e2"),
    ],
)
def test_numbers_keep_their_digits(text: str, written: str) -> None:
    """Rounding to a reference's decimals needs the digits as they were written."""
    columns = reader_of(Number)([text], Request(rules="lenient")).columns
    assert columns.texts.tolist() == [written]
    assert columns.values.tolist() == [float(written)]


def test_free_text_is_stripped_and_nothing_else() -> None:
    columns = reader_of(Text)(["\u2003a / b\n", "a\ud800", "\x00"]).columns
    assert columns.texts.tolist() == ["a / b", "a\ud800", "\x00"]


@pytest.mark.parametrize(("schema", "kinds"), [(OptionLetter, "iO"), (Number, "fO"), (Text, "O")])
def test_nothing_to_read(schema: type[BaseModel], kinds: str) -> None:
    columns = reader_of(schema)([]).columns
    assert len(columns) == 0
    assert "".join(getattr(columns, field.name).dtype.kind for field in fields(columns)) == kinds


# As JSON writes numbers, which is read at once, and as only Python does.
@pytest.mark.parametrize("plain", [["0.5", "-3", "2e3", "7", "1E+2", "0.1"], [".5", "-3", "2e3", "007", "+1.", "0.1"]])
@pytest.mark.parametrize("odd", ["", "x", "1_0", "1e999", "nan", "1" * 2000, "\uff11", "1,2", "[1]", "1]", "true"])
def test_one_odd_number_changes_no_other(odd: str, plain: list[str]) -> None:
    together = reader_of(Number)([*plain[:3], odd, *plain[3:]])
    assert together.rows.tolist() == [0, 1, 2, 4, 5, 6]
    assert together.columns.values.tolist() == list(map(float, plain))
    assert together.columns.texts.tolist() == plain
    assert together.faults.failures == {3: read_answer(odd, Number).failure}


written_numbers = st.one_of(
    st.text("012.-+eE", max_size=7),
    st.text("01.,-e \n[]", max_size=5),
    st.integers(-(10**9), 10**9).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)


@given(texts=st.lists(written_numbers, max_size=6), longest=st.integers(0, 9) | st.just(400))
def test_numbers_together_are_those_alone(texts: list[str], longest: int) -> None:
    """None borrows from the text beside it, whatever stands in both, and each is held against the limit."""
    limits = Limits(number_characters=longest)
    together = reader_of(Number)(texts, Request(limits=limits))
    alone = [read_answer(text, Number, limits=limits) for text in texts]
    assert together.faults.failures == {row: one.failure for row, one in enumerate(alone) if one.failure}
    assert together.columns.values.tolist() == [float(str(one.answer)) for one in alone if not one.failure]


@pytest.mark.parametrize("longest", [0, 1, 2, 3, 8, 9])
def test_longest_number_in_every_place(longest: int) -> None:
    """Between numbers as short as can be, one of the limit is read and one beyond it is not."""
    limits = Limits(number_characters=longest)
    for place in range(2 * longest + 3):
        texts = ["1"] * place + ["1" * longest, "1" * (longest + 1)] + ["1"] * place
        failures = reader_of(Number)(texts, Request(limits=limits)).faults.failures
        fails = {place + 1} if longest else set(range(len(texts)))
        assert set(failures) == fails


def test_doubles_that_lie_between_two() -> None:
    """Decimals that are nearly halfway from one double to the next are rounded like Python rounds them."""
    texts = ["9007199254740993", "9007199254740992.99999999999999999999999", "5e-324", "2.4703282292062328e-324"]
    texts += ["1.7976931348623157e308", "0.1000000000000000055511151231257827021181583404541015625"]
    assert reader_of(Number)(texts).columns.values.tolist() == list(map(float, texts))
