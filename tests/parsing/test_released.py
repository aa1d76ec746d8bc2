"""The released code's way of finding an answer equals its regular expressions."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onethinker_rewards.parsing.released import _collapse_many, find_released, unwrap_reference
from onethinker_rewards.testing import tagged
from tests.parsing import oracles


@given(response=st.one_of(tagged.tagged_responses(), tagged.tag_soup(20), st.text("<>/ \n\x1cab", max_size=30)))
def test_oracle(response: str) -> None:
    assert tuple(find_released(response)) == oracles.released(response)


@pytest.mark.parametrize(
    ("response", "compared", "tagged", "well_formed"),
    [
        pytest.param("<think>x</think><answer>B</answer>", "B", "B", True, id="sound"),
        pytest.param(" <think>x</think> \n <answer> B </answer> ", "B", "B", True, id="white space anywhere"),
        pytest.param("B", "B", "", False, id="a bare answer"),
        pytest.param(" B ", "B", "", False, id="a bare answer with white space"),
        pytest.param("<think><answer>A</answer></think><answer>B</answer>", "A", "A", True, id="the first answer"),
        pytest.param("<answer>a / b</answer>", "a/b", "a/b", False, id="white space around slashes goes"),
        pytest.param("< think >x< / think >< answer >B< / answer >", "B", "B", True, id="tags with spaces"),
        pytest.param("<answer></answer>", "<answer></answer>", "", False, id="an empty answer is the whole text"),
        pytest.param("<answer>B", "<answer>B", "", False, id="never closed"),
        pytest.param("<think>x</think>so<answer>B</answer>", "B", "B", False, id="text between"),
        pytest.param("<think>x</think><answer>B</answer>.", "B", "B", False, id="text after"),
        pytest.param("<think>x</think><answer></answer>", "<think>x</think><answer></answer>", "", True, id="empty"),
        pytest.param("<think></answer>", "<think></answer>", "", False, id="tags that overlap nothing"),
        pytest.param("<think></think><answer></answer", "<think></think><answer></answer", "", False, id="cut off"),
    ],
)
def test_named(response: str, compared: str, tagged: str, well_formed: bool) -> None:
    expected = (compared, tagged, well_formed)
    assert tuple(find_released(response)) == expected
    assert oracles.released(response) == expected


@given(st.text("<>/ \n\x1c\u3000ab\ud800\U0001f600", max_size=14))
@example("")
@example(" ")
@example("< \n>")
def test_very_many_marks_are_taken_alike(response: str) -> None:
    assert _collapse_many(response) == re.sub(r"\s*(<|>|/)\s*", r"\1", response)


@pytest.mark.parametrize("piece", ["<", " ", "/ ", " <", "<answer>", "\x1c>"])
def test_a_megabyte_of_anything(piece: str) -> None:
    """The expressions above take hours on runs of white space; this is one pass."""
    text = piece * (1_000_000 // len(piece))
    assert not find_released(text).well_formed
    assert find_released(f"<think>{text}</think><answer>B</answer>").well_formed


@pytest.mark.parametrize(
    ("reference", "bare"),
    [("<answer> B </answer>", "B"), ("B", "B"), (" B ", " B "), ("<answer></answer>", "<answer></answer>"),
     ("x<answer>B</answer>y", "B")],
)  # fmt: skip
def test_unwrap_reference(reference: str, bare: str) -> None:
    assert unwrap_reference(reference) == bare
