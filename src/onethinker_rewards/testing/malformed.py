"""Malformed rows, made from valid ones, and honest misses to compare their scores with.

A row is malformed if it is not finite, or if it has corners and these are in the wrong order or enclose nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from onethinker_rewards.testing.arrays import corner_axes

Floats = NDArray[np.float64]
# From a batch of valid rows to one of malformed rows of the same shape.
Change = Callable[[Any], Any]

_FAR = 1e6
_TINY = 1e-3
# More numbers than a row has are the same ones again.
_POSITIONS = range(5)


@dataclass(frozen=True, slots=True)
class Malformation:
    """How rows become malformed.

    Attributes:
        change: From valid rows to malformed ones.
        axes: How many axes the corners of a row have: 2 for boxes, 1 for spans, 0 for rows without corners.
        of_corners: Whether the change concerns corners, and so says nothing where a reference encloses nothing itself.
    """

    change: Change
    axes: int = 0
    of_corners: bool = False


def malformations(rows: SearchStrategy[Any], changes: Sequence[Change] | None) -> SearchStrategy[Malformation]:
    """Return malformations of rows; ``changes`` replaces those of corners."""
    axes = corner_axes(rows)
    if changes is None:
        own = [Malformation(change, axes, of_corners=True) for change in _changes_of_corners(axes)]
    else:
        own = [Malformation(change, axes) for change in changes]
    values = (math.nan, math.inf, -math.inf)
    not_finite = [partial(_with_number, value=value) for value in values]
    not_finite += [partial(_with_number, value=value, position=i) for value, i in product(values, _POSITIONS)]
    others = [Malformation(change, axes) for change in not_finite]
    return st.one_of(_one_of(own), _one_of(others)) if own else _one_of(others)


def _one_of(choices: Sequence[Malformation]) -> SearchStrategy[Malformation]:
    # Not `sampled_from`, whose name in hypothesis' messages lists them all.
    return st.integers(0, len(choices) - 1).map(lambda number: choices[number])


def honest_misses(predicted: Floats, reference: Floats, axes: int) -> list[Floats]:
    """Return batches of valid rows that share nothing with the reference, or next to nothing.

    Args:
        predicted: ``[N, …]`` valid rows.
        reference: ``[N, …]``, the references.
        axes: How many axes the corners of a row have.

    Returns:
        For rows with corners the reference moved by its size along each axis, so that both touch, and a thousandth of
        it in its corner; for other rows the predicted ones moved by a million.
    """
    if not axes or reference.shape != predicted.shape:
        return [predicted + _FAR]
    low, size = reference[:, :axes], reference[:, axes:] - reference[:, :axes]
    moved = [reference + np.tile(size * direction, 2) for direction in np.eye(axes)]
    return [*moved, np.hstack([low, low + _TINY * size])]


def encloses_nothing(rows: Floats, axes: int) -> NDArray[np.bool_]:
    """Return ``[N]``: whether the corners of a row coincide along an axis."""
    return np.any(rows[:, :axes] >= rows[:, axes:], axis=1)


def _with_number(rows: Floats, value: float, position: int | None = None) -> Floats:
    """Return rows of which one number, or all, is another; rows that are no vectors change as a whole."""
    if position is None or rows.ndim != 2:
        return np.full_like(rows, value)
    changed = rows.copy()
    changed[:, position % rows.shape[1]] = value
    return changed


def _changes_of_corners(axes: int) -> list[Change]:
    some = [(0, 1), (0,), (1,)] if axes == 2 else [(0,)] * axes
    return [partial(change, axes=chosen) for change in (_inverted, _emptied) for chosen in some]


def _inverted(rows: Floats, axes: Sequence[int]) -> Floats:
    half = rows.shape[1] // 2
    low, high = list(axes), [half + axis for axis in axes]
    changed = rows.copy()
    changed[:, low + high] = rows[:, high + low]
    return changed


def _emptied(rows: Floats, axes: Sequence[int]) -> Floats:
    half = rows.shape[1] // 2
    changed = rows.copy()
    changed[:, [half + axis for axis in axes]] = rows[:, list(axes)]
    return changed
