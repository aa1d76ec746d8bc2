"""The rules of a schema that are checked on whole arrays: clipping and order."""

from __future__ import annotations

from typing import Any

import numpy as np

from onethinker_rewards.codes import FailureCode, RepairCode
from onethinker_rewards.columns.reading import ColumnsT, Faults, Floats, Integers, Reading
from onethinker_rewards.schemas.answers import COORDINATE_MAX

__all__ = ["check_boxes", "check_spans", "check_times", "clip", "in_range_and_order", "sound_reading", "sound_rows"]


def clip(coordinates: Floats, positions: Integers, faults: Faults) -> Floats:
    """Move coordinates into 0…1000, recording the repair unless the row has failed already.

    Args:
        coordinates: ``[M, K]``.
        positions: ``[M]`` row of each line, for the codes.
        faults: Receives ``clipped``.
    """
    # Two passes that allocate nothing decide the common case.
    if coordinates.size == 0 or (coordinates.min() >= 0 and coordinates.max() <= COORDINATE_MAX):
        return coordinates
    outside = ((coordinates < 0) | (coordinates > COORDINATE_MAX)).any(axis=1)
    for row in set(positions[outside].tolist()).difference(faults.failures):
        faults.repairs[row] = (*faults.repairs.get(row, ()), RepairCode.CLIPPED)
    return np.clip(coordinates, 0.0, COORDINATE_MAX)


def in_range_and_order(boxes: Floats) -> bool:
    """Say whether every box lies in 0…1000 with x1 < x2 and y1 < y2: what nearly all batches do."""
    if boxes.size == 0:
        return True
    left, top, right, bottom = boxes.T
    # Column by column: an axis of two is a slow innermost loop.
    in_order = (left < right).all() and (top < bottom).all()
    return bool(in_order and boxes.min() >= 0 and boxes.max() <= COORDINATE_MAX)


def check_boxes(boxes: Floats, positions: Integers, faults: Faults) -> None:
    """Record ``bad_order`` where x1 < x2 or y1 < y2 does not hold."""
    sound = (boxes[:, 0] < boxes[:, 2]) & (boxes[:, 1] < boxes[:, 3])
    _fail(~sound, positions, FailureCode.BAD_ORDER, faults)


def check_spans(spans: Floats, positions: Integers, faults: Faults) -> None:
    """Record ``out_of_range`` before 0, then ``bad_order`` where start <= end does not hold."""
    _fail((spans < 0).any(axis=1), positions, FailureCode.OUT_OF_RANGE, faults)
    _fail(spans[:, 0] > spans[:, 1], positions, FailureCode.BAD_ORDER, faults)


def check_times(times: Floats, positions: Integers, faults: Faults) -> None:
    """Record ``out_of_range`` before 0."""
    _fail(times < 0, positions, FailureCode.OUT_OF_RANGE, faults)


def sound_rows(count: int, faults: Faults) -> Integers:
    """Return the places of the rows without a failure among ``count`` rows."""
    rows = np.arange(count)
    return np.delete(rows, [*faults.failures]) if faults.failures else rows


def sound_reading(columns: ColumnsT, positions: Integers, faults: Faults, count: int) -> Reading[ColumnsT]:
    """Leave out the rows that failed after they were decoded.

    Args:
        columns: The decoded rows.
        positions: ``[len(columns)]`` the texts they were.
        faults: Codes by position.
        count: Number of all texts.
    """
    if len(positions) + len(faults.failures) == count:
        return Reading(columns, positions, faults)
    sound = np.array([position not in faults.failures for position in positions.tolist()]).nonzero()[0]
    return Reading(columns.take(sound), positions[sound], faults)


def _fail(bad: Any, positions: Integers, code: FailureCode, faults: Faults) -> None:
    if bad.any():
        for row in np.unique(positions[bad]).tolist():
            faults.fail(row, code)
