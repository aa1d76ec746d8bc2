"""Prompts from thousandths of an image to its pixels, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from onethinker_rewards.errors import ArgumentError, BadImageError
from onethinker_rewards.models.images import ImageLike, Pixels, read_images

__all__ = ["PixelPrompt", "read_prompts"]

_FULL_SCALE = 1000
_ON, _OFF = 1, 0
# How SAM 2 names the corners of a box among points.
_CORNERS = (2, 3)


@dataclass(frozen=True, slots=True)
class PixelPrompt:
    """One row's prompt.

    Attributes:
        points: ``[2 + K, 2]`` x, y in pixels of the image: the corners of the box, points on the object, points off it.
        labels: ``[2 + K]`` int32, which of these a point is, as SAM 2 numbers them.
    """

    points: NDArray[np.float64]
    labels: NDArray[np.int32]

    @property
    def key(self) -> tuple[bytes, bytes]:
        """What two prompts share only if the model cannot tell them apart."""
        return self.points.tobytes(), self.labels.tobytes()

    def in_frame(self, pixels: Pixels, side: int) -> NDArray[np.float64]:
        """Return the points in the model's frame of ``side`` pixels a side."""
        return self.points / _size(pixels) * side


def read_prompts(
    images: Sequence[ImageLike | None],
    boxes: ArrayLike,
    positive_points: Sequence[ArrayLike] | ArrayLike,
    negative_points: Sequence[ArrayLike] | ArrayLike,
) -> tuple[list[Pixels], list[PixelPrompt]]:
    """Return each row's pixels and prompt, or name all rows that have none.

    Args:
        images: ``[N]`` images.
        boxes: ``[N, 4]`` x1, y1, x2, y2 in thousandths of width and height.
        positive_points: ``[N, K, 2]`` or ``N`` arrays ``[K, 2]`` x, y on the object, in thousandths.
        negative_points: The same off the object.

    Raises:
        ArgumentError: If shapes are others, or lengths differ.
        BadImageError: If an image cannot be read, a coordinate is not finite, or a row has no point.
    """
    corners = _boxes(boxes, len(images))
    positive = _point_rows("positive_points", positive_points, len(images))
    negative = _point_rows("negative_points", negative_points, len(images))
    faults = {
        row: reason
        for row, parts in enumerate(zip(corners, positive, negative, strict=True))
        if (reason := _fault(*parts)) is not None
    }
    pixels = _read(images, faults)
    return pixels, [_prompt(*parts) for parts in zip(pixels, corners, positive, negative, strict=True)]


def _read(images: Sequence[ImageLike | None], faults: dict[int, str]) -> list[Pixels]:
    """Return the images' pixels unless a row has a fault: its image's, or else its prompt's."""
    pixels: list[Pixels] = []
    try:
        pixels = read_images(images)
    except BadImageError as error:
        faults = faults | dict(zip(error.rows, error.reasons, strict=True))
    if faults:
        rows = sorted(faults)
        raise BadImageError(rows, [faults[row] for row in rows])
    return pixels


def _boxes(boxes: ArrayLike, count: int) -> NDArray[np.float64]:
    corners = np.asarray(boxes, dtype=np.float64)
    if corners.shape != (count, 4):
        raise ArgumentError(f"boxes: [N, 4] with one row for each of {count} images, not {list(corners.shape)}")
    return corners.reshape(count, 2, 2)


def _point_rows(name: str, points: Sequence[ArrayLike] | ArrayLike, count: int) -> list[NDArray[np.float64]]:
    given: list[ArrayLike] = list(points)  # pyright: ignore[reportArgumentType, reportAssignmentType]
    if len(given) != count:
        raise ArgumentError(f"{name}: one row for each of {count} images, not {len(given)}")
    rows = [np.asarray(row, dtype=np.float64) for row in given]
    for row in rows:
        if row.size and (row.ndim != 2 or row.shape[1] != 2):
            raise ArgumentError(f"{name}: [K, 2] a row, not {list(row.shape)}")
    return [row.reshape(-1, 2) for row in rows]


def _fault(box: NDArray[np.float64], positive: NDArray[np.float64], negative: NDArray[np.float64]) -> str | None:
    if not np.isfinite(box).all():
        return "the box is not finite"
    if not (np.isfinite(positive).all() and np.isfinite(negative).all()):
        return "a point is not finite"
    return None if len(positive) or len(negative) else "no point"


def _prompt(
    pixels: Pixels, box: NDArray[np.float64], positive: NDArray[np.float64], negative: NDArray[np.float64]
) -> PixelPrompt:
    size = _size(pixels)
    # Cut off before it grows: what is finite stays so.
    thousandths = np.clip(np.concatenate([box, positive, negative]), 0, _FULL_SCALE)
    points = np.round(thousandths * size / _FULL_SCALE)
    labels = np.repeat([*_CORNERS, _ON, _OFF], [1, 1, len(positive), len(negative)]).astype(np.int32)
    return PixelPrompt(points, labels)


def _size(pixels: Pixels) -> NDArray[np.float64]:
    """Return width and height."""
    return np.array([pixels.shape[1], pixels.shape[0]], dtype=np.float64)
