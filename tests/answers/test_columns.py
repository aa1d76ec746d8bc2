"""What all columns share: one entry a row, what they hold, how rows are taken and joined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from onethinker_rewards import testing
from onethinker_rewards.answers import (
    ClickPoint,
    Detections,
    PointTargets,
    PointTrack,
    SingleBox,
    TimedBoxTrack,
    TimedTrackColumns,
)
from onethinker_rewards.answers.columns import text_array
from onethinker_rewards.testing import valid
from tests.answers.reading import VALID, read, value_of, values_of

FEW = settings().max_examples // 4
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
    "Detections": {"starts": (2,), "boxes": (1, 4), "labels": (1,)},
    "LabeledDetections": {"starts": (2,), "boxes": (1, 4), "labels": (1,)},
    "PointSet": {"starts": (2,), "points": (1, 2)},
    "ClickPoint": {"points": (1, 2)},
    "ClickTarget": {"boxes": (1, 4)},
    "RotatedBox": {"corners": (1, 4, 2)},
    "TimeSpans": {"starts": (2,), "spans": (1, 2)},
    "PointTrack": {"starts": (2,), "frames": (1,), "points": (1, 2), "visible": (1,)},
    "RatedImage": {"scores": (1,), "scales": (1, 2)},
    "Order": {"orders": (1,)},
    "OrderedItems": {"orders": (1,)},
    "OptionLetter": {"letters": (1,), "texts": (1,)},
    "Number": {"values": (1,), "texts": (1,)},
    "Text": {"texts": (1,)},
}


@pytest.mark.parametrize("schema", [schema for schema in valid.SCHEMAS if schema.__name__ in SHAPES])
def test_shapes(schema: type[BaseModel]) -> None:
    """Of one row, of none, and of rows that could not be read."""
    shapes = SHAPES[schema.__name__]
    columns = read(schema, [VALID[schema]]).columns
    assert {name: getattr(columns, name).shape for name in shapes} == shapes
    empty = read(schema, [])
    assert (len(empty.columns), empty.readable, empty.failures) == (0, [], {})
    none = read(schema, ["", " "])
    assert len(none.columns) == 2
    assert none.failures == {0: "empty_answer", 1: "empty_answer"}
    for name, shape in shapes.items():
        assert getattr(empty.columns, name).shape[1:] == getattr(none.columns, name).shape[1:] == shape[1:]


def test_shapes_of_timed_tracks() -> None:
    columns = read(TimedBoxTrack, [VALID[TimedBoxTrack], ""]).columns
    assert columns.spans.shape == (2, 2)
    assert (columns.tracks.starts.shape, columns.tracks.boxes.shape) == ((3,), (2, 4))
    empty = read(TimedBoxTrack, []).columns
    assert isinstance(empty, TimedTrackColumns)
    assert (len(empty), empty.spans.shape, empty.tracks.boxes.shape) == (0, (0, 2), (0, 4))


def test_shapes_of_targets() -> None:
    """A row has points or boxes, and none of the other."""
    columns = read(PointTargets, [VALID[PointTargets], '{"points": [[1, 2], [3, 4]]}', "x"]).columns
    assert columns.by_boxes.tolist() == [True, False, False]
    assert (columns.points.lengths.tolist(), columns.boxes.lengths.tolist()) == ([0, 2, 0], [1, 0, 0])
    assert (columns.points.points.shape, columns.boxes.boxes.shape) == ((2, 2), (1, 4))
    assert len(read(PointTargets, []).columns) == 0


@pytest.mark.parametrize(
    ("schema", "text", "scaled"),
    [
        (SingleBox, '{"boxes": [100, 200, 300, 400]}', '{"boxes": [50, 400, 150, 800]}'),
        (ClickPoint, '{"point": [100, 200]}', '{"point": [50, 400]}'),
        (PointTrack, '{"points": {"1": [100, 200], "3": [300, 400]}}', '{"points": {"1": [50, 400], "3": [150, 800]}}'),
        (
            TimedBoxTrack,
            '{"time": [1, 2], "boxes": {"1": [100, 200, 300, 400]}}',
            '{"time": [1, 2], "boxes": {"1": [50, 400, 150, 800]}}',
        ),
    ],
)
def test_scaling_keeps_x_and_y_apart(schema: type[BaseModel], text: str, scaled: str) -> None:
    """By 1/2 along x and 2 along y, in the second row alone; times and frames stay."""
    columns = read(schema, [text, text]).columns.scaled(np.array([[1, 1], [1, 2]]), np.array([[1, 1], [2, 1]]))
    assert values_of(columns) == values_of(read(schema, [text, scaled]).columns)


def test_labels_are_folded_and_known() -> None:
    texts = ['{"objects": [{"box": [0, 0, 1, 1], "label": " STRASSE\\n"}, {"box": [0, 0, 1, 1]}]}', '{"objects": []}']
    columns = read(Detections, texts).columns
    assert columns.labels.tolist() == ["strasse", ""]
    assert columns.are_labeled.tolist() == [True, False]


@pytest.mark.parametrize("schema", valid.SCHEMAS)
@given(data=st.data())
@settings(max_examples=FEW)
def test_take(schema: type[BaseModel], data: st.DataObject) -> None:
    """Any rows, several times or not at all; taking twice is taking the composition."""
    columns: Any = read(schema, data.draw(st.lists(testing.answers(schema), min_size=1, max_size=4))).columns
    first = np.array(data.draw(st.lists(st.integers(0, len(columns) - 1), min_size=1, max_size=6)), dtype=np.int64)
    second = np.array(data.draw(st.lists(st.integers(0, len(first) - 1), max_size=6)), dtype=np.int64)
    taken = columns.take(first)
    assert type(taken) is type(columns)
    assert len(taken) == len(first)
    assert values_of(taken) == [value_of(columns, row) for row in first]
    twice, once = taken.take(second), columns.take(first[second])
    assert values_of(twice) == values_of(once)
    assert len(twice) == len(second)


@pytest.mark.parametrize("schema", valid.SCHEMAS)
@given(data=st.data())
@settings(max_examples=FEW)
def test_concatenate(schema: type[BaseModel], data: st.DataObject) -> None:
    """Texts read apart and joined are the texts read together."""
    blocks = data.draw(st.lists(st.lists(testing.any_answer(schema), max_size=3), min_size=1, max_size=3))
    parts = [read(schema, block).columns for block in blocks]
    joined = type(parts[0]).concatenate(parts)
    together = read(schema, [text for block in blocks for text in block])
    assert type(joined) is type(together.columns)
    assert values_of(joined) == values_of(together.columns)


@pytest.mark.parametrize("schema", valid.SCHEMAS)
def test_what_was_taken_is_a_copy(schema: type[BaseModel]) -> None:
    columns = read(schema, [VALID[schema]] * 2).columns
    before = values_of(columns)
    taken = columns.take(np.array([1]))
    for name in taken.__dataclass_fields__:
        array = getattr(taken, name)
        if isinstance(array, np.ndarray) and array.dtype.kind == "f":
            array[...] = 0.0
    assert values_of(columns) == before


def test_models_are_taken_and_joined() -> None:
    """Columns of a user's own schema."""

    class Word(BaseModel):
        word: str

    columns = read(Word, ['{"word": "a"}', '{"word": "b"}']).columns
    taken = columns.take(np.array([1, 1, 0]))
    assert [model.word for model in taken.models] == ["b", "b", "a"]
    joined = type(columns).concatenate([taken, columns])
    assert [model.word for model in joined.models] == ["b", "b", "a", "a", "b"]


@pytest.mark.parametrize("values", [[], ["a"], ["", "ab", "\ud800"]])
def test_text_array(values: list[str]) -> None:
    """Python strings, not numpy's, which have one length."""
    array = text_array(values)
    assert array.dtype == np.object_
    assert array.tolist() == values
    assert array.shape == (len(values),)


@pytest.mark.parametrize(
    ("schema", "printed"), [("TimeSpan", "SpanColumns(3 rows)"), ("BoxTrack", "TrackColumns(3 rows)")]
)
def test_printed(schema: str, printed: str) -> None:
    """The number of rows, not all of the numbers."""
    kind = next(kind for kind in valid.SCHEMAS if kind.__name__ == schema)
    assert repr(read(kind, [VALID[kind]] * 3).columns) == printed
