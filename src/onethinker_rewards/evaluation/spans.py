"""Temporal grounding: mIoU and R@t of time spans."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from onethinker_rewards._validation import check_choice
from onethinker_rewards.answers import Floats
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation.pairs import (
    Rules,
    over_union,
    read_pairs,
    span_overlaps,
    span_overlaps_by_length,
)
from onethinker_rewards.evaluation.sums import ExactMean, ScoreSums, check_counted, check_mergeable

MeanOver: TypeAlias = Literal["row", "video"]


@dataclass(frozen=True, slots=True)
class SpanScores:
    """Scores of time spans, in [0, 1]; higher is better.

    Attributes:
        miou: Mean tIoU.
        recall: R@t: the share of spans with a tIoU of at least t, for each threshold t.
        rows: Number of spans.
        videos: Number of videos they are from; None where videos make no difference.
    """

    miou: float
    recall: dict[float, float]
    rows: int
    videos: int | None = None

    def to_dict(self) -> dict[str, float]:
        """Return the scores by the names that papers give them."""
        return {"mIoU": self.miou} | {f"R@{threshold:g}": share for threshold, share in self.recall.items()}


@dataclass(slots=True)
class SpanTotals:
    """Sums for mIoU and R@t. The result does not depend, to the last bit, on the order of rows or how they are split.

    ::

        inter = max(0, min(end, end') − max(start, start'))
        tIoU  = inter / (max(end, end') − min(start, start'))
        mIoU  = Σ tIoU / N,   R@t = Σ [tIoU ≥ t] / N

    With ``mean="video"`` both are taken within each video first, and then over videos; the union is then the sum of
    both lengths without their intersection, which differs in the last bit. An inverted span, and two moments of length
    0, score 0: equal ones too, for which `temporal_iou` gives 1.

    Attributes:
        rules: ``official``, or ``release`` for OneThinker's evaluation, which counts a union of at most 1e-12 as none.
        mean: ``row``, or ``video`` as in ActivityNet-RTL.
        thresholds: The t of R@t.
        strict: Whether R@t needs a tIoU above t, as in Time-R1's evaluation.
        videos: The sums of each video; of all rows under one key where videos make no difference.

    Source: rules ``official``: Gao et al., "TALL: Temporal Activity Localization via Language Query", ICCV 2017;
    ``mean="video"``: Huang et al., "LITA: Language Instructed Temporal-Localization Assistant", ECCV 2024, whose
    evaluator takes the whole video for an answer without a span. ``strict``: Wang et al., "Time-R1", arXiv 2503.13377.

    >>> totals = SpanTotals()
    >>> scores = totals.update([[0, 5], None], [[0, 10], [0, 10]])
    >>> totals.result()
    SpanScores(miou=0.25, recall={0.3: 0.5, 0.5: 0.5, 0.7: 0.0}, rows=2, videos=None)
    """

    rules: Rules = "official"
    mean: MeanOver = "row"
    thresholds: tuple[float, ...] = (0.3, 0.5, 0.7)
    strict: bool = False
    videos: dict[Hashable, ScoreSums] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        check_choice("rules", self.rules, get_args(Rules))
        check_choice("mean", self.mean, get_args(MeanOver))

    def update(
        self,
        predicted: Sequence[Any] | Floats,
        reference: Sequence[Any] | Floats,
        videos: Sequence[Hashable] | None = None,
    ) -> list[float]:
        """Add a batch of spans.

        Args:
            predicted: ``[N]`` start and end in seconds; None, for an answer that could not be read, scores 0.
            reference: ``[N]`` likewise, none of them None.
            videos: ``[N]`` which video each is of, for ``mean="video"``.

        Returns:
            ``[N]`` the tIoU of each.

        Raises:
            ArgumentError: If lengths differ, a span is not two finite numbers, or videos are missing. Nothing is added
                then.
        """
        if (videos is None) != (self.mean == "row"):
            raise ArgumentError(f'videos are needed for mean="video" alone, and mean is {self.mean!r}')
        if videos is not None and len(videos) != len(reference):
            raise ArgumentError(f"there are {len(reference)} references and {len(videos)} videos")
        spans = read_pairs(predicted, reference, 2)
        by_length = self.mean == "video" and self.rules == "official"
        scores = over_union((span_overlaps_by_length if by_length else span_overlaps)(*spans), self.rules)
        groups: dict[Hashable, list[float]] = {None: scores} if videos is None else {}
        for video, score in zip(videos or (), scores, strict=False):
            groups.setdefault(video, []).append(score)
        for video, of_video in groups.items():
            self.videos.setdefault(video, ScoreSums(self.thresholds, self.strict)).add(of_video)
        return scores

    def merge(self, other: SpanTotals) -> None:
        """Add the spans of other totals.

        Raises:
            ArgumentError: If an option differs.
        """
        check_mergeable(self, other, "rules", "mean", "thresholds", "strict")
        for video, sums in other.videos.items():
            self.videos.setdefault(video, ScoreSums(self.thresholds, self.strict)).merge(sums)

    def result(self) -> SpanScores:
        """Return the scores.

        Raises:
            ArgumentError: If no span was counted.
        """
        counted = [sums for sums in self.videos.values() if sums.scores.count]
        check_counted(len(counted), "span")
        rows = sum(sums.scores.count for sums in counted)
        videos = None if self.mean == "row" else len(counted)
        recall = {t: _mean([sums.shares()[t] for sums in counted]) for t in self.thresholds}
        return SpanScores(_mean([sums.scores.value for sums in counted]), recall, rows, videos)


def _mean(values: Sequence[float]) -> float:
    mean = ExactMean()
    mean.add(values)
    return mean.value
