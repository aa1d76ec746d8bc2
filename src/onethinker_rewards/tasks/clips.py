"""Videos as a formula sees them: frames and how many there are a second."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from onethinker_rewards.errors import ArgumentError

__all__ = ["Clip", "has_places"]

_NO_FRAMES = (str, bytes, bytearray, Mapping)


@dataclass(frozen=True, slots=True)
class Clip:
    """A video's frames; rollouts of a group share one object.

    Attributes:
        frames: ``[T]`` images as the segmenter takes them, in a list or an array.
        fps: Frames a second, as many as ``frames`` has.

    Raises:
        ArgumentError: If there is no frame, ``frames`` holds none by its place, or ``fps`` is not a positive number.

    >>> Clip(["a.png", "b.png", "c.png"], fps=2.0).place(0.6)
    1
    """

    frames: Sequence[Any]
    fps: float

    def __post_init__(self) -> None:
        if not has_places(self.frames):
            raise ArgumentError(f"frames: expected a list or an array of images, got {type(self.frames).__name__}")
        if len(self.frames) == 0:
            raise ArgumentError("frames: a clip has at least one")
        if not _is_positive(self.fps):
            raise ArgumentError(f"fps: expected a positive number, got {self.fps!r:.60}")

    def place(self, seconds: float) -> int:
        """Return the place of the frame shown at a time, the last one for any time after the end."""
        last = len(self.frames) - 1
        # Beyond the end before rounding: seconds * fps may be infinite.
        return round(min(max(seconds * self.fps, 0.0), last))


def has_places(frames: Any) -> bool:
    """Return whether something holds one thing a frame: a list or an array, but no text, file or mapping."""
    return hasattr(frames, "__getitem__") and hasattr(frames, "__len__") and not isinstance(frames, _NO_FRAMES)


def _is_positive(number: Any) -> bool:
    try:
        return isinstance(number, Real) and 0.0 < float(number) < math.inf
    except OverflowError:
        return False
