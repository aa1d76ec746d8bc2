"""Tracks on their way to arrays: encoded one after another in one buffer, then taken apart all at once.

Each track is encoded as MessagePack the moment it is decoded, and dropped. A second below 128 takes one byte there and
a box always 37, so what a track's boxes take is one record of 38 bytes each, keys included; only the header before them
differs in length. A track with a later second, two minutes into a video, is brought to such records on its own.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np

from onethinker_rewards.columns.packing import FloatLayout
from onethinker_rewards.columns.reading import Floats, Integers
from onethinker_rewards.schemas.answers import FRAME_KEY_DIGITS

__all__ = ["PackedTracks", "TimedTrack", "Track", "starts_of"]

_Quad = tuple[float, float, float, float]
_Second = Annotated[int, msgspec.Meta(ge=0, lt=10**FRAME_KEY_DIGITS)]
_Boxes = Annotated[dict[_Second, _Quad], msgspec.Meta(min_length=1)]


class Track(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Boxes by second."""

    boxes: _Boxes


class TimedTrack(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A span, and boxes by second. The boxes come last, so that all before them has a fixed length."""

    time: tuple[float, float]
    boxes: _Boxes


_BOXES = msgspec.msgpack.Decoder(dict[int, _Quad])
_RECORD = FloatLayout(0, (0.0, 0.0, 0.0, 0.0))

# How MessagePack says how many entries a map has: up to 15 in its marker, more in the two or four bytes after another.
_MAP_MARKER, _MAP_SMALL, _MAP_16 = 0x80, 15, 0xDE - 0x80


class PackedTracks:
    """Tracks encoded end to end.

    Args:
        encoded: The encodings of N tracks.
        ends: Where each ends.
        before: The layout of a track without boxes.
    """

    def __init__(self, encoded: bytearray, ends: list[int], before: FloatLayout) -> None:
        self._view = memoryview(encoded)
        self._begins = [0, *ends][:-1]
        self._ends = ends
        self._before = before

    def floats_before(self) -> Floats:
        """Return ``[N, K]``: the floats that stand before the boxes."""
        view, length = self._view, self._before.row_bytes
        return self._before.matrix(b"".join([view[begin : begin + length] for begin in self._begins]))

    def tracks(self) -> tuple[Integers, Integers, Floats]:
        """Return ``[N + 1]`` starts, ``[M]`` seconds and ``[M, 4]`` boxes; only once, for it moves the encodings."""
        sizes, late = self._close_up()
        starts = starts_of(np.array(sizes, dtype=np.int64) // _RECORD.row_bytes)
        records = self._view[: int(starts[-1]) * _RECORD.row_bytes]
        seconds = np.ndarray(starts[-1], np.uint8, records, 0, (_RECORD.row_bytes,)).astype(np.int64)
        for row, its_seconds in late.items():
            seconds[starts[row] : starts[row + 1]] = its_seconds
        return starts, seconds, _RECORD.matrix(records)

    def _close_up(self) -> tuple[list[int], dict[int, list[int]]]:
        """Move all records to the front of the buffer; new memory for them would cost more than moving them.

        Returns:
            ``[N]`` bytes of each track, and the seconds of those tracks whose records do not tell them.
        """
        view, before = self._view, self._before.row_bytes - 1
        sizes: list[int] = []
        late: dict[int, list[int]] = {}
        to = 0
        for begin, end in zip(self._begins, self._ends, strict=True):
            header = begin + before
            first = header + 1
            count = view[header] - _MAP_MARKER
            if count > _MAP_SMALL:
                first += 2 if count == _MAP_16 else 4
                count = int.from_bytes(view[header + 1 : first])
            size = count * _RECORD.row_bytes
            if end - first == size:
                view[to : to + size] = view[first:end]
            else:
                boxes = _BOXES.decode(view[header:end])
                late[len(sizes)] = [*boxes]
                view[to : to + size] = b"".join([_NO_SECOND + msgspec.msgpack.encode(box) for box in boxes.values()])
            sizes.append(size)
            to += size
        return sizes, late


_NO_SECOND = msgspec.msgpack.encode(0)


def starts_of(lengths: Integers) -> Integers:
    """Return ``[N + 1]`` where runs of these lengths start when they are laid end to end."""
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    lengths.cumsum(out=starts[1:])
    return starts
