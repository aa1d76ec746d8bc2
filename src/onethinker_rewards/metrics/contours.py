"""How well the contours of two masks agree.

Two ways to the same number: NumPy's looks for the nearest contour pixel with a tree, or marks what is around each where
that is little, because contours are thin; the other, for arrays on devices, widens contours row by row, with the same
steps whatever is in the masks.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from array_api_compat import device
from numpy.typing import NDArray

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics._arrays import Array, Namespace, numpy_namespace
from onethinker_rewards.metrics._masks import aligned_masks, floats
from onethinker_rewards.metrics._outlines import RULES, Rules

__all__ = ["boundary_f"]

Mask = NDArray[np.bool_]

# Up to so many marks around all pixels it is faster to make them than to look for the nearest pixels in a tree.
_FEW_MARKS = 100_000


def boundary_f(
    predicted: Array,
    reference: Array,
    *,
    tolerance: float | None = None,
    rules: Literal["davis", "release"] = "davis",
) -> Array:
    """Return the F-measure of each predicted mask's contour against its reference's.

    Precision is the share of predicted contour pixels with a reference contour pixel nearby, recall the same the other
    way round; the score is 2PR/(P + R), and 0 where both are 0. With no contour on one side only it is 0, with none on
    either it is 1.

    Under the rules ``davis`` a pixel is on the contour if the one to its right, below it or diagonally between has
    another value, and nearby is a disk of .008 of the diagonal, rounded up. Two masks that fill the image have no
    contour. Under ``release`` a pixel is on the contour if it is on and one of its eight neighbours is off or beyond
    the image, and nearby is a square of .0075 of the diagonal to each side, rounded, and a pixel at least.

    Differs: ``test_differs_boundary_f_is_that_of_davis``.

    Args:
        predicted: ``[N, H, W]`` boolean, or integral with 0 for what is off, of any array kind, or a list of masks.
        reference: ``[N, H, W]`` of the same kind.
        tolerance: The disk's radius, or half the square's side, as a share of the diagonal; from 1 on in pixels. The
            rules' own by default.
        rules: Whose contours and whose distance: DAVIS's, or those of OneThinker's evaluation.

    Returns:
        ``[N]`` in [0, 1], in the kind's default float and on the arrays' device; higher is better.

    Raises:
        ArgumentError: The shapes, kinds or dtypes do not fit, the tolerance is not positive and finite, or there are
            no such rules.

    Source: F of Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR
    2016, with the disk and the contour of the DAVIS 2017 evaluation; ``release``: the released evaluation's code.

    >>> shape = np.zeros((1, 8, 8), dtype=bool)
    >>> shape[:, 2:5, 2:5] = True
    >>> boundary_f(shape, np.roll(shape, 1, axis=2))
    array([1.])
    """
    if tolerance is not None and not 0.0 < tolerance < math.inf:
        raise ArgumentError(f"tolerance must be positive and finite, got {tolerance!r}")
    if rules not in RULES:
        raise ArgumentError(f"rules must be one of {', '.join(RULES)}, got {rules!r}")
    rule = RULES[rules]
    xp, predicted, reference = aligned_masks(predicted, reference)
    _, height, width = predicted.shape
    radius = rule.radius(tolerance, height, width)
    if xp is numpy_namespace:
        counts = [
            _matched_points(_points(one, rule), _points(other, rule), radius, rule)
            for one, other in zip(predicted, reference, strict=True)
        ]
        numbers: Any = np.array(counts, dtype=np.float64).reshape(-1, 4).T
        return _f_measure(np, *numbers)
    contours = rule.outline(xp, predicted), rule.outline(xp, reference)
    return _f_measure(xp, *_matched_pixels(xp, *contours, radius, rule))


def _f_measure(xp: Namespace, hits: Array, pixels: Array, ref_hits: Array, ref_pixels: Array) -> Array:
    """Return 2PR/(P + R) of matched and all contour pixels on either side; nothing out of nothing is all."""
    precision = xp.where(pixels == 0.0, 1.0, hits / xp.where(pixels == 0.0, 1.0, pixels))
    recall = xp.where(ref_pixels == 0.0, 1.0, ref_hits / xp.where(ref_pixels == 0.0, 1.0, ref_pixels))
    total = precision + recall
    return 2.0 * precision * recall / xp.where(total == 0.0, 1.0, total)


def _points(mask: Mask, rule: Rules) -> NDArray[np.intp]:
    """Return ``[K, 2]``: the contour's pixels."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return np.zeros((0, 2), dtype=np.intp)
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    # One more to the left and above, which can differ from what is inside; to the right and below only at the border
    # of the image does it matter that nothing follows.
    top, left = max(0, rows[0] - 1), max(0, columns[0] - 1)
    inside = mask[top : rows[-1] + 2, left : columns[-1] + 2]
    return np.argwhere(rule.outline(np, inside[None])[0]) + np.array([top, left])


def _matched_points(
    points: NDArray[Any], ref_points: NDArray[Any], radius: int, rule: Rules
) -> tuple[int, int, int, int]:
    if not len(points) or not len(ref_points):
        return 0, len(points), 0, len(ref_points)
    near = _near(points, ref_points, radius, rule)
    ref_near = _near(ref_points, points, radius, rule)
    return int(near.sum()), len(points), int(ref_near.sum()), len(ref_points)


def _near(points: NDArray[Any], others: NDArray[Any], radius: int, rule: Rules) -> NDArray[np.bool_]:
    """Return which points have one of the others nearby."""
    if len(others) * (2 * radius + 1) ** 2 <= _FEW_MARKS:
        return _near_marks(points, others, radius, rule)
    from scipy.spatial import KDTree  # noqa: PLC0415 - only where masks are compared

    # Distances in a square, and squared ones in a disk, are whole numbers: nothing lies between the radius and this.
    within = radius + 0.5 if rule.square else math.sqrt(radius * radius + 0.5)
    norm = math.inf if rule.square else 2.0
    return KDTree(others).query(points, p=norm, distance_upper_bound=within)[0] < within


def _near_marks(points: NDArray[Any], others: NDArray[Any], radius: int, rule: Rules) -> NDArray[np.bool_]:
    height, width = np.maximum(points.max(axis=0), others.max(axis=0)) + 1 + 2 * radius
    down, across = np.indices((2 * radius + 1, 2 * radius + 1)) - radius
    reached = (down * width + across)[rule.square | (down * down + across * across <= radius * radius)]
    marked = np.zeros(height * width, dtype=np.bool_)
    middle = radius * width + radius
    marked[(others @ [width, 1] + middle)[:, None] + reached] = True
    return marked[points @ [width, 1] + middle]


def _matched_pixels(xp: Namespace, contour: Array, ref_contour: Array, radius: int, rule: Rules) -> list[Array]:
    counted = [
        contour & _widened(xp, ref_contour, radius, rule),
        contour,
        ref_contour & _widened(xp, contour, radius, rule),
        ref_contour,
    ]
    return [floats(xp, xp.count_nonzero(one, axis=(1, 2))) for one in counted]


def _widened(xp: Namespace, contours: Array, radius: int, rule: Rules) -> Array:
    """Return ``[N, H, W]``: where a contour pixel lies within the radius."""
    count, height, width = contours.shape
    wide = xp.zeros((count, height, radius), dtype=xp.int32, device=device(contours))
    sums = xp.cumulative_sum(
        xp.concat([wide, xp.astype(contours, xp.int32), wide], axis=2), axis=2, include_initial=True
    )
    tall = xp.zeros((count, radius, width), dtype=xp.bool, device=device(contours))
    found = xp.zeros_like(contours)
    for offset in range(radius + 1):
        reach = radius if rule.square else math.isqrt(radius * radius - offset * offset)
        # Contour pixels in the window of 2·reach + 1 around each column.
        row = (
            sums[:, :, radius + reach + 1 : radius + reach + 1 + width]
            != sums[:, :, radius - reach : radius - reach + width]
        )
        padded = xp.concat([tall, row, tall], axis=1)
        above = padded[:, radius - offset : radius - offset + height, :]
        below = padded[:, radius + offset : radius + offset + height, :]
        found = found | above | below
    return found
