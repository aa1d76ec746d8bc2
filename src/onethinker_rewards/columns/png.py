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
    width, height = _SIDES.unpack_from(data, 16)
    if width * height > MOST_PIXELS:
        raise ArgumentError(f"a PNG of {height} by {width} is larger than {MOST_PIXELS:,} pixels")
    pixels = _pixels(data)
    return np.asarray(pixels.any(axis=2) if pixels.ndim == 3 else pixels != 0, dtype=np.bool_)


def _pixels(data: bytes) -> NDArray[np.generic]:
    try:
        from PIL import Image  # noqa: PLC0415 - an extra
    except ImportError:
        raise ImportError("reading a PNG needs Pillow: pip install 'onethinker-rewards[masks]'") from None
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            pixels = np.asarray(image)
            opaque = len(image.getbands()) - ("A" in image.getbands())
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error) as error:
        raise ArgumentError(f"a mask's PNG cannot be read: {str(error).partition(chr(10))[0]}") from None
    return pixels[..., :opaque] if pixels.ndim == 3 else pixels
