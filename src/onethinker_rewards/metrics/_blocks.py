"""Running a formula over many rows: block by block on the processor, in one go elsewhere.

NumPy and PyTorch make every temporary of a formula in full. Blocks whose temporaries stay in the processor's cache are
several times faster from some ten thousand rows on, and need no more memory than that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from onethinker_rewards.metrics._arrays import Array, Namespace, numpy_namespace

__all__ = ["Formula", "score_pairs", "score_rows"]

Formula: TypeAlias = Callable[[Namespace, Array, Array], Array]

_SCORES = 2048


def score_rows(formula: Formula, xp: Namespace, predicted: Array, reference: Array) -> Array:
    """Return the formula's ``[N]`` scores; what is undefined is NaN there, not a warning."""
    # Only NumPy warns, and PyTorch's compiler cannot look through what silences it.
    rows = _silent_rows if xp is numpy_namespace else _rows
    return rows(formula, xp, predicted, reference)


def score_pairs(formula: Formula, xp: Namespace, predicted: Array, reference: Array) -> Array:
    """Return the formula's ``[N, M]`` scores of every predicted row with every reference row."""
    pairs = _silent_pairs if xp is numpy_namespace else _pairs
    return pairs(formula, xp, predicted, reference)


def _rows(formula: Formula, xp: Namespace, predicted: Array, reference: Array) -> Array:
    count, step = predicted.shape[0], _scores_at_once(xp, predicted, predicted.shape[0])
    if count <= step:
        return formula(xp, predicted, reference)
    blocks = [slice(start, start + step) for start in range(0, count, step)]
    return xp.concat([formula(xp, predicted[block], reference[block]) for block in blocks])


def _pairs(formula: Formula, xp: Namespace, predicted: Array, reference: Array) -> Array:
    count, others = predicted.shape[0], max(1, reference.shape[0])
    step = max(1, _scores_at_once(xp, predicted, count * others) // others)
    predicted, reference = xp.expand_dims(predicted, axis=1), xp.expand_dims(reference, axis=0)
    if count <= step:
        return formula(xp, predicted, reference)
    blocks = [slice(start, start + step) for start in range(0, count, step)]
    return xp.concat([formula(xp, predicted[block], reference) for block in blocks])


_silent_rows, _silent_pairs = np.errstate(all="ignore")(_rows), np.errstate(all="ignore")(_pairs)


def _scores_at_once(xp: Namespace, array: Array, wanted: int) -> int:
    if xp is numpy_namespace or wanted <= _SCORES:
        return _SCORES
    at_once = getattr(xp, "scores_at_once", None)
    return sys.maxsize if at_once is None else at_once(array)
