"""What the released code computes, task by task and row by row, number for number.

It is kept apart from our formulas on purpose: it accepts what no schema accepts (numbers as strings or booleans,
inverted boxes), and only plain Python says exactly what it does. Its reader gives texts; accuracy is in [0, 1];
structure is what is paid for the form of the answer.

Differs: an unreadable reference is an error here; the released code scores such rows 0. Points of "nan" score 0 here;
the released code's reward is NaN.
"""

from __future__ import annotations

import functools
import itertools
import math as mathematics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import BaseModel

from onethinker_rewards import metrics
from onethinker_rewards.answers import (
    BoxTrack,
    Floats,
    SegmentationPrompt,
    SingleBox,
    TextColumns,
    TimedBoxTrack,
    TimeSpan,
    VideoSegmentationPrompt,
)
from onethinker_rewards.answers.release import load_json, to_number
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.tasks.spec import DOES_NOT_APPLY, Context, Formula, Scores, TaskSpec, TaskTable
from onethinker_rewards.tasks.table import TASKS

POINT_SIGMA = 50.0
TIME_SCALE = 2.0
_LEAST_UNION = 1e-12

Parts = dict[str, float]
# What the formula of one row gives: its accuracy and parts, or why the answer could not be compared.
_RowScore = tuple[float, Parts] | FailureCode


def _by_row(score: Callable[[str, str], _RowScore]) -> Formula:
    """Turn the formula of one row, of answer and reference text, into one of many rows; a failed row scores 0."""

    @functools.wraps(score)
    def formula(predicted: TextColumns, reference: TextColumns, context: Context) -> Scores:
        rows = [score(*texts) for texts in zip(predicted.texts, reference.texts, strict=True)]
        failures = {row: scored for row, scored in enumerate(rows) if isinstance(scored, FailureCode)}
        known = [(0.0, Parts()) if isinstance(scored, FailureCode) else scored for scored in rows]
        names = TASKS[score.__name__].parts
        parts = {name: np.array([row_parts.get(name, 0.0) for _, row_parts in known]) for name in names}
        return Scores(np.array([accuracy for accuracy, _ in known]), parts, failures)

    return formula


# Text answers.

_BRACKETS = frozenset({"()", "[]", "{}"})


def _without_brackets(text: str) -> str:
    # By offsets, since a copy for each bracket is quadratic where there are very many.
    start, end = 0, len(text)
    while True:
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        if end - start < 2 or text[start] + text[end - 1] not in _BRACKETS:
            return text[start:end]
        start, end = start + 1, end - 1


@_by_row
def multiple_choice(compared: str, reference: str) -> _RowScore:
    """1 where both are equal after casefolding and stripping outer brackets."""
    equal = float(_without_brackets(compared).casefold() == _without_brackets(reference).casefold())
    return equal, {"option_match": equal}


@_by_row
def numerical(compared: str, reference: str) -> _RowScore:
    """1 where both are equal when rounded to two decimals."""
    left, right = to_number(compared), to_number(reference)
    if left is None or right is None:
        return FailureCode.NOT_A_NUMBER
    equal = float(round(right, 2) == round(left, 2))
    return equal, {"number_match": equal}


_THRESHOLDS = np.float32(1) - (0.5 + 0.05 * np.arange(10)).astype(np.float32)


@_by_row
def regression(compared: str, reference: str) -> _RowScore:
    """The mean relative accuracy in float32, with 1e-8 added to the reference's magnitude."""
    left, right = to_number(compared), to_number(reference)
    if left is None or right is None:
        return FailureCode.NOT_A_NUMBER
    with np.errstate(over="ignore", invalid="ignore"):
        predicted, wanted = np.float32(left), np.float32(right)
        error = np.abs(predicted - wanted) / (np.abs(wanted) + np.float32(1e-8))
    share = float(np.float32((error < _THRESHOLDS).sum()) / np.float32(10))
    return share, {"relative_accuracy": share}


def ocr(predicted: TextColumns, reference: TextColumns, context: Context) -> Scores:
    """1 - WER, not below 0."""
    accuracy = np.clip(1.0 - metrics.word_error_rate(predicted.texts.tolist(), reference.texts.tolist()), 0.0, 1.0)
    return Scores(accuracy, {"word_accuracy": accuracy})


def open_ended(predicted: TextColumns, reference: TextColumns, context: Context) -> Scores:
    """The mean F of ROUGE-1, -2 and -L."""
    rouge = np.clip(metrics.rouge(predicted.texts.tolist(), reference.texts.tolist()), 0.0, 1.0)
    return Scores(rouge, {"rouge": rouge, "judge": DOES_NOT_APPLY})


def math(predicted: TextColumns, reference: TextColumns, context: Context) -> Scores:
    """1 where math-verify, given both texts as they are, finds them equal."""
    texts = predicted.texts.tolist(), reference.texts.tolist()
    equal = metrics.release_math_equal(*texts, pool=context.pool).astype(np.float64)
    return Scores(equal, {"math_equal": equal})


# JSON answers.


def _floats(value: Any, length: int) -> list[float] | None:
    """Return the list's values as floats, which strings and booleans may be too; None where it is no such list."""
    if not isinstance(value, list) or len(value) != length:
        return None
    try:
        return [float(item) for item in value]
    except (TypeError, ValueError, OverflowError):
        return None


def _span_iou(predicted: Any, reference: Any) -> float:
    left, right = _floats(predicted, 2), _floats(reference, 2)
    if left is None or right is None:
        return 0.0
    shared = max(0.0, min(left[1], right[1]) - max(left[0], right[0]))
    whole = max(left[1], right[1]) - min(left[0], right[0])
    return shared / whole if whole > _LEAST_UNION else 0.0


def _box_iou(predicted: Any, reference: Any) -> float:
    left, right = _floats(predicted, 4), _floats(reference, 4)
    if left is None or right is None:
        return 0.0
    width = max(0.0, min(left[2], right[2]) - max(left[0], right[0]))
    height = max(0.0, min(left[3], right[3]) - max(left[1], right[1]))
    shared = width * height
    areas = [max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]) for box in (left, right)]
    whole = areas[0] + areas[1] - shared
    return shared / whole if whole > _LEAST_UNION else 0.0


_Object = dict[str, Any]


def _by_object(score: Callable[[_Object, _Object], tuple[float, Parts] | None]) -> Formula:
    """Turn the formula of two JSON objects into one of many rows of texts."""

    @functools.wraps(score)
    def score_texts(compared: str, reference: str) -> _RowScore:
        answer, wanted = load_json(compared), load_json(reference)
        if not (isinstance(answer, dict) and isinstance(wanted, dict)):
            return FailureCode.INVALID_JSON
        return score(answer, wanted) or FailureCode.WRONG_TYPE

    return _by_row(score_texts)


@_by_object
def temporal_grounding(answer: _Object, reference: _Object) -> tuple[float, Parts]:
    """TIoU."""
    temporal_iou = _span_iou(answer.get("time"), reference.get("time"))
    return temporal_iou, {"temporal_iou": temporal_iou}


@_by_object
def spatial_grounding(answer: _Object, reference: _Object) -> tuple[float, Parts]:
    """SIoU."""
    box_iou = _box_iou(answer.get("boxes"), reference.get("boxes"))
    return box_iou, {"box_iou": box_iou}


@_by_object
def spatio_temporal_grounding(answer: _Object, reference: _Object) -> tuple[float, Parts]:
    """Half tIoU, half the mean sIoU over the frames that both name."""
    temporal_iou = _span_iou(answer.get("time"), reference.get("time"))
    boxes, wanted, box_iou = answer.get("boxes"), reference.get("boxes"), 0.0
    if isinstance(boxes, dict) and isinstance(wanted, dict):
        shared = [_box_iou(box, wanted[frame]) for frame, box in boxes.items() if frame in wanted]
        box_iou = sum(shared) / len(shared) if shared else 0.0
    return 0.5 * temporal_iou + 0.5 * box_iou, {"temporal_iou": temporal_iou, "box_iou": box_iou}


@_by_object
def tracking(answer: _Object, reference: _Object) -> tuple[float, Parts]:
    """Mean sIoU over the reference's frames."""
    boxes, wanted, box_iou = answer.get("boxes"), reference.get("boxes"), 0.0
    if isinstance(boxes, dict) and isinstance(wanted, dict) and wanted:
        box_iou = sum(_box_iou(boxes.get(frame), box) for frame, box in wanted.items()) / len(wanted)
    return box_iou, {"box_iou": box_iou}


def _three_points(value: Any) -> list[list[float]] | None:
    if not isinstance(value, list) or len(value) != 3:
        return None
    points = [point for point in (_floats(point, 2) for point in value) if point is not None]
    return points if len(points) == 3 else None


def _points_similarity(predicted: list[list[float]], reference: list[list[float]]) -> float:
    total = min(
        sum(mathematics.dist(point, reference[index]) for point, index in zip(predicted, order, strict=True))
        for order in itertools.permutations(range(3))
    )
    if mathematics.isnan(total):
        # The texts "nan" and "inf" are numbers to Python; the released code's reward is NaN then.
        return 0.0
    # Far past the last distance that gives more than 0: the square of a coordinate such as 1e308 is no double.
    mean = min(total / 3.0, 1e6)
    return mathematics.exp(-(mean**2) / (2.0 * POINT_SIGMA**2))


def _prompt_parts(answer: _Object, reference: _Object) -> Parts | None:
    """Return box IoU and point similarities, or None where either side has not three points and three."""
    parts: Parts = {"box_iou": _box_iou(answer.get("boxes"), reference.get("boxes"))}
    for name in ("positive_points", "negative_points"):
        left, right = _three_points(answer.get(name)), _three_points(reference.get(name))
        if left is None or right is None:
            return None
        parts[name] = _points_similarity(left, right)
    return parts


@_by_object
def image_segmentation(answer: _Object, reference: _Object) -> tuple[float, Parts] | None:
    """Half sIoU, a quarter for each kind of points."""
    parts = _prompt_parts(answer, reference)
    if parts is None:
        return None
    return 0.5 * parts["box_iou"] + 0.25 * parts["positive_points"] + 0.25 * parts["negative_points"], parts


@_by_object
def video_segmentation(answer: _Object, reference: _Object) -> tuple[float, Parts] | None:
    """0.3 sIoU, 0.3 exp(-|dt|/2), 0.2 for each kind of points."""
    parts, time, wanted = _prompt_parts(answer, reference), answer.get("time"), reference.get("time")
    # A boolean is an integer here, as it is there.
    if parts is None or not isinstance(time, int | float) or not isinstance(wanted, int | float):
        return None
    parts["time_proximity"] = mathematics.exp(-abs(float(time) - float(wanted)) / TIME_SCALE)
    terms = {"box_iou": 0.3, "time_proximity": 0.3, "positive_points": 0.2, "negative_points": 0.2}
    return sum(weight * parts[name] for name, weight in terms.items()), parts


# What is paid for the form of an answer.


def _span_structure(answer: _Object, reference: object) -> float:
    return 0.5 if _floats(answer.get("time"), 2) else 0.0


def _box_structure(answer: _Object, reference: object) -> float:
    return 0.5 if _floats(answer.get("boxes"), 4) else 0.0


def _track_structure(answer: _Object, reference: object, *, timed: bool = False) -> float:
    """A quarter for a valid track, and a quarter of the share of reference frames named, valid or not."""
    boxes, time = answer.get("boxes"), answer.get("time")
    valid = isinstance(boxes, dict) and all(_floats(box, 4) is not None for box in boxes.values())
    if timed:
        valid = valid and isinstance(time, list) and len(time) == 2
    named = 0.0
    frames = reference.get("boxes") if isinstance(reference, dict) else None
    if isinstance(boxes, dict) and isinstance(frames, dict) and frames:
        named = len(boxes.keys() & frames.keys()) / len(frames)
    return 0.25 * valid + 0.25 * named


def _prompt_structure(answer: _Object, reference: object, *, timed: bool = False) -> float:
    points = [_three_points(answer.get(name)) for name in ("positive_points", "negative_points")]
    valid = _floats(answer.get("boxes"), 4) is not None and None not in points
    return 0.5 if valid and (not timed or isinstance(answer.get("time"), int | float)) else 0.0


_STRUCTURES: Mapping[type[BaseModel], Callable[[_Object, object], float]] = {
    TimeSpan: _span_structure,
    SingleBox: _box_structure,
    BoxTrack: _track_structure,
    TimedBoxTrack: functools.partial(_track_structure, timed=True),
    SegmentationPrompt: _prompt_structure,
    VideoSegmentationPrompt: functools.partial(_prompt_structure, timed=True),
}


def release_structure(spec: TaskSpec, answers: Sequence[str], references: Sequence[str]) -> Floats:
    """Return ``[N]`` what the released code pays for the form of answers, in [0, 0.5]; it counts if the format is 1.

    Half for valid fields; for tracks a quarter, and a quarter of the share of reference frames that are named, also
    where the first fails; half for any plain text.
    """
    structure = _STRUCTURES.get(spec.schema)
    if structure is None:
        return np.full(len(answers), 0.0 if spec.is_json else 0.5)
    pairs = zip(map(load_json, answers), map(load_json, references), strict=True)
    return np.array([structure(answer, wanted) if isinstance(answer, dict) else 0.0 for answer, wanted in pairs])


def _with_formula(formula: Formula) -> TaskSpec:
    return replace(TASKS[formula.__name__], accuracy=formula, maximum=1.0, constants={}, reference_fault=None)


_FORMULAS = (
    multiple_choice, numerical, regression, math, ocr, open_ended, temporal_grounding, spatial_grounding,
    spatio_temporal_grounding, tracking, image_segmentation, video_segmentation,
)  # fmt: skip
RELEASE_TASKS: Mapping[str, TaskSpec] = TaskTable([_with_formula(formula) for formula in _FORMULAS])
