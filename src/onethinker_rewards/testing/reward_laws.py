"""The laws of rewards, "no free lunch", in a table, and the check that finds the smallest responses that break one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from hypothesis.strategies import SearchStrategy

from onethinker_rewards.answers import Number, SegmentationPrompt, Think, VideoSegmentationPrompt
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.rewards import RECIPES, Recipe, score
from onethinker_rewards.tasks import TaskSpec, spec_of
from onethinker_rewards.testing import perturbations as perturb
from onethinker_rewards.testing.metric_laws import LawViolation, chosen_laws, smallest_example
from onethinker_rewards.testing.valid import has_track, is_json, schema_of

Totals = Callable[[list[str], list[str], str], Any]

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class RewardLaw:
    """A law of rewards.

    Attributes:
        name: What `check_rewards` calls it.
        statement: The law in one line.
        comparisons: From a task and a recipe's ``think`` to what the law is tried on.
        applies: Whether the law applies to a task.
    """

    name: str
    statement: str
    comparisons: Callable[[str, Think], SearchStrategy[perturb.Comparison]]
    applies: Callable[[str], bool]


def _always(task: str) -> bool:
    return True


def _has_points(task: str) -> bool:
    return schema_of(task) in {SegmentationPrompt, VideoSegmentationPrompt}


def _has_numbers(task: str) -> bool:
    return is_json(task) or schema_of(task) is Number


_LAWS = (
    RewardLaw("dropping_a_frame", "dropping a frame of the reference never pays", perturb.dropping_a_frame, has_track),
    RewardLaw("adding_a_wrong_frame", "one more wrong frame never pays", perturb.adding_a_frame, has_track),
    RewardLaw("adding_a_key", "one more key never pays", perturb.adding_a_key, is_json),
    RewardLaw("adding_a_point", "a fourth point never pays", perturb.adding_a_point, _has_points),
    RewardLaw("repeating_the_answer", "repeating the answer never pays", perturb.repeating, _always),
    RewardLaw("text_around", "text around the answer never pays", perturb.text_around, _always),
    RewardLaw("moving_closer", "moving toward the reference never costs", perturb.moving_closer, _has_numbers),
    RewardLaw("reference_is_best", "the reference itself earns the largest reward", perturb.reference_is_best, _always),
    RewardLaw("constant_answers", "no constant answer earns more than honest ones", perturb.constants, _always),
)

REWARD_LAWS: Mapping[str, RewardLaw] = MappingProxyType({law.name: law for law in _LAWS})


def check_rewards(
    task: str,
    laws: Iterable[str] = tuple(REWARD_LAWS),
    *,
    recipe: str | Recipe = "paper",
    table: Mapping[str, TaskSpec] | None = None,
    totals: Totals | None = None,
    examples: int = 100,
) -> None:
    """Check a task's rewards against laws; a law that does not apply to the task is skipped.

    Args:
        task: A task's name; its answers have to be in one of the package's schemas, its formula may be any.
        laws: Names of `REWARD_LAWS`; all by default.
        recipe: A recipe's name, or your own. The release's rewards break several of the laws.
        table: The tasks, `TASKS` by default.
        totals: Scores ``[N]`` responses against ``[N]`` references of a task, instead of `onethinker_rewards.score`
            with this recipe and table. Its largest reward has to be the same.
        examples: Inputs to try for each law.

    Raises:
        LawViolation: With the first law that does not hold, and the smallest inputs that hypothesis could find.
        ArgumentError: If the name of a law or recipe is unknown.
        UnknownTaskError: If the task is unknown.

    >>> check_rewards("tracking", ["dropping_a_frame", "moving_closer"], examples=20)
    """
    chosen = RECIPES[recipe] if isinstance(recipe, str) and recipe in RECIPES else recipe
    if isinstance(chosen, str):
        raise ArgumentError(f"recipe: there is no recipe {recipe!r}; there are {', '.join(RECIPES)}")
    spec = spec_of(task, table)
    maximum = math.inf if spec.maximum is None else spec.maximum
    largest = chosen.accuracy_weight * (1.0 if chosen.accuracy == "normalized" else maximum)
    largest += chosen.format_weight

    def rewards(responses: list[str], references: list[str]) -> Any:
        if totals is not None:
            return totals(responses, references, spec.name)
        return score(responses, references, spec.name, recipe=chosen, table=table).total

    def means(comparison: perturb.Comparison) -> tuple[float, float]:
        """Return the mean rewards of the side that must not earn more, and of the other one."""
        references, worse, better = comparison.references, comparison.worse, comparison.better
        if better is None:
            return largest, float(np.mean(rewards(worse, references)))
        both = np.asarray(rewards([*worse, *better], references * 2), dtype=np.float64)
        return float(both[: len(worse)].mean()), float(both[len(worse) :].mean())

    def breaks(comparison: perturb.Comparison) -> bool:
        worse, better = means(comparison)
        # Not `worse > better`: NaN breaks every law.
        return not worse <= better + _TOLERANCE

    for law in chosen_laws(laws, REWARD_LAWS):
        if law.applies(spec.name):
            worst = smallest_example(law.comparisons(spec.name, chosen.think), breaks, examples)
            if worst is not None:
                raise LawViolation(law.name, law.statement, _inputs(worst), *means(worst))


def _inputs(comparison: perturb.Comparison) -> dict[str, Any]:
    references, worse, better = comparison.references, comparison.worse, comparison.better
    if len(references) > 1:
        return {"constant": worse[0], "references": references[:3]}
    shown = {"reference": references[0], "response": worse[0]}
    return shown if better is None else {**shown, "earns more than": better[0]}
