"""How far rewards spread: within a group, a task, a batch. All two-pass, on exact sums."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from onethinker_rewards.advantage.exact import segment_average, segment_count, task_average, task_count
from onethinker_rewards.advantage.rows import Rows
from onethinker_rewards.errors import ArgumentError

__all__ = ["batch_std", "batch_total", "divided", "group_std", "task_std", "whiten"]

_LEAST = torch.finfo(torch.float64).tiny


def divided(deviation: Tensor, std: Tensor, eps: float) -> Tensor:
    """Return deviation / (std + eps), 0 where nothing deviates.

    Raises:
        ArgumentError: If ``eps`` is negative or NaN.
    """
    if not eps >= 0.0:
        raise ArgumentError(f"eps: must not be negative, got {eps}")
    # Without an eps, equal rewards would be 0 / 0.
    return deviation / (std + eps).clamp_min(_LEAST)


def group_std(rows: Rows, deviation: Tensor, *, unbiased: bool) -> Tensor:
    """Return for each row its group's standard deviation ``[N]``, of deviations from the group's mean."""
    return (segment_average(rows, deviation * deviation) * _bessel(segment_count(rows), unbiased=unbiased)).sqrt()


def task_std(rows: Rows, *, unbiased: bool) -> Tensor:
    """Return each task's standard deviation over the batch's rewards, ``[K]``."""
    deviation = (rows.rewards - task_average(rows, rows.rewards)[rows.task]) * rows.weight
    return (task_average(rows, deviation * deviation) * _bessel(task_count(rows), unbiased=unbiased)).sqrt()


def batch_std(rows: Rows, *, unbiased: bool) -> Tensor:
    """Return the standard deviation of all of the batch's rewards, a scalar."""
    count = batch_total(rows, rows.weight)
    deviation = (rows.rewards - batch_total(rows, rows.rewards) / count.clamp_min(1.0)) * rows.weight
    return (batch_total(rows, deviation * deviation) / (count - int(unbiased)).clamp_min(1.0)).sqrt()


def whiten(rows: Rows, values: Tensor, lengths: Tensor | None, *, eps: float, unbiased: bool) -> Tensor:
    """Return (values − mean) / (std + eps) over the batch, each row counted ``lengths`` times."""
    weight = rows.weight if lengths is None else rows.weight * lengths
    total = batch_total(rows, weight)
    deviation = values - batch_total(rows, values * weight) / total.clamp_min(1.0)
    square = batch_total(rows, deviation * deviation * weight) / (total - int(unbiased)).clamp_min(1.0)
    return divided(deviation, square.sqrt(), eps)


def batch_total(rows: Rows, values: Tensor) -> Tensor:
    """Return the sum over all rows and ranks, a scalar."""
    # As one task, so that the sum does not round along the tasks, whose order is the callers'.
    whole = replace(rows, task=torch.zeros_like(rows.task), tasks=1)
    return (task_average(whole, values * (rows.weight > 0.0)) * task_count(whole)).squeeze(0)


def _bessel(count: Tensor, *, unbiased: bool) -> Tensor:
    return count / (count - 1.0).clamp_min(1.0) if unbiased else torch.ones_like(count)
