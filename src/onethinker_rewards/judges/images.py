"""Images for a judge that sees: as data URLs, in the form in which the caller has them."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.judges.content import media_type

# How files begin.
_SIGNATURES = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"RIFF", "image/webp"),
)


def image_digest(image: Any) -> str:
    """Return a hash of an image's content.

    Raises:
        ArgumentError: If it is no image that `image_url` takes.
    """
    image = _held(image)
    if isinstance(image, str | os.PathLike):
        content = _read(image)
    elif isinstance(image, bytes):
        content = image
    else:
        pixels = _pixels(image)
        content = repr((pixels.shape, pixels.dtype.str)).encode() + pixels.tobytes()
    return hashlib.sha256(content).hexdigest()


def image_url(image: Any) -> str:
    """Return an image as data URL.

    Args:
        image: A path or an address with ``http``, ``https`` or ``data``; the bytes of a file; a Pillow image or an
            array ``[H, W, 3]`` of uint8, which become PNG; or a dictionary with one of these under ``bytes``, ``image``
            or ``path``.

    Raises:
        ArgumentError: If it is none of these, or a file that cannot be read.
    """
    image = _held(image)
    if isinstance(image, str) and image.startswith(("http://", "https://", "data:")):
        return image
    if isinstance(image, str | os.PathLike):
        return _data_url(_read(image), media_type(os.fspath(image)))
    if isinstance(image, bytes):
        kind = next((kind for begin, kind in _SIGNATURES if image.startswith(begin)), "application/octet-stream")
        return _data_url(image, kind)
    from PIL import Image  # noqa: PLC0415 - only for images that are not in a file

    file = BytesIO()
    Image.fromarray(_pixels(image)).save(file, "PNG")
    return _data_url(file.getvalue(), "image/png")


def _held(image: Any) -> Any:
    if not isinstance(image, Mapping):
        return image
    held = next((image[name] for name in ("bytes", "image", "path") if image.get(name) is not None), None)
    if held is None:
        raise ArgumentError(f"image: a dictionary with bytes, image or path, not one with {', '.join(image)}")
    return held


def _read(path: str | os.PathLike[str]) -> bytes:
    if isinstance(path, str) and path.startswith(("http://", "https://", "data:")):
        return path.encode()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ArgumentError(f"image {os.fspath(path)}: {error.strerror}") from None


def _pixels(image: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    if hasattr(image, "convert"):
        image = image.convert("RGB")
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        raise ArgumentError(f"image: a path, bytes, a Pillow image or an array of uint8, not {type(image).__name__}")
    return pixels


def _data_url(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
