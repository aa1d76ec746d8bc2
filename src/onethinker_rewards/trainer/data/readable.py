"""Whether an image or a video is there, and whether it can be decoded."""

from __future__ import annotations

import struct
import warnings
import zlib
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

__all__ = ["image_fault", "video_fault"]

# What follows each other in a file is often about the same picture.
_REMEMBERED = 4096
# qwen-vl-utils refuses longer strips, and videos of a single frame.
_LONGEST_STRIP = 200
_LEAST_FRAMES = 2


@lru_cache(_REMEMBERED)
def image_fault(path: str, check: str) -> str | None:
    """Say what is wrong with an image, None where nothing is.

    Args:
        path: The file.
        check: ``none`` looks at nothing, ``presence`` looks for the file, ``readable`` decodes all of it.
    """
    return None if check == "none" else _missing(path) or (_image_unreadable(path) if check == "readable" else None)


@lru_cache(_REMEMBERED)
def video_fault(path: str, check: str) -> str | None:
    """Say what is wrong with a video file, None where nothing is; ``readable`` decodes its first frames."""
    return None if check == "none" else _missing(path) or (_video_unreadable(path) if check == "readable" else None)


def _missing(path: str) -> str | None:
    try:
        file = Path(path)
        if file.is_file():
            return None
        if file.is_dir():
            return f"{path}: is a folder; videos that are folders of frames are prepared apart, with --frames"
    except OSError as error:
        return f"{path}: {error.strerror}"
    return f"{path}: no such file"


def _image_unreadable(path: str) -> str | None:
    from PIL import Image  # noqa: PLC0415 - an extra

    try:
        # What a picture may only be warned of, it can be read with.
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            width, height = image.size
            image.load()
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
    ) as error:
        return f"{path}: not a readable image: {_said(error)}"
    if max(width, height) > _LONGEST_STRIP * min(width, height):
        return f"{path}: {width} x {height} pixels: one side is over {_LONGEST_STRIP} times the other"
    return None


def _video_unreadable(path: str) -> str | None:
    import av  # noqa: PLC0415 - an extra
    from av.error import FFmpegError  # noqa: PLC0415

    try:
        with av.open(path) as container:
            if not container.streams.video:
                return f"{path}: no video in this file"
            frames: Any = islice(container.decode(video=0), _LEAST_FRAMES)
            found = sum(1 for _ in frames)
    except (FFmpegError, OSError, ValueError) as error:
        return f"{path}: not a readable video: {_said(error)}"
    return None if found == _LEAST_FRAMES else f"{path}: a video of {found} frames; at least {_LEAST_FRAMES} are needed"


def _said(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.partition("\n")[0]
