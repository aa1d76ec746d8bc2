"""The state of EMA-GRPO: each task's running moments, how they are extended, saved and loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import torch
from torch import Tensor
from torch.nn.functional import pad

from onethinker_rewards.advantage.labels import Label, canonical
from onethinker_rewards.errors import ArgumentError

Variance: TypeAlias = Literal["total", "within_group"]
_VERSION = 1


@dataclass(frozen=True)
class Moments:
    """The state of EMA-GRPO.

    Attributes:
        labels: The tasks, K of them.
        values: ``[2, K]`` float64: m₁, the running mean reward, and m₂, the running mean of the square: of the reward,
            or of its deviation from the group's mean for ``variance="within_group"``.
        seen: ``[K]`` float64, 1.0 once the task has been seen.
    """

    labels: tuple[Label, ...]
    values: Tensor
    seen: Tensor

    @classmethod
    def unseen(cls, labels: tuple[Label, ...] = ()) -> Moments:
        """Return the state before any batch, on the CPU."""
        zeros = torch.zeros(3, len(labels), dtype=torch.float64)
        return cls(labels, zeros[:2].clone(), zeros[2].clone())

    @property
    def first(self) -> Tensor:
        """m₁, ``[K]``."""
        return self.values[0]

    @property
    def second(self) -> Tensor:
        """m₂, ``[K]``."""
        return self.values[1]

    def clone(self) -> Moments:
        """Return a copy that shares nothing."""
        return Moments(self.labels, self.values.clone(), self.seen.clone())

    def to(self, device: torch.device | str) -> Moments:
        """Return the state on a device."""
        return Moments(self.labels, self.values.to(device), self.seen.to(device))

    def extended(self, labels: tuple[Label, ...]) -> Moments:
        """Return the state with these labels first, in this order, and all others after them; new ones are unseen."""
        order = tuple(dict.fromkeys(labels + self.labels))
        index_of_label = {label: index for index, label in enumerate(self.labels)}
        # An index beyond the last label picks the zeros that are appended to each column.
        index = torch.tensor([index_of_label.get(label, len(self.labels)) for label in order], dtype=torch.int64)
        columns = (pad(column, (0, 1)).index_select(-1, index.to(column.device)) for column in (self.values, self.seen))
        return Moments(order, *columns)

    def to_dict(self, *, variance: Variance) -> dict[str, Any]:
        """Return the state as CPU tensors and built-ins, by label."""
        copy = self.clone().to("cpu")
        return {
            "version": _VERSION, "variance": variance, "labels": list(copy.labels),
            "first": copy.first.clone(), "second": copy.second.clone(), "seen": copy.seen.bool(),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, saved: dict[str, Any], *, variance: Variance) -> Moments:
        """Return the state that `to_dict` wrote, as tensors of its own.

        Raises:
            ArgumentError: If the state is of another version or variance, or its parts do not fit each other.
        """
        missing = {"version", "variance", "labels", "first", "second", "seen"} - saved.keys()
        if missing:
            raise ArgumentError(f"state: lacks {', '.join(sorted(missing))}")
        if saved["version"] != _VERSION:
            raise ArgumentError(f"state: version {saved['version']!r} is not {_VERSION}")
        if saved["variance"] != variance:
            raise ArgumentError(f"state: saved with variance={saved['variance']!r}, this estimator has {variance!r}")
        labels = tuple(canonical(label) for label in cast("list[Label]", saved["labels"]))
        columns = [saved[name].to(torch.float64, copy=True) for name in ("first", "second", "seen")]
        if len(set(labels)) != len(labels) or any(column.shape != (len(labels),) for column in columns):
            raise ArgumentError("state: labels and moments differ in length, or a label is there twice")
        first, second, seen = columns
        return cls(labels, torch.stack((first, second)), seen)


@dataclass(frozen=True)
class BatchMoments:
    """One batch's share, float64: ``[K]`` rows counted and, as in `Moments`, ``[2, K]`` means."""

    count: Tensor
    values: Tensor
