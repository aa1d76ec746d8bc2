"""The view of one row: what a response, an answer or a reference says in its task's schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onethinker_rewards._validation import check_text, image_size
from onethinker_rewards.answers import (
    AnyDialect,
    Limits,
    OptionLetter,
    Parsed,
    Rules,
    Text,
    Think,
    bare_reference,
    find_dialect,
    read_answer,
)
from onethinker_rewards.answers.limits import DEFAULT_LIMITS
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import BadReferenceError
from onethinker_rewards.rewards.recipe import Recipe, changed_recipe
from onethinker_rewards.rewards.references import reference_text
from onethinker_rewards.rewards.score import describe_reference, task_table
from onethinker_rewards.tasks import TASKS, TaskSpec, spec_of


def parse(
    response: str,
    task: str,
    *,
    recipe: str | Recipe = "paper",
    rules: Rules | None = None,
    think: Think | None = None,
    limits: Limits | None = None,
    dialect: AnyDialect | None = None,
    table: Mapping[str, TaskSpec] | None = None,
    size: tuple[float, float] | None = None,
) -> Parsed:
    """Read one response; what the model wrote never raises.

    Args:
        response: All that the model wrote.
        task: A task's name.
        recipe: Whose way of reading is taken: ``"paper"``, ``"release"`` or a recipe of your own.
        rules: ``strict``, or ``lenient`` (repairs what can be without changing a number); the recipe's by default.
        think: Whether thinking is ``required``, was begun by the prompt (``prefilled``) or is not wanted (``none``);
            the recipe's by default.
        limits: Maximum sizes; the recipe's by default. The recipe ``release`` has none.
        dialect: How the model writes boxes, points and times; the recipe's by default.
        table: The tasks, `TASKS` by default.
        size: Width and height of the image in pixels, for answers in pixels.

    Raises:
        UnknownTaskError: If there is no such task.
        ArgumentError: If there is no such recipe, ``rules`` or ``think`` is not one of those above, ``response`` is
            not a text, or ``size`` is not two positive numbers.

    >>> parse('<think>It starts at 3.</think><answer>{"time": [3, 8]}</answer>', "temporal_grounding").answer
    TimeSpan(time=(3.0, 8.0))
    """
    check_text("response", response)
    how = changed_recipe(recipe, rules=rules, think=think, limits=limits, dialect=dialect)
    return how.reader.parse(response, _spec(task, how, table).schema, how.read_options, image_size(size))


def parse_answer(
    text: str,
    task: str,
    *,
    recipe: str | Recipe = "paper",
    rules: Rules | None = None,
    limits: Limits | None = None,
    dialect: AnyDialect | None = None,
    table: Mapping[str, TaskSpec] | None = None,
    size: tuple[float, float] | None = None,
) -> Parsed:
    """Read a bare answer without tags, as guided decoding gives it; arguments and errors are those of `parse`."""
    check_text("text", text)
    how = changed_recipe(recipe, rules=rules, limits=limits, dialect=dialect)
    return how.reader.parse_answer(text, _spec(task, how, table).schema, how.read_options, image_size(size))


def _spec(task: str, recipe: Recipe, table: Mapping[str, TaskSpec] | None) -> TaskSpec:
    return spec_of(task, task_table(recipe, TASKS if table is None else table))


def parse_reference(
    reference: Any,
    task: str,
    *,
    limits: Limits = DEFAULT_LIMITS,
    dialect: AnyDialect = "onethinker",
    table: Mapping[str, TaskSpec] | None = None,
    size: tuple[float, float] | None = None,
) -> Any:
    """Read a reference, text with or without answer tags or the object itself, in its task's schema of references.

    Returns:
        The schema's model; for multiple choice without an option letter, the text.

    Raises:
        BadReferenceError: If the schema refuses it.
        UnknownTaskError: If there is no such task.
        ArgumentError: If it is neither text nor an object that `score` takes, or is an `AnyOf`: read those one by one.
    """
    spec = spec_of(task, table)
    bare = bare_reference(reference_text(reference))
    read = read_answer(
        bare,
        spec.references_in,
        limits=limits,
        dialect=find_dialect(dialect),
        size=image_size(size),
        reference=True,
    )
    # As in scoring: a schema of the caller's own has no columns for a text in place of the letter.
    if read.failure is FailureCode.NO_OPTION_LETTER and spec.schema is OptionLetter:
        return Text(bare)
    fault = read.failure or (spec.reference_fault(bare) if spec.reference_fault else None)
    if fault is not None:
        raise BadReferenceError((0,), (describe_reference(spec, bare, fault, read.detail),))
    return read.answer
