"""Where a run writes to: a stream, or a file with a journal beside it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import click

from onethinker_rewards.cli.files import (
    STANDARD,
    Refused,
    is_parquet,
    is_same_file,
    reason,
    write_bytes,
)
from onethinker_rewards.cli.journal import Journal
from onethinker_rewards.cli.work import Progress

__all__ = ["Convert", "Output", "open_output"]

Convert = Callable[[IO[bytes], IO[bytes]], None]


class Output:
    """An open output.

    Attributes:
        progress: How far the run is.
        noted: How far it was at the last note: what comes after that is done again if the run is killed.
        is_terminal: Whether rows run over a terminal.
    """

    def __init__(
        self, target: IO[Any], path: str, journal: Journal | None = None, convert: Convert | None = None
    ) -> None:
        self.progress = Progress()
        self.noted = self.progress.place
        self.is_terminal = target.isatty()
        self._target = target
        self._path = path
        self._journal = journal
        self._convert = convert

    def begin(self, *, resume: bool) -> None:
        """Empty the file, or cut off what was written after the last note of its journal."""
        if self._journal is None:
            if self._convert is not None:
                self._target.truncate(0)
            return
        found = self._journal.recall() if resume else None
        if found is not None:
            self.progress = found
        elif resume and _size(self._path):
            raise Refused(
                f"{self._path}: has rows and no journal: finished, or not begun by this command; leave --resume out"
            )
        if os.fstat(self._target.fileno()).st_size < self.progress.written:
            raise Refused(f"{self._journal.path}: rows it counts are gone; without --resume the run starts anew")
        # Before the file is emptied: what it holds must be known at any moment.
        self._journal.keep(self.progress)
        self.noted = self.progress.place
        self._target.truncate(self.progress.written)

    def write(self, blob: bytes) -> None:
        """Write what belongs to the next rows."""
        write_bytes(self._target, self._path, blob)

    def keep(self) -> None:
        """Make a note of the progress, if it is time for one."""
        if self._journal is not None and self._journal.is_due():
            self._keep(self._journal)

    def finish(self) -> None:
        """End the run: all rows are written."""
        if self._journal is not None:
            self._keep(self._journal)
        if self._convert is not None:
            self._write(self._convert)
        if self._journal is not None:
            self._journal.remove()
        if self._convert is not None:
            # After the journal, which counts what is in there.
            Path(self._target.name).unlink()

    def _keep(self, journal: Journal) -> None:
        os.fsync(self._target.fileno())
        journal.keep(self.progress)
        self.noted = self.progress.place

    def _write(self, convert: Convert) -> None:
        beside = Path(f"{self._path}.tmp")
        try:
            with Path(self._target.name).open("rb") as frames, beside.open("wb") as target:
                convert(frames, target)
            beside.replace(self._path)
        except OSError as error:
            raise Refused(f"{self._path}: {reason(error)}") from None


@contextmanager
def open_output(
    path: str,
    source: IO[Any],
    identity: dict[str, Any] | None,
    *,
    resume: bool = False,
    convert: Convert | None = None,
) -> Generator[Output]:
    """Open a file, or standard output for ``-``.

    Args:
        path: JSON Lines, or Parquet by its suffix.
        source: The input, which must not be overwritten.
        identity: What a journal tells runs apart by; None where a run cannot be taken up again.
        resume: Whether to take up the run that the journal is of.
        convert: What makes the output of what was written, from `<path>.rows`; by default the suffix decides.

    Raises:
        Refused: If it cannot be opened, is the file that is being read, or cannot be taken up.
    """
    convert = convert or _convert_of(path)
    journal = Journal(Path(f"{path}.progress"), identity) if identity is not None and _is_file(path) else None
    if resume and journal is None:
        raise Refused("--resume needs an input and an --out that are files")
    _check(path, source)
    with _opened(f"{path}.rows" if convert else path, keep=bool(journal or convert)) as target:
        output = Output(target, path, journal, convert)
        output.begin(resume=resume)
        yield output


def _convert_of(path: str) -> Convert | None:
    """Return what makes the output of the rows that were written, None where they are the output."""
    if not is_parquet(path):
        return None
    from onethinker_rewards.cli.parquet import write_parquet  # noqa: PLC0415 - needs pyarrow

    return write_parquet


def _check(path: str, source: IO[Any]) -> None:
    # Opening would empty it.
    if path != STANDARD and is_same_file(Path(path), source):
        raise Refused(f"{path}: is the input too; write to another file")
    # Rows as a table go somewhere else first.
    if path != STANDARD and is_parquet(path) and Path(path).is_dir():
        raise Refused(f"{path}: Is a directory")


def _opened(path: str, *, keep: bool) -> IO[Any]:
    try:
        return click.open_file(path, "ab" if keep else "wb")
    except (OSError, ValueError) as error:
        raise Refused(f"{path}: {reason(error)}") from None


def _is_file(path: str) -> bool:
    """Tell whether a path is a file or will be one; what is neither cannot be cut to a length."""
    if path == STANDARD:
        return False
    with suppress(OSError, ValueError):
        return stat.S_ISREG(Path(path).stat().st_mode)
    return True


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except FileNotFoundError:
        return 0
