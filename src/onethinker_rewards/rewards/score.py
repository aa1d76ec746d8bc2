"""The whole flow, top to bottom: responses and references to rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from onethinker_rewards.codes import FailureCode, RepairCode
from onethinker_rewards.columns import Integers
from onethinker_rewards.errors import ArgumentError, BadReferenceError
from onethinker_rewards.rewards.batch import RewardBatch
from onethinker_rewards.rewards.recipe import Recipe, find_recipe
from onethinker_rewards.rewards.released import score_released
from onethinker_rewards.rewards.rows import ROW_COLUMNS, TaskRows, TaskScores, take_context
from onethinker_rewards.rewards.task import score_task
from onethinker_rewards.tasks import TASKS, Context, TaskSpec, resolve_tasks

__all__ = ["OnBadReference", "score", "score_in_context"]

OnBadReference = Literal["raise", "skip"]


def score(
    responses: Sequence[str],
    references: Sequence[str],
    tasks: Sequence[str] | str,
    *,
    recipe: str | Recipe = "paper",
    table: Mapping[str, TaskSpec] = TASKS,
    questions: Sequence[str] | None = None,
    options: Sequence[Sequence[str] | None] | None = None,
    images: Sequence[Any] | None = None,
    on_bad_reference: OnBadReference = "raise",
) -> RewardBatch:
    """Score N responses.

    Args:
        responses: ``[N]`` all that the model wrote, tags included.
        references: ``[N]`` what is right, with or without answer tags.
        tasks: ``[N]`` task names, ours or the data set's, or one for all rows.
        recipe: ``"paper"``, ``"release"`` or a recipe of your own.
        table: The tasks.
        questions: ``[N]`` the questions, for a judge.
        options: ``[N]`` the options' texts of multiple-choice questions; None where a row has none.
        images: ``[N]`` images, for a segmenter.
        on_bad_reference: ``"raise"``, or ``"skip"`` to give such rows a total of NaN and the failure
            ``bad_reference``.

    Returns:
        One row a response, in the same order.

    Raises:
        BadReferenceError: Naming all rows whose reference is unreadable.
        UnknownTaskError: Naming all rows whose task is unknown.
        ArgumentError: If lengths differ or a row is not text.

    >>> batch = score(["<think>It is red.</think><answer>B</answer>"], ["B"], "multiple_choice")
    >>> batch.total.tolist()
    [2.0]
    """
    context = Context(questions=questions, options=options, images=images)
    return score_in_context(responses, references, tasks, find_recipe(recipe), table, context, on_bad_reference)


def score_in_context(
    responses: Sequence[str],
    references: Sequence[str],
    tasks: Sequence[str] | str,
    recipe: Recipe,
    table: Mapping[str, TaskSpec],
    context: Context,
    on_bad_reference: OnBadReference,
) -> RewardBatch:
    """Score with everything a formula may use already in ``context``."""
    _check_rows(responses, references, tasks, context)
    if recipe.tasks:
        table = {**table, **recipe.tasks}
    names = resolve_tasks([tasks] * len(responses) if isinstance(tasks, str) else tasks, table)
    collected = _Collected(len(responses), table)
    for name, rows in _rows_by_task(names):
        task_rows = _take_rows(responses, references, context, rows)
        spec = table[name]
        scores = score_released(spec, task_rows) if recipe.rules == "release" else score_task(spec, task_rows, recipe)
        collected.add(rows, scores, maximum=1.0 if recipe.rules == "release" else spec.maximum)
    if collected.bad and on_bad_reference == "raise":
        bad = sorted(collected.bad)
        raise BadReferenceError(bad, [collected.bad[row] for row in bad])
    return collected.batch(names, recipe)


def _check_rows(
    responses: Sequence[str], references: Sequence[str], tasks: Sequence[str] | str, context: Context
) -> None:
    columns: dict[str, Sequence[Any] | None] = {
        "references": references,
        "tasks": None if isinstance(tasks, str) else tasks,
        **{name: getattr(context, name) for name in ROW_COLUMNS},
    }
    for name, values in {"responses": responses, "references": references}.items():
        if isinstance(values, str):
            raise ArgumentError(f"{name} is one str; give a list with one str a row")
    for name, values in columns.items():
        if values is not None and len(values) != len(responses):
            raise ArgumentError(f"{name} has {len(values)} rows, responses has {len(responses)}")
    for name in ("responses", "references", "tasks"):
        _check_texts(name, locals()[name])


def _check_texts(name: str, values: Sequence[Any]) -> None:
    if set(map(type, values)) <= {str}:
        return
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise ArgumentError(f"{name}, row {row}: expected str, got {type(value).__name__}")


def _rows_by_task(names: list[str]) -> list[tuple[str, Integers]]:
    """Return each task in the batch with its rows, in order of first appearance."""
    number_of = {name: number for number, name in enumerate(dict.fromkeys(names))}
    if len(number_of) == 1:
        return [(names[0], np.arange(len(names)))]
    numbers = np.fromiter(map(number_of.__getitem__, names), dtype=np.int64, count=len(names))
    return [(name, np.flatnonzero(numbers == number)) for name, number in number_of.items()]


def _take_rows(responses: Sequence[str], references: Sequence[str], context: Context, rows: Integers) -> TaskRows:
    if len(rows) == len(responses):
        return TaskRows(list(responses), list(references), context)
    places: list[int] = rows.tolist()
    return TaskRows(
        [*map(responses.__getitem__, places)],
        [*map(references.__getitem__, places)],
        take_context(context, rows),
    )


class _Collected:
    """Scores of several tasks, put back in the order of the batch."""

    def __init__(self, count: int, table: Mapping[str, TaskSpec]) -> None:
        self._count = count
        self._accuracy = np.zeros(count)
        self._normalised = np.zeros(count)
        self._format = np.ones(count)
        self._structure = np.zeros(count)
        names = dict.fromkeys(name for spec in table.values() for name in spec.parts)
        self._parts = dict(zip(names, np.full((len(names), count), np.nan), strict=True))
        self._failure: list[FailureCode | None] = [None] * count
        self._format_fault: list[FailureCode | None] = [None] * count
        self._repairs: list[tuple[RepairCode, ...]] = [()] * count
        self.bad: dict[int, str] = {}

    def add(self, rows: Integers, scores: TaskScores, *, maximum: float) -> None:
        """Put one task's scores in their places."""
        self._accuracy[rows] = scores.accuracy
        self._normalised[rows] = scores.accuracy / maximum
        self._structure[rows] = scores.structure
        for name, values in scores.parts.items():
            self._parts.setdefault(name, np.full(self._count, np.nan))[rows] = values
        for position, code in scores.failures.items():
            self._failure[rows[position]] = code
        for position, code in scores.format_faults.items():
            self._format_fault[rows[position]] = code
            self._format[rows[position]] = 0.0
        for position, codes in scores.repairs.items():
            self._repairs[rows[position]] = codes
        for position, reason in scores.bad_references.items():
            self._add_bad(int(rows[position]), reason)

    def _add_bad(self, row: int, reason: str) -> None:
        self.bad[row] = reason
        self._failure[row] = FailureCode.BAD_REFERENCE
        for values in (self._accuracy, self._normalised, *self._parts.values()):
            values[row] = np.nan

    def batch(self, names: list[str], recipe: Recipe) -> RewardBatch:
        """Add the totals up."""
        taken = self._normalised if recipe.accuracy == "normalised" else self._accuracy
        total = recipe.accuracy_weight * taken + recipe.format_weight * self._format + self._structure
        return RewardBatch(
            recipe=recipe.name,
            tasks=names,
            total=total,
            accuracy=self._accuracy,
            normalised=self._normalised,
            format=self._format,
            structure=self._structure,
            parts=self._parts,
            failure=self._failure,
            format_fault=self._format_fault,
            repairs=self._repairs,
        )
