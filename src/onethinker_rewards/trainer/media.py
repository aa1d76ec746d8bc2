"""Images and videos of a row: where they are, how large the model may see them, and whether they can be read.

verl hands these dictionaries to qwen-vl-utils as they are. Each has all of its keys: a key that is there and null
would be used.
"""

from __future__ import annotations

import os
import re
import struct
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeAlias

Check: TypeAlias = Literal["none", "presence", "readable"]

# Source: OneThinker (arXiv 2512.03043), training details: images up to 1,048,576 pixels, 2 frames a second, 128 frames.
IMAGE_PIXELS = 1_048_576
VIDEO_FPS = 2.0
FRAMES = 128
# Source: the released training code, 64 tokens of 32 x 32 pixels a frame.
VIDEO_PIXELS = 65_536
# 4 tokens. Without it, qwen-vl-utils has a minimum that is larger than the maximum given here, and stops.
MIN_PIXELS = 4_096

_FRAME_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
# Rows that follow each other are often about the same picture.
_REMEMBERED = 4096
# qwen-vl-utils refuses longer strips, and videos of a single frame.
_LONGEST_STRIP = 200
_MIN_FRAMES = 2


class MediaError(ValueError):
    """An image or a video that cannot be used; the message says which and why, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRules:
    """How images and videos are written. What does not pass the check is a `MediaError`.

    Attributes:
        root: Folder that relative paths start at.
        check: Whether files have to be there, or be readable too.
        frames: Whether videos are folders or lists of frames, not files: a column has one type.
        image_pixels: Most pixels of an image.
        video_pixels: Most pixels of a frame.
        fps: Frames a second.
        max_frames: Most frames of a video.
    """

    root: str = ""
    check: Check = "none"
    frames: bool = False
    image_pixels: int = IMAGE_PIXELS
    video_pixels: int = VIDEO_PIXELS
    fps: float = VIDEO_FPS
    max_frames: int = FRAMES

    def image(self, path: str) -> dict[str, Any]:
        """Return one image."""
        return {"image": self._checked(path), "max_pixels": self.image_pixels}

    def video(self, path: str | list[str], fps: float | None = None) -> dict[str, Any]:
        """Return one video: a file; with ``frames`` a folder or list of frames, ``fps`` of them a second."""
        sizes = {"min_pixels": MIN_PIXELS, "max_pixels": self.video_pixels}
        if self.frames:
            frames = self._frames(path)
            fps = fps or self.fps
            count = max(1, min(len(frames), self.max_frames, round(len(frames) * self.fps / fps)))
            spaced = [frames[index * len(frames) // count] for index in range(count)]
            return {"video": spaced, "sample_fps": fps * count / len(frames)} | sizes
        if not isinstance(path, str):
            raise MediaError(f"{path[0]}: the video is a list of frames: prepare such rows apart, with --frames")
        file = self._checked(path, video=True)
        return {"video": file, "fps": self.fps, "max_frames": self.max_frames} | sizes

    def _checked(self, path: str, *, video: bool = False) -> str:
        file = os.path.normpath(os.path.join(self.root, path))  # noqa: PTH118 - a Path a file costs more than the row
        if self.check != "none" and (fault := media_fault(file, video=video, decode=self.check == "readable")):
            raise MediaError(f"{file}: {fault}")
        return file

    def _frames(self, path: str | list[str]) -> Sequence[str]:
        if not isinstance(path, str):
            return [self._checked(frame) for frame in path]
        folder = Path(os.path.normpath(os.path.join(self.root, path)))  # noqa: PTH118
        try:
            names = [file.name for file in folder.iterdir() if file.suffix.lower() in _FRAME_SUFFIXES]
        except NotADirectoryError:
            raise MediaError(f"{folder}: is a file: prepare such rows without --frames") from None
        except (OSError, ValueError) as error:  # or a null byte
            raise MediaError(f"{folder}: {_first_line(error)}") from None
        if not names:
            raise MediaError(f"{folder}: no frames in this folder")
        return [self._checked(str(folder / name)) for name in sorted(names, key=_by_numbers)]


@lru_cache(_REMEMBERED)
def media_fault(path: str, *, video: bool, decode: bool) -> str | None:
    """Say what is wrong with an image or a video, None if nothing is; decoded are an image or two frames."""
    try:
        if Path(path).is_dir():
            return "is a folder; videos that are folders of frames are prepared apart, with --frames"
        if not Path(path).is_file():
            return "no such file"
    except OSError as error:
        return str(error.strerror)
    if not decode:
        return None
    return _video_fault(path) if video else _image_fault(path)


def _image_fault(path: str) -> str | None:
    from PIL import Image

    try:
        # A picture that Pillow only warns of can be read.
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            width, height = image.size
            image.load()
    except (
        OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError,
    ) as error:  # fmt: skip
        return f"not a readable image: {_first_line(error)}"
    if max(width, height) > _LONGEST_STRIP * min(width, height):
        return f"{width} x {height} pixels: one side is over {_LONGEST_STRIP} times the other"
    return None


def _video_fault(path: str) -> str | None:
    import av
    from av.error import FFmpegError

    try:
        with av.open(path) as container:
            if not container.streams.video:
                return "no video in this file"
            found = sum(1 for _ in islice(container.decode(video=0), _MIN_FRAMES))
    except (FFmpegError, OSError, ValueError) as error:
        return f"not a readable video: {_first_line(error)}"
    return None if found == _MIN_FRAMES else f"a video of {found} frames; at least {_MIN_FRAMES} are needed"


def _first_line(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.partition("\n")[0]


def _by_numbers(name: str) -> list[tuple[int, str]]:
    """Order frame 10 after frame 9."""
    return [(int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name)]
