"""Spatio-temporal grounding: m_tIoU and m_vIoU of tubes, and the release's tIoU and sIoU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Any, get_args

from onethinker_rewards._validation import check_choice
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation.pairs import (
    Box,
    Rules,
    Span,
    box_overlaps,
    over_union,
    read_pairs,
    read_rows,
    span_overlaps,
    span_overlaps_by_length,
)
from onethinker_rewards.evaluation.sums import ExactMean, ScoreSums, check_counted, check_mergeable


@dataclass(frozen=True, slots=True)
class TubeScores:
    """Scores of tubes under official rules, each a mean over videos, in [0, 1]; higher is better.

    Attributes:
        m_tiou: Mean tIoU of the spans.
        m_viou: Mean vIoU: the IoU of the boxes in both spans, over the frames in either.
        viou: vIoU@t: the share of videos with a vIoU above t, for each threshold t.
        m_gt_viou: Mean IoU of the boxes over the reference's frames, whatever span was predicted.
        gt_viou: gt_vIoU@t: the share of videos where that is above t.
        videos: Number of videos.
    """

    m_tiou: float
    m_viou: float
    viou: dict[float, float]
    m_gt_viou: float
    gt_viou: dict[float, float]
    videos: int

    def to_dict(self) -> dict[str, float]:
        """Return the scores by the names that papers give them."""
        return (
            {"m_tIoU": self.m_tiou, "m_vIoU": self.m_viou}
            | {f"vIoU@{threshold:g}": share for threshold, share in self.viou.items()}
            | {"gt_vIoU": self.m_gt_viou}
            | {f"gt_vIoU@{threshold:g}": share for threshold, share in self.gt_viou.items()}
        )


@dataclass(frozen=True, slots=True)
class ReleaseTubeScores:
    """Scores of tubes in OneThinker's evaluation, each a mean over videos, in [0, 1]; higher is better.

    Attributes:
        tiou: Mean tIoU of the spans.
        tiou_shares: tIoU@t: the share of videos with a tIoU of at least t, for each threshold t.
        siou: Mean sIoU: the mean IoU over the frames that answer and reference both name. One right frame of many
            gives 1.
        siou_shares: sIoU@t: the share of videos where that is at least t.
        videos: Number of videos.
    """

    tiou: float
    tiou_shares: dict[float, float]
    siou: float
    siou_shares: dict[float, float]
    videos: int

    @property
    def accuracy(self) -> float:
        """The release's accuracy, half of tIoU and half of sIoU."""
        return 0.5 * self.tiou + 0.5 * self.siou

    def to_dict(self) -> dict[str, float]:
        """Return the scores by names that are not those of other papers."""
        return (
            {"accuracy": self.accuracy, "tIoU": self.tiou}
            | {f"tIoU@{threshold:g}": share for threshold, share in self.tiou_shares.items()}
            | {"sIoU": self.siou}
            | {f"sIoU@{threshold:g}": share for threshold, share in self.siou_shares.items()}
        )


@dataclass(slots=True)
class TubeTotals:
    """Sums for m_tIoU and m_vIoU. The result does not depend, to the last bit, on the order of videos or their split.

    With P and R the frames in the predicted and the reference span::

        tIoU    = intersection / union of the spans
        vIoU    = Σ IoU over the frames in P and R / max(1, frames in P or R),    vIoU@t = Σ [vIoU > t] / V
        gt_vIoU = Σ IoU over the frames in R / max(1, frames in R with a box)
        sIoU    = mean IoU over the frames that both name, 0 if there are none

    A frame without a predicted box has an IoU of 0. Under ``official`` rules the result is a `TubeScores`, with the
    first three; under ``release`` rules a `ReleaseTubeScores`, with tIoU and sIoU.

    Attributes:
        rules: ``official``, or ``release`` for OneThinker's evaluation.
        thresholds: The t of all shares; 0.3 and 0.5, or 0.3, 0.5 and 0.7 under ``release``, by default.
        spans: The sums of tIoU.
        tubes: The sums of vIoU, or of sIoU under ``release``.
        reference_tubes: The sums of gt_vIoU.

    Source: rules ``official``: Zhang et al., "Where Does It Exist: Spatio-Temporal Video Grounding for Multi-Form
    Sentences", CVPR 2020, as TubeDETR evaluates it, arXiv 2203.16434.

    >>> totals = TubeTotals()
    >>> boxes = dict.fromkeys(range(4), [0, 0, 9, 9])
    >>> totals.update([0, 2], boxes, [0, 4], boxes, frames=range(9))
    (0.5, 0.5)
    >>> totals.result().to_dict()["m_vIoU"]
    0.5
    """

    rules: Rules = "official"
    thresholds: tuple[float, ...] = ()
    spans: ScoreSums = field(init=False)
    tubes: ScoreSums = field(init=False)
    reference_tubes: ScoreSums = field(init=False)

    def __post_init__(self) -> None:
        check_choice("rules", self.rules, get_args(Rules))
        is_official = self.rules == "official"
        self.thresholds = self.thresholds or ((0.3, 0.5) if is_official else (0.3, 0.5, 0.7))
        self.spans, self.tubes, self.reference_tubes = (
            ScoreSums(self.thresholds, strict=is_official) for _ in range(3)
        )

    def update(
        self,
        predicted_span: Span | None,
        predicted_boxes: Mapping[Any, Box],
        reference_span: Span,
        reference_boxes: Mapping[Any, Box],
        frames: Iterable[int] | None = None,
    ) -> tuple[float, float]:
        """Add one video.

        Args:
            predicted_span: Start and end; None, for an answer that could not be read, scores 0.
            predicted_boxes: x1, y1, x2, y2 by frame.
            reference_span: Start and end.
            reference_boxes: x1, y1, x2, y2 by frame.
            frames: The frames that are compared, as `sampled_frames` gives them; a span then holds the frames from its
                start on and before its end. By default frames are whole seconds, and a span holds both of its ends.
                The release compares all frames that both name, whatever the names are.

        Returns:
            tIoU, and vIoU or, under ``release`` rules, sIoU.

        Raises:
            ArgumentError: If a span is not two finite numbers, a box not four, or a frame no whole number. Nothing is
                added then.
        """
        names = [*predicted_boxes, *reference_boxes]
        if self.rules == "official" and not all(isinstance(name, int) for name in names):
            raise ArgumentError("frames must be whole numbers; the keys of JSON objects are text")
        spans = read_pairs([predicted_span], [reference_span], 2)
        shared = [frame for frame in predicted_boxes if frame in reference_boxes]
        boxes = read_rows([predicted_boxes[frame] for frame in shared], 4, "predicted")
        wanted = read_rows([reference_boxes[frame] for frame in shared], 4, "reference")
        iou = dict(zip(shared, over_union(box_overlaps(boxes, wanted), self.rules), strict=True))
        if self.rules == "release":
            tiou, tube = over_union(span_overlaps(*spans), self.rules), _share(iou.values(), len(iou))
            self.spans.add(tiou)
            self.tubes.add([tube])
            return tiou[0], tube
        tiou = over_union(span_overlaps_by_length(*spans), self.rules)
        self.spans.add(tiou)
        compared = None if frames is None else {*frames}
        asked = _interval(read_rows([reference_span], 2, "reference")[0].tolist(), compared)
        # An answer that could not be read predicts no frame.
        said = (0, 0) if predicted_span is None else _interval(spans[0][0].tolist(), compared)
        both = max(said[0], asked[0]), min(said[1], asked[1])
        either = _frames_in(said, compared) + _frames_in(asked, compared) - _frames_in(both, compared)
        tube = _share([score for frame, score in iou.items() if _holds(both, frame, compared)], either)
        self.tubes.add([tube])
        of_reference = sum(_holds(asked, frame, compared) for frame in reference_boxes)
        scores = [score for frame, score in iou.items() if _holds(asked, frame, compared)]
        self.reference_tubes.add([_share(scores, of_reference)])
        return tiou[0], tube

    def merge(self, other: TubeTotals) -> None:
        """Add the videos of other totals.

        Raises:
            ArgumentError: If an option differs.
        """
        check_mergeable(self, other, "rules", "thresholds")
        self.spans.merge(other.spans)
        self.tubes.merge(other.tubes)
        self.reference_tubes.merge(other.reference_tubes)

    def result(self) -> TubeScores | ReleaseTubeScores:
        """Return the scores, by the rules.

        Raises:
            ArgumentError: If no video was counted.
        """
        spans, tubes, reference = self.spans, self.tubes, self.reference_tubes
        check_counted(spans.scores.count, "video")
        span, tube, videos = spans.scores.value, tubes.scores.value, spans.scores.count
        if self.rules == "release":
            return ReleaseTubeScores(span, spans.shares(), tube, tubes.shares(), videos)
        return TubeScores(span, tube, tubes.shares(), reference.scores.value, reference.shares(), videos)


def sampled_frames(start: int, end: int, fps: float, *, rate: float = 5.0, most: int = 200) -> list[int]:
    """Return the frames of a video that TubeDETR compares: ``rate`` a second, at most ``most``.

    Args:
        start: The video's first frame.
        end: The frame after its last.
        fps: Frames a second.
        rate: How many of them are compared; not more than ``fps``.
        most: How many are compared in all: a longer video is thinned evenly.

    Source: the evaluation of TubeDETR, arXiv 2203.16434.

    >>> sampled_frames(0, 10, fps=10.0)
    [0, 2, 4, 6, 8]
    """
    step = rate / fps
    frames = [start]
    for frame in range(start, end):
        if int(frames[-1] * step) < int(frame * step):
            frames.append(frame)
    count = len(frames)
    return frames if count <= most else [frames[index * count // most] for index in range(most)]


def _interval(span: Sequence[float], compared: set[int] | None) -> tuple[int, int]:
    """Return the first frame of a span, and the one after its last."""
    start, end = span
    return ceil(start), floor(end) + 1 if compared is None else ceil(end)


def _holds(interval: tuple[int, int], frame: int, compared: set[int] | None) -> bool:
    return interval[0] <= frame < interval[1] and (compared is None or frame in compared)


def _frames_in(interval: tuple[int, int], compared: set[int] | None) -> int:
    # Frames are counted and never listed: an answer may name a span of any length.
    if compared is None:
        return max(interval[1] - interval[0], 0)
    return sum(interval[0] <= frame < interval[1] for frame in compared)


def _share(scores: Iterable[float], count: int) -> float:
    """Return the sum of scores over a count, 0 if it is 0."""
    total = ExactMean()
    total.add(scores)
    total.count = max(count, 1)
    return total.value
