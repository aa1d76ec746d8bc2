"""The laws of rewards, "no free lunch", in a table, and the check that finds the smallest responses that break one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from hypothesis.errors import HypothesisException
from hypothesis.strategies import SearchStrategy
from pydantic import BaseModel, RootModel

from onethinker_rewards.answers import BoxTrack, Number, SegmentationPrompt, VideoSegmentationPrompt
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.rewards import RECIPES, Recipe, score
from onethinker_rewards.tasks import TaskSpec, spec_of, task_name
from onethinker_rewards.testing import perturbations as perturb
from onethinker_rewards.testing.metric_laws import LawViolation, chosen_laws, smallest_example
from onethinker_rewards.testing.pairs import Pair, is_known, paired, pairs
from onethinker_rewards.testing.scenes import has_objects
from onethinker_rewards.testing.valid import Kind, has_track, is_json, reference_schema_of, schema_of, values

Totals = Callable[[list[str], list[str], str], Any]

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class RewardLaw:
    """A law of rewards.

    Attributes:
        name: What `check_rewards` calls it.
        statement: The law in one line.
        comparisons: From a task, the ``think`` of a recipe and a strategy of pairs to what the law is tried on.
        applies: Whether the law applies to a task.
    """

    name: str
    statement: str
    comparisons: Callable[[perturb.Subject], SearchStrategy[perturb.Comparison]]
    applies: Callable[[Kind], bool]


def _always(task: Kind) -> bool:
    return True


def _is_object(task: Kind) -> bool:
    return is_json(task) and not issubclass(schema_of(task), RootModel)


def _has_points(task: Kind) -> bool:
    return schema_of(task) in {SegmentationPrompt, VideoSegmentationPrompt}


def _has_numbers(task: Kind) -> bool:
    return is_known(task) and (is_json(task) or schema_of(task) is Number)


def _has_best_answer(task: Kind) -> bool:
    return is_known(task) or schema_of(task) is reference_schema_of(task)


def _has_order(task: Kind) -> bool:
    return has_objects(task) or schema_of(task) is BoxTrack


_LAWS = (
    RewardLaw("dropping_a_frame", "dropping a frame of the reference never pays", perturb.dropping_a_frame, has_track),
    RewardLaw("adding_a_wrong_frame", "one more wrong frame never pays", perturb.adding_a_frame, has_track),
    RewardLaw("adding_a_key", "one more key never pays", perturb.adding_a_key, _is_object),
    RewardLaw("adding_a_point", "a fourth point never pays", perturb.adding_a_point, _has_points),
    RewardLaw("adding_junk", "an object that is not there costs", perturb.adding_junk, has_objects),
    RewardLaw("copying_an_object", "an object listed twice costs", perturb.copying_an_item, perturb.lists_items),
    RewardLaw("wrong_label", "a wrong label costs", perturb.wrong_label, perturb.has_labels),
    RewardLaw("missing_object", "leaving out a right object costs", perturb.leaving_out, has_objects),
    RewardLaw("order_of_objects", "objects and frames in another order earn the same", perturb.reordering, _has_order),
    RewardLaw("silence", "finding nothing where there is something earns no accuracy", perturb.silence, has_objects),
    RewardLaw("repeating_the_answer", "repeating the answer never pays", perturb.repeating, _always),
    RewardLaw("text_around", "text around the answer never pays", perturb.text_around, _always),
    RewardLaw("moving_closer", "moving toward the reference never costs", perturb.moving_closer, _has_numbers),
    RewardLaw(
        "reference_is_best",
        "the reference itself, or what lies right in its boxes, earns the largest reward",
        perturb.reference_is_best,
        _has_best_answer,
    ),
    RewardLaw("constant_answers", "no constant answer earns more than honest ones", perturb.constants, is_known),
)

REWARD_LAWS: Mapping[str, RewardLaw] = MappingProxyType({law.name: law for law in _LAWS})
"""The laws that `check_rewards` knows, by name."""


def check_rewards(
    task: str,
    laws: Iterable[str] = tuple(REWARD_LAWS),
    *,
    recipe: str | Recipe = "paper",
    table: Mapping[str, TaskSpec] | None = None,
    totals: Totals | None = None,
    answers: SearchStrategy[Any] | None = None,
    references: SearchStrategy[Any] | None = None,
    examples: int = 100,
) -> None:
    """Check a task's rewards against laws; a law that does not apply to the task is skipped.

    A task in schemas of your own is tried on values made from their JSON Schema, and by the laws that need to know
    nothing else of them: that of the best answer where references are in the schema of answers, and those of added
    keys, repeated answers and text around an answer.

    Args:
        task: A task's name; its formula and its schemas may be any.
        laws: Names of `REWARD_LAWS`; all by default.
        recipe: A recipe's name, or your own. The release's rewards break several of the laws.
        table: The tasks, `TASKS` by default.
        totals: Scores ``[N]`` responses against ``[N]`` references of a task, instead of `onethinker_rewards.score`
            with this recipe and table. Its largest reward, and that of the format alone, have to be the same.
        answers: Where answers come from: values as `testing.values` gives them, texts or models. By default, and where
            a law is about several things or constant answers, from the task's schema.
        references: Where references come from, likewise; where only one of both is given and answers and references
            have one schema, it gives both.
        examples: Inputs to try for each law.

    Raises:
        LawViolation: With the first law that does not hold, and the smallest inputs that hypothesis could find.
        ArgumentError: If the name of a law or recipe is unknown, or if nothing that the JSON Schema of your own schema
            describes is accepted by it: then ``answers`` and ``references`` have to be given.
        UnknownTaskError: If the task is unknown.

    >>> check_rewards("tracking", ["dropping_a_frame", "moving_closer"], examples=20)
    """
    chosen = RECIPES[recipe] if isinstance(recipe, str) and recipe in RECIPES else recipe
    if isinstance(chosen, str):
        raise ArgumentError(f"recipe: there is no recipe {recipe!r}; there are {', '.join(RECIPES)}")
    spec, name = spec_of(task, table), task_name(task, table=table)
    maximum = math.inf if spec.maximum is None else spec.maximum
    largest = chosen.accuracy_weight * (1.0 if chosen.accuracy == "normalized" else maximum)
    bounds = {"largest": largest + chosen.format_weight, "nothing": chosen.format_weight}

    def rewards(responses: list[str], references: list[str]) -> Any:
        if totals is not None:
            return totals(responses, references, spec.name)
        return score(responses, references, name, recipe=chosen, table=table).total

    def means(comparison: perturb.Comparison) -> tuple[float, float]:
        """Return the mean rewards of the responses that the law is about, and what they are compared with."""
        worse, better = comparison.worse, comparison.better or []
        both = rewards([*worse, *better], comparison.references * (2 if better else 1))
        both = np.asarray(both, dtype=np.float64)
        wanted = both[len(worse) :].mean() if better else bounds[comparison.relation]
        return float(both[: len(worse)].mean()), float(wanted)

    def breaks(comparison: perturb.Comparison) -> bool:
        return not _holds(comparison.relation, *means(comparison))

    subject = perturb.Subject(spec, chosen.think, _pairs(spec, answers, references))
    for law in chosen_laws(laws, REWARD_LAWS):
        if law.applies(spec):
            worst = smallest_example(law.comparisons(subject), breaks, examples)
            if worst is not None:
                raise LawViolation(law.name, law.statement, _inputs(worst), *means(worst))


def _holds(relation: perturb.Relation, got: float, wanted: float) -> bool:
    """Return whether two rewards compare as they must; NaN never does."""
    match relation:
        case "less":
            return got < wanted - _TOLERANCE
        case "equal":
            return abs(got - wanted) <= _TOLERANCE
        case "largest":
            return got >= wanted - _TOLERANCE
        case _:
            return got <= wanted + _TOLERANCE


def _pairs(
    spec: TaskSpec, answers: SearchStrategy[Any] | None, references: SearchStrategy[Any] | None
) -> SearchStrategy[Pair]:
    """Return pairs of what is given, or of the task's schemas.

    Raises:
        ArgumentError: If hypothesis finds none in a schema of the user's own.
    """
    is_alike = spec.schema is spec.references_in
    if answers is not None or references is not None:
        if is_alike:
            answers, references = (
                (references, references)
                if answers is None
                else (answers, answers if references is None else references)
            )
        sides = (
            (values(spec.references_in) if references is None else references, spec.references_in),
            (values(spec) if answers is None else answers, spec.schema),
        )
        reference, answer = (side.map(partial(_as_value, is_json(schema))) for side, schema in sides)
        return paired(reference, answer, same=is_alike)
    drawn = pairs(spec)
    if not is_known(spec):
        try:
            found = smallest_example(drawn, lambda _: True, 100, shrink=False)
        except HypothesisException:
            found = None
        if found is None:
            raise ArgumentError(
                f"{spec.name}: nothing that the JSON Schema of {spec.schema.__name__} describes is in it; "
                "give strategies of your own as answers= and references="
            )
    return drawn


def _as_value(is_json: bool, value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return json.loads(value) if is_json and isinstance(value, str) else value


_COMPARED = {"at_most": "earns more than", "less": "earns no less than", "equal": "earns other than"}


def _inputs(comparison: perturb.Comparison) -> dict[str, Any]:
    references, worse, better = comparison.references, comparison.worse, comparison.better
    if len(references) > 1:
        return {"constant": worse[0], "references": references[:3]}
    shown = {"reference": references[0], "response": worse[0]}
    return shown if better is None else {**shown, _COMPARED[comparison.relation]: better[0]}
