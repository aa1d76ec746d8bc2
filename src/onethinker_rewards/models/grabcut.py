"""A segmenter without a model: GrabCut, which runs anywhere and is deterministic.

It separates colors, not objects. Use it to try out a setup, in tests and in examples, not in a training run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from onethinker_rewards.answers.masks import Mask
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models.images import ImageLike, Pixels
from onethinker_rewards.models.prompts import PixelPrompt, PromptKey, read_prompts

_OPAQUE = 255


class GrabCutSegmenter:
    """Draws masks with OpenCV's GrabCut; a `onethinker_rewards.tasks.Segmenter`.

    Pixels outside the box are background. Discs around points on the object are object, even outside the box; discs
    around points off it are background, and win where two discs overlap. Color decides the rest of the box.

    Args:
        iterations: Rounds of fitting the color models and cutting.
        longest_side: Larger images are segmented at this size, in pixels; None segments in full size.
        point_radius: Radius of the discs, in thousandths of the image's longer side.

    Raises:
        ArgumentError: If an option is out of range.
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
        try:
            import cv2  # noqa: PLC0415 - an extra
        except ImportError:
            raise ImportError("GrabCutSegmenter needs OpenCV: pip install 'onethinker-rewards[grabcut]'") from None
        self._cv2: Any = cv2
        self._iterations = iterations
        self._longest_side = longest_side
        self._point_radius = point_radius

    def __call__(
        self,
        images: Sequence[ImageLike | None],
        boxes: ArrayLike,
        positive_points: Sequence[ArrayLike] | ArrayLike,
        negative_points: Sequence[ArrayLike] | ArrayLike,
    ) -> list[Mask]:
        """Return one ``[H, W]`` mask per row, of the size of the row's image; identical rows share one.

        Args:
            images: ``[N]`` images, see `read_image`.
            boxes: ``[N, 4]`` x1, y1, x2, y2 in thousandths of width and height.
            positive_points: ``[N, K, 2]`` x, y on the object, in thousandths.
            negative_points: ``[N, K, 2]`` x, y off the object, in thousandths.

        Raises:
            ArgumentError: If a shape is wrong, or the lengths differ.
            BadImageError: Naming all rows whose image cannot be read, or whose prompt is not finite or has no point.
        """
        pixels, prompts = read_prompts(images, boxes, positive_points, negative_points)
        masks: dict[tuple[int, PromptKey], Mask] = {}
        # The list keeps the images alive, so an id is unique.
        keys = [(id(image), prompt.key) for image, prompt in zip(pixels, prompts, strict=True)]
        for key, image, prompt in zip(keys, pixels, prompts, strict=True):
            if key not in masks:
                masks[key] = self._draw(image, prompt)
        return [masks[key] for key in keys]

    def _draw(self, pixels: Pixels, prompt: PixelPrompt) -> Mask:
        """Segment a small copy of the image, and return the mask in the image's size."""
        height, width = pixels.shape[:2]
        scale = min(1.0, (self._longest_side or max(height, width)) / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = self._cv2.resize(pixels, size, interpolation=self._cv2.INTER_AREA)
        mask = self._cut(np.asarray(small), prompt.points * size / (width, height), prompt.labels)
        opaque = self._cv2.resize(mask.astype(np.uint8) * _OPAQUE, (width, height))
        return np.asarray(opaque) > _OPAQUE // 2

    def _cut(self, pixels: Pixels, points: NDArray[np.float64], labels: NDArray[np.int32]) -> Mask:
        trimap = self._trimap(pixels.shape[:2], points, labels)
        is_object = self._is_object(trimap)
        # OpenCV raises unless there are both object and background pixels to learn colors from.
        if is_object.all() or not is_object.any():
            return is_object
        self._cv2.setRNGSeed(0)  # the seed of this thread only
        color_models = np.zeros((2, 1, 65))
        self._cv2.grabCut(pixels, trimap, (0, 0, 0, 0), *color_models, self._iterations, self._cv2.GC_INIT_WITH_MASK)
        return self._is_object(trimap)

    def _trimap(
        self, shape: tuple[int, int], points: NDArray[np.float64], labels: NDArray[np.int32]
    ) -> NDArray[np.uint8]:
        """Return what the prompt says of each pixel: background, object, or probably object."""
        trimap = np.full(shape, self._cv2.GC_BGD, dtype=np.uint8)
        (left, top), (right, bottom) = np.round(points[:2]).astype(int).tolist()
        trimap[top:bottom, left:right] = self._cv2.GC_PR_FGD
        radius = round(self._point_radius * max(shape) / 1000)
        centers = np.minimum(points.astype(int), (shape[1] - 1, shape[0] - 1))
        for label, value in ((1, self._cv2.GC_FGD), (0, self._cv2.GC_BGD)):
            for center in centers[labels == label].tolist():
                self._cv2.circle(trimap, center, radius, int(value), thickness=-1)
        return trimap

    def _is_object(self, trimap: NDArray[np.uint8]) -> Mask:
        return (trimap == self._cv2.GC_FGD) | (trimap == self._cv2.GC_PR_FGD)
