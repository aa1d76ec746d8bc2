"""One batch on its way through a pool."""

from __future__ import annotations

import selectors
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from onethinker_rewards.workers.process import Outcome, Process, Status, WorkerError

__all__ = ["Batch", "Lender"]

# Cheap items share a message, but few enough that a process is not left idle beside a long queue.
_ITEMS_A_CHUNK = 16
_CHUNKS_A_PROCESS = 8

# Seconds until a fresh process must be ready, and until it must have imported the function.
_START_TIMEOUT = 120.0

# Processes that may end before their first item without the batch being given up.
_UNEXPLAINED_DEATHS = 8

# Seconds between looks for a process that another batch has finished with.
_LOOK_AGAIN = 0.02


class Lender(Protocol):
    """Where a batch borrows its processes."""

    size: int

    def borrow(self, wait: float | None) -> Process | None:
        """Return a process, None if none came free in time."""
        ...

    def give_back(self, process: Process) -> None:
        """Take back a process that can be used again."""
        ...

    def replace(self, process: Process) -> None:
        """Kill a process."""
        ...


class _Loan:
    """A borrowed process, the items it has yet to report, and when it must have said something."""

    def __init__(self, process: Process, rows: deque[int]) -> None:
        self.process = process
        self.rows = rows
        self.sent = False
        self.imported = False
        self.deadline = time.monotonic() + _START_TIMEOUT


class Batch:
    """Hands the items of one batch to borrowed processes and collects how each ended."""

    def __init__(
        self,
        lender: Lender,
        function: str,
        items: Sequence[Sequence[Any]],
        timeout: float,
        batch_timeout: float | None,
    ) -> None:
        self._lender = lender
        self._function = function
        self._items = items
        self._timeout = timeout
        self._end = None if batch_timeout is None else time.monotonic() + batch_timeout
        self._outcomes = [Outcome(Status.TIMEOUT) for _ in items]
        self._chunks = deque(_chunks(len(items), lender.size))
        self._loans: set[_Loan] = set()
        self._unexplained = 0

    def run(self) -> list[Outcome]:
        """Return how each item ended; blocks until all have."""
        with selectors.DefaultSelector() as selector:
            self._selector = selector
            try:
                while (self._chunks or self._loans) and not self._over():
                    self._borrow()
                    for key, _ in selector.select(self._patience()):
                        self._hear(key.data)
                    self._enforce()
            finally:
                # The batch's end has come, or an error: what still runs is of no use to anybody.
                for loan in list(self._loans):
                    self._replace(loan)
        return self._outcomes

    def _over(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end

    def _borrow(self) -> None:
        while self._chunks:
            process = self._lender.borrow(0 if self._loans else self._left())
            if process is None:
                return
            loan = _Loan(process, self._chunks.popleft())
            self._loans.add(loan)
            self._selector.register(process, selectors.EVENT_READ, loan)
            if process.ready:
                self._send(loan)

    def _left(self) -> float | None:
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def _patience(self) -> float:
        deadlines = [loan.deadline for loan in self._loans]
        if self._end is not None:
            deadlines.append(self._end)
        wait = max(0.0, min(deadlines, default=0.0) - time.monotonic())
        return min(wait, _LOOK_AGAIN) if self._chunks and len(self._loans) < self._lender.size else wait

    def _send(self, loan: _Loan) -> None:
        loan.sent = True
        loan.deadline = time.monotonic() + _START_TIMEOUT
        items = [self._items[row] for row in loan.rows]
        if not loan.process.send(self._function, items, self._timeout):
            # It ended while it was idle: none of the items had to do with it.
            self._replace(loan)

    def _hear(self, loan: _Loan) -> None:
        messages = loan.process.receive()
        if messages is None:
            self._mourn(loan)
            return
        for message in messages:
            if not self._take(loan, message):
                return
        if loan.sent and not loan.rows:
            self._release(loan)
            self._lender.give_back(loan.process)

    def _take(self, loan: _Loan, message: dict[str, Any]) -> bool:
        """Act on a message; False when the process has been replaced."""
        if "error" in message:
            raise WorkerError(f"{self._function} failed in its worker:\n{message['error']}")
        if "ready" in message:
            loan.process.ready = True
            self._send(loan)
            return loan in self._loans
        loan.deadline = time.monotonic() + self._timeout
        if "imported" in message:
            loan.imported = True
            return True
        exhausted = "exhausted" in message
        done = Outcome(Status.EXHAUSTED) if exhausted else Outcome(Status.DONE, message["value"])
        self._outcomes[loan.rows.popleft()] = done
        if exhausted or message["retire"]:
            self._replace(loan)
            return False
        return True

    def _mourn(self, loan: _Loan) -> None:
        if not loan.process.ready:
            raise WorkerError(f"a worker process could not be started:\n{loan.process.last_words()}")
        if loan.imported:
            self._outcomes[loan.rows.popleft()] = Outcome(Status.EXHAUSTED)
        else:
            # Killed while it was idle, unless it happens again and again.
            self._unexplained += 1
        if self._unexplained > _UNEXPLAINED_DEATHS:
            raise WorkerError(f"worker processes end while they import {self._function}")
        self._replace(loan)

    def _enforce(self) -> None:
        now = time.monotonic()
        for loan in [loan for loan in self._loans if loan.deadline <= now]:
            if not loan.imported:
                raise WorkerError(f"a worker process was not ready for {self._function} in {_START_TIMEOUT} s")
            self._outcomes[loan.rows.popleft()] = Outcome(Status.TIMEOUT)
            self._replace(loan)

    def _release(self, loan: _Loan) -> None:
        self._loans.discard(loan)
        self._selector.unregister(loan.process)

    def _replace(self, loan: _Loan) -> None:
        """Kill the process and put the items it has not begun first in the queue."""
        self._release(loan)
        self._lender.replace(loan.process)
        if loan.rows:
            self._chunks.appendleft(loan.rows)


def _chunks(count: int, size: int) -> Iterator[deque[int]]:
    length = min(max(1, count // (_CHUNKS_A_PROCESS * size)), _ITEMS_A_CHUNK)
    for start in range(0, count, length):
        yield deque(range(start, min(start + length, count)))
