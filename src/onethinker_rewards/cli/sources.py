"""Opening an input by its suffix."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Protocol

from onethinker_rewards.cli.arrays import ArraySource, begins_array
from onethinker_rewards.cli.files import is_parquet, name_of, open_input
from onethinker_rewards.cli.lines import LinesSource
from onethinker_rewards.cli.work import Place, Split, Work

__all__ = ["Source", "open_source"]


class Source(Protocol):
    """An open input.

    Attributes:
        file: The file itself.
        name: What messages call it.
        begin: The position in the file at which it begins, and offsets with it.
        total: The offset of its end; None where nobody knows.
    """

    file: IO[Any]
    name: str
    begin: int
    total: int | None

    def works(self, start: Place, rows: int | None = None) -> Iterator[Work]:
        """Read from a place to the end, at most so many rows together: some thousand, where None is given."""
        ...

    def splits(self, start: Place, count: Callable[[list[tuple[str, int, int]]], Iterable[int]]) -> Sequence[Split]:
        """Divide what comes after a place; ``count`` counts lines where rows have no number before."""
        ...


@contextmanager
def open_source(path: str) -> Generator[Source]:
    """Open a JSONL file, a JSON array, a Parquet file, or standard input for ``-``.

    Raises:
        Refused: If it cannot be opened, or what reads it is not installed.
    """
    with open_input(path) as file:
        if is_parquet(path):
            from onethinker_rewards.cli.parquet import ParquetSource  # noqa: PLC0415 - needs pyarrow

            yield ParquetSource(file, os.fspath(path))
        elif path.lower().endswith(".json") and begins_array(file):
            yield ArraySource(file, path)
        else:
            yield LinesSource(file, path, name_of(path))
