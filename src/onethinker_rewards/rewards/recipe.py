"""Recipes: how answers are read, which formula scores them, and how the total is made up. Nothing but data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from numbers import Real
from types import MappingProxyType
from typing import Any, Literal, get_args

from onethinker_rewards._validation import check_choice
from onethinker_rewards.answers import (
    DEFAULT_LIMITS,
    END_TOKENS,
    AnyDialect,
    Floats,
    Limits,
    Reader,
    ReadOptions,
    Rules,
    Think,
    find_dialect,
)
from onethinker_rewards.answers.release import ReleaseReader
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.rewards.penalties import Penalty
from onethinker_rewards.tasks import TASKS, Formula, Judge, TaskSpec
from onethinker_rewards.tasks.release import RELEASE_TASKS, release_structure
from onethinker_rewards.tasks.segmentation import INSTEAD_OF_POINTS, WITH_POINTS

Accuracy = Literal["raw", "normalized"]
# From a task, answer texts and reference texts, ``[N]`` each, to what is paid for the form of the answers.
Structure = Callable[[TaskSpec, Sequence[str], Sequence[str]], Floats]


_READER = Reader()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Recipe:
    """How a batch is scored: total = accuracy_weight * accuracy + format_weight * format + structure + penalties.

    Every part of a recipe can be taken into another one: ``Recipe(structure=RECIPES["release"].structure)``.

    Attributes:
        name: What logs call it.
        rules: How answers are read by the schema: ``strict`` or ``lenient``.
        reader: How responses become columns: `answers.Reader`, or the released code's way.
        think: Whether thinking is ``required``, begun by the prompt (``prefilled``) or not wanted (``none``).
        dialect: How the model writes boxes, points and times: the name of one of `DIALECTS`, a `Dialect`, or a function
            from an answer's text to our own form as text, which returns None for what it cannot read.
        reference_dialect: The same of references.
        end_tokens: Tokens that cost nothing at the very end of a response; those of common models by default.
        accuracy: Which accuracy the total takes: ``raw``, or ``normalized`` by the task's maximum to [0, 1].
        accuracy_weight: Weight of the accuracy in the total.
        format_weight: Weight in the total of the format, which is 0 or 1.
        tasks: Tasks that replace the table's own, by name: another formula with its parts and its maximum.
        formulas: Formulas that replace a task's own, by task name.
        constants: Constants that replace those of all tasks that have them, by name: ``point_sigma`` in thousandths,
            ``time_sigma`` in seconds, ``nfkc`` (0 compares transcripts and captions as they are written).
        structure: What is paid for the form of answers whose format is 1; None pays nothing.
        penalties: What is added to each total for length or repetition, also where the answer failed: `SoftOverlong`,
            `Repetition`, `CosineLength`, each at most once.
        limits: Maximum sizes of a response.
        judge: Scores open-ended answers, where `Scorer` is given no other; None gives them ROUGE.

    Raises:
        ArgumentError: If a choice is not one of those above, a number is not finite, ``end_tokens`` is no sequence of
            texts that are not blank, or ``penalties`` is no sequence of different penalties. Names in ``formulas`` and
            ``constants`` are compared with the table when scoring.
    """

    name: str = "custom"
    rules: Rules = "strict"
    reader: Reader = _READER
    think: Think = "required"
    dialect: AnyDialect = "onethinker"
    reference_dialect: AnyDialect = "onethinker"
    # Some are made by a factory, so that the signature stays short.
    end_tokens: Sequence[str] = field(default_factory=lambda: END_TOKENS)
    accuracy: Accuracy = "raw"
    accuracy_weight: float = 1.0
    format_weight: float = 1.0
    tasks: Mapping[str, TaskSpec] = field(default_factory=dict[str, TaskSpec])
    formulas: Mapping[str, Formula] = field(default_factory=dict[str, Formula])
    constants: Mapping[str, float] = field(default_factory=dict[str, float])
    structure: Structure | None = None
    penalties: Sequence[Penalty] = ()
    limits: Limits = field(default_factory=lambda: DEFAULT_LIMITS)
    judge: Judge | None = None

    def __post_init__(self) -> None:
        check_choice("rules", self.rules, get_args(Rules))
        check_choice("think", self.think, get_args(Think))
        check_choice("accuracy", self.accuracy, get_args(Accuracy))
        for dialect in (self.dialect, self.reference_dialect):
            if not find_dialect(dialect).is_ours and not self.reader.reads_schema:
                raise ArgumentError(f"dialect: {self.name} compares texts as they are and knows no dialect")
        tokens: Any = self.end_tokens
        if isinstance(tokens, str) or not all(isinstance(token, str) and token.strip() for token in tokens):
            raise ArgumentError(f"end_tokens is a sequence of texts that are not blank, not {tokens!r}")
        penalties: Any = self.penalties
        if not isinstance(penalties, Sequence) or not all(isinstance(penalty, Penalty) for penalty in penalties):
            raise ArgumentError(
                f"penalties are a sequence of SoftOverlong, Repetition, CosineLength, not {penalties!r}"
            )
        codes = [penalty.code for penalty in self.penalties]
        if len(set(codes)) < len(codes):
            raise ArgumentError(f"penalties: each at most once, not {', '.join(codes)}")
        numbers = {"accuracy_weight": self.accuracy_weight, "format_weight": self.format_weight, **self.constants}
        for name, value in numbers.items():
            if not isinstance(value, Real) or not math.isfinite(value):
                raise ArgumentError(f"{name} is a finite number, not {value!r}")

    @property
    def needs_maxima(self) -> bool:
        """Whether the total takes accuracies as shares of their task's maximum."""
        return self.accuracy == "normalized" or any(penalty.compares_accuracy for penalty in self.penalties)

    @property
    def read_options(self) -> ReadOptions:
        """The options for its reader."""
        return ReadOptions(
            rules=self.rules,
            think=self.think,
            limits=self.limits,
            end_tokens=tuple(self.end_tokens),
            dialect=find_dialect(self.dialect),
            reference_dialect=find_dialect(self.reference_dialect),
        )

    def __repr__(self) -> str:
        """Return the settings that are not the default; mappings by their names."""
        shown = [f"name={self.name!r}"]
        for setting in fields(self)[1:]:
            value: Any = getattr(self, setting.name)
            default = setting.default if setting.default_factory is MISSING else setting.default_factory()
            if value != default:
                shown.append(f"{setting.name}={_shown(value)}")
        return f"Recipe({', '.join(shown)})"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return repr(dict(value)) if all(isinstance(number, Real) for number in value.values()) else repr([*value])
    return value.__name__ if callable(value) and hasattr(value, "__name__") else repr(value)


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "paper": Recipe(name="paper"),
        "lenient": Recipe(name="lenient", rules="lenient"),
        "release": Recipe(
            name="release",
            reader=ReleaseReader(),
            tasks=RELEASE_TASKS,
            structure=release_structure,
            accuracy_weight=0.9,
            format_weight=0.1,
        ),
    }
)
"""The recipes that ship with the package, by name."""


def find_recipe(recipe: str | Recipe) -> Recipe:
    """Return the recipe of this name, or the one given.

    Raises:
        ArgumentError: If no recipe has this name.
    """
    if isinstance(recipe, Recipe):
        return recipe
    # Looked up in a list, because what is given may not be hashable.
    if recipe not in [*RECIPES]:
        raise ArgumentError(f"no recipe {recipe!r}; there are {', '.join(RECIPES)}")
    return RECIPES[recipe]


def changed_recipe(recipe: str | Recipe, **settings: Any) -> Recipe:
    """Return a recipe with those of the settings changed that are not None; raises what `Recipe` raises."""
    return replace(find_recipe(recipe), **{name: value for name, value in settings.items() if value is not None})


def with_masks(recipe: str | Recipe = "paper", *, points: bool = True) -> Recipe:
    """Return a recipe whose segmentation tasks also earn the IoU of the mask that their answer draws.

    A `Scorer` of this recipe needs a segmenter, and images and masks a row. An image's mask term is the mask's IoU. A
    video's is the IoU at the answer's frame or, where it is less, at the reference's, times the closeness in time of
    the two, times the share of the object's area there that this frame shows, at most 1. So the same answer at the
    reference's own time earns at least as much: a frame in which the object is easily drawn gains nothing.

    Args:
        recipe: What everything else is taken from; not one that reads as the release does.
        points: Whether the terms of the points stay: then segmentation earns at most 4, video segmentation 5. Without
            them it is 2 and 3.

    Raises:
        ArgumentError: If the recipe does not exist, its reader gives no columns of boxes and points, or it has a
            formula or a task of its own for segmentation, which would compete with the one that draws.

    Source: the paper (arXiv 2512.03043) names such a reward in its limitations, and gives no equation.

    >>> with_masks("paper", points=False).name
    'paper+masks-points'
    """
    base = find_recipe(recipe)
    if not base.reader.reads_schema:
        raise ArgumentError(f"recipe: {base.name} reads texts, and masks are drawn from boxes and points")
    for task in WITH_POINTS:
        if task in base.formulas:
            raise ArgumentError(f"recipe: the formula of {base.name} for {task} would be used, and draws no mask")
        if task in base.tasks and base.tasks[task] not in (TASKS[task], WITH_POINTS[task], INSTEAD_OF_POINTS[task]):
            raise ArgumentError(f"recipe: {base.name} has a task {task} of its own, which would be replaced")
    name = f"{base.name}+masks" if points else f"{base.name}+masks-points"
    return replace(base, name=name, tasks={**base.tasks, **(WITH_POINTS if points else INSTEAD_OF_POINTS)})
