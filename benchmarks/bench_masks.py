"""Masks: ours beside vos-benchmark (OpenCV's dilation) and a plain NumPy formula, one ellipse a mask."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness import Row, best_of_both
from onethinker_rewards import metrics

SIZES = ((240, 427), (480, 854), (1080, 1920))
COUNT = 8


def _masks(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    y, x = np.indices(shape)
    centres = rng.uniform(0.3, 0.7, (COUNT, 2)) * shape
    axes = rng.uniform(0.1, 0.3, (COUNT, 2)) * shape
    pairs = zip(centres, axes, strict=True)
    return np.stack([((y - cy) / ay) ** 2 + ((x - cx) / ax) ** 2 < 1 for (cy, cx), (ay, ax) in pairs])


def _plain_iou(predicted: np.ndarray, reference: np.ndarray) -> Any:
    return (predicted & reference).sum(axis=(1, 2)) / (predicted | reference).sum(axis=(1, 2))


def _evaluator() -> Callable[[np.ndarray, np.ndarray], object]:
    sys.path.append(".venv/peers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from vos_benchmark.evaluator import Evaluator
    sys.path.remove(".venv/peers")

    def both(predicted: np.ndarray, reference: np.ndarray) -> object:
        evaluator = Evaluator()
        for pair in zip(predicted.astype(np.uint8), reference.astype(np.uint8), strict=True):
            evaluator.feed_frame(*pair)
        return evaluator.conclude()

    return both


def run() -> list[Row]:
    """Measure IoU beside the formula, and IoU and boundary together beside the peer, which gives both."""
    rows: list[Row] = []
    peer = _evaluator()
    for shape in SIZES:
        predicted, reference = (_masks(np.random.default_rng(seed), shape) for seed in (1, 2))
        size = f"{COUNT} masks of {shape[0]} by {shape[1]}"
        pair = predicted, reference
        times = best_of_both(lambda p=pair: metrics.mask_iou(*p), lambda p=pair: _plain_iou(*p), repeat=5)
        rows.append(Row(f"mask_iou, {size}", times[0], "NumPy's sums along axes", times[1]))
        times = best_of_both(
            lambda p=pair: (metrics.mask_iou(*p), metrics.boundary_f(*p)), lambda p=pair: peer(*p), repeat=3
        )
        rows.append(Row(f"mask_iou and boundary_f, {size}", times[0], "vos-benchmark", times[1]))
    return rows
