"""Many answers at a time: columns say what the one-row definition says, on everything a model may write.

Then what is particular to many: stand-ins, rows in any order, blocks, unclosed answers, schemas of a user's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from onethinker_rewards import testing
from onethinker_rewards.answers import (
    Answers,
    BoxTrack,
    ClickPoint,
    ClickTarget,
    Detections,
    Limits,
    ModelColumns,
    Number,
    OptionLetter,
    Order,
    PointSet,
    PointTargets,
    PointTrack,
    RatedImage,
    ReadAnswer,
    Reader,
    ReadOptions,
    RotatedBox,
    Rules,
    SegmentationPrompt,
    SingleBox,
    Size,
    Text,
    TimedBoxTrack,
    TimeSpan,
    TimeSpans,
    VideoSegmentationPrompt,
    find_answer,
    find_answers,
    read_answer,
)
from onethinker_rewards.codes import FailureCode, RepairCode
from onethinker_rewards.testing import invalid, valid
from tests.answers.reading import BLOCK, PROMPT, VALID, as_written, assert_agrees, read, said, value_of, values_of

FEW = settings().max_examples // 4
BOTH: list[Rules] = ["strict", "lenient"]
TIGHT = Limits(answer_characters=90, track_boxes=2, number_characters=6)


def named(schema: type[BaseModel]) -> str:
    return schema.__name__


@pytest.mark.parametrize("schema", valid.SCHEMAS, ids=named)
@given(data=st.data())
@settings(max_examples=FEW)
def test_sound_answers(schema: type[BaseModel], data: st.DataObject) -> None:
    texts = data.draw(st.lists(testing.answers(schema), max_size=3))
    assert all(read_answer(text, schema).schema_fault is None for text in texts)
    assert_agrees(schema, texts)


@pytest.mark.parametrize("schema", valid.SCHEMAS, ids=named)
@given(data=st.data())
@settings(max_examples=FEW)
def test_any_answers(schema: type[BaseModel], data: st.DataObject) -> None:
    texts = data.draw(st.lists(testing.any_answer(schema), min_size=1, max_size=4))
    for rules in BOTH:
        assert_agrees(schema, texts, rules=rules)


@pytest.mark.parametrize("schema", valid.SCHEMAS, ids=named)
@given(data=st.data())
@settings(max_examples=FEW)
def test_tight_limits(schema: type[BaseModel], data: st.DataObject) -> None:
    good = testing.answers(schema)
    texts = data.draw(st.lists(st.one_of(good, testing.near_misses(schema)), max_size=4))
    assert_agrees(schema, texts, rules=data.draw(st.sampled_from(BOTH)), limits=TIGHT)


@pytest.mark.no_cover
@pytest.mark.parametrize("rules", BOTH)
@pytest.mark.parametrize("schema", valid.SCHEMAS, ids=named)
def test_hostile_texts_all_at_once(schema: type[BaseModel], rules: Rules) -> None:
    assert_agrees(schema, list(testing.HOSTILE.values()), rules=rules)


@pytest.mark.parametrize("schema", valid.TEXT_SCHEMAS, ids=named)
def test_plain_near_misses(schema: type[BaseModel]) -> None:
    for rules in BOTH:
        assert_agrees(schema, invalid.PLAIN_MISSES[schema], rules=rules)
        assert_agrees(schema, invalid.PLAIN_MISSES[schema], rules=rules, limits=TIGHT)


@pytest.mark.parametrize("schema", list(invalid.JSON_MISSES), ids=named)
def test_near_misses_of_several_things(schema: type[BaseModel]) -> None:
    for rules in BOTH:
        assert_agrees(schema, [*invalid.JSON_MISSES[schema], VALID[schema]], rules=rules)
        assert_agrees(schema, invalid.JSON_MISSES[schema], rules=rules, limits=TIGHT)


@pytest.mark.parametrize("size", [(1000, 500), (640.5, 480), (1, 1), (1e-300, 5), (1e308, 1e308), None])
def test_boxes_in_pixels(size: Size | None) -> None:
    """With the size of the image, without one, and with one in every second row."""
    degrees = ["0", "90", "180", "270", "360", "-90", "45", "1e-300", "720.5", "1e308", "-1e308", "NaN"]
    texts = [f'{{"box": [500, 400, 60, 40, {degree}]}}' for degree in degrees]
    texts += [VALID[RotatedBox], *invalid.JSON_MISSES[RotatedBox], '{"box": [0, 0, 2000, 40, 33]}']
    for rules in BOTH:
        assert_agrees(RotatedBox, texts, rules=rules, sizes=[size] * len(texts))
        assert_agrees(RotatedBox, texts, rules=rules, sizes=[size if row % 2 else None for row in range(len(texts))])


@pytest.mark.parametrize(
    ("degrees", "first"),
    [(0, (20.0, 40.0)), (90, (60.0, 20.0)), (180, (80.0, 60.0)), (270, (40.0, 80.0)), (-90, (40.0, 80.0))],
)
@pytest.mark.parametrize("turns", [0, 1, -2, 10**6])
def test_whole_quarters_are_exact(degrees: int, first: tuple[float, float], turns: int) -> None:
    answers = Answers.of_texts([f'{{"box": [50, 50, 60, 20, {degrees + 360 * turns}]}}'], [(1000, 1000)])
    columns: Any = Reader().read(answers, np.arange(1), RotatedBox, ReadOptions())
    assert answers.failure == [None]
    assert tuple(columns.corners[0, 0].tolist()) == first


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (Detections, '{"objects": [{"box": [0, 0, 9, 9]}, {"box": [0, 0, 9, 9]}]}'),
        (PointSet, '{"points": [[1, 2], [1, 2]]}'),
        (PointTargets, '{"points": [[1, 2], [1, 2]]}'),
        (PointTargets, '{"boxes": [[0, 0, 9, 9], [0, 0, 9, 9]]}'),
        (TimeSpans, '{"times": [[1, 2], [1, 2]]}'),
        (PointTrack, '{"points": {"1": null, "2": [1, 2]}}'),
        (Order, '{"order": ["A", "B"]}'),
    ],
)
def test_all_lists_are_bounded(schema: type[BaseModel], text: str) -> None:
    for most, code in ((2, None), (1, FailureCode.TOO_MANY_BOXES)):
        limits = Limits(track_boxes=most)
        assert read(schema, [text], limits=limits).failure == [code]
        assert_agrees(schema, [text, VALID[schema]], limits=limits)


def test_points_are_not_clipped_and_boxes_are() -> None:
    far = {
        Detections: '{"objects": [{"box": [-5, 0, 9, 1009]}]}',
        PointTargets: '{"boxes": [[-5, 0, 9, 1009]]}',
        ClickTarget: '{"box": [-5, 0, 9, 1009]}',
        RotatedBox: '{"corners": [[-9, 0], [9, 0], [9, 9], [-9, 9]]}',
    }
    for schema, text in far.items():
        clipped = read(schema, [text])
        assert (clipped.failure, clipped.repairs) == ([None], [(RepairCode.CLIPPED,)])
    points = {PointSet: '{"points": [[-5, 0]]}', ClickPoint: '{"point": [1000.5, 0]}',
              PointTrack: '{"points": {"1": [0, 1001]}}', PointTargets: '{"points": [[-5, 0]]}'}  # fmt: skip
    for schema, text in points.items():
        assert read(schema, [text]).failure == [FailureCode.OUT_OF_RANGE]


@pytest.mark.parametrize("schema", valid.SCHEMAS, ids=named)
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
        (Detections, '{{"objects": [{{"box": [0, {}, 500, 600], "label": "cat"}}, {{"box": [0, 0, 9, 1009]}}]}}'),
        (PointSet, '{{"points": [[5, 5], [{}, 5]]}}'),
        (PointTargets, '{{"boxes": [[0, {}, 500, 600]]}}'),
        (ClickPoint, '{{"point": [{}, 5]}}'),
        (RotatedBox, '{{"corners": [[{}, 1], [9, 5], [5, 9], [1, 5]]}}'),
        (TimeSpans, '{{"times": [[1, {}], [0, 1]]}}'),
        (PointTrack, '{{"points": {{"1": [5, {}], "2": null}}}}'),
        (RatedImage, '{{"score": 3, "scale": [1, {}]}}'),
        (RatedImage, '{{"score": {}, "scale": [1, 5]}}'),
    ],
)
def test_odd_numbers(schema: type[BaseModel], text: str) -> None:
    """Such a number gets the same verdict alone, between valid rows, and among others like it."""
    usual = text.format("2")
    odd = [text.format(number) for number in (*invalid.RAW_NUMBERS, *map(repr, invalid.ODD_NUMBERS))]
    for rules in BOTH:
        assert_agrees(schema, odd, rules=rules)
        for answer in odd:
            assert_agrees(schema, [answer], rules=rules)
            assert_agrees(schema, [usual, answer, usual, answer], rules=rules)


@pytest.mark.parametrize("box", ["[1, 2, 3, 4]", "[-1, 2, 3, 4]", "[3, 2, 1, 4]", "[1, 2, 3]"])
@pytest.mark.parametrize("quoted", [json.dumps(key) for key in invalid.ODD_KEYS])
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
        points = [text.replace('"boxes"', '"points"').replace(box, "null") for text in texts]
        assert_agrees(PointTrack, [text.replace("[0, 0, 9, 9]", "[9, 9]") for text in points], rules=rules)
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
        (Detections, '{"objects": [{"label": "cat", "box": [0, 0, 9, 9]}, {"box": [0, 0, 9, 9]}]}'),
        (PointTrack, '{"points": {"1": [9, 9], "2": null}}'),
        (Order, '{"order": ["cat", "dog"]}'),
    ],
)
def test_escapes_and_white_space(schema: type[BaseModel], text: str, change: Callable[[str], str]) -> None:
    for rules in BOTH:
        assert_agrees(schema, [change(text), text, change(text)], rules=rules)


@pytest.mark.parametrize("first", ["null", '"x"', "[1, 2, 3]", "[1, 2]", "[2, 1]", "{}"])
@pytest.mark.parametrize("second", ["null", "[1, 2]", "[3, 4]", "[4, 3]", "[-1, 2]"])
def test_of_a_repeated_key_the_last_counts(first: str, second: str) -> None:
    assert_agrees(TimeSpan, [f'{{"time": {first}, "time": {second}}}'])


@pytest.mark.parametrize("first", ["null", "[]", "[[1]]", '"x"', "[[1, 2]]"])
def test_of_a_repeated_list_the_last_counts(first: str) -> None:
    assert_agrees(PointSet, [f'{{"points": {first}, "points": [[3, 4]]}}'])
    assert_agrees(PointTargets, [f'{{"boxes": [[0, 0, 9, 9]], "points": {first}, "boxes": null}}'])
    label = '{{"objects": [{{"box": {0}, "box": [0, 0, 9, 9], "label": {0}, "label": "cat"}}]}}'
    assert_agrees(Detections, [label.format(first)])
    assert_agrees(PointTrack, [f'{{"points": {{"1": {first}, "1": null}}}}'])


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
    """The largest of MessagePack's headers, where a limit allows so many boxes."""
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
    cut = [text[:end] for end in range(1, len(text))]
    doubled = [text[:end] + text[end - 1 :] for end in range(1, len(text))]
    dropped = [text[: end - 1] + text[end:] for end in range(1, len(text))]
    for limits in (Limits(), Limits(number_characters=0), Limits(answer_characters=len(text) - 2)):
        assert_agrees(schema, [*cut, text, *doubled, *dropped], limits=limits)


def text_of(number: int) -> str:
    """Return a span by which a row is recognized."""
    return f'{{"time": [{number}, {number + 1}]}}'


BROKEN = "from 1 to 2"


# Stand-ins.


def unreadable(schema: type[BaseModel]) -> str:
    """Return an answer that no schema of ours takes; text takes everything that is there."""
    return "" if schema is Text else "nothing of the kind"


@pytest.mark.parametrize("rules", BOTH)
@pytest.mark.parametrize("schema", valid.SCHEMAS, ids=named)
def test_a_stand_in_is_valid_in_the_schema(schema: type[BaseModel], rules: Rules) -> None:
    """Alone, and between rows that it leaves as they are."""
    bad, good = unreadable(schema), VALID[schema]
    alone = read(schema, [bad], rules=rules)
    assert len(alone.columns) == 1
    assert alone.failure[0] is not None
    stand_in = value_of(alone.columns, 0)
    schema.model_validate(as_written(schema, stand_in))

    among = read(schema, [good, bad, good, bad], rules=rules)
    expected = read_answer(good, schema).answer
    assert expected is not None
    assert values_of(among.columns) == [said(expected), stand_in, said(expected), stand_in]
    assert among.failures == {1: alone.failure[0], 3: alone.failure[0]}
    assert among.repairs == [()] * 4


@pytest.mark.parametrize("schema", valid.SCHEMAS, ids=named)
def test_a_row_that_has_failed_is_not_read(schema: type[BaseModel]) -> None:
    """Its code stays, its entry is a stand-in, and the row after it is read."""
    answers = find_answers(["no tags", f"<think>x</think><answer>{VALID[schema]}</answer>"])
    columns = Reader().read(answers, np.arange(2), schema, ReadOptions())
    assert answers.failure == ["missing_answer", None]
    assert answers.format_fault == ["missing_answer", None]
    schema.model_validate(as_written(schema, value_of(columns, 0)))
    expected = read_answer(VALID[schema], schema).answer
    assert expected is not None
    assert value_of(columns, 1) == said(expected)


def test_a_fault_of_the_format_that_is_known_stays() -> None:
    answers = Answers.of_texts([BROKEN, "[1, 2]"])
    answers.format_fault[0] = FailureCode.MISSING_THINK
    Reader().read(answers, np.arange(2), TimeSpan, ReadOptions())
    assert answers.failure == ["invalid_json", "not_an_object"]
    assert answers.format_fault == ["missing_think", "not_an_object"]


# Rows in any order, and not all of them.


@pytest.mark.parametrize("schema", valid.SCHEMAS, ids=named)
@given(data=st.data())
@settings(max_examples=FEW)
def test_rows_in_any_order(schema: type[BaseModel], data: st.DataObject) -> None:
    """Columns are in the order of the rows, and of the other rows nothing is known afterwards."""
    texts = data.draw(st.lists(testing.any_answer(schema), min_size=1, max_size=5))
    rows = data.draw(st.permutations(range(len(texts))))[: data.draw(st.integers(0, len(texts)))]
    some = read(schema, texts, rows)
    assert len(some.columns) == len(rows)
    for index, row in enumerate(rows):
        alone = read(schema, [texts[row]])
        assert value_of(some.columns, index) == value_of(alone.columns, 0)
        assert (some.failure[row], some.format_fault[row], some.repairs[row]) == (
            alone.failure[0],
            alone.format_fault[0],
            alone.repairs[0],
        )
    for row in set(range(len(texts))) - set(rows):
        assert (some.failure[row], some.format_fault[row], some.repairs[row]) == (None, None, ())


@pytest.mark.parametrize("schema", valid.SCHEMAS, ids=named)
def test_a_row_that_is_read_twice_has_two_entries(schema: type[BaseModel]) -> None:
    twice = read(schema, [VALID[schema], unreadable(schema)], [1, 0, 1, 0])
    values = values_of(twice.columns)
    assert (values[0], values[1]) == (values[2], values[3])
    assert list(twice.failures) == [1]


# Blocks: rows are decoded so many at a time.


@pytest.mark.parametrize("count", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 1])
def test_blocks_of_broken_rows_at_their_borders(count: int) -> None:
    broken = {0, BLOCK - 2, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2 * BLOCK, count - 1} & set(range(count))
    texts = [BROKEN if row in broken else text_of(row) for row in range(count)]
    together = read(TimeSpan, texts)
    assert set(together.failures) == broken
    assert together.columns.spans.shape == (count, 2)
    expected = [[0.0, 1.0] if row in broken else [row, row + 1] for row in range(count)]
    assert together.columns.spans.tolist() == expected


@pytest.mark.parametrize("schema", valid.JSON_SCHEMAS, ids=named)
@pytest.mark.parametrize("count", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 1])
def test_blocks_of_clipped_and_broken_rows(schema: type[BaseModel], count: int) -> None:
    """What the decoder refuses, and what is found on the arrays, in a block's first and last rows."""
    clipped = VALID[schema].replace("[1, 2, 3, 4]", "[1, 2, 3, 1004]")
    odd = {0: clipped, BLOCK - 1: clipped, BLOCK: BROKEN, BLOCK + 1: clipped, 2 * BLOCK: BROKEN, count - 1: clipped}
    texts = [odd.get(row, VALID[schema]) for row in range(count)]
    together = read(schema, texts)
    each = {text: read(schema, [text]) for text in {*texts}}
    assert together.failure == [each[text].failure[0] for text in texts]
    assert together.repairs == [each[text].repairs[0] for text in texts]
    assert values_of(together.columns) == [value_of(each[text].columns, 0) for text in texts]


@pytest.mark.parametrize("schema", valid.JSON_SCHEMAS, ids=named)
def test_blocks_that_are_broken_throughout(schema: type[BaseModel]) -> None:
    together = read(schema, [BROKEN] * (BLOCK + 1))
    assert together.failure == ["invalid_json"] * (BLOCK + 1)
    assert len({str(value) for value in values_of(together.columns)}) == 1


def test_blocks_of_rows_in_any_order() -> None:
    """A row's code is written at the row, wherever its text was decoded."""
    count = 2 * BLOCK + 1
    texts = [BROKEN if row % 100 == 7 else text_of(row) for row in range(count)]
    rows = np.random.default_rng(0).permutation(count)[: BLOCK + 44]
    some = read(TimeSpan, texts, rows.tolist())
    wanted = [[0.0, 1.0] if row % 100 == 7 else [row, row + 1] for row in rows.tolist()]
    assert some.columns.spans.tolist() == wanted
    assert set(some.failures) == {row for row in rows.tolist() if row % 100 == 7}


@pytest.mark.parametrize("count", [BLOCK - 1, BLOCK, BLOCK + 1])
def test_blocks_of_tracks_of_different_lengths(count: int) -> None:
    texts = [json.dumps({"boxes": {str(9 - second): [0, 0, 9, 9] for second in range(row % 4 + 1)}})
             for row in range(count)]  # fmt: skip
    texts[BLOCK - 2] = '{"boxes": {}}'
    together = read(BoxTrack, texts)
    assert together.failures == {BLOCK - 2: "empty_track"}
    lengths = [row % 4 + 1 for row in range(count)]
    lengths[BLOCK - 2] = 1
    assert together.columns.lengths.tolist() == lengths
    assert together.columns.starts.tolist() == np.cumsum([0, *lengths]).tolist()
    ends = together.columns.starts[1:]
    assert together.columns.frames[ends - 1].tolist() == [
        0 if row == BLOCK - 2 else 10 - length for row, length in enumerate(lengths)
    ]


# Limits that are shorter than each other.


@pytest.mark.parametrize("schema", valid.JSON_SCHEMAS, ids=named)
@pytest.mark.parametrize("digits", [0, 1, 6, 400])
def test_the_limit_of_an_answer_holds_whatever_the_limit_of_a_number_is(schema: type[BaseModel], digits: int) -> None:
    text = VALID[schema]
    for longest in (len(text) - 1, len(text)):
        limits = Limits(answer_characters=longest, number_characters=digits)
        assert_agrees(schema, [text, f"  {text}\n", text[:-1]], limits=limits)


# Unclosed answers, which lenient rules may use.


def found_and_read(schema: type[BaseModel], responses: list[str], **options: Any) -> tuple[Answers, Any]:
    how = ReadOptions(**options)
    answers = Reader().find(responses, how)
    return answers, Reader().read(answers, np.arange(len(responses)), schema, how)


@pytest.mark.parametrize("schema", valid.JSON_SCHEMAS, ids=named)
def test_an_unclosed_answer_is_read_by_lenient_rules_alone(schema: type[BaseModel]) -> None:
    responses = [f"<think>x</think><answer>{VALID[schema]}{end}" for end in ("</answer>", "", "\n<|im_end|>")]
    answers, columns = found_and_read(schema, responses, rules="lenient")
    assert answers.failure == [None] * 3
    assert answers.repairs == [(), ("closed_answer",), ("closed_answer",)]
    assert answers.format_fault == [None, "unclosed_answer", "unclosed_answer"]
    values = values_of(columns)
    assert values[0] == values[1] == values[2] != value_of(read(schema, [""]).columns, 0)

    answers, columns = found_and_read(schema, responses, rules="strict")
    assert answers.failure == [None, "unclosed_answer", "unclosed_answer"]
    assert answers.repairs == [()] * 3
    assert values_of(columns)[1:] == [value_of(read(schema, [""]).columns, 0)] * 2


@pytest.mark.parametrize(
    ("text", "repairs", "seconds"),
    [
        pytest.param('{"boxes": {"1": [0, 0, 9, 9], "2": [0, 0', ("truncated_track",), [1], id="cut off"),
        pytest.param("```json\n{'boxes': {'3': [0, 0, 9, 1009]}}\n```", ("code_fence", "single_quotes", "clipped"),
                     [3], id="mended and clipped"),
        pytest.param('{"boxes": {"1": [0, 0', None, [0], id="beyond repair"),
        pytest.param("", None, [0], id="nothing"),
    ],
)  # fmt: skip
def test_what_is_repaired_of_an_unclosed_answer(text: str, repairs: tuple[str, ...] | None, seconds: list[int]) -> None:
    """The missing end is named first; beyond repair, the code of the tags stays."""
    answers, columns = found_and_read(BoxTrack, [f"<think>x</think><answer>{text}"], rules="lenient")
    assert columns.frames.tolist() == seconds
    assert answers.format_fault == ["unclosed_answer"]
    assert answers.failure == ["unclosed_answer" if repairs is None else None]
    assert answers.repairs == [() if repairs is None else ("closed_answer", *repairs)]


@pytest.mark.parametrize("schema", valid.TEXT_SCHEMAS, ids=named)
def test_an_unclosed_plain_answer_is_never_read(schema: type[BaseModel]) -> None:
    """A letter or a number that was cut off may be the beginning of anything."""
    answers, _ = found_and_read(schema, [f"<think>x</think><answer>{VALID[schema]}"], rules="lenient")
    assert answers.failure == ["unclosed_answer"]
    assert answers.repairs == [()]


def test_an_unclosed_answer_is_read_the_same_again() -> None:
    answers, first = found_and_read(TimeSpan, ['<think>x</think><answer>{"time": [3, 4]}'], rules="lenient")
    again = Reader().read(answers, np.array([0, 0]), TimeSpan, ReadOptions(rules="lenient"))
    assert first.spans.tolist() == [[3.0, 4.0]]
    assert again.spans.tolist() == [[3.0, 4.0]] * 2
    assert answers.failure == [None]
    assert answers.repairs == [("closed_answer",)]


@pytest.mark.parametrize("schema", valid.SCHEMAS, ids=named)
@given(data=st.data())
@settings(max_examples=FEW)
def test_responses_are_read_as_one_by_one(schema: type[BaseModel], data: st.DataObject) -> None:
    """Finding and reading many is `parse` of each, unclosed answers and all."""
    rules = data.draw(st.sampled_from(BOTH))
    responses = data.draw(st.lists(testing.any_response(schema), max_size=4))
    think = data.draw(st.sampled_from(["required", "prefilled", "none"]))
    answers, columns = found_and_read(schema, responses, rules=rules, think=think)
    each = [Reader().parse(response, schema, ReadOptions(rules=rules, think=think)) for response in responses]
    assert answers.failure == [parsed.failure for parsed in each]
    assert answers.format_fault == [parsed.format_fault for parsed in each]
    assert answers.repairs == [parsed.repairs for parsed in each]
    for row, parsed in enumerate(each):
        assert parsed.think == find_answer(responses[row], think=think).think
        if parsed.answer is not None:
            assert value_of(columns, row) == said(parsed.answer)


def test_a_bare_answer_is_read_as_a_row_is() -> None:
    reader, options = Reader(), ReadOptions(rules="lenient")
    parsed = reader.parse_answer("{'time': [1, 2]}", TimeSpan, options)
    assert parsed.answer == TimeSpan(time=(1.0, 2.0))
    assert (parsed.think, parsed.failure, parsed.format_fault) == (None, None, "invalid_json")
    assert parsed.repairs == ("single_quotes",)
    assert reader.parse_answer(BROKEN, TimeSpan, options).failure == "invalid_json"


# What is known of answers.


def test_of_texts_nothing_else_is_known() -> None:
    answers = Answers.of_texts(["a", "b"])
    assert (answers.texts, answers.failure, answers.format_fault) == (["a", "b"], [None, None], [None, None])
    assert (answers.repairs, answers.unclosed) == ([(), ()], {})


def test_the_first_code_of_a_row_stays() -> None:
    answers = Answers.of_texts(["", "", ""])
    answers.fail(1, FailureCode.EMPTY_ANSWER)
    answers.fail(1, FailureCode.ANSWER_TOO_LONG)
    assert answers.failure == [None, "empty_answer", None]
    assert answers.format_fault == [None, "empty_answer", None]


def test_how_a_row_was_read_is_written_at_the_row() -> None:
    answers = Answers.of_texts(["x", "y"])
    answers.record(1, ReadAnswer(Text("y"), None, (RepairCode.CODE_FENCE,), FailureCode.INVALID_JSON))
    assert answers.failure == [None, None]
    assert answers.repairs == [(), ("code_fence",)]
    assert answers.format_fault == [None, "invalid_json"]


# References.


def test_references_are_read_by_strict_rules() -> None:
    """And by the limits that are asked for."""
    references = Answers.of_texts(["[1, 2]", "{'time': [1, 2]}", '{"time": [1, 2]}', '{"time": [1, 20000]}'])
    options = ReadOptions(rules="lenient", think="none", limits=Limits(number_characters=4))
    columns = Reader().read_references(references, TimeSpan, options)
    assert references.failure == ["not_an_object", "invalid_json", None, "too_many_digits"]
    assert columns.spans.tolist()[2] == [1.0, 2.0]  # type: ignore[attr-defined]


def test_a_reference_that_names_no_option_is_compared_as_text() -> None:
    references = Answers.of_texts(["(b)", "a cat", "a dog", ""])
    options = ReadOptions(options=[None, ["a dog", "a cat"], None, None])
    columns: Any = Reader().read_references(references, OptionLetter, options)
    assert references.failure == [None, None, None, "empty_answer"]
    assert columns.letters.tolist()[:3] == [ord("B"), ord("B"), 0]
    assert columns.texts.tolist()[:3] == ["(b)", "a cat", "a dog"]


def test_no_references() -> None:
    assert len(Reader().read_references(Answers.of_texts([]), OptionLetter, ReadOptions())) == 0


def test_a_reference_may_be_between_tags() -> None:
    assert Reader().bare_reference(" <answer> B </answer> ") == "B"
    assert Reader().bare_reference("B") == "B"


# Schemas of a user's own: their models, one a row.


class Count(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    count: int = Field(ge=0)


class Items(BaseModel):
    """A model that is a sequence itself, and that numpy would take apart."""

    items: list[int]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> int:
        return self.items[index]


class Share(Number):
    root: Annotated[float, Field(ge=0, le=1)]


class ShortText(Text):
    root: Annotated[str, Field(max_length=5, pattern="^[a-z]+$")]


class TwoOptions(OptionLetter):
    root: Annotated[str, Field(pattern="^[AB]$")]


def test_models_and_codes() -> None:
    """The first model that could be read stands in for those that could not."""
    counts = read(Count, ["x", '{"count": 3}', '{"count": -1}', '{"count": 4, "more": 1}', '{"count": 5}'])
    assert isinstance(counts.columns, ModelColumns)
    assert [model.count for model in counts.columns.models] == [3, 3, 3, 3, 5]
    assert counts.readable == [1, 4]
    assert counts.failures == {0: "invalid_json", 2: "out_of_range", 3: "unknown_key"}
    assert counts.format_fault == counts.failure


def test_models_by_lenient_rules() -> None:
    counts = read(Count, ["```json\n{'count': 3,}\n```"], rules="lenient")
    assert counts.repairs == [("code_fence", "single_quotes", "trailing_comma")]
    assert counts.columns.take(np.array([0, 0])).models.tolist() == [Count(count=3)] * 2


def test_models_that_are_sequences() -> None:
    models = read(Items, ['{"items": [1, 2]}', '{"items": []}', '{"items": [3, 4]}']).columns.models
    assert models.shape == (3,)
    assert [model.items for model in models] == [[1, 2], [], [3, 4]]


@pytest.mark.parametrize(
    ("schema", "text", "code"),
    [
        (Share, "0.5", None),
        (Share, "1.5", "out_of_range"),
        (Share, "half", "not_a_number"),
        (ShortText, "abc", None),
        (ShortText, "abcdef", "invalid_value"),
        (ShortText, "ABC", "invalid_value"),
        (ShortText, "\ud800", "invalid_value"),
        (TwoOptions, "(B)", None),
        (TwoOptions, "C", "invalid_value"),
    ],
)
def test_stricter_plain_schemas(schema: type[BaseModel], text: str, code: str | None) -> None:
    """A schema that asks for more than ours gives codes, and never raises."""
    assert read(schema, [text]).failure == [code]


@pytest.mark.parametrize("texts", [[], ["x"], ["x", ""]])
def test_models_of_no_readable_answer(texts: list[str]) -> None:
    """There is nothing that could stand in."""
    counts = read(Count, texts)
    assert len(counts.columns) == len(texts)
    assert counts.readable == []
    assert [field.name for field in fields(counts.columns)] == ["models"]
