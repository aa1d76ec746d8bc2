"""From an answer or a reference to shapes: boxes, points and polygons, still or by second, and times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

from pydantic import BaseModel

from onethinker_rewards.metrics import box_iou

Kind: TypeAlias = Literal["box", "polygon", "point", "positive", "negative", "click"]
Role: TypeAlias = Literal["reference", "answer", "other"]
XY: TypeAlias = tuple[float, float]
_POINTS: dict[str, Kind] = {"points": "point", "positive_points": "positive", "negative_points": "negative"}


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape in thousandths of width and height: a box by two corners, a polygon by all, a point by itself."""

    kind: Kind
    points: tuple[XY, ...]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Shapes:
    """What can be drawn of an answer.

    Attributes:
        still: Shapes on an image, or on the frame at ``moment``.
        frames: Shapes by second; a second at which a point is hidden has none.
        spans: Starts and ends in seconds.
        moment: The time of a frame in seconds.
    """

    still: list[Shape] = field(default_factory=list[Shape])
    frames: dict[int, list[Shape]] = field(default_factory=dict[int, list[Shape]])
    spans: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    moment: float | None = None

    def times(self) -> list[tuple[float, float]]:
        """Return all spans and moments, a moment as a span of no length."""
        return self.spans if self.moment is None else [*self.spans, (self.moment, self.moment)]


def shapes_of(answer: Any) -> Shapes:
    """Return what can be drawn of an answer that was read: nothing of a letter, a number or a text."""
    value: Any = answer.model_dump() if isinstance(answer, BaseModel) else answer
    if not isinstance(value, Mapping):
        return Shapes()
    fields = cast("Mapping[str, Any]", value)
    shapes = Shapes(moment=_moment(fields.get("time")), spans=_spans(fields))
    for second, box in _by_second(fields.get("boxes")):
        shapes.frames.setdefault(second, []).append(_box(box))
    for second, point in _by_second(fields.get("points")):
        shapes.frames.setdefault(second, []).extend([] if point is None else [Shape("point", (_xy(point),))])
    shapes.still.extend(_still(fields))
    return shapes


def _still(fields: Mapping[str, Any]) -> list[Shape]:
    boxes: Any = fields.get("boxes")
    found: list[Shape] = []
    if _is_list(boxes):
        # One box, or several.
        found += [_box(box) for box in (boxes if not boxes or _is_list(boxes[0]) else [boxes])]
    if _is_list(fields.get("box")):
        found.append(_box(fields["box"]))
    if _is_list(fields.get("objects")):
        found += [_box(item["box"], item.get("label") or "") for item in fields["objects"]]
    if _is_list(fields.get("corners")):
        found.append(Shape("polygon", tuple(map(_xy, fields["corners"]))))
    for name, kind in _POINTS.items():
        found += [Shape(kind, (_xy(point),)) for point in (fields[name] if _is_list(fields.get(name)) else ())]
    if _is_list(fields.get("point")):
        found.append(Shape("click", (_xy(fields["point"]),)))
    return found


def _by_second(value: Any) -> list[tuple[int, Any]]:
    """Return the entries of an object whose keys are seconds."""
    return [(int(key), entry) for key, entry in value.items()] if isinstance(value, Mapping) else []


def _spans(fields: Mapping[str, Any]) -> list[tuple[float, float]]:
    spans: Any = [fields["time"]] if _is_list(fields.get("time")) else fields.get("times") or []
    return [(float(span[0]), float(span[1])) for span in spans]


def _moment(time: Any) -> float | None:
    return float(time) if isinstance(time, int | float) else None


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _box(box: Sequence[float], label: str = "") -> Shape:
    return Shape("box", (_xy(box[:2]), _xy(box[2:])), label)


def _xy(point: Sequence[float]) -> XY:
    return float(point[0]), float(point[1])


def overlaps(answer: Shapes, reference: Shapes) -> list[tuple[int, float]]:
    """Return the box IoU at each second of a reference's track, 0 where the answer has no box; nothing of points."""
    found: list[tuple[int, float]] = []
    for second in sorted(reference.frames):
        boxes = [_numbers(shapes.frames.get(second, [])) for shapes in (answer, reference)]
        if boxes[1] is None:
            return []
        found.append((second, 0.0 if boxes[0] is None else float(box_iou([boxes[0]], [boxes[1]])[0])))
    return found


def _numbers(shapes: Sequence[Shape]) -> list[float] | None:
    return next(([*shape.points[0], *shape.points[1]] for shape in shapes if shape.kind == "box"), None)


def some_seconds(*shapes: Shapes, most: int = 8) -> list[int]:
    """Return at most ``most`` seconds of tracks, spread evenly from the first to the last."""
    seconds = sorted({second for each in shapes for second in each.frames})
    if len(seconds) <= most:
        return seconds
    last = len(seconds) - 1
    return [seconds[round(index * last / (most - 1))] for index in range(most)]
