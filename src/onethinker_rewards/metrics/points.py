"""Similarity of two sets of points."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import numpy as np

from onethinker_rewards._validation import check_positive
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics._arrays import Array, Namespace, numpy_namespace, of_one_kind
from onethinker_rewards.metrics._blocks import score_rows
from onethinker_rewards.metrics._gaussian import gaussian

__all__ = ["point_similarity"]

# Up to here every pairing is tried: in NumPy as long as that beats one assignment a row, elsewhere as long as some
# thousand array operations do.
_MOST_TRIED = 4
_MOST_TRIED_ELSEWHERE = 8


def point_similarity(predicted: Array, reference: Array, sigma: float = 50.0) -> Array:
    """Return a Gaussian of the mean distance under the best one-to-one pairing of two point sets.

    The pairing is exact for any K. Two empty sets (K = 0) score 0: the mean of no distances is 0/0. NaN
    in is NaN out, and a point infinitely far from all others scores 0.

    Args:
        predicted: ``[N, K, 2]`` x, y in any order of the points, of any array kind, or nested lists; beyond
            K = 8 NumPy arrays or lists only.
        reference: ``[N, K, 2]`` of the same kind and with the same K.
        sigma: Mean distance at which the score falls to exp(-1/2) = 0.607, in the unit of the points.

    Returns:
        ``[N]`` in [0, 1], of the arrays' kind and on their device; 1 where the sets are equal. Integers
        compute in the kind's default float, half precision in float32, and so is the result.

    Raises:
        ArgumentError: The shapes, lengths, kinds or dtypes do not fit, K differs, K is beyond 8 for another
            kind than NumPy, or sigma is not positive and finite.

    Source: G(dis) of segmentation in OneThinker, arXiv 2512.03043.

    >>> point_similarity([[[0, 0], [100, 0]]], [[[100, 50], [0, 50]]])
    array([0.60653066])
    """
    check_positive("sigma", sigma)
    xp, predicted, reference = of_one_kind(predicted, reference)
    predicted, reference = _point_sets(predicted, "predicted"), _point_sets(reference, "reference")
    if predicted.shape != reference.shape:
        shapes = f"{list(predicted.shape)} and {list(reference.shape)}"
        raise ArgumentError(f"predicted and reference must have as many rows and points a row, got {shapes}")
    count = predicted.shape[1]
    if count == 0:
        return xp.sum(predicted, axis=(1, 2))  # 0 for each row, in its kind and on its device
    return score_rows(partial(_similarity, sigma), xp, predicted, reference)


def _similarity(sigma: float, xp: Namespace, predicted: Array, reference: Array) -> Array:
    distances = _distances(xp, predicted, reference)
    count = distances.shape[0]
    most = _MOST_TRIED if xp is numpy_namespace else _MOST_TRIED_ELSEWHERE
    total = _least_total(xp, distances) if count <= most else _assigned_total(xp, distances)
    return gaussian(xp, total / count, sigma)


def _point_sets(points: Array, name: str) -> Array:
    shape = points.shape
    if shape == (0,) or (len(shape) == 2 and shape[1] == 0):
        # Lists of nothing lose their inner axes: no rows, or rows without points.
        return points.reshape((shape[0], 0, 2))
    if len(shape) != 3 or shape[2] != 2:
        raise ArgumentError(f"{name} must have the shape [N, K, 2], got {list(shape)}")
    return points


def _distances(xp: Namespace, predicted: Array, reference: Array) -> Array:
    """Return ``[K, K, N]``: from each predicted point to each reference point."""
    offset = _rows_last(xp, predicted)[:, :, None, :] - _rows_last(xp, reference)[:, None, :, :]
    squared = offset[0, ...] * offset[0, ...] + offset[1, ...] * offset[1, ...]
    # The root of 0 has an infinite gradient, which would turn into NaN.
    return xp.sqrt(xp.maximum(squared, float(xp.finfo(squared.dtype).smallest_normal)))


def _rows_last(xp: Namespace, points: Array) -> Array:
    """Return ``[2, K, N]`` in that order in memory, for the long axis to be the innermost loop."""
    transposed = xp.permute_dims(points, (2, 1, 0))
    return xp.reshape(xp.reshape(transposed, (-1,)), transposed.shape)


def _least_total(xp: Namespace, distances: Array) -> Array:
    """Return the least sum over all pairings, sharing what pairings of the first points have in common."""
    count = distances.shape[0]
    # After each point: the least sum so far by the set of reference points, as bits, that it uses.
    least: dict[int, Array] = {1 << other: distances[0, other, :] for other in range(count)}
    for point in range(1, count):
        extended: dict[int, Array] = {}
        for (used, total), other in product(least.items(), range(count)):
            if not used & 1 << other:
                pairs, longer = used | 1 << other, total + distances[point, other, :]
                extended[pairs] = xp.minimum(extended[pairs], longer) if pairs in extended else longer
        least = extended
    return least[2**count - 1]


def _assigned_total(xp: Namespace, distances: Array) -> Array:
    """Return the least sum by solving one assignment a row."""
    if xp is not numpy_namespace:
        most = f"{_MOST_TRIED_ELSEWHERE} points a row at most, got {distances.shape[0]}"
        raise ArgumentError(f"predicted and reference must be NumPy arrays or have {most}")
    # Imported here because most callers never match that many points, and it takes long to import.
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415

    rows: np.ndarray[Any, Any] = np.moveaxis(distances, -1, 0)
    # The solver refuses NaN and infinity, so it sees large numbers there; the sum is then of what was meant.
    solvable = np.nan_to_num(rows, nan=0.0, posinf=np.finfo(rows.dtype).max / rows.shape[1] ** 2)
    totals = [row[linear_sum_assignment(cost)].sum() for row, cost in zip(rows, solvable, strict=True)]
    any_nan = np.isnan(rows).any(axis=(1, 2))
    return np.where(any_nan, np.nan, np.asarray(totals, dtype=rows.dtype))
