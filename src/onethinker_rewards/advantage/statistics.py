"""What to log about advantages: σ and mean of each task, guard hits, dead groups, shares of the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from onethinker_rewards.advantage.labels import Ids, Label, encode
from onethinker_rewards.advantage.moments import sigma
from onethinker_rewards.advantage.rows import Rows, as_rewards
from onethinker_rewards.errors import ArgumentError

if TYPE_CHECKING:
    from onethinker_rewards.advantage.running import RunningMoments

__all__ = ["LastBatch", "TaskStatistics", "describe", "gradient_share", "log_items"]


@dataclass(frozen=True)
class LastBatch:
    """What an estimator keeps of a batch for its statistics.

    Attributes:
        rows: The batch.
        advantages: ``[N]`` float64, after the guard.
        hit: ``[N]`` rows of groups that fell back to their own standard deviation; None where no group can.
    """

    rows: Rows
    advantages: Tensor
    hit: Tensor | None


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


def describe(last: LastBatch, running: RunningMoments, limit: float) -> dict[Label, TaskStatistics]:
    """Return the statistics of the tasks seen so far; where no group can fall back, rows at the limit were clipped."""
    rows, state = last.rows, running.state
    # All of this rank alone, without a collective call: a log may be written by one rank.
    peak = last.advantages.new_zeros(rows.segments).scatter_reduce(0, rows.segment, last.advantages.abs(), "amax")
    peak = peak[rows.segment]
    one_of_group = rows.weight / _per_segment(rows, rows.weight)[rows.segment].clamp_min(1.0)
    hit = last.advantages.abs() >= limit if last.hit is None else last.hit
    square = last.advantages.square()
    columns = (
        rows.weight,
        one_of_group,
        one_of_group * (peak == 0.0),
        rows.weight * hit,
        square / _or_one(square.sum()),
    )
    counts = torch.stack([_per_task(rows, column) for column in columns], 1).tolist()
    spread, first = sigma(state, variance=running.variance).tolist(), state.first.tolist()
    seen = state.seen.tolist()
    return {
        label: TaskStatistics(std, mean, round(n), round(groups), round(dead), round(hits), share)
        for label, std, mean, known, (n, groups, dead, hits, share) in zip(
            state.labels, spread, first, seen, counts + [[0.0] * 5] * (len(seen) - len(counts)), strict=True
        )
        if known > 0.0
    }


def log_items(statistics: Mapping[Label, TaskStatistics], *, prefix: str = "advantage") -> dict[str, float]:
    """Return statistics as one flat dictionary of numbers, ``"advantage/math/sigma"`` and so on."""
    return {
        f"{prefix}/{label}/{name}": float(value)
        for label, each in statistics.items()
        for name, value in asdict(each).items()
    }


def gradient_share(advantages: Tensor, tasks: Ids) -> dict[Label, float]:
    """Return each task's part of the sum of squared advantages.

    The variance of a policy gradient grows with the square of the advantages, so this is a task's say in a step.

    Args:
        advantages: ``[N]`` from any estimator.
        tasks: ``[N]`` labels.

    Returns:
        A share in [0, 1] a label; they sum to 1, or are all 0 where all advantages are.

    Raises:
        ArgumentError: If the lengths differ.
    """
    values = as_rewards(advantages, "advantages").double()
    codes, labels = encode(tasks, "tasks", values.device)
    if codes.shape != values.shape:
        raise ArgumentError(f"tasks: expected {len(values)} labels, got {len(codes)}")
    square = values.square()
    sums = square.new_zeros(len(labels)).scatter_add(0, codes, square)
    return dict(zip(labels, (sums / _or_one(square.sum())).tolist(), strict=True))


def _per_task(rows: Rows, column: Tensor) -> Tensor:
    return column.new_zeros(rows.tasks).scatter_add(0, rows.task, column)


def _per_segment(rows: Rows, column: Tensor) -> Tensor:
    return column.new_zeros(rows.segments).scatter_add(0, rows.segment, column)


def _or_one(total: Tensor) -> Tensor:
    return torch.where(total > 0.0, total, 1.0)
