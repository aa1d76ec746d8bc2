"""Hold our `coco_map` against pycocotools, which ``make .venv/.peers`` installs apart from the rest.

A program of its own, as `tests.metrics.box_peers` is: ``python -m tests.hacks.coco_peer``.
"""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

from tests.hacks.public_rewards import Labeled, coco_map
from tests.metrics.box_peers import importable

with importable():
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval


def official(predicted: Sequence[Labeled], reference: Sequence[Labeled]) -> float:
    """Return pycocotools' mean average precision of one image, with the same confidence for all boxes."""
    numbers = {label: number for number, label in enumerate(dict.fromkeys(item.label for item in reference))}
    truth: Any = COCO()
    truth.dataset = {
        "images": [{"id": 0}],
        "categories": [{"id": number} for number in numbers.values()],
        "annotations": [entry(item, numbers) | {"id": row, "iscrowd": 0} for row, item in enumerate(reference, 1)],
    }
    found = [entry(item, numbers) | {"score": 1.0} for item in predicted if item.label in numbers]
    if not found:
        return 0.0
    with redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation: Any = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def entry(item: Labeled, numbers: dict[str, int]) -> dict[str, Any]:
    """Return an object as COCO writes it."""
    left, top, right, bottom = item.box
    size = right - left, bottom - top
    return {
        "image_id": 0,
        "category_id": numbers[item.label],
        "bbox": [left, top, *size],
        "area": size[0] * size[1],
    }


def some_box(rng: random.Random) -> list[float]:
    """Return a box that others will often overlap."""
    left, top = rng.randint(0, 60), rng.randint(0, 60)
    return [left, top, left + rng.randint(10, 40), top + rng.randint(10, 40)]


def main() -> None:
    """Compare both on images with objects found, found twice, missed and made up, and on boxes of NaN and infinity."""
    rng = random.Random(0)
    for _ in range(200):
        reference = [Labeled(some_box(rng), rng.choice("ab")) for _ in range(rng.randint(1, 6))]
        predicted = [Labeled(some_box(rng), rng.choice("abc")) for _ in range(rng.randint(0, 4))]
        for item in reference:
            predicted += [
                Labeled([number + rng.randint(-2, 2) for number in item.box], item.label)
                for _ in range(rng.randint(0, 2))
            ]
        rng.shuffle(predicted)
        assert abs(official(predicted, reference) - coco_map(predicted, reference)) < 1e-9, (predicted, reference)
    one = [Labeled([200, 200, 600, 700])]
    nan, inf = float("nan"), float("inf")
    for box in ([nan] * 4, [-inf, -inf, inf, inf], [0, 0, inf, inf], [600, 700, 200, 200], [400, 450, 400, 450]):
        assert abs(official([Labeled(box)], one) - coco_map([Labeled(box)], one)) < 1e-9, box
    late = [Labeled([0, 0, 1, 1])] * 150 + one
    assert official(late, one) == coco_map(late, one) == 0.0


if __name__ == "__main__":
    main()
