"""Sorting what a filter wrote into its files, when all of it is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from onethinker_rewards.cli.answers import Answers
from onethinker_rewards.cli.files import is_parquet
from onethinker_rewards.cli.filtering import TO_ANSWERS, TO_BAD, TO_OUT, TO_REJECTED
from onethinker_rewards.cli.rows import Row, read_rows

__all__ = ["Sorting"]

_TABLE_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Sorting:
    """Makes the output and the side files of the lines that the job wrote.

    Attributes:
        out: Path of the output.
        bad: Path for rows that nothing could be made of.
        rejected: Path for rows without an answer that is kept.
        answers: Path for all rows with all of their answers.
        asked: The answers that came in on the way; they are thrown away in the end.
    """

    out: str
    bad: str
    rejected: str | None
    answers: str | None
    asked: Answers | None = None

    def __call__(self, lines: IO[bytes], target: IO[bytes]) -> None:
        """Write kept rows to the target, all else beside it."""
        others = {TO_BAD: self.bad, TO_REJECTED: self.rejected, TO_ANSWERS: self.answers}
        named = {letter: Path(path) for letter, path in others.items() if path is not None}
        with ExitStack() as stack:
            files = {letter: stack.enter_context(_beside(path).open("wb")) for letter, path in named.items()}
            kept = _kept_lines(lines, files)
            if is_parquet(self.out):
                _write_parquet(kept, target, stack.enter_context(TemporaryFile(dir=Path(self.out).absolute().parent)))
            else:
                target.writelines(kept)
        for path in named.values():
            _beside(path).replace(path)
        if self.asked is not None:
            # The journal still says that all is done, and this is gone again before that.
            self.asked.remove()


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".tmp")


def _kept_lines(lines: IO[bytes], others: Mapping[bytes, IO[bytes]]) -> Iterator[bytes]:
    """Yield the lines of rows that are kept, and write the others on the way."""
    for line in lines:
        if line[:1] == TO_OUT:
            yield line[1:]
        else:
            others[line[:1]].write(line[1:])


def _write_parquet(lines: Iterable[bytes], target: IO[bytes], frames: IO[bytes]) -> None:
    from onethinker_rewards.cli.arrow import table_of_columns  # noqa: PLC0415 - needs pyarrow
    from onethinker_rewards.cli.parquet import frame_of, write_parquet  # noqa: PLC0415

    rows = (row.columns for row in read_rows(lines) if isinstance(row, Row))
    while some := list(islice(rows, _TABLE_ROWS)):
        frames.write(frame_of(table_of_columns(some)))
    write_parquet(frames, target)
