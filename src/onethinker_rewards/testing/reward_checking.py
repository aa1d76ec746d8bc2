"""Hold a task's rewards against the laws of no free lunch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from onethinker_rewards.answers import Number, SegmentationPrompt, Think, VideoSegmentationPrompt
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.rewards import RECIPES, Recipe, score
from onethinker_rewards.tasks import TaskSpec, spec_of
from onethinker_rewards.testing.checking import LawViolation, smallest
from onethinker_rewards.testing.extra import SearchStrategy
from onethinker_rewards.testing.rollouts import has_track, is_json
from onethinker_rewards.testing.sound import schema_of
from onethinker_rewards.testing.trials import (
    RewardTrial,
    adding_a_frame,
    adding_a_key,
    adding_a_point,
    constants,
    dropping_a_frame,
    moving_closer,
    reference_is_best,
    repeating,
    text_around,
)

__all__ = ["REWARD_LAWS", "RewardLaw", "check_rewards"]


@dataclass(frozen=True, slots=True)
class RewardLaw:
    """A law by name.

    Attributes:
        name: What `check_rewards` calls it.
        statement: The law in one line.
        trials: From a task and a recipe's ``think`` to what the law is tried on.
        applies: Whether the law says anything about a task.
    """

    name: str
    statement: str
    trials: Callable[[str, Think], SearchStrategy[RewardTrial]]
    applies: Callable[[str], bool]


def _every(task: str) -> bool:
    return True


def _has_points(task: str) -> bool:
    return schema_of(task) in {SegmentationPrompt, VideoSegmentationPrompt}


def _has_numbers(task: str) -> bool:
    return is_json(task) or schema_of(task) is Number


_ALL = (
    RewardLaw("dropping_a_frame", "leaving out a frame of the reference never pays", dropping_a_frame, has_track),
    RewardLaw("adding_a_wrong_frame", "one more wrong frame never pays", adding_a_frame, has_track),
    RewardLaw("adding_a_key", "one more key never pays", adding_a_key, is_json),
    RewardLaw("adding_a_point", "a fourth point never pays", adding_a_point, _has_points),
    RewardLaw("repeating_the_answer", "saying it again never pays", repeating, _every),
    RewardLaw("text_around", "text around the answer never pays", text_around, _every),
    RewardLaw("moving_closer", "moving towards the reference never costs", moving_closer, _has_numbers),
    RewardLaw("reference_is_best", "the reference itself earns the largest reward", reference_is_best, _every),
    RewardLaw("constant_answers", "no constant answer earns more on average than looking does", constants, _every),
)

REWARD_LAWS: Mapping[str, RewardLaw] = MappingProxyType({law.name: law for law in _ALL})


Totals = Callable[[list[str], list[str], str], Any]

_TOLERANCE = 1e-9


def check_rewards(
    task: str,
    laws: Iterable[str] = tuple(REWARD_LAWS),
    *,
    recipe: str | Recipe = "paper",
    table: Mapping[str, TaskSpec] | None = None,
    totals: Totals | None = None,
    examples: int = 100,
) -> None:
    """Hold a task's rewards against laws; one that says nothing about the task is left out.

    Args:
        task: A task's name; its answers have to be in one of the package's schemas, its formula may be any.
        laws: Names of `REWARD_LAWS`; all by default.
        recipe: A recipe's name, or your own. The release's rewards break several of the laws.
        table: The tasks, `TASKS` by default.
        totals: What scores ``[N]`` responses against ``[N]`` references of a task, if not `onethinker_rewards.score`
            with this recipe and table. Its largest reward has to be theirs.
        examples: Inputs to try for each law.

    Raises:
        LawViolation: With the first law that does not hold, and the smallest inputs that hypothesis could find.
        ArgumentError: If there is no law of a name, or no such recipe.
        UnknownTaskError: If there is no such task.

    >>> check_rewards("tracking", ["dropping_a_frame", "moving_closer"], examples=20)
    """
    chosen = RECIPES[recipe] if isinstance(recipe, str) and recipe in RECIPES else recipe
    if isinstance(chosen, str):
        raise ArgumentError(f"recipe: there is no recipe {recipe!r}; there are {', '.join(RECIPES)}")
    spec = spec_of(task, table)
    reward = totals if totals is not None else _scorer(chosen, table)
    largest = chosen.accuracy_weight * (1.0 if chosen.accuracy == "normalized" else spec.maximum)
    largest += chosen.format_weight
    for name in laws:
        law = _law(name)
        if law.applies(spec.name):
            _hold(law, spec.name, chosen, reward, largest, examples)


def _scorer(recipe: Recipe, table: Mapping[str, TaskSpec] | None) -> Totals:
    return lambda responses, references, task: score(responses, references, task, recipe=recipe, table=table).total


def _law(name: str) -> RewardLaw:
    if name not in REWARD_LAWS:
        raise ArgumentError(f"laws: there is no law {name!r}; there are {', '.join(REWARD_LAWS)}")
    return REWARD_LAWS[name]


def _hold(law: RewardLaw, task: str, recipe: Recipe, reward: Totals, largest: float, examples: int) -> None:
    def means(trial: RewardTrial) -> tuple[float, float]:
        worse, better = trial.worse, trial.better
        if better is None:
            return largest, float(np.mean(reward(worse, trial.references, task)))
        both = np.asarray(reward([*worse, *better], trial.references * 2, task), dtype=np.float64)
        return float(both[: len(worse)].mean()), float(both[len(worse) :].mean())

    def broken(trial: RewardTrial) -> bool:
        worse, better = means(trial)
        # Not `worse > better`: NaN keeps no law.
        return not worse <= better + _TOLERANCE

    worst = smallest(law.trials(task, recipe.think), broken, examples)
    if worst is not None:
        worse, better = means(worst)
        raise LawViolation(law.name, law.statement, _inputs(worst), worse, better)


def _inputs(trial: RewardTrial) -> dict[str, Any]:
    if len(trial.references) == 1:
        shown = {"reference": trial.references[0], "response": trial.worse[0]}
        return shown if trial.better is None else {**shown, "earns more than": trial.better[0]}
    return {"constant": trial.worse[0], "references": trial.references[:3]}
