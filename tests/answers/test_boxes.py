"""Answers of a fixed number of numbers: spans, boxes and points out of many texts, against doing it by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import BaseModel

from onethinker_rewards.answers import (
    DEFAULT_LIMITS,
    Answers,
    BoxColumns,
    PromptColumns,
    Reader,
    ReadOptions,
    SegmentationPrompt,
    SingleBox,
    SpanColumns,
    TimedPromptColumns,
    TimeSpan,
    VideoSegmentationPrompt,
)
from onethinker_rewards.answers.boxes import boxes_are_valid, spans_are_valid
from onethinker_rewards.answers.columns import float_array
from tests.answers.reading import read

COUNTS = [0, 1, 15, 16, 65_535, 65_536]
# A double all of whose bytes are the one that MessagePack writes before a double.
MARKER = float(np.frombuffer(b"\xcb" * 8, ">f8")[0])


def numbers(*shape: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float64, st.tuples(st.integers(0, 20), *map(st.just, shape)), elements=st.floats(allow_nan=True))


def tuples(values: Any) -> Any:
    return tuple(map(tuples, values)) if isinstance(values, list) else values


def prompt_of(row: int, **more: Any) -> dict[str, Any]:
    """Return a prompt whose numbers are all different, and different in each row."""
    start = row % 400
    positive = [[start + 0.125 * index, start + 100 + 0.125 * index] for index in range(3)]
    negative = [[start + 200 + 0.125 * index, start + 300 + 0.125 * index] for index in range(3)]
    return {
        **more,
        "boxes": [start, start + 0.5, start + 500, start + 500.5],
        "positive_points": positive,
        "negative_points": negative,
    }


# Floats out of equally nested tuples.


@given(rows=numbers(3))
def test_rows_of_numbers(rows: np.ndarray) -> None:
    np.testing.assert_array_equal(float_array(tuples(rows.tolist()), 3), rows)


@given(rows=numbers(3, 2))
def test_rows_of_points(rows: np.ndarray) -> None:
    """Headers of inner tuples are between the numbers."""
    np.testing.assert_array_equal(float_array(tuples(rows.tolist()), 3, 2), rows)


@given(rows=numbers())
def test_single_numbers(rows: np.ndarray) -> None:
    np.testing.assert_array_equal(float_array(rows.tolist()), rows)


def test_a_single_byte_between_numbers() -> None:
    assert float_array([((1.0,), (2.0,))] * 2, 2, 1).tolist() == [[[1.0], [2.0]]] * 2


@pytest.mark.parametrize("count", COUNTS)
def test_counts(count: int) -> None:
    """MessagePack writes a longer header from 16 and from 65,536 values on."""
    rows = np.arange(count * 3, dtype=np.float64).reshape(count, 3)
    array = float_array(tuples(rows.tolist()), 3)
    np.testing.assert_array_equal(array, rows)
    assert array.dtype == np.float64
    assert array.shape == (count, 3)
    assert array.flags.c_contiguous


@pytest.mark.parametrize("count", COUNTS)
def test_counts_of_points(count: int) -> None:
    rows = np.arange(count * 6, dtype=np.float64).reshape(count, 3, 2)
    np.testing.assert_array_equal(float_array(tuples(rows.tolist()), 3, 2), rows)


def test_an_array_can_be_written_to() -> None:
    array = float_array([(1.0, 2.0, 3.0)], 3)
    array[0, 0] = 5.0
    assert array.tolist() == [[5.0, 2.0, 3.0]]


def test_bytes_of_a_number_may_look_like_a_marker() -> None:
    assert float_array([(MARKER,) * 3] * 2, 3).tolist() == [[MARKER] * 3] * 2


# The same out of texts.


@pytest.mark.parametrize("count", COUNTS)
def test_any_number_of_answers(count: int) -> None:
    """Spans and boxes, whole numbers and decimals, each in its row."""
    spans = [[row, row + 0.5] for row in range(count)]
    columns = read(TimeSpan, [json.dumps({"time": span}) for span in spans]).columns
    np.testing.assert_array_equal(columns.spans, np.array(spans).reshape(count, 2))
    assert columns.spans.dtype == np.float64

    boxes = [[row % 900, 0.25, row % 900 + 1, 1000] for row in range(count)]
    columns = read(SingleBox, [json.dumps({"boxes": box}) for box in boxes]).columns
    np.testing.assert_array_equal(columns.boxes, np.array(boxes).reshape(count, 4))


@pytest.mark.parametrize("schema", [SegmentationPrompt, VideoSegmentationPrompt])
@pytest.mark.parametrize("count", COUNTS)
def test_any_number_of_prompts(schema: type[BaseModel], count: int) -> None:
    """Fields that follow each other are one row."""
    is_timed = schema is VideoSegmentationPrompt
    prompts = [prompt_of(row, **({"time": row} if is_timed else {})) for row in range(count)]
    columns = read(schema, [json.dumps(prompt) for prompt in prompts]).columns
    for name, *shape in (("boxes", 4), ("positive_points", 3, 2), ("negative_points", 3, 2)):
        expected = np.array([prompt[name] for prompt in prompts], dtype=np.float64).reshape(count, *shape)
        np.testing.assert_array_equal(getattr(columns, name), expected)
    if is_timed:
        np.testing.assert_array_equal(columns.times, np.arange(count))


def test_columns_can_be_written_to() -> None:
    columns = read(VideoSegmentationPrompt, [json.dumps(prompt_of(0, time=1))]).columns
    for name in ("boxes", "positive_points", "negative_points", "times"):
        getattr(columns, name)[...] = 7.0
        assert set(getattr(columns, name).ravel().tolist()) == {7.0}


def test_a_time_may_have_the_bytes_of_a_marker() -> None:
    """Such a number is negative, so its neighbors of either sign are what is read."""
    near = abs(MARKER)
    columns = read(TimeSpan, [json.dumps({"time": [near, near]}), json.dumps({"time": [MARKER, near]})])
    assert columns.columns.spans.tolist() == [[near, near], [0.0, 1.0]]
    assert columns.failure == [None, "out_of_range"]


# Which rows are in their schema's ranges.


@pytest.mark.parametrize(
    ("span", "is_valid"),
    [((0, 0), True), ((1, 2), True), ((2, 1), False), ((-1, 2), False), ((-2, -1), False), ((np.nan, 1), False),
     ((1, np.nan), False), ((0, np.inf), True)],
)  # fmt: skip
def test_spans_are_valid(span: tuple[float, float], is_valid: bool) -> None:
    """Order and sign alone: JSON has no other numbers."""
    spans = np.array([(0.0, 1.0), span])
    assert spans_are_valid(spans).tolist() == [True, is_valid]
    assert SpanColumns(spans).are_valid(DEFAULT_LIMITS).tolist() == [True, is_valid]


BOXES = [
    ((0, 0, 1000, 1000), True),
    ((1, 2, 3, 4), True),
    ((3, 2, 3, 4), False),
    ((1, 4, 3, 4), False),
    ((5, 2, 3, 4), False),
    ((1, 6, 3, 4), False),
    ((-1, 2, 3, 4), False),
    ((1, -2, 3, 4), False),
    ((1, 2, 1000.5, 4), False),
    ((1, 2, 3, 1000.5), False),
    ((np.nan, 2, 3, 4), False),
    ((1, 2, 3, np.nan), False),
]
GOOD_BOX = (0.0, 0.0, 9.0, 9.0)
GOOD_POINTS = ((0.0, 1000.0), (1.0, 2.0), (1000.0, 0.0))


@pytest.mark.parametrize(("box", "is_valid"), BOXES)
def test_boxes_are_valid(box: tuple[float, ...], is_valid: bool) -> None:
    """Of boxes alone, and of prompts with such a box."""
    boxes = np.array([GOOD_BOX, box])
    assert boxes_are_valid(boxes).tolist() == [True, is_valid]
    assert BoxColumns(boxes).are_valid(DEFAULT_LIMITS).tolist() == [True, is_valid]
    points = np.array([GOOD_POINTS] * 2)
    prompts = PromptColumns(boxes, points, points)
    assert prompts.are_valid(DEFAULT_LIMITS).tolist() == [True, is_valid]


@pytest.mark.parametrize("name", ["positive_points", "negative_points"])
@pytest.mark.parametrize("value", [-0.5, 1000.5, np.nan])
@pytest.mark.parametrize("index", [(0, 0), (1, 1), (2, 0), (2, 1)])
def test_points_are_valid(name: str, value: float, index: tuple[int, int]) -> None:
    points = {key: np.array([GOOD_POINTS] * 3) for key in ("positive_points", "negative_points")}
    points[name][1][index] = value
    prompts = PromptColumns(np.array([GOOD_BOX] * 3), **points)
    assert prompts.are_valid(DEFAULT_LIMITS).tolist() == [True, False, True]
    timed = TimedPromptColumns(np.array([GOOD_BOX] * 3), **points, times=np.array([-1.0, 0.0, 0.0]))
    assert timed.are_valid(DEFAULT_LIMITS).tolist() == [False, False, True]


@pytest.mark.parametrize("schema", [TimeSpan, SingleBox, SegmentationPrompt, VideoSegmentationPrompt])
def test_no_rows_are_valid(schema: type[BaseModel]) -> None:
    columns: Any = Reader().read(Answers.of_texts([]), np.arange(0), schema, ReadOptions())
    assert len(columns) == 0
    assert columns.are_valid(DEFAULT_LIMITS).shape == (0,)
