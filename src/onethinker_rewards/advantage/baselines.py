"""Advantages without a memory: GRPO, its kin and its rivals, with the same call as `EmaGrpo`.

Each takes ``rewards`` ``[N]``, ``groups`` ``[N]`` and ``tasks`` ``[N]`` or None, and the keywords of `Layout`, and
returns ``[N]``: float64 for float64 rewards, else float32. A group is a pair of group and task. Rows that are padding,
and rewards that are not finite, get 0 and stay out of means and deviations; a group of one gets 0. All raise
ArgumentError, naming the argument, where shapes or lengths do not fit or an ``eps`` is negative.

Below μ and σ carry the set they are taken over; σ is √(Σ(R − μ)²/(n − 1)) if ``unbiased``, else √(Σ(R − μ)²/n).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import torch
from torch import Tensor

from onethinker_rewards.advantage import spread
from onethinker_rewards.advantage.exact import centred, segment_count
from onethinker_rewards.advantage.labels import Ids
from onethinker_rewards.advantage.rows import Layout, Rows, arrange
from onethinker_rewards.errors import ArgumentError

__all__ = ["batch_std", "dr_grpo", "grpo", "reinforce_plus_plus_baseline", "rloo", "row_lengths", "task_batch_std"]

Rewards = Tensor | Sequence[float]


@torch.no_grad()
def grpo(
    rewards: Rewards,
    groups: Ids,
    tasks: Ids | None = None,
    *,
    eps: float = 1e-6,
    unbiased: bool = True,
    **layout: Unpack[Layout],
) -> Tensor:
    """Return (R − μ_group) / (σ_group + eps).

    Source: DeepSeekMath, arXiv 2402.03300.
    Differs: a group of one gets 0; verl gives it its reward. See ``test_differs_group_of_one``.
    """
    rows = arrange(rewards, groups, tasks, **layout)
    deviation = centred(rows)
    return rows.finish(spread.divided(deviation, spread.group_std(rows, deviation, unbiased=unbiased), eps))


@torch.no_grad()
def dr_grpo(rewards: Rewards, groups: Ids, tasks: Ids | None = None, **layout: Unpack[Layout]) -> Tensor:
    """Return R − μ_group.

    Source: "Understanding R1-Zero-Like Training", arXiv 2503.20783.
    """
    rows = arrange(rewards, groups, tasks, **layout)
    return rows.finish(centred(rows))


@torch.no_grad()
def batch_std(
    rewards: Rewards,
    groups: Ids,
    tasks: Ids | None = None,
    *,
    eps: float = 1e-6,
    unbiased: bool = True,
    **layout: Unpack[Layout],
) -> Tensor:
    """Return (R − μ_group) / (σ_batch + eps), σ_batch over all rewards of the batch.

    Source: "Tricks or Traps? A Deep Dive into RL for LLM Reasoning", arXiv 2508.08221.
    """
    rows = arrange(rewards, groups, tasks, **layout)
    return rows.finish(spread.divided(centred(rows), spread.batch_std(rows, unbiased=unbiased), eps))


@torch.no_grad()
def task_batch_std(
    rewards: Rewards,
    groups: Ids,
    tasks: Ids | None = None,
    *,
    eps: float = 1e-6,
    unbiased: bool = True,
    **layout: Unpack[Layout],
) -> Tensor:
    """Return (R − μ_group) / (σ_task + eps), σ_task over the task's rewards in the batch.

    With ``unbiased=False`` it is EMA-GRPO with β = 0, without guard and ``min_std``: arXiv 2512.03043.
    """
    rows = arrange(rewards, groups, tasks, **layout)
    return rows.finish(spread.divided(centred(rows), spread.task_std(rows, unbiased=unbiased)[rows.task], eps))


@torch.no_grad()
def rloo(rewards: Rewards, groups: Ids, tasks: Ids | None = None, **layout: Unpack[Layout]) -> Tensor:
    """Return R less the mean of the group's other rewards, that is (R − μ_group)·n / (n − 1).

    Source: "Back to Basics", arXiv 2402.14740.
    """
    rows = arrange(rewards, groups, tasks, **layout)
    count = segment_count(rows)
    return rows.finish(centred(rows) * (count / (count - 1.0).clamp_min(1.0)))


@torch.no_grad()
def reinforce_plus_plus_baseline(
    rewards: Rewards,
    groups: Ids,
    tasks: Ids | None = None,
    *,
    lengths: Tensor | Sequence[float] | None = None,
    eps: float = 1e-6,
    unbiased: bool = True,
    **layout: Unpack[Layout],
) -> Tensor:
    """Return R − μ_group, whitened over the batch: less its mean, divided by its σ + eps.

    Args:
        rewards: ``[N]``.
        groups: ``[N]``.
        tasks: ``[N]`` or None.
        lengths: ``[N]`` tokens of each response: then it is whitened over tokens, as verl does; without, over rows.
        eps: Added to σ.
        unbiased: Which σ.
        **layout: See `Layout`.

    Source: REINFORCE++, arXiv 2501.03262.
    """
    rows = arrange(rewards, groups, tasks, **layout)
    return rows.finish(spread.whiten(rows, centred(rows), row_lengths(rows, lengths), eps=eps, unbiased=unbiased))


def row_lengths(rows: Rows, lengths: Tensor | Sequence[float] | None) -> Tensor | None:
    """Return lengths as float64 ``[N]``.

    Raises:
        ArgumentError: If there is not one a row.
    """
    if lengths is None:
        return None
    tensor = torch.as_tensor(lengths).to(rows.rewards)
    if tensor.shape != rows.rewards.shape:
        raise ArgumentError(f"lengths: expected shape {tuple(rows.rewards.shape)}, got {tuple(tensor.shape)}")
    return tensor
