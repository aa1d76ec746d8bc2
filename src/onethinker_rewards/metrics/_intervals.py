"""Lengths and overlaps of intervals, and the ratio over a union: what every IoU here is made of."""

from __future__ import annotations

from onethinker_rewards.metrics._arrays import Array, Namespace

__all__ = ["length", "over_union", "overlap"]


def length(xp: Namespace, start: Array, end: Array) -> Array:
    """Return ``end - start``, and 0 where the interval is inverted."""
    return xp.maximum(end - start, 0.0)


def overlap(xp: Namespace, start: Array, end: Array, other_start: Array, other_end: Array) -> Array:
    """Return the length that two intervals share; it is 0 where either is inverted."""
    return xp.maximum(xp.minimum(end, other_end) - xp.maximum(start, other_start), 0.0)


def over_union(xp: Namespace, intersection: Array, predicted: Array, reference: Array) -> Array:
    """Return the intersection over the union of two sizes, and 0 where both sizes are 0."""
    union = predicted + reference - intersection
    # The denominator is made safe before dividing, or the gradient of an empty union would be NaN.
    return intersection / xp.where(union == 0.0, 1.0, union)
