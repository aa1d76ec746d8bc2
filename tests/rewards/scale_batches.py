"""Simulated batches: references, and what honest, random and mistaken policies answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import onethinker_rewards as otr
from tests.rewards.cases import wrap

Floats = NDArray[np.float64]
# Width and height of COCO's commonest images.
COCO_SIZES = np.array([(640, 480), (640, 427), (640, 640), (480, 640), (427, 640)], dtype=float)


def reference_boxes(rng: np.random.Generator, rows: int, kind: str) -> Floats:
    """Return ``[rows, 4]`` boxes in thousandths: of all sizes as in COCO, or small ones."""
    if kind == "small":
        sides = rng.uniform(0.008, 0.05, (rows, 2))
    else:
        sides = np.exp(rng.normal(np.log([0.22, 0.3]), 0.8, (rows, 2))).clip(0.01, 0.98)
    corner = rng.uniform(0, 1 - sides)
    return 1000 * np.concatenate((corner, corner + sides), axis=1)


def honest(rng: np.random.Generator, boxes: Floats, overlap: float) -> Floats:
    """Return boxes near these, with a mean IoU of about ``overlap`` from .35 to .9."""
    sides, spread = boxes[:, 2:] - boxes[:, :2], 0.5 * (1 - overlap)
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2 + rng.normal(0, spread, sides.shape) * sides
    halves = sides * np.exp(rng.normal(0, spread, sides.shape)) / 2
    near = np.concatenate((centers - halves, centers + halves), axis=1).clip(0, 1000)
    return np.where((near[:, :2] < near[:, 2:]).all(axis=1)[:, None], near, boxes)


def random_boxes(rng: np.random.Generator, rows: int, largest: float = 1000.0) -> Floats:
    x, y = np.sort(rng.uniform(0, largest, (2, rows, 2)), axis=2)
    return np.stack((x[:, 0], y[:, 0], x[:, 1], y[:, 1]), axis=1)


Writer = Callable[[Floats], dict[str, Any]]


def box(values: Floats) -> dict[str, Any]:
    return {"boxes": values.tolist()}


def track(values: Floats) -> dict[str, Any]:
    return {"boxes": {str(second): values.tolist() for second in range(3)}}


def timed_track(values: Floats) -> dict[str, Any]:
    return {"time": [1, 3], **track(values)}


def prompt(values: Floats) -> dict[str, Any]:
    points = [(values[:2] + values[2:]).tolist()] * 3
    points = [[min(x / 2, 1000), min(y / 2, 1000)] for x, y in points]
    return {"boxes": values.tolist(), "positive_points": points, "negative_points": points}


def detections(values: Floats) -> dict[str, Any]:
    return {"objects": [{"box": values.tolist()}] * 2}


def points(values: Floats) -> dict[str, Any]:
    return {"points": [((values[:2] + values[2:]) / 2).tolist()]}


def target_boxes(values: Floats) -> dict[str, Any]:
    return {"boxes": [values.tolist()]}


def click(values: Floats) -> dict[str, Any]:
    return {"point": ((values[:2] + values[2:]) / 2).tolist()}


def click_target(values: Floats) -> dict[str, Any]:
    return {"box": values.tolist()}


def corners(values: Floats) -> dict[str, Any]:
    x1, y1, x2, y2 = values.tolist()
    return {"corners": [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]}


def point_track(values: Floats) -> dict[str, Any]:
    return {"points": {"1": points(values)["points"][0], "2": None}}


# How answers and references of a task are written from boxes.
TASKS: dict[str, tuple[str, Writer, Writer]] = {
    "box": ("spatial_grounding", box, box),
    "track": ("tracking", track, track),
    "timed track": ("spatio_temporal_grounding", timed_track, timed_track),
    "prompt": ("image_segmentation", prompt, prompt),
    "detections": ("detection", detections, detections),
    "points": ("pointing", points, points),
    "points in boxes": ("pointing", points, target_boxes),
    "click": ("gui_click", click, click_target),
    "corners": ("rotated_box", corners, corners),
    "point track": ("point_tracking", point_track, point_track),
}


def scored(answers: Floats, references: Floats, kind: str = "box", **options: Any) -> otr.RewardBatch:
    """Score boxes ``[N, 4]`` as the answers of a task."""
    task, answer, reference = TASKS[kind]
    responses = [wrap(json.dumps(answer(values))) for values in answers]
    return otr.score(responses, [json.dumps(reference(values)) for values in references], task, **options)


def rollouts(rng: np.random.Generator, kind: str, references: int = 16, each: int = 8) -> tuple[Floats, Floats]:
    """Return the references of 128 rollouts, and each row's image size as a share of 1000, both as boxes are."""
    boxes = reference_boxes(rng, references, kind).repeat(each, axis=0)
    sizes = COCO_SIZES[rng.integers(0, len(COCO_SIZES), references)].repeat(each, axis=0)
    return boxes, np.tile(sizes / 1000, 2)
