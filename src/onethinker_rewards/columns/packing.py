"""From decoded values to arrays, without a Python step a number.

Values that hold floats at fixed places are encoded as MessagePack, end to end. There every float takes nine bytes at
the same place of each row, a marker and a big-endian double, so the rows are an array seen through strides.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from onethinker_rewards.columns.reading import Floats

__all__ = ["ENCODE_INTO", "FloatLayout", "FloatPacker"]

ENCODE_INTO = msgspec.msgpack.Encoder().encode_into

_FLOAT_MARKER = 0xCB
_FLOAT_BYTES = 9


class FloatLayout:
    """Where the floats of equally shaped structs or tuples stand in their encoding.

    Args:
        template: One such value, or several that follow each other in a row, with all floats 0.0, so that no other
            byte looks like a marker.

    Attributes:
        row_bytes: Length of the encoding.
    """

    def __init__(self, *template: Any) -> None:
        encoded = np.frombuffer(b"".join(map(msgspec.msgpack.encode, template)), dtype=np.uint8)
        self.row_bytes = len(encoded)
        offsets = np.flatnonzero(encoded == _FLOAT_MARKER) + 1
        # Floats that follow each other directly are copied at once.
        starts = [0, *(np.flatnonzero(np.diff(offsets) != _FLOAT_BYTES) + 1).tolist(), len(offsets)]
        self._runs = [(slice(first, end), int(offsets[first])) for first, end in pairwise(starts) if first < end]
        self._count = len(offsets)

    def matrix(self, encoded: bytes | bytearray | memoryview) -> Floats:
        """Return ``[N, K]``: the K floats of each of N rows in field order.

        Args:
            encoded: N encodings end to end.
        """
        rows = len(encoded) // self.row_bytes
        matrix = np.empty((rows, self._count))
        if rows:
            strides = (self.row_bytes, _FLOAT_BYTES)
            for run, offset in self._runs:
                matrix[:, run] = np.ndarray((rows, run.stop - run.start), ">f8", encoded, offset, strides)
        return matrix


class FloatPacker:
    """Takes values of one layout."""

    def __init__(self, layout: FloatLayout) -> None:
        self._layout = layout
        self._encoded = bytearray()

    def extend(self, values: Iterable[Any]) -> None:
        """Take all that come."""
        encoded = self._encoded
        for value in values:
            ENCODE_INTO(value, encoded, -1)

    def matrix(self) -> Floats:
        """Return ``[N, K]``: the K floats of each value in field order."""
        return self._layout.matrix(self._encoded)
