"""The formulas of the tasks beyond the paper as the design states them: one row, JSON in, a number out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from tests import oracles_numeric as oracle

Value = dict[str, Any]
SIGMA = 50.0


def gaussian(distance: float) -> float:
    return math.exp(-(distance**2) / (2 * SIGMA**2))


def is_in_box(point: Sequence[float], box: Sequence[float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _f1(predicted: Sequence[Any], reference: Sequence[Any], score: Callable[[Any, Any], float]) -> float:
    return oracle.matched_f1([[score(item, other) for other in reference] for item in predicted], len(reference))


def detection(predicted: Value, reference: Value) -> float:
    has_labels = any(item.get("label", "").strip() for item in reference["objects"])

    def score(item: Value, other: Value) -> float:
        labels = [thing.get("label", "").strip().casefold() for thing in (item, other)]
        return oracle.box_iou(item["box"], other["box"]) if not has_labels or labels[0] == labels[1] else 0.0

    return _f1(predicted["objects"], reference["objects"], score)


def pointing(predicted: Value, reference: Value) -> float:
    if "boxes" in reference:
        return _f1(predicted["points"], reference["boxes"], lambda point, box: float(is_in_box(point, box)))
    return _f1(predicted["points"], reference["points"], lambda point, other: gaussian(math.dist(point, other)))


def gui_click(predicted: Value, reference: Value) -> float:
    return float(is_in_box(predicted["point"], reference["box"]))


def proximity(predicted: Value, reference: Value) -> float:
    x, y = predicted["point"]
    left, top, right, bottom = reference["box"]
    return gaussian(math.dist((x, y), (min(max(x, left), right), min(max(y, top), bottom))))


def rotated_box(predicted: Value, reference: Value) -> float:
    return oracle.convex_iou(*([tuple(corner) for corner in side["corners"]] for side in (predicted, reference)))


def temporal_segments(predicted: Value, reference: Value) -> float:
    return _f1(predicted["times"], reference["times"], oracle.temporal_iou)


def point_tracking(predicted: Value, reference: Value) -> float:
    """TAP-Vid's average Jaccard of one track: google-deepmind/tapnet, tapnet/tapvid/evaluation_datasets.py."""
    frames = [(predicted["points"].get(second), point) for second, point in reference["points"].items()]
    if all(said is None and right is None for said, right in frames):
        return 1.0
    jaccards: list[float] = []
    for threshold in (1, 2, 4, 8, 16):
        true_positives = false_positives = visible = 0
        for said, right in frames:
            visible += right is not None
            is_near = None not in (said, right) and 256 * math.dist(said, right) / 1000 < threshold
            true_positives += is_near
            false_positives += said is not None and not is_near
        jaccards.append(true_positives / (visible + false_positives))
    return sum(jaccards) / 5


def image_quality(predicted: str, reference: Value) -> float:
    low, high, score = (Fraction(number) for number in (*reference["scale"], reference["score"]))
    said = Fraction(float(predicted.replace(",", "")))
    return float(max(Fraction(0), 1 - abs(said - score) / ((high - low) / 8))) if low <= said <= high else 0.0


def ordering(predicted: Value, reference: Value) -> float:
    """Kendall's tau: the pairs in the right order, less those in the wrong one, over all pairs."""
    order, right = predicted["order"], reference["order"]
    if sorted(order) != sorted(right):
        return 0.0
    if len(right) == 1:
        return 1.0
    ranks = [right.index(item) for item in order]
    pairs = [(i, j) for i in range(len(ranks)) for j in range(i + 1, len(ranks))]
    return max(0.0, sum(1 if ranks[i] < ranks[j] else -1 for i, j in pairs) / len(pairs))


FORMULAS: dict[str, Callable[[Any, Any], float]] = {
    formula.__name__: formula
    for formula in (
        detection,
        pointing,
        gui_click,
        rotated_box,
        temporal_segments,
        point_tracking,
        image_quality,
        ordering,
    )
}
