"""The state of EMA-GRPO: each task's running moments, how they are extended, saved and loaded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import torch
from torch import Tensor
from torch.nn.functional import pad

from onethinker_rewards.advantage.labels import Label, canonical
from onethinker_rewards.errors import ArgumentError

Variance: TypeAlias = Literal["total", "within_group"]
Initial: TypeAlias = Literal["first_batch", "debiased"]
_VERSION = 2
# A state of version 1 does not say in how many batches a task was seen. It counts as so many that the next batch has
# the weight 1 − β, as it had then.
_MANY = 1e9


@dataclass(frozen=True)
class Moments:
    """The state of EMA-GRPO.

    Attributes:
        labels: The tasks, K of them.
        values: ``[2, K]`` float64: the running mean reward m, and the running variance v: of the reward about m, or of
            its deviation from the group's mean for ``variance="within_group"``.
        seen: ``[K]`` float64, in how many batches the task was seen.
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
        """The first moment m, ``[K]``."""
        return self.values[0]

    @property
    def second(self) -> Tensor:
        """The second central moment v, ``[K]``."""
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

    def known(self, named: Collection[Label] = ()) -> Moments:
        """Return the state of the tasks that were seen, or are ``named``."""
        if all(label in named for label in self.labels):
            return self.clone()
        kept = [
            index
            for index, (label, seen) in enumerate(zip(self.labels, self.seen.tolist(), strict=True))
            if seen > 0.0 or label in named
        ]
        return Moments(tuple(self.labels[index] for index in kept), self.values[:, kept], self.seen[kept])

    def to_dict(self, *, variance: Variance, options: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Return the state as CPU tensors and built-ins, by label, with the estimator's options."""
        copy = self.clone().to("cpu")
        return {
            "version": _VERSION, "variance": variance, "options": dict(options or {}), "labels": list(copy.labels),
            "first": copy.first.clone(), "second": copy.second.clone(), "seen": copy.seen,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, saved: dict[str, Any], *, variance: Variance) -> Moments:
        """Return the state that `to_dict` wrote, as tensors of its own.

        Version 1, which held m₂ = mean R² and only whether a task was seen, is read too.

        Raises:
            ArgumentError: If the state is of another version or variance, its parts do not fit each other, or a moment
                is not finite or a variance negative.
        """
        missing = {"version", "variance", "labels", "first", "second", "seen"} - saved.keys()
        if missing:
            raise ArgumentError(f"state: lacks {', '.join(sorted(missing))}")
        version = saved["version"]
        if version not in (1, _VERSION):
            raise ArgumentError(f"state: version {version!r} is neither 1 nor {_VERSION}")
        if saved["variance"] != variance:
            raise ArgumentError(f"state: saved with variance={saved['variance']!r}, this estimator has {variance!r}")
        labels = tuple(canonical(label) for label in cast("list[Label]", saved["labels"]))
        columns = [saved[name].to(torch.float64, copy=True) for name in ("first", "second", "seen")]
        if len(set(labels)) != len(labels) or any(column.shape != (len(labels),) for column in columns):
            raise ArgumentError("state: labels and moments differ in length, or a label is there twice")
        first, second, seen = columns
        usable = torch.stack(columns).isfinite().all(0) & (second >= 0.0) & (seen >= 0.0)
        if not usable.all():
            broken = [label for label, fits in zip(labels, usable.tolist(), strict=True) if not fits]
            raise ArgumentError(f"state: a moment of {broken[0]!r} is not finite, or its variance is negative")
        if version == 1:
            if variance == "total":
                second = (second - first.square()).clamp_min(0.0)
            seen = torch.where(seen > 0.0, _MANY, 0.0).double()
        return cls(labels, torch.stack((first, second)), seen)


@dataclass(frozen=True)
class BatchMoments:
    """One batch's share, float64.

    Attributes:
        count: ``[K]`` rows counted.
        values: ``[2, K]``: the mean reward of the task's rows, and their mean squared deviation: from that mean, or
            from their groups' means for ``variance="within_group"``.
    """

    count: Tensor
    values: Tensor
