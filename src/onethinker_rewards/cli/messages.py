"""What commands say to a person in one line, and their exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

# Exit codes: some answers are invalid, some input could not be read; and, by shell convention, 128 + the signal.
INVALID = 1
UNREADABLE = 2
INTERRUPTED = 130
BROKEN_PIPE = 141
# The name of standard input and standard output.
STANDARD = "-"


class CliError(click.ClickException):
    """A command that cannot go on, for a reason that fits in one line."""

    exit_code = UNREADABLE

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the reason; if standard error is closed, the exit code says it."""
        say(f"Error: {self.format_message()}")


def say(line: str) -> None:
    """Print a line on standard error; if that fails, the command goes on without."""
    try:
        click.echo(line, err=True)
    except OSError:
        discard(sys.stderr)


def error_text(error: OSError | ValueError) -> str:
    """Return what the system says, without number and path."""
    return getattr(error, "strerror", None) or str(error)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 row`` and ``2 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def discard(target: IO[Any]) -> None:
    """Send an output to nowhere: what is left in its buffer would fail once more when it is closed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, target.fileno())
    os.close(nowhere)


@contextmanager
def one_line_errors(path: str | Path) -> Generator[None]:
    """Make what the system refuses an error of one line."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise CliError(f"{path}: {error_text(error)}") from None
