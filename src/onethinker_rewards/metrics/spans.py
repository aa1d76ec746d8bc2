"""Intersection over union of time spans."""

from __future__ import annotations

from onethinker_rewards.metrics._arrays import Array, Namespace, aligned, crossed
from onethinker_rewards.metrics._blocks import score_pairs, score_rows
from onethinker_rewards.metrics._intervals import length, over_union, overlap

__all__ = ["pairwise_temporal_iou", "temporal_iou"]


def temporal_iou(predicted: Array, reference: Array) -> Array:
    """Return the intersection over union of each predicted span and its reference.

    An inverted span has length 0. Two equal spans of length 0 score 1, two different ones 0. NaN in is
    NaN out.

    Args:
        predicted: ``[N, 2]`` start, end in seconds, of any array kind, or nested lists.
        reference: ``[N, 2]`` of the same kind.

    Returns:
        ``[N]`` in [0, 1], of the arrays' kind and on their device; higher is better. Integers compute in
        the kind's default float, half precision in float32, and so is the result.

    Raises:
        ArgumentError: The shapes, lengths, kinds or dtypes do not fit.

    Source: tIoU of OneThinker, arXiv 2512.03043. Differs: the release scores two equal moments 0.

    >>> temporal_iou([[0, 2], [3, 3]], [[1, 3], [3, 3]])
    array([0.33333333, 1.        ])
    """
    xp, predicted, reference = aligned(predicted, reference, (2,))
    return score_rows(_iou, xp, predicted, reference)


def pairwise_temporal_iou(predicted: Array, reference: Array) -> Array:
    """Return the intersection over union of every predicted span with every reference.

    Args:
        predicted: ``[N, 2]`` start, end, as in :func:`temporal_iou`.
        reference: ``[M, 2]``.

    Returns:
        ``[N, M]`` in [0, 1]; row i, column j compares span i with reference j.

    Raises:
        ArgumentError: The shapes, kinds or dtypes do not fit.
    """
    xp, predicted, reference = crossed(predicted, reference, (2,))
    return score_pairs(_iou, xp, predicted, reference)


def _iou(xp: Namespace, predicted: Array, reference: Array) -> Array:
    start, end = predicted[..., 0], predicted[..., 1]
    ref_start, ref_end = reference[..., 0], reference[..., 1]
    intersection = overlap(xp, start, end, ref_start, ref_end)
    duration, ref_duration = length(xp, start, end), length(xp, ref_start, ref_end)
    ratio = over_union(xp, intersection, duration, ref_duration)
    one_moment = (start == ref_start) & (end == ref_end) & (duration == 0.0)
    return xp.where(one_moment, 1.0, ratio)
