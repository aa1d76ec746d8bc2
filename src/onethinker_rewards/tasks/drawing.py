"""Masks drawn from answers, beside the masks they should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards import metrics
from onethinker_rewards.columns import Floats, PromptColumns
from onethinker_rewards.columns.masks import read_mask
from onethinker_rewards.errors import ArgumentError, BadImageError
from onethinker_rewards.tasks.spec import Segmenter

__all__ = ["Drawing", "MaskReader", "Target", "draw"]

Mask = NDArray[np.bool_]

# Drawn masks are as large as their images: so many rows at a time, and whole groups, bound what is held of them.
_ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Target:
    """What one row's mask is drawn on, what it should be, and what the overlap counts."""

    image: Any
    mask: Mask
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Drawing:
    """``scores`` ``[N]``: overlap times weight; ``faults``: why a row could not be drawn, by row."""

    scores: Floats
    faults: dict[int, str]


class MaskReader:
    """Reads each mask once, however many rows share it."""

    def __init__(self) -> None:
        # The object stays beside what was read from it: its id must not be given to another one.
        self._known: dict[int, tuple[Any, Mask]] = {}

    def read(self, mask: Any) -> Mask:
        """Return one mask.

        Raises:
            ArgumentError: If it cannot be read.
        """
        if id(mask) not in self._known:
            self._known[id(mask)] = (mask, read_mask(mask))
        return self._known[id(mask)][1]


def draw(predicted: PromptColumns, targets: Sequence[Target | str], segmenter: Segmenter) -> Drawing:
    """Draw each row's mask and compare it.

    Args:
        predicted: ``[N]`` prompts.
        targets: ``[N]`` what to draw on, or why there is nothing.
        segmenter: Draws the masks.

    Returns:
        Scores in [0, 1], 0 where there is a fault. A target whose mask has nothing on scores 0 and is never drawn.

    Raises:
        ArgumentError: If the segmenter gives another number of masks than it was asked for.
    """
    drawing = Drawing(np.zeros(len(targets)), {})
    wanted: list[int] = []
    for row, target in enumerate(targets):
        if isinstance(target, str):
            drawing.faults[row] = target
        elif target.mask.any() and target.weight > 0:
            wanted.append(row)
    for rows in _portions(wanted, targets):
        for row, mask in _masks(predicted, rows, targets, segmenter, drawing.faults).items():
            _compare(row, mask, targets[row], drawing)
    return drawing


def _portions(rows: Sequence[int], targets: Sequence[Any]) -> Iterator[list[int]]:
    """Give the rows of the same images together, so that no image is begun twice."""
    by_image: dict[int, list[int]] = {}
    for row in rows:
        by_image.setdefault(id(targets[row].image), []).append(row)
    portion: list[int] = []
    for group in by_image.values():
        if portion and len(portion) + len(group) > _ROWS_AT_ONCE:
            yield portion
            portion = []
        portion += group
    if portion:
        yield portion


def _masks(
    predicted: PromptColumns, rows: list[int], targets: Sequence[Any], segmenter: Segmenter, faults: dict[int, str]
) -> Mapping[int, Any]:
    """Return the masks of these rows; those whose image is unusable become faults, and cost no other row."""
    while rows:
        prompts = predicted.take(np.array(rows, dtype=np.int64))
        images = [targets[row].image for row in rows]
        try:
            masks = segmenter(images, prompts.boxes, prompts.positive_points, prompts.negative_points)
        except BadImageError as error:
            if not error.rows:
                raise
            faults.update({rows[place]: why for place, why in zip(error.rows, error.reasons, strict=True)})
            rows = [row for row in rows if row not in faults]
            continue
        if len(masks) != len(rows):
            raise ArgumentError(f"the segmenter returned {len(masks)} masks for {len(rows)} prompts")
        return dict(zip(rows, masks, strict=True))
    return {}


def _compare(row: int, mask: Any, target: Any, drawing: Drawing) -> None:
    drawn = np.asarray(mask, dtype=np.bool_)
    if drawn.shape != target.mask.shape:
        shapes = ["x".join(map(str, shape)) for shape in (target.mask.shape, drawn.shape)]
        drawing.faults[row] = f"the reference mask is {shapes[0]}, the image's mask {shapes[1]} (height x width)"
        return
    drawing.scores[row] = target.weight * float(metrics.mask_iou(drawn[None], target.mask[None])[0])
