"""Intersection over union of masks, and how well their contours agree."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from array_api_compat import device
from numpy.typing import NDArray

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics._arrays import Array, Namespace, aligned_masks, default_float


def mask_iou(predicted: Array, reference: Array, *, empty: float = 0.0) -> Array:
    """Return the intersection over union of each predicted mask and its reference.

    ::

        IoU = |A ∩ B| / (|A| + |B| − |A ∩ B|)

    Args:
        predicted: ``[N, H, W]`` boolean, or integral with 0 for what is off, of any array kind, or a list of masks.
        reference: ``[N, H, W]`` of the same kind.
        empty: Score of two masks with nothing on: 0/0 is 0 here. DAVIS says 1.

    Returns:
        ``[N]`` in [0, 1], in the kind's default float and on the arrays' device; higher is better.

    Raises:
        ArgumentError: If the shapes, kinds or dtypes do not fit.

    Source: J of Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR
    2016; there two empty masks score 1.

    >>> mask_iou([[[True, True, False]]], [[[False, True, True]]])
    array([0.33333333])
    """
    xp, predicted, reference = aligned_masks(predicted, reference)
    common, union = _counts(xp, predicted & reference), _counts(xp, predicted | reference)
    return xp.where(union == 0.0, empty, common / xp.where(union == 0.0, 1.0, union))


def boundary_f(
    predicted: Array, reference: Array, *, tolerance: float | None = None, rules: Literal["davis", "release"] = "davis"
) -> Array:
    """Return the F-measure of each predicted mask's contour against its reference's.

    ::

        P = share of predicted contour pixels that have a reference contour pixel nearby
        R = share of reference contour pixels that have a predicted contour pixel nearby
        F = 2PR / (P + R), and 0 where both are 0

    If only one of the two has a contour, F is 0; if neither has one, F is 1.

    Under the rules ``davis`` a pixel is on the contour if the one to its right, below it or diagonally between has
    another value, and nearby is a disk of .008 of the diagonal, rounded up. Two masks that fill the image have no
    contour. Under ``release`` a pixel is on the contour if it is on and one of its eight neighbors is off or beyond
    the image, and nearby is a square of .0075 of the diagonal to each side, rounded, and at least one pixel.

    Differs: ``test_differs_boundary_f_is_that_of_davis``.

    Args:
        predicted: ``[N, H, W]`` boolean, or integral with 0 for what is off, of any array kind, or a list of masks.
        reference: ``[N, H, W]`` of the same kind.
        tolerance: The disk's radius, or half the square's side, as a share of the diagonal; from 1 on in pixels. The
            rules' own by default.
        rules: How contours and distances are defined: as by DAVIS, or as by OneThinker's evaluation (``release``).

    Returns:
        ``[N]`` in [0, 1], in the kind's default float and on the arrays' device; higher is better.

    Raises:
        ArgumentError: If the shapes, kinds or dtypes do not fit, the tolerance is not positive and finite, or there are
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
    if rules not in ("davis", "release"):
        raise ArgumentError(f"rules must be one of davis, release, got {rules!r}")
    xp, predicted, reference = aligned_masks(predicted, reference)
    # How far apart contour pixels may be: straight, or the larger of the steps across and down.
    square = rules == "release"
    outline = _inner_edge if square else _changes
    share = tolerance or (0.0075 if square else 0.008)
    pixels = share * math.hypot(*predicted.shape[1:])
    radius = int(share) if share >= 1.0 else max(1, round(pixels)) if square else math.ceil(pixels)
    # How many contour pixels there are on either side, and how many have one of the other side nearby.
    if xp is np:
        pairs = zip(predicted, reference, strict=True)
        counts = [_matched_points(*pair, outline, radius, square=square) for pair in pairs]
        hits, total, ref_hits, ref_total = np.array(counts, dtype=np.float64).reshape(-1, 4).T
    else:
        contour, ref_contour = outline(xp, predicted), outline(xp, reference)
        near, ref_near = (_widened(xp, side, radius, square=square) for side in (ref_contour, contour))
        hits, total = _counts(xp, contour & near), _counts(xp, contour)
        ref_hits, ref_total = _counts(xp, ref_contour & ref_near), _counts(xp, ref_contour)
    precision = xp.where(total == 0.0, 1.0, hits / xp.where(total == 0.0, 1.0, total))
    recall = xp.where(ref_total == 0.0, 1.0, ref_hits / xp.where(ref_total == 0.0, 1.0, ref_total))
    both = precision + recall
    return 2.0 * precision * recall / xp.where(both == 0.0, 1.0, both)


def _counts(xp: Namespace, masks: Array) -> Array:
    """Return ``[N]``: how many pixels of each mask are on."""
    if xp is np:
        # Several times as fast as a count along axes, which first converts every pixel to a number.
        return np.array([np.count_nonzero(mask) for mask in masks], dtype=np.float64)
    return xp.astype(xp.count_nonzero(masks, axis=(1, 2)), default_float(xp))


def _changes(xp: Namespace, masks: Array) -> Array:
    """Return where a pixel differs from its neighbor to the right, below or between.

    In the last row and column only the neighbor inside the image counts, and the last pixel of all has none.
    """
    inner, right = masks[:, :-1, :-1], masks[:, :-1, 1:]
    below, between = masks[:, 1:, :-1], masks[:, 1:, 1:]
    body = (inner != right) | (inner != below) | (inner != between)
    last_column = masks[:, :-1, -1:] != masks[:, 1:, -1:]
    last_row = masks[:, -1:, :-1] != masks[:, -1:, 1:]
    corner = xp.zeros_like(masks[:, -1:, -1:])
    upper = xp.concat([body, last_column], axis=2)
    return xp.concat([upper, xp.concat([last_row, corner], axis=2)], axis=1)


def _inner_edge(xp: Namespace, masks: Array) -> Array:
    """Return where a pixel is on and one of its eight neighbors is off; beyond the image all is off."""
    count, height, width = masks.shape
    side = xp.zeros((count, height, 1), dtype=xp.bool, device=device(masks))
    edge = xp.zeros((count, 1, width), dtype=xp.bool, device=device(masks))
    wide = xp.concat([side, masks, side], axis=2)
    across = wide[:, :, :-2] & masks & wide[:, :, 2:]
    tall = xp.concat([edge, across, edge], axis=1)
    return masks & ~(tall[:, :-2, :] & across & tall[:, 2:, :])


def _matched_points(
    mask: NDArray[np.bool_],
    ref_mask: NDArray[np.bool_],
    outline: Callable[[Namespace, Array], Array],
    radius: int,
    *,
    square: bool,
) -> tuple[int, int, int, int]:
    """Return how many contour pixels have one of the other contour nearby, and how many there are, for either mask.

    Contours are thin, so NumPy looks for the nearest pixel in a tree: many times as fast as widening all of them.
    """
    from scipy.spatial import KDTree  # noqa: PLC0415 - only where masks are compared

    contours = (outline(np, side[None])[0] for side in (mask, ref_mask))
    points, ref_points = (np.stack(np.divmod(np.flatnonzero(side), mask.shape[1]), axis=1) for side in contours)
    if not len(points) or not len(ref_points):
        return 0, len(points), 0, len(ref_points)
    # Distances in a square, and squared ones in a disk, are whole numbers: nothing lies between the radius and this.
    norm, within = (math.inf, radius + 0.5) if square else (2.0, math.sqrt(radius * radius + 0.5))
    distance = KDTree(ref_points).query(points, p=norm, distance_upper_bound=within)[0]
    ref_distance = KDTree(points).query(ref_points, p=norm, distance_upper_bound=within)[0]
    return int((distance < within).sum()), len(points), int((ref_distance < within).sum()), len(ref_points)


def _widened(xp: Namespace, contours: Array, radius: int, *, square: bool) -> Array:
    """Return ``[N, H, W]``: where a contour pixel lies within the radius.

    The steps do not depend on the masks, so that nothing is read back from a device.
    """
    count, height, width = contours.shape
    wide = xp.zeros((count, height, radius), dtype=xp.int32, device=device(contours))
    sums = xp.cumulative_sum(
        xp.concat([wide, xp.astype(contours, xp.int32), wide], axis=2), axis=2, include_initial=True
    )
    tall = xp.zeros((count, radius, width), dtype=xp.bool, device=device(contours))
    found = xp.zeros_like(contours)
    for offset in range(radius + 1):
        reach = radius if square else math.isqrt(radius * radius - offset * offset)
        # Whether there is a contour pixel in the window of 2·reach + 1 around each column.
        first, last = radius - reach, radius + reach + 1
        row = sums[:, :, last : last + width] != sums[:, :, first : first + width]
        padded = xp.concat([tall, row, tall], axis=1)
        above = padded[:, radius - offset : radius - offset + height, :]
        below = padded[:, radius + offset : radius + offset + height, :]
        found = found | above | below
    return found
