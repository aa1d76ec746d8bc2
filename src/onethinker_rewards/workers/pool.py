"""A pool of worker processes with a deadline for each item."""

from __future__ import annotations

import functools
import os
import selectors
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any, Self

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.workers.process import Outcome, Process, Status, WorkerError

# Cheap items are sent several in a message, but few enough that no process is left idle while others have a queue.
_ITEMS_PER_CHUNK = 16
_CHUNKS_PER_PROCESS = 8
# Seconds until a new process must be ready, and until it must have imported the function.
_START_TIMEOUT = 120.0
# Processes that may end before their first item until the batch is given up.
_UNEXPLAINED_DEATHS = 8
# Seconds between checks for a process that another batch has returned.
_BORROW_INTERVAL = 0.02

# Every pool of this process: a forked child closes the pipes that it inherits.
_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


class Pool:
    """Worker processes that run functions which may hang, use too much memory or crash.

    The processes are new interpreters, never forks, and never import the caller's ``__main__``. They
    start with the first batch, are replaced when one is killed, and end with their owner, however it ends.
    Any thread may call it; a forked child starts its own processes. It is also a context manager.

    Args:
        size: Most processes at a time; the number of usable cores by default.
        memory_limit: Bytes of address space a process may use, where the platform can limit it; 2 GiB by default.

    Raises:
        ArgumentError: If ``size`` is below 1.

    >>> with Pool(size=1) as pool:
    ...     [outcome.value for outcome in pool.run("math:gcd", [(12, 18), (5, 7)], timeout=5.0)]
    [6, 1]
    """

    def __init__(self, size: int | None = None, memory_limit: int | None = 2 << 30) -> None:
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
        self, function: str, items: Sequence[Sequence[Any]], *, timeout: float, batch_timeout: float | None = None
    ) -> list[Outcome]:
        """Call a function with each item's arguments and return how each ended, in order.

        Args:
            function: ``"package.module:name"``, importable in a new process.
            items: ``[N]`` argument lists; arguments and results are what JSON can hold.
            timeout: Seconds an item may take, counted from the end of the item before it.
            batch_timeout: Seconds for all items together, waiting for other batches included.

        Raises:
            WorkerError: If a process cannot be started, or the function raised: a bug, not a hard item.
        """
        return _Batch(self, function, items, timeout, batch_timeout).run()

    def borrow(self, wait: float | None) -> Process | None:
        """Return an idle or a new process, or None if all are busy.

        Args:
            wait: Seconds to wait for one. With 0, return None at once if another batch is waiting: it comes first.
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
        """Take back a process that has finished its items."""
        with self._changed:
            self._idle.append(process)
            self._changed.notify()

    def replace(self, process: Process) -> None:
        """Kill a process; the next call of `borrow` may start another."""
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
        """Drop the processes without ending them: in a forked child they are the parent's."""
        for process in self._processes:
            process.forget()
        self._processes.clear()
        self._idle.clear()
        self._waiting = 0
        # Another thread may have held the old condition at the moment of the fork.
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


class _Lease:
    """A borrowed process, the rows of the items it has yet to report, and the deadline of its next message."""

    def __init__(self, process: Process, rows: deque[int]) -> None:
        self.process = process
        self.rows = rows
        self.sent = False
        self.imported = False
        self.deadline = time.monotonic() + _START_TIMEOUT


class _Batch:
    """Sends the items of one batch to borrowed processes and collects how each ended."""

    def __init__(
        self, pool: Pool, function: str, items: Sequence[Sequence[Any]], timeout: float, batch_timeout: float | None
    ) -> None:
        self._pool = pool
        self._function = function
        self._items = items
        self._item_timeout = timeout
        self._end = None if batch_timeout is None else time.monotonic() + batch_timeout
        self._outcomes = [Outcome(Status.TIMEOUT) for _ in items]
        rows = range(len(items))
        length = min(max(1, len(items) // (_CHUNKS_PER_PROCESS * pool.size)), _ITEMS_PER_CHUNK)
        self._chunks = deque(deque(rows[start : start + length]) for start in rows[::length])
        self._leases: set[_Lease] = set()
        self._unexplained_deaths = 0

    def run(self) -> list[Outcome]:
        """Return how each item ended; blocks until all have."""
        with selectors.DefaultSelector() as selector:
            self._selector = selector
            try:
                while (self._chunks or self._leases) and self._time_left() != 0:
                    self._borrow()
                    for key, _ in selector.select(self._timeout()):
                        self._on_readable(key.data)
                    self._kill_overdue()
            finally:
                # After the batch's deadline or an error, nobody reads the results of what still runs.
                for lease in list(self._leases):
                    self._replace(lease)
        return self._outcomes

    def _time_left(self) -> float | None:
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def _borrow(self) -> None:
        while self._chunks:
            # A batch that has a process does not wait for another one.
            process = self._pool.borrow(0 if self._leases else self._time_left())
            if process is None:
                return
            lease = _Lease(process, self._chunks.popleft())
            self._leases.add(lease)
            self._selector.register(process, selectors.EVENT_READ, lease)
            if process.ready:
                self._send(lease)

    def _timeout(self) -> float:
        """Return the seconds until the next deadline, or until the next attempt to borrow."""
        deadlines = [lease.deadline for lease in self._leases] + ([] if self._end is None else [self._end])
        wait = max(0.0, min(deadlines, default=0.0) - time.monotonic())
        may_borrow = self._chunks and len(self._leases) < self._pool.size
        return min(wait, _BORROW_INTERVAL) if may_borrow else wait

    def _send(self, lease: _Lease) -> None:
        lease.sent = True
        lease.deadline = time.monotonic() + _START_TIMEOUT
        items = [self._items[row] for row in lease.rows]
        if not lease.process.send(self._function, items, self._item_timeout):
            # The process ended while it was idle, so no item is to blame.
            self._replace(lease)

    def _on_readable(self, lease: _Lease) -> None:
        messages = lease.process.receive()
        if messages is None:
            self._on_exit(lease)
            return
        for message in messages:
            self._on_message(lease, message)
            if lease not in self._leases:
                return
        if lease.sent and not lease.rows:
            self._release(lease)
            self._pool.give_back(lease.process)

    def _on_message(self, lease: _Lease, message: dict[str, Any]) -> None:
        if "error" in message:
            raise WorkerError(f"{self._function} failed in its worker:\n{message['error']}")
        if "ready" in message:
            lease.process.ready = True
            self._send(lease)
            return
        lease.deadline = time.monotonic() + self._item_timeout
        if "imported" in message:
            lease.imported = True
            return
        exhausted = "exhausted" in message
        outcome = Outcome(Status.EXHAUSTED) if exhausted else Outcome(Status.DONE, message["value"])
        self._outcomes[lease.rows.popleft()] = outcome
        if exhausted or message["retire"]:
            self._replace(lease)

    def _on_exit(self, lease: _Lease) -> None:
        if not lease.process.ready:
            raise WorkerError(f"a worker process could not be started:\n{lease.process.stderr_tail()}")
        if lease.imported:
            self._outcomes[lease.rows.popleft()] = Outcome(Status.EXHAUSTED)
        else:
            # Once or twice it may have been killed while it was idle; more often, the import ends it.
            self._unexplained_deaths += 1
        if self._unexplained_deaths > _UNEXPLAINED_DEATHS:
            raise WorkerError(f"worker processes end while they import {self._function}")
        self._replace(lease)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for lease in [lease for lease in self._leases if lease.deadline <= now]:
            if not lease.imported:
                raise WorkerError(f"a worker process was not ready for {self._function} in {_START_TIMEOUT} s")
            self._outcomes[lease.rows.popleft()] = Outcome(Status.TIMEOUT)
            self._replace(lease)

    def _release(self, lease: _Lease) -> None:
        self._leases.discard(lease)
        self._selector.unregister(lease.process)

    def _replace(self, lease: _Lease) -> None:
        """Kill the process and put the items that it has not begun at the head of the queue."""
        self._release(lease)
        self._pool.replace(lease.process)
        if lease.rows:
            self._chunks.appendleft(lease.rows)
