"""Processes that leave nothing behind: whatever a command starts is found, waited for, and ended."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_PR_SET_CHILD_SUBREAPER = 36
_POLL = 0.05


class CommandFailedError(AssertionError):
    """A command failed or took too long; the message ends with what it wrote last."""


def adopt_orphans() -> None:
    """Become the parent of every process whose own parent ends, so that `descendants` sees it."""
    if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("prctl")


def descendants() -> list[Any]:
    """Return the living processes below this one."""
    import psutil

    return [one for one in psutil.Process().children(recursive=True) if one.status() != psutil.STATUS_ZOMBIE]


def end_all() -> None:
    """Kill every process below this one, by its id, until there is none."""
    import psutil

    for _ in range(100):
        left = psutil.Process().children(recursive=True)
        for one in left:
            try:
                one.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(left, timeout=5)
        if not descendants():
            return
    raise AssertionError(f"cannot end {descendants()}")


def run(
    command: list[str],
    log: Path,
    environment: Mapping[str, str],
    *,
    seconds: float,
    until: Callable[[], bool] | None = None,
) -> float:
    """Run a Python command, then end all that it started; return the seconds that it took.

    Args:
        command: Arguments of this Python.
        log: Where both its outputs go.
        environment: Variables beside those of this process.
        seconds: How long it may take.
        until: If given, the command is killed as soon as this holds; it fails if the command ends before.
    """
    begun = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *command], stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )
    try:
        while process.poll() is None:
            if until is not None and until():
                process.kill()
                process.wait()
                return time.monotonic() - begun
            if time.monotonic() - begun > seconds:
                raise CommandFailedError(f"not done after {seconds} s\n{last_words(log)}")
            time.sleep(_POLL)
    finally:
        end_all()
    if process.returncode != 0 or until is not None:
        raise CommandFailedError(f"ended with {process.returncode}\n{last_words(log)}")
    return time.monotonic() - begun


def last_words(log: Path, size: int = 6000) -> str:
    return log.read_text("utf-8", errors="replace")[-size:]
