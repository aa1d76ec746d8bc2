"""Tracks: one box or point a second, with or without a time span; any number of them a row."""

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
    Integers,
    RaggedColumns,
    float_array,
    starts_of,
)
from onethinker_rewards.answers.limits import Limits
from onethinker_rewards.answers.schemas import FRAME_KEY_DIGITS

_Second = Annotated[int, msgspec.Meta(ge=0, lt=10**FRAME_KEY_DIGITS)]
_Boxes = Annotated[dict[_Second, Quad], msgspec.Meta(min_length=1)]
_Points = Annotated[dict[_Second, Pair | None], msgspec.Meta(min_length=1)]
_HIDDEN = (0.0, 0.0)


class TrackStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"boxes": {"1": [x1, y1, x2, y2], …}}``."""

    boxes: _Boxes


class TimedTrackStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"time": [start, end], "boxes": {…}}``."""

    time: Pair
    boxes: _Boxes


class PointTrackStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"points": {"1": [x, y], "2": null, …}}``."""

    points: _Points


@dataclass(frozen=True, slots=True, repr=False)
class TrackColumns(RaggedColumns):
    """Boxes laid end to end.

    Attributes:
        frames: ``[M]`` whole seconds.
        boxes: ``[M, 4]`` x1, y1, x2, y2 in thousandths.
    """

    frames: Integers
    boxes: Floats

    @classmethod
    def pack(cls, values: Sequence[Any], stand_in: msgspec.Struct) -> Self:
        """Return the columns of decoded answers."""
        tracks = [value.boxes for value in values]
        boxes = [*chain.from_iterable(map(dict[int, Quad].values, tracks))]
        return cls(starts_of(tracks), frame_array(tracks), float_array(boxes, 4))

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges and order, and has no more boxes than allowed."""
        return self.all_valid(boxes_are_valid(self.boxes), limits)


@dataclass(frozen=True, slots=True, repr=False)
class TimedTrackColumns(Columns):
    """``spans`` ``[N, 2]`` in seconds, and the ``tracks``."""

    spans: Floats
    tracks: TrackColumns

    @classmethod
    def pack(cls, values: Sequence[Any], stand_in: msgspec.Struct) -> Self:
        """Return the columns of decoded answers."""
        return cls(float_array([value.time for value in values], 2), TrackColumns.pack(values, stand_in))

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges and order, and has no more boxes than allowed."""
        return spans_are_valid(self.spans) & self.tracks.are_valid(limits)


@dataclass(frozen=True, slots=True, repr=False)
class PointTrackColumns(RaggedColumns):
    """Points laid end to end.

    Attributes:
        frames: ``[M]`` whole seconds.
        points: ``[M, 2]`` x, y in thousandths; 0, 0 where the point is hidden.
        visible: ``[M]`` whether the point can be seen.
    """

    frames: Integers
    points: Floats
    visible: Booleans

    @classmethod
    def pack(cls, values: Sequence[Any], stand_in: msgspec.Struct) -> Self:
        """Return the columns of decoded answers."""
        tracks = [value.points for value in values]
        points = [*chain.from_iterable(map(dict[int, Pair | None].values, tracks))]
        visible = np.fromiter((point is not None for point in points), np.bool_, len(points))
        return cls(
            starts_of(tracks), frame_array(tracks), float_array([point or _HIDDEN for point in points], 2), visible
        )

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges, and has no more points than allowed."""
        return self.all_valid(points_are_valid(self.points), limits)


def frame_array(tracks: Sequence[Any]) -> Integers:
    """Return ``[M]`` the frames of tracks, which are dictionaries by frame, laid end to end."""
    return np.fromiter(chain.from_iterable(tracks), np.int64)


Frames = TrackColumns | PointTrackColumns


def match_frames(predicted: Frames, reference: Frames) -> Integers:
    """Find the predicted box or point for each one of the reference.

    Args:
        predicted: N rows.
        reference: N rows, M boxes or points.

    Returns:
        ``[M]`` index among the predicted ones of that of the same row and second, -1 if it is missing.
    """
    # One number for row and second, ordered by row and then by second.
    stride = 1 + max(predicted.frames.max(initial=0), reference.frames.max(initial=0))
    present = predicted.row_of * stride + predicted.frames
    wanted = reference.row_of * stride + reference.frames
    if not len(present):
        return np.full(len(wanted), -1)
    order: Any = np.argsort(present, kind="stable")
    found = order.take(np.searchsorted(present, wanted, sorter=order), mode="clip")
    return np.where(present[found] == wanted, found, -1)
