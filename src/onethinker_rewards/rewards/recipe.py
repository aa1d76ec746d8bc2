"""Recipes: how answers are read, which formula scores them, and how the total is made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.parsing import DEFAULT_LIMITS, Limits, Rules, Think
from onethinker_rewards.tasks import Formula, TaskSpec

__all__ = ["RECIPES", "Recipe", "find_recipe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a batch is scored: total = accuracy_weight * accuracy + format_weight * format + structure.

    Attributes:
        name: What logs call it.
        rules: How answers are read: ``strict``, ``lenient``, or ``release``, which also takes the released code's
            formulas and structure reward.
        think: Whether thinking is ``required``, begun by the prompt (``prefilled``) or not wanted (``none``).
        accuracy: Which accuracy the total takes: ``raw``, or ``normalised`` by the task's maximum to [0, 1].
        accuracy_weight: Weight of the accuracy in the total.
        format_weight: Weight of the format, 0 or 1, in the total.
        tasks: Tasks that replace the table's own, by name: another formula with its parts and its maximum.
        formulas: Formulas that replace a task's own, by task name; not used by ``release`` rules.
        limits: How much of a response is read at all.
    """

    name: str = "custom"
    rules: Rules = "strict"
    think: Think = "required"
    accuracy: Literal["raw", "normalised"] = "raw"
    accuracy_weight: float = 1.0
    format_weight: float = 1.0
    tasks: Mapping[str, TaskSpec] = field(default_factory=dict[str, TaskSpec])
    formulas: Mapping[str, Formula] = field(default_factory=dict[str, Formula])
    limits: Limits = DEFAULT_LIMITS

    def __post_init__(self) -> None:
        _check_choice("rules", self.rules, ("strict", "lenient", "release"))
        _check_choice("think", self.think, ("required", "prefilled", "none"))
        _check_choice("accuracy", self.accuracy, ("raw", "normalised"))


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ArgumentError(f"{name} is one of {', '.join(choices)}, not {value!r}")


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "paper": Recipe(name="paper"),
        "release": Recipe(name="release", rules="release", accuracy_weight=0.9, format_weight=0.1),
    }
)


def find_recipe(recipe: str | Recipe) -> Recipe:
    """Return the recipe of this name, or the one given.

    Raises:
        ArgumentError: If there is none of this name.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if recipe not in RECIPES:
        raise ArgumentError(f"no recipe {recipe!r}; there are {', '.join(RECIPES)}")
    return RECIPES[recipe]
