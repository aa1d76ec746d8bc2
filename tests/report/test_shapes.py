"""What is drawn of each task's answer."""

from __future__ import annotations

import json

import pytest

import onethinker_rewards as otr
from onethinker_rewards.report.shapes import Shape, Shapes, overlaps, shapes_of, some_seconds

POINTS = [[1, 2], [3, 4], [5, 6]]


def drawn(task: str, answer: object) -> Shapes:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    parsed = otr.parse(f"<think>a</think><answer>{text}</answer>", task)
    assert parsed.failure is None
    return shapes_of(parsed.answer)


def test_a_box() -> None:
    assert drawn("spatial_grounding", {"boxes": [1, 2, 3, 4]}).still == [Shape("box", ((1, 2), (3, 4)))]


def test_a_prompt_for_a_mask() -> None:
    answer = {"boxes": [1, 2, 3, 4], "positive_points": POINTS, "negative_points": POINTS}
    shapes = drawn("image_segmentation", answer)
    assert [shape.kind for shape in shapes.still] == ["box", *["positive"] * 3, *["negative"] * 3]
    moving = drawn("video_segmentation", {"time": 2.5} | answer)
    assert (moving.moment, moving.times()) == (2.5, [(2.5, 2.5)])
    assert moving.still == shapes.still


def test_a_span() -> None:
    assert drawn("temporal_grounding", {"time": [3, 8.5]}).times() == [(3, 8.5)]
    assert drawn("temporal_segments", {"times": [[1, 2], [4, 5]]}).spans == [(1, 2), (4, 5)]


def test_a_track() -> None:
    shapes = drawn("tracking", {"boxes": {"1": [1, 2, 3, 4], "4": [1, 2, 3, 5]}})
    assert shapes.frames == {1: [Shape("box", ((1, 2), (3, 4)))], 4: [Shape("box", ((1, 2), (3, 5)))]}
    assert drawn("spatio_temporal_grounding", {"time": [1, 2], "boxes": {"1": [1, 2, 3, 4]}}).spans == [(1, 2)]


def test_a_point_that_is_hidden() -> None:
    assert drawn("point_tracking", {"points": {"1": [1, 2], "2": None}}).frames == {
        1: [Shape("point", ((1, 2),))],
        2: [],
    }


def test_objects_points_clicks_and_corners() -> None:
    found = drawn("detection", {"objects": [{"box": [1, 2, 3, 4], "label": "cat"}, {"box": [5, 6, 7, 8]}]})
    assert found.still == [Shape("box", ((1, 2), (3, 4)), "cat"), Shape("box", ((5, 6), (7, 8)))]
    assert [shape.kind for shape in drawn("pointing", {"points": POINTS}).still] == ["point"] * 3
    assert drawn("gui_click", {"point": [5, 6]}).still == [Shape("click", ((5, 6),))]
    corners = [[0, 0], [9, 0], [9, 9], [0, 9]]
    assert drawn("rotated_box", {"corners": corners}).still == [Shape("polygon", ((0, 0), (9, 0), (9, 9), (0, 9)))]


def test_what_a_reference_alone_may_be() -> None:
    several = shapes_of(otr.parse_reference({"boxes": [[1, 2, 3, 4], [5, 6, 7, 8]]}, "pointing"))
    assert [shape.kind for shape in several.still] == ["box", "box"]
    assert shapes_of({"boxes": []}).still == []
    target = shapes_of(otr.parse_reference({"box": [1, 2, 3, 4]}, "gui_click"))
    assert target.still == [Shape("box", ((1, 2), (3, 4)))]


@pytest.mark.parametrize(
    ("task", "answer"), [("multiple_choice", "B"), ("numerical", "3"), ("ordering", {"order": ["A"]})]
)
def test_what_has_no_place(task: str, answer: object) -> None:
    assert drawn(task, answer) == Shapes()
    assert shapes_of(None) == Shapes()


def test_overlaps_by_second() -> None:
    reference = drawn("tracking", {"boxes": {"1": [0, 0, 10, 10], "2": [0, 0, 10, 10], "3": [0, 0, 10, 10]}})
    answer = drawn("tracking", {"boxes": {"1": [0, 0, 10, 10], "3": [0, 0, 5, 10], "9": [0, 0, 5, 10]}})
    assert overlaps(answer, reference) == [(1, 1.0), (2, 0.0), (3, 0.5)]
    points = drawn("point_tracking", {"points": {"1": [1, 2]}})
    assert overlaps(points, points) == overlaps(answer, Shapes()) == []


def test_seconds_are_spread_evenly() -> None:
    track = Shapes(frames={second: [] for second in range(100)})
    assert some_seconds(track, most=4) == [0, 33, 66, 99]
    assert some_seconds(Shapes(frames={2: []}), Shapes(frames={1: []})) == [1, 2]
