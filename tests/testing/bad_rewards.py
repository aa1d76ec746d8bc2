"""Rewards of detection that pay for what is not an answer, as public code has them; each with the law that it breaks.

Each is written from its published definition, in the plainest form that has the fault.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import onethinker_rewards as otr
from onethinker_rewards.metrics import pairwise_box_iou

Totals = Callable[[list[str], list[str], str], Any]


def of_objects(accuracy: Callable[[list[Any], list[Any], Any], float]) -> Totals:
    """Return totals, format 1 and an accuracy, of predicted and reference objects and the IoU of all their pairs."""

    def totals(responses: list[str], references: list[str], task: str) -> list[float]:
        scores: list[float] = []
        for response, reference in zip(responses, references, strict=True):
            predicted = otr.parse(response, task).answer.objects
            right = otr.parse_reference(reference, task).objects
            if predicted and right:
                iou = pairwise_box_iou([item.box for item in predicted], [item.box for item in right])
                scores.append(1.0 + accuracy(predicted, right, iou))
            else:
                scores.append(2.0 if not (predicted or right) else 1.0)
        return scores

    return totals


def matches(iou: Any, threshold: float = 0.5) -> list[tuple[int, int]]:
    """Return the one-to-one pairs above a threshold of IoU, greedily from the best."""
    found: list[tuple[int, int]] = []
    for row, column in sorted(((i, j) for i in range(len(iou)) for j in range(len(iou[0]))), key=lambda p: -iou[p]):
        if iou[row, column] >= threshold and all(row != i and column != j for i, j in found):
            found.append((row, column))
    return found


def clipped(predicted: list[Any], right: list[Any], iou: Any) -> float:
    """Vero: mean IoU + 0.75 F1 - a quarter of the shares of junk and misses, clipped to [0, 1]; labels are ignored."""
    found = matches(iou)
    mean = sum(iou[pair] for pair in found) / max(len(found), 1)
    junk, missed = 1 - len(found) / len(predicted), 1 - len(found) / len(right)
    return min(max(mean + 0.75 * 2 * len(found) / (len(predicted) + len(right)) - 0.25 * (junk + missed), 0.0), 1.0)


def f1_with_duplicates(predicted: list[Any], right: list[Any], iou: Any) -> float:
    """Rex-Omni: a box is right if it is near any reference, however many others are."""
    precision, recall = (iou.max(axis=1) >= 0.5).mean(), (iou.max(axis=0) >= 0.5).mean()
    return float(2 * precision * recall / max(precision + recall, 1e-9))


def average_precision(predicted: list[Any], right: list[Any], iou: Any) -> float:
    """VLM-R1: mean average precision with the score 1 everywhere; what comes after the last match costs nothing."""
    hits: list[int] = []
    for row in range(len(predicted)):
        taken = [column for _, column in hits_of(iou, row)]
        best = max(
            (column for column in range(len(right)) if column not in taken), key=lambda c: iou[row, c], default=0
        )
        hits.append(int(best not in taken and iou[row, best] >= 0.5))
    precisions = [sum(hits[: rank + 1]) / (rank + 1) for rank, hit in enumerate(hits) if hit]
    return sum(precisions) / len(right)


def hits_of(iou: Any, rows: int) -> list[tuple[int, int]]:
    """Return the pairs that the first rows have taken."""
    found: list[tuple[int, int]] = []
    for row in range(rows):
        free = [column for column in range(len(iou[0])) if column not in {taken for _, taken in found}]
        if free and iou[row, (best := max(free, key=lambda column: iou[row, column]))] >= 0.5:
            found.append((row, best))
    return found


def by_order(predicted: list[Any], right: list[Any], iou: Any) -> float:
    """Compare the first box with the first, the second with the second."""
    return sum(iou[place, place] for place in range(min(iou.shape))) / max(iou.shape)


def precision_alone(predicted: list[Any], right: list[Any], iou: Any) -> float:
    return float(iou.max(axis=1).mean())


def best_of_all(predicted: list[Any], right: list[Any], iou: Any) -> float:
    """Our formula without labels."""
    count, others = iou.shape
    if count > others:
        return best_of_all(right, predicted, iou.T)
    sums = [sum(iou[row, column] for row, column in enumerate(chosen)) for chosen in permutations(range(others), count)]
    return 2 * max(sums) / (count + others)


PUBLIC: dict[str, tuple[str, Totals]] = {
    "a clip hides junk": ("adding_junk", of_objects(clipped)),
    "a copy of a right box is right": ("copying_an_object", of_objects(f1_with_duplicates)),
    "what comes last is ignored": ("adding_junk", of_objects(average_precision)),
    "matched by order": ("order_of_objects", of_objects(by_order)),
    "precision alone": ("missing_object", of_objects(precision_alone)),
    "labels are ignored": ("wrong_label", of_objects(best_of_all)),
}
