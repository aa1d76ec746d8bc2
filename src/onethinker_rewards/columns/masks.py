"""Masks from what users have: COCO's run-length encodings, PNG files, arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.columns.png import read_png
from onethinker_rewards.columns.run_text import write_text
from onethinker_rewards.columns.runs import read_runs
from onethinker_rewards.errors import ArgumentError

__all__ = ["Mask", "MaskLike", "RunLength", "encode_mask", "read_mask", "read_masks"]

Mask: TypeAlias = NDArray[np.bool_]
MaskLike: TypeAlias = Mapping[str, Any] | str | PathLike[str] | bytes | NDArray[Any] | Sequence[Sequence[int]]


class RunLength(TypedDict):
    """A mask as COCO writes it into JSON: ``size`` is [height, width], ``counts`` compressed."""

    size: list[int]
    counts: str


def read_mask(mask: MaskLike) -> Mask:
    """Return a mask as an array of its own.

    Args:
        mask: A COCO run-length encoding: ``size`` [height, width] and ``counts``, a text, bytes or a list of whole
            numbers. Or a PNG: its path, or its bytes; what is not zero is on, in a palette by its index. Or ``[H, W]``
            of booleans, or of whole numbers with 0 for what is off: an array, nested lists, or what gives an array.

    Returns:
        ``[H, W]`` boolean.

    Raises:
        ArgumentError: It is none of these, its parts do not fit, the file cannot be read, or an encoding or a file
            claims more than 67,108,864 pixels.
        ImportError: A PNG, where Pillow is not installed.

    >>> read_mask({"size": [2, 3], "counts": [1, 3, 2]}).astype(int)
    array([[0, 1, 0],
           [1, 1, 0]])
    """
    if isinstance(mask, Mapping):
        return read_runs([mask]).paint(0)
    if isinstance(mask, str | PathLike):
        return read_png(_file(mask))
    if isinstance(mask, bytes | bytearray | memoryview):
        return read_png(bytes(mask))
    return _array(mask)


def read_masks(masks: Sequence[MaskLike]) -> list[Mask]:
    """Return masks as arrays, each of its own size.

    Args:
        masks: Whatever `read_mask` takes.

    Raises:
        ArgumentError: For the first mask that cannot be read; it names its place, from 0.
        ImportError: As `read_mask` does.
    """
    return [_placed(place, mask) for place, mask in enumerate(masks)]


def encode_mask(mask: NDArray[Any]) -> RunLength:
    """Return a mask as COCO's compressed run-length encoding, fit for JSON.

    Args:
        mask: ``[H, W]`` boolean, or integral with 0 for what is off.

    Raises:
        ArgumentError: It is no such array.

    >>> encode_mask(np.array([[False, True, False], [True, True, False]]))
    {'size': [2, 3], 'counts': '132'}
    """
    on = _array(mask)
    return RunLength(size=[*on.shape], counts=write_text(np.diff(_borders(on))))


def _borders(mask: Mask) -> NDArray[np.int64]:
    """Return where runs begin down the columns, and where the last ends; the first is off, perhaps of no length."""
    height, width = mask.shape
    if not mask.size:
        return np.zeros(2, dtype=np.int64)
    # Along the rows is how masks lie in memory: changes are looked for there, and put into the columns' order.
    row, column = np.divmod(np.flatnonzero(mask[1:] != mask[:-1]), width)
    down = column * height + row + 1
    across = (np.flatnonzero(mask[0, 1:] != mask[-1, :-1]) + 1) * height
    changes = np.sort(np.concatenate([down, across]), kind="stable")
    return np.concatenate([np.zeros(1 + mask[0, 0], dtype=np.int64), changes, [mask.size]])


def _placed(place: int, mask: MaskLike) -> Mask:
    try:
        return read_mask(mask)
    except ArgumentError as error:
        raise ArgumentError(f"mask {place}: {error}") from None


def _file(path: str | PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise ArgumentError(f"mask file {str(path)!r:.200} cannot be read: {error}") from None


def _array(mask: Any) -> Mask:
    try:
        array = np.asarray(mask)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise ArgumentError(f"a mask must be an array [H, W], got {type(mask).__name__}: {error}") from None
    if array.dtype.kind not in "biu":
        raise ArgumentError(f"a mask must be boolean, or integral with 0 for what is off, got {array.dtype}")
    if array.ndim != 2:
        raise ArgumentError(f"a mask must have the shape [H, W], got {list(array.shape)}")
    return array.astype(np.bool_)
