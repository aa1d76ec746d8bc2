"""Segmenters without a model, and answers for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

import onethinker_rewards as otr
from tests.rewards.cases import wrap

# Small, not square, and not what thousandths divide evenly.
HEIGHT, WIDTH = 20, 40


def image(shade: int = 0) -> NDArray[np.uint8]:
    return np.full((HEIGHT, WIDTH, 3), shade, dtype=np.uint8)


def rectangle(x1: int, y1: int, x2: int, y2: int) -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.bool_)
    mask[y1:y2, x1:x2] = True
    return mask


def prompt(box: Any = (100, 100, 300, 400), **more: Any) -> str:
    points = [[150, 150], [200, 200], [250, 300]], [[50, 50], [400, 200], [200, 500]]
    answer = {**more, "boxes": list(box), "positive_points": points[0], "negative_points": points[1]}
    return msgspec.json.encode(answer).decode()


def respond(*answers: str) -> list[str]:
    return [wrap(answer) for answer in answers]


class FillsBoxes:
    """Fills the box; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[Any]] = []

    def __call__(self, images: Any, boxes: Any, positive_points: Any, negative_points: Any) -> list[Any]:
        bad = [row for row, picture in enumerate(images) if isinstance(picture, str)]
        if bad:
            raise otr.BadImageError(bad, [f"cannot open {images[row]}" for row in bad])
        self.asked.append(list(images))
        pixels = np.rint(boxes * [WIDTH / 1000, HEIGHT / 1000, WIDTH / 1000, HEIGHT / 1000]).astype(int)
        return [rectangle(*box) for box in pixels.tolist()]


class Knows:
    """The ideal segmenter: its images are the masks themselves."""

    def __call__(self, images: Any, boxes: Any, positive_points: Any, negative_points: Any) -> list[Any]:
        return [np.array(mask) for mask in images]


class Draws:
    """Draws what it is told to on each frame; its images are the frames' numbers."""

    def __init__(self, masks: Mapping[int, NDArray[np.bool_]]) -> None:
        self.masks = masks

    def __call__(self, images: Any, boxes: Any, positive_points: Any, negative_points: Any) -> list[Any]:
        return [self.masks[image] for image in images]
