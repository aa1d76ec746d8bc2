"""Tracks on their way to arrays: encoded one after another in one buffer, then taken apart all at once.

A track's boxes are encoded as MessagePack the moment it is decoded, and dropped. A second below 128 takes one byte
there and a box always 37, so each box is one record of 38 bytes, its key included; only the header before them differs
in length. A track with a later second, two minutes into a video, is brought to such records on its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
import numpy as np

from onethinker_rewards.columns.packing import ENCODE_INTO, FloatLayout
from onethinker_rewards.columns.reading import Floats, Integers
from onethinker_rewards.schemas.answers import FRAME_KEY_DIGITS

__all__ = ["TimedTrack", "Track", "TrackPacker", "starts_of"]

_Quad = tuple[float, float, float, float]
_Second = Annotated[int, msgspec.Meta(ge=0, lt=10**FRAME_KEY_DIGITS)]
_Boxes = Annotated[dict[_Second, _Quad], msgspec.Meta(min_length=1)]


class Track(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Boxes by second."""

    boxes: _Boxes


class TimedTrack(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A span, and boxes by second."""

    time: tuple[float, float]
    boxes: _Boxes


_RECORD = FloatLayout(0, (0.0, 0.0, 0.0, 0.0))

# MessagePack says in one byte how many entries a map has up to 15, in three up to 65,535, else in five.
_FEW, _MANY = 1 << 4, 1 << 16

_encode = msgspec.msgpack.Encoder().encode
_NO_SECOND = _encode(0)


class TrackPacker:
    """Takes tracks into one buffer.

    The buffer is a grid of records: before each track's is one that its header ends in, and that counts for nothing. So
    the records need not be moved together afterwards.

    Args:
        timed: Whether tracks have spans.
    """

    def __init__(self, *, timed: bool) -> None:
        self._encoded = bytearray()
        self._lengths: list[int] = []
        self._timed = timed
        self._spans: list[tuple[float, float]] = []
        # Tracks whose records do not tell their seconds, by number.
        self._late: dict[int, list[int]] = {}

    def extend(self, values: Iterable[Any]) -> None:
        """Take all that come."""
        encoded, lengths, size = self._encoded, self._lengths, _RECORD.row_bytes
        timed, spans = self._timed, self._spans
        end = len(encoded)
        for track in values:
            boxes = track.boxes
            length = len(boxes)
            begin = end + size
            header = 1 if length < _FEW else 3 if length < _MANY else 5
            ENCODE_INTO(boxes, encoded, begin - header)
            end = begin + length * size
            if len(encoded) != end:
                self._late[len(lengths)] = [*boxes]
                encoded[begin:] = b"".join([_NO_SECOND + _encode(box) for box in boxes.values()])
            lengths.append(length)
            if timed:
                spans.append(track.time)

    def spans(self) -> Floats:
        """Return ``[N, 2]`` the spans."""
        return np.array(self._spans, dtype=np.float64).reshape(-1, 2)

    def tracks(self) -> tuple[Integers, Integers, Floats]:
        """Return ``[N + 1]`` starts, ``[M]`` seconds and ``[M, 4]`` boxes."""
        lengths = np.array(self._lengths, dtype=np.int64)
        starts = starts_of(lengths)
        # One record of each track that came so far counts for nothing.
        places = np.arange(1, starts[-1] + 1) + np.arange(len(lengths)).repeat(lengths)
        # Clipping is the quickest way to take; every place is in range.
        boxes = _RECORD.matrix(self._encoded).take(places, axis=0, mode="clip")
        records = len(self._encoded) // _RECORD.row_bytes
        seconds = np.ndarray(records, np.uint8, self._encoded, 0, (_RECORD.row_bytes,)).take(places).astype(np.int64)
        for row, its_seconds in self._late.items():
            seconds[starts[row] : starts[row + 1]] = its_seconds
        return starts, seconds, boxes


def starts_of(lengths: Integers) -> Integers:
    """Return ``[N + 1]`` where runs of these lengths start when they are laid end to end."""
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    lengths.cumsum(out=starts[1:])
    return starts
