"""Scoring with resources held: a judge, a segmenter, worker processes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Self

from onethinker_rewards.rewards.recipe import Recipe, find_recipe
from onethinker_rewards.rewards.result import RewardBatch
from onethinker_rewards.rewards.score import OnBadReference, score_in_context
from onethinker_rewards.tasks import TASKS, Context, Judge, Segmenter, TaskSpec
from onethinker_rewards.workers import Pool


class Scorer:
    """Scores batches with the same recipe and resources.

    Args:
        recipe: ``"paper"``, ``"release"`` or a recipe of your own.
        table: The tasks, `TASKS` by default.
        judge: Scores open-ended answers; without one they get ROUGE.
        segmenter: Draws masks, for tasks whose formula uses them.
        workers: Number of processes for mathematics; None uses the process's shared ones.

    Use it as a context manager, or call `close` when done: that ends the worker processes that belong to it.

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
        self._judge = judge
        self._segmenter = segmenter
        self._pool = Pool(size=workers) if workers is not None else None

    def score(
        self,
        responses: Sequence[str],
        references: Sequence[Any],
        tasks: Sequence[str] | str,
        *,
        questions: Sequence[str] | None = None,
        options: Sequence[Sequence[str] | None] | None = None,
        images: Sequence[Any] | None = None,
        sizes: Sequence[tuple[float, float] | None] | None = None,
        masks: Sequence[Any] | None = None,
        groups: Sequence[Hashable] | None = None,
        progress: float | None = None,
        tokens: Sequence[Sequence[int] | int | None] | None = None,
        on_bad_reference: OnBadReference = "raise",
    ) -> RewardBatch:
        """Score N responses; arguments, result and errors are those of `onethinker_rewards.score`.

        ``masks`` ``[N]`` are what segmentation should give, for a recipe that draws (`with_masks`): COCO RLE, PNG files
        or arrays, as large as the row's image; for a video, whose image is a `Clip`, a list with one for each frame,
        None where the object is not visible. A row without an image or mask, with one that cannot be read, with
        sizes that differ, with an empty mask or with a time after the end of its clip is a bad reference.
        """
        context = Context(
            questions=questions,
            options=options,
            images=images,
            sizes=sizes,
            masks=masks,
            groups=groups,
            tokens=tokens,
            progress=progress,
            judge=self._judge,
            segmenter=self._segmenter,
            pool=self._pool,
        )
        return score_in_context(responses, references, tasks, self.recipe, self.table, context, on_bad_reference)

    def __repr__(self) -> str:
        held = {"judge": self._judge, "segmenter": self._segmenter, "pool": self._pool}
        given = "".join(f", {name}={type(value).__name__}" for name, value in held.items() if value is not None)
        return f"Scorer({self.recipe!r}, {len(self.table)} tasks{given})"

    def close(self) -> None:
        """End the worker processes that belong to this scorer."""
        if self._pool is not None:
            self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
