"""Tracks: one box a second, with or without the time span; a ragged number of boxes a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import msgspec
import numpy as np

from onethinker_rewards.columns.checks import check_coordinates, check_spans, sound_reading
from onethinker_rewards.columns.packed_tracks import TimedTrack, Track, TrackPacker, starts_of
from onethinker_rewards.columns.reading import STRICT, Faults, Floats, Integers, Reading, Request, decode_rows
from onethinker_rewards.parsing import has_long_number, read_answer
from onethinker_rewards.schemas import BoxTrack, TimedBoxTrack

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
        return self.starts[1:] - self.starts[:-1]

    @property
    def row_of(self) -> Integers:
        """``[M]`` row of each box."""
        return np.arange(len(self)).repeat(self.lengths)

    def take(self, rows: Integers) -> Self:
        """Return these rows, in this order; a row may come several times."""
        lengths = self.lengths[rows]
        starts = starts_of(lengths)
        places = np.arange(starts[-1]) + (self.starts[rows] - starts[:-1]).repeat(lengths)
        return type(self)(starts, self.frames.take(places), self.boxes.take(places, axis=0))

    def split(self, at: int) -> tuple[Self, Self]:
        """Return the first ``at`` rows, and the others."""
        box = int(self.starts[at])
        return (
            type(self)(self.starts[: at + 1], self.frames[:box], self.boxes[:box]),
            type(self)(self.starts[at:] - box, self.frames[box:], self.boxes[box:]),
        )

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

    def split(self, at: int) -> tuple[Self, Self]:
        """Return the first ``at`` rows, and the others."""
        first, rest = self.tracks.split(at)
        return type(self)(self.spans[:at], first), type(self)(self.spans[at:], rest)

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


def read_tracks(texts: Sequence[str], request: Request = STRICT) -> Reading[TrackColumns]:
    """Read ``{"boxes": {"1": [x1, y1, x2, y2], …}}``."""
    packer = TrackPacker(timed=False)
    positions, faults = decode_rows(texts, _DECODE, packer, BoxTrack, _track, request)
    tracks = TrackColumns(*packer.tracks())
    _refuse_what_only_text_shows(texts, BoxTrack, tracks, positions, request, faults)
    return sound_reading(_checked(tracks, positions, faults), positions, faults, len(texts))


def read_timed_tracks(texts: Sequence[str], request: Request = STRICT) -> Reading[TimedTrackColumns]:
    """Read ``{"time": [start, end], "boxes": {"1": [x1, y1, x2, y2], …}}``."""
    packer = TrackPacker(timed=True)
    positions, faults = decode_rows(texts, _DECODE_TIMED, packer, TimedBoxTrack, _timed_track, request)
    spans, tracks = packer.spans(), TrackColumns(*packer.tracks())
    _refuse_what_only_text_shows(texts, TimedBoxTrack, tracks, positions, request, faults)
    check_spans(spans, positions, faults)
    return sound_reading(TimedTrackColumns(spans, _checked(tracks, positions, faults)), positions, faults, len(texts))


_DECODE = msgspec.json.Decoder(Track).decode
_DECODE_TIMED = msgspec.json.Decoder(TimedTrack).decode

# The shortest box with its key.
_BOX_CHARACTERS = len('"0":[0,0,0,0]')


def _track(answer: Any) -> Track:
    return Track({int(second): box for second, box in answer.boxes.items()})


def _timed_track(answer: Any) -> TimedTrack:
    return TimedTrack(answer.time, _track(answer).boxes)


def _refuse_what_only_text_shows(
    texts: Sequence[str],
    schema: type[BoxTrack | TimedBoxTrack],
    tracks: TrackColumns,
    positions: Integers,
    request: Request,
    faults: Faults,
) -> None:
    """Fail rows that the decoder took although they are beyond a limit, or the schema does not take them.

    The decoder reads the key "-0" as 0.
    """
    limits, lengths = request.limits, tracks.lengths
    characters = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))[positions]
    # Only beside its boxes a text has room for a number that is too long.
    roomy = characters - _BOX_CHARACTERS * lengths > limits.number_characters
    long_numbers: list[int] = positions[roomy].tolist()
    suspects: list[int] = positions[(lengths > limits.track_boxes) | (characters > limits.answer_characters)].tolist()
    suspects += [row for row in long_numbers if has_long_number(texts[row], limits.number_characters)]
    if tracks.frames.min(initial=1) == 0:
        zeros: list[int] = positions[tracks.row_of[tracks.frames == 0]].tolist()
        # The minus may be written as an escape.
        suspects += [position for position in zeros if "-" in texts[position] or "\\" in texts[position]]
    for position in sorted(set(suspects)):
        failure = read_answer(texts[position], schema, rules=request.rules, limits=limits).failure
        if failure is not None:
            faults.fail(position, failure)


def _checked(tracks: TrackColumns, positions: Integers, faults: Faults) -> TrackColumns:
    boxes = check_coordinates(tracks.boxes, positions, faults, tracks.lengths)
    return TrackColumns(tracks.starts, tracks.frames, boxes)
