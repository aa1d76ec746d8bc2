"""Tracking: AO and SR@t over frames as GOT-10k has them, and the release's mean and shares over videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from onethinker_rewards._validation import check_choice
from onethinker_rewards.answers import Floats
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation.pairs import Rules, box_overlaps, over_union, read_pairs
from onethinker_rewards.evaluation.sums import ScoreSums, check_counted, check_mergeable

Layout: TypeAlias = Literal["xyxy", "xywh"]


@dataclass(frozen=True, slots=True)
class TrackScores:
    """Scores of tracks, in [0, 1]; higher is better.

    Attributes:
        ao: Average overlap: the mean IoU over all frames, so that a long video weighs more.
        sr: SR@t: the share of all frames with an IoU above t, for each threshold t.
        video_miou: The mean over videos of each video's mean IoU, so that videos weigh alike.
        video_shares: videos@t: the share of videos whose mean IoU is at least t. The release calls it R@t.
        videos: Number of videos with a frame that counts.
        frames: Number of frames that count.
    """

    ao: float
    sr: dict[float, float]
    video_miou: float
    video_shares: dict[float, float]
    videos: int
    frames: int

    def to_dict(self) -> dict[str, float]:
        """Return the scores by names that tell frames from videos."""
        over_frames = {"AO": self.ao} | {f"SR@{threshold:g}": share for threshold, share in self.sr.items()}
        over_videos = {f"videos@{threshold:g}": share for threshold, share in self.video_shares.items()}
        return over_frames | {"video mIoU": self.video_miou} | over_videos


@dataclass(slots=True)
class TrackTotals:
    """Sums for AO and SR@t. The result does not depend, to the last bit, on the order of videos or how they are split.

    ::

        AO   = Σ IoU / frames,                SR@t     = Σ [IoU > t] / frames
        mIoU = Σ (a video's mean IoU) / V,    videos@t = Σ [a video's mean IoU ≥ t] / V

    Under ``official`` rules the given first frame and frames in which the object is hidden do not count, and both boxes
    are clipped to the image first, corner before size: a box that begins left of it is moved, not cut. Under
    ``release`` rules every frame counts, the given one too, and boxes are not clipped. AO and SR@t are GOT-10k's
    numbers; the release reports mIoU and videos@t, which are higher for the same boxes.

    Attributes:
        rules: ``official``, or ``release`` for OneThinker's evaluation.
        thresholds: The t of SR@t.
        video_thresholds: The t of videos@t.
        frames: The sums over frames.
        videos: The sums over videos.

    Source: rules ``official``: Huang et al., "GOT-10k: A Large High-Diversity Benchmark for Generic Object Tracking in
    the Wild", arXiv 1810.11981, as its toolkit evaluates it.

    >>> totals = TrackTotals()
    >>> scores = totals.update([[0, 0, 10, 10]] * 3, [[0, 0, 10, 10], [0, 0, 10, 20], [0, 0, 10, 10]])
    >>> totals.result().to_dict()["AO"], totals.result().sr[0.5]
    (0.75, 0.5)
    """

    rules: Rules = "official"
    thresholds: tuple[float, ...] = (0.5, 0.75)
    video_thresholds: tuple[float, ...] = (0.3, 0.5, 0.7)
    frames: ScoreSums = field(init=False)
    videos: ScoreSums = field(init=False)

    def __post_init__(self) -> None:
        check_choice("rules", self.rules, get_args(Rules))
        self.frames = ScoreSums(self.thresholds, strict=True)
        self.videos = ScoreSums(self.video_thresholds)

    def update(
        self,
        predicted: Sequence[Any] | Floats,
        reference: Sequence[Any] | Floats,
        *,
        given: int = 1,
        visible: Sequence[Any] | None = None,
        size: tuple[float, float] | None = None,
        layout: Layout = "xyxy",
    ) -> list[float]:
        """Add one video. A video without a frame that counts adds nothing.

        Args:
            predicted: ``[T]`` boxes; None, for no box, scores 0.
            reference: ``[T]`` boxes of the same frames, none of them None.
            given: How many of the first frames the tracker is told, and that do not count. Under ``release`` rules it
                changes nothing, and neither do the next two.
            visible: ``[T]`` how much of the object can be seen; frames with 0 do not count. All count by default.
            size: Width and height of the image in the boxes' unit, to which boxes are clipped; they are not by default.
            layout: ``xyxy`` for two corners, or ``xywh`` for a corner, width and height as in GOT-10k's files.

        Returns:
            The IoU of each frame that counts.

        Raises:
            ArgumentError: If lengths differ, or a box is not four finite numbers. Nothing is added then.
        """
        check_choice("layout", layout, get_args(Layout))
        if visible is not None and len(visible) != len(reference):
            raise ArgumentError(f"there are {len(reference)} references and {len(visible)} frames with visibility")
        boxes, wanted = read_pairs(predicted, reference, 4)
        if self.rules == "official":
            counts = np.ones(len(wanted), dtype=np.bool_) if visible is None else np.array(visible) > 0
            counts[:given] = False
            scores = _clipped_iou(boxes[counts], wanted[counts], size, layout)
        else:
            scores = over_union(box_overlaps(_corners(boxes, layout), _corners(wanted, layout)), self.rules)
        if scores:
            of_video = ScoreSums()
            of_video.add(scores)
            self.frames.add(scores)
            self.videos.add([of_video.scores.value])
        return scores

    def merge(self, other: TrackTotals) -> None:
        """Add the videos of other totals.

        Raises:
            ArgumentError: If an option differs.
        """
        check_mergeable(self, other, "rules", "thresholds", "video_thresholds")
        self.frames.merge(other.frames)
        self.videos.merge(other.videos)

    def result(self) -> TrackScores:
        """Return the scores.

        Raises:
            ArgumentError: If no frame was counted.
        """
        frames, videos = self.frames, self.videos
        check_counted(frames.scores.count, "frame")
        return TrackScores(
            frames.scores.value, frames.shares(), videos.scores.value, videos.shares(),
            videos.scores.count, frames.scores.count,
        )  # fmt: skip


@np.errstate(all="ignore")
def _corners(boxes: Floats, layout: Layout) -> Floats:
    return boxes if layout == "xyxy" else np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])


@np.errstate(all="ignore")
def _clipped_iou(predicted: Floats, reference: Floats, size: tuple[float, float] | None, layout: Layout) -> list[float]:
    """Return IoUs as GOT-10k's toolkit computes them, step by step, since ties at a threshold depend on it."""
    areas: list[Floats] = []
    corners: list[Floats] = []
    for boxes in (predicted, reference):
        corner = boxes[:, :2]
        extent = boxes[:, 2:] if layout == "xywh" else boxes[:, 2:] - corner
        if size is not None:
            corner = np.clip(corner, 0.0, size)
            extent = np.clip(extent, 0.0, np.subtract(size, corner))
        areas.append(extent.prod(axis=1))
        corners.append(np.hstack([corner, corner + extent]))
    shared, _ = box_overlaps(*corners)
    # The toolkit adds the smallest step above 1, so that two empty boxes score 0.
    union = areas[0] + areas[1] - shared + np.finfo(np.float64).eps
    return np.nan_to_num(np.clip(shared / union, 0.0, 1.0), nan=0.0).tolist()
