"""Images and videos of a row: where they are, how large the model may see them, and whether they can be read.

verl hands these dictionaries to qwen-vl-utils as they are. Each has all of its keys: a key that is there and null
would be used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from onethinker_rewards.trainer.data.faults import BadRowError, Fault
from onethinker_rewards.trainer.data.readable import image_fault, video_fault

__all__ = ["FRAMES", "IMAGE_PIXELS", "LEAST_PIXELS", "VIDEO_FPS", "VIDEO_PIXELS", "Check", "MediaRules"]

Check = Literal["none", "presence", "readable"]

# Source: OneThinker (arXiv 2512.03043), training details: images up to 1,048,576 pixels, 2 frames a second, 128 frames.
IMAGE_PIXELS = 1_048_576
VIDEO_FPS = 2.0
FRAMES = 128
# Source: the released training code, 64 tokens of 32 x 32 pixels a frame.
VIDEO_PIXELS = 65_536
# 4 tokens. Without it, qwen-vl-utils takes more for the least than the most that is given here, and stops.
LEAST_PIXELS = 4_096

_FRAME_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_DIGITS = re.compile(r"(\d+)")


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
        most_frames: Most frames of a video.
    """

    root: str = ""
    check: Check = "none"
    frames: bool = False
    image_pixels: int = IMAGE_PIXELS
    video_pixels: int = VIDEO_PIXELS
    fps: float = VIDEO_FPS
    most_frames: int = FRAMES

    def image(self, path: str) -> dict[str, Any]:
        """Return one image.

        Raises:
            BadRowError: If it does not pass the check.
        """
        return {"image": self._image_at(path), "max_pixels": self.image_pixels}

    def video(self, path: str | list[str], fps: float | None = None) -> dict[str, Any]:
        """Return one video.

        Args:
            path: A file; with ``frames`` a folder, or the frames themselves.
            fps: At how many a second the frames of a folder or list were taken; by default as many as are wanted.

        Raises:
            BadRowError: If it does not pass the check, or is a file instead of frames or the other way round.
        """
        sizes = {"min_pixels": LEAST_PIXELS, "max_pixels": self.video_pixels}
        if self.frames:
            files, sampled_fps = self._sampled(self._frames_at(path), fps or self.fps)
            return {"video": files, "sample_fps": sampled_fps} | sizes
        return {"video": self._video_at(path), "fps": self.fps, "max_frames": self.most_frames} | sizes

    def _at(self, path: str) -> str:
        return os.path.normpath(os.path.join(self.root, path))  # noqa: PTH118 - a Path a file costs more than the row

    def _image_at(self, path: str) -> str:
        place = self._at(path)
        _pass(image_fault(place, self.check))
        return place

    def _video_at(self, path: str | list[str]) -> str:
        if not isinstance(path, str):
            why = f"{path[0]}: the video is a list of frames: prepare such rows apart, with --frames"
            raise BadRowError(Fault.MEDIA, why)
        place = self._at(path)
        _pass(video_fault(place, self.check))
        return place

    def _frames_at(self, path: str | list[str]) -> list[str]:
        if not isinstance(path, str):
            return [self._image_at(frame) for frame in path]
        folder = Path(self._at(path))
        try:
            names = [file.name for file in folder.iterdir() if file.suffix.lower() in _FRAME_SUFFIXES]
        except NotADirectoryError:
            raise BadRowError(Fault.MEDIA, f"{folder}: is a file: prepare such rows without --frames") from None
        except OSError as error:
            raise BadRowError(Fault.MEDIA, f"{folder}: {error.strerror}") from None
        if not names:
            raise BadRowError(Fault.MEDIA, f"{folder}: no frames in this folder")
        return [self._image_at(str(folder / name)) for name in sorted(names, key=_as_counted)]

    def _sampled(self, files: Sequence[str], fps: float) -> tuple[list[str], float]:
        """Return evenly spaced frames, and how many of them there are a second."""
        count = max(1, min(len(files), self.most_frames, round(len(files) * self.fps / fps)))
        return [files[place * len(files) // count] for place in range(count)], fps * count / len(files)


def _pass(why: str | None) -> None:
    if why is not None:
        raise BadRowError(Fault.MEDIA, why)


def _as_counted(name: str) -> list[tuple[int, str]]:
    """Order frame 10 after frame 9."""
    return [(int(part) if part.isdecimal() else 0, part) for part in _DIGITS.split(name)]
