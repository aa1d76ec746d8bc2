"""Where thinking and answer are: every branch by name, all else against an oracle."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onethinker_rewards.answers import END_TOKENS, FoundAnswer, Limits, Think, bare_reference, find_answer, find_answers
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.testing import valid
from onethinker_rewards.testing.response_texts import tag_soup, tagged_responses
from tests.answers import oracles

THINKS: list[Think] = ["required", "prefilled", "none"]
RESPONSES = st.one_of(tagged_responses(), tagged_responses(), tag_soup())

SOUND = FoundAnswer("why", "B", None, None)


@pytest.mark.parametrize(
    "response",
    [
        pytest.param("<think>why</think><answer>B</answer>", id="nothing between"),
        pytest.param("<think>why</think>\n<answer>B</answer>", id="a line between"),
        pytest.param("<think>why</think>\n\n<answer>B</answer>", id="an empty line between"),
        pytest.param("<think>why</think>\x1c\u2003\x85\n<answer>B</answer>", id="any white space between"),
        pytest.param("\n <think>why</think><answer>B</answer>", id="white space before"),
        pytest.param("<think>why</think><answer>B</answer>\n\n", id="white space after"),
        pytest.param("<think>why</think><answer>\u2003B\n</answer>", id="white space inside the answer"),
        *(pytest.param(f"<think>why</think><answer>B</answer>{token}", id=token) for token in END_TOKENS),
        pytest.param("<think>why</think><answer>B</answer>\n<|im_end|>\n", id="an end token between lines"),
        pytest.param("<think>why</think><answer>B</answer></s><eos> <|im_end|></s>", id="several end tokens"),
    ],
)
def test_sound(response: str) -> None:
    assert find_answer(response) == SOUND


def found(response: str, think: Think = "required") -> tuple[str | None, str | None, str | None, str | None]:
    result = find_answer(response, think=think)
    return result.think, result.answer, result.failure, result.format_fault


@pytest.mark.parametrize(
    ("response", "thinking", "failure"),
    [
        pytest.param("", None, "missing_answer", id="nothing"),
        pytest.param("B", None, "missing_answer", id="a bare letter"),
        pytest.param("<think>why</think>B", "why", "missing_answer", id="no answer tags"),
        pytest.param("<think>a<answer>B</answer></think>", "a<answer>B</answer>", "missing_answer", id="in thinking"),
        pytest.param("<think>why</think>B</answer>", "why", "missing_answer", id="closed but never opened"),
        pytest.param("<think>why</think><answer>B</answer></think>", "why</think><answer>B</answer>",
                     "missing_answer", id="closed thinking after the answer"),
        pytest.param("<think>why</think><ANSWER>B</ANSWER>", "why", "missing_answer", id="tags in capitals"),
        pytest.param("<think>why</think>< answer >B</ answer >", "why", "missing_answer", id="tags with spaces"),
        pytest.param("<answer>A</answer><answer>B</answer>", None, "several_answers", id="two answers"),
        pytest.param("<answer>A<answer>B</answer>", None, "several_answers", id="opened twice"),
        pytest.param("<answer>A</answer>B</answer>", None, "several_answers", id="closed twice"),
        pytest.param("<answer>A</answer></answer>", None, "several_answers", id="closed twice at once"),
        pytest.param("</answer><answer>A</answer>", None, "several_answers", id="closed before it is opened"),
        pytest.param("<answer>A<answer>B", None, "several_answers", id="opened twice, never closed"),
        pytest.param("<answer>A</answer>B<answer>", None, "several_answers", id="opened again at the end"),
        pytest.param("<think>why</think><answer>B<think></answer>", "why", "tag_in_answer", id="thinking inside"),
        pytest.param("<think>why</think><answer></answer>", "why", "empty_answer", id="empty"),
        pytest.param("<think>why</think><answer> \n\x1c\u2003</answer>", "why", "empty_answer", id="white space"),
    ],
)  # fmt: skip
def test_no_answer(response: str, thinking: str | None, failure: str) -> None:
    """Without an answer the format has the same fault."""
    assert found(response) == (thinking, None, failure, failure)
    assert find_answer(response).closed or failure == "several_answers"


def test_unclosed() -> None:
    """The text after the tag is kept for lenient rules, and the failure is set."""
    result = find_answer('<think>why</think><answer> {"time": [1, 2]} <|im_end|>')
    assert result == FoundAnswer(
        "why", '{"time": [1, 2]}', FailureCode.UNCLOSED_ANSWER, FailureCode.UNCLOSED_ANSWER, closed=False
    )
    assert find_answer("<answer>").answer == ""


@pytest.mark.parametrize(
    ("response", "thinking", "fault"),
    [
        pytest.param("<answer>B</answer>", None, "missing_think", id="no thinking"),
        pytest.param("<think>why<answer>B</answer>", None, "missing_think", id="thinking never closed"),
        pytest.param("why</think><answer>B</answer>", None, "missing_think", id="thinking never opened"),
        pytest.param("Sure.<answer>B</answer>", None, "missing_think", id="text and no thinking"),
        pytest.param(
            "<think>a</think><think>b</think><answer>B</answer>", "a</think><think>b", "several_thinks", id="two"
        ),
        pytest.param("<think>a<think>b</think><answer>B</answer>", "a<think>b", "several_thinks", id="opened twice"),
        pytest.param("<think>a</think>b</think><answer>B</answer>", "a</think>b", "several_thinks", id="closed twice"),
        pytest.param("Sure. <think>a</think><answer>B</answer>", "a", "text_outside_tags", id="text before"),
        pytest.param("<think>a</think>So<answer>B</answer>", "a", "text_outside_tags", id="text between"),
        pytest.param("<think>a</think><answer>B</answer>.", "a", "text_outside_tags", id="text after"),
        pytest.param("<think>a</think><answer>B</answer><think>", "a", "text_outside_tags", id="a tag after"),
        pytest.param("<|im_end|><think>a</think><answer>B</answer>", "a", "text_outside_tags", id="end token before"),
        pytest.param("<think>a</think><answer>B</answer></s>.", "a", "text_outside_tags", id="text after an end token"),
        pytest.param("<think>a</think>\u200b<answer>B</answer>", "a", "text_outside_tags", id="zero width space"),
    ],
)
def test_answer_without_format(response: str, thinking: str | None, fault: str) -> None:
    """The answer counts; only the format is lost."""
    assert found(response) == (thinking, "B", None, fault)


@pytest.mark.parametrize(
    ("think", "response", "thinking", "fault"),
    [
        pytest.param("prefilled", "why</think><answer>B</answer>", "why", None, id="prefilled"),
        pytest.param("prefilled", " why </think> <answer>B</answer>", " why ", None, id="prefilled, spaces"),
        pytest.param("prefilled", "</think><answer>B</answer>", "", None, id="prefilled, no thought"),
        pytest.param("prefilled", "<think>why</think><answer>B</answer>", "why", "several_thinks", id="opened again"),
        pytest.param("prefilled", "a</think>b</think><answer>B</answer>", "a</think>b", "several_thinks", id="twice"),
        pytest.param("prefilled", "<answer>B</answer>", None, "missing_think", id="prefilled, never closed"),
        pytest.param("prefilled", "why</think>So<answer>B</answer>", "why", "text_outside_tags", id="text between"),
        pytest.param("none", "<answer>B</answer>", None, None, id="none"),
        pytest.param("none", "\n<answer>B</answer>\n</s>", None, None, id="none, spaces"),
        pytest.param("none", "So <answer>B</answer>", None, "text_outside_tags", id="none, text before"),
        pytest.param("none", "<answer>B</answer>.", None, "text_outside_tags", id="none, text after"),
        pytest.param(
            "none", "<think>why</think><answer>B</answer>", "why", "text_outside_tags", id="none, but thought"
        ),
    ],
)
def test_think(think: Think, response: str, thinking: str | None, fault: str | None) -> None:
    assert found(response, think) == (thinking, "B", None, fault)


def test_thinking_may_quote_answers() -> None:
    response = "<think><answer>A</answer></answer><answer></think><answer>B</answer>"
    assert found(response) == ("<answer>A</answer></answer><answer>", "B", None, None)


def test_thinking_is_kept_as_written() -> None:
    assert find_answer("<think>\n a < b \n</think><answer>B</answer>").think == "\n a < b \n"


@pytest.mark.parametrize("think", THINKS)
@given(response=RESPONSES)
def test_oracle(think: Think, response: str) -> None:
    result = find_answer(response, think=think)
    answer, failure = oracles.only_answer(response)
    assert (result.answer, result.failure) == (answer, failure)
    assert result.closed == (failure != "unclosed_answer") or failure == "several_answers"
    assert (result.format_fault is None) == oracles.in_format(response, think)
    if failure is not None:
        assert result.format_fault == failure


@pytest.mark.parametrize("think", THINKS)
@given(responses=st.lists(RESPONSES, max_size=6))
def test_many_are_each(think: Think, responses: list[str]) -> None:
    """The quick way gives what the long one gives, row by row."""
    check_many(responses, think)


def check_many(responses: list[str], think: Think = "required", limits: Limits = Limits()) -> None:  # noqa: B008
    many = find_answers(responses, think=think, limits=limits)
    each = [find_answer(response, think=think, limits=limits) for response in responses]
    assert many.texts == [found.answer if found.failure is None else "" for found in each]
    assert many.failure == [found.failure for found in each]
    assert many.format_fault == [found.format_fault for found in each]
    assert many.repairs == [()] * len(responses)
    assert many.unclosed == {
        row: found.answer for row, found in enumerate(each) if found.failure and found.answer is not None
    }


@pytest.mark.parametrize("opening", ["A thing", "<thinj>", "<thinl>", "z thing", "", "<think"])
def test_one_other_beginning_among_many(opening: str) -> None:
    """Its end is the end of the others, which are read the quick way."""
    end = "I see it.</think>\n<answer>B</answer>"
    responses = [f"<think>{end}"] * 80
    responses[7] = opening + end
    check_many(responses)
    fault = find_answer(responses[7]).format_fault
    assert fault is not None
    assert find_answers(responses).format_fault == [None] * 7 + [fault] + [None] * 72


@pytest.mark.parametrize(
    "inner",
    [
        "",
        " ",
        "B",
        "a < b",
        "<",
        "<answer>",
        "</answer>",
        "<think>",
        "</think>",
        "<answer>B</answer>",
        "x" * 40,
        "\x1c",
    ],
)
@pytest.mark.parametrize("joint", ["", "\n", "\n\n", " ", "\n\n\n", "\r\n", "\x1c", "x", "<"])
def test_many_are_each_near_the_quick_way(joint: str, inner: str) -> None:
    """Whatever is in the thinking, between, in the answer or after it."""
    shapes = (
        "<think>{0}</think>{1}<answer>B</answer>",
        "<think>why</think>{1}<answer>{0}</answer>",
        "<think>why</think>{1}<answer>B{0}</answer>",
        "<think>why</think>{1}<answer>B</answer>{0}",
        "{0}<think>why</think>{1}<answer>B</answer>",
        "<think>{0}</answer>",
        "<think></think>{1}<answer></answer>",
    )
    responses = [shape.format(inner, joint) for shape in shapes]
    for think in THINKS:
        check_many(responses, think)
    check_many(responses, limits=Limits(response_characters=40))


def test_limit() -> None:
    response = "<think>why</think><answer>B</answer>"
    exact, short = Limits(response_characters=len(response)), Limits(response_characters=len(response) - 1)
    assert find_answer(response, limits=exact) == SOUND
    too_long = FailureCode.RESPONSE_TOO_LONG
    assert find_answer(response, limits=short) == FoundAnswer(None, None, too_long, too_long)
    assert find_answers([response], limits=short).failure == [too_long]
    assert find_answers([response], limits=exact).texts == ["B"]


def test_the_same_end_behind_another_beginning() -> None:
    """What follows the first ``<`` after seven characters is the same in all, and means something else in each."""
    end = "<think>a</think><answer>B</answer>"
    check_many([" " * 7 + end, "<think>" + end, "Answer " + end, end[:7] + "x" + end, end])


@pytest.mark.parametrize(
    "piece",
    ["<", "<think>", " ", "</s>", "<answer>", "</answer>", "</think>", " </s>", "<|im_end|>\n", "\x1c",
     "<think></think>", "<answer></answer>", "</answer", "\ud800", "\x00"],
)  # fmt: skip
def test_a_megabyte_of_anything(piece: str) -> None:
    """Each pass over the text is a search for a fixed string or a step of a character, so none is quadratic."""
    text = piece * (1_000_000 // len(piece))
    for response in (
        text,
        f"<think>{text}</think><answer>B</answer>",
        f"<think>x</think><answer>B{text}",
        f"B{text}</answer>",
    ):
        check_many([response])


def test_white_space_is_one_set() -> None:
    """`str.strip`, `str.isspace` and the regular expressions agree on white space, whatever the script."""
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    spaces = {character for character in every if character.isspace()}
    assert set(re.findall(r"\s", every)) == spaces
    assert all(not character.strip() for character in spaces)
    assert set(valid.SPACES) <= spaces
    assert {"\u200b", "\ufeff", "\u180e", "\u2060"}.isdisjoint(spaces)


@given(text=st.text(valid.SPACES + "x\u200b", max_size=6))
@settings(max_examples=50)
def test_white_space_in_every_place(text: str) -> None:
    response = f"{text}<think>a</think>{text}<answer>{text}B{text}</answer>{text}</s>{text}"
    result = find_answer(response)
    assert result.answer == f"{text}B{text}".strip()
    assert (result.format_fault is None) == (not text.strip())
    check_many([response])


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("B", "B"),
        (" B\n", "B"),
        ("<answer>B</answer>", "B"),
        ("\n<answer> B </answer>\n", "B"),
        ("<answer></answer>", ""),
        ("<answer>B", "<answer>B"),
        ("B</answer>", "B</answer>"),
        ("x <answer>B</answer>", "x <answer>B</answer>"),
    ],
)
def test_bare_reference(text: str, bare: str) -> None:
    assert bare_reference(text) == bare


def test_end_tokens_are_those_of_the_design() -> None:
    assert set(END_TOKENS) == set(oracles.END_TOKENS)
