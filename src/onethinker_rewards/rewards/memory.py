"""Memory that one batch frees and the next one takes again."""

from __future__ import annotations

from functools import cache

import numpy as np

__all__ = ["keep_freed_memory"]

_BYTES = 16 << 20


@cache
def keep_freed_memory() -> None:
    """Let the C library keep what a batch frees for the next one.

    glibc gives free memory back to the system once there is more of it than twice the largest block that was ever
    freed, which at first is little. Taking it again costs a page fault every 4 kB: a fifth of the time of scoring a
    step's tracks. One large block, allocated and freed without being touched, teaches it to keep twice as much. Any
    program that frees a large array does the same; other C libraries take no notice.
    """
    np.empty(_BYTES, dtype=np.uint8)
