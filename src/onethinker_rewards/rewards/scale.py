"""Signs that answers or references are in another unit: 0…1, per cent or pixels, or times as fractions of the clip.

No single answer shows its unit: pixels of a small image are thousandths too, of a smaller box nearer to the corner.
Many answers and their references show it. While a batch is scored, a sample of each task's numbers is kept; the signs
are looked for when somebody asks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from onethinker_rewards.answers import (
    Booleans,
    BoxColumns,
    ClickColumns,
    Columns,
    CornersColumns,
    DetectionColumns,
    Floats,
    Integers,
    PointsColumns,
    PointTrackColumns,
    PromptColumns,
    SpanColumns,
    SpansColumns,
    TargetsColumns,
    TimedPromptColumns,
    TimedTrackColumns,
    TrackColumns,
)

# Of fewer different references nothing is concluded.
FEWEST_REFERENCES = 16
_MOST_ROWS = 256
# The share of rows that has to look alike.
_NEARLY_ALL = 0.95
_UNIT, _PERCENT = 1.0, 100.0
# Answers of one value are no scale.
_FEWEST_ANSWERS = 8
# The median ratio of answers to references that honest ones do not reach, as a logarithm.
_LEAST_SHIFT = -math.log(0.85)
# How sure it has to be that answers follow their references, in standard deviations: one in 75,000 by chance.
_LEAST_SCORE = 4.2
# Of smaller coordinates a ratio says nothing, in thousandths; and what takes the place of 0 in a logarithm.
_NEAR_BORDER = 20.0
_TINY = 0.01
# The largest correlation that has a score.
_ALMOST_1 = 1.0 - 1e-12
_CURE = "to_thousandths converts them, or name a dialect that has this unit"


class BatchWarning(NamedTuple):
    """What looks wrong about a task in a batch; ``kind`` is the same however large the batch is."""

    task: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class ScaleSample:
    """Numbers of some of a task's rows, those that could be read.

    Attributes:
        rows: ``[K]`` their indices in the batch.
        references: ``[K]`` which of the task's different references each row has.
        places: ``[K, 4]`` boxes or ``[K, 2]`` points of answers and of references, means where there are several; None
            without any, NaN in a row without one.
        times: ``[K, …]`` the same in seconds.
        clipped: How many different references were clipped.
        different: How many different references the task has.
    """

    rows: Integers
    references: Integers
    places: tuple[Floats, Floats] | None = None
    times: tuple[Floats, Floats] | None = None
    clipped: int = 0
    different: int = 0

    def take(self, rows: Integers) -> ScaleSample:
        """Return the sample of a batch that has only these rows, in this order."""
        index_of = {row: index for index, row in enumerate(rows.tolist())}
        kept = np.array([index for index, row in enumerate(self.rows.tolist()) if row in index_of], dtype=np.int64)
        new_rows = np.array([index_of[row] for row in self.rows[kept].tolist()], dtype=np.int64)
        places, times = (None if pair is None else (pair[0][kept], pair[1][kept]) for pair in (self.places, self.times))
        return replace(self, rows=new_rows, references=self.references[kept], places=places, times=times)


def sample_scale(
    predicted: Columns, reference: Columns, valid: Booleans, rows: Integers, references: Integers, clipped: int
) -> ScaleSample | None:
    """Return a sample of a task's numbers; None where they can show nothing.

    Args:
        predicted: N answers.
        reference: N references.
        valid: ``[N]`` which rows are no stand-ins.
        rows: ``[N]`` their indices in the batch.
        references: ``[N]`` which of the different references each row has.
        clipped: How many different references were clipped.
    """
    different = int(references.max(initial=-1)) + 1
    has_places, has_times = (
        isinstance(predicted, kinds) and isinstance(reference, kinds) for kinds in (_WITH_PLACES, _WITH_TIMES)
    )
    if not has_places and not has_times:
        return None
    chosen = np.flatnonzero(valid)
    if different < FEWEST_REFERENCES or len(chosen) < FEWEST_REFERENCES:
        return ScaleSample(rows[:0], references[:0], clipped=clipped, different=different) if clipped else None
    chosen = chosen[:: -(-len(chosen) // _MOST_ROWS)]
    places, times = None, None
    if has_places:
        places = _places(predicted, chosen), _places(reference, chosen)
        if places[0].shape != places[1].shape:
            places = _center(places[0]), _center(places[1])
    if has_times:
        times = _times(predicted, chosen), _times(reference, chosen)
    return ScaleSample(rows[chosen], references[chosen], places, times, clipped, different)


_WITH_PLACES = (
    BoxColumns, PromptColumns, TrackColumns, TimedTrackColumns, DetectionColumns, CornersColumns, ClickColumns,
    PointsColumns, PointTrackColumns, TargetsColumns,
)  # fmt: skip
_WITH_TIMES = (SpanColumns, SpansColumns, TimedTrackColumns, TimedPromptColumns)


def _places(columns: Any, rows: Integers) -> Floats:
    """Return ``[K, 4]`` a box, or ``[K, 2]`` a point, of each of these rows."""
    columns = columns.take(rows)
    match columns:
        case TimedTrackColumns():
            return _row_means(columns.tracks.boxes, columns.tracks.row_of, len(rows))
        case TrackColumns() | DetectionColumns():
            return _row_means(columns.boxes, columns.row_of, len(rows))
        case PointsColumns():
            return _row_means(columns.points, columns.row_of, len(rows))
        case PointTrackColumns():
            seen = columns.visible
            return _row_means(columns.points[seen], columns.row_of[seen], len(rows))
        case TargetsColumns():
            points, boxes = columns.points, columns.boxes
            centers = _row_means(_centers(boxes.boxes), boxes.row_of, len(rows))
            return np.where(columns.by_boxes[:, None], centers, _row_means(points.points, points.row_of, len(rows)))
        case CornersColumns():
            return np.concatenate((columns.corners.min(axis=1), columns.corners.max(axis=1)), axis=1)
        case ClickColumns():
            return columns.points
        case _:
            return columns.boxes


def _times(columns: Any, rows: Integers) -> Floats:
    """Return ``[K, 2]`` a span, or ``[K, 1]`` a time, of each of these rows."""
    columns = columns.take(rows)
    match columns:
        case SpansColumns():
            return _row_means(columns.spans, columns.row_of, len(rows))
        case TimedPromptColumns():
            return columns.times[:, None]
        case _:
            return columns.spans


def _centers(boxes: Floats) -> Floats:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _row_means(values: Floats, row_of: Integers, rows: int) -> Floats:
    """Return ``[rows, D]`` the means of ``values`` ``[M, D]`` in each row; NaN for a row without any."""
    counts = np.bincount(row_of, minlength=rows)
    sums = [np.bincount(row_of, weights=column, minlength=rows) for column in values.T]
    return np.stack(sums, axis=1) / np.where(counts, counts, np.nan)[:, None]


def scale_warnings(samples: Mapping[str, ScaleSample]) -> Iterator[BatchWarning]:
    """Yield what looks like another unit, task by task."""
    for task, sample in samples.items():
        for kind, text in (*_place_signs(sample), *_time_signs(sample)):
            yield BatchWarning(task, kind, f"{task}: {text}")


def _place_signs(sample: ScaleSample) -> Iterator[tuple[str, str]]:
    known = _known(sample, sample.places)
    if known is None:
        return
    answers, references, numbers, counted = known
    for limit, name in ((_UNIT, "0…1"), (_PERCENT, "per cent")):
        if _share_below(references, limit) >= _NEARLY_ALL:
            text = f"the references look like {name}, not like thousandths: in {counted} no coordinate of nearly all"
            yield f"references in {name}", f"{text} exceeds {limit:g}; {_CURE}"
            return
        varied = limit == _UNIT or len(np.unique(answers, axis=0)) >= _FEWEST_ANSWERS
        if varied and _share_below(answers, limit) >= _NEARLY_ALL and _share_below(references, limit) < 0.5:
            text = f"the answers look like {name}, not like thousandths: in {counted} no coordinate of nearly all"
            yield f"answers in {name}", f"{text} exceeds {limit:g}, and those of references do; {_CURE}"
            return
    across, down = _ratios(answers, references)
    if _follow(answers, references, numbers) and abs(shift := _common_shift(answers, references)) > _LEAST_SHIFT:
        who = "the answers look like pixels" if shift < 0 else "the references look like pixels, or the answers do"
        text = f"{who}, not like thousandths: in {counted} the answers' coordinates are {across:.2f} (x) and"
        yield "pixels", f"{text} {down:.2f} (y) times the references'; {_CURE}"


def _time_signs(sample: ScaleSample) -> Iterator[tuple[str, str]]:
    known = _known(sample, sample.times)
    if known is None:
        return
    answers, references, _, counted = known
    if _share_below(answers, 1.0) >= _NEARLY_ALL and _share_below(references, 1.0) < 0.5:
        text = f"the times of the answers look like fractions of the clip, not like seconds: in {counted} nearly all"
        yield "answers in fractions of the clip", f"{text} end by 1, and the references later; multiply by its duration"


def _known(sample: ScaleSample, pair: tuple[Floats, Floats] | None) -> tuple[Floats, Floats, Integers, str] | None:
    """Return answers, references and their numbers in the rows that have both, and how many there are, in words."""
    if pair is None:
        return None
    known = np.isfinite(pair[0]).all(axis=1) & np.isfinite(pair[1]).all(axis=1)
    numbers = sample.references[known]
    different = len(np.unique(numbers))
    if different < FEWEST_REFERENCES:
        return None
    counted = f"{np.count_nonzero(known)} rows of {different} references"
    return pair[0][known], pair[1][known], numbers, counted


def _share_below(values: Floats, limit: float) -> float:
    """Return the share of rows in which no number exceeds ``limit``."""
    return float((values <= limit).all(axis=1).mean())


def _log_ratio(answers: Floats, references: Floats, least: float) -> Floats:
    """Return the logarithms of ratios; NaN where a reference is not above ``least``."""
    ratio = np.maximum(answers, _TINY) / np.maximum(references, _TINY)
    return np.where(references > least, np.log(ratio), np.nan)


def _mean_of_axes(ratio: Floats) -> Floats:
    """Return the mean of x and y, which is the same for an image and the same image on its side."""
    count = np.isfinite(ratio).sum(axis=1)
    return np.nansum(ratio, axis=1)[count > 0] / count[count > 0]


def _common_shift(answers: Floats, references: Floats) -> float:
    """Return by how much all of the boxes' corners, and their sides, are moved alike, as a logarithm; 0 if they differ.

    An answer in another unit is moved to the corner of the image, or from it, and changes its size by the same factor.
    An honest one may do either.
    """
    ratios = [_log_ratio(answers[:, :2], references[:, :2], _NEAR_BORDER)]
    if answers.shape[1] == 4:
        ratios.append(_log_ratio(answers[:, 2:], references[:, 2:], _NEAR_BORDER))
        ratios.append(_log_ratio(answers[:, 2:] - answers[:, :2], references[:, 2:] - references[:, :2], 0.0))
    signs = [_mean_of_axes(ratio) for ratio in ratios]
    medians = np.array([np.median(sign) for sign in signs if len(sign) >= FEWEST_REFERENCES])
    if not len(medians) or (np.sign(medians) != np.sign(medians[0])).any():
        return 0.0
    return float(medians[np.abs(medians).argmin()])


def _follow(answers: Floats, references: Floats, numbers: Integers) -> bool:
    """Return whether answers lie further from the corner where their references do, as random ones do not.

    Fisher's transformation of a correlation has a standard deviation of 1 / √(n − 3).
    """
    _, group = np.unique(numbers, return_inverse=True)
    count = np.bincount(group)
    mean_of = [
        np.bincount(group, weights=np.log(np.maximum(_center(places), _TINY)).sum(axis=1)) / count
        for places in (answers, references)
    ]
    spread = [mean - mean.mean() for mean in mean_of]
    if min(np.ptp(mean) for mean in spread) < _TINY:
        return False
    correlation = float(spread[0] @ spread[1] / np.sqrt((spread[0] @ spread[0]) * (spread[1] @ spread[1])))
    return math.atanh(max(-_ALMOST_1, min(correlation, _ALMOST_1))) * math.sqrt(len(count) - 3) > _LEAST_SCORE


def _center(places: Floats) -> Floats:
    return _centers(places) if places.shape[1] == 4 else places


def _ratios(answers: Floats, references: Floats) -> list[float]:
    """Return the median ratio of each axis."""
    ratio = np.maximum(_center(answers), _TINY) / np.maximum(_center(references), _TINY)
    return np.median(ratio, axis=0).tolist()
