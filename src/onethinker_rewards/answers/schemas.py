"""The answers: what the text between the answer tags has to be, one frozen, strict model a kind.

JSON answers are objects with exactly the fields below. Text answers are root models, which are equal to their plain
value: ``parse(...).answer == "B"``.

Units: coordinates are thousandths of the image's width and height, 0 to 1000; times are seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from inspect import Parameter, Signature
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    SkipValidation,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

COORDINATE_MAX = 1000.0
FRAME_KEY_DIGITS = 9

_Plain = TypeVar("_Plain", str, float)

Coordinate = Annotated[float, Field(ge=0, le=COORDINATE_MAX, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
FrameKey = Annotated[
    str,
    StringConstraints(pattern=r"^(0|[1-9][0-9]*)$", max_length=FRAME_KEY_DIGITS),
    # One pattern says the same: grammar engines ignore or refuse a length next to a pattern.
    WithJsonSchema({"type": "string", "pattern": rf"^(0|[1-9][0-9]{{0,{FRAME_KEY_DIGITS - 1}}})$"}),
]
# A text that holds no tag, which would end the answer. Grammar engines are sure to follow a pattern as simple as this.
Name = Annotated[str, StringConstraints(pattern="^[^<]*$")]
Point = tuple[Coordinate, Coordinate]
Points = tuple[Point, Point, Point]


def _ordered_box(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    if not (box[0] < box[2] and box[1] < box[3]):
        raise PydanticCustomError("bad_order", "Input should be x1, y1, x2, y2 with x1 < x2 and y1 < y2")
    return box


def _ordered_span(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] > span[1]:
        raise PydanticCustomError("bad_order", "Input should be a start and an end with start <= end")
    return span


Box = Annotated[tuple[Coordinate, Coordinate, Coordinate, Coordinate], AfterValidator(_ordered_box)]
Span = Annotated[tuple[Seconds, Seconds], AfterValidator(_ordered_span)]
# JSON Schema closes the object only when told to: a key that matches no pattern is allowed there by default.
Track = Annotated[dict[FrameKey, Box], Field(min_length=1, json_schema_extra={"additionalProperties": False})]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    # Fields whose numbers are clipped to 0…1000 before they are validated.
    coordinate_fields: ClassVar[tuple[str, ...]] = ()
    # Fields with points, which are clipped in references alone: a point off the image points at nothing.
    point_fields: ClassVar[tuple[str, ...]] = ()
    # Fields that may hold any number of entries, which `Limits.track_boxes` bounds.
    counted_fields: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        # pydantic's own signature writes out every constraint; the fields' names say as much.
        names = [Parameter(name, Parameter.KEYWORD_ONLY) for name in cls.model_fields]
        cls.__signature__ = Signature(names)


class TimeSpan(_Answer):
    """When something happens in a video."""

    time: Span = Field(description="Start and end in seconds, start <= end.")


class SingleBox(_Answer):
    """Where something is in an image."""

    coordinate_fields = ("boxes",)

    boxes: Box = Field(description="x1, y1, x2, y2 in thousandths of width and height, x1 < x2, y1 < y2.")


class BoxTrack(_Answer):
    """Where something is at each second of a video."""

    coordinate_fields = ("boxes",)
    counted_fields = ("boxes",)

    boxes: Track = Field(description="One box for each whole second; the second is the key.")


class TimedBoxTrack(_Answer):
    """When something happens in a video, and where it is at each second of that time."""

    coordinate_fields = ("boxes",)
    counted_fields = ("boxes",)

    time: Span = Field(description="Start and end in seconds, start <= end.")
    boxes: Track = Field(description="One box for each whole second of the span; the second is the key.")


class SegmentationPrompt(_Answer):
    """A box and points from which a segmentation model draws an object's mask."""

    coordinate_fields = ("boxes", "positive_points", "negative_points")

    boxes: Box = Field(description="x1, y1, x2, y2 in thousandths of width and height, x1 < x2, y1 < y2.")
    positive_points: Points = Field(description="Three points on the object.")
    negative_points: Points = Field(description="Three points off the object.")


class VideoSegmentationPrompt(_Answer):
    """A time in a video, and a box and points in that frame."""

    coordinate_fields = ("boxes", "positive_points", "negative_points")

    time: Seconds = Field(description="The frame's time in seconds.")
    boxes: Box = Field(description="x1, y1, x2, y2 in thousandths of width and height, x1 < x2, y1 < y2.")
    positive_points: Points = Field(description="Three points on the object.")
    negative_points: Points = Field(description="Three points off the object.")


class DetectedObject(_Answer):
    """One object in an image, and what it is called."""

    box: Box = Field(description="x1, y1, x2, y2 in thousandths of width and height, x1 < x2, y1 < y2.")
    label: Name = Field(default="", description="What the object is; required if there are several kinds.")


class Detections(_Answer):
    """All requested objects in an image; an empty list if there is none."""

    coordinate_fields = ("objects",)
    counted_fields = ("objects",)

    objects: tuple[DetectedObject, ...] = Field(description="The objects in any order.")


class LabeledDetections(Detections):
    """The objects to find; either all of them have a label, or none."""

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        if len({bool(item.label.strip()) for item in self.objects}) > 1:
            raise PydanticCustomError("some_labels", "Input should be objects that all have a label, or none")
        return self


class PointSet(_Answer):
    """One point on each requested object; an empty list if there is none."""

    point_fields = ("points",)
    counted_fields = ("points",)

    points: tuple[Point, ...] = Field(description="x, y in thousandths of width and height, in any order.")


class PointTargets(_Answer):
    """What to point at: points, or boxes that the points have to lie in."""

    point_fields = ("points",)
    coordinate_fields = ("boxes",)
    counted_fields = ("points", "boxes")

    points: tuple[Point, ...] | None = Field(default=None, description="x, y in thousandths of width and height.")
    boxes: tuple[Box, ...] | None = Field(default=None, description="x1, y1, x2, y2 in thousandths, one per object.")

    @model_validator(mode="after")
    def _points_or_boxes(self) -> Self:
        if (self.points is None) == (self.boxes is None):
            raise PydanticCustomError("points_or_boxes", "Input should be either points or boxes")
        return self


class ClickPoint(_Answer):
    """Where to click."""

    point_fields = ("point",)

    point: Point = Field(description="x, y in thousandths of width and height.")


class ClickTarget(_Answer):
    """The element to click."""

    coordinate_fields = ("box",)

    box: Box = Field(description="x1, y1, x2, y2 in thousandths of width and height, x1 < x2, y1 < y2.")


_Corners = tuple[Point, Point, Point, Point]


def _convex(corners: _Corners) -> _Corners:
    if not is_convex(corners):
        raise PydanticCustomError("bad_order", "Input should be the corners around a convex quadrilateral with an area")
    return corners


def is_convex(corners: Sequence[tuple[float, float]]) -> bool:
    """Return whether corners go around a convex polygon of some area, in either direction; collinear ones may.

    >>> is_convex([(0, 0), (9, 0), (9, 9), (0, 9)]), is_convex([(0, 0), (9, 9), (9, 0), (0, 9)])
    (True, False)
    """
    sides = [
        (after[0] - corner[0], after[1] - corner[1])
        for corner, after in zip(corners, [*corners[1:], corners[0]], strict=True)
    ]
    turns = [side[0] * after[1] - side[1] * after[0] for side, after in zip(sides, [*sides[1:], sides[0]], strict=True)]
    return (min(turns) >= 0 or max(turns) <= 0) and any(turns)


class RotatedBox(_Answer):
    """Where something is in an image, as the four corners of a rotated box."""

    coordinate_fields = ("corners",)

    corners: Annotated[_Corners, AfterValidator(_convex)] = Field(
        description="x, y in thousandths of width and height, around the box in either direction from any corner."
    )

    @classmethod
    def from_pixels(cls, value: Any, size: tuple[float, float]) -> Any:
        """Return ``{"box": [center x, center y, width, height, degrees]}`` in pixels as corners in thousandths.

        Degrees turn from the x axis toward the y axis, which points down. Anything else is returned as it is.

        Args:
            value: The decoded answer.
            size: Width and height of the image in pixels.

        >>> RotatedBox.from_pixels({"box": [50, 100, 40, 20, 90]}, (100, 200))
        {'corners': [[600.0, 400.0], [600.0, 600.0], [400.0, 600.0], [400.0, 400.0]]}
        """
        if not (isinstance(value, dict) and value.keys() == {"box"}):
            return value
        numbers: Any = value["box"]
        if not (
            isinstance(numbers, list) and len(numbers) == 5 and all(type(item) in (int, float) for item in numbers)
        ):
            return value
        x, y, width, height, degrees = numbers
        if width <= 0 or height <= 0:
            return value
        # Of whole quarters exactly, so that a box without a turn has no rounding.
        quarters, rest = divmod(degrees % 360, 90)
        cosine, sine = math.cos(math.radians(rest)), math.sin(math.radians(rest))
        for _ in range(int(quarters)):
            cosine, sine = -sine, cosine
        sides = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
        halves = [(width / 2 * across, height / 2 * down) for across, down in sides]
        return {
            "corners": [
                [
                    COORDINATE_MAX * (x + across * cosine - down * sine) / size[0],
                    COORDINATE_MAX * (y + across * sine + down * cosine) / size[1],
                ]
                for across, down in halves
            ]
        }


class TimeSpans(_Answer):
    """All times at which something happens in a video; an empty list if it never does."""

    counted_fields = ("times",)

    times: tuple[Span, ...] = Field(description="Start and end of each in seconds, start <= end, in any order.")


class PointTrack(_Answer):
    """Where a point is at each second of a video, null where it is hidden."""

    point_fields = ("points",)
    counted_fields = ("points",)

    points: Annotated[
        dict[FrameKey, Point | None], Field(min_length=1, json_schema_extra={"additionalProperties": False})
    ] = Field(description="x, y in thousandths of width and height, or null; the second is the key.")


class RatedImage(_Answer):
    """How good an image is, and the scale of that rating."""

    score: float = Field(allow_inf_nan=False, description="The rating, within the scale.")
    scale: tuple[Finite, Finite] = Field(description="The lowest and the highest rating.")

    @model_validator(mode="after")
    def _score_in_scale(self) -> Self:
        low, high = self.scale
        if not low < high:
            raise PydanticCustomError("bad_order", "Input should be a scale with its lowest rating first")
        if not low <= self.score <= high:
            raise PydanticCustomError("less_than_equal", "Input should be a score within its scale")
        return self


class Order(_Answer):
    """Items in the requested order."""

    counted_fields = ("order",)

    order: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(description="All items, each once.")


class OrderedItems(Order):
    """The right order of distinct items."""

    @model_validator(mode="after")
    def _no_repeats(self) -> Self:
        if len(set(self.order)) < len(self.order):
            raise PydanticCustomError("repeated_item", "Input should be an order without repeated items")
        return self


class _PlainAnswer(RootModel[_Plain]):
    """A text answer; equal to another one of the same value, and to the plain value itself."""

    model_config = ConfigDict(frozen=True, strict=True)

    def __eq__(self, other: object) -> bool:
        return self.root == (other.root if isinstance(other, _PlainAnswer) else other)

    def __hash__(self) -> int:
        return hash(self.root)

    def __str__(self) -> str:
        return str(self.root)


class OptionLetter(_PlainAnswer[str]):
    """The letter of one option."""

    root: Annotated[str, StringConstraints(pattern=r"^[A-Z]$")]


class Number(_PlainAnswer[float]):
    """One plain number."""

    root: Annotated[float, Field(allow_inf_nan=False)]

    def __float__(self) -> float:
        return self.root


def _some_text(value: Any) -> str:
    if not isinstance(value, str):
        raise PydanticKnownError("string_type")
    if not value:
        raise PydanticKnownError("string_too_short", {"min_length": 1})
    return value


class Text(_PlainAnswer[str]):
    """Free text: a transcript, a sentence, a formula."""

    # pydantic's own strings cannot hold lone surrogates, which a model may write.
    root: Annotated[SkipValidation[str], AfterValidator(_some_text), Field(json_schema_extra={"minLength": 1})]
