"""Answers of a fixed number of numbers: a span, a box, a box with points, the same with a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from pydantic import BaseModel

from onethinker_rewards.columns.arrays import ArrayColumns
from onethinker_rewards.columns.checks import check_coordinates, check_spans, check_times, sound_reading
from onethinker_rewards.columns.packing import FloatLayout, FloatPacker
from onethinker_rewards.columns.reading import (
    STRICT,
    Faults,
    Floats,
    Integers,
    Reading,
    Request,
    decode_rows,
    refusing_long,
)
from onethinker_rewards.schemas import SegmentationPrompt, SingleBox, TimeSpan, VideoSegmentationPrompt

__all__ = [
    "BoxColumns",
    "PromptColumns",
    "SpanColumns",
    "TimedPromptColumns",
    "read_boxes",
    "read_prompts",
    "read_spans",
    "read_timed_prompts",
]


@dataclass(frozen=True, slots=True)
class SpanColumns(ArrayColumns):
    """``spans``: ``[N, 2]`` start and end in seconds."""

    spans: Floats


@dataclass(frozen=True, slots=True)
class BoxColumns(ArrayColumns):
    """``boxes``: ``[N, 4]`` x1, y1, x2, y2 in thousandths."""

    boxes: Floats


@dataclass(frozen=True, slots=True)
class PromptColumns(ArrayColumns):
    """``boxes`` ``[N, 4]``, ``positive_points`` and ``negative_points`` ``[N, 3, 2]``, in thousandths."""

    boxes: Floats
    positive_points: Floats
    negative_points: Floats


@dataclass(frozen=True, slots=True)
class TimedPromptColumns(PromptColumns):
    """A prompt, and ``times`` ``[N]`` of its frames in seconds."""

    times: Floats


# The structs hold what the schemas hold, field by field in the same order.
_Pair = tuple[float, float]
_Quad = tuple[float, float, float, float]
_Points = tuple[_Pair, _Pair, _Pair]
_BOX = (0.0, 0.0, 0.0, 0.0)
_POINTS = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))


class _Span(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    time: _Pair


class _Box(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    boxes: _Quad


class _Prompt(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    boxes: _Quad
    positive_points: _Points
    negative_points: _Points


class _TimedPrompt(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    time: float
    boxes: _Quad
    positive_points: _Points
    negative_points: _Points


ColumnsT = TypeVar("ColumnsT", bound=ArrayColumns)


class _FixedReader(Generic[ColumnsT]):
    """Reads one kind: decode, pack, check and arrange the columns of the matrix."""

    def __init__(
        self,
        schema: type[BaseModel],
        template: msgspec.Struct,
        arrange: Callable[[Floats, Integers, Faults], ColumnsT],
    ) -> None:
        self._schema = schema
        self._struct = type(template)
        self._decode = msgspec.json.Decoder(self._struct).decode
        self._layout = FloatLayout(template)
        self._arrange = arrange

    def __call__(self, texts: Sequence[str], request: Request = STRICT) -> Reading[ColumnsT]:
        packer = FloatPacker(self._layout)
        decode = refusing_long(self._decode, texts, request.limits)
        positions, faults = decode_rows(texts, decode, packer, self._schema, self._convert, request)
        return sound_reading(self._arrange(packer.matrix(), positions, faults), positions, faults, len(texts))

    def _convert(self, answer: BaseModel) -> Any:
        return self._struct(*(getattr(answer, name) for name in self._struct.__struct_fields__))


def _spans(matrix: Floats, positions: Integers, faults: Faults) -> SpanColumns:
    check_spans(matrix, positions, faults)
    return SpanColumns(matrix)


def _boxes(matrix: Floats, positions: Integers, faults: Faults) -> BoxColumns:
    return BoxColumns(check_coordinates(matrix, positions, faults))


def _prompts(matrix: Floats, positions: Integers, faults: Faults) -> PromptColumns:
    matrix = check_coordinates(matrix, positions, faults)
    return PromptColumns(matrix[:, :4], *_points(matrix[:, 4:]))


def _timed_prompts(matrix: Floats, positions: Integers, faults: Faults) -> TimedPromptColumns:
    times = matrix[:, 0]
    check_times(times, positions, faults)
    coordinates = check_coordinates(matrix[:, 1:], positions, faults)
    return TimedPromptColumns(coordinates[:, :4], *_points(coordinates[:, 4:]), times)


def _points(matrix: Floats) -> tuple[Floats, Floats]:
    """Part the last twelve columns into three positive and three negative points a row."""
    points = matrix.reshape(len(matrix), 2, 3, 2)
    return points[:, 0], points[:, 1]


read_spans = _FixedReader(TimeSpan, _Span((0.0, 0.0)), _spans)
read_boxes = _FixedReader(SingleBox, _Box(_BOX), _boxes)
read_prompts = _FixedReader(SegmentationPrompt, _Prompt(_BOX, _POINTS, _POINTS), _prompts)
read_timed_prompts = _FixedReader(VideoSegmentationPrompt, _TimedPrompt(0.0, _BOX, _POINTS, _POINTS), _timed_prompts)
