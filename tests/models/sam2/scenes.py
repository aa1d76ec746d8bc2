"""Images and prompts for tests of segmenters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Group:
    """The arguments of a segmenter."""

    images: list[Any]
    boxes: NDArray[np.float64]
    positive_points: NDArray[np.float64]
    negative_points: NDArray[np.float64]

    def __iter__(self) -> Any:
        return iter((self.images, self.boxes, self.positive_points, self.negative_points))

    def rows(self, rows: list[int]) -> Group:
        """Return some rows."""
        images = [self.images[row] for row in rows]
        return Group(images, self.boxes[rows], self.positive_points[rows], self.negative_points[rows])


def image(phase: float = 0.0, height: int = 60, width: int = 80) -> NDArray[np.uint8]:
    """Return waves of color, wider than high."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 7 + phase), np.cos(y / 9), np.sin((x + y) / 13 - phase)]
    return (127 + 120 * np.stack(waves, axis=-1)).astype(np.uint8)


def group(count: int = 6, *, seed: int = 0, points: int = 3, of: NDArray[np.uint8] | None = None) -> Group:
    """Return prompts on one image."""
    random = np.random.default_rng(seed)
    corners = np.sort(random.integers(0, 1001, (count, 2, 2)), axis=1).astype(np.float64)
    on, off = random.integers(0, 1001, (2, count, points, 2)).astype(np.float64)
    return Group([image() if of is None else of] * count, corners.reshape(count, 4), on, off)


def overlap(mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Return the intersection over union; 1 where both are empty."""
    union = (mask | other).sum()
    return float((mask & other).sum() / union) if union else 1.0
