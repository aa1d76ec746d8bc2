"""Recipes: how answers are read, which formula scores them, and how the total is made up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType
from typing import Any, Literal, get_args

from onethinker_rewards._validation import check_choice
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.parsing import DEFAULT_LIMITS, Limits, Rules, Think
from onethinker_rewards.tasks import Formula, TaskSpec

__all__ = ["RECIPES", "Recipe", "find_recipe"]

Accuracy = Literal["raw", "normalized"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a batch is scored: total = accuracy_weight * accuracy + format_weight * format + structure.

    Attributes:
        name: What logs call it.
        rules: How answers are read: ``strict``, ``lenient``, or ``release``, which also takes the released code's
            formulas and structure reward.
        think: Whether thinking is ``required``, begun by the prompt (``prefilled``) or not wanted (``none``).
        accuracy: Which accuracy the total takes: ``raw``, or ``normalized`` by the task's maximum to [0, 1].
        accuracy_weight: Weight of the accuracy in the total.
        format_weight: Weight in the total of the format, which is 0 or 1.
        tasks: Tasks that replace the table's own, by name: another formula with its parts and its maximum.
        formulas: Formulas that replace a task's own, by task name; not used by ``release`` rules.
        limits: How much of a response is read at all.

    Raises:
        ArgumentError: If a choice is none of the above or a weight is no finite number. Names in ``formulas`` are held
            against the table when scoring.
    """

    name: str = "custom"
    rules: Rules = "strict"
    think: Think = "required"
    accuracy: Accuracy = "raw"
    accuracy_weight: float = 1.0
    format_weight: float = 1.0
    tasks: Mapping[str, TaskSpec] = field(default_factory=dict[str, TaskSpec])
    formulas: Mapping[str, Formula] = field(default_factory=dict[str, Formula])
    limits: Limits = DEFAULT_LIMITS

    def __post_init__(self) -> None:
        check_choice("rules", self.rules, get_args(Rules))
        check_choice("think", self.think, get_args(Think))
        check_choice("accuracy", self.accuracy, get_args(Accuracy))
        for name in ("accuracy_weight", "format_weight"):
            _check_weight(name, getattr(self, name))


def _check_weight(name: str, value: Any) -> None:
    if not isinstance(value, Real) or not math.isfinite(value):
        raise ArgumentError(f"{name} is a finite number, not {value!r}")


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
    # In a list: what is given may have no hash.
    if recipe not in [*RECIPES]:
        raise ArgumentError(f"no recipe {recipe!r}; there are {', '.join(RECIPES)}")
    return RECIPES[recipe]
