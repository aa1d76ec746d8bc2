"""GRPO and its rivals: small cases by hand, the textbook, laws they share."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from onethinker_rewards.advantage import (
    EmaGrpo,
    batch_std,
    dr_grpo,
    g2rpo,
    gdpo,
    grpo,
    reinforce_plus_plus_baseline,
    rloo,
    task_batch_std,
)  # fmt: skip
from onethinker_rewards.errors import ArgumentError
from tests import oracles_advantage as oracle
from tests.advantage.batches import Batch, assert_same, batches, broken, finite, seeded

Estimator = Callable[..., Tensor]
ALL: list[Estimator] = [grpo, dr_grpo, rloo, batch_std, task_batch_std, reinforce_plus_plus_baseline, g2rpo]
Z6 = 0.9674215661017  # the normal quantile at 5/6


@pytest.mark.parametrize("estimator", [grpo, batch_std, task_batch_std, reinforce_plus_plus_baseline])
def test_equal_rewards_get_nothing_without_an_eps_too(estimator: Estimator) -> None:
    assert estimator(torch.tensor([1.0, 1.0, 1.0]), [0, 0, 1], eps=0.0).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("eps", [-1e-6, math.nan])
@pytest.mark.parametrize("estimator", [grpo, batch_std, task_batch_std, reinforce_plus_plus_baseline])
def test_an_eps_out_of_range(estimator: Estimator, eps: float) -> None:
    with pytest.raises(ArgumentError, match="eps: must not be negative, got"):
        estimator(torch.tensor([1.0, 2.0]), [0, 0], eps=eps)


def test_by_hand() -> None:
    rewards, groups = torch.tensor([0.0, 1.0, 1.0, 4.0, 6.0], dtype=torch.float64), [0, 0, 0, 1, 1]
    spread = math.sqrt((2.4**2 + 1.4**2 * 2 + 1.6**2 + 3.6**2) / 4)
    centered = [-2 / 3, 1 / 3, 1 / 3, -1.0, 1.0]
    expected = {
        grpo: [-2 / 3 * 3**0.5, 3**-0.5, 3**-0.5, -(0.5**0.5), 0.5**0.5],
        dr_grpo: centered,
        rloo: [-1.0, 0.5, 0.5, -2.0, 2.0],
        batch_std: [value / spread for value in centered],
        task_batch_std: [value / spread for value in centered],
        reinforce_plus_plus_baseline: [value / math.sqrt((4 / 9 + 2 / 9 + 2) / 4) for value in centered],
    }
    for estimator, values in expected.items():
        eps = {} if estimator in (dr_grpo, rloo) else {"eps": 0.0}
        assert estimator(rewards, groups, ["a"] * 5, **eps).tolist() == pytest.approx(values, abs=1e-12)


@pytest.mark.parametrize("estimator", [grpo, batch_std, task_batch_std, reinforce_plus_plus_baseline])
def test_biased_deviation_divides_by_n(estimator: Estimator) -> None:
    rewards = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert estimator(rewards, [0, 0], eps=0.0, unbiased=False).tolist() == pytest.approx([-1.0, 1.0], abs=1e-12)
    assert estimator(rewards, [0, 0], eps=0.0).tolist() == pytest.approx([-(0.5**0.5), 0.5**0.5], abs=1e-12)
    assert estimator(rewards, [0, 0], eps=1.0, unbiased=False).tolist() == pytest.approx([-1 / 3, 1 / 3], abs=1e-12)


def test_task_batch_std_differs_from_batch_std() -> None:
    rewards = torch.tensor([0.0, 1.0, 0.0, 10.0], dtype=torch.float64)
    groups, tasks = [0, 0, 1, 1], ["a", "a", "b", "b"]
    own = task_batch_std(rewards, groups, tasks, eps=0.0, unbiased=False)
    assert own.tolist() == pytest.approx([-1.0, 1.0, -1.0, 1.0], abs=1e-12)
    shared = batch_std(rewards, groups, tasks, eps=0.0, unbiased=False)
    assert shared[3] == pytest.approx(10 * float(shared[1]))


ORACLES: dict[Estimator, Callable[..., list[float]]] = {
    grpo: oracle.grpo,
    dr_grpo: oracle.centered,
    rloo: oracle.rloo,
    batch_std: oracle.batch_std,
    task_batch_std: lambda *batch: oracle.batch_std(*batch, each_task=True),
    reinforce_plus_plus_baseline: oracle.reinforce_baseline,
    g2rpo: oracle.g2rpo,
}


@pytest.mark.parametrize("estimator", ALL)
@given(batch=batches(finite | broken), without_tasks=st.booleans())
def test_equals_the_textbook(estimator: Estimator, batch: Batch, without_tasks: bool) -> None:
    tasks = None if without_tasks else batch.tasks
    expected = ORACLES[estimator](batch.rewards, batch.groups, tasks)
    assert estimator(batch.tensor, batch.groups, tasks).tolist() == pytest.approx(expected, abs=1e-6)


@given(batch=batches(finite | broken, min_size=1), data=st.data())
def test_weighted_whitening_equals_the_textbook(batch: Batch, data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 50), min_size=len(batch.rewards), max_size=len(batch.rewards)))
    expected = oracle.reinforce_baseline(*batch, lengths=lengths)
    got = reinforce_plus_plus_baseline(batch.tensor, batch.groups, batch.tasks, lengths=lengths)
    assert got.tolist() == pytest.approx(expected, abs=1e-6)


@given(batch=batches(min_size=1), data=st.data())
def test_gdpo_equals_the_textbook(batch: Batch, data: st.DataObject) -> None:
    part = st.lists(finite | broken, min_size=len(batch.rewards), max_size=len(batch.rewards))
    parts = [batch.rewards, data.draw(part), data.draw(part)]
    rewards = torch.tensor(parts, dtype=torch.float64).T
    expected = oracle.gdpo(parts, batch.groups, batch.tasks, weights=[1.0, 0.5, 2.0])
    got = gdpo(rewards, batch.groups, batch.tasks, weights=[1.0, 0.5, 2.0])
    assert got.tolist() == pytest.approx(expected, abs=1e-5)


# Laws they share


@pytest.mark.parametrize("estimator", ALL)
@given(batch=batches(finite | broken), data=st.data())
def test_permuting_rows_permutes_advantages(estimator: Estimator, batch: Batch, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(batch.rewards))))
    mixed = batch.take(order)
    expected = estimator(batch.tensor, batch.groups, batch.tasks)[list(order)]
    # A σ that is small next to the rewards loses digits.
    assert_same(estimator(mixed.tensor, mixed.groups, mixed.tasks), expected, tolerance=1e-8)


@pytest.mark.parametrize("estimator", ALL)
@given(batch=batches(min_size=1), shift=st.integers(-50, 50))
def test_a_shift_of_all_rewards_changes_nothing(estimator: Estimator, batch: Batch, shift: int) -> None:
    # Values 1e-6 apart may not merge in the shift: it would be another ranking.
    coarse = (batch.tensor * 64).round() / 64
    expected = estimator(coarse, batch.groups, batch.tasks)
    torch.testing.assert_close(estimator(coarse + shift, batch.groups, batch.tasks), expected, atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("estimator", ALL)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_equal_rewards_get_exactly_zero(estimator: Estimator, dtype: torch.dtype) -> None:
    rewards = torch.tensor([0.1] * 5 + [0.7] * 3, dtype=dtype)
    advantages = estimator(rewards, [0] * 5 + [1] * 3)
    assert advantages.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert advantages.tolist() == [0.0] * 8


@pytest.mark.parametrize("estimator", ALL)
def test_differs_group_of_one(estimator: Estimator) -> None:
    """A group of one says nothing about its reward; verl's GRPO gives it the reward itself."""
    advantages = estimator(torch.tensor([3.0, 0.0, 1.0]), ["alone", "pair", "pair"])
    assert advantages[0] == 0.0 or estimator is g2rpo
    assert advantages[1] < 0.0 < advantages[2]


@pytest.mark.parametrize("estimator", ALL)
def test_padding_and_unusable_rewards_stay_out(estimator: Estimator) -> None:
    rewards, groups, tasks = seeded(7, 32)
    mask = torch.arange(32) % 5 > 0
    damaged = rewards.clone()
    damaged[3], damaged[8] = math.nan, math.inf
    kept = [row for row in range(32) if mask[row] and row not in (3, 8)]
    advantages = estimator(damaged, groups, tasks, mask=mask)
    expected = estimator(rewards[kept], groups[kept], [tasks[row] for row in kept])
    assert torch.equal(advantages[kept], expected)
    assert advantages.count_nonzero() <= len(kept)
    assert not advantages[~mask].any()
    assert advantages[[3, 8]].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("estimator", ALL)
def test_empty_batch(estimator: Estimator) -> None:
    assert estimator(torch.zeros(0), [], []).shape == (0,)
    assert estimator(torch.zeros(0), []).shape == (0,)


def test_gdpo_of_an_empty_batch() -> None:
    assert gdpo(torch.zeros(0, 2), [], []).shape == (0,)


@pytest.mark.parametrize("estimator", ALL)
def test_mistakes_name_the_argument(estimator: Estimator) -> None:
    with pytest.raises(ArgumentError, match="groups: expected shape"):
        estimator(torch.zeros(3), [0, 0])
    with pytest.raises(ArgumentError, match="tasks: expected shape"):
        estimator(torch.zeros(2), [0, 0], ["a"])


def test_task_batch_std_is_ema_grpo_without_memory() -> None:
    rewards, groups, tasks = seeded(1)
    estimator = EmaGrpo(decay=0.0, guard=None, min_std=0.0)
    estimator(*seeded(0))
    torch.testing.assert_close(
        estimator(rewards, groups, tasks), task_batch_std(rewards, groups, tasks, unbiased=False), atol=1e-9, rtol=1e-9
    )


def test_a_narrow_spread_far_from_zero_keeps_its_digits() -> None:
    """Two passes: the variance is not the difference of two large numbers."""
    narrow = torch.tensor([0.0, 1e-6, 2e-6, 5e-6], dtype=torch.float64)
    torch.testing.assert_close(
        grpo(narrow + 1000, [0] * 4, eps=0.0), grpo(narrow, [0] * 4, eps=0.0), atol=1e-6, rtol=1e-6
    )


# GDPO


def test_gdpo_by_names_equals_gdpo_by_columns() -> None:
    first, second = seeded(0)[0], seeded(1)[0]
    _, groups, tasks = seeded(0)
    named = gdpo({"a": first, "b": second}, groups, tasks, weights={"b": 2.0, "a": 1.0})
    assert torch.equal(named, gdpo(torch.stack((first, second), 1), groups, tasks, weights=[1.0, 2.0]))


def test_gdpo_of_one_part_is_whitened_grpo() -> None:
    rewards, groups, tasks = seeded(0)
    each = grpo(rewards, groups, tasks)
    expected = (each - each.mean()) / (each.std() + 1e-6)
    torch.testing.assert_close(gdpo(rewards[:, None], groups, tasks), expected)


def test_a_part_that_does_not_apply_adds_nothing() -> None:
    rewards = torch.tensor([[0.0, math.nan], [1.0, math.nan], [0.0, 0.0], [1.0, 1.0], [math.nan, math.nan]])
    advantages = gdpo(rewards, [0, 0, 1, 1, 1], unbiased=False)
    assert advantages[4] == 0.0
    torch.testing.assert_close(advantages[2:4], 2 * advantages[:2])


@pytest.mark.parametrize(
    ("rewards", "weights", "named"),
    [
        pytest.param(torch.zeros(2), None, "rewards", id="one_dimension"),
        pytest.param(torch.zeros(2, 0), None, "rewards: expected at least one part", id="no_part"),
        pytest.param({}, None, "rewards: expected at least one part", id="no_name"),
        pytest.param(torch.zeros(2, 2), [1.0], "weights: expected 2, got 1", id="few_weights"),
        pytest.param(torch.zeros(2, 2), {"a": 1.0}, "weights: the parts have no names", id="named_weights"),
        pytest.param({"a": torch.zeros(2)}, {"b": 1.0}, "weights: expected", id="other_names"),
        pytest.param({"a": torch.zeros(2), "b": torch.zeros(3)}, None, "rewards: the parts differ", id="ragged"),
    ],
)
def test_gdpo_mistakes(rewards, weights, named: str) -> None:
    with pytest.raises(ArgumentError, match=named):
        gdpo(rewards, [0, 0], weights=weights)


def test_lengths_must_be_one_a_row() -> None:
    with pytest.raises(ArgumentError, match="lengths: expected shape"):
        reinforce_plus_plus_baseline(torch.zeros(2), [0, 0], lengths=[1])


# G²RPO


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        pytest.param([5.0, 1.0, 3.0], [Z6, -Z6, 0.0], id="three_ranks"),
        pytest.param([0.0, 1.0], [-0.6744897501960817, 0.6744897501960817], id="two"),
        pytest.param([0.0, 0.0, 1.0], [-Z6 / 2, -Z6 / 2, Z6], id="ties_share_their_mean"),
        pytest.param([7.0], [0.0], id="one"),
        pytest.param([2.0, 2.0], [0.0, 0.0], id="equal"),
    ],
)
def test_g2rpo_of_one_group(rewards: list[float], expected: list[float]) -> None:
    assert g2rpo(torch.tensor(rewards, dtype=torch.float64), [0] * len(rewards)).tolist() == pytest.approx(
        expected, abs=1e-9
    )


def test_g2rpo_ranks_again_over_the_task() -> None:
    rewards = torch.tensor([0.0, 1.0, 0.0, 5.0, 9.0], dtype=torch.float64)
    groups = [0, 0, 1, 1, 1]
    # Within groups: ±.674 and −.967, 0, .967; over the task these have ranks 2, 4, 1, 3, 5.
    quantile = [oracle.NormalDist().inv_cdf((rank - 0.5) / 5) for rank in (2, 4, 1, 3, 5)]
    assert g2rpo(rewards, groups, ["a"] * 5).tolist() == pytest.approx(quantile, abs=1e-9)


def test_g2rpo_gives_each_task_the_same_spread() -> None:
    rewards, groups, tasks = seeded(2, 240)
    advantages = g2rpo(rewards, groups, tasks)
    codes = torch.tensor([hash(task) for task in tasks])
    for code in codes.unique():
        own = advantages[codes == code]
        assert float(own.mean()) == pytest.approx(0.0, abs=1e-9)
        assert float(own.std()) == pytest.approx(1.0, abs=0.06)


@given(batch=batches(min_size=2))
def test_g2rpo_knows_only_ranks(batch: Batch) -> None:
    coarse = (batch.tensor * 16).round() / 16
    stretched = torch.sign(coarse) * coarse.abs() ** 3 * 100
    expected = g2rpo(coarse, batch.groups, batch.tasks)
    assert torch.equal(g2rpo(stretched, batch.groups, batch.tasks), expected)
