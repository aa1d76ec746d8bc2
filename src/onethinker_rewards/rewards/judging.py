"""Asking a judge, on an event loop in a thread: neither the caller's event loop nor any other row waits for it."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Self, TypeVar, cast

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import ArgumentError, JudgeError
from onethinker_rewards.tasks import BatchJudge, Judge, JudgeRow, RowJudge, Verdict

Given = TypeVar("Given")
Made = TypeVar("Made")

_log = logging.getLogger("onethinker_rewards.judges")
# Their reasons are about the server; all others may quote what the model wrote, which no log should hold.
_ABOUT_THE_SERVER = (
    FailureCode.JUDGE_FAILED,
    FailureCode.JUDGE_UNREACHABLE,
    FailureCode.JUDGE_TIMEOUT,
    FailureCode.JUDGE_REFUSED,
)
# Calls under way of a judge that is a function; judges of this package set their own limit.
_MOST_CALLS = 64


def is_raw(judge: Judge | None) -> bool:
    """Return whether a judge's scores are any numbers, not limited to [0, 1]."""
    return bool(getattr(judge, "is_raw", False))


def counts_of(*held: object) -> dict[str, float]:
    """Return what judges and segmenters count, for logs; empty where none of them counts anything."""
    log_items = [getattr(each, "log_items", None) for each in held]
    return {name: value for items in log_items if items is not None for name, value in items().items()}


class JudgeRunner:
    """Asks a judge about rows, many at the same time. Any thread may submit rows.

    The event loop's thread starts at the first row, in each process anew, and ends with `close`, with the object or
    with the interpreter.

    >>> with JudgeRunner(lambda questions, answers, references: [0.5] * len(answers)) as runner:
    ...     [future.result().score for future in runner.submit([JudgeRow(answer="a dog", reference="a cat")])]
    [0.5]
    """

    def __init__(self, judge: Judge) -> None:
        if not (isinstance(judge, RowJudge) or callable(judge)):
            raise ArgumentError(
                f"judge: expected a function or an object with a coroutine function judge, got {judge!r}"
            )
        self._judge = judge
        self._lock = threading.Lock()
        self._thread: _LoopThread | None = None
        self._end: Callable[[], object] = lambda: None
        self._logged: set[FailureCode] = set()

    def submit(self, rows: Iterable[JudgeRow]) -> list[Future[Verdict]]:
        """Return the future verdict on each row.

        A judge that cannot answer gives a verdict with a code; an exception of any other kind is the future's.
        """
        asked = [*rows]
        if not asked:
            return []
        loop = self._started()
        return [loop.run(self._noted(verdict)) for verdict in self._verdicts(asked, loop)]

    def verdicts(self, rows: Iterable[JudgeRow]) -> list[Verdict]:
        """Return the verdict on each row when all are there; raises what a judge raises."""
        return [future.result() for future in self.submit(rows)]

    def _verdicts(self, rows: Sequence[JudgeRow], loop: _LoopThread) -> list[Coroutine[Any, Any, Verdict]]:
        judge = self._judge
        if not isinstance(judge, RowJudge):
            if _is_async(judge):
                return [_ask_function(judge, row, loop.slots) for row in rows]
            together = loop.call(partial(_call, judge, rows))
        elif (judge_all := getattr(judge, "judge_all", None)) is not None:
            together = loop.run(_ask_all(judge_all, rows))
        else:
            return [_ask(judge, row) for row in rows]
        return [_entry(together, index) for index in range(len(rows))]

    async def _noted(self, verdict: Coroutine[Any, Any, Verdict]) -> Verdict:
        """Log the first failure of each kind, with its reason where that is about the server."""
        found = await verdict
        if found.code is not None and found.code not in self._logged:
            self._logged.add(found.code)
            reason = f": {found.reason}" if found.code in _ABOUT_THE_SERVER and found.reason else ""
            _log.warning(
                "%s, %s%s (logged once; the total of such rows is NaN)", found.code, found.code.meaning, reason
            )
        return found

    def then(self, futures: Iterable[Future[Given]], make: Callable[[list[Given]], Made]) -> Future[Made]:
        """Return the future of what ``make`` makes of the results of all, in the loop's thread; it has to be quick."""
        return self._started().run(self._made(futures, make))

    # A method, so that this object and its thread live until it is done.
    async def _made(self, futures: Iterable[Future[Given]], make: Callable[[list[Given]], Made]) -> Made:
        return make(await asyncio.gather(*map(asyncio.wrap_future, futures)))

    def _started(self) -> _LoopThread:
        with self._lock:
            if self._thread is None or not self._thread.is_ours():
                self._thread = _LoopThread()
                self._end = weakref.finalize(self, self._thread.close, getattr(self._judge, "aclose", None))
            return self._thread

    def close(self) -> None:
        """Cancel what is under way and end the thread; rows that are submitted later start another."""
        with self._lock:
            self._thread = None
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _LoopThread:
    """An event loop in a thread, and threads for functions that block."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._functions = ThreadPoolExecutor(_MOST_CALLS, thread_name_prefix="onethinker-judge")
        self.slots = asyncio.Semaphore(_MOST_CALLS)
        self._thread = threading.Thread(target=self._run, name="onethinker-judges", daemon=True)
        self._thread.start()

    def is_ours(self) -> bool:
        """Return whether the thread runs in this process, and not only in the one that this was forked from."""
        return self._process == os.getpid()

    def run(self, coroutine: Coroutine[Any, Any, Made]) -> Future[Made]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call(self, function: Callable[[], Made]) -> Future[Made]:
        return self._functions.submit(function)

    def close(self, aclose: Callable[[], Awaitable[None]] | None) -> None:
        """Cancel all calls, let the judge close its connections, and end the thread; after a fork there is none."""
        if not self.is_ours():
            return
        self._functions.shutdown(wait=False, cancel_futures=True)
        self.run(self._end(aclose))
        # A scorer that nobody holds any more may end in its own thread, with the last row that it waited for.
        if threading.current_thread() is not self._thread:
            self._thread.join()

    async def _end(self, aclose: Callable[[], Awaitable[None]] | None) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        try:
            if aclose is not None:
                await aclose()
        finally:
            self._loop.stop()

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.close()


def _is_async(judge: Any) -> bool:
    return inspect.iscoroutinefunction(judge) or inspect.iscoroutinefunction(type(judge).__call__)


async def _ask(judge: RowJudge, row: JudgeRow) -> Verdict:
    try:
        return _verdict(await judge.judge(row), judge)
    except (JudgeError, OSError) as error:
        return _failed(error)


async def _ask_all(
    judge_all: Callable[[Sequence[JudgeRow]], Awaitable[Sequence[Verdict]]], rows: Sequence[JudgeRow]
) -> list[Verdict]:
    try:
        return [*await judge_all(rows)]
    except (JudgeError, OSError) as error:
        return [_failed(error)] * len(rows)


async def _ask_function(judge: Callable[..., Any], row: JudgeRow, slots: asyncio.Semaphore) -> Verdict:
    async with slots:
        try:
            return _verdicts(await judge([row.question], [row.answer], [row.reference]), 1)[0]
        except (JudgeError, OSError) as error:
            return _failed(error)


def _call(judge: BatchJudge, rows: Sequence[JudgeRow]) -> list[Verdict]:
    try:
        given = judge([row.question for row in rows], [row.answer for row in rows], [row.reference for row in rows])
    except (JudgeError, OSError) as error:
        return [_failed(error)] * len(rows)
    return _verdicts(given, len(rows))


def _failed(error: JudgeError | OSError) -> Verdict:
    if isinstance(error, JudgeError):
        code = error.code
    else:
        code = FailureCode.JUDGE_TIMEOUT if isinstance(error, TimeoutError) else FailureCode.JUDGE_UNREACHABLE
    return Verdict(code=code, reason=str(error))


def _verdicts(given: object, count: int) -> list[Verdict]:
    """Return the verdicts of a function's scores."""
    if not isinstance(given, Collection) or isinstance(given, str | bytes | Mapping | set | frozenset):
        raise ArgumentError(f"the judge returned {type(given).__name__}, not a list of scores")
    scores = cast("Collection[Any]", given)
    if len(scores) != count:
        raise ArgumentError(f"the judge returned {len(scores)} scores for {count} answers")
    return [_verdict(score, None) for score in scores]


def _verdict(given: Any, judge: RowJudge | None) -> Verdict:
    """Return a verdict, also where a judge gave only its score; None, NaN and infinity are none."""
    if not isinstance(given, Verdict):
        try:
            score = math.nan if given is None else float(given)
        except (TypeError, ValueError):
            raise ArgumentError(f"the judge returned a score that is not a number: {given!r:.80}") from None
        given = Verdict(score=score) if math.isfinite(score) else Verdict(code=FailureCode.JUDGE_FAILED)
    if given.score is not None and not 0.0 <= given.score <= 1.0 and not is_raw(judge):
        raise ArgumentError(f"the judge returned a score outside [0, 1]: {given.score}")
    return given


async def _entry(future: Future[list[Given]], index: int) -> Given:
    return (await asyncio.wrap_future(future))[index]
