"""From decoded structs to arrays, without a Python step a number.

A list of equally shaped structs is encoded as MessagePack, where every number takes nine bytes at the same place
of each row: a marker and a big-endian double. A view of those bytes is the array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from onethinker_rewards.columns.reading import Floats

__all__ = ["FloatPacker"]

_FLOAT_MARKER = 0xCB
_FLOAT_BYTES = 8


class FloatPacker:
    """Packs structs or tuples that hold nothing but floats at fixed places.

    Args:
        template: One such value with all floats 0.0.
    """

    def __init__(self, template: Any) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        encoded = np.frombuffer(self._encoder.encode(template), dtype=np.uint8)
        markers = np.flatnonzero(encoded == _FLOAT_MARKER)
        self._row_bytes = len(encoded)
        self._bytes = (markers[:, None] + np.arange(1, 1 + _FLOAT_BYTES)).ravel()

    def __call__(self, rows: Sequence[Any]) -> Floats:
        """Return ``[N, K]``: the K floats of each of N rows, in field order."""
        if not rows:
            return np.empty((0, len(self._bytes) // _FLOAT_BYTES))
        buffer = bytearray()
        self._encoder.encode_into(rows, buffer)
        header = len(buffer) - len(rows) * self._row_bytes
        table = np.frombuffer(buffer, dtype=np.uint8, offset=header).reshape(len(rows), self._row_bytes)
        return table.take(self._bytes, axis=1).view(">f8").astype(np.float64)
