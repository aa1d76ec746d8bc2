"""Masks beside vos-benchmark and trackeval (OpenCV's dilation), pycocotools and plain NumPy, one ellipse a mask."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np

from benchmarks.harness import Row, best_of_both
from onethinker_rewards import metrics
from onethinker_rewards.evaluation import ImageTotals, encode_mask, j_and_f, mask_overlaps, read_mask

SIZES = ((240, 427), (480, 854), (1080, 1920))
COUNT = 8
# A batch of run lengths, as gIoU and cIoU take it.
PAIRS = 64

Pair = tuple[Any, Any]


def _masks(rng: np.random.Generator, shape: tuple[int, int], count: int = COUNT) -> np.ndarray:
    y, x = np.indices(shape)
    centers = rng.uniform(0.3, 0.7, (count, 2)) * shape
    axes = rng.uniform(0.1, 0.3, (count, 2)) * shape
    pairs = zip(centers, axes, strict=True)
    return np.stack([((y - cy) / ay) ** 2 + ((x - cx) / ax) ** 2 < 1 for (cy, cx), (ay, ax) in pairs])


def _pair(shape: tuple[int, int], count: int = COUNT) -> Pair:
    return _masks(np.random.default_rng(1), shape, count), _masks(np.random.default_rng(2), shape, count)


def _plain_iou(predicted: np.ndarray, reference: np.ndarray) -> Any:
    return (predicted & reference).sum(axis=(1, 2)) / (predicted | reference).sum(axis=(1, 2))


def _plain_totals(predicted: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    counts = [((one & other).sum(), (one | other).sum()) for one, other in zip(predicted, reference, strict=True)]
    common, union = np.array(counts).T
    return float(np.mean(common / union)), float(common.sum() / union.sum())


def _peers() -> tuple[Any, Any, Any]:
    sys.path.append(".venv/peers")
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from pycocotools import mask
        from trackeval.metrics import JAndF
        from vos_benchmark.evaluator import Evaluator

        JAndF().eval_sequence(
            _sequence([encode_mask(np.eye(9, dtype=bool))] * 4, [encode_mask(np.eye(9, dtype=bool))] * 4)
        )
    sys.path.remove(".venv/peers")
    return mask, JAndF, Evaluator


def _vos_benchmark(evaluator: Any) -> Callable[[np.ndarray, np.ndarray], object]:
    def both(predicted: np.ndarray, reference: np.ndarray) -> object:
        frames = evaluator()
        for pair in zip(predicted.astype(np.uint8), reference.astype(np.uint8), strict=True):
            frames.feed_frame(*pair)
        return frames.conclude()

    return both


def _sequence(predicted: Sequence[Any], reference: Sequence[Any]) -> dict[str, Any]:
    """Return a video of one object as trackeval takes it; it fills the lists in, so each run needs its own."""
    frames = len(predicted)
    return {
        "num_timesteps": frames,
        "num_tracker_ids": 1,
        "num_gt_ids": 1,
        "tracker_dets": [[mask] for mask in predicted],
        "gt_dets": [[mask] for mask in reference],
        "tracker_ids": [[0]] * frames,
        "gt_ids": [[0]] * frames,
    }


def run() -> list[Row]:
    """Measure arrays beside formula and evaluator, then encoded masks, whole videos and whole data sets."""
    coco, metric, evaluator = _peers()
    both = _vos_benchmark(evaluator)
    rows: list[Row] = []
    for shape in SIZES:
        size = f"{COUNT} masks of {shape[0]} by {shape[1]}"
        rows += _of_arrays(_pair(shape), size, both)
    for shape in SIZES[:2]:
        size = f"{shape[0]} by {shape[1]}"
        rows += [*_of_videos(_pair(shape), size, both, metric), *_of_images(_pair(shape, PAIRS), size)]
        rows += _of_runs(_pair(shape, PAIRS), size, coco)
    return rows


def _of_arrays(pair: Pair, size: str, both: Callable[..., object]) -> list[Row]:
    iou = best_of_both(lambda: metrics.mask_iou(*pair), lambda: _plain_iou(*pair), repeat=5)
    scores = best_of_both(lambda: (metrics.mask_iou(*pair), metrics.boundary_f(*pair)), lambda: both(*pair), repeat=3)
    return [
        Row(f"mask_iou, {size}", iou[0], "NumPy's sums along axes", iou[1]),
        Row(f"mask_iou and boundary_f, {size}", scores[0], "vos-benchmark", scores[1]),
    ]


def _of_videos(pair: Pair, size: str, both: Callable[..., object], metric: Any) -> list[Row]:
    arrays = best_of_both(lambda: j_and_f(*pair), lambda: both(*pair), repeat=3)
    encoded = [[encode_mask(mask) for mask in side] for side in pair]
    texts = best_of_both(lambda: j_and_f(*encoded), lambda: metric().eval_sequence(_sequence(*encoded)), repeat=3)
    return [
        Row(f"j_and_f, {COUNT} frames of {size}", arrays[0], "vos-benchmark", arrays[1]),
        Row(f"j_and_f of run lengths, {COUNT} frames of {size}", texts[0], "trackeval", texts[1]),
    ]


def _of_images(pair: Pair, size: str) -> list[Row]:
    def ours() -> object:
        totals = ImageTotals()
        totals.update(*pair)
        return totals.result()

    times = best_of_both(ours, lambda: _plain_totals(*pair), repeat=5)
    return [Row(f"gIoU and cIoU, {PAIRS} masks of {size}", times[0], "a NumPy loop", times[1])]


def _of_runs(pair: Pair, size: str, coco: Any) -> list[Row]:
    predicted, reference = ([encode_mask(mask) for mask in side] for side in pair)
    mask = pair[0][0]
    overlaps = best_of_both(
        lambda: mask_overlaps(predicted, reference).iou(0.0),
        lambda: [coco.iou([one], [other], [0]) for one, other in zip(predicted, reference, strict=True)],
    )
    drawn = list(pair[0][:COUNT])
    group = best_of_both(
        lambda: mask_overlaps(drawn, [read_mask(reference[0])] * COUNT).iou(0.0),
        lambda: coco.iou([coco.encode(np.asfortranarray(mask.view(np.uint8))) for mask in drawn], reference[:1], [0]),
    )
    reading = best_of_both(lambda: read_mask(predicted[0]), lambda: coco.decode(predicted[0]))
    writing = best_of_both(lambda: encode_mask(mask), lambda: coco.encode(np.asfortranarray(mask.view(np.uint8))))
    return [
        Row(f"IoU of {PAIRS} pairs of run lengths, {size}", overlaps[0], "pycocotools, a call a pair", overlaps[1]),
        Row(f"IoU of {COUNT} arrays with one of run lengths, {size}", group[0], "pycocotools", group[1]),
        Row(f"read_mask of run lengths, {size}", reading[0], "pycocotools", reading[1]),
        Row(f"encode_mask, {size}", writing[0], "pycocotools", writing[1]),
    ]
