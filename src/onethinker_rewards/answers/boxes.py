"""Answers of a fixed number of numbers: a span, a box, a box with points, the same with a time.

Each struct holds what its schema holds, field by field, for a typed decoder that is far quicker than the schema.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec
import numpy as np

from onethinker_rewards.answers.columns import Booleans, Columns, Floats
from onethinker_rewards.answers.limits import Limits
from onethinker_rewards.answers.schemas import COORDINATE_MAX

Pair = tuple[float, float]
Quad = tuple[float, float, float, float]
Points = tuple[Pair, Pair, Pair]


class SpanStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"time": [start, end]}``."""

    time: Pair


class BoxStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"boxes": [x1, y1, x2, y2]}``."""

    boxes: Quad


class PromptStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"boxes": […], "positive_points": […], "negative_points": […]}``."""

    boxes: Quad
    positive_points: Points
    negative_points: Points


class TimedPromptStruct(PromptStruct, forbid_unknown_fields=True, gc=False):
    """A prompt, and ``"time"`` of its frame."""

    time: float


@dataclass(frozen=True, slots=True, repr=False)
class SpanColumns(Columns):
    """``spans``: ``[N, 2]`` start and end in seconds."""

    spans: Floats

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges and order."""
        return spans_are_valid(self.spans)


@dataclass(frozen=True, slots=True, repr=False)
class BoxColumns(Columns):
    """``boxes``: ``[N, 4]`` x1, y1, x2, y2 in thousandths."""

    boxes: Floats

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges and order."""
        return boxes_are_valid(self.boxes)


@dataclass(frozen=True, slots=True, repr=False)
class PromptColumns(Columns):
    """``boxes`` ``[N, 4]``, ``positive_points`` and ``negative_points`` ``[N, 3, 2]``, in thousandths."""

    boxes: Floats
    positive_points: Floats
    negative_points: Floats

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges and order."""
        return (
            boxes_are_valid(self.boxes)
            & points_are_valid(self.positive_points)
            & points_are_valid(self.negative_points)
        )


@dataclass(frozen=True, slots=True, repr=False)
class TimedPromptColumns(PromptColumns):
    """A prompt, and ``times`` ``[N]`` of its frames in seconds."""

    times: Floats

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges and order."""
        return PromptColumns.are_valid(self, limits) & (self.times >= 0)


def spans_are_valid(spans: Floats) -> Booleans:
    """Return ``[N]`` whether 0 <= start <= end."""
    start, end = spans.T
    return (start >= 0) & (start <= end)


def boxes_are_valid(boxes: Floats) -> Booleans:
    """Return ``[N]`` whether 0 <= x1 < x2 <= 1000, and so for y."""
    # Column by column: an axis of two is a slow innermost loop.
    left, top, right, bottom = boxes.T
    across = (left >= 0) & (left < right) & (right <= COORDINATE_MAX)
    return across & (top >= 0) & (top < bottom) & (bottom <= COORDINATE_MAX)


def points_are_valid(points: Floats) -> Booleans:
    """Return ``[N]`` whether all coordinates of ``points`` ``[N, …]`` are within 0…1000."""
    inside: Booleans = (points >= 0) & (points <= COORDINATE_MAX)
    return np.logical_and.reduce(inside.reshape(len(points), math.prod(points.shape[1:])), axis=1)
