"""Masks without a model: GrabCut, which runs anywhere and always draws the same.

It knows colours, not objects. It is for trying out a set-up, for tests and for examples, not for a training run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models.images import ImageLike, Pixels
from onethinker_rewards.models.prompts import PixelPrompt, read_prompts

__all__ = ["GrabCutSegmenter"]

_OPAQUE = 255


class GrabCutSegmenter:
    """Draws masks by OpenCV's GrabCut; a `onethinker_rewards.tasks.Segmenter`.

    What is outside the box is background; discs around points on the object are object, also outside the box; discs
    around points off it are background, and win where both meet. The rest of the box is decided by colour.

    Args:
        iterations: Rounds of learning colours and cutting.
        longest_side: Images larger than this are drawn in at this size, in pixels; None draws in full size.
        point_radius: Of the discs, in thousandths of the longer side.

    Raises:
        ArgumentError: If an option is out of its range.
        ImportError: If OpenCV is missing.

    Source: Rother et al., "GrabCut: Interactive Foreground Extraction Using Iterated Graph Cuts", SIGGRAPH 2004.
    """

    def __init__(self, *, iterations: int = 5, longest_side: int | None = 256, point_radius: float = 10.0) -> None:
        if iterations < 1:
            raise ArgumentError(f"iterations: 1 or more, not {iterations}")
        if longest_side is not None and longest_side < 1:
            raise ArgumentError(f"longest_side: 1 or more pixels, or None, not {longest_side}")
        if not 0 <= point_radius <= 1000:
            raise ArgumentError(f"point_radius: 0 to 1000 thousandths, not {point_radius}")
        self._cv2 = _opencv()
        self._iterations = iterations
        self._longest_side = longest_side
        self._point_radius = point_radius

    def __call__(
        self,
        images: Sequence[ImageLike | None],
        boxes: ArrayLike,
        positive_points: Sequence[ArrayLike] | ArrayLike,
        negative_points: Sequence[ArrayLike] | ArrayLike,
    ) -> list[NDArray[np.bool_]]:
        """Return one ``[H, W]`` mask a row, as large as the row's image; rows alike in all share one.

        Args:
            images: ``[N]`` images, see `read_image`.
            boxes: ``[N, 4]`` x1, y1, x2, y2 in thousandths of width and height.
            positive_points: ``[N, K, 2]`` x, y on the object, in thousandths.
            negative_points: ``[N, K, 2]`` x, y off the object, in thousandths.

        Raises:
            ArgumentError: If shapes are others, or lengths differ.
            BadImageError: Naming all rows whose image cannot be read, or whose prompt is not finite or has no point.
        """
        pixels, prompts = read_prompts(images, boxes, positive_points, negative_points)
        drawn: dict[Any, NDArray[np.bool_]] = {}
        masks: list[NDArray[np.bool_]] = []
        for row in zip(pixels, prompts, strict=True):
            name = id(row[0]), row[1].key
            if name not in drawn:
                drawn[name] = self._draw(*row)
            masks.append(drawn[name])
        return masks

    def _draw(self, pixels: Pixels, prompt: PixelPrompt) -> NDArray[np.bool_]:
        height, width = pixels.shape[:2]
        scale = min(1.0, (self._longest_side or max(height, width)) / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = self._cv2.resize(pixels, size, interpolation=self._cv2.INTER_AREA)
        mask = self._cut(np.asarray(small), prompt.points * size / (width, height), prompt.labels)
        opaque = self._cv2.resize(mask.astype(np.uint8) * _OPAQUE, (width, height))
        return np.asarray(opaque) > _OPAQUE // 2

    def _cut(self, pixels: Pixels, points: NDArray[np.float64], labels: NDArray[np.int32]) -> NDArray[np.bool_]:
        known = self._known(pixels.shape[:2], points, labels)
        is_object = self._is_object(known)
        # Without both there are no colours to tell apart, and OpenCV stops.
        if is_object.all() or not is_object.any():
            return is_object
        self._cv2.setRNGSeed(0)  # of this thread alone
        models = np.zeros((2, 1, 65))
        self._cv2.grabCut(pixels, known, (0, 0, 0, 0), *models, self._iterations, self._cv2.GC_INIT_WITH_MASK)
        return self._is_object(known)

    def _known(
        self, shape: tuple[int, int], points: NDArray[np.float64], labels: NDArray[np.int32]
    ) -> NDArray[np.uint8]:
        """Return what is known of each pixel before colours are looked at."""
        known = np.full(shape, self._cv2.GC_BGD, dtype=np.uint8)
        (left, top), (right, bottom) = np.round(points[:2]).astype(int).tolist()
        known[top:bottom, left:right] = self._cv2.GC_PR_FGD
        radius = round(self._point_radius * max(shape) / 1000)
        centres = np.minimum(points.astype(int), (shape[1] - 1, shape[0] - 1))
        for label, sure in ((1, self._cv2.GC_FGD), (0, self._cv2.GC_BGD)):
            for centre in centres[labels == label].tolist():
                self._cv2.circle(known, centre, radius, int(sure), thickness=-1)
        return known

    def _is_object(self, known: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return (known == self._cv2.GC_FGD) | (known == self._cv2.GC_PR_FGD)


def _opencv() -> Any:
    try:
        import cv2  # noqa: PLC0415 - an extra
    except ImportError:
        raise ImportError("GrabCutSegmenter needs OpenCV: pip install 'onethinker-rewards[grabcut]'") from None
    return cv2
