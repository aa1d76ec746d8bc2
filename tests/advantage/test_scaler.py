"""Rewards divided by σ are EMA-GRPO in a loop that subtracts the group's mean."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.advantage import EmaGrpo, EmaRewardScaler, dr_grpo
from tests.advantage.batches import Batch, assert_same, batches, seeded


@given(steps=st.lists(batches(min_size=1), min_size=1, max_size=4), update_first=st.booleans())
def test_scaled_rewards_less_the_group_mean_are_ema_grpo(steps: list[Batch], update_first: bool) -> None:
    scaler = EmaRewardScaler(decay=0.9, update_first=update_first)
    estimator = EmaGrpo(decay=0.9, update_first=update_first, guard=None)
    for batch in steps:
        looped = dr_grpo(scaler(batch.tensor, batch.tasks), batch.groups, batch.tasks)
        expected = estimator(batch.tensor, batch.groups, batch.tasks)
        torch.testing.assert_close(looped, expected, atol=1e-7, rtol=1e-9)
    assert_same(scaler.state.values, estimator.state.values)


def test_unusable_rewards_become_nan_and_padding_zero() -> None:
    rewards = torch.tensor([0.0, math.nan, 1.0, -math.inf, 7.0, math.nan])
    mask = torch.tensor([True, True, True, True, False, False])
    scaled = EmaRewardScaler(eps=0.0)(rewards, ["a"] * 6, mask=mask)
    assert scaled[[0, 2, 4, 5]].tolist() == [0.0, 2.0, 0.0, 0.0]
    assert scaled[[1, 3]].isnan().all()
    assert scaled.dtype == torch.float32


def test_families_and_names() -> None:
    rewards, _, tasks = seeded(0)
    scaler = EmaRewardScaler(task_key=lambda label: "all", task_names=["all"])
    assert_same(scaler(rewards, tasks), EmaRewardScaler()(rewards, ["all"] * len(tasks)))
    assert scaler.state.labels == ("all",)


def test_an_empty_batch() -> None:
    assert EmaRewardScaler()(torch.zeros(0), []).shape == (0,)


@pytest.mark.parametrize("decay", [-1.0, 2.0])
def test_options_are_checked(decay: float) -> None:
    with pytest.raises(ValueError, match="decay"):
        EmaRewardScaler(decay=decay)
