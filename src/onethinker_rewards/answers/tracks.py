"""Tracks: one box a second, with or without a time span; a ragged number of boxes a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, Self

import msgspec
import numpy as np

from onethinker_rewards.answers.boxes import Pair, Quad, boxes_are_valid, spans_are_valid
from onethinker_rewards.answers.columns import Booleans, Columns, Floats, Integers, float_array
from onethinker_rewards.answers.limits import Limits
from onethinker_rewards.answers.schemas import FRAME_KEY_DIGITS

_Second = Annotated[int, msgspec.Meta(ge=0, lt=10**FRAME_KEY_DIGITS)]
_Boxes = Annotated[dict[_Second, Quad], msgspec.Meta(min_length=1)]


class TrackStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"boxes": {"1": [x1, y1, x2, y2], …}}``."""

    boxes: _Boxes


class TimedTrackStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``{"time": [start, end], "boxes": {…}}``."""

    time: Pair
    boxes: _Boxes


@dataclass(frozen=True, slots=True, repr=False)
class TrackColumns(Columns):
    """Boxes laid end to end.

    Attributes:
        starts: ``[N + 1]`` where each row's boxes start; the last is M.
        frames: ``[M]`` whole seconds.
        boxes: ``[M, 4]`` x1, y1, x2, y2 in thousandths.
    """

    starts: Integers
    frames: Integers
    boxes: Floats

    @property
    def lengths(self) -> Integers:
        """``[N]`` number of boxes."""
        return self.starts[1:] - self.starts[:-1]

    @property
    def row_of(self) -> Integers:
        """``[M]`` row of each box."""
        return np.arange(len(self)).repeat(self.lengths)

    @classmethod
    def pack(cls, values: Sequence[Any], stand_in: msgspec.Struct) -> Self:
        """Return the columns of decoded answers."""
        tracks = [value.boxes for value in values]
        starts = _starts(np.fromiter(map(len, tracks), np.int64, len(tracks)))
        frames = np.fromiter(chain.from_iterable(tracks), np.int64, int(starts[-1]))
        return cls(starts, frames, float_array([*chain.from_iterable(map(dict[int, Quad].values, tracks))], 4))

    def are_valid(self, limits: Limits) -> Booleans:
        """Return ``[N]`` whether each row is in its schema's ranges and order, and has no more boxes than allowed."""
        invalid = np.bincount(self.row_of[~boxes_are_valid(self.boxes)], minlength=len(self))
        return (invalid == 0) & (self.lengths <= limits.track_boxes)

    def take(self, rows: Integers) -> Self:
        """Return these rows, in this order; a row may come several times."""
        lengths = self.lengths[rows]
        starts = _starts(lengths)
        offsets = np.arange(starts[-1]) + (self.starts[rows] - starts[:-1]).repeat(lengths)
        return type(self)(starts, self.frames.take(offsets), self.boxes.take(offsets, axis=0))

    @classmethod
    def concatenate(cls, blocks: Sequence[Any]) -> Self:
        """Return the rows of several blocks one after the other."""
        starts = _starts(np.concatenate([block.lengths for block in blocks]))
        frames, boxes = ([block.frames for block in blocks], [block.boxes for block in blocks])
        return cls(starts, np.concatenate(frames), np.concatenate(boxes))

    def __len__(self) -> int:
        return len(self.starts) - 1


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


def _starts(lengths: Integers) -> Integers:
    """Return ``[N + 1]`` where runs of these lengths start when they are laid end to end."""
    return np.concatenate((np.zeros(1, dtype=np.int64), lengths.cumsum()))


def match_frames(predicted: TrackColumns, reference: TrackColumns) -> Integers:
    """Find the predicted box for each reference box.

    Args:
        predicted: N rows.
        reference: N rows, M boxes.

    Returns:
        ``[M]`` index in ``predicted.boxes`` of the box of the same row and second, -1 if it is missing.
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
