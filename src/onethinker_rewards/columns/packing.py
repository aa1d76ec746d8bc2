"""From decoded values to arrays, without a Python step a number.

A value that holds floats at fixed places is encoded as MessagePack the moment it is decoded, and dropped: keeping
thousands of tuples alive costs more than reading them. In the encoding every float takes nine bytes at the same
place of each row, a marker and a big-endian double, so the joined rows are an array seen through strides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from onethinker_rewards.columns.reading import Floats

__all__ = ["FloatLayout"]

_FLOAT_MARKER = 0xCB
_FLOAT_BYTES = 9


class FloatLayout:
    """Where the floats of equally shaped structs or tuples stand in their encoding.

    Args:
        template: One such value with all floats 0.0, so that no other byte looks like a marker.
    """

    def __init__(self, template: Any) -> None:
        self.encode = msgspec.msgpack.Encoder().encode
        encoded = np.frombuffer(self.encode(template), dtype=np.uint8)
        self._row_bytes = len(encoded)
        self._offsets = (np.flatnonzero(encoded == _FLOAT_MARKER) + 1).tolist()
        self._even = set(np.diff(self._offsets).tolist()) <= {_FLOAT_BYTES}

    def matrix(self, encoded: Sequence[bytes]) -> Floats:
        """Return ``[N, K]``: the K floats of each of N rows in field order.

        Args:
            encoded: What `encode` gave, joined as it may be; N rows in all.
        """
        buffer = b"".join(encoded)
        count = len(buffer) // self._row_bytes
        matrix = np.empty((count, len(self._offsets)))
        if count == 0:
            return matrix
        if self._even:
            strides = (self._row_bytes, _FLOAT_BYTES)
            matrix[:] = np.ndarray(matrix.shape, ">f8", buffer, self._offsets[0], strides)
            return matrix
        for column, offset in enumerate(self._offsets):
            matrix[:, column] = np.ndarray(count, ">f8", buffer, offset, (self._row_bytes,))
        return matrix
