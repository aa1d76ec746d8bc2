"""G²RPO: advantages by rank, on the quantiles of a normal distribution."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Unpack

import torch
from torch import Tensor

from onethinker_rewards.advantage.baselines import Rewards
from onethinker_rewards.advantage.exact import segment_average
from onethinker_rewards.advantage.labels import Ids
from onethinker_rewards.advantage.rows import Layout, Rows, arrange
from onethinker_rewards.errors import ArgumentError

__all__ = ["g2rpo"]


@torch.no_grad()
def g2rpo(rewards: Rewards, groups: Ids, tasks: Ids | None = None, **layout: Unpack[Layout]) -> Tensor:
    """Return normal quantiles of ranks, first within each group, then of those over the task's rows in the batch.

    Rank i of n gets √2·erfinv(2(i − ½)/n − 1); equal values share the mean of theirs, so that every group and every
    task keeps the mean 0.

    Args:
        rewards: ``[N]``.
        groups: ``[N]``.
        tasks: ``[N]`` or None, which is one task.
        **layout: See `Layout`, without ``process_group``: ranks need all rows in one place.

    Returns:
        ``[N]``, float64 for float64 rewards, else float32.

    Raises:
        ArgumentError: If shapes or lengths do not fit, or a process group is given.

    Source: OpenVLThinkerV2, arXiv 2604.08539.
    """
    if layout.get("process_group") is not None:
        raise ArgumentError("process_group: g2rpo ranks rows, gather them first")
    rows = arrange(rewards, groups, tasks, **layout)
    within = _quantiles(rows, rows.rewards, rows.segment, rows.segments)
    return rows.finish(_quantiles(rows, within, rows.task, rows.tasks))


def _quantiles(rows: Rows, values: Tensor, index: Tensor, size: int) -> Tensor:
    # Rows that do not count form a set of their own, behind all others.
    index = torch.where(rows.weight > 0.0, index, size)
    order = _sorted_by(values, index)
    values, index = values[order], index[order]
    count = torch.zeros(size + 1, dtype=torch.int64, device=index.device).scatter_add_(0, index, torch.ones_like(index))
    first = count.cumsum(0) - count
    rank = torch.arange(len(index), device=index.device) - first[index]
    # The numerator is a whole number, so ranks that mirror each other get opposite values to the bit.
    quantile = math.sqrt(2.0) * torch.erfinv((2 * rank + 1 - count[index]).double() / count[index])
    tied = _runs(values, index)
    back = order.argsort()
    return segment_average(replace(rows, segment=tied[back], segments=max(len(tied), 1)), quantile[back])


def _sorted_by(values: Tensor, index: Tensor) -> Tensor:
    by_value = values.argsort(stable=True)
    return by_value[index[by_value].argsort(stable=True)]


def _runs(values: Tensor, index: Tensor) -> Tensor:
    """Number the runs of equal values in sorted rows."""
    starts = (values[1:] != values[:-1]) | (index[1:] != index[:-1])
    return torch.cat((starts.new_zeros(min(len(values), 1)), starts)).cumsum(0)
