"""Masks drawn from answers, beside the masks they should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards import metrics
from onethinker_rewards.columns import Floats, PromptColumns
from onethinker_rewards.columns.masks import read_mask
from onethinker_rewards.errors import ArgumentError, BadImageError
from onethinker_rewards.tasks.spec import Segmenter

__all__ = ["Drawing", "Target", "View", "ViewReader", "draw"]

Mask = NDArray[np.bool_]

# A row, and what its prompt has to draw.
Wanted: TypeAlias = "tuple[int, View]"

# Drawn masks are as large as their images: so many rows at a time, and whole groups, bound what is held of them.
_ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class View:
    """An image, and the mask that a prompt should draw on it."""

    image: Any
    mask: Mask


@dataclass(frozen=True, slots=True)
class Target:
    """What one row's prompt has to draw: its overlap is the least of all views, times the weight."""

    views: tuple[View, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Drawing:
    """``scores`` ``[N]``: overlap times weight; ``faults``: why a row could not be drawn and has no score, by row."""

    scores: Floats
    faults: dict[int, str]


class ViewReader:
    """Takes each frame and reads each mask once, however many rows share it."""

    def __init__(self) -> None:
        # By whose it is and where: a frame out of an array is a new object each time. The owner stays beside what was
        # taken from it, as its id must not be given to another object.
        self._known: dict[tuple[str, int, int], tuple[Any, Any]] = {}

    def of_image(self, image: Any, mask: Any) -> View:
        """Return the view of an image.

        Raises:
            ArgumentError: If its mask cannot be read.
        """
        return View(image, self._once("mask", mask, 0, lambda: read_mask(mask)))

    def of_frame(self, frames: Any, masks: Any, place: int) -> View | None:
        """Return the view of a video's frame; None where it has no mask.

        Raises:
            ArgumentError: If its mask cannot be read.
        """
        mask = masks[place]
        if mask is None:
            return None
        image = self._once("image", frames, place, lambda: frames[place])
        return View(image, self._once("mask", masks, place, lambda: read_mask(mask)))

    def _once(self, kind: str, owner: Any, place: int, take: Callable[[], Any]) -> Any:
        name = kind, id(owner), place
        if name not in self._known:
            self._known[name] = owner, take()
        return self._known[name][1]


def draw(predicted: PromptColumns, targets: Sequence[Target | str], segmenter: Segmenter) -> Drawing:
    """Draw each row's masks and compare them.

    Args:
        predicted: ``[N]`` prompts.
        targets: ``[N]`` what to draw on, or why there is nothing.
        segmenter: Draws the masks.

    Returns:
        Scores in [0, 1]. A target without weight scores 0 and is never drawn.

    Raises:
        ArgumentError: If the segmenter gives another number of masks than it was asked for.
    """
    faults = {row: target for row, target in enumerate(targets) if isinstance(target, str)}
    weights = np.array([0.0 if isinstance(target, str) else target.weight for target in targets])
    wanted = [
        (row, view)
        for row, target in enumerate(targets)
        if not isinstance(target, str) and target.weight > 0
        for view in target.views
    ]
    least = np.ones(len(targets))
    for portion in _portions(wanted):
        for row, overlap in _overlaps(predicted, portion, segmenter, faults):
            least[row] = min(least[row], overlap)
    return Drawing(weights * least, faults)


def _portions(wanted: Sequence[Wanted]) -> Iterator[list[Wanted]]:
    """Give what is on the same images together, so that no image is begun twice."""
    by_image: dict[int, list[Wanted]] = {}
    for row, view in wanted:
        by_image.setdefault(id(view.image), []).append((row, view))
    portion: list[Wanted] = []
    for group in by_image.values():
        if portion and len(portion) + len(group) > _ROWS_AT_ONCE:
            yield portion
            portion = []
        portion += group
    if portion:
        yield portion


def _overlaps(
    predicted: PromptColumns, wanted: list[Wanted], segmenter: Segmenter, faults: dict[int, str]
) -> Iterator[tuple[int, float]]:
    """Give a row and an overlap a view; rows whose image or size is unusable become faults, and cost no other row."""
    for (row, view), mask in zip(*_masks(predicted, wanted, segmenter, faults), strict=True):
        drawn = np.asarray(mask, dtype=np.bool_)
        if drawn.shape == view.mask.shape:
            yield row, float(metrics.mask_iou(drawn[None], view.mask[None])[0])
        else:
            shapes = ["x".join(map(str, shape)) for shape in (view.mask.shape, drawn.shape)]
            faults[row] = f"the reference mask is {shapes[0]}, the image's mask {shapes[1]} (height x width)"


def _masks(
    predicted: PromptColumns, wanted: list[Wanted], segmenter: Segmenter, faults: dict[int, str]
) -> tuple[list[Wanted], Sequence[Any]]:
    """Return what could be drawn, and its masks."""
    while wanted := [(row, view) for row, view in wanted if row not in faults]:
        rows = [row for row, _ in wanted]
        prompts = predicted.take(np.array(rows, dtype=np.int64))
        images = [view.image for _, view in wanted]
        try:
            masks = segmenter(images, prompts.boxes, prompts.positive_points, prompts.negative_points)
        except BadImageError as error:
            if not error.rows:
                raise
            faults.update({rows[place]: why for place, why in zip(error.rows, error.reasons, strict=True)})
            continue
        if len(masks) != len(wanted):
            raise ArgumentError(f"the segmenter returned {len(masks)} masks for {len(wanted)} prompts")
        return wanted, masks
    return [], []
