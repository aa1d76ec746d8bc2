"""The released code's way of finding an answer equals its regular expressions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from onethinker_rewards.answers import (
    Answers,
    Number,
    OptionLetter,
    Parsed,
    ReadOptions,
    SingleBox,
    Text,
    TextColumns,
    TimeSpan,
)
from onethinker_rewards.answers.release import (
    ReleaseReader,
    find_release_answer,
    load_json,
    to_number,
)
from onethinker_rewards.testing.response_texts import tag_soup, tagged_responses
from tests.answers import oracles


@given(response=st.one_of(tagged_responses(), tag_soup(20), st.text("<>/ \n\x1cab", max_size=30)))
def test_oracle(response: str) -> None:
    assert find_release_answer(response) == oracles.release_answer(response)


@pytest.mark.parametrize(
    ("response", "compared", "well_formed"),
    [
        pytest.param("<think>x</think><answer>B</answer>", "B", True, id="sound"),
        pytest.param(" <think>x</think> \n <answer> B </answer> ", "B", True, id="white space anywhere"),
        pytest.param("B", "B", False, id="a bare answer"),
        pytest.param(" B ", "B", False, id="a bare answer with white space"),
        pytest.param("<think><answer>A</answer></think><answer>B</answer>", "A", True, id="the first answer"),
        pytest.param("<answer>a / b</answer>", "a/b", False, id="white space around slashes goes"),
        pytest.param("< think >x< / think >< answer >B< / answer >", "B", True, id="tags with spaces"),
        pytest.param("<answer></answer>", "<answer></answer>", False, id="an empty answer is the whole text"),
        pytest.param("<answer>B", "<answer>B", False, id="never closed"),
        pytest.param("<think>x</think>so<answer>B</answer>", "B", False, id="text between"),
        pytest.param("<think>x</think><answer>B</answer>.", "B", False, id="text after"),
        pytest.param("<think>x</think><answer></answer>", "<think>x</think><answer></answer>", True, id="empty"),
        pytest.param("<think></answer>", "<think></answer>", False, id="tags that overlap nothing"),
        pytest.param("<think></think><answer></answer", "<think></think><answer></answer", False, id="cut off"),
    ],
)
def test_named(response: str, compared: str, well_formed: bool) -> None:
    assert find_release_answer(response) == (compared, well_formed)
    assert oracles.release_answer(response) == (compared, well_formed)


@given(st.text("<>/ \n\x1c\u3000ab\ud800\U0001f600", max_size=14), st.sampled_from([1, 2, 50]))
@example("", 1)
@example(" ", 50)
@example("< \n>", 50)
@example("<answer> B </answer>", 50)
def test_very_many_marks_are_taken_alike(piece: str, count: int) -> None:
    """White space around each of them goes, whatever is before and after; the same in tags."""
    for response in (piece * count, f"<think>{piece * count}</think> <answer>{piece * count}</answer>"):
        assert find_release_answer(response) == oracles.release_answer(response)


@pytest.mark.parametrize("piece", ["<", " ", "/ ", " <", "<answer>", "\x1c>"])
def test_a_megabyte_of_anything(piece: str) -> None:
    """The expressions above take hours on runs of white space; this is one pass."""
    text = piece * (1_000_000 // len(piece))
    assert not find_release_answer(text).well_formed
    assert find_release_answer(f"<think>{text}</think><answer>B</answer>").well_formed


@pytest.mark.parametrize(
    ("reference", "bare"),
    [("<answer> B </answer>", "B"), ("B", "B"), (" B ", " B "), ("<answer></answer>", "<answer></answer>"),
     ("x<answer>B</answer>y", "B")],
)  # fmt: skip
def test_bare_reference(reference: str, bare: str) -> None:
    assert READER.bare_reference(reference) == bare


# What the release makes of texts.


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5.0), ("1,234.5", 1234.5), ("1,2,3", 123.0), (" 7 ", 7.0), ("1_0", 10.0), ("1e2", 1e2),
     ("inf", float("inf")), ("", None), ("12 cm", None), ("\ud800", None)],
)  # fmt: skip
def test_to_number(text: str, number: float | None) -> None:
    assert to_number(text) == number


@pytest.mark.parametrize(
    ("text", "value"), [('{"a": 1}', {"a": 1}), ("[1]", [1]), ("NaN", None), ("x", None), ("\ud800", None)]
)
def test_load_json(text: str, value: object) -> None:
    assert load_json(text) == value


# The same of many, as a reader.

READER, OPTIONS = ReleaseReader(), ReadOptions()


def test_finds_the_text_that_is_compared_and_the_fault_of_the_format() -> None:
    """The definition names the fault; where it sees none, text is outside of the tags."""
    responses = [
        "<think>x</think><answer>a / b</answer>",
        "B",
        "<think>x</think>so<answer>B</answer>",
        "<think>x</think><answer>B</answer><|im_end|>",
    ]
    answers = READER.find(responses, OPTIONS)
    assert answers.texts == ["a/b", "B", "B", "B"]
    assert answers.failure == [None] * 4
    assert answers.format_fault == [None, "missing_answer", "text_outside_tags", "text_outside_tags"]
    assert answers.repairs == [()] * 4
    assert answers.unclosed == {}


@given(responses=st.lists(st.one_of(tagged_responses(), tag_soup()), max_size=4))
def test_finds_many_as_each(responses: list[str]) -> None:
    answers = READER.find(responses, OPTIONS)
    each = [oracles.release_answer(response) for response in responses]
    assert answers.texts == [compared for compared, _ in each]
    assert [fault is None for fault in answers.format_fault] == [well_formed for _, well_formed in each]
    parsed = [READER.parse(response, Text, OPTIONS) for response in responses]
    assert [(result.answer, result.format_fault) for result in parsed] == [
        (text.strip(), fault) for text, fault in zip(answers.texts, answers.format_fault, strict=True)
    ]


def test_columns_are_texts_whatever_the_schema_is() -> None:
    """In the order of the rows, and nothing fails."""
    answers = Answers.of_texts(["a", '{"time": [1, 2]}', "c"])
    columns = READER.read(answers, np.array([2, 0, 2, 1]), TimeSpan, OPTIONS)
    assert isinstance(columns, TextColumns)
    assert columns.texts.tolist() == ["c", "a", "c", '{"time": [1, 2]}']
    assert answers.failure == [None] * 3
    assert not READER.reads_schema


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        pytest.param(Number, ["5", "1,2", "nan"], ["", "5 cm"], id="number"),
        pytest.param(OptionLetter, ["B", "a dog"], ["", " \n"], id="letter"),
        pytest.param(Text, ["B", "\ud800"], ["", "\u2003"], id="text"),
        pytest.param(TimeSpan, ['{"time": [1, 2]}', "{}"], ["[1, 2]", "x", "", "null"], id="object"),
    ],
)
def test_references_of_which_it_makes_nothing(schema: type[BaseModel], good: list[str], bad: list[str]) -> None:
    references = Answers.of_texts([*good, *bad])
    columns = READER.read_references(references, schema, OPTIONS)
    assert columns.texts.tolist() == [*good, *bad]
    assert references.failure == [None] * len(good) + ["bad_reference"] * len(bad)


def test_a_reference_without_its_tags() -> None:
    assert READER.bare_reference("x<answer> B </answer>y") == "B"


@pytest.mark.parametrize(
    ("schema", "text", "answer", "failure"),
    [
        pytest.param(Number, " 5 cm\n", "5 cm", None, id="plain text as it is"),
        pytest.param(SingleBox, ' {"boxes": 3} ', {"boxes": 3}, None, id="any object"),
        pytest.param(SingleBox, "[1]", [1], None, id="any value"),
        pytest.param(SingleBox, "{'boxes': 3}", None, "invalid_json", id="no JSON"),
    ],
)
def test_one_answer(schema: type[BaseModel], text: str, answer: object, failure: str | None) -> None:
    """A text, or a JSON value that no schema is asked about."""
    assert READER.parse_answer(text, schema, OPTIONS) == Parsed(None, answer, failure, None)  # type: ignore[arg-type]
    whole = READER.parse(f"<think>x</think><answer>{text}</answer>", schema, OPTIONS)
    assert (whole.answer, whole.failure, whole.format_fault, whole.repairs) == (answer, failure, None, ())
