"""Answers of any number of objects, and single points: detections, points, clicks, corners, spans, orders, ratings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, Self

import msgspec
import numpy as np

from onethinker_rewards.answers.boxes import Pair, Quad, boxes_are_valid, points_are_valid, spans_are_valid
from onethinker_rewards.answers.columns import (
    Booleans,
    Columns,
    Floats,
    RaggedColumns,
    Texts,
    float_array,
    starts_of,
    text_array,
)
from onethinker_rewards.answers.limits import Limits


class ObjectStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"box": [x1, y1, x2, y2], "label": "cat"}``."""

    box: Quad
    label: str = ""


class DetectionStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"objects": [{"box": […], "label": "cat"}, …]}``."""

    objects: list[ObjectStruct]


class PointsStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"points": [[x, y], …]}``."""

    points: list[Pair]


class TargetsStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"points": [[x, y], …]}`` or ``{"boxes": [[x1, y1, x2, y2], …]}``."""

    points: list[Pair] | None = None
    boxes: list[Quad] | None = None

    def __post_init__(self) -> None:
        # The decoder gives its own error for this one.
        if (self.points is None) == (self.boxes is None):
            raise ValueError


class ClickStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"point": [x, y]}``."""

    point: Pair


class ClickTargetStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"box": [x1, y1, x2, y2]}``."""

    box: Quad


class CornersStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"corners": [[x, y], …]}``, four of them."""

    corners: tuple[Pair, Pair, Pair, Pair]


class SpansStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"times": [[start, end], …]}``."""

    times: list[Pair]


class OrderStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"order": ["B", "A"]}``."""

    order: Annotated[list[str], msgspec.Meta(min_length=1)]


class RatingStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"score": 3.4, "scale": [1, 5]}``."""

    score: float
    scale: Pair


@dataclass(frozen=True, slots=True, repr=False)
class DetectionColumns(RaggedColumns):
    """Objects laid end to end.

    Attributes:
        boxes: ``[M, 4]`` x1, y1, x2, y2 in thousandths.
        labels: ``[M]`` texts, stripped and casefolded; empty where there is none.
    """

    boxes: Floats
    labels: Texts

    @classmethod
    def pack(cls, values: Sequence[Any], stand_in: msgspec.Struct) -> Self:
        """Return the columns of decoded answers."""
        objects = [value.objects for value in values]
        every = [*chain.from_iterable(objects)]
        labels = [item.label for item in every]
        folded = {label: label.strip().casefold() for label in set(labels)}
        boxes = float_array([item.box for item in every], 4)
        return cls(starts_of(objects), boxes, text_array([folded[label] for label in labels]))

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges and order, and has no more boxes than allowed."""
        # A tag would begin with this sign.
        may_hold_tags = np.fromiter(("<" in label for label in self.labels), np.bool_, len(self.labels))
        return self.all_valid(boxes_are_valid(self.boxes) & ~may_hold_tags, limits)

    @property
    def are_labeled(self) -> Booleans:
        """``[N]`` whether any object of a row has a label."""
        return self.rows_with(self.labels != "")


@dataclass(frozen=True, slots=True, repr=False)
class LabeledDetectionColumns(DetectionColumns):
    """The same of references, whose objects all have a label or none."""

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema."""
        some_lack_one = self.are_labeled & self.rows_with(self.labels == "")
        return DetectionColumns.are_valid(self, limits) & ~some_lack_one


@dataclass(frozen=True, slots=True, repr=False)
class PointsColumns(RaggedColumns):
    """Points laid end to end: ``points`` ``[M, 2]`` x, y in thousandths."""

    points: Floats

    @classmethod
    def pack(cls, values: Sequence[Any], stand_in: msgspec.Struct) -> Self:
        """Return the columns of decoded answers."""
        points = [value.points or () for value in values]
        return cls(starts_of(points), float_array([*chain.from_iterable(points)], 2))

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges, and has no more points than allowed."""
        return self.all_valid(points_are_valid(self.points), limits)


@dataclass(frozen=True, slots=True, repr=False)
class BoxesColumns(RaggedColumns):
    """Boxes laid end to end: ``boxes`` ``[M, 4]`` x1, y1, x2, y2 in thousandths."""

    boxes: Floats

    @classmethod
    def pack(cls, values: Sequence[Any], stand_in: msgspec.Struct) -> Self:
        """Return the columns of decoded answers."""
        boxes = [value.boxes or () for value in values]
        return cls(starts_of(boxes), float_array([*chain.from_iterable(boxes)], 4))

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges and order, and has no more boxes than allowed."""
        return self.all_valid(boxes_are_valid(self.boxes), limits)


@dataclass(frozen=True, slots=True, repr=False)
class TargetsColumns(Columns):
    """What is to be pointed at.

    Attributes:
        by_boxes: ``[N]`` whether a row has boxes rather than points.
        points: Of the other rows.
        boxes: Of these rows.
    """

    by_boxes: Booleans
    points: PointsColumns
    boxes: BoxesColumns

    @classmethod
    def pack(cls, values: Sequence[Any], stand_in: msgspec.Struct) -> Self:
        """Return the columns of decoded references."""
        by_boxes = np.fromiter((value.points is None for value in values), np.bool_, len(values))
        return cls(by_boxes, PointsColumns.pack(values, stand_in), BoxesColumns.pack(values, stand_in))

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges and order, and has no more entries than allowed."""
        return self.points.are_valid(limits) & self.boxes.are_valid(limits)


@dataclass(frozen=True, slots=True, repr=False)
class ClickColumns(Columns):
    """``points``: ``[N, 2]`` x, y in thousandths."""

    points: Floats

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges."""
        return points_are_valid(self.points)


@dataclass(frozen=True, slots=True, repr=False)
class CornersColumns(Columns):
    """``corners``: ``[N, 4, 2]`` x, y in thousandths, around the box."""

    corners: Floats

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges and convex."""
        are_inside = points_are_valid(self.corners)
        # The products of coordinates far outside are no numbers.
        corners = np.where(are_inside[:, None, None], self.corners, 0.0)
        sides = np.roll(corners, -1, axis=1) - corners
        after = np.roll(sides, -1, axis=1)
        turns = sides[..., 0] * after[..., 1] - sides[..., 1] * after[..., 0]
        one_way: Booleans = (turns.min(axis=1) >= 0) | (turns.max(axis=1) <= 0)
        return are_inside & one_way & turns.any(axis=1)


@dataclass(frozen=True, slots=True, repr=False)
class SpansColumns(RaggedColumns):
    """Spans laid end to end: ``spans`` ``[M, 2]`` start and end in seconds."""

    spans: Floats

    @classmethod
    def pack(cls, values: Sequence[Any], stand_in: msgspec.Struct) -> Self:
        """Return the columns of decoded answers."""
        times = [value.times for value in values]
        return cls(starts_of(times), float_array([*chain.from_iterable(times)], 2))

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges and order, and has no more spans than allowed."""
        return self.all_valid(spans_are_valid(self.spans), limits)


@dataclass(frozen=True, slots=True, repr=False)
class OrderColumns(Columns):
    """``orders``: ``[N]`` tuples of items."""

    orders: Texts

    @classmethod
    def pack(cls, values: Sequence[Any], stand_in: msgspec.Struct) -> Self:
        """Return the columns of decoded answers."""
        return cls(np.fromiter((tuple(value.order) for value in values), object, len(values)))

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row has no more items than allowed, and no item with a ``<``."""
        valid = (len(order) <= limits.track_boxes and "<" not in "".join(order) for order in self.orders)
        return np.fromiter(valid, np.bool_, len(self.orders))


@dataclass(frozen=True, slots=True, repr=False)
class OrderedColumns(OrderColumns):
    """The same of references, whose items all differ."""

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row has no item twice, and no more than allowed."""
        differ = np.fromiter((len(set(order)) == len(order) for order in self.orders), np.bool_, len(self.orders))
        return OrderColumns.are_valid(self, limits) & differ


@dataclass(frozen=True, slots=True, repr=False)
class RatingColumns(Columns):
    """``scores`` ``[N]`` and ``scales`` ``[N, 2]``, the lowest and the highest rating."""

    scores: Floats
    scales: Floats

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row's scale rises and contains its score."""
        low, high = self.scales.T
        return (low < high) & (low <= self.scores) & (self.scores <= high)
