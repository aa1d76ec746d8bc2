"""The rules of a schema that are checked on whole arrays: clipping and order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.codes import FailureCode, RepairCode
from onethinker_rewards.columns.reading import ColumnsT, Faults, Floats, Integers, Reading
from onethinker_rewards.schemas.answers import COORDINATE_MAX

__all__ = ["check_coordinates", "check_spans", "check_times", "sound_reading", "sound_rows"]


def check_coordinates(
    coordinates: Floats, positions: Integers, faults: Faults, lengths: Integers | None = None
) -> Floats:
    """Return coordinates within 0…1000; record ``clipped``, and ``bad_order`` where x1 < x2 or y1 < y2 does not hold.

    Args:
        coordinates: ``[M, K]``, of which the first four columns are a box.
        positions: ``[N]`` position of each row, for the codes.
        faults: Receives the codes.
        lengths: ``[N]`` how many lines each row has; by default one.
    """
    inside = (coordinates >= 0) & (coordinates <= COORDINATE_MAX)
    if not _all(inside):
        for row in set(_of_lines((~inside).any(axis=1), positions, lengths)).difference(faults.failures):
            faults.repairs[row] = (*faults.repairs.get(row, ()), RepairCode.CLIPPED)
        coordinates = np.clip(coordinates, 0.0, COORDINATE_MAX)
    # Column by column: an axis of two is a slow innermost loop.
    left, top, right, bottom = coordinates.T[:4]
    _require((left < right) & (top < bottom), positions, FailureCode.BAD_ORDER, faults, lengths)
    return coordinates


def check_spans(spans: Floats, positions: Integers, faults: Faults) -> None:
    """Record ``out_of_range`` before 0, then ``bad_order`` where start <= end does not hold."""
    start, end = spans.T
    in_order = start <= end
    if not _all(in_order & (start >= 0)):
        _require((start >= 0) & (end >= 0), positions, FailureCode.OUT_OF_RANGE, faults)
        _require(in_order, positions, FailureCode.BAD_ORDER, faults)


def check_times(times: Floats, positions: Integers, faults: Faults) -> None:
    """Record ``out_of_range`` before 0."""
    _require(times >= 0, positions, FailureCode.OUT_OF_RANGE, faults)


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


def _all(sound: NDArray[np.bool_]) -> bool:
    # An array's own `all` takes six times as long on the rows of a step.
    return np.count_nonzero(sound) == sound.size


def _require(
    sound: NDArray[np.bool_],
    positions: Integers,
    code: FailureCode,
    faults: Faults,
    lengths: Integers | None = None,
) -> None:
    if not _all(sound):
        for row in dict.fromkeys(_of_lines(~sound, positions, lengths)):
            faults.fail(row, code)


def _of_lines(lines: Any, positions: Integers, lengths: Integers | None) -> list[int]:
    """Return the positions of the rows that these lines belong to."""
    return (positions if lengths is None else positions.repeat(lengths))[lines].tolist()
