"""Intersection over union of axis-aligned boxes."""

from __future__ import annotations

from onethinker_rewards.metrics import _boxes_numpy, _boxes_torch
from onethinker_rewards.metrics._arrays import Array, Namespace, aligned, are_plain, crossed
from onethinker_rewards.metrics._blocks import Formula, score_pairs, score_rows
from onethinker_rewards.metrics._intervals import length, over_union, overlap

__all__ = ["box_iou", "pairwise_box_iou"]


def box_iou(predicted: Array, reference: Array) -> Array:
    """Return the intersection over union of each predicted box and its reference.

    An inverted box has area 0, and two boxes of area 0 score 0. NaN in is NaN out.

    Args:
        predicted: ``[N, 4]`` x1, y1, x2, y2 in any unit, of any array kind, or nested lists.
        reference: ``[N, 4]`` in the same unit and of the same kind.

    Returns:
        ``[N]`` in [0, 1], of the arrays' kind and on their device; higher is better. Integers compute in
        the kind's default float, half precision in float32, and so is the result.

    Raises:
        ArgumentError: The shapes, lengths, kinds or dtypes do not fit.

    Source: sIoU of OneThinker, arXiv 2512.03043.

    >>> box_iou([[0, 0, 2, 2]], [[1, 0, 3, 2]])
    array([0.33333333])
    """
    xp, predicted, reference = aligned(predicted, reference, (4,))
    if are_plain(predicted, reference):
        return _boxes_numpy.box_iou(predicted, reference)
    return score_rows(_formula(xp), xp, predicted, reference)


def pairwise_box_iou(predicted: Array, reference: Array) -> Array:
    """Return the intersection over union of every predicted box with every reference.

    Args:
        predicted: ``[N, 4]`` x1, y1, x2, y2, as in :func:`box_iou`.
        reference: ``[M, 4]``.

    Returns:
        ``[N, M]`` in [0, 1]; row i, column j compares box i with reference j.

    Raises:
        ArgumentError: The shapes, kinds or dtypes do not fit.
    """
    xp, predicted, reference = crossed(predicted, reference, (4,))
    if are_plain(predicted, reference):
        return _boxes_numpy.pairwise_box_iou(predicted, reference)
    return score_pairs(_formula(xp), xp, predicted, reference)


def _formula(xp: Namespace) -> Formula:
    return _boxes_torch.iou if getattr(xp, "is_torch", False) else _iou


def _iou(xp: Namespace, predicted: Array, reference: Array) -> Array:
    # Column views, not stacked corners: no axis of length 2 for the array library to loop over.
    left, top, right, bottom = xp.unstack(predicted, axis=-1)
    ref_left, ref_top, ref_right, ref_bottom = xp.unstack(reference, axis=-1)
    intersection = overlap(xp, left, right, ref_left, ref_right) * overlap(xp, top, bottom, ref_top, ref_bottom)
    area = length(xp, left, right) * length(xp, top, bottom)
    ref_area = length(xp, ref_left, ref_right) * length(xp, ref_top, ref_bottom)
    return over_union(xp, intersection, area, ref_area)
