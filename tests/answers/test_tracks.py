"""Tracks as columns: rows taken and joined, frames matched, long tracks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.answers import (
    BoxTrack,
    Limits,
    TimedBoxTrack,
    TimedTrackColumns,
    TrackColumns,
    match_frames,
    read_answer,
)
from tests.answers.reading import read

Row = dict[int, float]


def tracks_of(rows: list[Row]) -> TrackColumns:
    """Return columns in which the box of a second is told by its x1."""
    lengths = [len(row) for row in rows]
    frames = np.array([second for row in rows for second in row], dtype=np.int64)
    marks = np.array([mark for row in rows for mark in row.values()], dtype=np.float64)
    boxes = np.stack([marks, marks + 1, marks + 2, marks + 3], axis=-1).reshape(-1, 4)
    return TrackColumns(np.cumsum([0, *lengths], dtype=np.int64), frames, boxes)


def rows_of(tracks: TrackColumns) -> list[Row]:
    ends = zip(tracks.starts[:-1].tolist(), tracks.starts[1:].tolist(), strict=True)
    return [dict(zip(tracks.frames[a:b].tolist(), tracks.boxes[a:b, 0].tolist(), strict=True)) for a, b in ends]


def row(second: st.SearchStrategy[int]) -> st.SearchStrategy[Row]:
    return st.dictionaries(second, st.integers(0, 900).map(float), min_size=1, max_size=5)


near = st.integers(0, 12)
far = st.one_of(near, st.integers(0, 10**9 - 1))


@given(rows=st.lists(row(far), max_size=6))
def test_lengths_and_rows(rows: list[Row]) -> None:
    tracks = tracks_of(rows)
    assert len(tracks) == len(rows)
    assert tracks.lengths.tolist() == [len(row) for row in rows]
    assert tracks.row_of.tolist() == [index for index, row in enumerate(rows) for _ in row]


@given(rows=st.lists(row(far), min_size=1, max_size=6), data=st.data())
def test_take(rows: list[Row], data: st.DataObject) -> None:
    """Any rows, several times or not at all; taking twice is taking the composition."""
    first = np.array(data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=8)), dtype=np.int64)
    taken = tracks_of(rows).take(first)
    assert rows_of(taken) == [rows[row] for row in first]
    second = np.array(data.draw(st.lists(st.integers(0, len(first) - 1), max_size=8)), dtype=np.int64)
    twice = taken.take(second)
    once = tracks_of(rows).take(first[second])
    for name in ("starts", "frames", "boxes"):
        np.testing.assert_array_equal(getattr(twice, name), getattr(once, name))


def test_take_nothing() -> None:
    taken = tracks_of([{1: 2.0}]).take(np.array([], dtype=np.int64))
    assert len(taken) == 0
    assert (taken.starts.tolist(), taken.frames.shape, taken.boxes.shape) == ([0], (0,), (0, 4))


def test_take_of_timed_tracks() -> None:
    columns = TimedTrackColumns(np.array([[0.0, 1.0], [2.0, 3.0]]), tracks_of([{1: 5.0}, {2: 6.0, 3: 7.0}]))
    taken = columns.take(np.array([1, 0, 1]))
    assert len(taken) == 3
    assert taken.spans.tolist() == [[2.0, 3.0], [0.0, 1.0], [2.0, 3.0]]
    assert rows_of(taken.tracks) == [{2: 6.0, 3: 7.0}, {1: 5.0}, {2: 6.0, 3: 7.0}]


@given(rows=st.lists(row(far), max_size=6), data=st.data())
def test_concatenate(rows: list[Row], data: st.DataObject) -> None:
    """Cut anywhere and joined again, tracks are what they were."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    blocks = [rows[start:end] for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    joined, whole = TrackColumns.concatenate([tracks_of(block) for block in blocks]), tracks_of(rows)
    for name in ("starts", "frames", "boxes"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))


def test_concatenate_timed_tracks() -> None:
    first = TimedTrackColumns(np.array([[0.0, 1.0]]), tracks_of([{1: 5.0, 4: 8.0}]))
    second = TimedTrackColumns(np.array([[2.0, 3.0]]), tracks_of([{2: 6.0}]))
    joined = TimedTrackColumns.concatenate([first, second, first])
    assert joined.spans.tolist() == [[0.0, 1.0], [2.0, 3.0], [0.0, 1.0]]
    assert rows_of(joined.tracks) == [{1: 5.0, 4: 8.0}, {2: 6.0}, {1: 5.0, 4: 8.0}]


def slow_match(predicted: list[Row], reference: list[Row]) -> list[float | None]:
    return [left.get(second) for left, right in zip(predicted, reference, strict=True) for second in right]


def matched(predicted: list[Row], reference: list[Row]) -> list[float | None]:
    tracks = tracks_of(predicted)
    indices = match_frames(tracks, tracks_of(reference))
    return [None if index < 0 else tracks.boxes[index, 0].item() for index in indices]


@pytest.mark.parametrize("second", [near, far], ids=["near", "far"])
@given(data=st.data())
def test_match_frames_is_a_dictionary(second: st.SearchStrategy[int], data: st.DataObject) -> None:
    pairs = data.draw(st.lists(st.tuples(row(second), row(second)), max_size=5))
    predicted, reference = [left for left, _ in pairs], [right for _, right in pairs]
    assert matched(predicted, reference) == slow_match(predicted, reference)


@pytest.mark.parametrize("gap", [1, 4_000, 4_200, 10**9 - 1])
def test_match_frames_of_any_distance(gap: int) -> None:
    """Seconds that are close, and seconds that are as far apart as can be."""
    predicted = [{0: 1.0, gap: 2.0}, {gap: 3.0}, {5: 4.0}]
    reference = [{gap: 9.0, 0: 9.0, 7: 9.0}, {0: 9.0, gap: 9.0}, {gap: 9.0}]
    expected = [2.0, 1.0, None, None, 3.0, None]
    assert matched(predicted, reference) == slow_match(predicted, reference) == expected


def test_a_frame_of_the_next_row_is_no_match() -> None:
    """Row and second are one key; the last second of a row must not touch the first of the next."""
    assert matched([{3: 1.0}, {0: 2.0}], [{4: 9.0}, {1: 9.0}]) == [None, None]


def test_match_frames_of_nothing() -> None:
    assert match_frames(tracks_of([]), tracks_of([])).shape == (0,)


def test_match_frames_of_rows_without_boxes() -> None:
    """Columns of a user's own may have such rows; nothing matches there."""
    assert matched([{}, {}], [{1: 9.0}, {2: 9.0}]) == [None, None]
    assert matched([{1: 9.0}, {}], [{}, {1: 9.0}]) == [None]


@pytest.mark.parametrize("count", [1, 15, 16, 65_535, 65_536])
def test_any_number_of_boxes(count: int) -> None:
    """MessagePack writes a longer header from 16 and from 65,536 values on."""
    boxes = {second: [second % 900, 1, second % 900 + 0.5, 999.75] for second in range(count)}
    text = json.dumps({"time": [1, 2], "boxes": boxes})
    limits = Limits(answer_characters=10**8, track_boxes=count)
    columns = read(TimedBoxTrack, [text, '{"time": [1, 2], "boxes": {"7": [1, 2, 3, 4]}}'], limits=limits).columns
    assert columns.tracks.lengths.tolist() == [count, 1]
    np.testing.assert_array_equal(columns.tracks.frames, [*boxes, 7])
    np.testing.assert_array_equal(columns.tracks.boxes, [*boxes.values(), [1, 2, 3, 4]])


@given(
    rows=st.lists(
        st.dictionaries(
            st.sampled_from([0, 1, 126, 127, 128, 255, 256, 65_535, 65_536, 10**9 - 1]), st.integers(0, 900), min_size=1
        ),
        max_size=6,
    )
)
def test_seconds_of_any_length(rows: list[dict[int, int]]) -> None:
    """MessagePack writes a second in 1, 2, 3 or 5 bytes; tracks of all kinds are next to each other."""
    boxes = [{second: [mark, 1, mark + 0.5, 999.75] for second, mark in row.items()} for row in rows]
    columns = read(TimedBoxTrack, [json.dumps({"time": [1, 2], "boxes": track}) for track in boxes]).columns
    assert columns.spans.tolist() == [[1.0, 2.0]] * len(rows)
    assert rows_of(columns.tracks) == [{second: float(mark) for second, mark in row.items()} for row in rows]
    assert columns.tracks.boxes.tolist() == [box for track in boxes for box in track.values()]


@pytest.mark.parametrize(
    ("key", "failure"),
    [("0", None), ("-0", "bad_frame_key"), ("\\u002d0", "bad_frame_key"), ("\\u0030", None), ("-1", "bad_frame_key")],
)
def test_second_zero_has_one_spelling(key: str, failure: str | None) -> None:
    result = read(BoxTrack, [f'{{"boxes": {{"{key}": [0, 0, 9, 9]}}}}'])
    assert result.failure == [failure]
    assert result.columns.frames.tolist() == [0]
    assert read_answer(f'{{"boxes": {{"{key}": [0, 0, 9, 9]}}}}', BoxTrack).failure == failure


def test_the_limit_of_boxes_is_the_last_allowed() -> None:
    text = '{"boxes": {"1": [0, 0, 9, 9], "2": [0, 0, 9, 9]}}'
    for limit, failure, boxes in ((2, None, 2), (1, "too_many_boxes", 1)):
        result = read(BoxTrack, [text], limits=Limits(track_boxes=limit))
        assert result.failure == [failure]
        assert result.columns.lengths.tolist() == [boxes]


@pytest.mark.parametrize(
    "box",
    [[5, 5, 5, 9], [5, 5, 9, 5], [9, 5, 5, 9], [5, 9, 9, 5]],
    ids=["no-width", "no-height", "left-of-right", "top-of-bottom"],
)
def test_a_box_out_of_order_fails_its_track_alone(box: list[int]) -> None:
    tracks = [{"1": [0, 0, 9, 9], "2": box}, {"1": [0, 0, 9, 9]}]
    result = read(BoxTrack, [json.dumps({"boxes": track}) for track in tracks])
    assert result.failures == {0: "bad_order"}
    assert result.columns.starts.tolist() == [0, 1, 2]
    assert result.columns.boxes.tolist() == [[0, 0, 1, 1], [0, 0, 9, 9]]
