"""Predicted spans and boxes with their references: how both are read, and their IoU by either set of rules."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from onethinker_rewards.answers import Floats
from onethinker_rewards.errors import ArgumentError

Rules: TypeAlias = Literal["official", "release"]
# Start and end; x1, y1, x2, y2.
Span: TypeAlias = Sequence[float] | Floats
Box: TypeAlias = Sequence[float] | Floats

# The release counts a union of at most 1e-12 as none. No official evaluator has such a bound.
_LEAST_UNION: Mapping[Rules, float] = {"official": 0.0, "release": 1e-12}


def read_pairs(
    predicted: Sequence[Any] | Floats, reference: Sequence[Any] | Floats, width: int
) -> tuple[Floats, Floats]:
    """Return both sides as ``[N, width]``; where a prediction is None, both of its rows are 0, so that its IoU is 0.

    Raises:
        ArgumentError: If the lengths differ, or a row is not ``width`` finite numbers; it names the row.
    """
    if len(predicted) != len(reference):
        raise ArgumentError(f"there are {len(predicted)} predictions and {len(reference)} references")
    nothing = (0.0,) * width
    missing = [row is None for row in predicted]
    answers = read_rows([nothing if row is None else row for row in predicted], width, "predicted")
    wanted = read_rows(reference, width, "reference")
    return answers, np.where(np.array(missing, dtype=np.bool_)[:, None], 0.0, wanted)


def read_rows(rows: Sequence[Any] | Floats, width: int, side: str) -> Floats:
    """Return rows as ``[N, width]`` floats; raise an `ArgumentError` that names the first row that is none."""
    if isinstance(rows, np.ndarray) and rows.dtype.kind in "iuf" and rows.shape[1:] == (width,):
        array = rows.astype(np.float64)
        is_finite = np.isfinite(array).all(axis=1)
        bad = None if is_finite.all() else int(is_finite.argmin())
    else:
        bad = next((index for index, row in enumerate(rows) if not _is_row(row, width)), None)
        array = np.array([*rows] if bad is None else [], dtype=np.float64).reshape(-1, width)
    if bad is not None:
        raise ArgumentError(f"{side}, row {bad}: expected {width} finite numbers, got {rows[bad]!r:.60}")
    return array


def _is_row(row: Any, width: int) -> bool:
    values = row.tolist() if isinstance(row, np.ndarray) else row
    return isinstance(values, list | tuple) and len(values) == width and all(map(_is_finite, values))


def _is_finite(value: Any) -> bool:
    # A whole number above the largest float would be none.
    is_number = not isinstance(value, bool) and isinstance(value, int | float | np.integer | np.floating)
    return is_number and bool(abs(value) <= sys.float_info.max)


@np.errstate(all="ignore")
def span_overlaps(predicted: Floats, reference: Floats) -> tuple[Floats, Floats]:
    """Return how long both of ``[N, 2]`` spans last together, and from the first start to the last end."""
    start, end = np.maximum(predicted[:, 0], reference[:, 0]), np.minimum(predicted[:, 1], reference[:, 1])
    first, last = np.minimum(predicted[:, 0], reference[:, 0]), np.maximum(predicted[:, 1], reference[:, 1])
    return np.maximum(end - start, 0.0), last - first


@np.errstate(all="ignore")
def span_overlaps_by_length(predicted: Floats, reference: Floats) -> tuple[Floats, Floats]:
    """Return the same, with the union from both lengths, which may differ in the last bit."""
    shared, _ = span_overlaps(predicted, reference)
    lengths = [np.maximum(spans[:, 1] - spans[:, 0], 0.0) for spans in (predicted, reference)]
    return shared, lengths[0] + lengths[1] - shared


@np.errstate(all="ignore")
def box_overlaps(predicted: Floats, reference: Floats) -> tuple[Floats, Floats]:
    """Return the intersection and the union of ``[N, 4]`` boxes; an inverted box has area 0."""
    corner, opposite = np.maximum(predicted[:, :2], reference[:, :2]), np.minimum(predicted[:, 2:], reference[:, 2:])
    shared = np.maximum(opposite - corner, 0.0).prod(axis=1)
    areas = [np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0).prod(axis=1) for boxes in (predicted, reference)]
    return shared, areas[0] + areas[1] - shared


@np.errstate(all="ignore")
def over_union(overlaps: tuple[Floats, Floats], rules: Rules) -> list[float]:
    """Return intersections over unions, 0 where a union is none."""
    shared, union = overlaps
    iou = np.where(union > _LEAST_UNION[rules], shared / union, 0.0)
    # What is too large for a float overlaps with nothing that could be meant.
    return np.nan_to_num(iou, nan=0.0).tolist()
