"""J&F of masks over videos: the IoU of areas and the F-measure of contours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import fsum
from typing import Literal, TypeAlias

import numpy as np

from onethinker_rewards.answers.masks import Mask, Runs, read_runs
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation.overlaps import Masks, as_array, check_sizes
from onethinker_rewards.evaluation.sums import ExactMean
from onethinker_rewards.metrics import boundary_f, mask_iou

Rules: TypeAlias = Literal["davis", "release"]
Count: TypeAlias = Literal["all", "inner"]

# J of two empty masks.
_EMPTY = {"davis": 1.0, "release": 0.0}
_FRAMES = {"all": slice(None), "inner": slice(1, -1)}


@dataclass(frozen=True, slots=True)
class VideoScores:
    """Scores of masks over videos, in [0, 1]; higher is better.

    Attributes:
        j: Mean intersection over union, over a video's frames and then over videos.
        f: Mean F-measure of the contours, likewise.
        videos: Number of videos; one with several objects counts once per object.
        frames: Number of frames compared in them.
    """

    j: float
    f: float
    videos: int
    frames: int

    @property
    def j_and_f(self) -> float:
        """The mean of J and F."""
        return (self.j + self.f) / 2.0


@dataclass(slots=True)
class VideoTotals:
    """Sums for J&F. The result does not depend, to the last bit, on the order of videos or how they are split up.

    Attributes:
        rules: As in `j_and_f`.
        count: As in `j_and_f`.
        frames: Frames compared so far.
        j: Mean of the videos' J so far.
        f: Mean of the videos' F so far.

    >>> totals = VideoTotals()
    >>> totals.update([[[1, 1, 0]], [[0, 1, 1]]], [[[1, 1, 0]], [[0, 1, 1]]])
    >>> totals.update([[[1, 1, 0]], None], [[[1, 1, 0]], [[0, 1, 1]]])
    >>> totals.result()
    VideoScores(j=0.75, f=0.75, videos=2, frames=4)
    """

    rules: Rules = "davis"
    count: Count = "all"
    frames: int = 0
    j: ExactMean = field(default_factory=ExactMean)
    f: ExactMean = field(default_factory=ExactMean)

    def update(self, predicted: Masks, reference: Masks) -> None:
        """Add one object of one video; takes and raises the same as `j_and_f`."""
        scores = j_and_f(predicted, reference, rules=self.rules, count=self.count)
        self.frames += scores.frames
        self.j.add([scores.j])
        self.f.add([scores.f])

    def merge(self, other: VideoTotals) -> None:
        """Add the videos of other totals.

        Raises:
            ArgumentError: If their ``rules`` or ``count`` differ.
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
            ArgumentError: If no video was counted.
        """
        if not self.j.count:
            raise ArgumentError("no video was counted")
        return VideoScores(self.j.value, self.f.value, self.j.count, self.frames)


def j_and_f(
    predicted: Masks,
    reference: Masks,
    *,
    rules: Rules = "davis",
    count: Count = "all",
) -> VideoScores:
    """Return J, the mean IoU over an object's frames, and F, the mean F-measure of its contours.

    Run-length encodings are painted one frame at a time, so that they need memory for two masks only.

    Args:
        predicted: T masks: run-length encodings, PNG files, arrays, or ``[T, H, W]``. None, for no mask, is an empty
            mask under ``davis``, and gives J = F = 0 under ``release``.
        reference: T masks likewise. A frame whose reference is None was not annotated and is left out.
        rules: ``davis``, or ``release`` for OneThinker's evaluation. They differ in the contour and its tolerance, see
            `boundary_f`, and in J of two empty masks: 1 under ``davis``, 0 under ``release``.
        count: ``all`` frames, or the ``inner`` ones without the first and the last, as in DAVIS, where the first
            frame's mask is given.

    Returns:
        The scores of one video.

    Raises:
        ArgumentError: If numbers or sizes of masks differ, one cannot be read, or no frame is left to compare.

    Source: Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016;
    Pont-Tuset et al., "The 2017 DAVIS Challenge on Video Object Segmentation", 2017, which takes the mean of both.
    """
    if len(predicted) != len(reference):
        raise ArgumentError(f"there are {len(predicted)} predicted frames and {len(reference)} of the reference")
    if rules not in _EMPTY or count not in _FRAMES:
        raise ArgumentError(f"rules must be davis or release and count all or inner, got {rules!r} and {count!r}")
    frames = [frame for frame in range(len(reference))[_FRAMES[count]] if reference[frame] is not None]
    if not frames:
        raise ArgumentError("the reference has no frame to compare")
    predicted_frames, reference_frames = _Frames(predicted, frames), _Frames(reference, frames)
    scores: list[tuple[float, float]] = []
    for frame in frames:
        drawn = None if predicted[frame] is None else predicted_frames.mask(frame)
        mask = reference_frames.mask(frame)
        if drawn is None and rules == "release":
            scores.append((0.0, 0.0))
            continue
        drawn = np.zeros_like(mask) if drawn is None else drawn
        check_sizes(frame, drawn.shape, mask.shape)
        area = mask_iou(drawn[None], mask[None], empty=_EMPTY[rules])
        scores.append((area.item(), boundary_f(drawn[None], mask[None], rules=rules).item()))
    j, f = (fsum(column) / len(scores) for column in zip(*scores, strict=True))
    return VideoScores(j, f, 1, len(scores))


class _Frames:
    """The masks of some frames; all run-length encodings are decoded in one pass, and painted one at a time."""

    def __init__(self, masks: Masks, frames: Sequence[int]) -> None:
        self._masks = masks
        encoded = {frame: mask for frame in frames if isinstance(mask := masks[frame], Mapping)}
        self._rows = {frame: row for row, frame in enumerate(encoded)}
        self._runs: Runs | None = None
        # A faulty encoding is reported, with its frame, when `mask` reads it.
        with suppress(ArgumentError):
            self._runs = read_runs([*encoded.values()])

    def mask(self, frame: int) -> Mask:
        """Return the ``[H, W]`` mask of a frame."""
        if self._runs is not None and frame in self._rows:
            return self._runs.paint(self._rows[frame])
        try:
            return as_array(self._masks[frame])
        except ArgumentError as error:
            raise ArgumentError(f"frame {frame}: {error}") from None
