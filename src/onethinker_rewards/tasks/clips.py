"""Videos as a formula sees them: frames and how many there are a second."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onethinker_rewards.errors import ArgumentError

__all__ = ["Clip"]


@dataclass(frozen=True, slots=True)
class Clip:
    """A video's frames, or the masks of its frames; rollouts of a group share one object.

    Attributes:
        frames: ``[T]`` images as the segmenter takes them, or masks; None where a frame has none.
        fps: Frames a second, as many as ``frames`` has.

    Raises:
        ArgumentError: If there is no frame, or ``fps`` is not a positive number.

    >>> Clip(["a.png", "b.png", "c.png"], fps=2.0).place(0.6)
    1
    """

    frames: Sequence[Any]
    fps: float

    def __post_init__(self) -> None:
        if len(self.frames) == 0:
            raise ArgumentError("frames: a clip has at least one")
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise ArgumentError(f"fps: expected a positive number, got {self.fps!r}")

    def place(self, seconds: float) -> int:
        """Return the place of the frame shown at a time, the last one for any time after the end."""
        last = len(self.frames) - 1
        # Beyond the end before rounding: seconds * fps may be infinite.
        return round(min(max(seconds * self.fps, 0.0), last))
