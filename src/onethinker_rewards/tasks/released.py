"""What the released code computes, task by task and row by row, number for number.

It is kept apart from our formulas on purpose: it accepts what no schema accepts (numbers as strings or
booleans, inverted boxes), so nothing but plain Python says exactly what it does. Accuracy is in [0, 1];
structure is what is paid for the form of the answer.
"""

from __future__ import annotations

import itertools
import math as mathematics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson
from pydantic import BaseModel

from onethinker_rewards import metrics
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.schemas import Number, OptionLetter, Text
from onethinker_rewards.tasks.spec import Context, ReleasedScores

__all__ = [
    "image_segmentation",
    "math",
    "multiple_choice",
    "numerical",
    "ocr",
    "open_ended",
    "reads_reference",
    "regression",
    "spatial_grounding",
    "spatio_temporal_grounding",
    "temporal_grounding",
    "tracking",
    "video_segmentation",
]

STRUCTURE = 0.5
POINT_SIGMA = 50.0
TIME_SCALE = 2.0
_LEAST_UNION = 1e-12

_Rows = Sequence[str]


class _each:  # noqa: N801 - a decorator
    """A row's formula, made one of many rows."""

    def __init__(self, score: Callable[[str, str, str], ReleasedScores]) -> None:
        self._score = score
        self.__doc__ = score.__doc__

    def __call__(self, compared: _Rows, tagged: _Rows, references: _Rows, context: Context) -> list[ReleasedScores]:
        return list(map(self._score, compared, tagged, references))

    def __reduce__(self) -> str:
        # As functions are pickled: by the name that stands for it here.
        return self._score.__name__


# Text answers.


_BRACKETS = frozenset({"()", "[]", "{}"})


def _without_brackets(text: str) -> str:
    # By places, since a copy for each bracket is quadratic where there are very many.
    start, end = 0, len(text)
    while True:
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        if end - start < 2 or text[start] + text[end - 1] not in _BRACKETS:
            return text[start:end]
        start, end = start + 1, end - 1


def _equal_folded(one: str, other: str) -> bool:
    # Casefolding makes no text shorter.
    folded = other.casefold()
    return len(one) <= len(folded) and one.casefold() == folded


@_each
def multiple_choice(compared: str, tagged: str, reference: str) -> ReleasedScores:
    """1 where both are equal after casefolding and stripping outer brackets."""
    equal = float(_equal_folded(_without_brackets(compared), _without_brackets(reference)))
    return ReleasedScores(equal, parts={"option_match": equal})


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


@_each
def numerical(compared: str, tagged: str, reference: str) -> ReleasedScores:
    """1 where both are equal when rounded to two decimals."""
    left, right = _number(compared), _number(reference)
    if left is None or right is None:
        return ReleasedScores(0.0, parts={"number_match": 0.0}, failure=FailureCode.NOT_A_NUMBER)
    equal = float(round(right, 2) == round(left, 2))
    return ReleasedScores(equal, parts={"number_match": equal})


_THRESHOLDS = np.float32(1) - (0.5 + 0.05 * np.arange(10)).astype(np.float32)


@_each
def regression(compared: str, tagged: str, reference: str) -> ReleasedScores:
    """The mean relative accuracy in float32, with 1e-8 added to the reference's magnitude."""
    left, right = _number(compared), _number(reference)
    if left is None or right is None:
        return ReleasedScores(0.0, parts={"relative_accuracy": 0.0}, failure=FailureCode.NOT_A_NUMBER)
    with np.errstate(over="ignore", invalid="ignore"):
        predicted, wanted = np.float32(left), np.float32(right)
        error = np.abs(predicted - wanted) / (np.abs(wanted) + np.float32(1e-8))
    share = float(np.float32((error < _THRESHOLDS).sum()) / np.float32(10))
    return ReleasedScores(share, parts={"relative_accuracy": share})


def ocr(compared: _Rows, tagged: _Rows, references: _Rows, context: Context) -> list[ReleasedScores]:
    """1 - WER, not below 0."""
    accuracy = np.clip(1.0 - metrics.word_error_rate(compared, references), 0.0, 1.0)
    return [ReleasedScores(score, parts={"word_accuracy": score}) for score in accuracy.tolist()]


def open_ended(compared: _Rows, tagged: _Rows, references: _Rows, context: Context) -> list[ReleasedScores]:
    """The mean F of ROUGE-1, -2 and -L."""
    rouge = np.clip(metrics.rouge(compared, references), 0.0, 1.0)
    return [ReleasedScores(score, parts={"rouge": score}) for score in rouge.tolist()]


def math(compared: _Rows, tagged: _Rows, references: _Rows, context: Context) -> list[ReleasedScores]:
    """1 where math-verify, given both texts as they are, finds them equal."""
    equal = metrics.release_math_equal(compared, references, pool=context.pool)
    return [ReleasedScores(score, parts={"math_equal": score}) for score in map(float, equal.tolist())]


# JSON answers.


def _loaded(text: str) -> Any:
    """Decode JSON; None where it is none, which non-finite numbers make it."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


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
    whole = _area(left) + _area(right) - shared
    return shared / whole if whole > _LEAST_UNION else 0.0


def _area(box: list[float]) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _both_objects(compared: str, reference: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    left, right = _loaded(compared), _loaded(reference)
    return (left, right) if isinstance(left, dict) and isinstance(right, dict) else None


@_each
def temporal_grounding(compared: str, tagged: str, reference: str) -> ReleasedScores:
    """TIoU; structure for two numbers."""
    answer = _loaded(tagged)
    paid = STRUCTURE if isinstance(answer, dict) and _floats(answer.get("time"), 2) else 0.0
    both = _both_objects(compared, reference)
    if both is None:
        return ReleasedScores(0.0, paid, {"temporal_iou": 0.0}, FailureCode.INVALID_JSON)
    temporal_iou = _span_iou(both[0].get("time"), both[1].get("time"))
    return ReleasedScores(temporal_iou, paid, {"temporal_iou": temporal_iou})


@_each
def spatial_grounding(compared: str, tagged: str, reference: str) -> ReleasedScores:
    """SIoU; structure for four numbers."""
    answer = _loaded(tagged)
    paid = STRUCTURE if isinstance(answer, dict) and _floats(answer.get("boxes"), 4) else 0.0
    both = _both_objects(compared, reference)
    if both is None:
        return ReleasedScores(0.0, paid, {"box_iou": 0.0}, FailureCode.INVALID_JSON)
    box_iou = _box_iou(both[0].get("boxes"), both[1].get("boxes"))
    return ReleasedScores(box_iou, paid, {"box_iou": box_iou})


def _track_structure(tagged: str, reference: str, *, timed: bool) -> float:
    """A quarter for a valid track, and a quarter of the share of reference frames named, valid or not."""
    answer, wanted = _loaded(tagged), _loaded(reference)
    if not isinstance(answer, dict):
        return 0.0
    boxes = answer.get("boxes")
    valid = isinstance(boxes, dict) and all(_floats(box, 4) is not None for box in boxes.values())
    if timed:
        time = answer.get("time")
        valid = valid and isinstance(time, list) and len(time) == 2
    named = 0.0
    if isinstance(wanted, dict):
        frames = wanted.get("boxes", {})
        boxes = answer.get("boxes", {})
        if isinstance(boxes, dict) and isinstance(frames, dict) and frames:
            named = len(boxes.keys() & frames.keys()) / len(frames)
    return 0.25 * valid + 0.25 * named


@_each
def spatio_temporal_grounding(compared: str, tagged: str, reference: str) -> ReleasedScores:
    """Half tIoU, half the mean sIoU over the frames that both name."""
    paid = _track_structure(tagged, reference, timed=True)
    both = _both_objects(compared, reference)
    if both is None:
        return ReleasedScores(0.0, paid, {"temporal_iou": 0.0, "box_iou": 0.0}, FailureCode.INVALID_JSON)
    temporal_iou = _span_iou(both[0].get("time"), both[1].get("time"))
    box_iou = _shared_frames_iou(both[0].get("boxes"), both[1].get("boxes"))
    parts = {"temporal_iou": temporal_iou, "box_iou": box_iou}
    return ReleasedScores(0.5 * temporal_iou + 0.5 * box_iou, paid, parts)


def _shared_frames_iou(predicted: Any, reference: Any) -> float:
    if not isinstance(predicted, dict) or not isinstance(reference, dict):
        return 0.0
    shared = [_box_iou(box, reference[frame]) for frame, box in predicted.items() if frame in reference]
    return sum(shared) / len(shared) if shared else 0.0


@_each
def tracking(compared: str, tagged: str, reference: str) -> ReleasedScores:
    """Mean sIoU over the reference's frames."""
    paid = _track_structure(tagged, reference, timed=False)
    both = _both_objects(compared, reference)
    if both is None:
        return ReleasedScores(0.0, paid, {"box_iou": 0.0}, FailureCode.INVALID_JSON)
    predicted, wanted = both[0].get("boxes"), both[1].get("boxes")
    box_iou = 0.0
    if isinstance(predicted, dict) and isinstance(wanted, dict) and wanted:
        box_iou = sum(_box_iou(predicted.get(frame), box) for frame, box in wanted.items()) / len(wanted)
    return ReleasedScores(box_iou, paid, {"box_iou": box_iou})


def _three_points(value: Any) -> list[list[float]] | None:
    if not isinstance(value, list) or len(value) != 3:
        return None
    points = [_floats(point, 2) for point in value]
    sound = [point for point in points if point is not None]
    return sound if len(sound) == 3 else None


def _points_similarity(predicted: list[list[float]], reference: list[list[float]]) -> float:
    total = min(
        sum(mathematics.dist(point, reference[place]) for point, place in zip(predicted, order, strict=True))
        for order in itertools.permutations(range(3))
    )
    # Far past the last distance that gives more than 0: the square of a coordinate such as 1e308 is no double.
    mean = min(total / 3.0, 1e6)
    return mathematics.exp(-(mean**2) / (2.0 * POINT_SIGMA**2))


def _is_time(value: Any) -> bool:
    # A boolean is an integer here, as it is there.
    return isinstance(value, int | float)


def _prompt_structure(tagged: str, *, timed: bool) -> float:
    answer = _loaded(tagged)
    valid = (
        isinstance(answer, dict)
        and (not timed or _is_time(answer.get("time")))
        and _floats(answer.get("boxes"), 4) is not None
        and _three_points(answer.get("positive_points")) is not None
        and _three_points(answer.get("negative_points")) is not None
    )
    return STRUCTURE if valid else 0.0


_PROMPT_PARTS = {"box_iou": 0.0, "positive_points": 0.0, "negative_points": 0.0}


def _prompt_parts(answer: dict[str, Any], reference: dict[str, Any]) -> dict[str, float] | None:
    """Return box IoU and point similarities, or None where either side has not three points and three."""
    similarities: dict[str, float] = {"box_iou": _box_iou(answer.get("boxes"), reference.get("boxes"))}
    for name in ("positive_points", "negative_points"):
        left, right = _three_points(answer.get(name)), _three_points(reference.get(name))
        if left is None or right is None:
            return None
        similarities[name] = _points_similarity(left, right)
    return similarities


@_each
def image_segmentation(compared: str, tagged: str, reference: str) -> ReleasedScores:
    """Half sIoU, a quarter for each kind of points."""
    paid = _prompt_structure(tagged, timed=False)
    both = _both_objects(compared, reference)
    parts = _prompt_parts(*both) if both is not None else None
    if parts is None:
        failure = FailureCode.INVALID_JSON if both is None else FailureCode.WRONG_TYPE
        return ReleasedScores(0.0, paid, _PROMPT_PARTS, failure)
    accuracy = 0.5 * parts["box_iou"] + 0.25 * parts["positive_points"] + 0.25 * parts["negative_points"]
    return ReleasedScores(accuracy, paid, parts)


@_each
def video_segmentation(compared: str, tagged: str, reference: str) -> ReleasedScores:
    """0.3 sIoU, 0.3 exp(-|dt|/2), 0.2 for each kind of points."""
    paid = _prompt_structure(tagged, timed=True)
    both = _both_objects(compared, reference)
    parts = _prompt_parts(*both) if both is not None else None
    if both is None or parts is None or not (_is_time(both[0].get("time")) and _is_time(both[1].get("time"))):
        failure = FailureCode.INVALID_JSON if both is None else FailureCode.WRONG_TYPE
        return ReleasedScores(0.0, paid, {**_PROMPT_PARTS, "time_proximity": 0.0}, failure)
    difference = abs(float(both[0]["time"]) - float(both[1]["time"]))
    parts["time_proximity"] = mathematics.exp(-difference / TIME_SCALE)
    accuracy = (
        0.3 * parts["box_iou"]
        + 0.3 * parts["time_proximity"]
        + 0.2 * parts["positive_points"]
        + 0.2 * parts["negative_points"]
    )
    return ReleasedScores(accuracy, paid, parts)


def reads_reference(schema: type[BaseModel], reference: str) -> bool:
    """Say whether the released code could make anything of a reference."""
    if issubclass(schema, Number):
        return _number(reference) is not None
    if issubclass(schema, OptionLetter | Text):
        return bool(reference.strip())
    return isinstance(_loaded(reference), dict)
