"""Columns with one row an answer: what they hold and how rows are taken out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from onethinker_rewards import testing
from onethinker_rewards.columns import reader_of
from onethinker_rewards.schemas import BoxTrack, TimedBoxTrack
from onethinker_rewards.testing import sound
from tests.columns.agreement import value_of

PLAIN = [schema for schema in sound.SCHEMAS if schema not in {BoxTrack, TimedBoxTrack}]
POINTS = "[[1, 2], [3, 4], [5, 6]]"
SHAPES = {
    "TimeSpan": {"spans": (1, 2)},
    "SingleBox": {"boxes": (1, 4)},
    "SegmentationPrompt": {"boxes": (1, 4), "positive_points": (1, 3, 2), "negative_points": (1, 3, 2)},
    "VideoSegmentationPrompt": {
        "boxes": (1, 4),
        "positive_points": (1, 3, 2),
        "negative_points": (1, 3, 2),
        "times": (1,),
    },
    "BoxTrack": {"starts": (2,), "frames": (1,), "boxes": (1, 4)},
    "OptionLetter": {"letters": (1,), "texts": (1,)},
    "Number": {"values": (1,), "texts": (1,)},
    "Text": {"texts": (1,)},
}
SOUND = {
    "TimeSpan": '{"time": [1, 2]}',
    "SingleBox": '{"boxes": [1, 2, 3, 4]}',
    "SegmentationPrompt": f'{{"boxes": [1, 2, 3, 4], "positive_points": {POINTS}, "negative_points": {POINTS}}}',
    "VideoSegmentationPrompt": f'{{"boxes": [1, 2, 3, 4], "positive_points": {POINTS}, "negative_points": {POINTS}, '
    '"time": 3}',
    "BoxTrack": '{"boxes": {"1": [1, 2, 3, 4]}}',
    "OptionLetter": "B",
    "Number": "5",
    "Text": "five",
}


@pytest.mark.parametrize("schema", [schema for schema in sound.SCHEMAS if schema is not TimedBoxTrack])
def test_shapes(schema: type[BaseModel]) -> None:
    """Of one row, and of none."""
    shapes = SHAPES[schema.__name__]
    columns = reader_of(schema)([SOUND[schema.__name__]]).columns
    assert {name: getattr(columns, name).shape for name in shapes} == shapes
    empty = reader_of(schema)([])
    assert (len(empty.columns), empty.rows.tolist(), empty.faults.failures) == (0, [], {})
    none = reader_of(schema)(["", " "]).columns
    assert len(none) == 0
    assert {name: getattr(none, name).shape[1:] for name in shapes} == {name: shapes[name][1:] for name in shapes}


@pytest.mark.parametrize("schema", PLAIN)
@given(data=st.data())
@settings(max_examples=settings().max_examples // 4)
def test_take(schema: type[BaseModel], data: st.DataObject) -> None:
    """Any rows, several times or not at all; taking twice is taking the composition."""
    columns: Any = reader_of(schema)(data.draw(st.lists(testing.answers(schema), min_size=1, max_size=4))).columns
    first = np.array(data.draw(st.lists(st.integers(0, len(columns) - 1), min_size=1, max_size=6)), dtype=np.int64)
    second = np.array(data.draw(st.lists(st.integers(0, len(first) - 1), max_size=6)), dtype=np.int64)
    taken = columns.take(first)
    assert len(taken) == len(first)
    assert [value_of(taken, row) for row in range(len(taken))] == [value_of(columns, row) for row in first]
    twice, once = taken.take(second), columns.take(first[second])
    assert [value_of(twice, row) for row in range(len(twice))] == [value_of(once, row) for row in range(len(once))]
    assert len(twice) == len(second)
