"""gIoU and cIoU: how well masks cover their references, over many images."""

from __future__ import annotations

from dataclasses import dataclass, field

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation.overlaps import ExactMean, Masks, mask_overlaps

__all__ = ["ImageScores", "ImageTotals", "ciou", "giou"]


@dataclass(frozen=True, slots=True)
class ImageScores:
    """What masks are worth over many images, each in [0, 1]; higher is better.

    Attributes:
        giou: The mean of the images' intersections over unions: every image counts the same.
        ciou: The sum of all intersections over that of all unions: every pixel counts the same.
        images: How many they are.
    """

    giou: float
    ciou: float
    images: int


@dataclass(slots=True)
class ImageTotals:
    """Sums from which gIoU and cIoU come, in any number of batches and processes: the result is the same to the bit.

    It holds whole numbers only, and pickles.

    Attributes:
        empty: Score of an image where nothing is on in mask and reference. OneThinker's evaluation says 0, LISA's 1.
        intersection: Pixels that masks and references share.
        union: Pixels that they cover together.
        iou: The mean of the images' own scores so far.

    >>> totals, of_another_process = ImageTotals(), ImageTotals()
    >>> totals.update([[[1, 1, 0, 0]]], [[[0, 1, 0, 0]]])
    >>> of_another_process.update([[[1, 1]]], [[[1, 1]]])
    >>> totals.merge(of_another_process)
    >>> totals.result()
    ImageScores(giou=0.75, ciou=0.75, images=2)
    """

    empty: float = 0.0
    intersection: int = 0
    union: int = 0
    iou: ExactMean = field(default_factory=ExactMean)

    def update(self, predicted: Masks, reference: Masks) -> None:
        """Count a batch of images.

        Args:
            predicted: N masks: run-length encodings, PNG files, arrays, or ``[N, H, W]``. None where no mask was
                drawn, which counts as an empty one.
            reference: N masks alike, none of them None, each of the size of its predicted one.

        Raises:
            ArgumentError: The numbers of masks or their sizes differ, or one cannot be read. Nothing is counted then.
        """
        overlaps = mask_overlaps(predicted, reference)
        self.intersection += int(overlaps.intersections.sum())
        self.union += int(overlaps.unions.sum())
        self.iou.add(overlaps.iou(self.empty))

    def merge(self, other: ImageTotals) -> None:
        """Count what another has counted.

        Raises:
            ArgumentError: It scores empty masks otherwise.
        """
        if self.empty != other.empty:
            raise ArgumentError(f"totals with empty={self.empty!r} and empty={other.empty!r} cannot be merged")
        self.intersection += other.intersection
        self.union += other.union
        self.iou.merge(other.iou)

    def result(self) -> ImageScores:
        """Return the scores; cIoU is 0 where nothing was on anywhere.

        Raises:
            ArgumentError: No image was counted.
        """
        if not self.iou.count:
            raise ArgumentError("no image was counted")
        cumulative = self.intersection / self.union if self.union else 0.0
        return ImageScores(self.iou.value, cumulative, self.iou.count)


def giou(predicted: Masks, reference: Masks, *, empty: float = 0.0) -> float:
    """Return the mean of the images' intersections over unions.

    It is no relation of the generalized IoU of boxes, which has the same short name.

    Args:
        predicted: As in `ImageTotals.update`.
        reference: As in `ImageTotals.update`.
        empty: Score of an image where nothing is on in either: 0 in OneThinker's evaluation, 1 in LISA's.

    Returns:
        In [0, 1]; higher is better.

    Raises:
        ArgumentError: The masks do not fit each other, one cannot be read, or there is none.

    Source: Lai et al., "LISA: Reasoning Segmentation via Large Language Model", CVPR 2024, section 4.1.

    >>> giou([[[1, 1, 0]], [[1, 1, 1]]], [[[0, 1, 1]], [[1, 1, 1]]])
    0.6666666666666666
    """
    return _result(predicted, reference, empty).giou


def ciou(predicted: Masks, reference: Masks) -> float:
    """Return the sum of all intersections over the sum of all unions: large objects weigh more.

    Args:
        predicted: As in `ImageTotals.update`.
        reference: As in `ImageTotals.update`.

    Returns:
        In [0, 1]; higher is better; 0 where nothing is on in any.

    Raises:
        ArgumentError: The masks do not fit each other, one cannot be read, or there is none.

    Source: Lai et al., "LISA: Reasoning Segmentation via Large Language Model", CVPR 2024, section 4.1.

    >>> ciou([[[1, 1, 0]], [[1, 1, 1]]], [[[0, 1, 1]], [[1, 1, 1]]])
    0.6666666666666666
    """
    return _result(predicted, reference, 0.0).ciou


def _result(predicted: Masks, reference: Masks, empty: float) -> ImageScores:
    totals = ImageTotals(empty=empty)
    totals.update(predicted, reference)
    return totals.result()
