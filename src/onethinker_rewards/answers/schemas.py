"""The answers: what the text between the answer tags has to be, one frozen, strict model a kind.

JSON answers are objects with exactly the fields below. Text answers are root models, which are equal to their plain
value: ``parse(...).answer == "B"``.

Units: coordinates are thousandths of the image's width and height, 0 to 1000; times are seconds.
"""

from __future__ import annotations

from inspect import Parameter, Signature
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    SkipValidation,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

COORDINATE_MAX = 1000.0
FRAME_KEY_DIGITS = 9

_Plain = TypeVar("_Plain", str, float)

Coordinate = Annotated[float, Field(ge=0, le=COORDINATE_MAX, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
FrameKey = Annotated[
    str,
    StringConstraints(pattern=r"^(0|[1-9][0-9]*)$", max_length=FRAME_KEY_DIGITS),
    # One pattern says the same: grammar engines ignore or refuse a length next to a pattern.
    WithJsonSchema({"type": "string", "pattern": rf"^(0|[1-9][0-9]{{0,{FRAME_KEY_DIGITS - 1}}})$"}),
]
Point = tuple[Coordinate, Coordinate]
Points = tuple[Point, Point, Point]


def _ordered_box(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    if not (box[0] < box[2] and box[1] < box[3]):
        raise PydanticCustomError("bad_order", "a box is x1, y1, x2, y2 with x1 < x2 and y1 < y2")
    return box


def _ordered_span(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] > span[1]:
        raise PydanticCustomError("bad_order", "a time span is start, end with start <= end")
    return span


Box = Annotated[tuple[Coordinate, Coordinate, Coordinate, Coordinate], AfterValidator(_ordered_box)]
Span = Annotated[tuple[Seconds, Seconds], AfterValidator(_ordered_span)]
# JSON Schema closes the object only when told to: a key that matches no pattern is allowed there by default.
Track = Annotated[dict[FrameKey, Box], Field(min_length=1, json_schema_extra={"additionalProperties": False})]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    # Fields whose numbers are clipped to 0…1000 before they are validated.
    coordinate_fields: ClassVar[tuple[str, ...]] = ()

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

    boxes: Track = Field(description="One box for each whole second; the second is the key.")


class TimedBoxTrack(_Answer):
    """When something happens in a video, and where it is at each second of that time."""

    coordinate_fields = ("boxes",)

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
