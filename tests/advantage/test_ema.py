"""EMA-GRPO: the release's numbers, the textbook's, and its laws."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.advantage import EmaGrpo, gradient_share
from onethinker_rewards.errors import ArgumentError
from tests import oracles_advantage as oracle
from tests.advantage.batches import TASKS, Batch, assert_same, batches, broken, finite, seeded

RELEASE = json.loads((Path(__file__).parents[1] / "golden" / "release_ema_grpo.json").read_text(encoding="utf-8"))


def release_labels(step: dict) -> list[str]:
    rows = zip(step["problem_type"], step["data_type"], strict=True)
    return [f"{kind}/{data}" if kind == "segmentation" else kind for kind, data in rows]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("stop", [None, 1, 15, 29], ids="never_stopped stop1 stop15 stop29".split())
def test_as_released_equals_the_release_at_every_step(stop: int | None, dtype: torch.dtype) -> None:
    estimator = EmaGrpo.as_released()
    for number, step in enumerate(RELEASE["steps"]):
        if number == stop:
            saved = estimator.state_dict()
            estimator = EmaGrpo.as_released()
            estimator.load_state_dict(saved)
        advantages = estimator(torch.tensor(step["rewards"], dtype=dtype), step["groups"], release_labels(step))
        torch.testing.assert_close(
            advantages.double(), torch.tensor(step["advantages"], dtype=torch.float64), atol=5e-4, rtol=0
        )
        sigma = {label: max(of_task.sigma, 1e-3) for label, of_task in estimator.statistics().items()}
        assert sigma == pytest.approx({label: moments["std"] for label, moments in step["moments"].items()}, abs=5e-4)


OPTIONS = {
    "first_batch": {"initial": "first_batch"},
    "no_guard": {"initial": "first_batch", "guard": None},
    "group_std": {"initial": "first_batch", "guard": "group_std", "guard_limit": 1.5},
    "tight_clip": {"initial": "first_batch", "guard_limit": 0.7},
    "slow": {"initial": "first_batch", "decay": 0.5, "min_std": 0.2, "eps": 1e-2},
    "update_after_use": {"initial": "first_batch", "update_first": False, "decay": 0.8},
    "within_group": {"initial": "first_batch", "variance": "within_group", "decay": 0.9},
    "debiased": {"initial": "debiased"},
    "debiased_after_use": {"initial": "debiased", "decay": 0.6, "update_first": False},
    "debiased_within_group": {"initial": "debiased", "variance": "within_group", "decay": 0.9},
    "debiased_group_std": {"initial": "debiased", "guard": "group_std", "guard_limit": 1.5},
    "no_memory": {"initial": "debiased", "decay": 0.0},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@given(steps=st.lists(batches(finite | broken), min_size=1, max_size=4))
def test_equals_the_textbook(options: dict, steps: list[Batch]) -> None:
    estimator = EmaGrpo(**options)
    renamed = {key: value for key, value in options.items() if key not in ("variance", "initial")}
    slow = oracle.Ema(**renamed, within_group="variance" in options, debiased=options["initial"] == "debiased")
    for batch in steps:
        expected = slow(*batch)
        assert estimator(batch.tensor, batch.groups, batch.tasks).tolist() == pytest.approx(expected, abs=1e-7)


def test_first_batch_sets_the_moments_and_the_second_moves_them() -> None:
    estimator = EmaGrpo(decay=0.9, initial="first_batch")
    estimator(torch.tensor([0.0, 1.0]), [0, 0], ["a", "a"])
    assert estimator.state.first.tolist() == [0.5]
    assert estimator.state.second.tolist() == [0.25]
    estimator(torch.tensor([1.0, 1.0]), [0, 0], ["a", "a"])
    # m₁ = m₂ = .55, so the variance is .55 − .55².
    assert estimator.state.first.tolist() == pytest.approx([0.55], abs=1e-15)
    assert estimator.state.second.tolist() == pytest.approx([0.2475], abs=1e-15)


def test_debiased_moments_weigh_the_first_batch_as_the_others() -> None:
    estimator = EmaGrpo(decay=0.9, initial="debiased")
    estimator(torch.tensor([0.0, 1.0]), [0, 0], ["a", "a"])
    assert estimator.state.values.tolist() == [[0.5], [0.25]]
    estimator(torch.tensor([1.0, 1.0]), [0, 0], ["a", "a"])
    # From zero: m₁ = m₂ = .1 · .5 · .9 + .1 = .145; divided by 1 − .81 it is .7632.
    assert estimator.state.first.tolist() == pytest.approx([0.145 / 0.19], abs=1e-15)
    assert estimator.state.second.tolist() == pytest.approx([0.145 / 0.19 - (0.145 / 0.19) ** 2], abs=1e-15)
    assert estimator.state.seen.tolist() == [2.0]


def test_without_decay_debiased_moments_are_those_of_all_batches() -> None:
    estimator = EmaGrpo(decay=1.0, initial="debiased")
    rewards = torch.rand(5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for batch in rewards:
        estimator(batch, [0] * 8, ["a"] * 8)
    assert estimator.state.first.item() == pytest.approx(rewards.mean().item(), abs=1e-15)
    assert estimator.state.second.item() == pytest.approx(rewards.var(unbiased=False).item(), abs=1e-15)


def share_of_a_task_that_starts_with_nothing(
    make: Callable[[], EmaGrpo], *, calls: int, success: float = 0.125, seeds: int = 12
) -> list[float]:
    """Return the task's mean share of the squared advantages, a value a call, after a first call with zeros only.

    Two tasks with 8 groups of 8: one succeeds with ``success`` after its first batch, the other always with 1/2.
    """
    tasks, groups = ["late"] * 64 + ["other"] * 64, [row // 8 for row in range(128)]
    total = torch.zeros(calls, dtype=torch.float64)
    for seed in range(seeds):
        generator, estimator = torch.Generator().manual_seed(seed), make()
        for call in range(calls + 1):
            draws = torch.rand(128, generator=generator, dtype=torch.float64)
            late = (draws[:64] < success) & (call > 0)
            advantages = estimator(torch.cat((late, draws[64:] < 0.5)).double(), groups, tasks)
            if call > 0:
                total[call - 1] += gradient_share(advantages, tasks)["late"]
    return (total / seeds).tolist()


@pytest.mark.parametrize("success", [0.125, 0.5])
def test_a_debiased_task_has_a_fair_share_from_the_call_after_equal_rewards_on(success: float) -> None:
    make = partial(EmaGrpo, initial="debiased")
    shares = share_of_a_task_that_starts_with_nothing(make, calls=119, success=success)
    assert min(shares) >= 0.4
    assert max(shares) <= 0.65


def test_a_first_batch_of_equal_rewards_weighs_as_much_as_a_hundred_later_ones() -> None:
    shares = share_of_a_task_that_starts_with_nothing(partial(EmaGrpo, initial="first_batch"), calls=80)
    assert [round(shares[call - 1], 1) for call in (1, 10, 40, 80)] == [0.9, 0.8, 0.7, 0.6]


def test_sigma_is_updated_before_it_is_used() -> None:
    rewards, groups, tasks = torch.tensor([0.0, 1.0], dtype=torch.float64), [0, 0], ["a", "a"]
    options = {"decay": 0.5, "guard": None, "eps": 0.0, "initial": "first_batch"}
    before, after = EmaGrpo(**options), EmaGrpo(**options, update_first=False)
    for estimator in (before, after):
        estimator(rewards * 4.0, groups, tasks)
    assert before(rewards, groups, tasks).tolist() == pytest.approx(
        [-0.5 / math.sqrt(2.6875)] * 1 + [0.5 / math.sqrt(2.6875)]
    )
    assert after(rewards, groups, tasks).tolist() == pytest.approx([-0.25, 0.25])


def test_update_after_use_takes_the_own_batch_of_a_new_task() -> None:
    rewards = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert EmaGrpo(update_first=False, eps=0.0)(rewards, [0, 0], ["a", "a"]).tolist() == [-1.0, 1.0]


def test_within_group_variance_leaves_out_the_spread_of_means() -> None:
    rewards = torch.tensor([0.0, 1.0, 10.0, 11.0], dtype=torch.float64)
    estimator = EmaGrpo(variance="within_group", eps=0.0)
    assert estimator(rewards, [0, 0, 1, 1], ["a"] * 4).tolist() == [-1.0, 1.0, -1.0, 1.0]
    assert estimator.state.first.tolist() == [5.5]


@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        pytest.param("clip", [-5.0, 5.0, -0.1, 0.1], id="clip"),
        pytest.param("group_std", [-1.0, 1.0, -0.1, 0.1], id="group_std"),
        pytest.param(None, [-50.0, 50.0, -0.1, 0.1], id="none"),
    ],
)
def test_guard(guard: str | None, expected: list[float]) -> None:
    estimator = EmaGrpo(guard=guard, decay=1.0, min_std=0.01, eps=0.0, initial="first_batch")
    estimator(torch.zeros(2, dtype=torch.float64), [0, 0], ["a", "a"])
    rewards = torch.tensor([0.0, 1.0, 0.0, 0.002], dtype=torch.float64)
    assert estimator(rewards, [0, 0, 1, 1], ["a"] * 4).tolist() == pytest.approx(expected, abs=1e-9)


def test_guard_acts_beyond_the_limit_not_at_it() -> None:
    estimator = EmaGrpo(guard="group_std", guard_limit=2.0, decay=1.0, min_std=0.25, eps=0.0, initial="first_batch")
    estimator(torch.zeros(2, dtype=torch.float64), [0, 0], ["a", "a"])
    at = estimator(torch.tensor([0.0, 1.0], dtype=torch.float64), [0, 0], ["a", "a"])
    beyond = estimator(torch.tensor([0.0, 1.001], dtype=torch.float64), [0, 0], ["a", "a"])
    assert at.tolist() == [-2.0, 2.0]
    assert beyond.tolist() == [-1.0, 1.0]


def test_differs_guard_keeps_order() -> None:
    """With the release's guard a gap of .12 gets more than one of .40; clipping never lets the smaller gap win."""
    rewards = torch.tensor([0.0] * 7 + [0.12] + [0.5] * 7 + [0.9], dtype=torch.float64)
    groups, tasks = [0] * 8 + [1] * 8, ["a"] * 16
    small, large = {}, {}
    for guard in ("group_std", "clip"):
        estimator = EmaGrpo(guard=guard, decay=1.0, min_std=0.039, initial="first_batch")
        estimator(torch.zeros(2), [0, 0], ["a", "a"])
        advantages = estimator(rewards, groups, tasks)
        small[guard], large[guard] = float(advantages[7]), float(advantages[15])
    assert small["group_std"] == pytest.approx(2.69, abs=5e-3)
    assert large["group_std"] == pytest.approx(2.65, abs=5e-3)
    assert small["clip"] == pytest.approx(2.69, abs=5e-3)
    assert large["clip"] == 5.0


def test_differs_nan_stays_out_of_the_moments() -> None:
    """One NaN reward gets 0 and is forgotten; in the release it stays in the moments for ever."""
    estimator = EmaGrpo.as_released()
    estimator(torch.tensor([0.0, math.nan, 1.0]), [0, 0, 0], ["a"] * 3)
    assert estimator.state.values.tolist() == [[0.5], [0.25]]
    assert estimator(torch.tensor([0.0, 1.0]), [0, 0], ["a", "a"]).isfinite().all()


def test_differs_the_first_batch_weighs_as_the_others() -> None:
    """Moments start without bias; in the release a task's first batch weighs as much as a hundred later ones."""
    ours, release = EmaGrpo(guard=None), EmaGrpo.as_released()
    for estimator in (ours, release):
        estimator(torch.zeros(8), [0] * 8, ["a"] * 8)
        estimator(torch.tensor([1.0] + [0.0] * 7), [1] * 8, ["a"] * 8)
    true = math.sqrt(1 / 8 * 7 / 8)
    assert ours.statistics()["a"].sigma / true == pytest.approx(0.73, abs=5e-3)
    assert release.statistics()["a"].sigma / true == pytest.approx(0.11, abs=5e-3)


def test_differs_moments_are_double() -> None:
    """Moments are float64; the release's float32 loses a narrow spread far from zero."""
    rewards = torch.tensor([100.0, 100.01], dtype=torch.float64)
    single = rewards.float()
    assert float(single.square().mean() - single.mean().square()) != pytest.approx(2.5e-5, rel=0.5)
    assert EmaGrpo(eps=0.0)(rewards, [0, 0], ["a", "a"]).tolist() == pytest.approx([-1.0, 1.0], rel=1e-6)


@pytest.mark.parametrize("offset", [1e8, -1e12])
def test_a_spread_far_from_zero_keeps_its_digits(offset: float) -> None:
    """The running variance is no difference of two moments, which would have no digit left here."""
    estimator, near = EmaGrpo(), EmaGrpo()
    for spread in (1.0, 4.0, 2.0):
        rewards = torch.tensor([0.0, 1.0, 3.0, 4.0], dtype=torch.float64) * spread
        advantages = estimator(rewards + offset, [0, 0, 1, 1], ["a"] * 4)
        torch.testing.assert_close(advantages, near(rewards, [0, 0, 1, 1], ["a"] * 4), atol=1e-4, rtol=1e-4)


# Laws


@given(batch=batches(min_size=1), shift=st.integers(-100, 100))
def test_a_shift_of_all_rewards_changes_nothing(batch: Batch, shift: int) -> None:
    moved = EmaGrpo()(batch.tensor + shift, batch.groups, batch.tasks)
    torch.testing.assert_close(moved, EmaGrpo()(batch.tensor, batch.groups, batch.tasks), atol=1e-4, rtol=1e-4)


@given(batch=batches(min_size=1), exponent=st.integers(-30, 30))
def test_scaling_a_task_changes_nothing_once_sigma_has_seen_only_it(batch: Batch, exponent: int) -> None:
    options = {"min_std": 0.0, "eps": 1e-300}
    scale = torch.tensor([2.0**exponent if task == "ocr" else 1.0 for task in batch.tasks], dtype=torch.float64)
    scaled = EmaGrpo(**options)(batch.tensor * scale, batch.groups, batch.tasks)
    assert torch.equal(scaled, EmaGrpo(**options)(batch.tensor, batch.groups, batch.tasks))


@given(batch=batches(finite | broken), data=st.data())
def test_permuting_rows_permutes_advantages(batch: Batch, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(batch.rewards))))
    mixed = batch.take(order)
    permuted, plain = EmaGrpo(), EmaGrpo()
    # σ² is a difference of two numbers of the size of R², and σ at least 1e-3: of 16 digits, 9 are left at worst.
    assert_same(permuted(*columns(mixed)), plain(*columns(batch))[list(order)], tolerance=1e-8)
    moments = moments_by_label(plain)
    assert moments_by_label(permuted) == {label: pytest.approx(moments[label], rel=1e-12) for label in moments}


def columns(batch: Batch) -> tuple[torch.Tensor, list[int], list[str]]:
    return batch.tensor, batch.groups, batch.tasks


def moments_by_label(estimator: EmaGrpo) -> dict[str, list[float]]:
    state = estimator.state
    rows = zip(state.labels, state.first.tolist(), state.second.tolist(), state.seen.tolist(), strict=True)
    return {label: moments for label, *moments in rows}


@given(batch=batches(finite | broken))
def test_tasks_do_not_touch_each_other(batch: Batch) -> None:
    together = EmaGrpo()(batch.tensor, batch.groups, batch.tasks)
    for task in TASKS:
        rows = [row for row, label in enumerate(batch.tasks) if label == task]
        alone = EmaGrpo()(*columns(batch.take(rows)))
        assert_same(together[rows], alone, tolerance=1e-8)


@given(batch=batches(min_size=1), limit=st.floats(0.01, 2.0))
def test_clip_keeps_order_within_a_group(batch: Batch, limit: float) -> None:
    advantages = EmaGrpo(guard_limit=limit)(*columns(batch)).tolist()
    for rows in oracle.partition(range(len(batch.rewards)), oracle.pairs(batch.groups, batch.tasks)).values():
        ordered = [advantages[row] for row in sorted(rows, key=lambda row: batch.rewards[row])]
        assert ordered == sorted(ordered)


@given(batch=batches(finite, min_size=1))
def test_advantages_of_a_group_sum_to_zero_without_a_guard(batch: Batch) -> None:
    advantages = EmaGrpo(guard=None)(*columns(batch)).tolist()
    for rows in oracle.partition(range(len(batch.rewards)), oracle.pairs(batch.groups, batch.tasks)).values():
        assert math.fsum(advantages[row] for row in rows) == pytest.approx(0.0, abs=1e-9)


# Degenerate batches


def test_empty_batch() -> None:
    estimator = EmaGrpo()
    assert estimator(torch.zeros(0), [], []).shape == (0,)
    assert estimator(torch.zeros(0), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)).shape == (0,)
    assert estimator.state.labels == ()
    assert estimator.statistics() == {}


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.bool]
)
def test_every_real_type(dtype: torch.dtype) -> None:
    rewards = torch.tensor([0, 1, 1, 1]).to(dtype)
    advantages = EmaGrpo()(rewards, [0] * 4, ["a"] * 4)
    assert advantages.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    expected = oracle.Ema()([0.0, 1.0, 1.0, 1.0], [0] * 4, ["a"] * 4)
    assert advantages.tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_rewards_are_summed_in_double(dtype: torch.dtype) -> None:
    rewards = torch.full((4096,), 0.1).to(dtype)
    estimator = EmaGrpo()
    assert not estimator(rewards, [0] * 4096, ["a"] * 4096).any()
    assert estimator.state.first.item() == float(rewards[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.1, -0.3, 1e-30, 1e30, 0.0])
def test_equal_rewards_get_exactly_zero(value: float, dtype: torch.dtype) -> None:
    rewards = torch.tensor([value] * 7 + [1.0], dtype=dtype)
    assert EmaGrpo()(rewards, [0] * 7 + [1], ["a"] * 8).tolist() == [0.0] * 8


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e200], ids=str)
def test_unusable_rewards_get_zero_and_stay_out(value: float) -> None:
    rewards = torch.tensor([0.0, value, 1.0, value], dtype=torch.float64)
    estimator, without = EmaGrpo(), EmaGrpo()
    advantages = estimator(rewards, [0, 0, 0, 1], ["a"] * 4)
    expected = without(rewards[[0, 2]], [0, 0], ["a", "a"])
    assert advantages.tolist() == [expected[0], 0.0, expected[1], 0.0]
    assert torch.equal(estimator.state.values, without.state.values)


def test_a_task_whose_rewards_are_all_unusable_stays_unseen() -> None:
    estimator = EmaGrpo()
    assert estimator(torch.tensor([math.nan, math.nan]), [0, 0], ["a", "a"]).tolist() == [0.0, 0.0]
    assert estimator.state.labels == ()
    assert estimator(torch.tensor([0.0, 1.0]), [0, 0], ["a", "a"]).tolist() == pytest.approx([-1.0, 1.0], abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_padding_counts_for_nothing(dtype: torch.dtype) -> None:
    rewards = torch.tensor([0.0, 1.0, 7.0, 9.0], dtype=dtype)
    mask = torch.tensor([True, True, False, False])
    estimator, without = EmaGrpo(), EmaGrpo()
    advantages = estimator(rewards, [0, 0, 0, 1], ["a", "a", "a", "b"], mask=mask)
    assert advantages.tolist() == [*without(rewards[:2], [0, 0], ["a", "a"]).tolist(), 0.0, 0.0]
    assert estimator.state.labels == ("a",)
    assert estimator.state_dict()["labels"] == ["a"]
    assert torch.equal(estimator.state.values, without.state.values)


def test_a_batch_of_padding_alone_leaves_no_task() -> None:
    estimator = EmaGrpo()
    assert estimator(torch.ones(2), [0, 0], ["pad", "pad"], mask=torch.zeros(2)).tolist() == [0.0, 0.0]
    assert estimator.state.labels == ()
    assert estimator.statistics() == {}


def test_rewards_that_carry_a_gradient_are_cut_off() -> None:
    rewards = torch.tensor([0.0, 1.0], requires_grad=True)
    assert not EmaGrpo()(rewards, [0, 0], ["a", "a"]).requires_grad


def test_huge_and_tiny_tasks_share_a_batch() -> None:
    """Each task has its own grid: 1e20 beside 1e-20 costs neither a digit."""
    rewards, groups, _ = seeded(0, 16)
    scale = torch.where(groups == 0, 1e20, 1e-20).double()
    labels = [str(group) for group in groups.tolist()]
    advantages = EmaGrpo(min_std=0.0, eps=1e-300)(rewards * scale, groups, labels)
    expected = EmaGrpo(min_std=0.0, eps=1e-300)(rewards, groups, labels)
    torch.testing.assert_close(advantages, expected, atol=0, rtol=1e-12)


# Mistakes of the caller


@pytest.mark.parametrize(
    ("rewards", "groups", "tasks", "keywords", "named"),
    [
        pytest.param(torch.zeros(2, 2), [0, 0], ["a", "a"], {}, "rewards", id="rewards_2d"),
        pytest.param(torch.zeros(2, dtype=torch.complex64), [0, 0], ["a", "a"], {}, "rewards", id="complex"),
        pytest.param(torch.zeros(2), [0], ["a", "a"], {}, "groups", id="groups_short"),
        pytest.param(torch.zeros(2), [0, 0], ["a"], {}, "tasks", id="tasks_short"),
        pytest.param(torch.zeros(2), torch.zeros(2, 1), ["a", "a"], {}, "groups", id="groups_2d"),
        pytest.param(torch.zeros(2), [0, 0], "ab", {}, "tasks", id="one_string"),
        pytest.param(torch.zeros(2), [[0], [1]], ["a", "a"], {}, "groups", id="unhashable"),
        pytest.param(torch.zeros(2), [0, 0], [object(), object()], {}, "tasks", id="strange_label"),
        pytest.param(torch.zeros(2), [0, 0], ["a", "a"], {"mask": torch.ones(3)}, "mask", id="mask_long"),
        pytest.param(torch.zeros(2), [0, 0], [0, 0], {"num_groups": 1}, "num_tasks", id="one_count"),
        pytest.param(torch.zeros(2), [0, 0], [0, 0], {"num_tasks": 1}, "num_groups", id="other_count"),
        pytest.param(torch.zeros(2), [0, 0], [0, 0], {"num_groups": 0, "num_tasks": 1}, "num_groups", id="no_group"),
    ],
)
def test_mistakes_name_the_argument(rewards, groups, tasks, keywords, named: str) -> None:
    with pytest.raises(ArgumentError, match=f"{named}"):
        EmaGrpo()(rewards, groups, tasks, **keywords)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"decay": -0.1}, "decay"),
        ({"decay": 1.1}, "decay"),
        ({"guard": "none"}, "guard"),
        ({"guard_limit": 0.0}, "guard_limit"),
        ({"guard_limit": math.nan}, "guard_limit"),
        ({"min_std": -1.0}, "min_std"),
        ({"min_std": math.nan}, "min_std"),
        ({"eps": math.nan}, "eps"),
        ({"eps": 0.0, "min_std": 0.0}, "min_std and eps"),
        ({"eps": -1.0}, "eps"),
        ({"variance": "between"}, "variance"),
        ({"initial": "zero"}, "initial"),
    ],
    ids=str,
)
def test_options_out_of_range_are_named(options: dict, named: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{named}|{named}:"):
        EmaGrpo(**options)
