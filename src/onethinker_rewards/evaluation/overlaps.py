"""Pixel counts of masks and their references: intersections and unions, references of evaluation files.

Pairs of run-length encodings are compared without painting a pixel: all masks of a side are laid end to end on one
line, on which their runs are intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard

import numpy as np

from onethinker_rewards.answers import Integers
from onethinker_rewards.answers.masks import Mask, MaskLike, Runs, read_mask, read_runs
from onethinker_rewards.errors import ArgumentError

Masks: TypeAlias = Sequence[MaskLike | None] | Mask


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Pixel counts of N pairs of masks.

    Attributes:
        intersections: ``[N]`` pixels that are on in both.
        unions: ``[N]`` pixels that are on in either.
    """

    intersections: Integers
    unions: Integers

    def iou(self, empty: float) -> list[float]:
        """Return the intersection over union of each pair, or ``empty`` if both masks of a pair are empty."""
        pairs = zip(self.intersections.tolist(), self.unions.tolist(), strict=True)
        return [intersection / union if union else empty for intersection, union in pairs]


def mask_overlaps(predicted: Masks, reference: Masks) -> Overlaps:
    """Return the intersection and the union of each predicted mask and its reference, in pixels.

    Args:
        predicted: N masks in any form that `read_mask` takes, or ``[N, H, W]``. None, for no mask, counts as empty.
        reference: N masks likewise, none of them None, each of the size of its predicted mask.

    Raises:
        ArgumentError: If the numbers of masks or their sizes differ, or a mask cannot be read; it names the pair.
        ImportError: If a mask is a PNG and Pillow is not installed.

    >>> square = [[1, 1, 0]]
    >>> mask_overlaps([square, None], [[[0, 1, 1]], {"size": [1, 3], "counts": [0, 3]}])
    Overlaps(intersections=array([1, 0]), unions=array([3, 3]))
    """
    if len(predicted) != len(reference):
        raise ArgumentError(f"there are {len(predicted)} predicted masks and {len(reference)} references")
    if _are_encoded(predicted) and _are_encoded(reference):
        return _run_overlaps(_read_runs(predicted, "predicted"), _read_runs(reference, "reference"))
    pairs = enumerate(zip(predicted, reference, strict=True))
    counts = np.array([_pair_counts(index, *pair) for index, pair in pairs], dtype=np.int64).reshape(-1, 2)
    return Overlaps(*counts.T)


def _are_encoded(masks: Masks) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    return all(isinstance(mask, Mapping) for mask in masks)


def _read_runs(masks: Sequence[Mapping[str, Any]], side: str) -> Runs:
    try:
        return read_runs(masks)
    except ArgumentError as error:
        raise ArgumentError(f"{side}: {error}") from None


def _pair_counts(index: int, predicted: MaskLike | None, reference: MaskLike | None) -> tuple[int, int]:
    """Return the intersection and the union of one pair."""
    try:
        predicted_mask = None if predicted is None else as_array(predicted)
        reference_mask = as_array(reference)
    except ArgumentError as error:
        raise ArgumentError(f"pair {index}: {error}") from None
    reference_area = int(np.count_nonzero(reference_mask))
    if predicted_mask is None:
        return 0, reference_area
    check_sizes(index, predicted_mask.shape, reference_mask.shape)
    intersection = int(np.count_nonzero(predicted_mask & reference_mask))
    return intersection, int(np.count_nonzero(predicted_mask)) + reference_area - intersection


def as_array(mask: Any) -> Mask:
    """Return a mask as ``[H, W]`` boolean; a boolean array is returned without a copy."""
    if isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.ndim == 2:
        return mask
    return read_mask(mask)


def check_sizes(index: int, predicted: Sequence[int], reference: Sequence[int]) -> None:
    """Raise an `ArgumentError` if the masks of a pair differ in size."""
    if predicted != reference:
        predicted_size, reference_size = (" by ".join(map(str, size)) for size in (predicted, reference))
        raise ArgumentError(f"pair {index}: predicted is {predicted_size} and its reference {reference_size}")


def _run_overlaps(predicted: Runs, reference: Runs) -> Overlaps:
    for index, sizes in enumerate(zip(predicted.sizes, reference.sizes, strict=True)):
        check_sizes(index, *sizes)
    if not predicted.sizes:
        return Overlaps(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    # How many reference pixels are on before the end of each predicted run: linear within a run of the reference.
    # Floats hold whole numbers of this size exactly.
    reference_on = (reference.pairs * [0, 1]).cumsum()
    at_ends = np.interp(predicted.pairs.cumsum(), reference.pairs.cumsum(), reference_on).reshape(-1, 2)
    starts = predicted.starts[:-1]
    intersections = np.add.reduceat(at_ends[:, 1] - at_ends[:, 0], starts).astype(np.int64)
    predicted_areas = np.add.reduceat(predicted.pairs[:, 1], starts)
    reference_areas = np.add.reduceat(reference.pairs[:, 1], reference.starts[:-1])
    return Overlaps(intersections, predicted_areas + reference_areas - intersections)


def reference_masks(output: Mapping[str, Any]) -> list[Mask | None]:
    """Return the masks in the ``segmentation_output`` of a row of OneThinker's evaluation files.

    Args:
        output: ``segmentation_rle`` is one run-length encoding for an image. For a video it holds one per frame, by the
            names in ``frames``, or as a list in their order.

    Returns:
        The one mask of an image; for a video one per frame, in the order of ``frames``, None where it has no mask.

    Raises:
        ArgumentError: If it has another form, or a mask cannot be read; it names the frame.

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
    if isinstance(encoded, Mapping):
        # Keys of a JSON object are strings, even if the list of frames has numbers.
        encoded = [encoded.get(str(frame)) for frame in frames]
    if not isinstance(encoded, list | tuple) or len(encoded) != len(frames):
        raise ArgumentError(f"segmentation_rle must have one mask for each of the {len(frames)} frames")
    return [_frame_mask(frame, mask) for frame, mask in zip(frames, encoded, strict=True)]


def _frame_mask(frame: object, encoded: object) -> Mask | None:
    # The released files have null or an empty object for a frame that was not annotated.
    if not encoded:
        return None
    if not isinstance(encoded, Mapping):
        raise ArgumentError(f"frame {frame!r:.60} must have a run-length encoding, got {type(encoded).__name__}")
    try:
        return read_mask(encoded)
    except ArgumentError as error:
        raise ArgumentError(f"frame {frame!r:.60}: {error}") from None
