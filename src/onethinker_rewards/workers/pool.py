"""A pool of worker processes with a deadline for each item."""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.workers.batch import Batch
from onethinker_rewards.workers.process import Outcome, Process

__all__ = ["Pool", "shared_pool"]

_MEMORY_LIMIT = 2 << 30

# Every pool of this process, so that a forked child can let go of what it inherits.
_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


class Pool:
    """Worker processes that run functions which may hang, eat memory or crash.

    The processes are fresh interpreters, never forks, and never import the caller's ``__main__``. They
    start with the first batch, are replaced when one is killed, and end with their owner, however it ends.
    Safe from any thread; a forked child gets processes of its own. Also a context manager.

    Args:
        size: Most processes at a time; the number of usable cores by default.
        memory_limit: Bytes of address space a process may use, where the platform can bound it.

    Raises:
        ArgumentError: ``size`` is below 1.

    >>> with Pool(size=1) as pool:
    ...     [outcome.value for outcome in pool.run("math:gcd", [(12, 18), (5, 7)], timeout=5.0)]
    [6, 1]
    """

    def __init__(self, size: int | None = None, memory_limit: int | None = _MEMORY_LIMIT) -> None:
        if size is not None and size < 1:
            raise ArgumentError(f"size must be at least 1, not {size}")
        self.size = size or _usable_cores()
        self.memory_limit = memory_limit
        self._processes: set[Process] = set()
        self._idle: list[Process] = []
        self._waiting = 0
        self._changed = threading.Condition()
        self._end = weakref.finalize(self, _kill_all, self._processes)
        _pools.add(self)

    def run(
        self,
        function: str,
        items: Sequence[Sequence[Any]],
        *,
        timeout: float,
        batch_timeout: float | None = None,
    ) -> list[Outcome]:
        """Call a function with each item's arguments and return how each ended, in order.

        Args:
            function: ``"package.module:name"``, importable in a fresh process.
            items: ``[N]`` argument lists; arguments and results are what JSON can hold.
            timeout: Seconds an item may take, counted from the end of the one before it.
            batch_timeout: Seconds for all items together, waiting for other batches included.

        Raises:
            WorkerError: A process cannot be started, or the function raised: a bug, not a hard item.
        """
        return Batch(self, function, items, timeout, batch_timeout).run()

    def borrow(self, wait: float | None) -> Process | None:
        """Return an idle or a new process, None if all are busy.

        Args:
            wait: Seconds to wait for one. 0 does not wait, and leaves the process to those who do.
        """
        with self._changed:
            if wait == 0 and self._waiting:
                return None
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: self._idle or len(self._processes) < self.size, wait)
            finally:
                self._waiting -= 1
            if self._idle:
                return self._idle.pop()
            if len(self._processes) >= self.size:
                return None
            process = Process(self.memory_limit)
            self._processes.add(process)
            return process

    def give_back(self, process: Process) -> None:
        """Take back a process that has nothing left to do."""
        with self._changed:
            self._idle.append(process)
            self._changed.notify()

    def replace(self, process: Process) -> None:
        """Kill a process; the next one to borrow starts another."""
        process.kill()
        with self._changed:
            self._processes.discard(process)
            self._changed.notify()

    def close(self) -> None:
        """End all processes. A later `run` starts new ones."""
        with self._changed:
            _kill_all(self._processes)
            self._idle.clear()
            self._changed.notify_all()

    def forget(self) -> None:
        """Let go of the processes without ending them: in a forked child they are the parent's."""
        for process in self._processes:
            process.forget()
        self._processes.clear()
        self._idle.clear()
        self._waiting = 0
        # Another thread may have held the old one at the moment of the fork.
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _kill_all(processes: set[Process]) -> None:
    while processes:
        processes.pop().kill()


def _forget_all() -> None:
    for pool in list(_pools):
        pool.forget()


if hasattr(os, "register_at_fork"):  # pragma: no branch: a platform without it has no fork
    os.register_at_fork(after_in_child=_forget_all)


@functools.cache
def shared_pool() -> Pool:
    """Return this process's pool; its workers start with its first batch and end with the process."""
    return Pool()
