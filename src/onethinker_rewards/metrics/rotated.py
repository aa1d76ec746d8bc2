"""Intersection over union of rotated boxes.

The predicted box is seen from the reference's frame, where the reference is the axis-aligned box
[-X, X] by [-Y, Y]. Below a line the part of its area that lies in this box is the integral over x in [-X, X]
of the line's height clamped to [-Y, Y]; the four edges' integrals, signed by direction, add up to the
intersection. Each of them is continuous in the corners, so nothing jumps where edges touch or coincide.
"""

from __future__ import annotations

from array_api_compat import device

from onethinker_rewards.metrics._arrays import Array, Namespace, aligned
from onethinker_rewards.metrics._blocks import score_rows
from onethinker_rewards.metrics._intervals import over_union

__all__ = ["rotated_box_iou"]

# The corners clockwise, as signs of half the width and half the height.
_ACROSS = (-1.0, -1.0, 1.0, 1.0)
_ALONG = (-1.0, 1.0, 1.0, -1.0)
# In units of the longest side: centres that far apart belong to boxes that cannot meet.
_APART = 2.0


def rotated_box_iou(predicted: Array, reference: Array) -> Array:
    """Return the intersection over union of each predicted rotated box and its reference.

    The intersection is exact, not sampled. A width or height of 0 or less makes an area of 0, and two boxes
    of area 0 score 0. Half a turn of either box changes nothing. NaN in is NaN out.

    Args:
        predicted: ``[N, 5]`` centre x, centre y, width, height, and the angle in radians from the x axis
            to the side that is the width, towards the y axis; of any array kind, or nested lists.
        reference: ``[N, 5]`` of the same kind.

    Returns:
        ``[N]`` in [0, 1], of the arrays' kind and on their device; higher is better. Integers compute in
        the kind's default float, half precision in float32, and so is the result.

    Raises:
        ArgumentError: The shapes, lengths, kinds or dtypes do not fit.

    >>> rotated_box_iou([[0, 0, 2, 2, 0.0]], [[0, 0, 2, 2, 0.7853981633974483]])
    array([0.70710678])
    """
    xp, predicted, reference = aligned(predicted, reference, (5,))
    return score_rows(_iou, xp, predicted, reference)


def _iou(xp: Namespace, predicted: Array, reference: Array) -> Array:
    width, height, ref_width, ref_height, scale = _unit_sides(xp, predicted, reference)
    x, y = _corners(xp, predicted, reference, width, height, scale)
    area, ref_area = width * height, ref_width * ref_height
    covered = _area_inside(xp, x, y, 0.5 * ref_width, 0.5 * ref_height)
    # Rounding must neither make an intersection negative nor larger than what it is part of.
    intersection = xp.minimum(xp.maximum(covered, 0.0), xp.minimum(area, ref_area))
    return over_union(xp, intersection, area, ref_area)


def _unit_sides(xp: Namespace, predicted: Array, reference: Array) -> tuple[Array, ...]:
    """Return the four sides in units of the longest one, for no area to overflow, and that unit."""
    sides = [xp.maximum(boxes[:, column], 0.0) for boxes in (predicted, reference) for column in (2, 3)]
    longest = xp.maximum(xp.maximum(sides[0], sides[1]), xp.maximum(sides[2], sides[3]))
    scale = xp.where(longest == 0.0, 1.0, longest)
    return (*(side / scale for side in sides), scale)


def _corners(
    xp: Namespace, predicted: Array, reference: Array, width: Array, height: Array, scale: Array
) -> tuple[Array, Array]:
    """Return x and y of the predicted corners in the reference's frame, ``[4, N]`` each, clockwise."""
    east, north = predicted[:, 0] - reference[:, 0], predicted[:, 1] - reference[:, 1]
    cos, sin = xp.cos(reference[:, 4]), xp.sin(reference[:, 4])
    x = _clamp(xp, (east * cos + north * sin) / scale, _APART)
    y = _clamp(xp, (north * cos - east * sin) / scale, _APART)
    turn = predicted[:, 4] - reference[:, 4]
    cos, sin = xp.cos(turn), xp.sin(turn)
    across = _signs(xp, _ACROSS, width) * (0.5 * width)
    along = _signs(xp, _ALONG, width) * (0.5 * height)
    return x + across * cos - along * sin, y + across * sin + along * cos


def _area_inside(xp: Namespace, x: Array, y: Array, half_width: Array, half_height: Array) -> Array:
    """Return the area of the clockwise polygon that lies in the box around the origin."""
    next_x, next_y = xp.roll(x, -1, axis=0), xp.roll(y, -1, axis=0)
    start, end = _clamp(xp, x, half_width), _clamp(xp, next_x, half_width)
    slope = (next_y - y) / _safe(xp, next_x - x)
    first, last = y + slope * (start - x), y + slope * (end - x)
    low, high = _clamp(xp, first, half_height), _clamp(xp, last, half_height)
    # The line runs level where it is clamped: the share of its run before the box, less the share after.
    level = (xp.abs(first - low) - xp.abs(last - high)) / _safe(xp, xp.abs(last - first))
    return xp.sum((end - start) * 0.5 * (low + high + (low - high) * level), axis=0)


def _clamp(xp: Namespace, values: Array, limit: Array | float) -> Array:
    return xp.maximum(xp.minimum(values, limit), -limit)


def _safe(xp: Namespace, denominator: Array) -> Array:
    """Return the denominator, and 1 where it is so small that a gradient would divide by its square and fail."""
    # Not made a Python number, which cannot be as small as NumPy's longest floats.
    smallest = xp.finfo(denominator.dtype).smallest_normal ** 0.25
    return xp.where(xp.abs(denominator) < smallest, 1.0, denominator)


def _signs(xp: Namespace, signs: tuple[float, ...], like: Array) -> Array:
    return xp.asarray(signs, dtype=like.dtype, device=device(like))[:, None]
