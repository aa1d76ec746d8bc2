"""The answers that came in, beside the output until they are written there: none is asked for twice."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from onethinker_rewards.cli.files import Refused, reason

__all__ = ["Answers"]

# Bytes after which answers are thrown away that are written by now.
ENOUGH = 64_000_000


class Answers:
    """A file of answers in the order in which they came; each stands there before anything else happens with it.

    Args:
        path: The file.
        resume: Whether to go on with what is there.

    Raises:
        Refused: If it cannot be opened, or holds answers that would be lost.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self._enough = ENOUGH
        # Answers come in another thread than that which throws old ones away.
        self._lock = threading.Lock()
        try:
            if not resume and path.is_file() and path.stat().st_size:
                raise Refused(f"{path}: has answers of a run that was not finished; add --resume, or remove the file")
            if resume:
                _cut_torn(path)
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise Refused(f"{path}: {reason(error)}") from None

    def note(self, number: int, answers: list[str]) -> None:
        """Write down answers to a row.

        Raises:
            Refused: If they cannot be written.
        """
        line = _line(number, answers)
        with self._lock:
            try:
                while line:
                    line = line[self._file.write(line) or 0 :]
            except OSError as error:
                raise Refused(f"{self._path}: {reason(error)}") from None

    def since(self, number: int) -> dict[int, list[str]]:
        """Return the answers to this row and later ones."""
        found: dict[int, list[str]] = {}
        for row, answers in _read(self._path):
            if row >= number:
                found.setdefault(row, []).extend(answers)
        return found

    def forget(self, number: int) -> None:
        """Throw away the answers to rows before this one, now and then."""
        with self._lock:
            if self._file.tell() < self._enough:
                return
            beside = self._path.with_name(self._path.name + ".tmp")
            with beside.open("wb") as kept:
                for row, answers in _read(self._path):
                    if row >= number:
                        kept.write(_line(row, answers))
                kept.flush()
                os.fsync(kept.fileno())
            beside.replace(self._path)
            self._file.close()
            self._file = self._path.open("ab", buffering=0)
            # Where most are still needed, looking again soon would be in vain.
            self._enough = max(ENOUGH, 2 * self._file.seek(0, os.SEEK_END))

    def remove(self) -> None:
        """Throw all answers away: they are written."""
        os.truncate(self._path, 0)

    def close(self) -> None:
        """Close the file; it stays if there is anything in it."""
        empty = self._file.seek(0, os.SEEK_END) == 0
        self._file.close()
        if empty:
            self._path.unlink()


def _line(number: int, answers: list[str]) -> bytes:
    return orjson.dumps([number, answers], option=orjson.OPT_APPEND_NEWLINE)


def _read(path: Path) -> Iterator[tuple[int, list[str]]]:
    with path.open("rb") as file:
        for line in file:
            number, answers = _decoded(line, path)
            yield number, answers


def _decoded(line: bytes, path: Path) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        raise Refused(f"{path}: is no file of answers") from None


def _cut_torn(path: Path) -> None:
    """Take off a line that was being written when the run was killed."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        whole = 0
        for line in file:
            whole += len(line) if line.endswith(b"\n") else 0
        file.truncate(whole)
