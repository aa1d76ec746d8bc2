"""Intersection over union of boxes in NumPy, in as few and as cheap passes as it takes.

A call of a NumPy function costs about a quarter of a microsecond, so a few boxes take the way of the fewest calls. Many
boxes cost the time of reading and writing, so they go block by block through buffers that stay in the processor's
cache. Both give the same numbers, bit for bit, as the formula in ``boxes.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onethinker_rewards.metrics._arrays import Array

__all__ = ["FEW", "SCORES", "box_iou", "pairwise_box_iou"]

# Up to here one call on a whole row costs less than four on its columns.
FEW = 512
# Scores of a block: its buffers fill half of a common second-level cache.
SCORES = 16_384

# As arrays, because every call would turn a Python number into one.
_ZEROS: dict[np.dtype[Any], np.ndarray[Any, Any]] = {
    np.dtype(kind): np.zeros((), kind) for kind in (np.float32, np.float64, np.longdouble)
}


@np.errstate(all="ignore")
def box_iou(predicted: Array, reference: Array) -> Array:
    """Return ``[N]`` scores of ``[N, 4]`` boxes of one dtype; what is undefined is NaN, not a warning."""
    count, zero = predicted.shape[0], _ZEROS[predicted.dtype]
    if count <= FEW:
        return _few(predicted, reference, zero)
    scores, buffers = np.empty(count, predicted.dtype), np.empty((5, min(count, SCORES)), predicted.dtype)
    for start in range(0, count, SCORES):
        block = slice(start, start + SCORES)
        _many(predicted[block], reference[block], scores[block], buffers[:, : count - start], zero)
    return scores


@np.errstate(all="ignore")
def pairwise_box_iou(predicted: Array, reference: Array) -> Array:
    """Return ``[N, M]`` scores of ``[N, 4]`` and ``[M, 4]`` boxes of one dtype."""
    count, others, zero = predicted.shape[0], reference.shape[0], _ZEROS[predicted.dtype]
    areas = _areas(np.concatenate((predicted, reference)), zero)
    area, ref_area = areas[:count, None], areas[count:]
    # An empty box intersects nothing: with any area but 0 its scores are 0 too, and no union is 0.
    np.add(area, np.equal(area, zero), area)
    boxes, references = predicted.T[:, :, None], reference.T[:, None]
    scores = np.empty((count, others), predicted.dtype)
    if count * others <= SCORES:
        buffers = np.empty((2, 2, count, others), predicted.dtype)
        return _cross(boxes, references, area, ref_area, buffers, scores, zero)
    step = max(1, SCORES // others)
    buffers = np.empty((2, 2, step, others), predicted.dtype)
    for start in range(0, count, step):
        block = slice(start, start + step)
        room = buffers[:, :, : count - start]
        _cross(boxes[:, block], references, area[block], ref_area, room, scores[block], zero)
    return scores


def _few(predicted: Array, reference: Array, zero: Array) -> Array:
    """Return the scores by flat passes over all four columns at once."""
    boxes, others = predicted.ravel(), reference.ravel()
    size = boxes.shape[0]
    # Sides of the overlaps, of the boxes and of the references: each number less the one two places before it. The
    # first two of four places mean something, the others go along.
    sides = np.empty(3 * size, predicted.dtype)
    np.subtract(np.minimum(boxes, others)[2:], np.maximum(boxes, others)[:-2], sides[: size - 2])
    np.subtract(boxes[2:], boxes[:-2], sides[size : 2 * size - 2])
    np.subtract(others[2:], others[:-2], sides[2 * size : -2])
    np.maximum(sides, zero, out=sides)
    intersection, union, ref_area = np.multiply(sides[::4], sides[1::4]).reshape(3, -1)
    np.add(union, ref_area, union)
    np.subtract(union, intersection, union)
    return np.divide(intersection, union, intersection, where=np.not_equal(union, zero))


def _many(predicted: Array, reference: Array, scores: Array, buffers: Array, zero: Array) -> None:
    """Write the scores of one block, column by column."""
    left, top, right, bottom = predicted.T
    ref_left, ref_top, ref_right, ref_bottom = reference.T
    width, height, union, spare, other = buffers
    np.subtract(np.minimum(right, ref_right, out=width), np.maximum(left, ref_left, out=spare), width)
    np.subtract(np.minimum(bottom, ref_bottom, out=height), np.maximum(top, ref_top, out=spare), height)
    np.maximum(buffers[:2], zero, out=buffers[:2])
    np.multiply(width, height, scores)
    np.multiply(np.subtract(right, left, union), np.subtract(bottom, top, spare), union)
    np.multiply(np.subtract(ref_right, ref_left, spare), np.subtract(ref_bottom, ref_top, other), spare)
    np.subtract(np.add(union, spare, union), scores, union)
    # The areas are not those of inverted boxes, which intersect nothing: whatever their union, if it is finite, the
    # score is 0, which stands there where nothing is divided. Among infinities it takes the right areas.
    if math.isfinite(np.add.reduce(union)):
        np.divide(scores, union, scores, where=np.greater(union, zero))
    else:
        scores[...] = _few(predicted, reference, zero)


def _cross(
    boxes: Array, others: Array, area: Array, ref_area: Array, buffers: Array, scores: Array, zero: Array
) -> Array:
    """Write and return the scores of ``[4, N, 1]`` boxes with ``[4, 1, M]`` others."""
    low, high = buffers
    np.maximum(boxes[:2], others[:2], out=low)
    np.subtract(np.minimum(boxes[2:], others[2:], out=high), low, high)
    width, height = np.maximum(high, zero, out=high)
    np.multiply(width, height, scores)
    union = np.add(area, ref_area, low[0])
    np.subtract(union, scores, union)
    return np.divide(scores, union, scores)


def _areas(boxes: Array, zero: Array) -> Array:
    flat = boxes.ravel()
    sides = np.subtract(flat[2:], flat[:-2])
    np.maximum(sides, zero, out=sides)
    return np.multiply(sides[::4], sides[1::4])
