"""Masks from what users have: COCO's run-length encodings, PNG files, arrays.

COCO writes a mask as the lengths of runs, off and on in turns, down the columns. Its compressed text holds lengths in
characters of five bits: a number takes as many characters as it needs with its sign, the lowest bits first, and each
but the last has a sixth bit set. From the fourth run of a mask on, the number is the difference to the run before the
last one.
"""

from __future__ import annotations

import operator
import struct
import zlib
from collections.abc import Mapping, Sequence
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


# 8192 by 8192: what claims more is taken for an attack.
MOST_PIXELS = 1 << 26


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of some masks, laid end to end.

    Attributes:
        pairs: ``[M, 2]`` lengths of a run that is off and the one after it, which is on; none is negative.
        starts: ``[N + 1]`` where the pairs of each mask begin, and those of the last end; each has one at least.
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
        for row, mask in enumerate(masks if len(masks) > 1 else ()):
            _name_fault(row, mask)
        raise


def _name_fault(row: int, mask: Mapping[str, Any]) -> None:
    try:
        _read([mask])
    except ArgumentError as error:
        raise ArgumentError(f"mask {row}: {error}") from None


def _read(masks: Sequence[Mapping[str, Any]]) -> Runs:
    sizes = tuple([_size(mask.get("size")) for mask in masks])
    counts = [_counts(mask.get("counts")) for mask in masks]
    texts = [one for one in counts if isinstance(one, bytes)]
    if len(texts) == len(counts):
        pairs, starts = read_text(texts)
    else:
        pieces = [read_text([one])[0] if isinstance(one, bytes) else one for one in counts]
        pairs, starts = np.concatenate(pieces), in_pairs([2 * len(piece) for piece in pieces])
    _check(pairs, starts, sizes)
    return Runs(pairs, starts, sizes)


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
        # Beyond ASCII, UTF-8 has no byte that a text of runs has.
        return counts.encode("utf-8", "surrogatepass")
    lengths = _whole_numbers(counts)
    if lengths is None or (lengths > MOST_PIXELS).any():
        wanted = f"a text, bytes or a list of whole numbers up to {MOST_PIXELS:,}"
        raise ArgumentError(f"counts must be {wanted}, got {counts!r:.60}")
    pairs = np.zeros((in_pairs([len(lengths)])[-1], 2), dtype=np.int64)
    pairs.ravel()[: len(lengths)] = lengths
    return pairs


def _whole_numbers(counts: Any) -> NDArray[Any] | None:
    if not isinstance(counts, list | tuple | np.ndarray):
        return None
    try:
        lengths = np.asarray(counts if len(counts) else [0])
    except (ValueError, OverflowError):
        return None
    return lengths if lengths.ndim == 1 and lengths.dtype.kind in "iu" else None


def _check(pairs: Integers, starts: Integers, sizes: Sequence[tuple[int, int]]) -> None:
    # Sums of what is in this range cannot overflow.
    if len(pairs) and (pairs.min() < 0 or pairs.max() > MOST_PIXELS):
        raise ArgumentError("counts hold a run that is negative or longer than a mask can be")
    sums = np.add.reduceat(pairs[:, 0] + pairs[:, 1], starts[:-1]) if sizes else starts[:0]
    for (height, width), pixels in zip(sizes, sums.tolist(), strict=True):
        if pixels != height * width:
            raise ArgumentError(f"counts hold {pixels} pixels, and size {height} by {width} has {height * width}")


_ZERO, _MORE, _SIGN, _DIGITS = 48, 32, 16, 31
# 30 bits: a difference of two runs of a mask that is not refused for its size needs no more.
_LONGEST = 6
# The characters that are not the last of their number.
_GOES_ON = bytes(range(_ZERO + _MORE, _ZERO + 2 * _MORE))
# What a byte stands for as the last character of a number: its digits, with their sign.
_LAST = ((np.arange(256, dtype=np.int64) - _ZERO + _SIGN) & _DIGITS) - _SIGN


def read_text(texts: Sequence[bytes]) -> tuple[Integers, Integers]:
    """Return the runs of all texts in one pass over their characters.

    Returns:
        ``[M, 2]`` lengths of runs in pairs, off and on, laid end to end; they may be negative or too long. ``[N + 1]``
        where those of each text begin: each has a pair at least, and its last runs may be of nothing.

    Raises:
        ArgumentError: A text holds another character, breaks off in a number, or a number has more than 30 bits.
    """
    counts = [len(text.translate(None, _GOES_ON)) for text in texts]
    starts = in_pairs(counts)
    added = 2 * np.diff(starts) - counts
    characters = np.frombuffer(b"".join(map(_filled, texts, added.tolist())), dtype=np.uint8)
    if characters.size and (characters.min() < _ZERO or characters.max() >= _ZERO + 2 * _MORE):
        raise ArgumentError("counts hold a character that no run-length encoding has")
    pairs = _summed(_numbers(characters).reshape(-1, 2), starts)
    # What was added to a text was a difference too.
    pairs[starts[1:][added > 0] - 1, 1] = 0
    return pairs, starts


def write_text(lengths: Integers) -> str:
    """Return the text of one mask's runs, ``[M]``, as COCO's own tools write it."""
    values = lengths.copy()
    values[3:] -= lengths[1:-2]
    places = _places(values)
    ends = places.cumsum()
    place = np.arange(ends[-1]) - np.repeat(ends - places, places)
    codes = (np.repeat(values, places) >> (5 * place)) & _DIGITS
    codes += _ZERO + _MORE
    codes[ends - 1] -= _MORE
    return codes.astype(np.uint8).tobytes().decode("ascii")


def in_pairs(counts: Sequence[int]) -> Integers:
    """Return ``[N + 1]``: where the pairs of each mask begin, with so many runs; none has no pair."""
    pairs = np.maximum((np.array(counts, dtype=np.int64) + 1) // 2, 1)
    return np.concatenate([np.zeros(1, dtype=np.int64), pairs.cumsum()])


def _filled(text: bytes, added: int) -> bytes:
    # The next text, or what is added here, would go on with the number.
    if text and text[-1] in _GOES_ON:
        raise ArgumentError("counts break off in the middle of a number")
    return text + b"0" * added


def _numbers(characters: NDArray[np.uint8]) -> Integers:
    goes_on = characters >= _ZERO + _MORE
    numbers = _LAST.take(characters[~goes_on])
    more = np.flatnonzero(goes_on)
    # Each of these few characters is one that has no number of its own.
    owner = more - np.arange(len(more))
    place = np.arange(len(more)) - np.searchsorted(owner, owner)
    if place.max(initial=0) >= _LONGEST - 1:
        raise ArgumentError("counts hold a number that no mask has room for")
    # It moves the last one up by five bits.
    np.multiply.at(numbers, owner, 1 << 5)
    np.add.at(numbers, owner, ((characters[more].astype(np.int64) - _ZERO) & _DIGITS) << (5 * place))
    return numbers


def _summed(pairs: Integers, starts: Integers) -> Integers:
    """Return the runs that numbers stand for: off and on runs add up apart, from the start of each mask."""
    firsts, counts = starts[:-1], np.diff(starts)
    # The third number is a run as it is.
    several = firsts[counts > 1]
    pairs[several + 1, 0] -= pairs[several, 0]
    sums = pairs.cumsum(axis=0)
    # Up to the second mask nothing is before; from there on the sum of all the masks before.
    before = np.concatenate([np.zeros((1, 2), dtype=np.int64), sums[firsts[1:] - 1]])[: len(firsts)]
    return sums - np.repeat(before, counts, axis=0)


def _places(values: Integers) -> Integers:
    """Return how many digits of five bits each number needs with its sign."""
    magnitude = values ^ (values >> 63)
    places = np.ones_like(values)
    for place in range(1, _LONGEST):
        longer = magnitude >= 1 << (5 * place - 1)
        if not longer.any():
            break
        places += longer
    return places


_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIDES = struct.Struct(">II")


def read_png(data: bytes) -> NDArray[np.bool_]:
    """Return ``[H, W]``: what is on in an encoded PNG.

    A palette image is read by its indices, so 0 is off whatever colour it has. Transparency says nothing.

    Args:
        data: The file's bytes.

    Raises:
        ArgumentError: It is no PNG, is broken, or has more than `MOST_PIXELS`.
        ImportError: Pillow is not installed.
    """
    # The header's sides come right after the name of its chunk: looked at before anything is unpacked.
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
    # The last two are of a second header with another size, the warning where warnings are errors.
    broken = (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    )
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            # Nothing is unpacked before the array is asked for.
            pixels = np.asarray(image) if image.size == size else np.zeros(0, dtype=np.bool_)
            opaque = len(image.getbands()) - ("A" in image.getbands())
    except broken as error:
        raise ArgumentError(f"a mask's PNG cannot be read: {str(error).partition(chr(10))[0]}") from None
    if not pixels.size:
        raise ArgumentError("a mask's PNG cannot be read: its headers differ in size")
    return pixels[..., :opaque] if pixels.ndim == 3 else pixels
