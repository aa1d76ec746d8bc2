"""The running moments of each task's reward: a value, and the pure functions that make the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import torch
from torch import Tensor
from torch.nn.functional import pad

from onethinker_rewards.advantage.labels import Label, canonical
from onethinker_rewards.errors import ArgumentError

__all__ = [
    "BatchMoments",
    "Moments",
    "Variance",
    "empty",
    "extended",
    "from_dict",
    "sigma",
    "to_dict",
    "update",
]

Variance: TypeAlias = Literal["total", "within_group"]
_VERSION = 1


@dataclass(frozen=True)
class Moments:
    """The state of EMA-GRPO.

    Attributes:
        labels: The tasks, K of them.
        values: ``[2, K]`` float64: m₁, the running mean reward, and m₂, the running mean of the square: of the reward,
            or of its deviation from the group's mean where the variance is the one within groups.
        seen: ``[K]`` float64, 1.0 once the task has been seen.
    """

    labels: tuple[Label, ...]
    values: Tensor
    seen: Tensor

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


@dataclass(frozen=True)
class BatchMoments:
    """One batch's share, float64: ``[K]`` rows counted and, as in `Moments`, ``[2, K]`` means."""

    count: Tensor
    values: Tensor


def empty(labels: tuple[Label, ...] = (), device: torch.device | str = "cpu") -> Moments:
    """Return the state before any batch."""
    zeros = torch.zeros(3, len(labels), dtype=torch.float64, device=device)
    return Moments(labels, zeros[:2].clone(), zeros[2].clone())


def extended(state: Moments, labels: tuple[Label, ...]) -> Moments:
    """Return the state with these labels first, in this order, and all others after them; the new ones unseen."""
    order = tuple(dict.fromkeys(labels + state.labels))
    position = dict(zip(state.labels, range(len(state.labels)), strict=True))
    index = torch.tensor([position.get(label, len(position)) for label in order], dtype=torch.int64)
    columns = (pad(column, (0, 1)).index_select(-1, index.to(column.device)) for column in (state.values, state.seen))
    return Moments(order, *columns)


def update(state: Moments, batch: BatchMoments, *, decay: float) -> Moments:
    """Return the state after a batch: m ← βm + (1 − β)·m of the batch, for each task that has rows in it.

    A task's first batch sets its moments. Source: OneThinker, arXiv 2512.03043, EMA-GRPO.
    """
    present = batch.count.clamp_max(1.0)
    # The batch's weight: 0 for a task without rows, 1 for one seen for the first time, else 1 − β.
    step = (1.0 - decay * state.seen).mul_(present)
    return Moments(state.labels, state.values.lerp(batch.values, step), torch.maximum(state.seen, present))


def sigma(state: Moments, *, variance: Variance = "total") -> Tensor:
    """Return each task's standard deviation ``[K]``: √(m₂ − m₁²), or √m₂ for the variance within groups."""
    first, second = state.values.unbind()
    return (second.clone() if variance == "within_group" else second - first * first).clamp_min_(0.0).sqrt_()


def to_dict(state: Moments, *, variance: Variance) -> dict[str, Any]:
    """Return the state as CPU tensors and built-ins, by label."""
    copy = state.clone().to("cpu")
    return {
        "version": _VERSION, "variance": variance, "labels": list(copy.labels),
        "first": copy.first.clone(), "second": copy.second.clone(), "seen": copy.seen.bool(),
    }  # fmt: skip


def from_dict(saved: dict[str, Any], *, variance: Variance, device: torch.device | str) -> Moments:
    """Return the state that `to_dict` wrote.

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
    # Copies: the estimator writes into its own tensors, never into the caller's.
    return Moments(labels, torch.stack((first, second)), seen).to(device)
