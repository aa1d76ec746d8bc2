"""Lenient repairs: each alone, several at once, what none of them does."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import onethinker_rewards as otr
from onethinker_rewards.answers import (
    BoxTrack,
    Number,
    OptionLetter,
    SegmentationPrompt,
    SingleBox,
    Text,
    TimedBoxTrack,
    TimeSpan,
    read_answer,
)
from onethinker_rewards.answers.repairs import repair_json, without_fence
from onethinker_rewards.codes import RepairCode
from onethinker_rewards.testing import invalid, valid

BOX = '{"boxes": [0, 0, 9, 9]}'
SPAN = '{"time": [1, 2]}'
POINTS = "[[1, 2], [3, 4], [5, 6]]"
PROMPT = f'{{"boxes": [0, 0, 9, 9], "positive_points": {POINTS}, "negative_points": {POINTS}}}'
TIMED = '{"time": [1, 2], "boxes": {"1": [0, 0, 9, 9], "2": [0, 0, 8, 8]}}'
ONE = {"boxes": {"1": (0.0, 0.0, 9.0, 9.0)}}
TWO = {"boxes": {"1": (0.0, 0.0, 9.0, 9.0), "2": (0.0, 0.0, 8.0, 8.0)}}

Case = tuple[type[BaseModel], str, tuple[str, ...], Any]

REPAIRED: dict[str, Case] = {
    "a fence": (TimeSpan, f"```\n{SPAN}\n```", ("code_fence",), {"time": (1.0, 2.0)}),
    "a fence with a language": (TimeSpan, f"```json\n{SPAN}\n```", ("code_fence",), {"time": (1.0, 2.0)}),
    "a fence with JSON5": (TimeSpan, f"```json5  \n{SPAN}```", ("code_fence",), {"time": (1.0, 2.0)}),
    "a fence on one line": (TimeSpan, f"```{SPAN}```", ("code_fence",), {"time": (1.0, 2.0)}),
    "a fence around a number": (Number, "```\n1,234\n```", ("code_fence",), 1234.0),
    "a unit": (Number, "12 cm", ("unit",), 12.0),
    "a unit in a fence": (Number, "```\n5 cm\n```", ("code_fence", "unit"), 5.0),
    "a fence around a letter": (OptionLetter, "```text\n(b)\n```", ("code_fence",), "B"),
    "a fence, a letter on its line": (OptionLetter, "```B```", ("code_fence",), "B"),
    "single quotes": (TimeSpan, "{'time': [1, 2]}", ("single_quotes",), {"time": (1.0, 2.0)}),
    "a trailing comma": (TimeSpan, '{"time": [1, 2],}', ("trailing_comma",), {"time": (1.0, 2.0)}),
    "trailing commas": (TimeSpan, '{"time": [1, 2, ], \n}', ("trailing_comma",), {"time": (1.0, 2.0)}),
    "a list of one": (TimeSpan, f"[{SPAN}]", ("unwrapped_list",), {"time": (1.0, 2.0)}),
    "bbox": (SingleBox, '{"bbox": [0, 0, 9, 9]}', ("renamed_key",), {"boxes": (0.0, 0.0, 9.0, 9.0)}),
    "half a fence": (TimeSpan, f"```json\n{SPAN}", ("code_fence",), None),
    "the other half": (TimeSpan, f"{SPAN}\n```", ("code_fence",), None),
    "inline code": (TimeSpan, f"`{SPAN}`", ("code_fence",), None),
    "a bare box": (SingleBox, "[0, 0, 9, 9]", ("bare_box",), {"boxes": (0.0, 0.0, 9.0, 9.0)}),
    "a bare box in a list": (SingleBox, "[[0, 0, 9, 9]]", ("bare_box", "unwrapped_box"), None),
    "a list of one span": (TimeSpan, '{"time": [[1, 2]]}', ("unwrapped_box",), None),
    "a label beside boxes": (SingleBox, '{"boxes": [0, 0, 9, 9], "label": "dog"}', ("dropped_label",), None),
    "a single box cut off": (SingleBox, '{"boxes": [0, 0, 9, 9]', ("closed_bracket",), None),
    "a prompt cut off": (SegmentationPrompt, PROMPT[:-1], ("closed_bracket",), None),
    "bbox_2d": (SingleBox, '{"bbox_2d": [0, 0, 9, 9]}', ("renamed_key",), {"boxes": (0.0, 0.0, 9.0, 9.0)}),
    "bbox_2d with a label": (
        SingleBox,
        '{"bbox_2d": [0, 0, 9, 9], "label": "a dog"}',
        ("renamed_key", "dropped_label"),
        {"boxes": (0.0, 0.0, 9.0, 9.0)},
    ),
    "bbox_2d of a track": (BoxTrack, '{"bbox_2d": {"1": [0, 0, 9, 9]}}', ("renamed_key",), ONE),
    "a list of one box": (SingleBox, '{"boxes": [[0, 0, 9, 9]]}', ("unwrapped_box",), {"boxes": (0.0, 0.0, 9.0, 9.0)}),
    "cut within a box": (BoxTrack, '{"boxes": {"1": [0, 0, 9, 9], "2": [0, 0, 8', ("truncated_track",), ONE),
    "cut before a bracket": (BoxTrack, '{"boxes": {"1": [0, 0, 9, 9], "2": [0, 0, 8, 8', ("truncated_track",), ONE),
    "cut behind a box": (BoxTrack, '{"boxes": {"1": [0, 0, 9, 9], "2": [0, 0, 8, 8]', ("truncated_track",), TWO),
    "cut within a key": (BoxTrack, '{"boxes": {"1": [0, 0, 9, 9], "2', ("truncated_track",), ONE),
    "cut behind a comma": (BoxTrack, '{"boxes": {"1": [0, 0, 9, 9],', ("truncated_track",), ONE),
    "the last brace cut": (BoxTrack, '{"boxes": {"1": [0, 0, 9, 9]}', ("truncated_track",), ONE),
    "a timed track cut": (
        TimedBoxTrack,
        '{"time": [1, 2], "boxes": {"1": [0, 0, 9, 9], "2',
        ("truncated_track",),
        {"time": (1.0, 2.0), **ONE},
    ),
    "a timed track, its time last, cut": (
        TimedBoxTrack,
        '{"boxes": {"1": [0, 0, 9, 9]}, "time": [1, 2]',
        ("truncated_track",),
        {"time": (1.0, 2.0), **ONE},
    ),
    "four points": (
        SegmentationPrompt,
        PROMPT.replace("[5, 6]]", "[5, 6], [7, 8]]", 1),
        ("extra_points",),
        None,
    ),
    "two points": (SegmentationPrompt, PROMPT.replace("[3, 4], ", "", 1), ("repeated_points",), None),
    "clipped after a repair": (
        SingleBox,
        '[{"bbox_2d": [[-5, 0, 9, 1009]]}]',
        ("unwrapped_list", "renamed_key", "unwrapped_box", "clipped"),
        {"boxes": (0.0, 0.0, 9.0, 1000.0)},
    ),
    "all of JSON's at once": (
        SingleBox,
        "```json\n[{'bbox_2d': [[0, 0, 9, 9]], 'label': 'dog',},]\n```",
        (
            "code_fence",
            "single_quotes",
            "trailing_comma",
            "unwrapped_list",
            "renamed_key",
            "dropped_label",
            "unwrapped_box",
        ),
        {"boxes": (0.0, 0.0, 9.0, 9.0)},
    ),
    "a track in single quotes, cut": (
        BoxTrack,
        "{'boxes': {'1': [0, 0, 9, 9,], '2': [0, 0",
        ("single_quotes", "trailing_comma", "truncated_track"),
        ONE,
    ),
}  # fmt: skip


def loaded(text: str) -> Any:
    """Return what JSON decodes to, "none" where it is no JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return "none"


# Pieces of which some together are JSON with commas too many; the NUL is the mark that the quick way uses.
PIECES = ["[", "]", "{", "}", ",", ", \n", ",]", ",}", " ]", "1", '"a"', ":", '",}"', "\x00", "\u3000"]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("[1,,]")
@example("[1,\x00]")
@example("[[1, ], ]")
@example('{"a":",}",}')
@example("[1,\u3000]")
@example(",,}")
@example(",\x00}")
def test_trailing_commas_are_those_of_the_pattern(text: str) -> None:
    if loaded(text) != "none":
        return
    mended, repairs = repair_json(text, track=False)
    expected = loaded(without_trailing_commas(text))
    if expected == "none":
        assert loaded(mended) == "none" or RepairCode.CLOSED_BRACKET in repairs
    else:
        assert (loaded(mended), repairs) == (expected, [RepairCode.TRAILING_COMMA])


def without_trailing_commas(text: str) -> str:
    """Take commas out that only white space and a closing bracket follow, but for those in strings."""
    kept, place = "", 0
    while place < len(text):
        string = re.compile(r'"(?:[^"\\]|\\.)*?"', re.DOTALL).match(text, place)
        if string is not None:
            kept, place = kept + string[0], string.end()
            continue
        after = text[place + 1 :].lstrip()
        if text[place] == "," and after[:1] in ("]", "}"):
            place = len(text) - len(after)
        else:
            kept, place = kept + text[place], place + 1
    return kept


VALUES = st.recursive(st.integers(0, 9), lambda inner: st.lists(inner) | st.dictionaries(st.text("ab"), inner))


@given(value=VALUES, comma=st.sampled_from([",", ", ", " ,\n", ",\x1c"]))
def test_any_value_with_commas_before_every_end(value: Any, comma: str) -> None:
    text = re.sub(r"(?<=[^\[{])([\]}])", rf"{comma}\1", json.dumps(value))
    expected = (value, [RepairCode.TRAILING_COMMA] if comma in text else [])
    mended, repairs = (text, []) if loaded(text) != "none" else repair_json(text, track=False)
    assert (loaded(mended), repairs) == expected


def test_very_many_commas_are_one_pass() -> None:
    text = "[" + "[1,]," * 200_000 + "]"
    mended, repairs = repair_json(text, track=False)
    assert (loaded(mended), repairs) == ([[1]] * 200_000, ["trailing_comma"])


@pytest.mark.parametrize(("schema", "text", "repairs", "value"), [pytest.param(*c, id=n) for n, c in REPAIRED.items()])
def test_repaired(schema: type[BaseModel], text: str, repairs: tuple[str, ...], value: Any) -> None:
    """Each repair is named, in order, and the fault that it mended is kept for the format."""
    strict, lenient = read_answer(text, schema), read_answer(text, schema, rules="lenient")
    assert strict.failure is not None
    assert lenient.failure is None
    assert lenient.repairs == repairs
    assert lenient.schema_fault == strict.failure
    assert lenient.answer is not None
    if value is not None:
        assert lenient.answer.model_dump() == value


@pytest.mark.parametrize(
    ("given_points", "kept", "repair"),
    [
        ("[[1, 2], [3, 4], [5, 6], [7, 8]]", ((1, 2), (3, 4), (5, 6)), "extra_points"),
        ("[[1, 2], [3, 4], [5, 6], [7, 8], [9, 9]]", ((1, 2), (3, 4), (5, 6)), "extra_points"),
        ("[[1, 2], [3, 4]]", ((1, 2), (3, 4), (3, 4)), "repeated_points"),
        ("[[1, 2]]", ((1, 2), (1, 2), (1, 2)), "repeated_points"),
    ],
)
@pytest.mark.parametrize("name", ["positive_points", "negative_points"])
def test_points(name: str, given_points: str, kept: Any, repair: str) -> None:
    text = PROMPT.replace(f'"{name}": {POINTS}', f'"{name}": {given_points}')
    read = read_answer(text, SegmentationPrompt, rules="lenient")
    assert read.repairs == (repair,)
    assert getattr(read.answer, name) == kept


def test_points_of_both_kinds_are_one_repair() -> None:
    text = PROMPT.replace("[3, 4], ", "")
    assert read_answer(text, SegmentationPrompt, rules="lenient").repairs == ("repeated_points",)
    mixed = PROMPT.replace("[3, 4], ", "", 1).replace("[5, 6]]}", "[5, 6], [7, 8]]}")
    assert read_answer(mixed, SegmentationPrompt, rules="lenient").repairs == ("repeated_points", "extra_points")


UNREPAIRED: dict[str, tuple[type[BaseModel], str]] = {
    "prose": (TimeSpan, "from 1 to 2"),
    "a fence around nothing": (TimeSpan, "```\n```"),
    "five backticks": (Number, "`````"),
    "a fence around two numbers": (Number, "```7\n8\n```"),
    "a fence around two letters": (OptionLetter, "```A\nB\n```"),
    "both kinds of quotes": (TimeSpan, "{\"time': [1, 2]}"),
    "two commas": (TimeSpan, '{"time": [1, 2],,}'),
    "a comma between nothing": (TimeSpan, '{"time": [1,, 2]}'),
    "a list of two": (TimeSpan, f"[{SPAN}, {SPAN}]"),
    "an empty list": (TimeSpan, "[]"),
    "a list of a list": (TimeSpan, f"[[{SPAN}]]"),
    "bbox_2d beside boxes": (SingleBox, '{"boxes": [0, 0, 9, 9], "bbox_2d": [0, 0, 9, 9]}'),
    "bbox_2d where no box belongs": (TimeSpan, '{"time": [1, 2], "bbox_2d": [0, 0, 9, 9]}'),
    "two boxes": (SingleBox, '{"boxes": [[0, 0, 9, 9], [0, 0, 9, 9]]}'),
    "a box of boxes of boxes": (SingleBox, '{"boxes": [[[0, 0, 9, 9]]]}'),
    "a box of one": (SingleBox, '{"boxes": [5]}'),
    "no points": (SegmentationPrompt, PROMPT.replace(POINTS, "[]", 1)),
    "points of numbers": (SegmentationPrompt, PROMPT.replace(POINTS, "[1, 2]", 1)),
    "points in an object": (SegmentationPrompt, PROMPT.replace(POINTS, '{"1": [1, 2]}', 1)),
    "an inverted box in quotes": (SingleBox, "{'boxes': [9, 0, 5, 9]}"),
    "a track cut in its first box": (BoxTrack, '{"boxes": {"1": [0, 0, 9'),
    "a track cut before its boxes": (TimedBoxTrack, '{"time": [1, 2], "bo'),
    "a track cut behind its time": (TimedBoxTrack, '{"time": [1, 2], "boxes": {'),
    "a track cut before its time": (TimedBoxTrack, '{"boxes": {"1": [0, 0, 9, 9]}, "time": [1,'),
    "a track with too many braces": (BoxTrack, '{{{"boxes": {"1": [0, 0, 9, 9]'),
    "a track with a brace too many": (BoxTrack, '{"boxes": {"1": [0, 0, 9, 9]}}}'),
    "a string for a number": (TimeSpan, "{'time': ['1', 2]}"),
    "a hedge in a fence": (OptionLetter, "```\nA or B\n```"),
    "a range in a fence": (Number, "```\n5-6 cm\n```"),
}


@pytest.mark.parametrize(("schema", "text"), [pytest.param(*c, id=n) for n, c in UNREPAIRED.items()])
def test_unrepaired(schema: type[BaseModel], text: str) -> None:
    """What no repair mends has no repairs, and the code of the fault that remains."""
    strict, lenient = read_answer(text, schema), read_answer(text, schema, rules="lenient")
    assert strict.failure is not None
    assert (lenient.answer, lenient.repairs, lenient.schema_fault) == (None, (), lenient.failure)
    assert lenient.failure == REMAINS.get(text, strict.failure)


# What is wrong with a text once it is JSON.
REMAINS = {
    "{'boxes': [9, 0, 5, 9]}": "bad_order",
    "{'time': ['1', 2]}": "wrong_type",
    '{"boxes": {"1": [0, 0, 9, 9]}, "time": [1,': "missing_key",
}


def test_free_text_is_left_alone() -> None:
    text = "```\nx,}\n```"
    read = read_answer(text, Text, rules="lenient")
    assert (read.answer, read.repairs) == (Text(text), ())


def test_every_repair_is_reached() -> None:
    """The missing end of an answer is added where tags are found, above this layer."""
    assert {code for _, _, codes, _ in REPAIRED.values() for code in codes} | {"closed_answer"} == set(RepairCode)


def test_a_missing_end_of_the_answer() -> None:
    parsed = otr.parse(f"<think>x</think><answer>```json\n{SPAN}\n```", "temporal_grounding", rules="lenient")
    assert parsed.repairs == ("closed_answer", "code_fence")
    assert (parsed.failure, parsed.format_fault) == (None, "unclosed_answer")
    assert otr.parse(f"<answer>{SPAN}", "temporal_grounding").failure == "unclosed_answer"
    assert otr.parse("<answer>{", "temporal_grounding", rules="lenient").failure == "unclosed_answer"
    assert otr.parse("<answer>B", "multiple_choice", rules="lenient").failure == "unclosed_answer"


@pytest.mark.parametrize(
    ("text", "inner", "fenced"),
    [
        ("```json\nx\n```", "x", True),
        ("```\nx\n```", "x", True),
        ("``` \nx```", "x", True),
        ("```x```", "x", True),
        ("```x\ny```", "x\ny", True),
        ("```7\n8```", "7\n8", True),
        ("```two words\nx```", "two words\nx", True),
        ("``````", "``````", False),
        ("`````", "`````", False),
        ("```x", "x", True),
        ("x```", "x", True),
        ("```json {}```", "{}", True),
        ("```json\n{}", "{}", True),
        ("```text x```", "text x", True),
        ("`x`", "x", True),
        ("`x` `y`", "`x` `y`", False),
        ("", "", False),
    ],
)
def test_without_fence(text: str, inner: str, fenced: bool) -> None:
    assert without_fence(text) == (inner, [RepairCode.CODE_FENCE] if fenced else [])


# In the order in which they are named; they are put on in another, so that each still finds its place.
SHAPES = {
    "code_fence": lambda text: f"```json\n{text}\n```",
    "single_quotes": lambda text: text.replace('"', "'"),
    "trailing_comma": lambda text: text.replace("}", ",}"),
    "unwrapped_list": lambda text: f"[{text}]",
    "renamed_key": lambda text: re.sub(r"(['\"])boxes\1", r"\1bbox_2d\1", text),
    "unwrapped_box": lambda text: text.replace("[", "[[").replace("]", "]]"),
    "clipped": lambda text: text.replace("[0,", "[-7,"),
}
ORDER = ["trailing_comma", "single_quotes", "renamed_key", "unwrapped_box", "clipped", "unwrapped_list", "code_fence"]


@pytest.mark.parametrize("count", range(1, len(SHAPES) + 1))
def test_combined(count: int) -> None:
    """Any of them together: all are named, and the box is what it was."""
    for chosen in combinations(ORDER, count):
        text = BOX
        for name in chosen:
            text = SHAPES[name](text)
        read = read_answer(text, SingleBox, rules="lenient")
        assert read.answer == SingleBox(boxes=(0.0, 0.0, 9.0, 9.0)), text
        assert read.repairs == tuple(name for name in SHAPES if name in chosen), text


def numbers_in(text: str) -> set[float]:
    text = text.replace("bbox_2d", "")
    return {float(number) for number in re.findall(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", text)}


@pytest.mark.parametrize("schema", valid.JSON_SCHEMAS, ids=lambda schema: schema.__name__)
@given(data=st.data())
@settings(max_examples=settings().max_examples // 3)
def test_no_repair_changes_a_number(schema: type[BaseModel], data: st.DataObject) -> None:
    """Every number of a repaired answer is in the text; only clipping moves one, and only to the border."""
    text = data.draw(invalid.repairable(schema))
    read = read_answer(text, schema, rules="lenient")
    if read.answer is None:
        return
    border = {0.0, 1000.0} if "clipped" in read.repairs else set()
    # Written with the same escapes, so that digits of a label are the same on both sides.
    assert numbers_in(json.dumps(read.answer.model_dump(mode="json"))) <= numbers_in(text) | border
