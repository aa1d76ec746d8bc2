"""Finding objects in an image: all of them by boxes or points, one by a click or by a box that is turned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from onethinker_rewards import metrics
from onethinker_rewards.answers import (
    BoxColumns,
    ClickColumns,
    ClickPoint,
    ClickTarget,
    CornersColumns,
    DetectionColumns,
    Detections,
    Floats,
    Integers,
    LabeledDetections,
    PointsColumns,
    PointSet,
    PointTargets,
    RotatedBox,
    TargetsColumns,
)
from onethinker_rewards.metrics.iou import broadcast_box_iou
from onethinker_rewards.metrics.matching import matched_sums, pair_blocks
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec

# From the indices of predicted and of reference objects, ``[R, n]`` and ``[R, m]``, to the scores of all their pairs,
# ``[R, n, m]``.
PairScores = Callable[[Integers, Integers], Floats]


def assigned(starts: Integers, ref_starts: Integers, pair_scores: PairScores) -> Scores:
    """Return 2S / (n + m), where S is the largest sum of scores of a one-to-one assignment; nothing of nothing is 1.

    Args:
        starts: ``[N + 1]`` where each row's predicted objects start.
        ref_starts: ``[N + 1]`` where its reference objects start.
        pair_scores: Scores all pairs of rows of equal shape.
    """
    counts, ref_counts = np.diff(starts), np.diff(ref_starts)
    sums = np.zeros(len(counts))
    for rows, objects, ref_objects in pair_blocks(starts, ref_starts):
        sums[rows] = matched_sums(pair_scores(objects, ref_objects))
    shares = {"precision": (counts, ref_counts), "recall": (ref_counts, counts)}
    parts = {name: _share(sums, of, other) for name, (of, other) in shares.items()}
    return Scores(_share(2.0 * sums, counts + ref_counts, counts), parts)


def _share(sums: Floats, counts: Integers, other_counts: Integers) -> Floats:
    """Return sums over counts; 0/0 is 1 where the other side has nothing either."""
    nothing = (counts == 0) & (other_counts == 0)
    return np.where(nothing, 1.0, sums / np.maximum(counts, 1))


def detection(predicted: DetectionColumns, reference: DetectionColumns, context: Context) -> Scores:
    """R_acc = 2 ΣIoU / (n + m) under the one-to-one assignment within labels that maximizes ΣIoU."""
    texts, ref_texts = predicted.labels.tolist(), reference.labels.tolist()
    numbers = {label: number for number, label in enumerate({"", *texts, *ref_texts})}
    labels, ref_labels = (np.fromiter(map(numbers.__getitem__, side), np.int64) for side in (texts, ref_texts))
    # A reference without labels makes all objects one label.
    labels[~reference.are_labeled[predicted.row_of]] = numbers[""]

    def pair_scores(objects: Integers, ref_objects: Integers) -> Floats:
        boxes, ref_boxes = predicted.boxes[objects][:, :, None], reference.boxes[ref_objects][:, None]
        same_label = labels[objects][:, :, None] == ref_labels[ref_objects][:, None]
        return broadcast_box_iou(np, boxes, ref_boxes) * same_label

    return assigned(predicted.starts, reference.starts, pair_scores)


DETECTION = TaskSpec(
    name="detection",
    schema=Detections,
    reference_schema=LabeledDetections,
    accuracy=detection,
    parts=("precision", "recall"),
    instruction=(
        "List every object that is asked for, each once, as a JSON object: its box as x1, y1, x2, y2 in thousandths "
        "of the image's width and height, the upper left corner first, and its label. If there is none, give an "
        "empty list."
    ),
    example='{"objects": [{"box": [35, 227, 437, 932], "label": "cat"}, {"box": [510, 240, 876, 905], "label": "dog"}'
    "]}",
)


def pointing(predicted: PointsColumns, reference: TargetsColumns, context: Context) -> Scores:
    """R_acc = 2 ΣG(d) / (n + m) under the assignment that maximizes ΣG(d); a box gives 1 to a point inside, else 0."""
    sigma = context.constants["point_sigma"]

    def similarities(points: Integers, ref_points: Integers) -> Floats:
        apart = predicted.points[points][:, :, None] - reference.points.points[ref_points][:, None]
        return gaussian(np.hypot(apart[..., 0], apart[..., 1]), sigma)

    def are_inside(points: Integers, boxes: Integers) -> Floats:
        at, ref_boxes = predicted.points[points][:, :, None], reference.boxes.boxes[boxes][:, None]
        return (distance_to_box(at, ref_boxes) == 0.0).astype(np.float64)

    by_points = assigned(predicted.starts, reference.points.starts, similarities)
    by_boxes = assigned(predicted.starts, reference.boxes.starts, are_inside)
    parts = {
        name: np.where(reference.by_boxes, by_boxes.parts[name], by_points.parts[name]) for name in by_points.parts
    }
    return Scores(np.where(reference.by_boxes, by_boxes.accuracy, by_points.accuracy), parts)


def gaussian(distance: Floats, sigma: float) -> Floats:
    """Return G(d) = exp(-d² / 2σ²)."""
    return np.exp(-0.5 * (distance / sigma) ** 2)


def distance_to_box(points: Floats, boxes: Floats) -> Floats:
    """Return the distance from ``[..., 2]`` points to ``[..., 4]`` boxes, which is 0 on their border and inside."""
    beside = [
        np.maximum(np.maximum(boxes[..., axis] - points[..., axis], points[..., axis] - boxes[..., axis + 2]), 0.0)
        for axis in (0, 1)
    ]
    return np.hypot(*beside)


POINTING = TaskSpec(
    name="pointing",
    schema=PointSet,
    reference_schema=PointTargets,
    accuracy=pointing,
    parts=("precision", "recall"),
    # Thousandths of width and height.
    constants={"point_sigma": 50.0},
    instruction=(
        "Point at every object that is asked for, one point each, as a JSON object with x, y in thousandths of the "
        "image's width and height. If there is none, give an empty list."
    ),
    example='{"points": [[236, 580], [693, 572]]}',
)


def gui_click(predicted: ClickColumns, reference: BoxColumns, context: Context) -> Scores:
    """R_acc = 1 if x1 <= x <= x2 and y1 <= y <= y2, else 0; or a weighted mean of that and G(distance to the box)."""
    distance = distance_to_box(predicted.points, reference.boxes)
    inside = (distance == 0.0).astype(np.float64)
    proximity = gaussian(distance, context.constants["point_sigma"])
    weight = context.constants["proximity_weight"]
    return Scores((1.0 - weight) * inside + weight * proximity, {"proximity": proximity})


GUI_CLICK = TaskSpec(
    name="gui_click",
    schema=ClickPoint,
    reference_schema=ClickTarget,
    accuracy=gui_click,
    parts=("proximity",),
    # Thousandths of width and height; a weight from 0 to 1.
    constants={"point_sigma": 50.0, "proximity_weight": 0.0},
    instruction=(
        "Give the one point to click as a JSON object with x, y in thousandths of the screenshot's width and height."
    ),
    example='{"point": [512, 87]}',
)


def rotated_box(predicted: CornersColumns, reference: CornersColumns, context: Context) -> Scores:
    """R_acc = IoU of the polygons."""
    polygon_iou: Any = metrics.polygon_iou(predicted.corners, reference.corners)
    return Scores(polygon_iou, {"polygon_iou": polygon_iou})


ROTATED_BOX = TaskSpec(
    name="rotated_box",
    schema=RotatedBox,
    accuracy=rotated_box,
    parts=("polygon_iou",),
    instruction=(
        "Give the box that fits the object most tightly, turned as the object is, as a JSON object with its four "
        "corners one after the other around the box: x, y in thousandths of the image's width and height."
    ),
    example='{"corners": [[310, 200], [620, 340], [540, 520], [230, 380]]}',
)
