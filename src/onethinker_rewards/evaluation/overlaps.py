"""How many pixels masks share with their references, and how many they cover together.

Two run-length encodings are compared by their runs, and no pixel is painted: all pairs of a batch lie end to end on
one line, and each run of one side covers a stretch of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.answers import Integers
from onethinker_rewards.answers.masks import Mask, MaskLike, Runs, read_mask, read_runs
from onethinker_rewards.errors import ArgumentError

__all__ = ["ExactMean", "Masks", "Overlaps", "check_sizes", "mask_overlaps", "pixels", "reference_masks"]

Masks: TypeAlias = Sequence[MaskLike | None] | Mask


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Pixels of N pairs of masks.

    Attributes:
        intersections: ``[N]`` pixels that both have on.
        unions: ``[N]`` pixels that either has on.
    """

    intersections: Integers
    unions: Integers

    def iou(self, empty: float) -> list[float]:
        """Return the intersection over union of each pair; ``empty`` where nothing is on in either."""
        pairs = zip(self.intersections.tolist(), self.unions.tolist(), strict=True)
        return [common / union if union else empty for common, union in pairs]


def mask_overlaps(predicted: Masks, reference: Masks) -> Overlaps:
    """Return the pixels that each predicted mask and its reference share, and cover together.

    Args:
        predicted: N masks, each whatever `read_mask` takes, or ``[N, H, W]``; None where no mask was drawn, which is
            an empty one.
        reference: N masks alike, none of them None, each of the size of its predicted one.

    Raises:
        ArgumentError: The numbers of masks or their sizes differ, or a mask cannot be read; it names its place.
        ImportError: A PNG, where Pillow is not installed.

    >>> square = [[1, 1, 0]]
    >>> mask_overlaps([square, None], [[[0, 1, 1]], {"size": [1, 3], "counts": [0, 3]}])
    Overlaps(intersections=array([1, 0]), unions=array([3, 3]))
    """
    if len(predicted) != len(reference):
        raise ArgumentError(f"there are {len(predicted)} predicted masks and {len(reference)} references")
    if _are_encoded(predicted) and _are_encoded(reference):
        return _of_runs(_runs(predicted, "predicted"), _runs(reference, "reference"))
    counts = [_of_pair(place, *pair) for place, pair in enumerate(zip(predicted, reference, strict=True))]
    common, union = np.array(counts, dtype=np.int64).reshape(-1, 2).T
    return Overlaps(common, union)


def _are_encoded(masks: Masks) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    return all(isinstance(mask, Mapping) for mask in masks)


def _runs(masks: Sequence[Mapping[str, Any]], name: str) -> Runs:
    try:
        return read_runs(masks)
    except ArgumentError as error:
        raise ArgumentError(f"{name}: {error}") from None


def _of_pair(place: int, predicted: MaskLike | None, reference: MaskLike | None) -> tuple[int, int]:
    try:
        ours = None if predicted is None else pixels(predicted)
        theirs = pixels(reference)
    except ArgumentError as error:
        raise ArgumentError(f"pair {place}: {error}") from None
    area = int(np.count_nonzero(theirs))
    if ours is None:
        return 0, area
    check_sizes(place, ours.shape, theirs.shape)
    common = int(np.count_nonzero(ours & theirs))
    return common, int(np.count_nonzero(ours)) + area - common


def pixels(mask: Any) -> Mask:
    """Return a mask as an array, the caller's own where it is one."""
    if isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.ndim == 2:
        return mask
    return read_mask(mask)


def check_sizes(place: int, predicted: Sequence[int], reference: Sequence[int]) -> None:
    """Raise where two masks differ in size."""
    if predicted != reference:
        ours, theirs = (" by ".join(map(str, size)) for size in (predicted, reference))
        raise ArgumentError(f"pair {place}: predicted is {ours} and its reference {theirs}")


def _of_runs(predicted: Runs, reference: Runs) -> Overlaps:
    for place, sizes in enumerate(zip(predicted.sizes, reference.sizes, strict=True)):
        check_sizes(place, *sizes)
    if not predicted.sizes:
        return Overlaps(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    ours, theirs = _Line.of(predicted), _Line.of(reference)
    common = ours.pixels_on(theirs)
    return Overlaps(common, ours.areas() + theirs.areas() - common)


@dataclass(frozen=True, slots=True)
class _Line:
    """Masks laid end to end, a pair of runs a line: off, then on.

    Attributes:
        ends: ``[M, 2]`` where the two end on the line of all pixels.
        on: ``[M, 2]`` how many pixels are on up to there.
        starts: ``[N]`` the first pair of each mask.
    """

    ends: Integers
    on: Integers
    starts: Integers

    @classmethod
    def of(cls, runs: Runs) -> _Line:
        on = runs.pairs[:, 1].cumsum()
        up_to = np.stack([on - runs.pairs[:, 1], on], axis=1)
        return cls(runs.pairs.ravel().cumsum().reshape(-1, 2), up_to, runs.starts[:-1])

    def areas(self) -> Integers:
        return self._of_masks(self.on)

    def pixels_on(self, other: _Line) -> Integers:
        # How much of the other is on up to each of our ends: between its own it grows by one a pixel, or not at all.
        # Whole numbers of this size are exact as the floats that interpolation takes.
        grown = np.interp(self.ends.ravel(), other.ends.ravel(), other.on.ravel())
        return self._of_masks(grown.reshape(-1, 2)).astype(np.int64)

    def _of_masks(self, up_to: NDArray[Any]) -> NDArray[Any]:
        """Return ``[N]``: what was gained within each mask's runs that are on."""
        return np.add.reduceat(up_to[:, 1] - up_to[:, 0], self.starts)


# The smallest number that a float can hold is 2 to the power of -1074: every other is a whole multiple.
_PLACES = 1074


@dataclass(slots=True)
class ExactMean:
    """A sum of finite floats without rounding, and how many they are.

    Attributes:
        units: The sum, in units of the smallest float.
        count: Numbers in it.
    """

    units: int = 0
    count: int = 0

    def add(self, numbers: Iterable[float]) -> None:
        """Add finite numbers."""
        for number in numbers:
            numerator, denominator = number.as_integer_ratio()
            self.units += numerator << (_PLACES + 1 - denominator.bit_length())
            self.count += 1

    def merge(self, other: ExactMean) -> None:
        """Add what another has added."""
        self.units += other.units
        self.count += other.count

    @property
    def value(self) -> float:
        """The mean, rounded once; there has to be a number in it."""
        return self.units / (self.count << _PLACES)


def reference_masks(output: Mapping[str, Any]) -> list[Mask | None]:
    """Return the masks that an evaluation row's ``segmentation_output`` holds.

    Args:
        output: ``segmentation_rle`` is one run-length encoding for an image. For a video it holds one a frame, by the
            frames' names in ``frames``, or as a list in their order.

    Returns:
        One mask of an image; of a video one a frame, in the order of ``frames``, and None where there is none.

    Raises:
        ArgumentError: It is no such output, or a mask cannot be read; it names the frame.

    >>> step = {"size": [1, 3], "counts": [1, 2]}
    >>> reference_masks({"frames": ["00000", "00005"], "segmentation_rle": {"00005": step}})
    [None, array([[False,  True,  True]])]
    """
    encoded = output.get("segmentation_rle")
    if isinstance(encoded, Mapping) and "counts" in encoded:
        return [read_mask(encoded)]
    frames = output.get("frames")
    if not isinstance(frames, list | tuple):
        raise ArgumentError("segmentation_output has neither one mask nor a list of frames")
    return [_mask(frame, one) for frame, one in zip(frames, _by_frame(encoded, frames), strict=True)]


def _by_frame(encoded: Any, frames: Sequence[Any]) -> list[Any]:
    if isinstance(encoded, Mapping):
        # The names are keys of a JSON object, so they are texts there even where the list has numbers.
        return [encoded.get(str(frame)) for frame in frames]
    if not isinstance(encoded, list | tuple) or len(encoded) != len(frames):
        raise ArgumentError(f"segmentation_rle must have one mask for each of the {len(frames)} frames")
    return [*encoded]


def _mask(frame: Any, encoded: Any) -> Mask | None:
    # The released files have null or an empty object where a frame has no annotation.
    if not encoded:
        return None
    if not isinstance(encoded, Mapping):
        raise ArgumentError(f"frame {frame!r:.60} must have a run-length encoding, got {type(encoded).__name__}")
    try:
        return read_mask(encoded)
    except ArgumentError as error:
        raise ArgumentError(f"frame {frame!r:.60}: {error}") from None
