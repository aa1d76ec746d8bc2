"""Sums in float64 and in the order of the rows: for one process on a CPU, where that order is fixed.

Half the work of exact sums, and for rewards of up to 32 bits nearly as good: a sum of equal rewards loses nothing,
since a float64 has 29 bits to spare for it, and a task's sum of squares keeps 15 digits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from onethinker_rewards.advantage.moments import BatchMoments
from onethinker_rewards.advantage.rows import Rows

__all__ = ["centre", "suffices"]


def suffices(rows: Rows) -> bool:
    """Whether plain sums are deterministic here, and leave no trace of rounding in a group of equal rewards."""
    return (
        rows.ranks.process_group is None
        and rows.dtype == torch.float32
        and rows.rewards.device.type == "cpu"
        # Compiled code adds from several threads at once.
        and not torch.compiler.is_compiling()
    )


def centre(rows: Rows) -> tuple[Tensor, BatchMoments, float]:
    """Return each reward less its group's mean ``[N]``; the tasks' moments; and the unit, 1."""
    counts, sums = (_sums(each, rows.segment, rows.segments) for each in (rows.weight, rows.rewards))
    squares = _sums(rows.rewards * rows.rewards, rows.task, rows.tasks)
    if rows.tabular:
        count, total = (column.view(rows.tasks, -1).sum(1) for column in (counts, sums))
    else:
        count, total = (_sums(each, rows.task, rows.tasks) for each in (rows.weight, rows.rewards))
    batch = BatchMoments(count, torch.stack((total, squares)).div_(count.clamp_min(1.0)))
    means = sums.div_(counts.clamp_min_(1.0)).index_select(0, rows.segment)
    return (rows.rewards - means).mul_(rows.weight), batch, 1.0


def _sums(column: Tensor, index: Tensor, size: int) -> Tensor:
    return column.new_zeros(size).scatter_add_(0, index, column)
