"""A batch of rewards, checked and numbered: which group, which task, which rows count; and sums over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, cast

import torch
import torch.distributed as dist
from torch import Tensor

from onethinker_rewards.advantage.distributed import Ranks
from onethinker_rewards.advantage.labels import Ids, Label, TaskKey, encode, keyed
from onethinker_rewards.errors import ArgumentError


class Layout(TypedDict, total=False):
    """The keywords that every estimator takes next to its own options.

    Attributes:
        mask: ``[N]`` bool; rows where it is false are padding: they get 0 and stay out of all statistics.
        num_groups: G. With ``num_tasks`` it promises dense ids, groups 0…G−1 and tasks 0…K−1, so that nothing is read
            back from the device. A table of G·K sums is made.
        num_tasks: K.
        process_group: Ranks that share statistics; ``None`` never communicates.
        groups_span_ranks: Whether the rows of one group may lie on several ranks.
    """

    mask: Tensor | None
    num_groups: int | None
    num_tasks: int | None
    process_group: dist.ProcessGroup | None
    groups_span_ranks: bool


@dataclass(frozen=True)
class Batch:
    """Rewards with the index of each row's group and task. A group is a pair of group and task.

    Attributes:
        rewards: ``[N]`` float64; 0 where the row does not count.
        weight: ``[N]`` 1.0 where the row counts: it is no padding, and its reward has a finite square; else 0.0.
        group: ``[N]`` the index of the row's group.
        groups: P, the number of such indices; some may be unused.
        task: ``[N]`` the index of the task whose statistics the row uses.
        tasks: K.
        task_of_group: ``[P]``; None for dense ids, where a group's index is task · G + group.
        ranks: The ranks that share statistics.
        dtype: The advantages' type: float64 for float64 rewards, else float32.
    """

    rewards: Tensor
    weight: Tensor
    group: Tensor
    groups: int
    task: Tensor
    tasks: int
    task_of_group: Tensor | None
    ranks: Ranks
    dtype: torch.dtype

    def with_rewards(self, rewards: Tensor) -> Batch:
        """Return the same rows with other rewards, of which fewer may count."""
        values, weight = _usable(rewards, self.weight)
        return replace(self, rewards=values, weight=weight)

    def finish(self, advantages: Tensor) -> Tensor:
        """Return float64 values as advantages: 0 where the row does not count."""
        return torch.where(self.weight > 0.0, advantages, 0.0).to(self.dtype)

    def group_sum(self, values: Tensor) -> Tensor:
        """Return the sum of ``values`` over each group, ``[P]``, over all ranks if groups span them."""
        sums = self._own_group_sum(values)
        return self.ranks.total(sums) if self.ranks.groups_span_ranks else sums

    def group_max(self, values: Tensor) -> Tensor:
        """Return the largest of ``values`` in each group, ``[P]``; −∞ in an unused group."""
        largest = values.new_full((self.groups,), -torch.inf).scatter_reduce_(0, self.group, values, "amax")
        return self.ranks.maximum(largest) if self.ranks.groups_span_ranks else largest

    def task_sum(self, *columns: Tensor) -> Tensor:
        """Return the sum of each of C columns over each task, ``[C, K]``, over all ranks in one call."""
        # Groups first: a GPU would add all rows of a task to one address, one after the other.
        by_group = torch.stack([self._own_group_sum(column) for column in columns])
        if self.task_of_group is None:
            sums = by_group.view(len(columns), self.tasks, -1).sum(2)
        else:
            index = self.task_of_group.expand_as(by_group)
            sums = by_group.new_zeros(len(columns), self.tasks).scatter_add_(1, index, by_group)
        return self.ranks.total(sums)

    def batch_sum(self, values: Tensor) -> Tensor:
        """Return the sum over all rows and ranks, a scalar."""
        return self.ranks.total(values.sum())

    def group_mean(self, values: Tensor) -> Tensor:
        """Return for each row the mean of ``values`` over the rows of its group that count, ``[N]``."""
        mean = self.group_sum(values * self.weight) / self.group_sum(self.weight).clamp_min(1.0)
        return mean.index_select(0, self.group)

    def centered(self) -> Tensor:
        """Return each reward minus the mean of its group, ``[N]``: exactly 0 where a group's rewards are equal."""
        # A mean of equal numbers can round, a mean of zeros cannot: so we measure from the group's largest reward.
        counts = self.weight > 0.0
        largest = self.group_max(torch.where(counts, self.rewards, -torch.inf)).index_select(0, self.group)
        below = torch.where(counts, self.rewards - largest, 0.0)
        return (below - self.group_mean(below)) * self.weight

    def _own_group_sum(self, values: Tensor) -> Tensor:
        return values.new_zeros(self.groups).scatter_add_(0, self.group, values)


def as_rewards(rewards: Tensor | Sequence[float], name: str = "rewards", *, dimensions: int = 1) -> Tensor:
    """Return the rewards as a real tensor of the right number of dimensions, cut from the graph.

    Raises:
        ArgumentError: If they are complex or have another number of dimensions.
    """
    tensor = torch.as_tensor(rewards).detach()
    if tensor.is_complex():
        raise ArgumentError(f"{name}: expected real numbers, got {tensor.dtype}")
    if tensor.ndim != dimensions:
        raise ArgumentError(f"{name}: expected {dimensions} dimension(s), got shape {tuple(tensor.shape)}")
    return tensor


def make_batch(
    rewards: Tensor | Sequence[float],
    groups: Ids,
    tasks: Ids | None,
    *,
    mask: Tensor | None = None,
    num_groups: int | None = None,
    num_tasks: int | None = None,
    process_group: dist.ProcessGroup | None = None,
    groups_span_ranks: bool = False,
) -> Batch:
    """Return the batch of an estimator that keeps no state; ``tasks=None`` is one task."""
    ranks = Ranks(process_group, groups_span_ranks)
    values = as_rewards(rewards)
    if is_dense(num_groups, num_tasks, needs_tasks=tasks is not None):
        return dense_batch(values, groups, tasks, ranks, int(num_groups or 0), num_tasks or 1, mask=mask)
    encoded = encode_tasks(tasks, values)
    labels = ranks.union(tuple(keyed(label, None) for label in encoded[1]))
    return labeled_batch(values, groups, encoded, ranks, labels, mask=mask)


def encode_tasks(tasks: Ids | None, rewards: Tensor) -> tuple[Tensor, tuple[Label, ...]]:
    """Return each row's code and the tasks' labels, as `encode`; ``None`` is one task, whose label is None."""
    if tasks is None:
        return torch.zeros(len(rewards), dtype=torch.int64, device=rewards.device), (None,)
    return encode(tasks, "tasks", rewards.device)


def is_dense(num_groups: int | None, num_tasks: int | None, *, needs_tasks: bool = True) -> bool:
    """Return whether the counts promise dense ids.

    Raises:
        ArgumentError: If one count is given without the other, or a count is not positive.
    """
    for name, count in (("num_groups", num_groups), ("num_tasks", num_tasks)):
        if count is not None and count < 1:
            raise ArgumentError(f"{name}: must be at least 1, got {count}")
    if needs_tasks and (num_groups is None) != (num_tasks is None):
        raise ArgumentError("num_groups and num_tasks: give both, or neither")
    if num_tasks is not None and num_groups is None:
        raise ArgumentError("num_groups: missing, while num_tasks is given")
    return num_groups is not None


def dense_batch(
    rewards: Tensor,
    groups: Ids,
    tasks: Ids | None,
    ranks: Ranks,
    num_groups: int,
    num_tasks: int,
    *,
    mask: Tensor | None,
) -> Batch:
    """Return the batch of dense ids, made on the device; a group's index is task · G + group."""
    group = _dense_ids(groups, "groups", rewards)
    task = torch.zeros_like(group) if tasks is None else _dense_ids(tasks, "tasks", rewards)
    size = num_groups * num_tasks
    index = (task * num_groups).add_(group)
    if rewards.device.type == "cpu" and not torch.compiler.is_compiling():
        _check_range(group, num_groups, "groups")
        _check_range(task, num_tasks, "tasks")
    else:
        # An id out of range must not fall into another group: this index stops the kernel with the device's own error.
        inside = (group >= 0) & (group < num_groups) & (task >= 0) & (task < num_tasks)
        index = torch.where(inside, index, size)
    values, weight, dtype = _check_rewards(rewards, mask)
    return Batch(values, weight, index, size, task, num_tasks, None, ranks, dtype)


def labeled_batch(
    rewards: Tensor,
    groups: Ids,
    tasks: tuple[Tensor, tuple[Label, ...]],
    ranks: Ranks,
    labels: tuple[Label, ...],
    *,
    mask: Tensor | None,
    task_key: TaskKey | None = None,
) -> Batch:
    """Return the batch of ids of any kind: ``tasks`` from `encode_tasks`, ``labels`` in the order of the statistics."""
    task_codes, task_labels = tasks
    group_codes, group_labels = encode(groups, "groups", rewards.device)
    _check_length(group_codes, "groups", rewards)
    _check_length(task_codes, "tasks", rewards)
    index_of_label = {label: index for index, label in enumerate(labels)}
    task_of_code = torch.tensor(
        [index_of_label[keyed(label, task_key)] for label in task_labels], dtype=torch.int64, device=rewards.device
    )
    # A group of the same id in another task is another group, also when both tasks belong to one family.
    codes = max(len(task_labels), 1)
    pairs, index = torch.unique(group_codes * codes + task_codes, return_inverse=True)
    count, task_of_group = len(pairs), task_of_code[pairs % codes]
    if ranks.groups_span_ranks:
        own = [(group_labels[pair // codes], task_labels[pair % codes]) for pair in pairs.tolist()]
        union = ranks.union(tuple(own))
        index_of_pair = {pair: number for number, pair in enumerate(union)}
        # Groups without a row on this rank add zeros here, to whichever task.
        shared = torch.tensor([index_of_pair[pair] for pair in own], dtype=torch.int64, device=rewards.device)
        count, index = len(union), shared[index]
        task_of_group = task_of_group.new_zeros(count).scatter_(0, shared, task_of_group)
    values, weight, dtype = _check_rewards(rewards, mask)
    return Batch(values, weight, index, count, task_of_code[task_codes], len(labels), task_of_group, ranks, dtype)


def _check_rewards(rewards: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, torch.dtype]:
    weight = torch.ones_like(rewards, dtype=torch.float64)
    if mask is not None:
        flags = torch.as_tensor(mask)
        _check_length(flags, "mask", rewards)
        weight = flags.to(device=rewards.device, dtype=torch.bool).double()
    dtype = torch.float64 if rewards.dtype == torch.float64 else torch.float32
    return *_usable(rewards, weight), dtype


def _usable(rewards: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return float64 rewards, and the weights with 0 where a reward's square is not finite."""
    values = rewards.double()
    usable = (values * values).isfinite() & (weight > 0.0)
    return torch.where(usable, values, 0.0), usable.double()


def _dense_ids(ids: Ids, name: str, rewards: Tensor) -> Tensor:
    tensor = torch.as_tensor(cast("Tensor", ids))
    if tensor.numel() and (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool):
        raise ArgumentError(f"{name}: dense ids must be integers, got {tensor.dtype}")
    _check_length(tensor, name, rewards)
    return tensor.to(device=rewards.device, dtype=torch.int64)


def _check_length(ids: Tensor, name: str, rewards: Tensor) -> None:
    if ids.shape != rewards.shape:
        raise ArgumentError(f"{name}: expected shape {tuple(rewards.shape)}, as rewards has, got {tuple(ids.shape)}")


def _check_range(ids: Tensor, count: int, name: str) -> None:
    if ids.numel() == 0:
        return
    least, most = (int(bound) for bound in ids.aminmax())
    if least < 0 or most >= count:
        raise ArgumentError(f"{name}: dense ids must lie in 0…{count - 1}, got {least}…{most}")
