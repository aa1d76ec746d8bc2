"""Intersection over union of masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.metrics._arrays import Array, numpy_namespace
from onethinker_rewards.metrics._masks import aligned_masks, floats

__all__ = ["mask_iou"]


def mask_iou(predicted: Array, reference: Array, *, empty: float = 0.0) -> Array:
    """Return the intersection over union of each predicted mask and its reference.

    Args:
        predicted: ``[N, H, W]`` boolean, or integral with 0 for what is off, of any array kind, or a list of masks.
        reference: ``[N, H, W]`` of the same kind.
        empty: Score of two masks with nothing on: 0/0 is 0 here. DAVIS says 1.

    Returns:
        ``[N]`` in [0, 1], in the kind's default float and on the arrays' device; higher is better.

    Raises:
        ArgumentError: The shapes, kinds or dtypes do not fit.

    Source: J of Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR
    2016; there two empty masks score 1.

    >>> mask_iou([[[True, True, False]]], [[[False, True, True]]])
    array([0.33333333])
    """
    xp, predicted, reference = aligned_masks(predicted, reference)
    if xp is numpy_namespace:
        # Counting a mask at a time stays in the cache, and counts bytes far faster than a sum along axes.
        counts = [_counts(*pair) for pair in zip(predicted, reference, strict=True)]
        common, union = np.array(counts, dtype=np.float64).reshape(-1, 2).T
    else:
        common = floats(xp, xp.count_nonzero(predicted & reference, axis=(1, 2)))
        union = floats(xp, xp.count_nonzero(predicted | reference, axis=(1, 2)))
    return xp.where(union == 0.0, empty, common / xp.where(union == 0.0, 1.0, union))


def _counts(predicted: NDArray[np.bool_], reference: NDArray[np.bool_]) -> tuple[int, int]:
    return int(np.count_nonzero(predicted & reference)), int(np.count_nonzero(predicted | reference))
