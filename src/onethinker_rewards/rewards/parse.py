"""The view of one row: what a response, an answer or a reference says in its task's schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from onethinker_rewards._validation import check_text, image_size
from onethinker_rewards.answers import Limits, OptionLetter, Parsed, Rules, Text, Think, bare_reference, read_answer
from onethinker_rewards.answers.limits import DEFAULT_LIMITS
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import BadReferenceError
from onethinker_rewards.rewards.recipe import Recipe, find_recipe
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
        limits: How much is read at all; the recipe's by default. The recipe ``release`` knows none of these three.
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
    how = _recipe(recipe, rules=rules, think=think, limits=limits)
    return how.reader.parse(response, _spec(task, how, table).schema, how.read_options, image_size(size))


def parse_answer(
    text: str,
    task: str,
    *,
    recipe: str | Recipe = "paper",
    rules: Rules | None = None,
    limits: Limits | None = None,
    table: Mapping[str, TaskSpec] | None = None,
    size: tuple[float, float] | None = None,
) -> Parsed:
    """Read a bare answer without tags, as guided decoding gives it; arguments and errors are those of `parse`."""
    check_text("text", text)
    how = _recipe(recipe, rules=rules, limits=limits)
    return how.reader.parse_answer(text, _spec(task, how, table).schema, how.read_options, image_size(size))


def _recipe(recipe: str | Recipe, **given: Any) -> Recipe:
    settings = {name: value for name, value in given.items() if value is not None}
    return replace(find_recipe(recipe), **settings)


def _spec(task: str, recipe: Recipe, table: Mapping[str, TaskSpec] | None) -> TaskSpec:
    return spec_of(task, task_table(recipe, TASKS if table is None else table))


def parse_reference(
    text: str,
    task: str,
    *,
    limits: Limits = DEFAULT_LIMITS,
    table: Mapping[str, TaskSpec] | None = None,
    size: tuple[float, float] | None = None,
) -> Any:
    """Read a reference, which may be between answer tags, in its task's schema of references.

    Returns:
        The schema's model; for multiple choice without an option letter, the text.

    Raises:
        BadReferenceError: If the schema refuses it.
        UnknownTaskError: If there is no such task.
        ArgumentError: If it is not a text.
    """
    check_text("text", text)
    spec = spec_of(task, table)
    bare = bare_reference(text)
    read = read_answer(bare, spec.references_in, limits=limits, size=image_size(size))
    # As in scoring: a schema of the caller's own has no columns for a text in place of the letter.
    if read.failure is FailureCode.NO_OPTION_LETTER and spec.schema is OptionLetter:
        return Text(bare)
    fault = read.failure or (spec.reference_fault(bare) if spec.reference_fault else None)
    if fault is not None:
        raise BadReferenceError((0,), (describe_reference(spec, bare, fault),))
    return read.answer
