"""Judging and ranking: how good an image is, and in which order items belong."""

from __future__ import annotations

import numpy as np

from onethinker_rewards.answers import (
    Number,
    NumberColumns,
    Order,
    OrderColumns,
    OrderedItems,
    RatedImage,
    RatingColumns,
)
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec


def image_quality(predicted: NumberColumns, reference: RatingColumns, context: Context) -> Scores:
    """R_acc = max(0, 1 - |p - r| / w), where w is a fraction of the scale; 0 outside the scale."""
    low, high = reference.scales.T
    inside = np.clip(predicted.values, low, high)
    # Halves, because the length of a scale may be more than a double holds.
    width = context.constants["quality_width"] * (high / 2 - low / 2)
    apart = np.abs(inside / 2 - reference.scores / 2)
    # An eighth of the smallest scales is 0; there only an equal rating is close.
    closeness = np.maximum(0.0, 1.0 - np.divide(apart, width, out=(apart > 0).astype(np.float64), where=width > 0))
    closeness[inside != predicted.values] = 0.0
    return Scores(closeness, {"closeness": closeness})


IMAGE_QUALITY = TaskSpec(
    name="image_quality",
    schema=Number,
    reference_schema=RatedImage,
    accuracy=image_quality,
    parts=("closeness",),
    # A share of the scale.
    constants={"quality_width": 0.125},
    instruction="Rate the image on the scale of the question and give nothing but the number as your answer.",
    example="3.4",
)


def ordering(predicted: OrderColumns, reference: OrderColumns, context: Context) -> Scores:
    """R_acc = max(0, Kendall's τ) for a permutation of the reference's items, and 0 for anything else."""
    pairs = zip(predicted.orders, reference.orders, strict=True)
    tau = np.array([kendall_tau(order, ref_order) for order, ref_order in pairs], dtype=np.float64)
    return Scores(np.maximum(tau, 0.0), {"kendall_tau": tau})


def kendall_tau(order: tuple[str, ...], ref_order: tuple[str, ...]) -> float:
    """Return Kendall's τ of two orders: 1 - 4 · inversions / k(k - 1), or 0 where their items differ.

    Orders of one item, which leave nothing to choose, have 1.

    >>> kendall_tau(("A", "C", "B"), ("A", "B", "C")).__round__(4)
    0.3333
    """
    ranks = {item: rank for rank, item in enumerate(ref_order)}
    count = len(ref_order)
    if len(order) != count or ranks.keys() != set(order):
        return 0.0
    if count == 1:
        return 1.0
    places = np.array([ranks[item] for item in order])
    inversions = sum(int((places[place + 1 :] < places[place]).sum()) for place in range(count - 1))
    return 1.0 - 4.0 * inversions / (count * (count - 1))


ORDERING = TaskSpec(
    name="ordering",
    schema=Order,
    reference_schema=OrderedItems,
    accuracy=ordering,
    parts=("kendall_tau",),
    instruction="Put all items in order, each once, as a JSON object with a list of their names.",
    example='{"order": ["B", "A", "D", "C"]}',
)
