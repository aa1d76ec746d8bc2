"""Scoring the rows of requests: all that are in flight are collected into batches, in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress

from onethinker_rewards.adapters import RowScorer
from onethinker_rewards.adapters._shared import Info
from onethinker_rewards.adapters.microbatch import Call, MicroBatcher, batch_calls
from onethinker_rewards.errors import OneThinkerRewardsError
from onethinker_rewards.server.contracts import Result


class BatchScorer:
    """Scores rows of many requests with one micro-batcher for each recipe and dialect.

    Requests name recipes and dialects, of which there are few: what they do not name is as the scorer has it.
    """

    def __init__(self, scorer: RowScorer) -> None:
        self._scorer = scorer
        self._batchers: dict[RowScorer, MicroBatcher[Call, Info]] = {}

    async def score(self, calls: Sequence[Call], names: Mapping[str, str | None]) -> list[Result]:
        """Return the rewards of each row, or its own error; rows of a canceled call that still wait are dropped.

        Raises:
            ArgumentError: If there is no such recipe or dialect, or the recipe knows no dialects.
        """
        dialects = {name: names.get(name) for name in ("dialect", "reference_dialect")}
        scorer = self._scorer.with_recipe(names.get("recipe"), **dialects)
        if scorer not in self._batchers:
            # Requests that come while a batch is scored are collected; a lone one needs to wait for no others.
            self._batchers[scorer] = batch_calls(scorer, linger=0.0)
        futures = [self._batchers[scorer].submit(call) for call in calls]
        try:
            # From the last one: where that is done the others are mostly done too, and need no waking of this loop.
            for future in reversed(futures):
                if not future.done():
                    with suppress(OneThinkerRewardsError):
                        await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            for future in futures:
                future.cancel()
            raise
        return [_result(future) for future in futures]

    def warm_up(self) -> None:
        """Load what scoring needs, which takes a moment."""
        _ = self._scorer.scorer

    def close(self) -> None:
        """End the threads, and the processes of the scorer."""
        for scorer, batcher in self._batchers.items():
            batcher.close()
            scorer.close()
        self._scorer.close()


def _result(future: Future[Info]) -> Result:
    """Return what a row got, or the error that is its caller's mistake; any other is a bug of ours, and is raised."""
    error = future.exception()
    return error if isinstance(error, OneThinkerRewardsError) else future.result()
