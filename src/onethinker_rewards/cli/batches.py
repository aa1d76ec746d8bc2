"""Rows of a Parquet file some thousand at a time, fewer where they are long: as long as they are once decoded.

A file says how long its rows are as they are stored. A text that all rows share is stored once, and stands in memory
once a row: so what has been read says how many rows to read next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from onethinker_rewards.cli.decoding import decoded_bytes, plain
from onethinker_rewards.cli.kinds import pa
from onethinker_rewards.cli.lines import CHUNK_BYTES, CHUNK_ROWS

__all__ = ["read_batches"]

# Rows decoded together: more would not be faster.
_MOST_ROWS = 256
# A batch is put together of several such pieces, so that long rows after short ones do not make it much too long.
_PIECES = 8


def read_batches(parquet: Any, groups: Iterable[int], skip: int, rows: int | None = None) -> Iterator[Any]:
    """Yield the rows of some row groups.

    Args:
        parquet: The open file.
        groups: Which row groups.
        skip: Rows of the first that are left out.
        rows: Most rows together: some thousand, where None is given.
    """
    most = min(rows or CHUNK_ROWS, CHUNK_ROWS)
    held: list[Any] = []
    for piece in _pieces(parquet, groups, most):
        rest = piece.slice(min(skip, len(piece)))
        skip -= len(piece) - len(rest)
        if held and sum(map(len, held)) + len(rest) > most:
            yield _joined(held)
        held.append(rest)
        if sum(map(decoded_bytes, held)) >= CHUNK_BYTES:
            yield _joined(held)
    if held:
        yield _joined(held)


def _pieces(parquet: Any, groups: Iterable[int], most: int) -> Iterator[Any]:
    # Nobody knows how long they are.
    count = 1
    # Group by group: Arrow cannot read some nested columns over the end of one.
    for group in groups:
        for batch in parquet.iter_batches(min(count, most), row_groups=[group], use_threads=False):
            piece = plain(batch)
            yield piece
            fitting = CHUNK_BYTES // _PIECES * len(piece) // max(decoded_bytes(piece), 1)
            count = max(1, min(2 * count, _MOST_ROWS, fitting))
            # The reader looks at it before each batch.
            parquet.reader.set_batch_size(min(count, most))


def _joined(pieces: list[Any]) -> Any:
    """Return pieces as one, and let go of them."""
    (batch,) = pa.Table.from_batches(pieces).combine_chunks().to_batches()
    pieces.clear()
    return batch
