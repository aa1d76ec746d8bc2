"""Similarity of points and of moments: a Gaussian of how far apart they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from onethinker_rewards._validation import check_positive
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics._arrays import Array, Namespace, aligned, of_one_kind, without_warnings

# Up to this many points, every pairing is tried, in some thousand array operations.
_MOST_TRIED = 8


def point_similarity(predicted: Array, reference: Array, sigma: float = 50.0) -> Array:
    """Return a Gaussian of the mean distance under the best one-to-one pairing of two point sets.

    ::

        d     = min over one-to-one pairings π of the mean over k of |p_k − r_π(k)|
        score = exp(−d² / 2σ²)

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
        ArgumentError: If the shapes, lengths, kinds or dtypes do not fit, K differs, K is beyond 8 for another
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
    if count > _MOST_TRIED and xp is not np:
        most = f"{_MOST_TRIED} points a row at most, got {count}"
        raise ArgumentError(f"predicted and reference must be NumPy arrays or have {most}")
    with without_warnings(xp):
        distances = _distances(xp, predicted, reference)
        total = _least_total(xp, distances) if count <= _MOST_TRIED else _assigned_total(distances)
        return _gaussian(xp, total / count, sigma)


def time_proximity(predicted: Array, reference: Array, sigma: float = 1.0) -> Array:
    """Return a Gaussian of the distance between each predicted moment and its reference.

    ::

        score = exp(−(t − t')² / 2σ²)

    NaN in is NaN out, and an infinite distance scores 0.

    Args:
        predicted: ``[N]`` seconds, of any array kind, or a list.
        reference: ``[N]`` seconds of the same kind.
        sigma: Distance in seconds at which the score falls to exp(-1/2) = 0.607.

    Returns:
        ``[N]`` in [0, 1], of the arrays' kind and on their device; 1 at no distance. Integers compute in
        the kind's default float, half precision in float32, and so is the result.

    Raises:
        ArgumentError: If the shapes, lengths, kinds or dtypes do not fit, or sigma is not positive and finite.

    Source: the keyframe term of video segmentation in OneThinker, arXiv 2512.03043.

    >>> time_proximity([4.0, 5.0], [4.0, 4.0])
    array([1.        , 0.60653066])
    """
    check_positive("sigma", sigma)
    xp, predicted, reference = aligned(predicted, reference, ())
    with without_warnings(xp):
        return _gaussian(xp, predicted - reference, sigma)


def _gaussian(xp: Namespace, distance: Array, sigma: float) -> Array:
    scaled = distance / sigma
    return xp.exp(-0.5 * scaled * scaled)


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
    rows, count, _ = predicted.shape
    # Reshaping to one axis copies the rows last in memory too: the longest axis is then the innermost loop.
    (x, y), (ref_x, ref_y) = (
        xp.unstack(xp.reshape(xp.reshape(xp.permute_dims(points, (2, 1, 0)), (-1,)), (2, count, rows)))
        for points in (predicted, reference)
    )
    right, up = x[:, None, :] - ref_x[None, :, :], y[:, None, :] - ref_y[None, :, :]
    squared = right * right + up * up
    # The root of 0 has an infinite gradient, which would turn into NaN.
    return xp.sqrt(xp.clip(squared, min=float(xp.finfo(squared.dtype).smallest_normal)))


def _least_total(xp: Namespace, distances: Array) -> Array:
    """Return ``[N]``: the least sum over all pairings, which share what pairings of the first points have in common."""
    count = distances.shape[0]
    # For each set of reference points that the predicted points so far can use, a bit each, the least sum.
    least = {0: xp.zeros_like(distances[0, 0, :])}
    for point in range(count):
        extended: dict[int, Array] = {}
        for used, total in least.items():
            for ref_point in range(count):
                if used & 1 << ref_point:
                    continue
                pairs, longer = used | 1 << ref_point, total + distances[point, ref_point, :]
                extended[pairs] = xp.minimum(extended[pairs], longer) if pairs in extended else longer
        least = extended
    return least[2**count - 1]


def _assigned_total(distances: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return ``[N]``: the least sum, by solving one assignment a row."""
    # Imported here because most callers never match that many points, and it takes long to import.
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415

    rows = np.moveaxis(distances, -1, 0)
    # The solver refuses NaN and infinity, so it gets large numbers instead; the sum is that of the true distances.
    solvable = np.nan_to_num(rows, nan=0.0, posinf=np.finfo(rows.dtype).max / rows.shape[1] ** 2)
    totals = [row[linear_sum_assignment(cost)].sum() for row, cost in zip(rows, solvable, strict=True)]
    any_nan = np.isnan(rows).any(axis=(1, 2))
    return np.where(any_nan, np.nan, np.asarray(totals, dtype=rows.dtype))
