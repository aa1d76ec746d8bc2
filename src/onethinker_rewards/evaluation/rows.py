"""The reference masks of OneThinker's evaluation files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from onethinker_rewards.answers.masks import Mask, read_mask
from onethinker_rewards.errors import ArgumentError

__all__ = ["reference_masks"]


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
