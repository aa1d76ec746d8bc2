"""Images as segmenters read them: RGB pixels, and a key of their content."""

from __future__ import annotations

import hashlib
import os
import struct
import sys
import zlib
from collections.abc import Hashable, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.errors import ArgumentError, BadImageError

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels: TypeAlias = NDArray[np.uint8]
"""``[H, W, 3]`` red, green and blue, 0 to 255."""

ImageLike: TypeAlias = "Pixels | Image | str | os.PathLike[str] | bytes | Mapping[str, Any]"
"""An array ``[H, W, 3]`` or ``[H, W]``, a Pillow image, a path, bytes of a file, or one of these in a dictionary."""

# The keys under which dictionaries hold an image: undecoded ones of Hugging Face's data sets, and those of verl's.
_KEYS = ("bytes", "image", "path")
_KEY_BYTES = 16

# What Pillow raises for truncated or damaged files; each was seen in a fuzzed file of one of its formats.
_DECODING_ERRORS = (OSError, SyntaxError, ValueError, EOFError, TypeError, RuntimeError, struct.error, zlib.error)


def read_image(image: ImageLike) -> Pixels:
    """Return an image's pixels in RGB.

    The result is that of Pillow's plain ``convert("RGB")``, which is what trainers show the model: alpha is dropped,
    not blended; only the first frame is read; an EXIF orientation is not applied, so coordinates refer to the pixels as
    stored.

    Args:
        image: ``[H, W, 3]`` or gray ``[H, W]`` uint8, a Pillow image, a path, or the bytes of an image file; or a
            dictionary with one of these under ``bytes``, ``image`` or ``path``, as data sets have them.

    Returns:
        ``[H, W, 3]`` RGB, contiguous. It is the given array where that fits already, so do not write to it.

    Raises:
        ArgumentError: If no image can be read from it; the message is one line.
        ImportError: If it has to be decoded and Pillow is missing.

    >>> read_image(np.zeros((2, 3), dtype=np.uint8)).shape
    (2, 3, 3)
    """
    if isinstance(image, Mapping):
        held = _held_image(image)
        if held is None:
            keys = ", ".join(image) or "nothing"
            raise ArgumentError(f"image: a dictionary with {' or '.join(_KEYS)}, not one with {keys}")
        return read_image(held)
    if isinstance(image, np.ndarray):
        return _array_pixels(image)
    if isinstance(image, bytes):
        return _decode(BytesIO(image), "image")
    if isinstance(image, str | os.PathLike):
        return _decode(image, os.fspath(image))
    # Pillow is not imported here: if nobody has imported it, this is not one of its images.
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(image, pillow.Image):
        return _pillow_pixels(image, "image")
    raise ArgumentError(f"image: an array, a Pillow image, a path, bytes or a dictionary, not {type(image).__name__}")


def read_images(images: Sequence[ImageLike | None]) -> list[Pixels]:
    """Return the pixels of each row's image; an image that several rows share is read once.

    Args:
        images: ``[N]`` images. Rows share one if they hold the same object, equal paths or equal bytes.

    Returns:
        ``[N]`` arrays ``[H, W, 3]``; rows that share an image share the array.

    Raises:
        BadImageError: Naming all rows without a readable image.
        ImportError: If one has to be decoded and Pillow is missing.
    """
    read: dict[Hashable, Pixels | str] = {}
    names = [_shared_name(image) for image in images]
    for name, image in zip(names, images, strict=True):
        if name not in read:
            read[name] = _pixels_or_fault(image)
    faults = {row: fault for row, name in enumerate(names) if isinstance(fault := read[name], str)}
    if faults:
        raise BadImageError([*faults], [*faults.values()])
    return [pixels for name in names if not isinstance(pixels := read[name], str)]


def image_key(pixels: Pixels) -> str:
    """Return a digest of an image's shape and content.

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


def _shared_name(image: ImageLike | None) -> Hashable:
    """Return a name that is equal for rows whose image is known to be the same before it is read."""
    if isinstance(image, Mapping) and (held := _held_image(image)) is not None:
        image = held
    if isinstance(image, str | os.PathLike):
        return os.fspath(image)
    # An id is unique here, because the rows keep their images alive.
    return image if isinstance(image, bytes) else id(image)


def _held_image(image: Mapping[str, Any]) -> ImageLike | None:
    return next((image[key] for key in _KEYS if image.get(key) is not None), None)


def _pixels_or_fault(image: ImageLike | None) -> Pixels | str:
    if image is None:
        return "no image"
    try:
        return read_image(image)
    except ArgumentError as error:
        return str(error)


def _array_pixels(image: NDArray[Any]) -> Pixels:
    if image.dtype != np.uint8:
        raise ArgumentError(f"image: an array of uint8, not {image.dtype}")
    if image.ndim == 2:
        image = np.repeat(image[:, :, None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ArgumentError(f"image: an array [H, W, 3] or [H, W] with pixels, not of shape {list(image.shape)}")
    return np.ascontiguousarray(image)


def _decode(file: str | os.PathLike[str] | BytesIO, name: str) -> Pixels:
    try:
        from PIL import Image  # noqa: PLC0415 - an extra
    except ImportError:
        raise ImportError("decoding images needs Pillow: pip install 'onethinker-rewards[sam2]'") from None
    try:
        image = Image.open(file)
    except Image.UnidentifiedImageError:
        raise ArgumentError(f"{name}: no image of a known format") from None
    except (*_DECODING_ERRORS, Image.DecompressionBombError) as error:
        raise ArgumentError(f"{name}: {_first_line(error)}") from None
    with image:
        return _pillow_pixels(image, name)


def _pillow_pixels(image: Image, name: str) -> Pixels:
    try:
        if isinstance(image.info.get("transparency"), bytes):
            image = image.convert("RGBA")  # the same colors, and Pillow does not warn of lost transparency
        return np.asarray(image.convert("RGB"))
    except _DECODING_ERRORS as error:
        raise ArgumentError(f"{name}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return message.partition("\n")[0] or type(error).__name__
