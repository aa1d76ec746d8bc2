"""Intersection over union of boxes (sIoU), time spans (tIoU), rotated boxes and polygons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from array_api_compat import is_array_api_obj
from numpy.typing import NDArray

from onethinker_rewards.metrics._arrays import (
    Array,
    Namespace,
    aligned,
    crossed,
    like,
    polygon_lists,
    without_warnings,
)


def box_iou(predicted: Array, reference: Array) -> Array:
    """Return the intersection over union of each predicted box and its reference.

    ::

        inter = max(0, min(x2, x2') − max(x1, x1')) · max(0, min(y2, y2') − max(y1, y1'))
        area  = max(0, x2 − x1) · max(0, y2 − y1)
        IoU   = inter / (area + area' − inter), and 0 where both areas are 0

    An inverted box has area 0, and two boxes of area 0 score 0. NaN in is NaN out.

    Args:
        predicted: ``[N, 4]`` x1, y1, x2, y2 in any unit, of any array kind, or nested lists.
        reference: ``[N, 4]`` in the same unit and of the same kind.

    Returns:
        ``[N]`` in [0, 1], of the arrays' kind and on their device; higher is better. Integers compute in
        the kind's default float, half precision in float32, and so is the result.

    Raises:
        ArgumentError: If the shapes, lengths, kinds or dtypes do not fit.

    Source: sIoU of OneThinker, arXiv 2512.03043.

    >>> box_iou([[0, 0, 2, 2]], [[1, 0, 3, 2]])
    array([0.33333333])
    """
    xp, predicted, reference = aligned(predicted, reference, (4,))
    return broadcast_box_iou(xp, predicted, reference)


def pairwise_box_iou(predicted: Array, reference: Array) -> Array:
    """Return the intersection over union of every predicted box with every reference.

    ::

        score[i, j] = IoU(predicted[i], reference[j]), as in box_iou

    Args:
        predicted: ``[N, 4]`` x1, y1, x2, y2, as in :func:`box_iou`.
        reference: ``[M, 4]``.

    Returns:
        ``[N, M]`` in [0, 1], of the arrays' kind and on their device; higher is better.

    Raises:
        ArgumentError: If the shapes, kinds or dtypes do not fit.

    Source: as for `box_iou`.
    """
    xp, predicted, reference = crossed(predicted, reference, (4,))
    return broadcast_box_iou(xp, predicted[:, None, :], reference[None, :, :])


def generalized_box_iou(predicted: Array, reference: Array) -> Array:
    """Return the generalized intersection over union of each predicted box and its reference.

    ::

        hull = the smallest box around both
        GIoU = IoU − (hull − union) / hull, each 0 where its divisor is 0

    IoU and areas are those of `box_iou`: an inverted box has area 0. NaN in is NaN out.

    Args:
        predicted: ``[N, 4]`` x1, y1, x2, y2 in any unit, of any array kind, or nested lists.
        reference: ``[N, 4]`` in the same unit and of the same kind.

    Returns:
        ``[N]`` in (-1, 1], of the arrays' kind and on their device; higher is better, 0 and less where the boxes have
        no area in common. Integers compute in the kind's default float, half precision in float32, and so is the
        result.

    Raises:
        ArgumentError: If the shapes, lengths, kinds or dtypes do not fit.

    Source: Rezatofighi et al., Generalized Intersection over Union, arXiv 1902.09630.

    >>> generalized_box_iou([[0, 0, 1, 1]], [[3, 0, 4, 1]])
    array([-0.5])
    """
    xp, predicted, reference = aligned(predicted, reference, (4,))
    with without_warnings(xp):
        left, top = (xp.minimum(predicted[:, side], reference[:, side]) for side in (0, 1))
        right, bottom = (xp.maximum(predicted[:, side], reference[:, side]) for side in (2, 3))
        hull = _length(xp, left, right) * _length(xp, top, bottom)
        intersection, area, ref_area = _areas(xp, predicted, reference)
        outside = (hull - (area + ref_area - intersection)) / xp.where(hull == 0.0, 1.0, hull)
        return _over_union(xp, intersection, area, ref_area) - outside


def polygon_iou(predicted: Sequence[Array] | Array, reference: Sequence[Array] | Array) -> Array:
    """Return the intersection over union of each predicted polygon and its reference.

    ::

        IoU = inter / (area + area' − inter), and 0 where both areas are 0

    A polygon goes around once, in either direction and from any corner; it need not be convex. One that crosses or
    touches itself, has fewer than three corners, or an area of 1e300 or more, has area 0. NaN in is NaN out. The
    geometry is GEOS's, by shapely, on the CPU and in float64, and has no gradient.

    Args:
        predicted: ``[N, K, 2]`` x, y of the corners in any unit, of any array kind, or a list of N polygons of any
            number of corners each.
        reference: N polygons in the same unit.

    Returns:
        ``[N]`` in [0, 1]; of the arrays' kind and on their device, NumPy's for lists; higher is better.

    Raises:
        ArgumentError: If the lengths or kinds differ, or a polygon is not a list of pairs of numbers.

    >>> polygon_iou([[(0, 0), (2, 0), (2, 2), (0, 2)]], [[(0, 0), (2, 0), (0, 2)]])
    array([0.5])
    """
    # Imported here because most callers never compare polygons, and it takes long to import.
    import shapely  # noqa: PLC0415

    first, second = polygon_lists(predicted, reference)
    unknown = [not (np.isfinite(one).all() and np.isfinite(two).all()) for one, two in zip(first, second, strict=True)]
    shapes, ref_shapes = _shapes(shapely, first), _shapes(shapely, second)
    with without_warnings(np):
        overlaps = shapely.area(shapely.intersection(shapes, ref_shapes))
        scores = _over_union(np, overlaps, shapely.area(shapes), shapely.area(ref_shapes))
    scores = np.where(unknown, np.nan, np.clip(scores, 0.0, 1.0))
    original = next((side for side in (predicted, reference) if is_array_api_obj(side)), None)
    return scores if original is None else like(original, scores)


# Products of coordinates of larger polygons overflow.
_LARGEST_AREA = 1e300


def _shapes(shapely: Any, polygons: Sequence[NDArray[np.float64]]) -> Any:
    """Return ``[N]`` shapely polygons; one that is not simple, not finite or too large is empty."""
    shapes = np.full(len(polygons), shapely.Polygon())
    usable = [row for row, corners in enumerate(polygons) if len(corners) >= 3 and np.isfinite(corners).all()]
    if usable:
        lengths = [len(polygons[row]) for row in usable]
        rings = shapely.linearrings(
            np.concatenate([polygons[row] for row in usable]), indices=np.arange(len(usable)).repeat(lengths)
        )
        shapes[usable] = shapely.polygons(rings)
        with without_warnings(np):
            shapes[~(shapely.is_valid(shapes) & (shapely.area(shapes) < _LARGEST_AREA))] = shapely.Polygon()
    return shapes


def temporal_iou(predicted: Array, reference: Array) -> Array:
    """Return the intersection over union of each predicted span and its reference.

    ::

        inter = max(0, min(end, end') − max(start, start'))
        IoU   = inter / (max(0, end − start) + max(0, end' − start') − inter), and 0 where both lengths are 0

    An inverted span has length 0. Two equal spans of length 0 score 1, two different ones 0. NaN in is NaN out.

    Args:
        predicted: ``[N, 2]`` start, end in seconds, of any array kind, or nested lists.
        reference: ``[N, 2]`` of the same kind.

    Returns:
        ``[N]`` in [0, 1], of the arrays' kind and on their device; higher is better. Integers compute in
        the kind's default float, half precision in float32, and so is the result.

    Raises:
        ArgumentError: If the shapes, lengths, kinds or dtypes do not fit.

    Source: tIoU of OneThinker, arXiv 2512.03043. Differs: the release scores two equal moments 0.

    >>> temporal_iou([[0, 2], [3, 3]], [[1, 3], [3, 3]])
    array([0.33333333, 1.        ])
    """
    xp, predicted, reference = aligned(predicted, reference, (2,))
    return broadcast_temporal_iou(xp, predicted, reference)


def pairwise_temporal_iou(predicted: Array, reference: Array) -> Array:
    """Return the intersection over union of every predicted span with every reference.

    ::

        score[i, j] = IoU(predicted[i], reference[j]), as in temporal_iou

    Args:
        predicted: ``[N, 2]`` start, end, as in :func:`temporal_iou`.
        reference: ``[M, 2]``.

    Returns:
        ``[N, M]`` in [0, 1], of the arrays' kind and on their device; higher is better.

    Raises:
        ArgumentError: If the shapes, kinds or dtypes do not fit.

    Source: as for `temporal_iou`.
    """
    xp, predicted, reference = crossed(predicted, reference, (2,))
    return broadcast_temporal_iou(xp, predicted[:, None, :], reference[None, :, :])


def rotated_box_iou(predicted: Array, reference: Array) -> Array:
    """Return the intersection over union of each predicted rotated box and its reference.

    In the reference's frame, where the reference is [−w'/2, w'/2] by [−h'/2, h'/2]::

        inter = Σ over the predicted box's edges of ∫ clamp(y(x), −h'/2, h'/2) dx over x in [−w'/2, w'/2]
        IoU   = inter / (w · h + w' · h' − inter), and 0 where both areas are 0

    Each integral has a closed form, is signed by the edge's direction and continuous in the corners, so nothing
    jumps where edges touch or coincide.

    The intersection is exact, not sampled. A width or height of 0 or less means an area of 0, and two boxes
    of area 0 score 0. The score is invariant to half a turn of either box. NaN in is NaN out.

    Args:
        predicted: ``[N, 5]`` center x, center y, width, height, and the angle in radians from the x axis
            to the side that is the width, toward the y axis; of any array kind, or nested lists.
        reference: ``[N, 5]`` of the same kind.

    Returns:
        ``[N]`` in [0, 1], of the arrays' kind and on their device; higher is better. Integers compute in
        the kind's default float, half precision in float32, and so is the result.

    Raises:
        ArgumentError: If the shapes, lengths, kinds or dtypes do not fit.

    Source: this library; it integrates the area of a polygon inside a box edge by edge.

    >>> rotated_box_iou([[0, 0, 2, 2, 0.0]], [[0, 0, 2, 2, 0.7853981633974483]])
    array([0.70710678])
    """
    xp, predicted, reference = aligned(predicted, reference, (5,))
    return _rotated_box_iou(xp, predicted, reference)


def broadcast_box_iou(xp: Namespace, predicted: Array, reference: Array) -> Array:
    """Return the IoU of ``[..., 4]`` boxes that broadcast."""
    with without_warnings(xp):
        return _over_union(xp, *_areas(xp, predicted, reference))


def _areas(xp: Namespace, predicted: Array, reference: Array) -> tuple[Array, Array, Array]:
    """Return the areas of the intersection and of both boxes."""
    left, top, right, bottom = (predicted[..., column] for column in range(4))
    ref_left, ref_top, ref_right, ref_bottom = (reference[..., column] for column in range(4))
    shared_width = _length(xp, xp.maximum(left, ref_left), xp.minimum(right, ref_right))
    shared_height = _length(xp, xp.maximum(top, ref_top), xp.minimum(bottom, ref_bottom))
    area = _length(xp, left, right) * _length(xp, top, bottom)
    ref_area = _length(xp, ref_left, ref_right) * _length(xp, ref_top, ref_bottom)
    return shared_width * shared_height, area, ref_area


def broadcast_temporal_iou(xp: Namespace, predicted: Array, reference: Array) -> Array:
    """Return the IoU of ``[..., 2]`` spans that broadcast."""
    start, end = predicted[..., 0], predicted[..., 1]
    ref_start, ref_end = reference[..., 0], reference[..., 1]
    with without_warnings(xp):
        duration, ref_duration = _length(xp, start, end), _length(xp, ref_start, ref_end)
        shared = _length(xp, xp.maximum(start, ref_start), xp.minimum(end, ref_end))
        same_moment = (start == ref_start) & (end == ref_end) & (duration == 0.0)
        return xp.where(same_moment, 1.0, _over_union(xp, shared, duration, ref_duration))


def _rotated_box_iou(xp: Namespace, predicted: Array, reference: Array) -> Array:
    x, y, width, height, angle = (predicted[:, column] for column in range(5))
    ref_x, ref_y, ref_width, ref_height, ref_angle = (reference[:, column] for column in range(5))
    with without_warnings(xp):
        # All lengths in units of the longest side, so that no area overflows.
        sides = [xp.clip(side, min=0.0) for side in (width, height, ref_width, ref_height)]
        longest = xp.maximum(xp.maximum(sides[0], sides[1]), xp.maximum(sides[2], sides[3]))
        unit = xp.where(longest == 0.0, 1.0, longest)
        width, height, ref_width, ref_height = (side / unit for side in sides)
        # The predicted center in the reference's frame. Boxes with centers 2 units apart cannot meet.
        right, up = x - ref_x, y - ref_y
        cos, sin = xp.cos(ref_angle), xp.sin(ref_angle)
        center_x = xp.clip((right * cos + up * sin) / unit, min=-2.0, max=2.0)
        center_y = xp.clip((up * cos - right * sin) / unit, min=-2.0, max=2.0)
        # The predicted corners around it, clockwise, [4, N].
        cos, sin = xp.cos(angle - ref_angle), xp.sin(angle - ref_angle)
        across, along = 0.5 * width, 0.5 * height
        across, along = xp.stack([-across, -across, across, across]), xp.stack([-along, along, along, -along])
        corner_x, corner_y = center_x + across * cos - along * sin, center_y + across * sin + along * cos
        # Rounding must neither make an intersection negative nor larger than what it is part of.
        area, ref_area = width * height, ref_width * ref_height
        covered = _area_inside(xp, corner_x, corner_y, 0.5 * ref_width, 0.5 * ref_height)
        intersection = xp.minimum(xp.clip(covered, min=0.0), xp.minimum(area, ref_area))
        return _over_union(xp, intersection, area, ref_area)


def _area_inside(xp: Namespace, x: Array, y: Array, half_width: Array, half_height: Array) -> Array:
    """Return the area of the clockwise polygon ``[corners, N]`` inside the box around the origin."""
    next_x, next_y = xp.roll(x, -1, axis=0), xp.roll(y, -1, axis=0)
    # The part of each edge above or below the box, and its heights at both ends, clamped to the box.
    start, end = _clamp(xp, x, half_width), _clamp(xp, next_x, half_width)
    slope = (next_y - y) / _safe(xp, next_x - x)
    first, last = y + slope * (start - x), y + slope * (end - x)
    low, high = _clamp(xp, first, half_height), _clamp(xp, last, half_height)
    # The edge runs level where it is clamped: the share of its run before the box, less the share after.
    level = (xp.abs(first - low) - xp.abs(last - high)) / _safe(xp, xp.abs(last - first))
    return xp.sum((end - start) * 0.5 * (low + high + (low - high) * level), axis=0)


def _length(xp: Namespace, start: Array, end: Array) -> Array:
    """Return ``end - start``, and 0 where the interval is inverted."""
    return xp.clip(end - start, min=0.0)


def _over_union(xp: Namespace, intersection: Array, size: Array, ref_size: Array) -> Array:
    """Return the intersection over the union of two sizes, and 0 where both sizes are 0."""
    union = size + ref_size - intersection
    # The denominator is made safe before dividing, or the gradient of an empty union would be NaN.
    return intersection / xp.where(union == 0.0, 1.0, union)


def _clamp(xp: Namespace, values: Array, limit: Array) -> Array:
    return xp.maximum(xp.minimum(values, limit), -limit)


def _safe(xp: Namespace, denominator: Array) -> Array:
    """Return the denominator, and 1 where it is so small that a gradient would divide by its square and fail."""
    # It stays an array scalar: a Python float cannot be as small as NumPy's longest floats.
    smallest = xp.finfo(denominator.dtype).smallest_normal ** 0.25
    return xp.where(xp.abs(denominator) < smallest, 1.0, denominator)
