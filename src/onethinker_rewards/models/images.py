"""Images as segmenters take them: to one kind of pixels, and to a key of their content."""

from __future__ import annotations

import hashlib
import os
import struct
import sys
import zlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.errors import ArgumentError, BadImageError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ImageLike", "Pixels", "image_key", "read_image", "read_images"]

Pixels: TypeAlias = NDArray[np.uint8]

# An array `[H, W, 3]` or `[H, W]`, a Pillow image, a path, the bytes of an image file, or one of these in a dictionary.
ImageLike: TypeAlias = "Pixels | Image | str | os.PathLike[str] | bytes | Mapping[str, Any]"

# Where dictionaries hold an image: those of Hugging Face's data sets before they are decoded, and of verl's.
_KEYS = ("bytes", "image", "path")

_KEY_BYTES = 16


def read_image(image: ImageLike) -> Pixels:
    """Return an image's pixels in RGB.

    As Pillow's plain ``convert("RGB")`` gives them, which is what trainers show the model: alpha is dropped, not
    blended; the first frame counts; an orientation in EXIF is not applied, so coordinates are those of the pixels as
    stored.

    Args:
        image: ``[H, W, 3]`` or grey ``[H, W]`` uint8, a Pillow image, a path, or the bytes of an image file; or a
            dictionary with one of these under ``bytes``, ``image`` or ``path``, as data sets have them.

    Returns:
        ``[H, W, 3]`` RGB, contiguous; the array itself where it is that already, so it is not to be written to.

    Raises:
        ArgumentError: If there is no image in it; the message is one line.
        ImportError: If it has to be decoded and Pillow is missing.

    >>> read_image(np.zeros((2, 3), dtype=np.uint8)).shape
    (2, 3, 3)
    """
    if isinstance(image, Mapping):
        return read_image(_held(image))
    if isinstance(image, np.ndarray):
        return _array_pixels(image)
    if isinstance(image, bytes):
        return _decoded(BytesIO(image), "image")
    if isinstance(image, str | os.PathLike):
        return _decoded(image, os.fspath(image))
    # Without an import: where Pillow was never imported, this is no image of Pillow's.
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(image, pillow.Image):
        return _converted(image, "image")
    raise ArgumentError(f"image: an array, a Pillow image, a path, bytes or a dictionary, not {type(image).__name__}")


def read_images(images: Sequence[ImageLike | None]) -> list[Pixels]:
    """Return the pixels of each row's image, reading one that several rows share once.

    Args:
        images: ``[N]`` images; rows share one where they hold the same object, equal paths or equal bytes.

    Returns:
        ``[N]`` arrays ``[H, W, 3]``; rows that share an image share the array.

    Raises:
        BadImageError: Naming all rows without an image that can be read.
        ImportError: If one has to be decoded and Pillow is missing.
    """
    read: dict[Hashable, Pixels | str] = {}
    for image in images:
        name = _name(image)
        if name not in read:
            read[name] = _pixels_or_reason(image)
    found = [read[_name(image)] for image in images]
    faults = {row: reason for row, reason in enumerate(found) if isinstance(reason, str)}
    if faults:
        raise BadImageError([*faults], [*faults.values()])
    return [pixels for pixels in found if not isinstance(pixels, str)]


def image_key(pixels: Pixels) -> str:
    """Return a digest that two images share only if shape and content are equal.

    Args:
        pixels: uint8 of any shape.

    Returns:
        32 hexadecimal digits.

    Raises:
        ArgumentError: If the pixels are not uint8.
    """
    if pixels.dtype != np.uint8:
        raise ArgumentError(f"pixels: uint8, not {pixels.dtype}")
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=_KEY_BYTES)
    digest.update(np.ascontiguousarray(pixels).reshape(-1).data)
    return digest.hexdigest()


def _name(image: ImageLike | None) -> Hashable:
    """Return what two rows share if their images are the same without being read."""
    if isinstance(image, Mapping):
        image = next(_all_held(image), image)
    if isinstance(image, str | os.PathLike):
        return os.fspath(image)
    # The rows keep their images alive, so an id names one of them.
    return image if isinstance(image, bytes) else id(image)


def _pixels_or_reason(image: ImageLike | None) -> Pixels | str:
    if image is None:
        return "no image"
    try:
        return read_image(image)
    except ArgumentError as error:
        return str(error)


def _held(image: Mapping[str, Any]) -> ImageLike:
    for held in _all_held(image):
        return held
    raise ArgumentError(f"image: a dictionary with {' or '.join(_KEYS)}, not one with {', '.join(image) or 'nothing'}")


def _all_held(image: Mapping[str, Any]) -> Iterator[ImageLike]:
    return (image[key] for key in _KEYS if image.get(key) is not None)


def _array_pixels(image: NDArray[Any]) -> Pixels:
    if image.dtype != np.uint8:
        raise ArgumentError(f"image: an array of uint8, not {image.dtype}")
    if image.ndim == 2:
        image = np.repeat(image[:, :, None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ArgumentError(f"image: an array [H, W, 3] or [H, W] with pixels, not of shape {list(image.shape)}")
    return np.ascontiguousarray(image)


def _decoded(file: str | os.PathLike[str] | BytesIO, name: str) -> Pixels:
    try:
        from PIL import Image  # noqa: PLC0415 - an extra
    except ImportError:
        raise ImportError("decoding images needs Pillow: pip install 'onethinker-rewards[sam2]'") from None
    try:
        image = Image.open(file)
    except Image.UnidentifiedImageError:
        raise ArgumentError(f"{name}: no image of a known format") from None
    except (*_DECODING, Image.DecompressionBombError) as error:
        raise ArgumentError(f"{name}: {_said(error)}") from None
    with image:
        return _converted(image, name)


def _converted(image: Image, name: str) -> Pixels:
    try:
        if isinstance(image.info.get("transparency"), bytes):
            image = image.convert("RGBA")  # the same colours, and no warning of what is lost
        return np.asarray(image.convert("RGB"))
    except _DECODING as error:
        raise ArgumentError(f"{name}: {_said(error)}") from None


# What Pillow raises for files that are cut off or damaged, each seen in a fuzzed file of one of its formats.
_DECODING = (OSError, SyntaxError, ValueError, EOFError, TypeError, RuntimeError, struct.error, zlib.error)


def _said(error: Exception) -> str:
    message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return message.partition("\n")[0] or type(error).__name__
