"""Tracks: one box a second, with or without the time span; a ragged number of boxes a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

import msgspec
import numpy as np

from onethinker_rewards.columns.checks import check_boxes, check_spans, clip, sound_reading
from onethinker_rewards.columns.packing import FloatLayout
from onethinker_rewards.columns.reading import STRICT, Faults, Floats, Integers, Reading, Request, decode_rows
from onethinker_rewards.parsing import read_answer
from onethinker_rewards.schemas import BoxTrack, TimedBoxTrack
from onethinker_rewards.schemas.answers import FRAME_KEY_DIGITS

__all__ = ["TimedTrackColumns", "TrackColumns", "match_frames", "read_timed_tracks", "read_tracks"]


@dataclass(frozen=True, slots=True)
class TrackColumns:
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
        return np.diff(self.starts)

    @property
    def row_of(self) -> Integers:
        """``[M]`` row of each box."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def take(self, rows: Integers) -> Self:
        """Return these rows, in this order; a row may come several times."""
        lengths = self.lengths[rows]
        starts = _starts(lengths)
        places = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], lengths)
        return type(self)(starts, self.frames[places], self.boxes[places])

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, slots=True)
class TimedTrackColumns:
    """``spans`` ``[N, 2]`` in seconds, and the ``tracks``."""

    spans: Floats
    tracks: TrackColumns

    def take(self, rows: Integers) -> Self:
        """Return these rows, in this order."""
        return type(self)(self.spans[rows], self.tracks.take(rows))

    def __len__(self) -> int:
        return len(self.spans)


def match_frames(predicted: TrackColumns, reference: TrackColumns) -> Integers:
    """Find the predicted box for each reference box.

    Args:
        predicted: N rows.
        reference: N rows, M boxes.

    Returns:
        ``[M]`` place of the box of the same row and second in ``predicted.boxes``, -1 where there is none.
    """
    stride = 1 + max(predicted.frames.max(initial=0), reference.frames.max(initial=0))
    wanted = reference.row_of * stride + reference.frames
    present = predicted.row_of * stride + predicted.frames
    cells = len(reference) * int(stride)
    if cells <= 16 * (len(wanted) + len(present)) + 4096:
        table = np.full(cells, -1, dtype=np.int64)
        table[present] = np.arange(len(present))
        return table[wanted]
    # Far-apart seconds would make the table huge; sorting does not mind them.
    order = np.argsort(present)
    places = np.searchsorted(present, wanted, sorter=order)
    found = order[np.minimum(places, len(order) - 1)]
    return np.where(present[found] == wanted, found, -1)


_Quad = tuple[float, float, float, float]
_Second = Annotated[int, msgspec.Meta(ge=0, lt=10**FRAME_KEY_DIGITS)]
_Boxes = Annotated[dict[_Second, _Quad], msgspec.Meta(min_length=1)]


class _Track(msgspec.Struct, forbid_unknown_fields=True):
    boxes: _Boxes


class _TimedTrack(msgspec.Struct, forbid_unknown_fields=True):
    time: tuple[float, float]
    boxes: _Boxes


_TRACKS = msgspec.json.Decoder(_Track)
_TIMED_TRACKS = msgspec.json.Decoder(_TimedTrack)
_BOX_LAYOUT = FloatLayout((0.0, 0.0, 0.0, 0.0))
_SPAN_LAYOUT = FloatLayout((0.0, 0.0))


class _TrackPacker:
    """Takes tracks in one by one, keeps seconds and encoded boxes, and gives them back as columns."""

    def __init__(self) -> None:
        self._lengths: list[int] = []
        self._frames: list[int] = []
        self._boxes: list[bytes] = []

    def add(self, boxes: dict[int, _Quad]) -> None:
        count = len(boxes)
        self._lengths.append(count)
        self._frames.extend(boxes)
        # The list's own header, 1, 3 or 5 bytes, would stand between the rows.
        header = 1 if count < 16 else 3 if count < 65536 else 5
        self._boxes.append(_BOX_LAYOUT.encode([*boxes.values()])[header:])

    def columns(self) -> TrackColumns:
        starts = _starts(np.array(self._lengths, dtype=np.int64))
        frames = np.array(self._frames, dtype=np.int64)
        return TrackColumns(starts, frames, _BOX_LAYOUT.matrix(self._boxes))


def read_tracks(texts: Sequence[str], request: Request = STRICT) -> Reading[TrackColumns]:
    """Read ``{"boxes": {"1": [x1, y1, x2, y2], …}}``."""
    packer = _TrackPacker()
    _, positions, faults = decode_rows(
        texts,
        _TRACKS,
        lambda struct: packer.add(struct.boxes),
        BoxTrack,
        lambda answer: _Track(_whole_seconds(answer)),
        request,
    )
    tracks = packer.columns()
    _refuse_what_only_text_shows(texts, BoxTrack, tracks, positions, request, faults)
    return sound_reading(_checked(tracks, positions, faults), positions, faults)


def read_timed_tracks(texts: Sequence[str], request: Request = STRICT) -> Reading[TimedTrackColumns]:
    """Read ``{"time": [start, end], "boxes": {"1": [x1, y1, x2, y2], …}}``."""
    packer = _TrackPacker()

    def pack(struct: _TimedTrack) -> bytes:
        packer.add(struct.boxes)
        return _SPAN_LAYOUT.encode(struct.time)

    times, positions, faults = decode_rows(
        texts,
        _TIMED_TRACKS,
        pack,
        TimedBoxTrack,
        lambda answer: _TimedTrack(answer.time, _whole_seconds(answer)),
        request,
    )
    spans = _SPAN_LAYOUT.matrix(times)
    tracks = packer.columns()
    _refuse_what_only_text_shows(texts, TimedBoxTrack, tracks, positions, request, faults)
    check_spans(spans, positions, faults)
    return sound_reading(TimedTrackColumns(spans, _checked(tracks, positions, faults)), positions, faults)


def _whole_seconds(answer: Any) -> dict[int, _Quad]:
    return {int(second): box for second, box in answer.boxes.items()}


def _starts(lengths: Integers) -> Integers:
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts


def _refuse_what_only_text_shows(
    texts: Sequence[str],
    schema: type[BoxTrack | TimedBoxTrack],
    tracks: TrackColumns,
    positions: Integers,
    request: Request,
    faults: Faults,
) -> None:
    """Fail rows that the decoder took although the schema does not.

    The decoder reads the key "-0" as 0, and knows no limit of boxes.
    """
    suspects = tracks.row_of[tracks.frames == 0]
    long = np.flatnonzero(tracks.lengths > request.limits.track_boxes)
    for row in np.union1d(suspects, long).tolist():
        position = int(positions[row])
        failure = read_answer(texts[position], schema, rules=request.rules, limits=request.limits).failure
        if failure is not None:
            faults.fail(position, failure)


def _checked(tracks: TrackColumns, positions: Integers, faults: Faults) -> TrackColumns:
    position_of = positions[tracks.row_of]
    boxes = clip(tracks.boxes, position_of, faults)
    check_boxes(boxes, position_of, faults)
    return TrackColumns(tracks.starts, tracks.frames, boxes)
