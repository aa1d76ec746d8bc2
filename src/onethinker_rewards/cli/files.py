"""Opening what a command reads and writes; what cannot be opened is one line and exit code 2."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

__all__ = ["UNREADABLE", "Refused", "drop", "lines_of", "name_of", "open_input", "open_output", "reason", "write_lines"]

# Exit code: some input could not be read.
UNREADABLE = 2
_STANDARD = "-"


class Refused(click.ClickException):
    """A run that cannot go on, for a reason that fits in one line."""

    exit_code = UNREADABLE


def name_of(path: str) -> str:
    """Return what messages call an input."""
    return "<stdin>" if path == _STANDARD else path


def open_input(path: str) -> IO[Any]:
    """Open a file, or standard input for ``-``, to read bytes.

    Raises:
        Refused: If it cannot be opened.
    """
    try:
        return click.open_file(path, "rb")
    except (OSError, ValueError) as error:
        raise Refused(f"{path}: {reason(error)}") from None


def open_output(path: str, source: IO[Any]) -> IO[Any]:
    """Open a file, or standard output for ``-``, to write bytes.

    Raises:
        Refused: If it cannot be opened, or is the file that is being read.
    """
    try:
        # Opening would empty it.
        if path != _STANDARD and _is_same_file(Path(path), source):
            raise Refused(f"{path}: is the input too; write to another file")
        return click.open_file(path, "wb")
    except (OSError, ValueError) as error:
        raise Refused(f"{path}: {reason(error)}") from None


def lines_of(source: IO[Any], name: str) -> Iterator[bytes]:
    """Yield the lines of an input.

    Raises:
        Refused: If reading fails on the way.
    """
    try:
        yield from source
    except OSError as error:
        raise Refused(f"{name}: {reason(error)}") from None


def write_lines(target: IO[Any], name: str, lines: list[bytes]) -> None:
    """Write lines so that they are out when this returns.

    Raises:
        Refused: If they cannot be written.
        BrokenPipeError: If the reader has gone.
    """
    try:
        target.writelines(lines)
        target.flush()
    except BrokenPipeError:
        drop(target)
        raise
    except OSError as error:
        drop(target)
        raise Refused(f"{'<stdout>' if name == _STANDARD else name}: {reason(error)}") from None


def drop(target: IO[Any]) -> None:
    """Point an output nowhere: what is left in its buffer would fail once more when it is closed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, target.fileno())
    os.close(nowhere)


def reason(error: OSError | ValueError) -> str:
    """Return what the system says, without number and path."""
    return getattr(error, "strerror", None) or str(error)


def _is_same_file(path: Path, source: IO[Any]) -> bool:
    try:
        # /dev/null may well be both.
        return path.is_file() and os.path.samestat(path.stat(), os.fstat(source.fileno()))
    except (OSError, ValueError):
        return False
