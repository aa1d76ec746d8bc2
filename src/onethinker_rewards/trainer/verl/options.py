"""What the trainer takes beside verl's own configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias

from onethinker_rewards.errors import ArgumentError

__all__ = ["NAME", "Estimator", "Filter", "Options"]

# The trainer's and the estimator's name in verl's tables, and the key of our options in its configuration.
NAME = "onethinker"

# EMA-GRPO, and the functions of `onethinker_rewards.advantage` that have no running statistics.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which groups are worth training on: those of mean accuracy above ``low`` and below ``high``.

    Attributes:
        low: In [0, 1].
        high: In [0, 1].
        max_batches: How many batches of groups a step may throw away before it gives up; without a limit a model that
            is always right, or never, would generate forever.

    Source: the release's online filtering, with (0.01, 0.99).
    """

    low: float = 0.01
    high: float = 0.99
    max_batches: int = 20

    def __post_init__(self) -> None:
        if not 0.0 <= self.low < self.high <= 1.0:
            raise ArgumentError(f"filter: low and high must be ascending in [0, 1], got {self.low} and {self.high}")
        if self.max_batches < 1:
            raise ArgumentError(f"filter: max_batches must be at least 1, got {self.max_batches}")

    def keeps(self, mean: float) -> bool:
        """Whether a group of this mean accuracy teaches anything; NaN does not."""
        return self.low < mean < self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options under ``onethinker``.

    Attributes:
        estimator: One of `Estimator`.
        estimator_options: Its keywords.
        filter: None trains on every group.
        seed: With it, each response is sampled with a seed of its own, and rows are trained on in the order of the
            data, so that a run can be repeated as far as arithmetic can. None leaves both to verl.
    """

    estimator: str = "ema_grpo"
    estimator_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    filter: Filter | None = None
    seed: int | None = None

    @classmethod
    def read(cls, given: Mapping[str, Any] | None) -> Options:
        """Return the options that a configuration gives.

        Raises:
            ArgumentError: If there is no such option, or a value is out of its range.
        """
        values = dict(given or {})
        _check_names("onethinker", values, cls)
        if values.get("filter") is not None:
            _check_names("onethinker.filter", values["filter"], Filter)
            values["filter"] = Filter(**values["filter"])
        return cls(**values)


def _check_names(place: str, given: Mapping[str, Any], kind: type[Any]) -> None:
    known = [one.name for one in fields(kind)]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ArgumentError(f"{place}: no option {', '.join(unknown)}; there are {', '.join(known)}")
