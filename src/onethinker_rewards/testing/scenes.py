"""Scenes: several things to find, with right answers, answers nearby and answers where nothing is.

Things lie far apart, each with one other place next to it that no other thing comes near, so that it is known which
answer is for which thing. All numbers are tenths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from onethinker_rewards.answers import (
    Detections,
    LabeledDetections,
    PointSet,
    PointTargets,
    PointTrack,
    TimeSpans,
)
from onethinker_rewards.testing.valid import Kind, Schema, reference_schema_of, schema_of

# Places, three by three, and a thing's largest size and distance from the corner of its place, in thousandths.
_PLACES = 9
_PLACE, _MARGIN, _SIZE, _STEP = 330, 100, 100, 90
_LABELS = ("cat", "dog", "a red car")
# The seconds of a track at which its point is hidden.
_HIDDEN = (20, 21)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is to be found, and items that an answer may list.

    Attributes:
        schema: The answers' schema.
        reference: The reference.
        right: For each thing the item that earns most.
        near: For each thing an item near it, and nearer to it than to any other.
        elsewhere: Items where nothing is.
    """

    schema: Schema
    reference: Any
    right: list[Any]
    near: list[Any]
    elsewhere: list[Any]

    def answer(self, items: Sequence[Any]) -> dict[str, Any]:
        """Return the answer that lists these items."""
        if self.schema is PointTrack:
            hidden = dict.fromkeys(map(str, _HIDDEN))
            return {"points": {**hidden, **dict(items)}}
        return {next(iter(self.schema.model_fields)): list(items)}


def scenes(kind: Kind, *, fewest: int = 0) -> SearchStrategy[Scene]:
    """Return scenes of a task of several things, with at least ``fewest`` of them."""
    return _MAKERS[schema_of(kind), reference_schema_of(kind)](fewest)


def has_objects(kind: Kind) -> bool:
    """Return whether answers list any number of things, of which there are scenes."""
    return (schema_of(kind), reference_schema_of(kind)) in _MAKERS


def tenths(low: float, high: float) -> SearchStrategy[float]:
    """Return tenths in [low, high]."""
    return st.integers(round(low * 10), round(high * 10)).map(lambda number: number / 10)


def _places(draw: DrawFn, fewest: int, most: int = 4) -> tuple[list[int], int]:
    """Return the places of the things, and an empty one."""
    places = draw(st.lists(st.integers(0, _PLACES - 1), min_size=fewest + 1, max_size=most + 1, unique=True))
    return places[1:], places[0]


def _box_at(draw: DrawFn, place: int) -> list[float]:
    left, top = (offset * _PLACE + draw(tenths(_MARGIN, _MARGIN + 20)) for offset in (place % 3, place // 3))
    sides = left, top, left + draw(tenths(1, _SIZE)), top + draw(tenths(1, _SIZE))
    return [round(side, 1) for side in sides]


def _shift(draw: DrawFn) -> float:
    return draw(st.sampled_from([0.5, 5.0, 20.0, 60.0, _STEP]).flatmap(lambda far: st.sampled_from([-far, 0.0, far])))


def _moved_box(draw: DrawFn, box: list[float]) -> list[float]:
    right, down = _shift(draw), _shift(draw)
    return [round(side + by, 1) for side, by in zip(box, (right, down) * 2, strict=True)]


@st.composite
def _detections(draw: DrawFn, fewest: int) -> Scene:
    places, empty = _places(draw, fewest)
    has_labels = draw(st.booleans())
    boxes = [_box_at(draw, place) for place in places]
    names = [draw(st.sampled_from(_LABELS)) for _ in places]
    right = [_object(box, name, has_labels) for box, name in zip(boxes, names, strict=True)]
    near = [_object(_moved_box(draw, box), name, has_labels) for box, name in zip(boxes, names, strict=True)]
    elsewhere = [_object(_box_at(draw, empty), name, has_labels) for name in (draw(st.sampled_from(_LABELS)),)]
    if has_labels:
        # Something is there, and not this.
        elsewhere += [_object(box, "nothing of the kind", has_labels) for box in boxes]
    return Scene(Detections, {"objects": right}, right, near, elsewhere)


def _object(box: list[float], name: str, has_labels: bool) -> dict[str, Any]:
    return {"box": box, "label": name} if has_labels else {"box": box}


@st.composite
def _points(draw: DrawFn, fewest: int) -> Scene:
    places, empty = _places(draw, fewest)
    right = [_box_at(draw, place)[:2] for place in places]
    near = [_moved_box(draw, [*point, *point])[:2] for point in right]
    return Scene(PointSet, {"points": right}, right, near, [_box_at(draw, empty)[:2]])


@st.composite
def _points_in_boxes(draw: DrawFn, fewest: int) -> Scene:
    places, empty = _places(draw, fewest)
    boxes = [_box_at(draw, place) for place in places]
    near = [_moved_box(draw, box)[:2] for box in boxes]
    return Scene(PointSet, {"boxes": boxes}, list(map(center, boxes)), near, [_box_at(draw, empty)[:2]])


def _points_or_boxes(fewest: int) -> SearchStrategy[Scene]:
    return _points(fewest) | _points_in_boxes(fewest)


def center(box: list[float]) -> list[float]:
    """Return the center of x1, y1, x2, y2."""
    return [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]


@st.composite
def _spans(draw: DrawFn, fewest: int) -> Scene:
    places, empty = _places(draw, fewest)

    def span_at(place: int) -> list[float]:
        start = 40 * place + draw(tenths(10, 12))
        return [round(start, 1), round(start + draw(tenths(0, 15)), 1)]

    right = [span_at(place) for place in places]
    shifts = [draw(tenths(-10, 10)) for _ in places]
    near = [[round(end + by, 1) for end in span] for span, by in zip(right, shifts, strict=True)]
    return Scene(TimeSpans, {"times": right}, right, near, [span_at(empty)])


@st.composite
def _point_track(draw: DrawFn, fewest: int) -> Scene:
    seconds, _ = _places(draw, fewest)
    points = [_box_at(draw, draw(st.integers(0, _PLACES - 1)))[:2] for _ in seconds]
    right = [(str(second), point) for second, point in zip(seconds, points, strict=True)]
    near = [(second, _moved_box(draw, [*point, *point])[:2]) for second, point in right]
    reference = {"points": {**dict(right), **dict.fromkeys(map(str, _HIDDEN))}}
    return Scene(PointTrack, reference, right, near, [(str(second), [500.0, 500.0]) for second in _HIDDEN])


_MAKERS: dict[tuple[Schema, Schema], Any] = {
    (Detections, LabeledDetections): _detections,
    (Detections, Detections): _detections,
    (PointSet, PointSet): _points,
    (PointSet, PointTargets): _points_or_boxes,
    (TimeSpans, TimeSpans): _spans,
    (PointTrack, PointTrack): _point_track,
}
