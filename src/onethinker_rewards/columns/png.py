"""Masks in PNG files, where a pixel that is not zero is on."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.columns.runs import MOST_PIXELS
from onethinker_rewards.errors import ArgumentError

__all__ = ["read_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIDES = struct.Struct(">II")


def read_png(data: bytes) -> NDArray[np.bool_]:
    """Return ``[H, W]``: what is on in an encoded PNG.

    A palette image is read by its indices, so 0 is off whatever colour it has. Transparency says nothing.

    Args:
        data: The file's bytes.

    Raises:
        ArgumentError: It is no PNG, is broken, or has more than `MOST_PIXELS`.
        ImportError: Pillow is not installed.
    """
    # The header's sides come right after the name of its chunk: looked at before anything is unpacked.
    if not data.startswith(_SIGNATURE) or len(data) < 24:
        raise ArgumentError("a mask's bytes must be a PNG: other formats change pixels")
    size = _SIDES.unpack_from(data, 16)
    if size[0] * size[1] > MOST_PIXELS:
        raise ArgumentError(f"a PNG of {size[1]} by {size[0]} is larger than {MOST_PIXELS:,} pixels")
    pixels = _pixels(data, size)
    return np.asarray(pixels.any(axis=2) if pixels.ndim == 3 else pixels != 0, dtype=np.bool_)


def _pixels(data: bytes, size: tuple[int, int]) -> NDArray[np.generic]:
    try:
        from PIL import Image  # noqa: PLC0415 - an extra
    except ImportError:
        raise ImportError("reading a PNG needs Pillow: pip install 'onethinker-rewards[masks]'") from None
    # The last two are of a second header with another size, the warning where warnings are errors.
    broken = (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    )
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            # Nothing is unpacked before the array is asked for.
            pixels = np.asarray(image) if image.size == size else np.zeros(0, dtype=np.bool_)
            opaque = len(image.getbands()) - ("A" in image.getbands())
    except broken as error:
        raise ArgumentError(f"a mask's PNG cannot be read: {str(error).partition(chr(10))[0]}") from None
    if not pixels.size:
        raise ArgumentError("a mask's PNG cannot be read: its headers differ in size")
    return pixels[..., :opaque] if pixels.ndim == 3 else pixels
