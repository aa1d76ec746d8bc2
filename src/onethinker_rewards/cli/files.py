"""Opening what a command reads and writes; what cannot be opened is one line and exit code 2."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

__all__ = [
    "STANDARD",
    "UNREADABLE",
    "Refused",
    "drop",
    "file_size",
    "is_parquet",
    "is_same_file",
    "lines_of",
    "name_of",
    "open_input",
    "reason",
    "write_bytes",
]

# Exit code: some input could not be read.
UNREADABLE = 2
STANDARD = "-"


class Refused(click.ClickException):
    """A run that cannot go on, for a reason that fits in one line."""

    exit_code = UNREADABLE


def name_of(path: str) -> str:
    """Return what messages call an input."""
    return "<stdin>" if path == STANDARD else path


def open_input(path: str) -> IO[Any]:
    """Open a file, or standard input for ``-``, to read bytes.

    Raises:
        Refused: If it cannot be opened.
    """
    try:
        return click.open_file(path, "rb")
    except (OSError, ValueError) as error:
        raise Refused(f"{path}: {reason(error)}") from None


def file_size(source: IO[Any]) -> int | None:
    """Return how many bytes a file has, None where it is no file."""
    try:
        status = os.fstat(source.fileno())
    except (OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def is_parquet(path: str) -> bool:
    """Tell a Parquet file by its suffix."""
    return path.lower().endswith(".parquet")


def lines_of(source: IO[Any], name: str) -> Iterator[bytes]:
    """Yield the lines of an input.

    Raises:
        Refused: If reading fails on the way.
    """
    try:
        yield from source
    except OSError as error:
        raise Refused(f"{name}: {reason(error)}") from None


def write_bytes(target: IO[Any], name: str, blob: bytes) -> None:
    """Write bytes so that they are out when this returns.

    Raises:
        Refused: If they cannot be written.
        BrokenPipeError: If the reader has gone.
    """
    try:
        target.write(blob)
        target.flush()
    except BrokenPipeError:
        drop(target)
        raise
    except OSError as error:
        drop(target)
        raise Refused(f"{'<stdout>' if name == STANDARD else name}: {reason(error)}") from None


def drop(target: IO[Any]) -> None:
    """Point an output nowhere: what is left in its buffer would fail once more when it is closed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, target.fileno())
    os.close(nowhere)


def reason(error: OSError | ValueError) -> str:
    """Return what the system says, without number and path."""
    return getattr(error, "strerror", None) or str(error)


def is_same_file(path: Path, source: IO[Any]) -> bool:
    """Tell whether a path is the file that is open; /dev/null may well be both."""
    try:
        return path.is_file() and os.path.samestat(path.stat(), os.fstat(source.fileno()))
    except (OSError, ValueError):
        return False
