"""The running moments that an estimator keeps between batches: what is saved and resumed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from onethinker_rewards.advantage.labels import Ids, Label, TaskKey, canonical, encode, keyed
from onethinker_rewards.advantage.moments import (
    BatchMoments,
    Moments,
    Variance,
    empty,
    extended,
    from_dict,
    sigma,
    to_dict,
    update,
)
from onethinker_rewards.advantage.ranks import Ranks
from onethinker_rewards.advantage.rows import Rows, dense, is_dense, labelled
from onethinker_rewards.errors import ArgumentError

__all__ = ["RunningMoments"]


class RunningMoments:
    """A thin shell around `Moments`: finds each row's task in the state and moves the state a batch on."""

    def __init__(
        self,
        *,
        decay: float,
        min_std: float,
        eps: float,
        update_first: bool,
        variance: Variance,
        task_key: TaskKey | None,
        task_names: Sequence[Label] | None,
        ranks: Ranks,
    ) -> None:
        if not 0.0 <= decay <= 1.0:
            raise ArgumentError(f"decay: must lie in [0, 1], got {decay}")
        if not (min_std >= 0.0 and eps >= 0.0 and min_std + eps > 0.0):
            raise ArgumentError(f"min_std and eps: must not be negative, nor both 0, got {min_std} and {eps}")
        if variance not in ("total", "within_group"):
            raise ArgumentError(f"variance: must be 'total' or 'within_group', got {variance!r}")
        self.decay, self.min_std, self.eps = decay, min_std, eps
        self.update_first = update_first
        self.variance: Variance = variance
        self.task_key, self.ranks = task_key, ranks
        self.task_names = None if task_names is None else tuple(map(canonical, task_names))
        self.state = empty(self.task_names or ())

    def lay_out(
        self,
        rewards: Tensor,
        groups: Ids,
        tasks: Ids,
        mask: Tensor | None,
        num_groups: int | None,
        num_tasks: int | None,
    ) -> Rows:
        """Lay out a batch on the state's numbering of the tasks."""
        self._move(rewards.device)
        if is_dense(num_groups, num_tasks):
            return self._dense(rewards, groups, tasks, mask, int(num_groups or 0), int(num_tasks or 0))
        encoded = encode(tasks, "tasks", rewards.device)
        own = tuple(keyed(label, self.task_key) for label in encoded[1])
        # The state's labels go along so that every rank puts all of them in the same order.
        self._extend(self.ranks.union(self.state.labels + own))
        table = {label: number for number, label in enumerate(self.state.labels)}
        return labelled(rewards, groups, encoded, self.ranks, table, mask=mask, task_key=self.task_key)

    def _dense(
        self, rewards: Tensor, groups: Ids, tasks: Ids, mask: Tensor | None, num_groups: int, num_tasks: int
    ) -> Rows:
        if self.task_key is not None:
            raise ArgumentError("task_key: has no effect on dense ids; number the families instead")
        names = self.task_names if self.task_names is not None else tuple(range(num_tasks))
        if num_tasks > len(names):
            raise ArgumentError(f"num_tasks: {num_tasks} is more than the {len(names)} task_names")
        if self.state.labels[:num_tasks] != names[:num_tasks]:
            self._extend(names)
        return dense(rewards, groups, tasks, self.ranks, num_groups, num_tasks, mask=mask)

    def absorb(self, batch: BatchMoments) -> Tensor:
        """Move the state a batch on and return what to divide by, ``[K]``: max(σ, min_std) + eps."""
        known, count = self.state, len(batch.count)
        missing = len(known.labels) - count
        if missing:
            batch = BatchMoments(pad(batch.count, (0, missing)), pad(batch.values, (0, missing)))
        new = update(known, batch, decay=self.decay)
        used = sigma(new, variance=self.variance)
        if not self.update_first:
            # A task seen for the first time has no earlier σ: its first batch sets it.
            used = torch.where(known.seen > 0.0, sigma(known, variance=self.variance), used)
        self._write(new)
        return used[:count].clamp_min_(self.min_std).add_(self.eps)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as tensors and built-ins."""
        return to_dict(self.state, variance=self.variance)

    def load(self, saved: dict[str, Any]) -> None:
        """Take over a saved state; the order of its labels does not matter."""
        state = from_dict(saved, variance=self.variance, device=self.state.values.device)
        state = extended(state, self.task_names or ())
        if state.labels == self.state.labels:
            self._write(state)
        else:
            self.state = state

    def _write(self, new: Moments) -> None:
        # In place, so that a captured CUDA graph carries the state from replay to replay.
        self.state.values.copy_(new.values)
        self.state.seen.copy_(new.seen)

    def _extend(self, labels: tuple[Label, ...]) -> None:
        if self.state.labels != labels:
            self.state = extended(self.state, labels)

    def _move(self, device: torch.device) -> None:
        if self.state.values.device != device:
            self.state = self.state.to(device)
