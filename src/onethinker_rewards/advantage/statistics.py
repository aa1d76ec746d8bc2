"""What to log about advantages: σ and mean of each task, guard hits, dead groups, shares of squared advantages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from onethinker_rewards.advantage.batch import Batch, as_rewards
from onethinker_rewards.advantage.distributed import Ranks
from onethinker_rewards.advantage.labels import Ids, Label, encode
from onethinker_rewards.advantage.moments import Moments
from onethinker_rewards.errors import ArgumentError


@dataclass(frozen=True)
class TaskStatistics:
    """One task in one batch.

    Attributes:
        sigma: The running standard deviation, before ``min_std`` and ``eps``.
        mean: The running mean reward.
        rows: Rows counted in the batch.
        groups: Groups with at least one such row.
        zero_variance_groups: Groups whose rewards are all equal: they teach nothing.
        guard_hits: Rows that the guard changed.
        gradient_share: The task's part of the batch's sum of squared advantages, [0, 1].
    """

    sigma: float
    mean: float
    rows: int
    groups: int
    zero_variance_groups: int
    guard_hits: int
    gradient_share: float


def describe(
    batch: Batch, advantages: Tensor, guarded: Tensor, state: Moments, sigma: Tensor
) -> dict[Label, TaskStatistics]:
    """Return the statistics of the tasks seen so far.

    Args:
        batch: The batch.
        advantages: ``[N]`` float64, after the guard.
        guarded: ``[N]`` bool, the rows that the guard changed.
        state: The moments after the batch.
        sigma: ``[K]`` the standard deviations they give.
    """
    # All of this is about this rank alone, without a collective call: a log may be written by one rank.
    batch = replace(batch, ranks=Ranks())
    dead = (batch.group_max(advantages.abs()) == 0.0)[batch.group]
    share_of_group = batch.weight / batch.group_sum(batch.weight)[batch.group].clamp_min(1.0)
    square = advantages.square()
    columns = (
        batch.weight,
        share_of_group,
        share_of_group * dead,
        batch.weight * guarded,
        square / _or_one(square.sum()),
    )
    counts = batch.task_sum(*columns).T.tolist()
    # The state may know tasks that dense ids leave out.
    counts += [[0.0] * len(columns)] * (len(state.labels) - batch.tasks)
    moments = zip(state.labels, sigma.tolist(), state.first.tolist(), state.seen.tolist(), strict=True)
    return {
        label: TaskStatistics(std, mean, round(rows), round(groups), round(dead_groups), round(hits), share)
        for (label, std, mean, seen), (rows, groups, dead_groups, hits, share) in zip(moments, counts, strict=True)
        if seen > 0.0
    }


def log_items(statistics: Mapping[Label, TaskStatistics], *, prefix: str = "advantage") -> dict[str, float]:
    """Return statistics as one flat dictionary of numbers, ``"advantage/math/sigma"`` and so on."""
    return {
        f"{prefix}/{label}/{name}": float(value)
        for label, of_task in statistics.items()
        for name, value in asdict(of_task).items()
    }


def gradient_share(
    advantages: Tensor, tasks: Ids, *, lengths: Tensor | Sequence[float] | None = None
) -> dict[Label, float]:
    """Return each task's part of the sum of squared advantages.

    It says how an estimator divides what it hands to the loss. It is no part of the gradient: that depends on the
    policy too, and on how the gradients of the rows add up.

    Args:
        advantages: ``[N]`` from any estimator.
        tasks: ``[N]`` labels.
        lengths: ``[N]`` tokens of each response: then the sum is over tokens, as a loss that averages over tokens has
            it, in which a row of 200 tokens counts 200 times.

    Returns:
        A share in [0, 1] a label; they sum to 1, or are all 0 where all advantages are.

    Raises:
        ArgumentError: If shapes differ.
    """
    values = as_rewards(advantages, "advantages").double()
    codes, labels = encode(tasks, "tasks", values.device)
    if codes.shape != values.shape:
        raise ArgumentError(f"tasks: expected {len(values)} labels, got {len(codes)}")
    square = values.square()
    if lengths is not None:
        tokens = as_rewards(lengths, "lengths").to(square)
        if tokens.shape != square.shape:
            raise ArgumentError(f"lengths: expected shape {tuple(square.shape)}, got {tuple(tokens.shape)}")
        square = square * tokens
    sums = square.new_zeros(len(labels)).scatter_add(0, codes, square)
    return dict(zip(labels, (sums / _or_one(square.sum())).tolist(), strict=True))


def _or_one(total: Tensor) -> Tensor:
    return torch.where(total > 0.0, total, 1.0)
