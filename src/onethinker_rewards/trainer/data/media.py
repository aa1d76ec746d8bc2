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
from typing import Any, Literal

from onethinker_rewards.trainer.data.rows import Fault, InvalidRowError

Check = Literal["none", "presence", "readable"]

# Source: OneThinker (arXiv 2512.03043), training details: images up to 1,048,576 pixels, 2 frames a second, 128 frames.
IMAGE_PIXELS = 1_048_576
VIDEO_FPS = 2.0
FRAMES = 128
# Source: the released training code, 64 tokens of 32 x 32 pixels a frame.
VIDEO_PIXELS = 65_536
# 4 tokens. Without it, qwen-vl-utils has a minimum that is larger than the maximum given here, and stops.
MIN_PIXELS = 4_096

_FRAME_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_DIGITS = re.compile(r"(\d+)")
# Rows that follow each other are often about the same picture.
_REMEMBERED = 4096
# qwen-vl-utils refuses longer strips, and videos of a single frame.
_LONGEST_STRIP = 200
_MIN_FRAMES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRules:
    """How images and videos are written.

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
        """Return one image.

        Raises:
            InvalidRowError: If it does not pass the check.
        """
        return {"image": self._checked(path), "max_pixels": self.image_pixels}

    def video(self, path: str | list[str], fps: float | None = None) -> dict[str, Any]:
        """Return one video.

        Args:
            path: A file; with ``frames`` a folder, or the frames themselves.
            fps: The rate at which the frames of a folder or list were taken, in frames a second; by default as wanted.

        Raises:
            InvalidRowError: If it does not pass the check, or is a file instead of frames or the other way round.
        """
        sizes = {"min_pixels": MIN_PIXELS, "max_pixels": self.video_pixels}
        if self.frames:
            frames = self._frames(path)
            fps = fps or self.fps
            count = max(1, min(len(frames), self.max_frames, round(len(frames) * self.fps / fps)))
            spaced = [frames[index * len(frames) // count] for index in range(count)]
            return {"video": spaced, "sample_fps": fps * count / len(frames)} | sizes
        if not isinstance(path, str):
            raise _invalid(f"{path[0]}: the video is a list of frames: prepare such rows apart, with --frames")
        file = self._checked(path, video=True)
        return {"video": file, "fps": self.fps, "max_frames": self.max_frames} | sizes

    def _absolute(self, path: str) -> str:
        return os.path.normpath(os.path.join(self.root, path))  # noqa: PTH118 - a Path a file costs more than the row

    def _checked(self, path: str, *, video: bool = False) -> str:
        file = self._absolute(path)
        if self.check != "none" and (reason := media_fault(file, video=video, decode=self.check == "readable")):
            raise _invalid(reason)
        return file

    def _frames(self, path: str | list[str]) -> Sequence[str]:
        if not isinstance(path, str):
            return [self._checked(frame) for frame in path]
        folder = Path(self._absolute(path))
        try:
            names = [file.name for file in folder.iterdir() if file.suffix.lower() in _FRAME_SUFFIXES]
        except NotADirectoryError:
            raise _invalid(f"{folder}: is a file: prepare such rows without --frames") from None
        except OSError as error:
            raise _invalid(f"{folder}: {error.strerror}") from None
        if not names:
            raise _invalid(f"{folder}: no frames in this folder")
        return [self._checked(str(folder / name)) for name in sorted(names, key=_by_numbers)]


@lru_cache(_REMEMBERED)
def media_fault(path: str, *, video: bool, decode: bool) -> str | None:
    """Say what is wrong with an image or a video, None if nothing is.

    Args:
        path: The file.
        video: Whether it is a video.
        decode: Whether the whole image, or the first frames of the video, are decoded too.
    """
    try:
        if Path(path).is_dir():
            return f"{path}: is a folder; videos that are folders of frames are prepared apart, with --frames"
        if not Path(path).is_file():
            return f"{path}: no such file"
    except OSError as error:
        return f"{path}: {error.strerror}"
    if not decode:
        return None
    fault = _video_fault(path) if video else _image_fault(path)
    return None if fault is None else f"{path}: {fault}"


def _image_fault(path: str) -> str | None:
    from PIL import Image  # noqa: PLC0415 - an extra

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
    import av  # noqa: PLC0415 - an extra
    from av.error import FFmpegError  # noqa: PLC0415

    try:
        with av.open(path) as container:
            if not container.streams.video:
                return "no video in this file"
            found = sum(1 for _ in islice(container.decode(video=0), _MIN_FRAMES))
    except (FFmpegError, OSError, ValueError) as error:
        return f"not a readable video: {_first_line(error)}"
    return None if found == _MIN_FRAMES else f"a video of {found} frames; at least {_MIN_FRAMES} are needed"


def _invalid(reason: str) -> InvalidRowError:
    return InvalidRowError(Fault.MEDIA, reason)


def _first_line(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.partition("\n")[0]


def _by_numbers(name: str) -> list[tuple[int, str]]:
    """Order frame 10 after frame 9."""
    return [(int(part) if part.isdecimal() else 0, part) for part in _DIGITS.split(name)]
