"""Waiting for something to happen: how long that takes is the machine's affair, and no test may depend on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

# Seconds: longer than anything takes on the busiest machine. Only a test that fails takes so long.
LONGEST = 300.0


def wait_for(condition: Callable[[], object]) -> None:
    """Return when it holds, and fail if it never does."""
    last = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < last, "it has not happened"
        time.sleep(0.005)


def is_running(pid: int) -> bool:
    """Tell whether a process is there and more than its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_the_end_of(*pids: int) -> None:
    """Return when none of the processes runs any more."""
    wait_for(lambda: not any(map(is_running, pids)))
