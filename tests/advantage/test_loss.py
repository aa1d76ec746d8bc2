"""The clipped objective: each branch by hand, its gradient, what padding may hold."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.advantage import averaged, broadcast, clipped_loss, token_kl
from onethinker_rewards.errors import ArgumentError

ONE = torch.ones(1, 1)


@pytest.mark.parametrize("kind", [torch.bool, torch.float32, torch.int64])
def test_broadcast_fills_each_rows_tokens(kind: torch.dtype) -> None:
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]]).to(kind)
    tokens = broadcast(torch.tensor([2.0, -1.0]), mask)
    assert tokens.tolist() == [[2.0, 2.0, 0.0], [-1.0, 0.0, 0.0]]
    assert tokens.dtype == torch.float32


@pytest.mark.parametrize(
    ("advantages", "mask"), [(torch.zeros(2), torch.zeros(3, 1)), (torch.zeros(2, 1), torch.zeros(2, 1)),
                             (torch.zeros(2), torch.zeros(2))], ids=["rows", "two_dimensions", "flat_mask"],
)  # fmt: skip
def test_broadcast_mistakes(advantages: torch.Tensor, mask: torch.Tensor) -> None:
    with pytest.raises(ArgumentError, match="mask"):
        broadcast(advantages, mask)


@pytest.mark.parametrize(
    ("ratio", "advantage", "options", "expected", "clipped"),
    [
        pytest.param(1.1, 2.0, {}, -2.2, 0.0, id="inside"),
        pytest.param(1.5, 2.0, {}, -2.4, 1.0, id="high_is_cut_for_good_tokens"),
        pytest.param(1.5, -2.0, {}, 3.0, 0.0, id="high_is_free_for_bad_tokens"),
        pytest.param(0.5, -2.0, {}, 1.6, 1.0, id="low_is_cut_for_bad_tokens"),
        pytest.param(0.5, 2.0, {}, -1.0, 0.0, id="low_is_free_for_good_tokens"),
        pytest.param(1.5, 2.0, {"clip_high": 0.4}, -2.8, 1.0, id="wider_above"),
        pytest.param(0.5, -2.0, {"clip_low": 0.4}, 1.2, 1.0, id="wider_below"),
        pytest.param(9.0, -2.0, {}, 18.0, 0.0, id="without_dual_clip"),
        pytest.param(9.0, -2.0, {"dual_clip": 3.0}, 6.0, 0.0, id="dual_clip"),
        pytest.param(9.0, 2.0, {"dual_clip": 3.0}, -2.4, 1.0, id="dual_clip_leaves_good_tokens"),
    ],
)
def test_one_token(ratio: float, advantage: float, options: dict, expected: float, clipped: float) -> None:
    result = clipped_loss(math.log(ratio) * ONE, 0 * ONE, torch.tensor([advantage]), ONE, **options)
    assert result.loss.item() == pytest.approx(expected, rel=1e-5)
    assert result.clip_fraction.item() == clipped
    assert result.kl.item() == 0.0


def test_the_kl_term_is_added_with_its_weight() -> None:
    result = clipped_loss(
        0 * ONE, 0 * ONE, torch.tensor([1.0]), ONE, reference_log_probs=math.log(2) * ONE, kl_weight=0.5
    )
    kl = 2 - math.log(2) - 1
    assert result.kl.item() == pytest.approx(kl)
    assert result.policy.item() == -1.0
    assert result.loss.item() == pytest.approx(-1.0 + 0.5 * kl)


@given(new=st.floats(-30, 0), reference=st.floats(-30, 0))
def test_kl_is_never_negative_and_zero_where_equal(new: float, reference: float) -> None:
    estimate = token_kl(torch.tensor(new), torch.tensor(reference))
    assert -1e-6 <= float(estimate) <= 10.0
    assert float(token_kl(torch.tensor(new), torch.tensor(new))) == 0.0


@pytest.mark.parametrize(
    ("average", "expected"), [("sequence", (2.0 + 6.0) / 2), ("token", (1 + 3 + 6) / 3), ("constant", 10 / (2 * 3))]
)
def test_averages(average: str, expected: float) -> None:
    values = torch.tensor([[1.0, 3.0, math.nan], [6.0, math.inf, 9.0], [math.nan] * 3])
    mask = torch.tensor([[1, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert averaged(values, mask, average).item() == pytest.approx(expected)
    assert averaged(values, mask.bool(), average).item() == pytest.approx(expected)


@pytest.mark.parametrize("average", ["sequence", "token", "constant"])
def test_nothing_to_average(average: str) -> None:
    assert averaged(torch.ones(2, 3), torch.zeros(2, 3), average).item() == 0.0
    assert averaged(torch.ones(0, 3), torch.zeros(0, 3), average).item() == 0.0
    assert averaged(torch.ones(2, 0), torch.zeros(2, 0), average).item() == 0.0


def test_gradient_of_the_first_step_is_the_advantage() -> None:
    new = torch.zeros(1, 2, requires_grad=True)
    clipped_loss(new, torch.zeros(1, 2), torch.tensor([3.0]), torch.ones(1, 2)).loss.backward()
    assert new.grad.tolist() == [[-1.5, -1.5]]


@pytest.mark.parametrize("padding", [math.nan, math.inf, -math.inf], ids=str)
def test_padding_may_hold_anything(padding: float) -> None:
    mask = torch.tensor([[1.0, 0.0]])
    columns = [torch.tensor([[value, padding]]) for value in (-1.0, -1.2, -0.7)]
    new = columns[0].requires_grad_()
    result = clipped_loss(new, columns[1], torch.tensor([1.0]), mask, reference_log_probs=columns[2])
    short = clipped_loss(
        *(column[:, :1] for column in columns[:2]),
        torch.tensor([1.0]),
        mask[:, :1],
        reference_log_probs=columns[2][:, :1],
    )
    assert result.loss.item() == short.loss.item()
    result.loss.backward()
    assert new.grad.isfinite().all()
    assert new.grad[0, 1] == 0.0


def test_advantages_may_differ_from_token_to_token() -> None:
    zeros, mask = torch.zeros(2, 3), torch.ones(2, 3)
    rows = torch.tensor([1.0, 2.0])
    each = clipped_loss(zeros, zeros, broadcast(rows, mask), mask)
    assert each.loss.item() == clipped_loss(zeros, zeros, rows, mask).loss.item() == -1.5


def test_an_enormous_ratio_stays_finite() -> None:
    result = clipped_loss(ONE * 100, ONE * 0, torch.tensor([-1.0]), ONE, reference_log_probs=ONE * -100)
    assert result.policy.item() == pytest.approx(math.exp(20.0), rel=1e-5)
    assert result.kl.item() == 10.0
    assert clipped_loss(ONE * -100, ONE * 0, torch.tensor([1.0]), ONE).loss.item() == pytest.approx(-math.exp(-20.0))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: clipped_loss(ONE, torch.ones(1, 2), torch.ones(1), ONE), "old_log_probs"),
        (lambda: clipped_loss(ONE, ONE, torch.ones(1), torch.ones(1, 2)), "mask"),
        (lambda: clipped_loss(ONE, ONE, torch.ones(2), ONE), "advantages"),
        (
            lambda: clipped_loss(ONE, ONE, torch.ones(1), ONE, reference_log_probs=torch.ones(2, 2)),
            "reference_log_probs",
        ),
        (lambda: clipped_loss(ONE, ONE, torch.ones(1), ONE, dual_clip=1.0), "dual_clip"),
        (lambda: token_kl(ONE, torch.ones(2)), "reference_log_probs"),
        (lambda: averaged(ONE, ONE, "mean"), "average"),
        (lambda: averaged(ONE, torch.ones(2)), "mask"),
    ],
    ids="old mask advantages reference dual_clip kl average average_mask".split(),
)
def test_mistakes_name_the_argument(call, named: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{named}"):
        call()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_advantages_are_cast_to_the_type_of_the_log_probabilities(dtype: torch.dtype) -> None:
    """Rewards of NumPy are float64, and so are their advantages."""
    new, old, mask = torch.zeros(2, 3, dtype=dtype), torch.zeros(2, 3, dtype=dtype), torch.ones(2, 3)
    loss = clipped_loss(new, old, torch.tensor([1.0, -0.5], dtype=torch.float64), mask).loss
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert loss.item() == pytest.approx(-0.25)


def test_advantages_are_moved_to_the_device_of_the_log_probabilities() -> None:
    new, mask = torch.zeros(2, 3, device="meta"), torch.ones(2, 3, device="meta")
    assert clipped_loss(new, new, torch.ones(2), mask).loss.is_meta
