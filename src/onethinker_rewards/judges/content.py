"""The content of a user message: text, images and videos in their order. It needs no client.

Source: OpenAI's API, chat completions; ``video_url``, and frames of a video as ``video/jpeg``, are vLLM's.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, get_args

Part: TypeAlias = Mapping[str, object]
# How images and videos go along: as data URLs, or named by file URLs that the endpoint can read.
Transport: TypeAlias = Literal["data", "file"]
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)

_PLACEHOLDERS = re.compile("(<image>|<video>)")
# The same on every machine, where the standard library asks the system.
_MEDIA_TYPES = {
    **{f".{name}": f"image/{name}" for name in ("png", "jpeg", "webp", "gif", "bmp", "tiff")},
    **{f".{name}": f"video/{name}" for name in ("mp4", "webm", "mpeg")},
    ".jpg": "image/jpeg",
    ".tif": "image/tiff",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".avi": "video/x-msvideo",
}


def message_content(
    text: str, images: Sequence[str], videos: Sequence[str | list[str]], transport: Transport
) -> list[Part]:
    """Return a user message's content: a text with images and videos where its placeholders are.

    Args:
        text: With one ``<image>`` for each image and one ``<video>`` for each video.
        images: Paths.
        videos: Paths of files, or lists of the paths of frames.
        transport: How they go along; frames can only go as ``data``.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If frames are to go as ``file``.
    """
    next_image, next_video = iter(images), iter(videos)
    parts: list[Part] = []
    for piece in _PLACEHOLDERS.split(text):
        if piece == "<image>":
            parts.append({"type": "image_url", "image_url": {"url": _file_url(next(next_image), transport)}})
        elif piece == "<video>":
            parts.append({"type": "video_url", "video_url": {"url": _video_url(next(next_video), transport)}})
        elif piece.strip():
            parts.append({"type": "text", "text": piece})
    return parts


def _video_url(video: str | list[str], transport: Transport) -> str:
    if isinstance(video, str):
        return _file_url(video, transport)
    if transport == "file":
        raise ValueError(f"{video[0]}: frames have no file URL: send them as data")
    return "data:video/jpeg;base64," + ",".join(map(_base64, video))


def _file_url(path: str, transport: Transport) -> str:
    if transport == "file":
        return Path(path).absolute().as_uri()
    return f"data:{media_type(path)};base64,{_base64(path)}"


def media_type(path: str) -> str:
    """Return the media type of a file by its name."""
    return _MEDIA_TYPES.get(Path(path).suffix.lower(), "application/octet-stream")


def _base64(path: str) -> str:
    return base64.b64encode(Path(path).read_bytes()).decode("ascii")
