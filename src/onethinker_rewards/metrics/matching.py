"""One-to-one assignment: what the best pairing of predicted and reference objects earns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from array_api_compat import is_array_api_obj
from numpy.typing import NDArray

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics._arrays import Array, like, on_cpu

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Pairs that are scored at once: so few that all arrays of a metric stay in the processor's cache.
_MOST_PAIRS = 2**14


def matched_f1(scores: Sequence[Array]) -> Array:
    """Return the F1 of the best one-to-one assignment between the objects of each row, weighted by their scores.

    ::

        S  = max over one-to-one assignments of Σ score[i, j] over the pairs (i, j)
        F1 = 2S / (n + m), and 1 where n = m = 0

    What is left over on either side counts in n + m and earns nothing, so junk, copies and misses all cost. For
    one object on each side it is their score. NaN in is NaN out.

    Args:
        scores: N matrices ``[n, m]`` of pair scores in [0, 1], such as `pairwise_box_iou` gives; 0 where a pair must
            not be. Of any array kind, or nested lists; n and m may differ from row to row.

    Returns:
        ``[N]`` in [0, 1], of the first matrix's kind and on its device, NumPy's for lists; higher is better. It has no
        gradient.

    Raises:
        ArgumentError: If a matrix does not have two axes.

    Source: this library. The assignment is scipy's ``linear_sum_assignment``.

    >>> matched_f1([[[1.0], [0.9]], np.zeros((0, 0))]).round(3)
    array([0.667, 1.   ])
    """
    matrices = [_matrix(matrix, row) for row, matrix in enumerate(scores)]
    sums = np.array([_matched_sum(matrix) for matrix in matrices], dtype=np.float64)
    sizes = np.array([sum(matrix.shape) for matrix in matrices], dtype=np.float64)
    f1 = np.divide(2.0 * sums, sizes, out=np.ones_like(sums), where=sizes > 0)
    first = next((matrix for matrix in scores if is_array_api_obj(matrix)), None)
    return f1 if first is None else like(first, f1)


def matched_sums(scores: Floats) -> Floats:
    """Return ``[R]``: of each of R matrices, ``[R, n, m]`` without NaN, the largest sum of a one-to-one assignment."""
    # Imported here because most callers never assign anything, and it takes long to import.
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415

    if min(scores.shape[1:]) == 1:
        return scores.max(axis=(1, 2))
    chosen = np.array([linear_sum_assignment(matrix, maximize=True) for matrix in scores])
    return scores[np.arange(len(scores))[:, None], chosen[:, 0], chosen[:, 1]].sum(axis=1)


def _matched_sum(matrix: Floats) -> float:
    if matrix.size == 0:
        return 0.0
    # The solver refuses NaN; the sum has it all the same.
    return math.nan if np.isnan(matrix).any() else float(matched_sums(matrix[None])[0])


def _matrix(matrix: Array, row: int) -> Floats:
    try:
        values = on_cpu(matrix).astype(np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"scores, row {row}: expected an [n, m] matrix, got {matrix!r:.80}") from None
    if values.size == 0 and values.ndim == 1:
        # A list of nothing has lost its second axis.
        return values.reshape(0, 0)
    if values.ndim != 2:
        raise ArgumentError(f"scores, row {row}: expected an [n, m] matrix, got the shape {list(values.shape)}")
    return values


def pair_blocks(starts: Integers, ref_starts: Integers) -> Iterator[tuple[Integers, Integers, Integers]]:
    """Return rows of equal shape together, so that all pairs of their objects can be scored at once.

    Args:
        starts: ``[N + 1]`` where each row's predicted objects start.
        ref_starts: ``[N + 1]`` where its reference objects start.

    Yields:
        R rows that have n predicted and m reference objects, both above 0; then the indices of these objects,
        ``[R, n]`` and ``[R, m]``.
    """
    lengths = np.stack([np.diff(starts), np.diff(ref_starts)], axis=1)
    shapes, shape_of = np.unique(lengths, axis=0, return_inverse=True)
    for number, (length, ref_length) in enumerate(shapes.tolist()):
        if not (length and ref_length):
            continue
        every = np.flatnonzero(shape_of == number)
        together = max(1, _MOST_PAIRS // (length * ref_length))
        for first in range(0, len(every), together):
            rows = every[first : first + together]
            yield (
                rows,
                starts[rows][:, None] + np.arange(length),
                ref_starts[rows][:, None] + np.arange(ref_length),
            )
