"""Running a formula over many rows: block by block in NumPy, in one go elsewhere.

NumPy makes every temporary of a formula in full. Blocks whose temporaries stay in the processor's cache are
several times faster from some ten thousand rows on, and need no more memory than that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from onethinker_rewards.metrics._arrays import Array, Namespace, numpy_namespace

__all__ = ["score_pairs", "score_rows"]

Formula: TypeAlias = Callable[[Namespace, Array, Array], Array]

_SCORES = 2048


def score_rows(formula: Formula, xp: Namespace, predicted: Array, reference: Array) -> Array:
    """Return the formula's ``[N]`` scores; what is undefined is NaN there, not a warning."""
    if xp is not numpy_namespace:
        return formula(xp, predicted, reference)
    count = predicted.shape[0]
    with np.errstate(all="ignore"):
        if count <= _SCORES:
            return formula(xp, predicted, reference)
        blocks = [slice(start, start + _SCORES) for start in range(0, count, _SCORES)]
        return np.concatenate([formula(xp, predicted[block], reference[block]) for block in blocks])


def score_pairs(formula: Formula, xp: Namespace, predicted: Array, reference: Array) -> Array:
    """Return the formula's ``[N, M]`` scores of every predicted row with every reference row."""
    predicted, reference = predicted[:, None, :], reference[None, :, :]
    if xp is not numpy_namespace:
        return formula(xp, predicted, reference)
    count, step = predicted.shape[0], max(1, _SCORES // max(1, reference.shape[1]))
    with np.errstate(all="ignore"):
        if count <= step:
            return formula(xp, predicted, reference)
        blocks = [slice(start, start + step) for start in range(0, count, step)]
        return np.concatenate([formula(xp, predicted[block], reference) for block in blocks])
