"""Columns say what the one-row definition says, on everything a model may write."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from onethinker_rewards import testing
from onethinker_rewards.parsing import Limits, Rules, read_answer
from onethinker_rewards.schemas import (
    BoxTrack,
    SegmentationPrompt,
    SingleBox,
    TimedBoxTrack,
    TimeSpan,
    VideoSegmentationPrompt,
)
from onethinker_rewards.testing import misses, sound
from tests.columns.agreement import assert_agrees

FEW = settings().max_examples // 4
BOTH: list[Rules] = ["strict", "lenient"]
TIGHT = Limits(answer_characters=90, track_boxes=2, number_characters=6)
POINTS = "[[1, 2], [3, 4], [5, 6]]"
PROMPT = f'"positive_points": {POINTS}, "negative_points": {POINTS}'


def named(schema: type[BaseModel]) -> str:
    return schema.__name__


@pytest.mark.parametrize("schema", sound.SCHEMAS, ids=named)
@given(data=st.data())
@settings(max_examples=FEW)
def test_sound_answers(schema: type[BaseModel], data: st.DataObject) -> None:
    texts = data.draw(st.lists(testing.answers(schema), max_size=3))
    assert all(read_answer(text, schema).schema_fault is None for text in texts)
    assert_agrees(schema, texts)


@pytest.mark.parametrize("schema", sound.SCHEMAS, ids=named)
@given(data=st.data())
@settings(max_examples=settings().max_examples // 2)
def test_any_answers(schema: type[BaseModel], data: st.DataObject) -> None:
    texts = data.draw(st.lists(testing.any_answer(schema), min_size=1, max_size=4))
    for rules in BOTH:
        assert_agrees(schema, texts, rules=rules)


@pytest.mark.parametrize("schema", sound.SCHEMAS, ids=named)
@given(data=st.data())
@settings(max_examples=FEW)
def test_tight_limits(schema: type[BaseModel], data: st.DataObject) -> None:
    good = testing.answers(schema)
    texts = data.draw(st.lists(st.one_of(good, testing.near_misses(schema)), max_size=4))
    assert_agrees(schema, texts, rules=data.draw(st.sampled_from(BOTH)), limits=TIGHT)


@pytest.mark.parametrize("rules", BOTH)
@pytest.mark.parametrize("schema", sound.SCHEMAS, ids=named)
def test_hostile_texts_all_at_once(schema: type[BaseModel], rules: Rules) -> None:
    assert_agrees(schema, list(testing.HOSTILE.values()), rules=rules)


@pytest.mark.parametrize("schema", sound.TEXT_SCHEMAS, ids=named)
def test_plain_near_misses(schema: type[BaseModel]) -> None:
    for rules in BOTH:
        assert_agrees(schema, misses.PLAIN_MISSES[schema], rules=rules)
        assert_agrees(schema, misses.PLAIN_MISSES[schema], rules=rules, limits=TIGHT)


@pytest.mark.parametrize("schema", sound.SCHEMAS, ids=named)
@pytest.mark.parametrize("character", ["x", "[", "1", " ", "\ud800"])
def test_ten_megabytes(schema: type[BaseModel], character: str) -> None:
    assert_agrees(schema, [character * 10_000_000])


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (TimeSpan, '{{"time": [0, {}]}}'),
        (TimeSpan, '{{"time": [{}, 5]}}'),
        (SingleBox, '{{"boxes": [{}, 1, 500, 600]}}'),
        (SingleBox, '{{"boxes": [0, 1, {}, 600]}}'),
        (BoxTrack, '{{"boxes": {{"0": [0, 1, {}, 600], "3": [0, 0, 9, 9]}}}}'),
        (BoxTrack, '{{"boxes": {{"7": [0, {}, 500, 600]}}}}'),
        (TimedBoxTrack, '{{"time": [0, 1], "boxes": {{"0": [0, {}, 500, 600]}}}}'),
        (TimedBoxTrack, '{{"time": [{}, 1], "boxes": {{"0": [0, 1, 500, 2000]}}}}'),
        (SegmentationPrompt, f'{{{{"boxes": [0, 0, 9, 9], {PROMPT}}}}}'.replace("[3, 4]", "[{}, 4]", 1)),
        (VideoSegmentationPrompt, f'{{{{"time": {{}}, "boxes": [0, 0, 9, 1009], {PROMPT}}}}}'),
    ],
)
def test_odd_numbers(schema: type[BaseModel], text: str) -> None:
    """Such a number gets the same verdict alone, between sound rows, and among its like."""
    sound = text.format("2")
    odd = [text.format(number) for number in (*misses.RAW_NUMBERS, *map(repr, misses.ODD_NUMBERS))]
    for rules in BOTH:
        assert_agrees(schema, odd, rules=rules)
        for one in odd:
            assert_agrees(schema, [one], rules=rules)
            assert_agrees(schema, [sound, one, sound, one], rules=rules)


@pytest.mark.parametrize("box", ["[1, 2, 3, 4]", "[-1, 2, 3, 4]", "[3, 2, 1, 4]", "[1, 2, 3]"])
@pytest.mark.parametrize("quoted", [json.dumps(key) for key in misses.ODD_KEYS])
def test_odd_frame_keys(quoted: str, box: str) -> None:
    texts = [
        f'{{"boxes": {{{quoted}: {box}}}}}',
        f'{{"boxes": {{"0": {box}, {quoted}: [0, 0, 9, 9]}}}}',
        f'{{"boxes": {{{quoted}: [0, 0, 9, 9], "0": {box}}}}}',
        f'{{"boxes": {{{quoted}: [0, 0, 9, 9], "2": {box}, "0": [0, 0, 9, 2000]}}}}',
    ]
    for rules in BOTH:
        assert_agrees(BoxTrack, texts, rules=rules)
        timed = [text.replace("{", '{"time": [1, 2], ', 1) for text in texts]
        assert_agrees(TimedBoxTrack, timed, rules=rules)
        assert_agrees(TimedBoxTrack, [text.replace("[1, 2]", "[2, 1]", 1) for text in timed], rules=rules)


ESCAPES: list[Callable[[str], str]] = [
    lambda text: re.sub(r'"(\w)', lambda found: f'"\\u{ord(found[1]):04x}', text),
    lambda text: text.replace('"', '"\\/', 1),
    lambda text: text.replace('"', '"\\q', 1),
    lambda text: text.replace('"', '"\n', 1),
    lambda text: text.replace('"', '"\x00', 1),
    lambda text: text.replace('"', '"\\ud800', 1),
    lambda text: text + "\x00",
    lambda text: "\ufeff" + text,
    lambda text: text + " // done",
    lambda text: text + text,
    lambda text: text.replace(",", "\u00a0,"),
    lambda text: text.replace(",", "\t\r\n ,"),
    lambda text: f"\u2003{text}\x1c",
]


@pytest.mark.parametrize("change", ESCAPES)
@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (TimeSpan, '{"time": [1, 2]}'),
        (BoxTrack, '{"boxes": {"1": [0, 0, 9, 9], "2": [0, 0, 9, 9]}}'),
        (TimedBoxTrack, '{"time": [1, 2], "boxes": {"0": [0, 0, 9, 9]}}'),
        (VideoSegmentationPrompt, f'{{"time": 1, "boxes": [0, 0, 9, 9], {PROMPT}}}'),
    ],
)
def test_escapes_and_white_space(schema: type[BaseModel], text: str, change: Callable[[str], str]) -> None:
    for rules in BOTH:
        assert_agrees(schema, [change(text), text, change(text)], rules=rules)


@pytest.mark.parametrize("first", ["null", '"x"', "[1, 2, 3]", "[1, 2]", "[2, 1]", "{}"])
@pytest.mark.parametrize("second", ["null", "[1, 2]", "[3, 4]", "[4, 3]", "[-1, 2]"])
def test_of_a_repeated_key_the_last_counts(first: str, second: str) -> None:
    assert_agrees(TimeSpan, [f'{{"time": {first}, "time": {second}}}'])


def test_first_wrong_then_right_is_right() -> None:
    text = '{"boxes": {"1": null, "1": [0, 0, 5, 5]}}'
    assert_agrees(BoxTrack, [text, text.replace("null", "[0, 0, 9, 9]")])


@pytest.mark.parametrize("count", [15, 16, 9_999, 10_000, 10_001])
def test_long_tracks(count: int) -> None:
    """A track's length crosses the sizes of MessagePack's headers, and the limit of boxes."""
    track = json.dumps({"boxes": {str(second): [second % 900, 0, 1000, 9] for second in range(count)}})
    short = '{"boxes": {"5": [0, 0, 9, 9]}}'
    assert_agrees(BoxTrack, [short, track, short])
    assert_agrees(TimedBoxTrack, [text.replace("{", '{"time": [1, 2], ', 1) for text in (track, short)])


@pytest.mark.parametrize("count", [65_535, 65_536])
def test_very_long_tracks(count: int) -> None:
    """The largest of MessagePack's headers, where a limit lets so many boxes in."""
    track = json.dumps({"boxes": {str(second): [second % 900, 0, 1000, 9] for second in range(count)}})
    assert_agrees(BoxTrack, [track, '{"boxes": {"5": [0, 0, 9, 9]}}'], limits=Limits(track_boxes=count))


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (TimeSpan, '{"time": [1.5, 2e1]}'),
        (TimedBoxTrack, '{"time": [1, 2], "boxes": {"0": [0, 0, 9, 9]}}'),
        (SegmentationPrompt, f'{{"boxes": [0, 0, 9, 9], {PROMPT}}}'),
    ],
)
def test_cut_anywhere(schema: type[BaseModel], text: str) -> None:
    """What one decoder calls malformed is no JSON for the definition's either, and a limit comes before that."""
    cut = [text[:place] for place in range(1, len(text))]
    doubled = [text[:place] + text[place - 1 :] for place in range(1, len(text))]
    dropped = [text[: place - 1] + text[place:] for place in range(1, len(text))]
    for limits in (Limits(), Limits(number_characters=0), Limits(answer_characters=len(text) - 2)):
        assert_agrees(schema, [*cut, text, *doubled, *dropped], limits=limits)
