"""Numeric metrics beside a plain Python loop, shapely, and SciPy's assignment row by row."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness import Row, best_of
from onethinker_rewards import metrics

COUNTS = (1, 100, 1_000, 10_000, 100_000)
SLOW = 10_000  # beyond it, what takes microseconds a row is not timed


def run() -> list[Row]:
    """Return one row for each metric, peer and size."""
    return [
        row
        for count in COUNTS
        for topic in (boxes, spans, numbers, points, rotated, pairs)
        for row in topic(count, np.random.default_rng(count))
    ]


def boxes(count: int, rng: Any) -> list[Row]:
    import shapely

    predicted, reference = _boxes(count, rng), _boxes(count, rng)
    listed = predicted.tolist(), reference.tolist()

    def loop() -> list[float]:
        return [_box_iou(*pair) for pair in zip(*listed, strict=True)]

    def polygons() -> Any:
        first, second = shapely.box(*predicted.T), shapely.box(*reference.T)
        shared = shapely.area(shapely.intersection(first, second))
        return shared / (shapely.area(first) + shapely.area(second) - shared)

    peers: dict[str, Callable[[], Any]] = {"Python loop": loop}
    if count <= SLOW:
        peers["shapely"] = polygons
    return _against("box_iou", count, lambda: metrics.box_iou(predicted, reference), peers)


def spans(count: int, rng: Any) -> list[Row]:
    predicted, reference = (np.sort(rng.uniform(0, 600, (count, 2)), axis=1) for _ in range(2))
    listed = predicted.tolist(), reference.tolist()

    def loop() -> list[float]:
        return [_temporal_iou(*pair) for pair in zip(*listed, strict=True)]

    return _against("temporal_iou", count, lambda: metrics.temporal_iou(predicted, reference), {"Python loop": loop})


def numbers(count: int, rng: Any) -> list[Row]:
    reference = rng.uniform(1, 100, count)
    predicted = reference * rng.uniform(0.4, 1.6, count)
    listed = predicted.tolist(), reference.tolist()

    def loop() -> list[float]:
        return [sum(20 * abs(p - r) < k * abs(r) for k in range(1, 11)) / 10 for p, r in zip(*listed, strict=True)]

    def ours() -> Any:
        return metrics.relative_accuracy(predicted, reference)

    return _against("relative_accuracy", count, ours, {"Python loop": loop})


def points(count: int, rng: Any) -> list[Row]:
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    rows: list[Row] = []
    for size in (3, 4, 6):
        if count > (SLOW if size <= 4 else 1_000):
            continue
        predicted, reference = rng.uniform(0, 1000, (2, count, size, 2))

        def assigned(predicted: Any = predicted, reference: Any = reference) -> list[float]:
            costs = map(cdist, predicted, reference)
            means = (cost[linear_sum_assignment(cost)].mean() for cost in costs)
            return [math.exp(-(mean**2) / 5000) for mean in means]

        def ours(predicted: Any = predicted, reference: Any = reference) -> Any:
            return metrics.point_similarity(predicted, reference)

        rows += _against(f"point_similarity, K = {size}", count, ours, {"SciPy, a row at a time": assigned})
    return rows


def rotated(count: int, rng: Any) -> list[Row]:
    import shapely

    if count > SLOW:
        return []
    predicted, reference = rng.uniform([0, 0, 1, 1, -3], [500, 500, 300, 300, 3], (2, count, 5))

    def polygons() -> Any:
        first, second = shapely.polygons(_corners(predicted)), shapely.polygons(_corners(reference))
        shared = shapely.area(shapely.intersection(first, second))
        return shared / (shapely.area(first) + shapely.area(second) - shared)

    def ours() -> Any:
        return metrics.rotated_box_iou(predicted, reference)

    return _against("rotated_box_iou", count, ours, {"shapely": polygons})


def pairs(count: int, rng: Any) -> list[Row]:
    if count > 1_000:
        return []
    predicted, reference = _boxes(count, rng), _boxes(count, rng)

    def repeated() -> Any:
        return metrics.box_iou(np.repeat(predicted, count, axis=0), np.tile(reference, (count, 1)))

    def ours() -> Any:
        return metrics.pairwise_box_iou(predicted, reference)

    return _against("pairwise_box_iou", count, ours, {"box_iou of repeated rows": repeated}, scores=count**2)


def _against(
    name: str, count: int, ours: Callable[[], Any], peers: dict[str, Callable[[], Any]], scores: int | None = None
) -> list[Row]:
    seconds = best_of(ours)
    note = f"{seconds / (scores or count) * 1e9:.4g} ns a score"
    return [Row(f"{name}, N = {count}", seconds, peer, best_of(fn, repeat=3), note) for peer, fn in peers.items()]


def _boxes(count: int, rng: Any) -> Any:
    return np.sort(rng.uniform(0, 1000, (count, 2, 2)), axis=1).reshape(count, 4)


def _corners(boxes: Any) -> Any:
    x, y, width, height, angle = boxes.T[:, :, None]
    across, along = np.array([-0.5, 0.5, 0.5, -0.5]) * width, np.array([-0.5, -0.5, 0.5, 0.5]) * height
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([x + across * cos - along * sin, y + across * sin + along * cos], axis=-1)


def _box_iou(predicted: list[float], reference: list[float]) -> float:
    left, top, right, bottom = predicted
    ref_left, ref_top, ref_right, ref_bottom = reference
    width, height = min(right, ref_right) - max(left, ref_left), min(bottom, ref_bottom) - max(top, ref_top)
    shared = max(width, 0.0) * max(height, 0.0)
    union = (right - left) * (bottom - top) + (ref_right - ref_left) * (ref_bottom - ref_top) - shared
    return shared / union if union > 0 else 0.0


def _temporal_iou(predicted: list[float], reference: list[float]) -> float:
    shared = max(min(predicted[1], reference[1]) - max(predicted[0], reference[0]), 0.0)
    union = predicted[1] - predicted[0] + reference[1] - reference[0] - shared
    return shared / union if union > 0 else 0.0
