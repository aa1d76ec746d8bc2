"""The rows of a batch, checked and laid out: which group, which task, which count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, cast

import torch
import torch.distributed as dist
from torch import Tensor

from onethinker_rewards.advantage.labels import Ids, Label, TaskKey, encode, keyed
from onethinker_rewards.advantage.ranks import Ranks
from onethinker_rewards.errors import ArgumentError

__all__ = ["Layout", "Rows", "arrange", "as_rewards", "dense", "labelled"]

# Sums of whole numbers stay exact in float64 up to here.
MOST_ROWS = 2**23


class Layout(TypedDict, total=False):
    """What every estimator takes beside its own options.

    Attributes:
        mask: ``[N]`` bool; rows where it is false are padding: advantage 0, out of all statistics.
        num_groups: G. With ``num_tasks`` it promises dense ids, groups 0…G−1 and tasks 0…K−1, and nothing is looked at
            on the host. A table of G·K sums is made.
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
class Rows:
    """A batch, ready for sums.

    Attributes:
        rewards: ``[N]`` float64; 0 where the row does not count.
        weight: ``[N]`` 1.0 where the row counts: not padding, and its reward has a finite square; else 0.0.
        segment: ``[N]`` the number of the row's group, that is of its pair of group and task.
        segments: How many numbers there are; some may be unused.
        tabular: Whether the number is task · G + group, so that segments are a table with a row a task.
        task: ``[N]`` the number of the task whose statistics the row uses.
        tasks: K.
        ranks: Who shares statistics.
        dtype: The advantages' type: float64 for float64 rewards, else float32.
    """

    rewards: Tensor
    weight: Tensor
    segment: Tensor
    segments: int
    tabular: bool
    task: Tensor
    tasks: int
    ranks: Ranks
    dtype: torch.dtype

    def of(self, rewards: Tensor) -> Rows:
        """Return the same rows with other rewards, of which fewer may count."""
        values, weight = _counted(rewards, self.weight)
        return replace(self, rewards=values, weight=weight)

    def finish(self, advantages: Tensor) -> Tensor:
        """Return float64 values as advantages: 0 where the row does not count."""
        return torch.where(self.weight > 0.0, advantages, 0.0).to(self.dtype)


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


def arrange(
    rewards: Tensor | Sequence[float],
    groups: Ids,
    tasks: Ids | None,
    *,
    mask: Tensor | None = None,
    num_groups: int | None = None,
    num_tasks: int | None = None,
    process_group: dist.ProcessGroup | None = None,
    groups_span_ranks: bool = False,
) -> Rows:
    """Lay out a batch for an estimator that keeps no state; ``tasks=None`` is one task."""
    ranks = Ranks(process_group, groups_span_ranks)
    values = as_rewards(rewards)
    if is_dense(num_groups, num_tasks, needs_tasks=tasks is not None):
        task_ids = torch.zeros(len(values), dtype=torch.int64) if tasks is None else tasks
        return dense(values, groups, task_ids, ranks, int(num_groups or 0), num_tasks or 1, mask=mask)
    if tasks is None:
        codes, distinct = torch.zeros(len(values), dtype=torch.int64, device=values.device), (None,)
    else:
        codes, distinct = encode(tasks, "tasks", values.device)
    table = {label: number for number, label in enumerate(ranks.union(tuple(keyed(each, None) for each in distinct)))}
    return labelled(values, groups, (codes, distinct), ranks, table, mask=mask)


def is_dense(num_groups: int | None, num_tasks: int | None, *, needs_tasks: bool = True) -> bool:
    """Whether the counts promise dense ids.

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


def dense(
    rewards: Tensor, groups: Ids, tasks: Ids, ranks: Ranks, num_groups: int, num_tasks: int, *, mask: Tensor | None
) -> Rows:
    """Lay out dense ids on the device; a group's number is task · G + group."""
    group, task = _dense_ids(groups, "groups", rewards), _dense_ids(tasks, "tasks", rewards)
    size = num_groups * num_tasks
    segment = (task * num_groups).add_(group)
    if rewards.device.type == "cpu" and not torch.compiler.is_compiling():
        _check_range(group, num_groups, "groups")
        _check_range(task, num_tasks, "tasks")
    else:
        # An id out of range must not fall into another group: this index stops the kernel with the device's own error.
        inside = (group >= 0) & (group < num_groups) & (task >= 0) & (task < num_tasks)
        segment = torch.where(inside, segment, size)
    return _rows(rewards, mask, segment, size, task, num_tasks, ranks, tabular=True)


def labelled(
    rewards: Tensor,
    groups: Ids,
    tasks: tuple[Tensor, tuple[Label, ...]],
    ranks: Ranks,
    table: dict[Label, int],
    *,
    mask: Tensor | None,
    task_key: TaskKey | None = None,
) -> Rows:
    """Lay out ids of any kind; ``table`` numbers the tasks, ``tasks`` comes from `encode`."""
    task_codes, task_labels = tasks
    group_codes, group_labels = encode(groups, "groups", rewards.device)
    _check_length(group_codes, "groups", rewards)
    _check_length(task_codes, "tasks", rewards)
    # A group of the same id in another task is another group, also when both tasks belong to one family.
    pairs, segment = torch.unique(group_codes * max(len(task_labels), 1) + task_codes, return_inverse=True)
    segments = len(pairs)
    if ranks.groups_span_ranks:
        segment, segments = _shared_segments(segment, pairs, group_labels, task_labels, ranks)
    numbers = [table[keyed(label, task_key)] for label in task_labels]
    task = torch.tensor(numbers, dtype=torch.int64, device=rewards.device)[task_codes]
    return _rows(rewards, mask, segment, segments, task, len(table), ranks, tabular=False)


def _shared_segments(
    segment: Tensor, pairs: Tensor, groups: tuple[Label, ...], tasks: tuple[Label, ...], ranks: Ranks
) -> tuple[Tensor, int]:
    group_codes, task_codes = (pairs // max(len(tasks), 1)).tolist(), (pairs % max(len(tasks), 1)).tolist()
    labels = tuple(zip(map(groups.__getitem__, group_codes), map(tasks.__getitem__, task_codes), strict=True))
    union = ranks.union(labels)
    number_of = dict(zip(union, range(len(union)), strict=True))
    numbers = torch.tensor(list(map(number_of.__getitem__, labels)), dtype=torch.int64, device=segment.device)
    return numbers[segment], len(union)


def _rows(
    rewards: Tensor,
    mask: Tensor | None,
    segment: Tensor,
    segments: int,
    task: Tensor,
    tasks: int,
    ranks: Ranks,
    *,
    tabular: bool,
) -> Rows:
    if len(rewards) * ranks.count > MOST_ROWS:
        raise ArgumentError(f"rewards: at most {MOST_ROWS} rows over all ranks, got {len(rewards)} a rank")
    if mask is None:
        values, weight = _counted(rewards, None)
    else:
        flags = torch.as_tensor(mask)
        _check_length(flags, "mask", rewards)
        values, weight = _counted(rewards, flags.to(device=rewards.device, dtype=torch.bool).double())
    dtype = torch.float64 if rewards.dtype == torch.float64 else torch.float32
    return Rows(values, weight, segment, segments, tabular, task, tasks, ranks, dtype)


def _counted(rewards: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    values = rewards.double()
    # 0 · x is 0 for a usable reward and NaN for any other; on a CPU this costs half of comparing and selecting.
    usable = (values * 0.0).add_(1.0).nan_to_num_(0.0)
    if rewards.dtype == torch.float64:
        # Only a float64 can be finite and have a square that is not.
        usable = usable.mul_((values * values).mul_(0.0).add_(1.0).nan_to_num_(0.0))
    weight = usable if weight is None else usable.mul_(weight)
    return values.nan_to_num(0.0, 0.0, 0.0).mul_(weight), weight


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
