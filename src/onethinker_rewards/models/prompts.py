"""Segmentation prompts in pixels: boxes and points, read from thousandths of an image and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from onethinker_rewards.errors import ArgumentError, BadImageError
from onethinker_rewards.models.images import ImageLike, Pixels, read_images

PromptKey: TypeAlias = tuple[bytes, bytes]

_FULL_SCALE = 1000
# SAM 2's labels of a prompt's points.
_OFF_OBJECT, _ON_OBJECT, _TOP_LEFT, _BOTTOM_RIGHT = range(4)


@dataclass(frozen=True, slots=True)
class PixelPrompt:
    """The prompt of one row.

    Attributes:
        points: ``[2 + K, 2]`` x, y in whole pixels of the image: the box's corners, points on the object, points off
            it.
        labels: ``[2 + K]`` int32, SAM 2's labels of these points: 2 and 3 for the corners, 1 on the object, 0 off it.
    """

    points: NDArray[np.float64]
    labels: NDArray[np.int32]

    @property
    def key(self) -> PromptKey:
        """Equal for two prompts of an image only if the model cannot tell them apart."""
        return self.points.tobytes(), self.labels.tobytes()

    def in_frame(self, pixels: Pixels, side: int) -> NDArray[np.float64]:
        """Return the points in a model's square input of ``side`` pixels, to which the image is resized."""
        return self.points / _size(pixels) * side


def read_prompts(
    images: Sequence[ImageLike | None],
    boxes: ArrayLike,
    positive_points: Sequence[ArrayLike] | ArrayLike,
    negative_points: Sequence[ArrayLike] | ArrayLike,
) -> tuple[list[Pixels], list[PixelPrompt]]:
    """Return each row's pixels and prompt.

    Args:
        images: ``[N]`` images.
        boxes: ``[N, 4]`` x1, y1, x2, y2 in thousandths of width and height.
        positive_points: ``[N, K, 2]`` or ``N`` arrays ``[K, 2]`` x, y on the object, in thousandths.
        negative_points: The same off the object.

    Raises:
        ArgumentError: If a shape is wrong, or the lengths differ.
        BadImageError: Naming all rows whose image cannot be read, or whose prompt is not finite or has no point.
    """
    count = len(images)
    corners = np.asarray(boxes, dtype=np.float64)
    if corners.shape != (count, 4):
        raise ArgumentError(f"boxes: [N, 4] with one row for each of {count} images, not {list(corners.shape)}")
    positive = _point_rows("positive_points", positive_points, count)
    negative = _point_rows("negative_points", negative_points, count)
    prompts = [*zip(corners.reshape(count, 2, 2), positive, negative, strict=True)]
    faults = {row: fault for row, prompt in enumerate(prompts) if (fault := _fault(*prompt)) is not None}
    pixels: list[Pixels] = []
    try:
        pixels = read_images(images)
    except BadImageError as error:
        # Of a row with two faults, the image's is reported.
        faults |= dict(zip(error.rows, error.reasons, strict=True))
    if faults:
        rows = sorted(faults)
        raise BadImageError(rows, [faults[row] for row in rows])
    return pixels, [_prompt(image, *prompt) for image, prompt in zip(pixels, prompts, strict=True)]


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
    # Clipped before scaling, so that large finite numbers do not overflow.
    thousandths = np.clip(np.concatenate([box, positive, negative]), 0, _FULL_SCALE)
    points = np.round(thousandths * _size(pixels) / _FULL_SCALE)
    labels = [_TOP_LEFT, _BOTTOM_RIGHT] + [_ON_OBJECT] * len(positive) + [_OFF_OBJECT] * len(negative)
    return PixelPrompt(points, np.array(labels, dtype=np.int32))


def _size(pixels: Pixels) -> NDArray[np.float64]:
    """Return width and height."""
    return np.array([pixels.shape[1], pixels.shape[0]], dtype=np.float64)
