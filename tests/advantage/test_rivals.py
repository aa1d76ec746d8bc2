"""OPO, MaxRL, pass@k and DCPO: the papers' numbers by hand, the textbook, their laws; weights of tasks."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from onethinker_rewards.advantage import (
    SmoothGrpo,
    dr_grpo,
    grpo,
    maxrl,
    opo,
    pass_at_k,
    task_weighted,
)  # fmt: skip
from onethinker_rewards.errors import ArgumentError
from tests import oracles_advantage as oracle
from tests.advantage.batches import Batch, assert_same, batches, broken, finite, seeded

binary = st.sampled_from([0.0, 1.0])


def tensor(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# OPO


def test_opo_by_hand() -> None:
    # The baseline is (3 · 1 + 1 · 0) / 4.
    assert opo(tensor([1.0, 0.0]), [0, 0], lengths=[3, 1]).tolist() == pytest.approx([0.25, -0.75])


@given(batch=batches(finite | broken), data=st.data())
def test_opo_equals_the_textbook(batch: Batch, data: st.DataObject) -> None:
    size = len(batch.rewards)
    lengths = data.draw(st.lists(st.integers(1, 50), min_size=size, max_size=size))
    got = opo(batch.tensor, batch.groups, batch.tasks, lengths=lengths)
    assert got.tolist() == pytest.approx(oracle.opo(*batch, lengths=lengths), abs=1e-9)


@given(batch=batches(finite | broken))
def test_opo_of_equal_lengths_is_dr_grpo(batch: Batch) -> None:
    lengths = [7] * len(batch.rewards)
    assert_same(opo(*batch_columns(batch), lengths=lengths), dr_grpo(*batch_columns(batch)))


def test_opo_needs_one_length_a_row() -> None:
    with pytest.raises(ArgumentError, match="lengths: expected shape"):
        opo(torch.zeros(2), [0, 0], lengths=[1])


# MaxRL


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        pytest.param([1.0, 0.0, 0.0, 0.0], [3.0, -1.0, -1.0, -1.0], id="one_of_four"),
        pytest.param([1.0, 1.0, 0.0], [0.5, 0.5, -1.0], id="two_of_three"),
        pytest.param([0.0, 0.0], [0.0, 0.0], id="no_success"),
        pytest.param([1.0, 1.0], [0.0, 0.0], id="only_successes"),
        pytest.param([-1.0, 0.0], [0.0, 0.0], id="a_negative_mean"),
        pytest.param([1.0], [0.0], id="one"),
    ],
)
def test_maxrl_of_one_group(rewards: list[float], expected: list[float]) -> None:
    assert maxrl(tensor(rewards), [0] * len(rewards)).tolist() == pytest.approx(expected, abs=1e-12)


@given(batch=batches(binary | broken))
def test_maxrl_equals_the_textbook(batch: Batch) -> None:
    assert maxrl(*batch_columns(batch)).tolist() == pytest.approx(oracle.maxrl(*batch), abs=1e-9)


@given(batch=batches(binary, min_size=1), factor=st.floats(0.1, 10.0))
def test_maxrl_knows_no_scale(batch: Batch, factor: float) -> None:
    scaled = maxrl(batch.tensor * factor, batch.groups, batch.tasks)
    torch.testing.assert_close(scaled, maxrl(*batch_columns(batch)), atol=1e-9, rtol=1e-9)


# Pass@k


@pytest.mark.parametrize(
    ("rewards", "k", "expected"),
    [
        # Of the six pairs of 1, 0, 0, 0 three have the success: rho = sigma = 1/2.
        pytest.param([1.0, 0.0, 0.0, 0.0], 2, [1.0, -1 / 3, -1 / 3, -1 / 3], id="pairs"),
        # Every pair has a success.
        pytest.param([1.0, 1.0, 1.0, 0.0], 2, [0.0] * 4, id="one_failure"),
        pytest.param([0.0, 0.0, 0.0], 2, [0.0] * 3, id="no_success"),
        pytest.param([1.0, 0.0], 3, [0.0, 0.0], id="fewer_than_k"),
        pytest.param([1.0, 0.0], 1, [1.0, -1.0], id="k_1"),
    ],
)
def test_pass_at_k_of_one_group(rewards: list[float], k: int, expected: list[float]) -> None:
    got = pass_at_k(tensor(rewards), [0] * len(rewards), k=k, eps=0.0)
    assert got.tolist() == pytest.approx(expected, abs=1e-12)


@given(batch=batches(binary | broken), k=st.integers(1, 4))
def test_pass_at_k_equals_all_draws(batch: Batch, k: int) -> None:
    got = pass_at_k(*batch_columns(batch), k=k)
    assert got.tolist() == pytest.approx(oracle.pass_at_k(*batch, k=k), abs=1e-6)


@given(batch=batches(binary))
def test_pass_at_1_is_grpo(batch: Batch) -> None:
    expected = grpo(*batch_columns(batch), unbiased=False)
    torch.testing.assert_close(pass_at_k(*batch_columns(batch), k=1), expected, atol=1e-9, rtol=1e-9)


@given(batch=batches(binary, min_size=1), k=st.integers(1, 4))
def test_advantages_of_pass_at_k_sum_to_zero(batch: Batch, k: int) -> None:
    advantages = pass_at_k(*batch_columns(batch), k=k).tolist()
    for rows in oracle.partition(range(len(batch.rewards)), oracle.pairs(batch.groups, batch.tasks)).values():
        assert math.fsum(advantages[row] for row in rows) == pytest.approx(0.0, abs=1e-9)


def test_pass_at_k_counts_rewards_from_a_threshold_on() -> None:
    got = pass_at_k(tensor([2.0, 1.5, 1.0, 0.0]), [0] * 4, k=2, success=1.5)
    assert torch.equal(got, pass_at_k(tensor([1.0, 1.0, 0.0, 0.0]), [0] * 4, k=2))


def test_k_is_at_least_1() -> None:
    with pytest.raises(ArgumentError, match="k: must be at least 1, got 0"):
        pass_at_k(torch.zeros(2), [0, 0], k=0)


# DCPO


def test_dcpo_by_hand() -> None:
    estimator = SmoothGrpo(unbiased=False, eps=1e-12)
    assert estimator(tensor([0.0, 0.0]), ["p", "p"]).tolist() == [0.0, 0.0]
    # All rewards so far: 0, 0, 0, 1, with mean 1/4 and deviation sqrt(3)/4. The new ones alone give -1 and 1.
    total = [-1 / math.sqrt(3), math.sqrt(3)]
    expected = [0.5 * (-1 + total[0]), 0.5 * (1 + total[1])]
    assert estimator(tensor([0.0, 1.0]), ["p", "p"]).tolist() == pytest.approx(expected, abs=1e-9)


def test_dcpo_teaches_from_equal_rewards_that_differ_from_earlier_ones() -> None:
    estimator = SmoothGrpo(unbiased=False, eps=1e-12)
    estimator(tensor([0.0, 1.0]), ["p", "p"])
    # Mean 3/4 and deviation sqrt(3)/4; the third step is the second with this prompt.
    estimator(tensor([0.0, 1.0]), ["other", "other"])
    assert estimator(tensor([1.0, 1.0]), ["p", "p"]).tolist() == pytest.approx([0.5 / math.sqrt(3)] * 2, abs=1e-9)


@given(steps=st.lists(batches(finite | broken), min_size=1, max_size=4), unbiased=st.booleans(), alone=st.booleans())
def test_dcpo_equals_the_textbook(steps: list[Batch], unbiased: bool, alone: bool) -> None:
    estimator, slow = SmoothGrpo(unbiased=unbiased, eps=1e-3), oracle.Smooth(unbiased=unbiased, eps=1e-3)
    for batch in steps:
        tasks = None if alone else batch.tasks
        expected = slow(batch.rewards, batch.groups, tasks)
        # Where both are as large but of two signs, rounding decides which one is smaller.
        got = estimator(batch.tensor, batch.groups, tasks).tolist()
        assert [abs(value) for value in got] == pytest.approx([abs(value) for value in expected], abs=1e-8)


@given(batch=batches(finite | broken))
def test_the_first_step_of_dcpo_is_grpo(batch: Batch) -> None:
    torch.testing.assert_close(SmoothGrpo()(*batch_columns(batch)), grpo(*batch_columns(batch)), atol=1e-8, rtol=1e-8)


def test_dcpo_resumes_from_a_file() -> None:
    whole, first, resumed = SmoothGrpo(), SmoothGrpo(), SmoothGrpo()
    for seed in range(3):
        whole(*seeded(seed))
        first(*seeded(seed))
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(resumed(*seeded(3)), whole(*seeded(3)))


def test_padding_is_in_no_history() -> None:
    estimator, without = SmoothGrpo(), SmoothGrpo()
    mask = torch.tensor([True, True, False, False])
    got = estimator(tensor([0.0, 1.0, 9.0, 9.0]), ["p", "p", "p", "pad"], mask=mask)
    assert got.tolist() == [*without(tensor([0.0, 1.0]), ["p", "p"]).tolist(), 0.0, 0.0]
    assert estimator.state_dict()["prompts"] == [("p", None)]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"version": 2}, "of another version"),
        ({"moments": torch.zeros(1, 4)}, "differ in length"),
        ({"prompts": [("p", None)], "moments": torch.full((1, 4), math.nan)}, "not finite"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_state_of_dcpo_that_does_not_fit_is_refused(change: dict, named: str) -> None:
    with pytest.raises(ArgumentError, match=named):
        SmoothGrpo().load_state_dict(SmoothGrpo().state_dict() | change)


def test_a_state_of_dcpo_that_lacks_a_part_is_refused() -> None:
    with pytest.raises(ArgumentError, match="state: not one of SmoothGrpo"):
        SmoothGrpo().load_state_dict({})


def test_an_eps_of_dcpo_is_positive() -> None:
    with pytest.raises(ArgumentError, match="eps: must be positive"):
        SmoothGrpo(eps=0.0)


# Laws they share


def with_lengths(rewards: Tensor, groups: list[int], tasks: list[str] | None = None, **layout) -> Tensor:
    return opo(rewards, groups, tasks, lengths=torch.ones(len(rewards)), **layout)


def first_step_of_dcpo(*columns, **layout) -> Tensor:
    return SmoothGrpo()(*columns, **layout)


RIVALS: dict[str, Callable[..., Tensor]] = {
    "opo": with_lengths,
    "maxrl": maxrl,
    "pass_at_k": partial(pass_at_k, k=2),
    "dcpo": first_step_of_dcpo,
}


def batch_columns(batch: Batch) -> tuple[Tensor, list[int], list[str]]:
    return batch.tensor, batch.groups, batch.tasks


@pytest.mark.parametrize("name", RIVALS)
@given(batch=batches(binary), data=st.data())
def test_permuting_rows_permutes_advantages(name: str, batch: Batch, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(batch.rewards))))
    expected = RIVALS[name](*batch_columns(batch))[list(order)]
    assert_same(RIVALS[name](*batch_columns(batch.take(order))), expected, tolerance=1e-8)


@pytest.mark.parametrize("name", ["opo", "dcpo"])
@given(batch=batches(min_size=1), shift=st.integers(-50, 50))
def test_a_shift_of_all_rewards_changes_nothing(name: str, batch: Batch, shift: int) -> None:
    coarse = (batch.tensor * 64).round() / 64
    moved = RIVALS[name](coarse + shift, batch.groups, batch.tasks)
    torch.testing.assert_close(moved, RIVALS[name](coarse, batch.groups, batch.tasks), atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_equal_rewards_get_exactly_zero(name: str, dtype: torch.dtype) -> None:
    rewards = torch.tensor([0.1] * 5 + [0.7] * 3, dtype=dtype)
    advantages = RIVALS[name](rewards, [0] * 5 + [1] * 3)
    assert advantages.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert advantages.tolist() == [0.0] * 8


@pytest.mark.parametrize("name", RIVALS)
def test_padding_and_unusable_rewards_stay_out(name: str) -> None:
    rewards, groups, tasks = seeded(7, 32)
    mask = torch.arange(32) % 5 > 0
    damaged = rewards.clone()
    damaged[3], damaged[8] = math.nan, math.inf
    kept = [row for row in range(32) if mask[row] and row not in (3, 8)]
    advantages = RIVALS[name](damaged, groups, tasks, mask=mask)
    expected = RIVALS[name](rewards[kept], groups[kept], [tasks[row] for row in kept])
    assert torch.equal(advantages[kept], expected)
    assert not advantages[~mask].any()
    assert advantages[[3, 8]].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", RIVALS)
def test_an_empty_batch(name: str) -> None:
    assert RIVALS[name](torch.zeros(0), []).shape == (0,)


@pytest.mark.parametrize("name", ["opo", "maxrl", "pass_at_k"])
def test_dense_ids_equal_labels(name: str) -> None:
    rewards, groups, tasks = seeded(1, 96)
    codes = torch.tensor([("math", "ocr", "tracking").index(task) for task in tasks])
    dense = RIVALS[name](rewards, groups, codes, num_groups=12, num_tasks=3)
    assert_same(dense, RIVALS[name](rewards, groups, tasks))


@pytest.mark.parametrize("name", RIVALS)
def test_mistakes_name_the_argument(name: str) -> None:
    with pytest.raises(ArgumentError, match="groups: expected shape"):
        RIVALS[name](torch.zeros(3), [0, 0])


# Weights of tasks


@pytest.mark.parametrize("estimator", [grpo, dr_grpo, maxrl])
def test_weights_multiply_each_task(estimator: Callable[..., Tensor]) -> None:
    rewards, groups, tasks = seeded(0, dtype=torch.float32)
    plain = estimator(rewards, groups, tasks)
    weighted = task_weighted(plain, tasks, {"math": 0.5, "ocr": 2.0, "tracking": 1, "unused": 9.0})
    factor = torch.tensor([{"math": 0.5, "ocr": 2.0, "tracking": 1.0}[task] for task in tasks])
    assert torch.equal(weighted, plain * factor)
    assert weighted.dtype == torch.float32


def test_weighting_rewards_before_centering_is_weighting_advantages_after_it() -> None:
    """What DISCO does, without a standard deviation."""
    rewards, groups, tasks = seeded(0)
    share = {task: tasks.count(task) / len(tasks) for task in set(tasks)}
    weights = {task: math.log(1 + 1 / share[task]) for task in share}
    before = rewards * torch.tensor([weights[task] for task in tasks], dtype=torch.float64)
    assert_same(task_weighted(dr_grpo(rewards, groups, tasks), tasks, weights), dr_grpo(before, groups, tasks))


@pytest.mark.parametrize(
    ("tasks", "weights", "named"),
    [
        (["a", "b"], {"a": 1.0}, "weights: none for task 'b'"),
        (["a", "a"], {"a": -1.0}, "weights: that of 'a' must be finite and not negative, got -1.0"),
        (["a", "a"], {"a": math.nan}, "weights: that of 'a' must be finite"),
        (["a"], {"a": 1.0}, "tasks: expected 2 labels, got 1"),
    ],
    ids=str,
)
def test_weights_that_do_not_fit(tasks: list[str], weights: dict[str, float], named: str) -> None:
    with pytest.raises(ArgumentError, match=named):
        task_weighted(torch.ones(2), tasks, weights)
