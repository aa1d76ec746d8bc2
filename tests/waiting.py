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
    """Tell whether any thread of a process is more than an exit code: until then its files are open."""
    try:
        threads = [*Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return any(_state(thread) not in {"Z", "X"} for thread in threads)


def _state(thread: Path) -> str:
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def wait_for_the_end_of(*pids: int) -> None:
    """Return when none of the processes runs any more."""
    wait_for(lambda: not any(map(is_running, pids)))
