"""Masks from what users have: COCO's run-length encodings, PNG files, arrays.

COCO writes a mask as the lengths of runs, off and on in turns, down the columns. Its compressed text holds numbers in
characters of five bits each: as many characters as the number needs with its sign, the lowest bits first, and each but
the last has a sixth bit set. From the fourth run of a mask on, the number is the difference from the last run of the
same kind.
"""

from __future__ import annotations

import operator
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.answers.columns import Integers
from onethinker_rewards.errors import ArgumentError

Mask: TypeAlias = NDArray[np.bool_]
MaskLike: TypeAlias = Mapping[str, Any] | str | PathLike[str] | bytes | NDArray[Any] | Sequence[Sequence[int]]


class RunLength(TypedDict):
    """A mask as COCO writes it into JSON: ``size`` is [height, width], ``counts`` compressed."""

    size: list[int]
    counts: str


def read_mask(mask: MaskLike) -> Mask:
    """Return a mask as a new array.

    Args:
        mask: A COCO run-length encoding: ``size`` [height, width] and ``counts``, a text, bytes or a list of whole
            numbers. Or a PNG: its path, or its bytes; what is not zero is on, in a palette by its index. Or ``[H, W]``
            of booleans, or of whole numbers with 0 for what is off: an array, nested lists, or what gives an array.

    Returns:
        ``[H, W]`` boolean.

    Raises:
        ArgumentError: If it is none of these, its parts do not fit, the file cannot be read, or an encoding or a file
            claims more than 67,108,864 pixels.
        ImportError: If it is a PNG and Pillow is not installed.

    >>> read_mask({"size": [2, 3], "counts": [1, 3, 2]}).astype(int)
    array([[0, 1, 0],
           [1, 1, 0]])
    """
    if isinstance(mask, Mapping):
        return read_runs([mask]).paint(0)
    if isinstance(mask, str | PathLike):
        return _read_png(_file(mask))
    if isinstance(mask, bytes | bytearray | memoryview):
        return _read_png(bytes(mask))
    return _array(mask)


def read_masks(masks: Sequence[MaskLike]) -> list[Mask]:
    """Return masks as arrays, each of its own size.

    Args:
        masks: ``[N]`` of whatever `read_mask` takes.

    Returns:
        ``[N]`` arrays ``[H, W]`` boolean.

    Raises:
        ArgumentError: For the first mask that cannot be read; it gives its index.
        ImportError: As `read_mask` does.
    """
    return [_with_index(index, mask, read_mask) for index, mask in enumerate(masks)]


def encode_mask(mask: NDArray[Any]) -> RunLength:
    """Return a mask as COCO's compressed run-length encoding, fit for JSON.

    Args:
        mask: ``[H, W]`` boolean, or integral with 0 for what is off.

    Raises:
        ArgumentError: If it is no such array.

    >>> encode_mask(np.array([[False, True, False], [True, True, False]]))
    {'size': [2, 3], 'counts': '132'}
    """
    on = _array(mask)
    return RunLength(size=[*on.shape], counts=_encode(np.diff(_borders(on))))


def _borders(mask: Mask) -> NDArray[np.int64]:
    """Return where runs begin down the columns, and where the last ends; the first is off, perhaps of no length."""
    height, width = mask.shape
    if not mask.size:
        return np.zeros(2, dtype=np.int64)
    # Changes are found along the rows, as masks lie in memory, and then sorted into the order of the columns.
    row, column = np.divmod(np.flatnonzero(mask[1:] != mask[:-1]), width)
    down = column * height + row + 1
    across = (np.flatnonzero(mask[0, 1:] != mask[-1, :-1]) + 1) * height
    changes = np.sort(np.concatenate([down, across]), kind="stable")
    return np.concatenate([np.zeros(1 + mask[0, 0], dtype=np.int64), changes, [mask.size]])


def _with_index(index: int, mask: Any, read: Callable[[Any], Any]) -> Any:
    """Return what ``read`` makes of a mask; its error says which mask it is."""
    try:
        return read(mask)
    except ArgumentError as error:
        raise ArgumentError(f"mask {index}: {error}") from None


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


# 8192 by 8192; a mask that claims more is taken for an attack.
MOST_PIXELS = 1 << 26


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of N masks, one after the other.

    Attributes:
        pairs: ``[M, 2]`` lengths of a run that is off and of the one after it, which is on; at least 0.
        starts: ``[N + 1]`` where the pairs of each mask begin, and those of the last end; each has at least one.
        sizes: Height and width of each mask; its runs fill it.
    """

    pairs: Integers
    starts: Integers
    sizes: tuple[tuple[int, int], ...]

    def paint(self, row: int) -> NDArray[np.bool_]:
        """Return ``[H, W]``: one mask."""
        pairs = self.pairs[self.starts[row] : self.starts[row + 1]]
        height, width = self.sizes[row]
        on = np.tile(np.array([False, True]), len(pairs))
        return np.ascontiguousarray(np.repeat(on, pairs.ravel()).reshape(width, height).T)


def read_runs(masks: Sequence[Mapping[str, Any]]) -> Runs:
    """Return the runs of COCO run-length encodings.

    Args:
        masks: Each with ``size`` [height, width], and ``counts``: a text or bytes, or a list of whole numbers.

    Raises:
        ArgumentError: For the first mask that is no such encoding, or of more than `MOST_PIXELS`.
    """
    try:
        return _read(masks)
    except ArgumentError:
        for index, mask in enumerate(masks if len(masks) > 1 else ()):
            _with_index(index, [mask], _read)
        raise


def _read(masks: Sequence[Mapping[str, Any]]) -> Runs:
    sizes = tuple([_size(mask.get("size")) for mask in masks])
    counts = [_counts(mask.get("counts")) for mask in masks]
    decoded = iter(_decode([count for count in counts if isinstance(count, bytes)]))
    pieces = [_in_pairs(next(decoded) if isinstance(count, bytes) else count) for count in counts]
    pairs = np.concatenate([np.zeros((0, 2), dtype=np.int64), *pieces])
    starts = np.cumsum([0, *map(len, pieces)])
    _check(pairs, starts, sizes)
    return Runs(pairs, starts, sizes)


def _in_pairs(lengths: Integers) -> Integers:
    pairs = np.zeros((max(1, (len(lengths) + 1) // 2), 2), dtype=np.int64)
    pairs.ravel()[: len(lengths)] = lengths
    return pairs


def _size(size: Any) -> tuple[int, int]:
    try:
        height, width = map(operator.index, size)
    except (TypeError, ValueError):
        raise ArgumentError(f"size must be [height, width] in whole numbers, got {size!r:.60}") from None
    if min(height, width) < 0 or height * width > MOST_PIXELS:
        raise ArgumentError(f"size must have sides from 0 on and up to {MOST_PIXELS:,} pixels, got {size!r:.60}")
    return height, width


def _counts(counts: Any) -> bytes | Integers:
    if isinstance(counts, bytes):
        return counts
    if isinstance(counts, str):
        # Whatever is not ASCII becomes bytes that no text of runs has.
        return counts.encode("utf-8", "surrogatepass")
    lengths = _whole_numbers(counts)
    if lengths is None or (lengths > MOST_PIXELS).any():
        wanted = f"a text, bytes or a list of whole numbers up to {MOST_PIXELS:,}"
        raise ArgumentError(f"counts must be {wanted}, got {counts!r:.60}")
    return lengths


def _whole_numbers(counts: Any) -> NDArray[Any] | None:
    if not isinstance(counts, list | tuple | np.ndarray):
        return None
    try:
        lengths = np.asarray(counts if len(counts) else [0])
    except (ValueError, OverflowError):
        return None
    return lengths if lengths.ndim == 1 and lengths.dtype.kind in "iu" else None


def _check(pairs: Integers, starts: Integers, sizes: Sequence[tuple[int, int]]) -> None:
    # Sums of lengths in this range cannot overflow.
    if len(pairs) and (pairs.min() < 0 or pairs.max() > MOST_PIXELS):
        raise ArgumentError("counts hold a run that is negative or longer than a mask can be")
    sums = np.add.reduceat(pairs[:, 0] + pairs[:, 1], starts[:-1]) if sizes else starts[:0]
    for (height, width), pixels in zip(sizes, sums.tolist(), strict=True):
        if pixels != height * width:
            raise ArgumentError(f"counts hold {pixels} pixels, and size {height} by {width} has {height * width}")


_ZERO, _MORE, _SIGN, _DIGIT = 48, 32, 16, 31
# 30 bits: the difference of two runs of a mask that is not refused for its size needs no more.
_MOST_DIGITS = 6
# The characters that are not the last of their number.
_CONTINUING = bytes(range(_ZERO + _MORE, _ZERO + 2 * _MORE))


def _decode(texts: Sequence[bytes]) -> list[Integers]:
    """Return the runs of each compressed text, ``[M]``; they may be negative or too long.

    Raises:
        ArgumentError: If a text holds another character, breaks off in a number, or a number has more than 30 bits.
    """
    if any(text[-1:] in _CONTINUING for text in texts if text):
        raise ArgumentError("counts break off in the middle of a number")
    characters = np.frombuffer(b"".join(texts), dtype=np.uint8).astype(np.int64) - _ZERO
    if characters.size and (characters.min() < 0 or characters.max() >= 2 * _MORE):
        raise ArgumentError("counts hold a character that no run-length encoding has")
    is_last = characters < _MORE
    ends = np.flatnonzero(is_last) + 1
    sizes = np.diff(ends, prepend=0)
    if sizes.max(initial=0) > _MOST_DIGITS:
        raise ArgumentError("counts hold a number that no mask has room for")
    # The last digit of a number carries its sign.
    digits = np.where(is_last, ((characters + _SIGN) & _DIGIT) - _SIGN, characters & _DIGIT)
    exponents = np.arange(len(digits)) - np.repeat(ends - sizes, sizes)
    sums = np.concatenate([[0], (digits << (5 * exponents)).cumsum()])
    numbers = sums[ends] - sums[ends - sizes]
    counts = [len(text.translate(None, _CONTINUING)) for text in texts]
    runs = np.split(numbers, np.cumsum([0, *counts])[1:-1]) if texts else []
    for lengths in runs:
        # All but the first three are differences.
        lengths[1::2] = lengths[1::2].cumsum()
        lengths[2::2] = lengths[2::2].cumsum()
    return runs


def _encode(lengths: Integers) -> str:
    """Return the text of one mask's runs, ``[M]``, as COCO's own tools write it."""
    numbers = lengths.copy()
    numbers[3:] -= lengths[1:-2]
    magnitudes = numbers ^ (numbers >> 63)
    # How many digits of five bits each number needs with its sign.
    sizes = 1 + np.sum([magnitudes >= 1 << (5 * digit - 1) for digit in range(1, _MOST_DIGITS)], axis=0)
    ends = sizes.cumsum()
    exponents = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)
    codes = (np.repeat(numbers, sizes) >> (5 * exponents)) & _DIGIT
    codes += _ZERO + _MORE
    codes[ends - 1] -= _MORE
    return codes.astype(np.uint8).tobytes().decode("ascii")


_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIDES = struct.Struct(">II")


def _read_png(data: bytes) -> NDArray[np.bool_]:
    """Return ``[H, W]``: what is not zero in a PNG file, in a palette by its index; transparency is left out.

    Raises:
        ArgumentError: If it is not a PNG, is broken, or has more than `MOST_PIXELS`.
        ImportError: If Pillow is not installed.
    """
    # The sides are read from the header before anything is unpacked.
    if not data.startswith(_SIGNATURE) or len(data) < 24:
        raise ArgumentError("a mask's bytes must be a PNG: other formats change pixels")
    size = _SIDES.unpack_from(data, 16)
    if size[0] * size[1] > MOST_PIXELS:
        raise ArgumentError(f"a PNG of {size[1]} by {size[0]} is larger than {MOST_PIXELS:,} pixels")
    pixels = _pixels(data, size)
    return np.asarray(pixels.any(axis=2) if pixels.ndim == 3 else pixels != 0, dtype=np.bool_)


def _pixels(data: bytes, size: tuple[int, int]) -> NDArray[np.generic]:
    try:
        from PIL import Image  # noqa: PLC0415 - an extra
    except ImportError:
        raise ImportError("reading a PNG needs Pillow: pip install 'onethinker-rewards[masks]'") from None
    # The bombs are a second header with a larger size; the warning is raised where warnings are errors.
    bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            # Pillow unpacks nothing before the array is made.
            pixels = np.asarray(image) if image.size == size else np.zeros(0, dtype=np.bool_)
            opaque = len(image.getbands()) - ("A" in image.getbands())
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, *bombs) as error:
        raise ArgumentError(f"a mask's PNG cannot be read: {str(error).partition(chr(10))[0]}") from None
    if not pixels.size:
        raise ArgumentError("a mask's PNG cannot be read: its headers differ in size")
    return pixels[..., :opaque] if pixels.ndim == 3 else pixels
