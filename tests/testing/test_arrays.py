"""Strategies of arrays: shapes, order, and degenerate inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import find
from hypothesis import strategies as st

from onethinker_rewards import testing
from tests.testing.collecting import some_of


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        pytest.param(testing.boxes, (4,), id="boxes"),
        pytest.param(testing.spans, (2,), id="spans"),
        pytest.param(testing.point_sets, (3, 2), id="point sets"),
        pytest.param(testing.masks, (6, 6), id="masks"),
    ],
)
def test_shapes(make: object, shape: tuple[int, ...]) -> None:
    for count in (1, 5):
        assert {array.shape for array in some_of(make(count), 10)} == {(count, *shape)}  # type: ignore[operator]
    assert len({len(array) for array in some_of(make(), 40)}) > 3  # type: ignore[operator]


def test_boxes_are_in_order_and_within() -> None:
    for boxes in some_of(testing.boxes(3, low=-1.0, high=1.0), 80):
        assert ((boxes >= -1.0) & (boxes <= 1.0 + 1e-12)).all()
        assert (boxes[:, 2:] - boxes[:, :2] > 0.0019).all()


def test_boxes_that_touch_and_boxes_that_are_equal() -> None:
    find(testing.boxes(2), lambda boxes: boxes[0, 2] == boxes[1, 0] and boxes[0, 2] > 1)
    find(testing.boxes(2), lambda boxes: (boxes[0] == boxes[1]).all())


def test_spans_are_in_order_and_some_have_no_length() -> None:
    drawn = np.concatenate(some_of(testing.spans(high=10.0), 80))
    assert (drawn[:, 0] <= drawn[:, 1]).all()
    assert drawn.max() <= 10.0 + 1e-12
    assert (drawn[:, 0] == drawn[:, 1]).any()


def test_points_within_and_some_are_equal() -> None:
    assert find(testing.point_sets(1, points=2), lambda sets: (sets[0, 0] == sets[0, 1]).all()).shape == (1, 2, 2)
    assert all(((sets >= 0) & (sets <= 50.0)).all() for sets in some_of(testing.point_sets(high=50.0), 40))


def test_tracks_have_ascending_seconds_and_boxes_in_order() -> None:
    lengths: set[int] = set()
    for drawn in some_of(testing.tracks(seconds=9, most=4), 60):
        for track in drawn:
            lengths.add(len(track))
            assert track.shape[1] == 5
            assert (np.diff(track[:, 0]) > 0).all()
            assert (track[:, 1] < track[:, 3]).all()
            assert (track[:, 2] < track[:, 4]).all()
            assert set(track[:, 0]) <= set(range(10))
    assert lengths == {1, 2, 3, 4}
    assert {len(drawn) for drawn in some_of(testing.tracks(2), 10)} == {2}


def test_masks_empty_full_and_in_between() -> None:
    find(testing.masks(1), lambda masks: not masks.any())
    find(testing.masks(1), lambda masks: masks.all())
    find(testing.masks(1), lambda masks: masks.sum() == 5)
    assert find(testing.masks(2, height=0, width=3), lambda _: True).shape == (2, 0, 3)


def test_reward_groups() -> None:
    drawn = some_of(testing.reward_groups(st.just(0.25), tasks=("ocr", "math"), groups=2, min_rows=1, max_rows=6), 60)
    for rewards, groups, tasks in drawn:
        assert rewards.shape == groups.shape == (len(tasks),)
        assert (rewards == 0.25).all()
        assert set(groups.tolist()) <= {0, 1}
        assert set(tasks) <= {"ocr", "math"}
    assert {len(rewards) for rewards, _, _ in drawn} == {1, 2, 3, 4, 5, 6}
    assert (
        find(testing.reward_groups(), lambda groups: len(set(groups.rewards.tolist())) > 2).rewards.dtype == np.float64
    )
