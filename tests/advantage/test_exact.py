"""Sums without rounding: against fractions, in any order, at any scale."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.advantage.exact import (
    centred,
    quantise,
    segment_average,
    segment_count,
    segment_sums,
    task_average,
    task_moments,
)
from onethinker_rewards.advantage.rows import Rows, arrange

usual = st.floats(-1e3, 1e3).map(lambda value: round(value, 9))
columns = st.lists(st.tuples(usual, st.integers(0, 3)), min_size=1, max_size=30)


def laid_out(values: list[float], groups: list[int], tasks: list[int] | None = None) -> Rows:
    return arrange(torch.tensor(values, dtype=torch.float64), groups, tasks)


@given(rows=columns)
def test_means_equal_fractions(rows: list[tuple[float, int]]) -> None:
    values, groups = [value for value, _ in rows], [group for _, group in rows]
    laid = laid_out(values, groups)
    peak = max(map(abs, values))
    for got, group in zip(segment_average(laid, laid.rewards).tolist(), groups, strict=True):
        own = [Fraction(value) for value, other in rows if other == group]
        assert abs(Fraction(got) - sum(own) / len(own)) <= Fraction(peak) * Fraction(2) ** -52
    everything = sum(map(Fraction, values)) / len(values)
    assert abs(Fraction(task_average(laid, laid.rewards).item()) - everything) <= Fraction(peak) * Fraction(2) ** -52


@given(rows=columns)
def test_moments_equal_fractions(rows: list[tuple[float, int]]) -> None:
    values = [value for value, _ in rows]
    laid = laid_out(values, [0] * len(values))
    moments = task_moments(laid, quantise(laid, laid.rewards))
    square = sum(Fraction(value) ** 2 for value in values) / len(values)
    assert moments.count.item() == len(values)
    assert abs(Fraction(moments.values[1].item()) - square) <= Fraction(max(map(abs, values))) ** 2 * Fraction(2) ** -50


@given(rows=columns, data=st.data())
def test_the_order_of_rows_changes_no_bit(rows: list[tuple[float, int]], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(rows))))
    first = laid_out([value for value, _ in rows], [group for _, group in rows])
    second = laid_out([rows[row][0] for row in order], [rows[row][1] for row in order])
    assert torch.equal(segment_average(first, first.rewards)[list(order)], segment_average(second, second.rewards))


def test_whole_numbers_hold_at_the_limit() -> None:
    """The sums of 2^16 of the largest numbers are still whole."""
    laid = laid_out([1.9999999999999998] * 2**16, [0] * 2**16)
    grid = quantise(laid, laid.rewards)
    sums = segment_sums(laid, grid)
    assert grid.coarse.max() <= 2**30
    assert sums.coarse.item() == grid.coarse[0].item() * 2**16
    assert torch.equal(segment_average(laid, laid.rewards), laid.rewards)


def test_what_is_finer_than_the_grid_is_rounded_to_it() -> None:
    """Bits below 2^-60 of the largest value would make the sums follow the order of the rows again."""
    laid = laid_out([1.0, 0.1 * 2.0**-20, -0.7 * 2.0**-25], [0, 0, 0])
    grid = quantise(laid, laid.rewards)
    assert torch.equal(grid.coarse, grid.coarse.round())
    assert torch.equal(grid.fine, grid.fine.round())
    assert grid.fine.abs().max() <= 2**29


@pytest.mark.parametrize("exponent", [-400, -200, -30, 0, 30, 200, 500])
def test_powers_of_two_change_no_bit(exponent: int) -> None:
    values = [0.1, 0.7, -0.3, 0.25]
    laid, scaled = laid_out(values, [0, 0, 1, 1]), laid_out([value * 2.0**exponent for value in values], [0, 0, 1, 1])
    assert torch.equal(centred(scaled), centred(laid) * 2.0**exponent)


@pytest.mark.parametrize("value", [0.0, 5e-324, 2.0**-460, 1e-300])
def test_values_too_small_to_square_are_harmless(value: float) -> None:
    laid = laid_out([value, 0.0], [0, 0])
    assert centred(laid).isfinite().all()
    assert task_average(laid, laid.rewards).item() <= value


def test_counts_leave_out_what_does_not_count() -> None:
    laid = laid_out([1.0, float("nan"), 2.0, 3.0], [0, 0, 0, 1])
    assert segment_count(laid).tolist() == [2.0, 2.0, 2.0, 1.0]
