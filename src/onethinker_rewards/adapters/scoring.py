"""Scoring with settings that any trainer's process can hold: picklable, lazy, safe from threads."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from onethinker_rewards.adapters.columns import Columns, Inputs, columns_of
from onethinker_rewards.adapters.logs import extra_info
from onethinker_rewards.errors import OneThinkerRewardsError
from onethinker_rewards.rewards import Recipe, RewardBatch, Scorer
from onethinker_rewards.rewards.recipe import find_recipe
from onethinker_rewards.tasks import TASKS, Judge, Segmenter, TaskSpec

__all__ = ["RecipeScorers", "RowScorer"]


class RowScorer:
    """Scores responses with the columns of a data set.

    Trainers copy their reward to other processes and call it from threads, so what it holds open is made at the first
    use and stays behind when it is pickled.

    Args:
        recipe: ``"paper"``, ``"release"`` or a recipe of your own.
        columns: Which column holds what.
        table: The tasks, `TASKS` by default.
        judge: Scores open-ended answers; without one they get ROUGE.
        segmenter: Draws masks, for tasks whose formula uses them.
        workers: Number of processes for mathematics; None uses the process's shared ones.

    >>> scorer = RowScorer()
    >>> columns = {"problem_type": ["numerical"], "answer": ["<answer>7</answer>"]}
    >>> scorer.score(["<think>…</think><answer>7.0</answer>"], columns).total.tolist()
    [2.0]
    """

    def __init__(
        self,
        recipe: str | Recipe = "paper",
        columns: Columns | None = None,
        table: Mapping[str, TaskSpec] | None = None,
        judge: Judge | None = None,
        segmenter: Segmenter | None = None,
        workers: int | None = None,
    ) -> None:
        self.columns = columns or Columns()
        self.table = TASKS if table is None else table
        self._recipe = find_recipe(recipe)
        self._judge = judge
        self._segmenter = segmenter
        self._workers = workers
        self._forget()

    @property
    def scorer(self) -> Scorer:
        """The scorer inside, made at the first use."""
        with self._lock:
            if self._scorer is None:
                self._scorer = Scorer(self._recipe, self.table, self._judge, self._segmenter, self._workers)
            return self._scorer

    @property
    def counts(self) -> dict[str, float]:
        """What the segmenter and its cache have done so far, for logs; empty where there is none that counts."""
        log_items = getattr(self._segmenter, "log_items", None)
        return {} if log_items is None else log_items()

    def score(self, responses: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> RewardBatch:
        """Score N responses with columns of N values each.

        Raises:
            MissingColumnError: If a column that is needed is not there.
            BadReferenceError: Naming all rows whose reference is unreadable.
            UnknownTaskError: Naming all rows whose task is unknown.
            ArgumentError: If lengths differ or a value has the wrong type.
        """
        return self._score(responses, self.columns.take(columns, rows=len(responses), table=self.table))

    def score_rows(self, responses: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> RewardBatch:
        """Score N responses with one mapping of columns each; errors are those of `score`."""
        return self.score(responses, columns_of(rows))

    def score_each(
        self, responses: Sequence[str], rows: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any] | OneThinkerRewardsError]:
        """Score N responses of callers that know nothing of each other, as a `Gatherer` does.

        Returns:
            For each its row of `extra_info`, or the error of that row alone: one caller's mistake costs no other's
            result.
        """
        with suppress(OneThinkerRewardsError):
            return [*extra_info(self.score_rows(responses, rows))]
        return [self._score_alone(response, row) for response, row in zip(responses, rows, strict=True)]

    def close(self) -> None:
        """End worker processes that belong to this scorer alone."""
        with self._lock:
            if self._scorer is not None:
                self._scorer.close()
            self._scorer = None

    def _score(self, responses: Sequence[str], inputs: Inputs) -> RewardBatch:
        return self.scorer.score(
            responses,
            inputs.references,
            inputs.tasks,
            # A row without a question gives its judge None.
            questions=inputs.questions,  # pyright: ignore[reportArgumentType]
            options=inputs.options,
            images=inputs.images,
            masks=inputs.masks,
        )

    def _score_alone(self, response: str, row: Mapping[str, Any]) -> dict[str, Any] | OneThinkerRewardsError:
        try:
            return extra_info(self.score_rows([response], [row]))[0]
        except OneThinkerRewardsError as error:
            return error

    def __getstate__(self) -> dict[str, Any]:
        held = {"_scorer", "_lock"}
        return {name: value for name, value in self.__dict__.items() if name not in held}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def _forget(self) -> None:
        self._scorer: Scorer | None = None
        self._lock = threading.Lock()


class RecipeScorers:
    """Scorers that differ in nothing but the recipe.

    Args:
        settings: Those of `RowScorer`.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings: dict[str, Any] = settings
        self._made: dict[str | None, RowScorer] = {None: RowScorer(**self._settings)}

    def __getitem__(self, recipe: str | None) -> RowScorer:
        """Return the scorer of this recipe; None is the one in the settings.

        Raises:
            ArgumentError: If there is no such recipe.
        """
        if recipe not in self._made:
            settings: dict[str, Any] = self._settings | {"recipe": recipe}
            # Two threads may both make one; the first to put it there wins.
            return self._made.setdefault(recipe, RowScorer(**settings))
        return self._made[recipe]
