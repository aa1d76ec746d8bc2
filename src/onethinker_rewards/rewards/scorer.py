"""Scoring with resources held: a judge, a segmenter, worker processes."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, Self, TypedDict, Unpack

from onethinker_rewards.rewards.judging import JudgeRunner
from onethinker_rewards.rewards.pending import PendingBatch
from onethinker_rewards.rewards.recipe import Recipe, find_recipe
from onethinker_rewards.rewards.result import RewardBatch
from onethinker_rewards.rewards.score import OnBadReference, start
from onethinker_rewards.tasks import TASKS, Context, Judge, Segmenter, TaskSpec, Verdict
from onethinker_rewards.workers import Pool


class ScoreColumns(TypedDict, total=False):
    """The keywords of `Scorer.score`: those of `onethinker_rewards.score` and ``masks``."""

    questions: Sequence[str | None] | None
    options: Sequence[Sequence[str] | None] | None
    images: Sequence[Any] | None
    sizes: Sequence[tuple[float, float] | None] | None
    masks: Sequence[Any] | None
    groups: Sequence[Hashable] | None
    progress: float | None
    tokens: Sequence[Sequence[int] | int | None] | None
    on_bad_reference: OnBadReference


class Submitted(NamedTuple):
    """Rewards of a batch, those that wait for a judge apart.

    Attributes:
        rows: The rows that needed no judge.
        batch: Their rewards.
        waiting: The future rewards of each other row, a batch of one.
    """

    rows: list[int]
    batch: RewardBatch
    waiting: dict[int, Future[RewardBatch]]


class Scorer:
    """Scores batches with the same recipe and resources.

    Args:
        recipe: ``"paper"``, ``"release"`` or a recipe of your own.
        table: The tasks, `TASKS` by default.
        judge: Scores open-ended answers; by default the recipe's, and without one they get ROUGE. A function of
            questions, answers and references, a coroutine function of these, or one of `onethinker_rewards.judges`.
        segmenter: Draws masks, for tasks whose formula uses them.
        workers: Number of processes for mathematics; None uses the process's shared ones.

    Attributes:
        recipe: The recipe.
        table: The tasks.
        judge: The judge, or None.

    Use it as a context manager, or call `close` when done: that ends the worker processes and the calls to the judge
    that belong to it. Threads may share it.

    >>> with Scorer(recipe="paper") as scorer:
    ...     scorer.score(["<think>…</think><answer>7</answer>"], ["7.0"], "numerical").total.tolist()
    [2.0]
    """

    def __init__(
        self,
        recipe: str | Recipe = "paper",
        table: Mapping[str, TaskSpec] | None = None,
        judge: Judge | None = None,
        segmenter: Segmenter | None = None,
        workers: int | None = None,
    ) -> None:
        self.recipe = find_recipe(recipe)
        self.table = TASKS if table is None else table
        self.judge = self.recipe.judge if judge is None else judge
        self._runner = None if self.judge is None else JudgeRunner(self.judge)
        self._segmenter = segmenter
        self._pool = Pool(size=workers) if workers is not None else None

    def score(
        self,
        responses: Sequence[str],
        references: Sequence[Any],
        tasks: Sequence[str] | str,
        **columns: Unpack[ScoreColumns],
    ) -> RewardBatch:
        """Score N responses; arguments, result and errors are those of `onethinker_rewards.score`.

        ``masks`` ``[N]`` are what segmentation should give, for a recipe that draws (`with_masks`): COCO RLE, PNG files
        or arrays, as large as the row's image; for a video, whose image is a `Clip`, a list with one for each frame,
        None where the object is not visible. A row without an image or mask, with one that cannot be read, with
        sizes that differ, with an empty mask or with a time after the end of its clip is a bad reference.
        """
        pending = self._start(responses, references, tasks, columns)
        return pending.finish(() if self._runner is None else self._runner.verdicts(pending.to_judge.values()))

    async def score_async(
        self,
        responses: Sequence[str],
        references: Sequence[Any],
        tasks: Sequence[str] | str,
        **columns: Unpack[ScoreColumns],
    ) -> RewardBatch:
        """Score N responses without holding up the event loop; see `score`.

        All rows are judged at the same time. Where this is canceled, so are the calls to the judge.
        """
        pending = await asyncio.to_thread(self._start, responses, references, tasks, columns)
        asked = [] if self._runner is None else self._runner.submit(pending.to_judge.values())
        return pending.finish(await asyncio.gather(*map(asyncio.wrap_future, asked)))

    def submit(
        self,
        responses: Sequence[str],
        references: Sequence[Any],
        tasks: Sequence[str] | str,
        **columns: Unpack[ScoreColumns],
    ) -> Submitted:
        """Score the rows that need no judge, and return the others as futures: no row waits for another's judge.

        Raises what `score` raises for the batch; what a judge raises is raised by the futures.
        """
        pending = self._start(responses, references, tasks, columns)
        judged = pending.judged_rows()
        if self._runner is None or not judged:
            return Submitted([*range(len(responses))], pending.finish(), {})
        of_row: dict[int, list[Future[Verdict]]] = {row: [] for row in judged}
        for entry, verdict in zip(pending.to_judge, self._runner.submit(pending.to_judge.values()), strict=True):
            of_row[int(pending.row_of[entry])].append(verdict)
        waiting = {row: self._runner.then(verdicts, pending.take([row]).finish) for row, verdicts in of_row.items()}
        rows = [row for row in range(len(responses)) if row not in of_row]
        return Submitted(rows, pending.take(rows).finish(), waiting)

    def _start(
        self, responses: Sequence[str], references: Sequence[Any], tasks: Sequence[str] | str, columns: ScoreColumns
    ) -> PendingBatch:
        given: dict[str, Any] = {**columns}
        on_bad_reference: OnBadReference = given.pop("on_bad_reference", "raise")
        for name in given.keys() - ScoreColumns.__annotations__.keys():
            raise TypeError(f"score() got an unexpected keyword argument {name!r}")
        context = Context(**given, judge=self.judge, segmenter=self._segmenter, pool=self._pool)
        return start(responses, references, tasks, self.recipe, self.table, context, on_bad_reference)

    def __repr__(self) -> str:
        held = {"judge": self.judge, "segmenter": self._segmenter, "pool": self._pool}
        given = "".join(f", {name}={type(value).__name__}" for name, value in held.items() if value is not None)
        return f"Scorer({self.recipe!r}, {len(self.table)} tasks{given})"

    def close(self) -> None:
        """End the worker processes, and the calls to the judge, that belong to this scorer."""
        if self._runner is not None:
            self._runner.close()
        if self._pool is not None:
            self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
