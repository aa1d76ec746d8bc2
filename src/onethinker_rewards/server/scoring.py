"""Scoring the rows of requests: all that are in flight are collected into batches, in threads."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import TypeAlias, cast

from onethinker_rewards.adapters import RowScorer
from onethinker_rewards.adapters._shared import Each, Info
from onethinker_rewards.adapters.microbatch import Call, MicroBatcher
from onethinker_rewards.errors import ArgumentError, JudgeError
from onethinker_rewards.server.contracts import RefusedError, Result

# The rows of a request.
Calls: TypeAlias = Sequence[Call]
Results: TypeAlias = list[Result]


class BatchScorer:
    """Scores rows of many requests with one micro-batcher for each recipe and dialect.

    Requests name recipes and dialects, of which there are few: what they do not name is as the scorer has it.
    """

    def __init__(self, scorer: RowScorer) -> None:
        self._scorer = scorer
        self._batchers: dict[RowScorer, MicroBatcher[Calls, Results]] = {}

    async def score(self, calls: Calls, names: Mapping[str, str | None]) -> Results:
        """Return the rewards of each row, or its own error; a canceled call that still waits is dropped.

        Raises:
            RefusedError: If there is no such recipe or dialect, or the recipe knows no dialects.
        """
        return await self._batcher(names)(calls)

    def _batcher(self, names: Mapping[str, str | None]) -> MicroBatcher[Calls, Results]:
        dialects = {name: names.get(name) for name in ("dialect", "reference_dialect")}
        try:
            scorer = self._scorer.with_recipe(names.get("recipe"), **dialects)
        except ArgumentError as error:
            raise RefusedError(422, "invalid", str(error)) from None
        if scorer not in self._batchers:
            # Requests that come while a batch is scored are collected; a lone one needs to wait for no others.
            self._batchers[scorer] = MicroBatcher(partial(_score, scorer), linger=0.0)
        return self._batchers[scorer]

    @property
    def counts(self) -> dict[str, float]:
        """What the scorer's judge and segmenter count."""
        return self._scorer.counts

    def warm_up(self) -> None:
        """Load what scoring needs, which takes a moment."""
        _ = self._scorer.scorer

    def close(self) -> None:
        """End the threads, and the processes of the scorer."""
        for scorer, batcher in self._batchers.items():
            batcher.close()
            scorer.close()
        self._scorer.close()


def _score(scorer: RowScorer, requests: list[Calls]) -> list[Results | Future[Results]]:
    calls = [call for request in requests for call in request]
    each = iter(scorer.score_each([response for response, _ in calls], [row for _, row in calls]))
    return [_gathered([*islice(each, len(request))]) for request in requests]


def _gathered(rows: Sequence[Each]) -> Results | Future[Results]:
    """Return the results of a request, in the future if a judge is asked about some of its rows."""
    waiting = [row for row in rows if isinstance(row, Future)]
    if not waiting:
        return cast("Results", rows)
    gathered, lock, left = Future[Results](), threading.Lock(), len(waiting)

    def count_down(_: Future[Info]) -> None:
        nonlocal left
        with lock:
            left -= 1
            is_last = left == 0
        if is_last:
            _settle(gathered, rows)

    for row in waiting:
        row.add_done_callback(count_down)
    return gathered


def _settle(gathered: Future[Results], rows: Sequence[Each]) -> None:
    results: Results = []
    for row in rows:
        error = row.exception() if isinstance(row, Future) else None
        if error is None:
            results.append(row.result() if isinstance(row, Future) else row)
        elif isinstance(error, JudgeError):
            results.append(error)
        else:
            # No mistake of the caller, which is known before a judge is asked: the judge itself is faulty.
            gathered.set_exception(error)
            return
    gathered.set_result(results)
