"""Opening what a command reads and writes; what cannot be opened is one line and exit code 2."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

__all__ = [
    "STANDARD",
    "UNREADABLE",
    "Refused",
    "begin_of",
    "check_suffix",
    "drop",
    "file_size",
    "is_parquet",
    "is_same_file",
    "lines_of",
    "name_of",
    "open_input",
    "output_name",
    "reason",
    "say",
    "write_bytes",
]

# Exit code: some input could not be read.
UNREADABLE = 2
STANDARD = "-"
# Other names of standard output: opened as files they would be emptied, and have files beside them.
_STANDARD_OUTPUTS = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
# What compressed files begin with, and what unpacks them.
_UNPACKERS = {b"\x1f\x8b": "gunzip -c", b"BZh": "bunzip2 -c", b"\xfd7zXZ": "xz -dc", b"\x28\xb5\x2f\xfd": "zstd -dc"}
_PACKERS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}


class Refused(click.ClickException):
    """A run that cannot go on, for a reason that fits in one line."""

    exit_code = UNREADABLE

    def show(self, file: IO[Any] | None = None) -> None:
        """Say why; where that cannot be said, the exit code still does."""
        try:
            super().show(file)
        except OSError:
            drop(sys.stderr)


def say(line: str) -> None:
    """Print a line on standard error; where that fails, the run goes on without."""
    try:
        click.echo(line, err=True)
    except OSError:
        drop(sys.stderr)


def name_of(path: str) -> str:
    """Return what messages call an input."""
    return "<stdin>" if path == STANDARD else path


def output_name(path: str) -> str:
    """Return an output's path, ``-`` where it is another name of standard output."""
    return STANDARD if path in _STANDARD_OUTPUTS else path


def open_input(path: str) -> IO[Any]:
    """Open a file, or standard input for ``-``, to read bytes.

    Raises:
        Refused: If it cannot be opened, or is compressed.
    """
    if path == STANDARD:
        if sys.stdin is None:
            raise Refused(f"{name_of(path)}: is closed")
        return click.open_file(path, "rb")
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - who asked for it closes it
        begin = file.peek()
    except (OSError, ValueError) as error:
        raise Refused(f"{path}: {reason(error)}") from None
    for mark, unpack in _UNPACKERS.items():
        if begin.startswith(mark):
            file.close()
            raise Refused(f"{path}: is compressed; unpack it on the way: {unpack} {path} | {_command()} -")
    return file


def check_suffix(path: str) -> None:
    """Pass if a name does not promise a compressed output.

    Raises:
        Refused: If it does.
    """
    pack = _PACKERS.get(Path(path).suffix.lower())
    if pack is not None:
        raise Refused(f"{path}: cannot be written compressed; pack it on the way: {_command()} … | {pack} > {path}")


def _command() -> str:
    context = click.get_current_context(silent=True)
    return f"onethinker-rewards {context.info_name if context is not None else 'score'}"


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


def begin_of(path: Path, size: int) -> bytes:
    """Return the first bytes of a file, none where there is no file.

    Raises:
        Refused: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise Refused(f"{path}: {reason(error)}") from None


def is_same_file(path: Path, source: IO[Any]) -> bool:
    """Tell whether a path is the file that is open; /dev/null may well be both."""
    try:
        return path.is_file() and os.path.samestat(path.stat(), os.fstat(source.fileno()))
    except (OSError, ValueError):
        return False
