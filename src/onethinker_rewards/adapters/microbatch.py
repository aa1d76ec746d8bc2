"""A micro-batcher, for trainers that ask for the reward of one response at a time."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeAlias, TypeVar

from onethinker_rewards.adapters._shared import Each, Info, RowScorer, chained
from onethinker_rewards.adapters.columns import Row
from onethinker_rewards.errors import ArgumentError

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Pending(Generic[Item, Result]):
    """An item that waits for its result."""

    item: Item
    future: Future[Result] = field(default_factory=Future)


class MicroBatcher(Generic[Item, Result]):
    """Collects the calls that are in flight into batches.

    While a batch is scored in a thread, the next one collects. Callers may be coroutines of any number of event loops,
    and threads. A caller that is canceled while it waits removes its item; an event loop that closes leaves nothing
    behind.

    Args:
        score_batch: Takes the items of a batch and returns a result for each. A result that is an exception is raised
            to its caller alone, and one that is a future is awaited by its caller alone, while the next batch goes on;
            an exception that is raised goes to every caller of the batch.
        linger: Seconds that the first call of a batch waits for others; the most that a lone call loses.
        max_size: Largest batch; None sets no limit.

    >>> batcher = MicroBatcher(lambda items: [2 * item for item in items])
    >>> batcher.submit(21).result()
    42
    """

    def __init__(
        self,
        score_batch: Callable[[list[Item]], Sequence[Result | Future[Result] | BaseException]],
        *,
        linger: float = 0.002,
        max_size: int | None = None,
    ) -> None:
        self._score_batch = score_batch
        self._linger = linger
        self._max_size = max_size
        self._reset()
        # A fork copies neither the thread nor its work, so the child starts with an empty batcher.
        os.register_at_fork(after_in_child=partial(_call_if_alive, weakref.WeakMethod(self._reset)))

    async def __call__(self, item: Item) -> Result:
        """Return the result of an item; raises its error."""
        return await asyncio.wrap_future(self.submit(item))

    def submit(self, item: Item) -> Future[Result]:
        """Return the future result of an item, for callers in threads."""
        pending: _Pending[Item, Result] = _Pending(item)
        with self._lock:
            self._waiting.append(pending)
            start, self._busy = not self._busy, True
        if start:
            self._start()
        return pending.future

    def close(self) -> None:
        """Score the waiting items and end the thread; a later call raises RuntimeError."""
        self._executor.shutdown(wait=True)

    def _start(self) -> None:
        batch: list[_Pending[Item, Result]] = []
        try:
            run = self._executor.submit(self._score_waiting, batch)
        except RuntimeError as error:
            # The batcher is closed or the interpreter ends: without this the callers would wait forever.
            for pending in self._take(None):
                pending.future.set_exception(error)
            return
        run.add_done_callback(partial(self._finish, batch))

    def _score_waiting(self, batch: list[_Pending[Item, Result]]) -> Sequence[Result | Future[Result] | BaseException]:
        time.sleep(self._linger)
        batch += self._take(self._max_size)
        if not batch:
            return []
        results = self._score_batch([pending.item for pending in batch])
        if len(results) != len(batch):
            raise ArgumentError(f"score_batch returned {len(results)} results for {len(batch)} items")
        return results

    def _take(self, max_size: int | None) -> list[_Pending[Item, Result]]:
        """Take waiting items; canceled ones are dropped."""
        with self._lock:
            taken = self._waiting[:max_size]
            self._waiting = self._waiting[len(taken) :]
        return [pending for pending in taken if pending.future.set_running_or_notify_cancel()]

    def _finish(
        self, batch: list[_Pending[Item, Result]], run: Future[Sequence[Result | Future[Result] | BaseException]]
    ) -> None:
        with self._lock:
            self._busy = more = bool(self._waiting)
        if more:
            self._start()
        error = run.exception()
        results = [error] * len(batch) if error is not None else run.result()
        for pending, result in zip(batch, results, strict=True):
            if isinstance(result, BaseException):
                pending.future.set_exception(result)
            elif isinstance(result, Future):
                chained(result, lambda made: made, into=pending.future)
            else:
                pending.future.set_result(result)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Pending[Item, Result]] = []
        self._busy = False
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="onethinker-rewards")

    def __reduce__(self) -> tuple[object, ...]:
        return partial(MicroBatcher, linger=self._linger, max_size=self._max_size), (self._score_batch,)


def _call_if_alive(reference: weakref.WeakMethod[Callable[[], None]]) -> None:
    method = reference()
    if method is not None:
        method()


# A response, and its row of the data set.
Call: TypeAlias = tuple[str, Row]


def batch_calls(scorer: RowScorer) -> MicroBatcher[Call, Info]:
    """Return a micro-batcher that gives each call its row of `extra_info`."""
    return MicroBatcher(partial(_score, scorer))


def _score(scorer: RowScorer, calls: list[Call]) -> list[Each]:
    return scorer.score_each([response for response, _ in calls], [row for _, row in calls])
