"""J&F: how well masks follow an object through a video, in area and in contour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import fsum
from typing import Literal

import numpy as np

from onethinker_rewards.answers.masks import Mask, read_runs
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation.overlaps import ExactMean, Masks, check_sizes, pixels
from onethinker_rewards.metrics import boundary_f, mask_iou

__all__ = ["VideoScores", "VideoTotals", "j_and_f"]

# Two empty masks are equal in DAVIS; the released evaluation gives them no J.
_EMPTY = {"davis": 1.0, "release": 0.0}
_FRAMES = {"all": slice(None), "inner": slice(1, -1)}


@dataclass(frozen=True, slots=True)
class VideoScores:
    """What masks are worth over videos, each in [0, 1]; higher is better.

    Attributes:
        j: Mean intersection over union: over a video's frames, then over videos.
        f: Mean F-measure of the contours alike.
        videos: How many they are; a video with several objects is one an object.
        frames: How many frames were compared in them.
    """

    j: float
    f: float
    videos: int
    frames: int

    @property
    def j_and_f(self) -> float:
        """The mean of both."""
        return (self.j + self.f) / 2.0


@dataclass(slots=True)
class VideoTotals:
    """Sums from which J&F comes, in any number of batches and processes: the result is the same to the bit.

    Attributes:
        rules: Whose contours, and what two empty masks are worth: ``davis``, or ``release`` for OneThinker's
            evaluation.
        count: ``all`` frames, or the ``inner`` ones without the first and the last, as where the first is given.
        frames: Frames compared so far.
        j: Mean of the videos' J so far.
        f: Mean of the videos' F so far.

    >>> totals = VideoTotals()
    >>> totals.update([[[1, 1, 0]], [[0, 1, 1]]], [[[1, 1, 0]], [[0, 1, 1]]])
    >>> totals.update([[[1, 1, 0]], None], [[[1, 1, 0]], [[0, 1, 1]]])
    >>> totals.result()
    VideoScores(j=0.75, f=0.75, videos=2, frames=4)
    """

    rules: Literal["davis", "release"] = "davis"
    count: Literal["all", "inner"] = "all"
    frames: int = 0
    j: ExactMean = field(default_factory=ExactMean)
    f: ExactMean = field(default_factory=ExactMean)

    def update(self, predicted: Masks, reference: Masks) -> None:
        """Count an object in a video; its arguments are those of `j_and_f`, and so is what it raises."""
        scores = j_and_f(predicted, reference, rules=self.rules, count=self.count)
        self.frames += scores.frames
        self.j.add([scores.j])
        self.f.add([scores.f])

    def merge(self, other: VideoTotals) -> None:
        """Count what another has counted.

        Raises:
            ArgumentError: It counts by other rules.
        """
        if (self.rules, self.count) != (other.rules, other.count):
            raise ArgumentError(
                f"totals of {self.rules!r}, {self.count!r} cannot take {other.rules!r}, {other.count!r}"
            )
        self.frames += other.frames
        self.j.merge(other.j)
        self.f.merge(other.f)

    def result(self) -> VideoScores:
        """Return the scores.

        Raises:
            ArgumentError: No video was counted.
        """
        if not self.j.count:
            raise ArgumentError("no video was counted")
        return VideoScores(self.j.value, self.f.value, self.j.count, self.frames)


def j_and_f(
    predicted: Masks,
    reference: Masks,
    *,
    rules: Literal["davis", "release"] = "davis",
    count: Literal["all", "inner"] = "all",
) -> VideoScores:
    """Return J, the mean IoU over an object's frames, and F, that of its contours.

    Frames are painted and compared one at a time, so encoded ones take little more room than a mask of each side.

    Args:
        predicted: T masks: run-length encodings, PNG files, arrays, or ``[T, H, W]``. None where no mask was drawn:
            an empty one under ``davis``, and 0 for J and F under ``release``.
        reference: T masks alike. None where nobody annotated the frame: it is left out.
        rules: Whose contours, and what two empty masks are worth: 1 for J in DAVIS, 0 in OneThinker's evaluation.
        count: ``all`` frames, or the ``inner`` ones without the first and the last.

    Returns:
        The scores of one video.

    Raises:
        ArgumentError: The numbers of masks or their sizes differ, one cannot be read, or no frame is left to compare.

    Source: Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016;
    Pont-Tuset et al., "The 2017 DAVIS Challenge on Video Object Segmentation", 2017, which takes the mean of both.
    """
    if len(predicted) != len(reference):
        raise ArgumentError(f"there are {len(predicted)} predicted frames and {len(reference)} of the reference")
    if rules not in _EMPTY or count not in _FRAMES:
        raise ArgumentError(f"rules must be davis or release and count all or inner, got {rules!r} and {count!r}")
    places = [place for place in range(len(reference))[_FRAMES[count]] if reference[place] is not None]
    if not places:
        raise ArgumentError("the reference has no frame to compare")
    ours, theirs = _Frames(predicted, places), _Frames(reference, places)
    scores = [
        _frame(place, None if predicted[place] is None else ours(place), theirs(place), rules) for place in places
    ]
    area, contour = (fsum(side) / len(scores) for side in zip(*scores, strict=True))
    return VideoScores(area, contour, 1, len(scores))


def _frame(
    place: int, predicted: Mask | None, reference: Mask, rules: Literal["davis", "release"]
) -> tuple[float, float]:
    if predicted is None:
        if rules == "release":
            return 0.0, 0.0
        predicted = np.zeros_like(reference)
    check_sizes(place, predicted.shape, reference.shape)
    area = mask_iou(predicted[None], reference[None], empty=_EMPTY[rules])
    return area.item(), boundary_f(predicted[None], reference[None], rules=rules).item()


class _Frames:
    """Gives the mask of a frame; run lengths of all frames are read in one pass, and painted one at a time."""

    def __init__(self, masks: Masks, places: Sequence[int]) -> None:
        self._masks = masks
        encoded = {place: mask for place in places if isinstance(mask := masks[place], Mapping)}
        self._rows = {place: row for row, place in enumerate(encoded)}
        self._runs = None
        # One that is faulty is named where its frame's turn comes.
        with suppress(ArgumentError):
            self._runs = read_runs([*encoded.values()])

    def __call__(self, place: int) -> Mask:
        if self._runs is not None and place in self._rows:
            return self._runs.paint(self._rows[place])
        try:
            return pixels(self._masks[place])
        except ArgumentError as error:
            raise ArgumentError(f"frame {place}: {error}") from None
