"""Many calls of one row each, one batch: for trainers that ask for each response on its own."""

from __future__ import annotations

import asyncio
import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from onethinker_rewards.adapters.scoring import RowScorer
from onethinker_rewards.errors import ArgumentError, JudgeError, OneThinkerRewardsError

__all__ = ["Call", "Gatherer", "gather_calls", "whole_totals"]

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Call(Generic[Item, Result]):
    """What a caller asked, and where its answer goes."""

    item: Item
    future: Future[Result] = field(default_factory=Future)


class Gatherer(Generic[Item, Result]):
    """Gathers the calls that are in flight into batches.

    While a batch is being scored, in a thread of its own, the next collects. Callers may be coroutines of any number
    of event loops, and threads. A caller that is cancelled while it waits takes its item with it; a loop that closes
    leaves nothing behind.

    Args:
        score_batch: Takes the items of a batch and returns a result for each. A result that is an exception is raised
            to its caller alone; an exception that is raised goes to every caller of the batch.
        linger: Seconds that the first call of a batch waits for others: all that a lone call loses.
        most: Largest batch; None has no limit.

    >>> gatherer = Gatherer(lambda items: [2 * item for item in items])
    >>> gatherer.submit(21).result()
    42
    """

    def __init__(
        self,
        score_batch: Callable[[list[Item]], Sequence[Result | BaseException]],
        *,
        linger: float = 0.002,
        most: int | None = None,
    ) -> None:
        self._score_batch = score_batch
        self._linger = linger
        self._most = most
        self._renew()
        # A fork copies neither the thread nor its work: the child begins anew.
        os.register_at_fork(after_in_child=partial(_renew_if_alive, weakref.ref(self)))

    async def __call__(self, item: Item) -> Result:
        """Return the result of an item; raises its error."""
        return await asyncio.wrap_future(self.submit(item))

    def submit(self, item: Item) -> Future[Result]:
        """Return the future result of an item, for callers in threads."""
        call: _Call[Item, Result] = _Call(item)
        with self._lock:
            self._waiting.append(call)
            begin, self._busy = not self._busy, True
        if begin:
            self._begin()
        return call.future

    def close(self) -> None:
        """Score what waits and end the thread; a later call raises RuntimeError."""
        self._executor.shutdown(wait=True)

    def _begin(self) -> None:
        calls: list[_Call[Item, Result]] = []
        try:
            run = self._executor.submit(self._score_waiting, calls)
        except RuntimeError as error:
            # Closed, or the interpreter ends: nobody would answer those who wait.
            for call in self._take(None):
                call.future.set_exception(error)
            return
        run.add_done_callback(partial(self._end, calls))

    def _score_waiting(self, calls: list[_Call[Item, Result]]) -> Sequence[Result | BaseException]:
        time.sleep(self._linger)
        calls += self._take(self._most)
        if not calls:
            return []
        results = self._score_batch([call.item for call in calls])
        if len(results) != len(calls):
            raise ArgumentError(f"score_batch returned {len(results)} results for {len(calls)} items")
        return results

    def _take(self, most: int | None) -> list[_Call[Item, Result]]:
        """Take waiting calls; the cancelled ones are dropped."""
        with self._lock:
            taken, self._waiting = self._waiting[:most], self._waiting[len(self._waiting[:most]) :]
        return [call for call in taken if call.future.set_running_or_notify_cancel()]

    def _end(self, calls: list[_Call[Item, Result]], run: Future[Sequence[Any]]) -> None:
        with self._lock:
            self._busy = bool(self._waiting)
            more = self._busy
        if more:
            self._begin()
        error = run.exception()
        for place, call in enumerate(calls):
            outcome = error if error is not None else run.result()[place]
            if isinstance(outcome, BaseException):
                call.future.set_exception(outcome)
            else:
                call.future.set_result(outcome)

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Call[Item, Result]] = []
        self._busy = False
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="onethinker-rewards")

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Gatherer, linger=self._linger, most=self._most), (self._score_batch,)


def _renew_if_alive(reference: weakref.ref[Gatherer[Any, Any]]) -> None:
    gatherer = reference()
    if gatherer is not None:
        gatherer._renew()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


# A response, and its row of the data set.
Call = tuple[str, Mapping[str, Any]]
_SHOWN = 5


def gather_calls(scorer: RowScorer) -> Gatherer[Call, dict[str, Any]]:
    """Return what scores the calls in flight together, and gives each its row of `extra_info`."""
    return Gatherer(partial(_score, scorer))


def _score(scorer: RowScorer, calls: list[Call]) -> list[dict[str, Any] | OneThinkerRewardsError]:
    return scorer.score_each([response for response, _ in calls], [row for _, row in calls])


def whole_totals(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the totals of rows as `extra_info` gives them, all of them numbers.

    Raises:
        JudgeError: If a judge gave no score: NaN would spoil its group's mean, and 0 would be a lie.
    """
    totals = [float(row["total"]) for row in rows]
    missing = [place for place, total in enumerate(totals) if math.isnan(total)]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise JudgeError(
            f"the judge gave no score for row {', '.join(map(str, missing[:_SHOWN]))}{more}, "
            f"and this trainer knows no missing reward"
        )
    return totals
