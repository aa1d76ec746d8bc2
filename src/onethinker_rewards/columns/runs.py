"""Masks as COCO writes them: the lengths of runs, off and on in turns, down the columns.

Nothing is allocated for what a size merely claims: the runs are there and sum up to it before a mask is painted.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.columns.run_text import Integers, in_pairs, read_text
from onethinker_rewards.errors import ArgumentError

__all__ = ["MOST_PIXELS", "Runs", "read_runs"]

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
