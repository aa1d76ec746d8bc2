"""Sums whose bits depend neither on the order of the rows nor on how ranks share them.

A floating-point sum rounds at each step, so its bits follow the order of the additions, and a scatter on a GPU adds
in any order. Here each value is first written as two whole numbers of at most 30 bits,

    value = (coarse + fine / 2^30) · unit,        unit = 2^e / 2^30,  2^e above the task's largest magnitude,

and a float64 holds every partial sum of 2^23 such numbers without rounding. So the sums are exact: equal for every
order, on every device, compiled or not, and over ranks. What is lost is below 2^-60 of the task's largest value, less
than a float64 loses. Related: Demmel and Nguyen, "Fast Reproducible Floating-Point Summation", ARITH 2013.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from onethinker_rewards.advantage.moments import BatchMoments
from onethinker_rewards.advantage.ranks import Ranks
from onethinker_rewards.advantage.rows import Rows

__all__ = [
    "Grid",
    "Sums",
    "centre",
    "centred",
    "quantise",
    "segment_average",
    "segment_count",
    "segment_peaks",
    "segment_sums",
    "task_average",
    "task_count",
    "task_moments",
]

_COARSE = 2.0**30
_FINE = 2.0**-30
# Squares of anything smaller vanish in float64; it also keeps every power of two below in range.
_SMALLEST_PEAK = 2.0**-450
# On these devices a reduction under a mask beats thousands of atomic additions to a handful of addresses.
_MASKED_DEVICES = ("cuda",)
_MASKED_TASKS = 64


@dataclass(frozen=True)
class Grid:
    """Values on a grid of 2^-60 of their task's largest magnitude.

    Attributes:
        coarse: ``[N]`` whole numbers, float64.
        fine: ``[N]`` whole numbers, float64.
        values: ``[N]`` both together, in units; rounded like a mean of `Sums`, so that equal rows equal their mean.
        unit: ``[K]`` what one coarse step is worth in each task: a power of two.
    """

    coarse: Tensor
    fine: Tensor
    values: Tensor
    unit: Tensor


@dataclass(frozen=True)
class Sums:
    """Exact sums: whole numbers in float64, a segment or a task each."""

    count: Tensor
    coarse: Tensor
    fine: Tensor

    def mean_(self) -> Tensor:
        """Return the means in units, 0 where nothing was summed; the sums are used up."""
        count = self.count.clamp_min_(1.0)
        return self.coarse.div_(count).add_(self.fine.div_(count), alpha=_FINE)


def quantise(rows: Rows, values: Tensor) -> Grid:
    """Return the values on the grid of their tasks. Collective: ranks agree on the grid."""
    peak = rows.ranks.maximum(_task_peaks(rows, values * values)).sqrt_().clamp_min_(_SMALLEST_PEAK)
    # peak = mantissa · 2^e holds to the bit, so this division gives the power of two itself.
    power = peak / torch.frexp(peak).mantissa
    coarse, fine = _limbs(values * (_COARSE / power).index_select(0, rows.task))
    return Grid(coarse, fine, coarse.add(fine, alpha=_FINE), power / _COARSE)


def segment_sums(rows: Rows, grid: Grid) -> Sums:
    """Sum over each group, over all ranks where groups span them."""
    columns = (rows.weight, grid.coarse, grid.fine)
    sums = tuple(_scattered(column, rows.segment, rows.segments) for column in columns)
    return Sums(*(_over_ranks(rows.ranks, sums) if rows.ranks.groups_span_ranks else sums))


def task_moments(rows: Rows, grid: Grid) -> BatchMoments:
    """Return each task's count, mean and mean square over all ranks."""
    squares = _limbs((grid.values * grid.values).mul_(1.0 / _COARSE))
    columns = (rows.weight, grid.coarse, grid.fine, *squares)
    count, *sums = _over_ranks(rows.ranks, tuple(_by_task(rows, column) for column in columns))
    divisor = count.clamp_min(1.0)
    first = Sums(divisor, sums[0], sums[1]).mean_() * grid.unit
    second = Sums(divisor, sums[2], sums[3]).mean_() * (grid.unit * grid.unit * _COARSE)
    return BatchMoments(count, torch.stack((first, second)))


def centre(rows: Rows) -> tuple[Tensor, BatchMoments, Tensor]:
    """Return each reward less its group's mean ``[N]``, in units; the tasks' moments; and the units ``[K]``."""
    grid = quantise(rows, rows.rewards)
    return _deviation(rows, grid), task_moments(rows, grid), grid.unit


def centred(rows: Rows) -> Tensor:
    """Return each reward less its group's mean, ``[N]``: exactly 0 where all of a group are equal."""
    grid = quantise(rows, rows.rewards)
    return _deviation(rows, grid).mul_(grid.unit.index_select(0, rows.task))


def segment_count(rows: Rows) -> Tensor:
    """Return for each row how many rows of its group count, ``[N]``."""
    counts = _scattered(rows.weight, rows.segment, rows.segments)
    counts = rows.ranks.total(counts) if rows.ranks.groups_span_ranks else counts
    return counts.index_select(0, rows.segment)


def task_count(rows: Rows) -> Tensor:
    """Return how many rows of each task count, over all ranks, ``[K]``."""
    return rows.ranks.total(_by_task(rows, rows.weight))


def segment_average(rows: Rows, values: Tensor) -> Tensor:
    """Return for each row the mean of ``values`` over its group, ``[N]``."""
    grid = quantise(rows, values)
    average = segment_sums(rows, grid).mean_().index_select(0, rows.segment)
    return average.mul_(grid.unit.index_select(0, rows.task))


def task_average(rows: Rows, values: Tensor) -> Tensor:
    """Return the mean of ``values`` over each task, ``[K]``."""
    grid = quantise(rows, values)
    sums = tuple(_by_task(rows, column) for column in (rows.weight, grid.coarse, grid.fine))
    return Sums(*_over_ranks(rows.ranks, sums)).mean_().mul_(grid.unit)


def segment_peaks(rows: Rows, magnitudes: Tensor) -> Tensor:
    """Return the largest of non-negative ``magnitudes`` in each group, ``[P]``."""
    peaks = magnitudes.new_zeros(rows.segments).scatter_reduce_(0, rows.segment, magnitudes, "amax")
    return rows.ranks.maximum(peaks) if rows.ranks.groups_span_ranks else peaks


def _deviation(rows: Rows, grid: Grid) -> Tensor:
    means = segment_sums(rows, grid).mean_().index_select(0, rows.segment)
    return (grid.values - means).mul_(rows.weight)


def _limbs(scaled: Tensor) -> tuple[Tensor, Tensor]:
    coarse = scaled.round()
    return coarse, scaled.sub_(coarse).mul_(_COARSE).round_()


def _over_ranks(ranks: Ranks, sums: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    # One call for all columns.
    return sums if ranks.process_group is None else ranks.total(torch.stack(sums)).unbind()


def _scattered(column: Tensor, index: Tensor, size: int) -> Tensor:
    return column.new_zeros(size).scatter_add_(0, index, column)


def _masked(rows: Rows) -> bool:
    return rows.rewards.device.type in _MASKED_DEVICES and rows.tasks <= _MASKED_TASKS


def _in_each_task(rows: Rows, column: Tensor) -> Tensor:
    tasks = torch.arange(rows.tasks, device=column.device)
    return torch.where(rows.task == tasks[:, None], column, 0.0)


def _by_task(rows: Rows, column: Tensor) -> Tensor:
    return _in_each_task(rows, column).sum(1) if _masked(rows) else _scattered(column, rows.task, rows.tasks)


def _task_peaks(rows: Rows, magnitudes: Tensor) -> Tensor:
    if _masked(rows) and magnitudes.numel():
        return _in_each_task(rows, magnitudes).amax(1)
    return magnitudes.new_zeros(rows.tasks).scatter_reduce_(0, rows.task, magnitudes, "amax")
