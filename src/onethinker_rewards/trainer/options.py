"""Our own keys: the section ``onethinker`` of a configuration; all other keys are verl's."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Literal, Self, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from onethinker_rewards.answers import find_dialect
from onethinker_rewards.answers.dialects import ONETHINKER
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.judges.settings import make_judge

# The trainer's and the estimator's name in verl's tables, and the name of our section in its configuration.
NAME = "onethinker"

Estimator: TypeAlias = Literal[
    "ema_grpo",
    "grpo",
    "dr_grpo",
    "rloo",
    "batch_std",
    "task_batch_std",
    "reinforce_plus_plus_baseline",
    "g2rpo",
    "gdpo",
]
ESTIMATORS: tuple[Estimator, ...] = get_args(Estimator)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Filter(_Section):
    """Which groups are trained on. Source: the release's online filtering, with (0.01, 0.99)."""

    low: float = Field(0.01, ge=0, le=1, description="Groups at or below are dropped: all wrong.")
    high: float = Field(0.99, ge=0, le=1, description="Groups at or above are dropped: all right.")
    # Without a limit, a model that is always right, or never, would generate forever.
    max_batches: int = Field(20, ge=1, description="Batches of groups that one step may drop before the run ends.")

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        return self

    def keeps(self, mean: float) -> bool:
        """Whether a group of this mean accuracy teaches anything; NaN does not."""
        return self.low < mean < self.high


class EmaOptions(_Section):
    """Options of EMA-GRPO: keywords of `onethinker_rewards.advantage.EmaGrpo`, which explains them."""

    decay: float = Field(0.99, ge=0, le=1, description="β of each task's running moments.")
    guard: Literal["clip", "group_std"] | None = Field(
        "clip", description="What happens to an advantage over the limit."
    )
    guard_limit: float = Field(5.0, gt=0, description="That limit.")
    min_std: float = Field(1e-3, ge=0, description="The least σ.")
    eps: float = Field(1e-6, ge=0, description="Added to σ.")
    update_first: bool = Field(True, description="Whether a batch updates σ before σ is used on it.")
    variance: Literal["total", "within_group"] = Field("total", description="Of which variance σ is the root.")
    initial: Literal["first_batch", "debiased"] = Field("debiased", description="How a task's moments start.")
    task_key: Mapping[str, str] | None = Field(None, description="From a task to the task whose σ it uses.")


class _StdOptions(_Section):
    """Options of a baseline that divides by a standard deviation: keywords of the function of its name."""

    eps: float = Field(1e-6, ge=0)
    unbiased: bool = True


# Of GDPO's two parts: by name, or in this order.
_Weights: TypeAlias = dict[Literal["normalized", "format"], float] | list[float]


class _GdpoOptions(_StdOptions):
    weights: Annotated[_Weights, Field(min_length=2, max_length=2)] | None = None


_WITH_STD: tuple[Estimator, ...] = ("grpo", "batch_std", "task_batch_std", "reinforce_plus_plus_baseline")
_ESTIMATOR_OPTIONS: Mapping[Estimator, type[_Section]] = {
    **dict.fromkeys(ESTIMATORS, _Section),  # no options
    **dict.fromkeys(_WITH_STD, _StdOptions),
    "gdpo": _GdpoOptions,
    "ema_grpo": EmaOptions,
}


class Options(_Section):
    """The section ``onethinker``."""

    stage: Literal["rl", "sft"] = Field("rl", description="Reinforcement learning or supervised fine-tuning.")
    recipe: Literal["paper", "lenient", "release"] = Field(
        "paper", description="How responses are scored; a reward manager of your own has its own."
    )
    dialect: str = Field(
        ONETHINKER.name, description="How the model writes boxes, points and times; prepare the prompts with the same."
    )
    reference_dialect: str = Field(ONETHINKER.name, description="How references write them.")
    judge: Mapping[str, object] | None = Field(
        None, description="Settings of a judge of open-ended answers: kind, url, model and more; null gives ROUGE."
    )
    estimator: Estimator = Field("ema_grpo", description="The formula of the advantages; the others are baselines.")
    estimator_options: Mapping[str, object] = Field(
        default_factory=dict[str, object], description="Its keywords; those of EMA-GRPO are below."
    )
    filter: Filter | None = Field(None, description="Online filtering of groups; null trains on all.")
    seed: int | None = Field(
        None, ge=0, description="Seed of the responses; with it rows keep their order, and a run can be repeated."
    )
    max_frames: int = Field(128, ge=4, description="Most frames of a video; files with more are refused.")
    max_image_pixels: int = Field(
        1_048_576, ge=4096, description="Most pixels of an image; files with more are refused."
    )

    @field_validator("dialect", "reference_dialect")
    @classmethod
    def _is_known(cls, name: str) -> str:
        find_dialect(name)
        return name

    @field_validator("judge")
    @classmethod
    def _can_be_made(cls, settings: Mapping[str, object] | None) -> Mapping[str, object] | None:
        if settings is not None:
            make_judge(settings)
        return settings

    @model_validator(mode="after")
    def _knows_dialects(self) -> Self:
        if self.recipe == "release" and {self.dialect, self.reference_dialect} != {ONETHINKER.name}:
            raise ValueError(f"{NAME}.recipe: release compares texts as they are and knows no dialect")
        return self

    @model_validator(mode="after")
    def _has_options_of_its_estimator(self) -> Self:
        model, section = _ESTIMATOR_OPTIONS[self.estimator], f"{NAME}.estimator_options"
        try:
            model.model_validate(self.estimator_options)
        except ValidationError as error:
            known = [f"{section}.{name}" for name in model.model_fields]
            raise ValueError("; ".join(_reasons(error, section, known))) from None
        return self

    @classmethod
    def read(cls, given: object) -> Options:
        """Return the options of a configuration's section; None is an empty one.

        Raises:
            ArgumentError: If it is no section, a key is unknown, or a value is out of its range.
        """
        try:
            return cls.model_validate({} if given is None else given)
        except ValidationError as error:
            raise ArgumentError("; ".join(_reasons(error, NAME, option_names()))) from None


def option_names() -> list[str]:
    """Return the dotted names of all keys."""
    sections = {"": Options, "filter.": Filter, "estimator_options.": EmaOptions}
    return [f"{NAME}.{section}{name}" for section, model in sections.items() for name in model.model_fields]


def guess(name: str, known: list[str]) -> str:
    """Return the known key that may be meant, or "": one with the same last part, or a similar one."""
    last = name.rpartition(".")[2]
    same = get_close_matches(name, [key for key in known if key.endswith(f".{last}")], n=1, cutoff=0.0)
    return next(iter(same or get_close_matches(name, known, n=1)), "")


def _reasons(error: ValidationError, section: str, known: list[str]) -> Iterator[str]:
    """Yield what is wrong in one line each, beginning with the key."""
    for fault in error.errors(include_url=False, include_context=False):
        key = ".".join([section, *map(str, fault["loc"])])
        if fault["type"] == "extra_forbidden":
            near = guess(key, known)
            yield f"{key}: unknown key" + (f"; did you mean {near}?" if near else "")
        elif fault["type"] == "value_error":
            text = fault["msg"].removeprefix("Value error, ")
            yield f"{key}: {text}" if fault["loc"] else text
        else:
            yield f"{key}: {fault['msg']}, not {reprlib.repr(fault['input'])}"
