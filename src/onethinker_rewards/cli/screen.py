"""Consoles for tables and progress, which survive a closed stream and an encoding that lacks characters."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import IO, Any

from rich.console import Console

from onethinker_rewards.cli.messages import discard

# Columns of text where there is no terminal to ask.
PIPE_WIDTH = 100


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # Rich would end the process with 1, which means invalid answers here.
        raise BrokenPipeError


class _Lossy:
    """Standard error that may be closed: what cannot be written is lost, and the command goes on."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        try:
            return self._file.write(text)
        except OSError:
            discard(self._file)
            return len(text)

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError:
            discard(self._file)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def console(*, stderr: bool = False) -> Console:
    """Return a console that has colors on a terminal, and is plain and 100 columns wide elsewhere."""
    if isinstance(sys.stdout, TextIOWrapper):
        # A character that the encoding lacks is replaced; it does not end the command.
        sys.stdout.reconfigure(errors="replace")
    file: Any = _Lossy(sys.stderr) if stderr and sys.stderr is not None else None
    made = _Console(file=file, stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = PIPE_WIDTH
    return made
