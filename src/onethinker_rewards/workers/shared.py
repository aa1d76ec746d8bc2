"""The pool that everything in this process shares."""

from __future__ import annotations

import functools

from onethinker_rewards.workers.pool import Pool

__all__ = ["shared_pool"]


@functools.cache
def shared_pool() -> Pool:
    """Return this process's pool; its workers start with its first batch and end with the process."""
    return Pool()
