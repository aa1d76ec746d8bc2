"""Where a run writes to: a stream, or a file with a journal beside it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import click

from onethinker_rewards.cli.files import (
    STANDARD,
    Refused,
    check_suffix,
    is_parquet,
    is_same_file,
    output_name,
    reason,
    write_bytes,
)
from onethinker_rewards.cli.journal import Journal, forget_journal, has_journal, journal_paths
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
        self,
        target: IO[Any],
        path: str,
        journal: Journal | None = None,
        convert: Convert | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.progress = progress or Progress()
        self.noted = self.progress.place
        self.is_terminal = target.isatty()
        self._target = target
        self._path = path
        self._journal = journal
        self._convert = convert

    def begin(self) -> None:
        """Empty the file, or cut off what was written after the last note of its journal."""
        if self._journal is None:
            return
        # Before the file is emptied: what it holds must be known at any moment.
        self._journal.keep(self.progress)
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
        if self._journal is not None and self._convert is not None:
            # After the journal, which counts what is in there.
            Path(self._target.name).unlink()

    def _keep(self, journal: Journal) -> None:
        os.fsync(self._target.fileno())
        journal.keep(self.progress)
        self.noted = self.progress.place

    def _write(self, convert: Convert) -> None:
        beside = _unfinished(self._path)
        try:
            self._target.seek(0)
            with beside.open("wb") as target:
                convert(self._target, target)
            beside.replace(_replaced(self._path))
        except (OSError, Refused, KeyboardInterrupt) as error:
            beside.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise Refused(f"{self._path}: {reason(error)}") from None
            raise


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
        Refused: If it cannot be opened, is the file that is being read, would cost another file, or cannot be taken up.
    """
    path = output_name(path)
    convert = convert or _convert_of(path)
    journal = Journal(path, identity) if identity is not None and _is_file(path) else None
    if resume and journal is None:
        raise Refused("--resume needs an input and an --out that are files")
    _check(path, source)
    rows = f"{path}.rows" if convert else path
    made = [*([Path(rows)] if journal else []), _unfinished(path)] if convert else []
    _check_input(path, source, [*made, *(journal_paths(path) if journal else ())])
    # What a run that is finished may have left behind comes after saying that it is.
    progress = _found(journal, path, rows) if journal is not None and resume else None
    _check_sides(made, begun=journal is not None and has_journal(path))
    if journal is None and convert is None and _is_file(path):
        forget_journal(path)
    with _opened(rows, keep=journal is not None) if journal or not convert else _nameless(path) as target:
        output = Output(target, path, journal, convert, progress)
        output.begin()
        yield output


def _convert_of(path: str) -> Convert | None:
    """Return what makes the output of the rows that were written, None where they are the output."""
    if not is_parquet(path):
        return None
    from onethinker_rewards.cli.parquet import write_parquet  # noqa: PLC0415 - needs pyarrow

    return write_parquet


def _replaced(path: str) -> Path:
    """Return what a finished file takes the place of: not a link, but what it leads to."""
    return Path(path).resolve() if Path(path).is_symlink() else Path(path)


def _unfinished(path: str) -> Path:
    # Beside what it will replace: only there it can be done in one step.
    replaced = _replaced(path)
    return replaced.with_name(f"{replaced.name}.tmp")


def _check(path: str, source: IO[Any]) -> None:
    if path == STANDARD:
        return
    check_suffix(path)
    # Opening would empty it.
    if is_same_file(Path(path), source):
        raise Refused(f"{path}: is the input too; write to another file")
    # Rows as a table go somewhere else first.
    if is_parquet(path) and Path(path).is_dir():
        raise Refused(f"{path}: Is a directory")


def _check_input(path: str, source: IO[Any], sides: list[Path]) -> None:
    for side in sides:
        if is_same_file(side, source):
            raise Refused(f"{side}: is the input, and would be lost; write to another file than {path}")


def _check_sides(made: list[Path], *, begun: bool) -> None:
    """Pass if what stands under the names of our files is ours: of a run that has begun."""
    for side in made:
        if not begun and (side.is_dir() or _size(side)):
            raise Refused(f"{side}: is not of this run, and would be lost; remove it, or write to another file")


def _found(journal: Journal, path: str, rows: str) -> Progress | None:
    """Return how far the run was that is taken up, None where there is none yet."""
    found = journal.recall()
    if found is None and _size(Path(path)):
        raise Refused(f"{path}: has rows and no journal: finished, or not begun by this command; leave --resume out")
    if found is not None and _size(Path(rows)) < found.written:
        raise Refused(f"{journal.path}: rows it counts are gone; without --resume the run starts anew")
    return found


def _opened(path: str, *, keep: bool) -> IO[Any]:
    if path == STANDARD:
        if sys.stdout is None:
            raise Refused("<stdout>: is closed")
        return click.open_file(path, "wb")
    try:
        return Path(path).open("a+b" if keep else "wb")
    except (OSError, ValueError) as error:
        raise Refused(f"{path}: {reason(error)}") from None


def _nameless(path: str) -> IO[Any]:
    """Open a file that is gone with the run: one that cannot be taken up again needs no more."""
    try:
        return TemporaryFile(dir=Path(path).absolute().parent)
    except OSError as error:
        raise Refused(f"{path}: {reason(error)}") from None


def _is_file(path: str) -> bool:
    """Tell whether a path is a file or will be one; what is neither cannot be cut to a length."""
    if path == STANDARD:
        return False
    with suppress(OSError, ValueError):
        return stat.S_ISREG(Path(path).stat().st_mode)
    return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
