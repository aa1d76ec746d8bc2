"""Grounding of expressions: mIoU and acc@t of boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from onethinker_rewards._validation import check_choice
from onethinker_rewards.answers import Floats
from onethinker_rewards.evaluation.pairs import Rules, box_overlaps, over_union, read_pairs
from onethinker_rewards.evaluation.sums import ScoreSums, check_counted, check_mergeable


@dataclass(frozen=True, slots=True)
class BoxScores:
    """Scores of boxes, in [0, 1]; higher is better.

    Attributes:
        miou: Mean IoU.
        accuracy: acc@t: the share of boxes with an IoU of at least t, for each threshold t.
        rows: Number of expressions.
    """

    miou: float
    accuracy: dict[float, float]
    rows: int

    def to_dict(self) -> dict[str, float]:
        """Return the scores by the names that papers give them."""
        return {"mIoU": self.miou} | {f"acc@{threshold:g}": share for threshold, share in self.accuracy.items()}


@dataclass(slots=True)
class BoxTotals:
    """Sums for mIoU and acc@t. The result does not depend, to the last bit, on the order of rows or how they are split.

    ::

        IoU   = intersection / union, and 0 where both areas are 0
        acc@t = Σ [IoU ≥ t] / N

    Every expression counts once, and its answer is one box. Corners are taken as they are: a box with swapped corners
    has area 0.

    Attributes:
        rules: ``official``, or ``release`` for OneThinker's evaluation, which counts a union of at most 1e-12 as none.
        thresholds: The t of acc@t. The release prints 0.3, 0.5 and 0.7, and calls them R@t.
        sums: The sums so far.

    Source: rules ``official``: acc@0.5 of referring expression comprehension as Qwen-VL evaluates it, arXiv 2308.12966.

    >>> totals = BoxTotals()
    >>> scores = totals.update([[0, 0, 10, 10], None], [[0, 0, 10, 20], [0, 0, 10, 10]])
    >>> totals.result()
    BoxScores(miou=0.25, accuracy={0.5: 0.5}, rows=2)
    """

    rules: Rules = "official"
    thresholds: tuple[float, ...] = (0.5,)
    sums: ScoreSums = field(init=False)

    def __post_init__(self) -> None:
        check_choice("rules", self.rules, get_args(Rules))
        self.sums = ScoreSums(self.thresholds)

    def update(self, predicted: Sequence[Any] | Floats, reference: Sequence[Any] | Floats) -> list[float]:
        """Add a batch of boxes.

        Args:
            predicted: ``[N]`` x1, y1, x2, y2; None, for an answer that could not be read, scores 0.
            reference: ``[N]`` likewise in the same unit, none of them None.

        Returns:
            ``[N]`` the IoU of each.

        Raises:
            ArgumentError: If lengths differ, or a box is not four finite numbers. Nothing is added then.
        """
        scores = over_union(box_overlaps(*read_pairs(predicted, reference, 4)), self.rules)
        self.sums.add(scores)
        return scores

    def merge(self, other: BoxTotals) -> None:
        """Add the boxes of other totals.

        Raises:
            ArgumentError: If an option differs.
        """
        check_mergeable(self, other, "rules", "thresholds")
        self.sums.merge(other.sums)

    def result(self) -> BoxScores:
        """Return the scores.

        Raises:
            ArgumentError: If no box was counted.
        """
        check_counted(self.sums.scores.count, "box")
        return BoxScores(self.sums.scores.value, self.sums.shares(), self.sums.scores.count)
