"""Work for the worker processes of the tests."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def main_file() -> str:
    """Return the file that a worker takes for the main program; "" for none."""
    return getattr(sys.modules["__main__"], "__file__", "")


def process_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def die() -> None:
    os._exit(3)


def grow(size: int) -> int:
    return len(bytearray(size))


def descend(depth: int) -> int:
    return descend(depth + 1)


def print_much() -> str:
    print("noise", flush=True)  # noqa: T201
    os.write(1, b"noise\n")
    os.write(2, b"noise\n" * 100_000)
    return "quiet"


def sleep(begun: str) -> None:
    """Say with a file that this has begun, and take longer than any test waits."""
    Path(begun).touch()
    time.sleep(600)


def wait_for(begun: str, over: str) -> None:
    """Say with a file that this has begun, and wait for another file."""
    Path(begun).touch()
    while not Path(over).exists():
        time.sleep(0.01)


def hold_the_interpreter(begun: str = os.devnull) -> None:
    """Say with a file that this has begun, and make one call into C that never lets another thread run."""
    Path(begun).touch()
    sum(range(10**12))
