"""The whole flow, top to bottom: responses and references to rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from onethinker_rewards._validation import as_list, check_choice, check_texts
from onethinker_rewards.errors import BadReferenceError
from onethinker_rewards.rewards.assembling import Scored, assemble, bad_references
from onethinker_rewards.rewards.batch import RewardBatch
from onethinker_rewards.rewards.grouping import Groups, group_by_task
from onethinker_rewards.rewards.memory import keep_freed_memory
from onethinker_rewards.rewards.recipe import Recipe, find_recipe
from onethinker_rewards.rewards.released import score_released
from onethinker_rewards.rewards.rows import TaskRows, check_count, listed_context
from onethinker_rewards.rewards.task import find_in, score_task
from onethinker_rewards.tasks import TASKS, Context, TaskSpec, check_names, resolve_tasks

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
        ArgumentError: If lengths differ, a row is not text, ``on_bad_reference`` is neither of the two, or the recipe
            has a formula for what is no task.

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
    check_choice("on_bad_reference", on_bad_reference, get_args(OnBadReference))
    if recipe.tasks:
        table = {**table, **recipe.tasks}
    if recipe.formulas:
        check_names("formulas", recipe.formulas, {spec.name: spec for spec in table.values()})
    texts = as_list("responses", responses)
    rows = TaskRows(texts, as_list("references", references), listed_context(context, len(texts)))
    labels = [tasks] * len(rows) if isinstance(tasks, str) else as_list("tasks", tasks)
    check_count("references", rows.references, len(rows))
    check_count("tasks", labels, len(rows))
    try:
        return _score(rows, labels, recipe, table, on_bad_reference)
    except (TypeError, AttributeError):
        # Looking at every row's type takes as long as comparing option letters, so it is done where something failed.
        for name, values in {"responses": rows.responses, "references": rows.references, "tasks": labels}.items():
            check_texts(name, values)
        raise


def _score(
    rows: TaskRows,
    labels: Sequence[str],
    recipe: Recipe,
    table: Mapping[str, TaskSpec],
    on_bad_reference: OnBadReference,
) -> RewardBatch:
    keep_freed_memory()
    names = resolve_tasks(labels, table)
    groups = group_by_task(names)
    rows = groups.arrange(rows)
    scored = _score_groups({name: rows.slice(place) for name, place in groups.places.items()}, groups, recipe, table)
    bad = bad_references(scored, groups)
    if bad and on_bad_reference == "raise":
        raise BadReferenceError(list(bad), list(bad.values()))
    part_names = [name for spec in table.values() for name in spec.parts]
    return assemble(names, part_names, groups, scored, recipe)


def _score_groups(
    rows: Mapping[str, TaskRows], groups: Groups, recipe: Recipe, table: Mapping[str, TaskSpec]
) -> list[Scored]:
    places = groups.places
    if recipe.rules == "release":
        return [Scored(places[name], score_released(table[name], some), 1.0) for name, some in rows.items()]
    # The responses of a step are longer than a processor's cache is large: they go through it once, before all else.
    found = {name: find_in(table[name], some, recipe) for name, some in rows.items()}
    return [
        Scored(places[name], score_task(table[name], some, found[name], recipe), table[name].maximum)
        for name, some in rows.items()
    ]
