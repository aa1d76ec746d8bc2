"""Regular expressions of answers in plain text: they and strict parsing accept the same."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.testing import answers, near_misses
from tests.rewards.cases import ANSWERS, wrap
from tests.tasks.engines import ENGINES, accepts, matchers, samples

TEXT_TASKS = [name for name, spec in otr.TASKS.items() if not spec.is_json]
FREE_TASKS = ["math", "ocr", "open_ended"]
TAGS = ("<think>", "</think>", "<answer>", "</answer>")
# Near the tags, in any order.
PIECES = [*TAGS, "<", "</", ">", "<a", "answer>", "<answer", "</answer", "<think", "</thin", "/", "a", "t", " ", "\n",
          "\u2003", "\x1c", "x", "1", "\x00", "<>"]  # fmt: skip
NEAR_TAGS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


def matches(task: str, text: str) -> bool:
    return re.fullmatch(otr.answer_pattern(task), text) is not None


@pytest.mark.parametrize(
    ("options", "pattern"),
    [(None, "[A-Z]"), (["yes"], "[A-A]"), (["a", "b", "c", "d"], "[A-D]"), (["x"] * 26, "[A-Z]")],
)
def test_letters(options: list[str] | None, pattern: str) -> None:
    assert otr.answer_pattern("multiple_choice", options) == pattern


def test_letters_for_no_options() -> None:
    with pytest.raises(otr.ArgumentError, match="options: at least one is needed"):
        otr.answer_pattern("multiple_choice", [])


@pytest.mark.parametrize(
    ("task", "text", "read"),
    [
        ("multiple_choice", "(B)", "B"),
        ("numerical", "**7**", "7.0"),
        ("numerical", "1/2", "0.5"),
        ("regression", "7!", "7.0"),
    ],
)
def test_letters_and_numbers_are_read_in_more_forms_than_the_pattern(task: str, text: str, read: str) -> None:
    assert str(otr.parse_answer(text, task).answer) == read
    assert not matches(task, text)


@pytest.mark.parametrize("task", [name for name, spec in otr.TASKS.items() if spec.is_json])
def test_json_has_no_pattern(task: str) -> None:
    with pytest.raises(otr.ArgumentError, match="json_schema"):
        otr.answer_pattern(task)


def test_unknown_task() -> None:
    with pytest.raises(otr.UnknownTaskError):
        otr.answer_pattern("poetry")


@pytest.mark.parametrize("task", TEXT_TASKS)
def test_references_match(task: str) -> None:
    assert matches(task, ANSWERS[task])


@pytest.mark.parametrize(
    ("text", "is_number"),
    [
        *((text, True) for text in ("0", "007", "-1", "+1", "1.", ".5", "1,234", "12,345,678.9", "1e5", "1.E-5")),
        *((text, False) for text in ("", ".", "-", "e5", "1,23", "1234,567", "0,123", "1_0", "1 0", "\u0661", "1e")),
    ],
)
def test_numbers(text: str, is_number: bool) -> None:
    assert matches("numerical", text) == matches("regression", text) == is_number
    assert (otr.parse_answer(text, "numerical").failure is None) == is_number


NUMBER_LIKE = st.text("0019,.-+eE", max_size=9)


@given(text=st.one_of(NUMBER_LIKE, answers("numerical"), near_misses("numerical")))
@example("1e999")
@example("9" * 401)
def test_numbers_that_match_are_read(text: str) -> None:
    """But for numbers that are too large or too long; what is read in another form does not match."""
    failure = otr.parse_answer(text, "numerical").failure
    if failure is not None and matches("numerical", text):
        assert failure in {FailureCode.NOT_A_NUMBER, FailureCode.TOO_MANY_DIGITS}
        assert len(text) > 400 or abs(float(text.replace(",", ""))) == float("inf")


@pytest.mark.parametrize("task", FREE_TASKS)
@given(text=st.one_of(NEAR_TAGS, st.text()))
def test_texts_match_if_they_are_read(task: str, text: str) -> None:
    """A text without tags of ours and not blank: the only thing that a response can carry as an answer."""
    read = otr.parse(wrap(text), task).answer
    assert matches(task, text.strip()) == (read is not None and read == text.strip())
    assert matches(task, text.strip()) == (bool(text.strip()) and not any(tag in text for tag in TAGS))


@given(text=NEAR_TAGS)
def test_thinking_matches_if_it_has_no_tag_of_its_own(text: str) -> None:
    expected = "<think>" not in text and "</think>" not in text
    grammar = otr.response_grammar("multiple_choice", engine="llguidance", think="prefilled", options=["a", "b"])
    pattern = grammar.removeprefix("start: /").removesuffix("/").replace("\\/", "/")
    assert (re.fullmatch(pattern, f"{text}</think><answer>A</answer>") is not None) == expected


def test_white_space_is_that_of_python() -> None:
    """An answer begins with none; every other character but the one that begins tags is an answer alone."""
    pattern = re.compile(otr.answer_pattern("ocr"))
    refused = {code for code in range(sys.maxunicode + 1) if pattern.fullmatch(chr(code)) is None}
    # A lone "<" begins no tag.
    assert refused == {code for code in range(sys.maxunicode + 1) if chr(code).isspace()}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("task", ["multiple_choice", "numerical", "ocr"])
def test_engines_write_what_is_read(task: str, engine: str) -> None:
    start = matchers(engine, "pattern", otr.answer_pattern(task))
    for text in samples(start, 60):
        parsed = otr.parse_answer(text, task)
        if parsed.failure is None:
            assert not parsed.repairs
        else:
            assert task == "numerical"
            assert abs(float(text.replace(",", ""))) == float("inf")


@pytest.mark.parametrize("engine", ENGINES)
@given(text=NEAR_TAGS)
def test_engines_read_the_pattern_as_python_does(engine: str, text: str) -> None:
    assume("\ud800" not in text)
    assert accepts(matchers(engine, "pattern", otr.answer_pattern("ocr")), text) == matches("ocr", text)
