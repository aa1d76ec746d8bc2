"""gIoU, cIoU and P@t of masks over many images."""

from __future__ import annotations

from dataclasses import dataclass, field

from onethinker_rewards.evaluation.overlaps import Masks, mask_overlaps
from onethinker_rewards.evaluation.sums import ScoreSums, check_counted, check_mergeable


@dataclass(frozen=True, slots=True)
class ImageScores:
    """Scores of masks over many images, both in [0, 1]; higher is better.

    Attributes:
        giou: Mean of the images' intersections over unions: every image has the same weight.
        ciou: Sum of all intersections over the sum of all unions: every pixel has the same weight.
        images: Number of images.
        precision: P@t: the share of images with an IoU of at least t, for each threshold t that was asked for.
    """

    giou: float
    ciou: float
    images: int
    precision: dict[float, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, float]:
        """Return the scores by the names that papers give them."""
        precision = {f"P@{threshold:g}": share for threshold, share in self.precision.items()}
        return {"gIoU": self.giou, "cIoU": self.ciou} | precision


@dataclass(slots=True)
class ImageTotals:
    """Sums for gIoU and cIoU. The result does not depend, to the last bit, on how images are batched or split up.

    Totals pickle, so other processes can send theirs to be merged.

    Attributes:
        empty: IoU of an image whose mask and reference are both empty: 0 in OneThinker's evaluation, 1 in LISA's.
        thresholds: The t of P@t, such as 0.5, 0.6, 0.7, 0.8 and 0.9 in LAVT's tables of RefCOCO; none by default.
        intersection: Sum of the intersections, in pixels.
        union: Sum of the unions, in pixels.
        iou: Sums of the images' IoUs.

    >>> totals, of_another_process = ImageTotals(), ImageTotals()
    >>> totals.update([[[1, 1, 0, 0]]], [[[0, 1, 0, 0]]])
    >>> of_another_process.update([[[1, 1]]], [[[1, 1]]])
    >>> totals.merge(of_another_process)
    >>> totals.result()
    ImageScores(giou=0.75, ciou=0.75, images=2, precision={})
    """

    empty: float = 0.0
    thresholds: tuple[float, ...] = ()
    intersection: int = field(init=False, default=0)
    union: int = field(init=False, default=0)
    iou: ScoreSums = field(init=False)

    def __post_init__(self) -> None:
        self.iou = ScoreSums(self.thresholds)

    def update(self, predicted: Masks, reference: Masks) -> None:
        """Add a batch of images.

        Args:
            predicted: N masks: run-length encodings, PNG files, arrays, or ``[N, H, W]``. None, for no mask, counts as
                empty.
            reference: N masks likewise, none of them None, each of the size of its predicted mask.

        Raises:
            ArgumentError: If the numbers of masks or their sizes differ, or one cannot be read. Nothing is added then.
        """
        overlaps = mask_overlaps(predicted, reference)
        self.intersection += int(overlaps.intersections.sum())
        self.union += int(overlaps.unions.sum())
        self.iou.add(overlaps.iou(self.empty))

    def merge(self, other: ImageTotals) -> None:
        """Add the images of other totals.

        Raises:
            ArgumentError: If an option differs.
        """
        check_mergeable(self, other, "empty", "thresholds")
        self.intersection += other.intersection
        self.union += other.union
        self.iou.merge(other.iou)

    def result(self) -> ImageScores:
        """Return the scores; cIoU is 0 if all masks are empty.

        Raises:
            ArgumentError: If no image was counted.
        """
        check_counted(self.iou.scores.count, "image")
        cumulative = self.intersection / self.union if self.union else 0.0
        return ImageScores(self.iou.scores.value, cumulative, self.iou.scores.count, self.iou.shares())


def giou(predicted: Masks, reference: Masks, *, empty: float = 0.0) -> float:
    """Return gIoU, ``Σ IoU / N``: the mean of the images' intersections over unions.

    It is not the generalized IoU of boxes, which has the same short name.

    Args:
        predicted: As in `ImageTotals.update`.
        reference: As in `ImageTotals.update`.
        empty: IoU of an image whose masks are both empty: 0 in OneThinker's evaluation, 1 in LISA's.

    Returns:
        In [0, 1]; higher is better.

    Raises:
        ArgumentError: If numbers or sizes of masks differ, one cannot be read, or there is no image.

    Source: Lai et al., "LISA: Reasoning Segmentation via Large Language Model", CVPR 2024, section 4.1.

    >>> giou([[[1, 1, 0]], [[1, 1, 1]]], [[[0, 1, 1]], [[1, 1, 1]]])
    0.6666666666666666
    """
    return _result(predicted, reference, empty).giou


def ciou(predicted: Masks, reference: Masks) -> float:
    """Return cIoU, ``Σ intersection / Σ union`` over the images, in which large objects have more weight.

    Args:
        predicted: As in `ImageTotals.update`.
        reference: As in `ImageTotals.update`.

    Returns:
        In [0, 1]; higher is better; 0 if all masks are empty.

    Raises:
        ArgumentError: If numbers or sizes of masks differ, one cannot be read, or there is no image.

    Source: Lai et al., "LISA: Reasoning Segmentation via Large Language Model", CVPR 2024, section 4.1.

    >>> ciou([[[1, 1, 0]], [[1, 1, 1]]], [[[0, 1, 1]], [[1, 1, 1]]])
    0.6666666666666666
    """
    return _result(predicted, reference, 0.0).ciou


def _result(predicted: Masks, reference: Masks, empty: float) -> ImageScores:
    totals = ImageTotals(empty=empty)
    totals.update(predicted, reference)
    return totals.result()
