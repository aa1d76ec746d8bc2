"""Box IoU on the processor: ours beside supervision, pycocotools, torchvision, torchmetrics and the bare formula.

Each works on the kind of array that it takes: tensors of single precision in torch, double precision elsewhere. The
bare formula is what one writes down in NumPy or torch, column by column: it divides by zero where both boxes are empty,
gives inverted boxes an area and checks nothing. No package here compares row with row. torchmetrics calls torchvision,
whose box IoU is plain torch: that its compiled operators may be for another device does not matter here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from tests.metrics import box_peers

from benchmarks.harness import Row, best_of_both
from onethinker_rewards.metrics import box_iou, pairwise_box_iou

Calls = dict[str, Callable[[], Any]]

SIDES = (10, 100, 1_000)
COUNTS = (100, 10_000, 1_000_000)


def run() -> list[Row]:
    """Return a row for each size, kind of array and peer."""
    peers = box_peers.pairwise() if box_peers.installed() else {}
    rows = [row for side in SIDES for row in pairs(side, peers)]
    return rows + [row for count in COUNTS for row in row_wise(count)]


def pairs(side: int, peers: dict[str, Callable[[Any, Any], Any]]) -> list[Row]:
    predicted, reference = boxes(side, 0), boxes(side, 1)
    arrays: Calls = {"bare formula in NumPy": lambda: bare_pairs(np, predicted, reference)}
    one, other = tensors(predicted), tensors(reference)
    in_torch: Calls = {"bare formula in torch": lambda: bare_pairs(torch, one, other)}
    if peers:
        to_sizes, coco = box_peers.corners_to_sizes, peers["pycocotools"]
        sizes, ref_sizes = to_sizes(predicted), to_sizes(reference)
        arrays["supervision"] = lambda: peers["supervision"](predicted, reference)
        arrays["pycocotools, from x1, y1, x2, y2"] = lambda: coco(to_sizes(predicted), to_sizes(reference))
        arrays["pycocotools, given x, y, w, h"] = lambda: coco(sizes, ref_sizes)
        in_torch["torchvision"] = lambda: peers["torchvision"](one, other)
        in_torch["torchmetrics"] = lambda: peers["torchmetrics"](one, other)
    name = f"pairwise_box_iou, {side:,} x {side:,}"
    return [
        *against(f"{name}, NumPy", lambda: pairwise_box_iou(predicted, reference), arrays, side**2),
        *against(f"{name}, torch", lambda: pairwise_box_iou(one, other), in_torch, side**2),
    ]


def row_wise(count: int) -> list[Row]:
    predicted, reference = boxes(count, 0), boxes(count, 1)
    one, other = tensors(predicted), tensors(reference)
    arrays: Calls = {"bare formula in NumPy": lambda: bare(np, predicted, reference)}
    in_torch: Calls = {"bare formula in torch": lambda: bare(torch, one, other)}
    return [
        *against(f"box_iou, {count:,} rows, NumPy", lambda: box_iou(predicted, reference), arrays, count),
        *against(f"box_iou, {count:,} rows, torch", lambda: box_iou(one, other), in_torch, count),
    ]


def against(name: str, ours: Callable[[], Any], peers: Calls, scores: int) -> list[Row]:
    rows: list[Row] = []
    for peer, call in peers.items():
        ours_s, peer_s = best_of_both(ours, call)
        rows.append(Row(name, ours_s, peer, peer_s, f"{ours_s / scores * 1e9:.3g} ns a score"))
    return rows


def boxes(count: int, seed: int) -> Any:
    corners = np.random.default_rng(seed).uniform(0, 1000, (count, 2, 2))
    return np.sort(corners, axis=1).reshape(count, 4)


def tensors(rows: Any) -> Any:
    return torch.tensor(rows, dtype=torch.float32)


def bare_pairs(xp: Any, predicted: Any, reference: Any) -> Any:
    return bare(xp, predicted[:, None], reference[None])


def bare(xp: Any, predicted: Any, reference: Any) -> Any:
    """Return the formula in either library's own functions."""
    left, top, right, bottom = (predicted[..., column] for column in range(4))
    ref_left, ref_top, ref_right, ref_bottom = (reference[..., column] for column in range(4))
    width = (xp.minimum(right, ref_right) - xp.maximum(left, ref_left)).clip(0)
    height = (xp.minimum(bottom, ref_bottom) - xp.maximum(top, ref_top)).clip(0)
    shared = width * height
    area, ref_area = (right - left) * (bottom - top), (ref_right - ref_left) * (ref_bottom - ref_top)
    return shared / (area + ref_area - shared)
