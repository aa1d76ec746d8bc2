"""Our numbers beside verl's and TRL's own code."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from onethinker_rewards.advantage import (
    batch_std,
    broadcast,
    clipped_loss,
    dr_grpo,
    gdpo,
    grpo,
    opo,
    reinforce_plus_plus_baseline,
    rloo,
    token_kl,
)  # fmt: skip
from tests.advantage import peers

pytestmark = pytest.mark.peer

N, T = 48, 7
CLOSE = {"atol": 2e-5, "rtol": 2e-5}


@pytest.fixture(scope="module")
def verl() -> dict[str, Callable]:
    return peers.verl()


def rollout(seed: int) -> tuple[Tensor, Tensor, np.ndarray]:
    """Token rewards, a ragged response mask and shuffled groups."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, T + 1, (N,), generator=generator)
    mask = (torch.arange(T) < lengths[:, None]).float()
    rewards = torch.zeros(N, T)
    rewards[torch.arange(N), lengths - 1] = torch.rand(N, generator=generator)
    groups = (torch.arange(N) // 6)[torch.randperm(N, generator=generator)]
    return rewards, mask, np.array([f"uid-{group}" for group in groups.tolist()], dtype=object)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("form", ["compute_grpo_outcome_advantage", "compute_grpo_vectorized_outcome_advantage"])
@pytest.mark.parametrize(("divide", "ours"), [(True, grpo), (False, dr_grpo)], ids=["grpo", "dr_grpo"])
def test_grpo_equals_verl(verl: dict, form: str, divide: bool, ours: Callable, seed: int) -> None:
    rewards, mask, groups = rollout(seed)
    theirs, _ = verl[form](rewards.clone(), mask, groups, norm_adv_by_std_in_grpo=divide)
    torch.testing.assert_close(broadcast(ours(rewards.sum(1), groups), mask), theirs, **CLOSE)


@pytest.mark.parametrize("seed", range(3))
def test_rloo_equals_verl(verl: dict, seed: int) -> None:
    rewards, mask, groups = rollout(seed)
    theirs, _ = verl["compute_rloo_outcome_advantage"](rewards.clone(), mask, groups)
    torch.testing.assert_close(broadcast(rloo(rewards.sum(1), groups), mask), theirs, **CLOSE)


@pytest.mark.parametrize("seed", range(3))
def test_reinforce_plus_plus_baseline_equals_verl(verl: dict, seed: int) -> None:
    rewards, mask, groups = rollout(seed)
    theirs, _ = verl["compute_reinforce_plus_plus_baseline_outcome_advantage"](rewards.clone(), mask, groups)
    ours = reinforce_plus_plus_baseline(rewards.sum(1), groups, lengths=mask.sum(1))
    torch.testing.assert_close(broadcast(ours, mask), theirs, **CLOSE)


@pytest.mark.parametrize("seed", range(3))
def test_opo_equals_verl(verl: dict, seed: int) -> None:
    rewards, mask, groups = rollout(seed)
    theirs, _ = verl["compute_opo_outcome_advantage"](rewards.clone(), mask, groups)
    ours = opo(rewards.sum(1), groups, lengths=mask.sum(1))
    torch.testing.assert_close(broadcast(ours, mask), theirs, **CLOSE)


class Keys(dict):
    """verl's configuration, as far as this function asks it."""


@pytest.mark.parametrize("seed", range(3))
def test_gdpo_equals_verl(verl: dict, seed: int) -> None:
    rewards, mask, groups = rollout(seed)
    parts = {
        "accuracy": rewards.sum(1),
        "format": torch.rand(N, generator=torch.Generator().manual_seed(seed + 9)).round(),
    }
    theirs, _ = verl["compute_gdpo_outcome_advantage"](
        rewards.clone(),
        mask,
        groups,
        config=Keys(gdpo_reward_keys=list(parts), gdpo_reward_weights=[1.0, 0.5]),
        non_tensor_batch={name: part.numpy() for name, part in parts.items()},
        batch={"prompts": torch.zeros(N, 2), "attention_mask": torch.cat((torch.ones(N, 2), mask), 1).long()},
    )
    ours = gdpo(parts, groups, weights={"accuracy": 1.0, "format": 0.5}, lengths=mask.sum(1))
    torch.testing.assert_close(broadcast(ours, mask), theirs, **CLOSE)


def in_order(seed: int, parts: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    rewards = torch.rand(N, parts, generator=generator)
    rewards[4] = torch.nan  # TRL's "does not apply"
    return rewards, torch.arange(N) // 6


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("scale", "ours"),
    [
        pytest.param("group", lambda *batch: grpo(*batch, eps=1e-4), id="grpo"),
        pytest.param("none", dr_grpo, id="dr_grpo"),
        pytest.param("batch", lambda *batch: batch_std(*batch, eps=1e-4), id="batch_std"),
    ],
)
def test_advantages_equal_trl(scale: str, ours: Callable, seed: int) -> None:
    rewards, groups = in_order(seed)
    torch.testing.assert_close(ours(rewards[:, 0], groups), peers.trl_advantages(rewards, 6, scale), **CLOSE)


@pytest.mark.parametrize("seed", range(3))
def test_gdpo_equals_trl(seed: int) -> None:
    rewards, groups = in_order(seed, parts=3)
    theirs = peers.trl_advantages(rewards, 6, "group", "normalize_then_sum")
    torch.testing.assert_close(gdpo(rewards, groups, eps=1e-4), theirs, **CLOSE)


@pytest.mark.parametrize("seed", range(3))
def test_rloo_equals_trl(seed: int) -> None:
    rewards, groups = in_order(seed)
    torch.testing.assert_close(rloo(rewards[:, 0], groups), peers.trl_rloo(rewards[:, 0], 6), **CLOSE)


# The objective


def policies(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    _, mask, _ = rollout(seed)
    old = -torch.rand(N, T, generator=generator) * 5
    new = old + torch.randn(N, T, generator=generator) * 0.6
    reference = old + torch.randn(N, T, generator=generator) * 1.5
    advantages = torch.randn(N, generator=generator)
    return new, old, reference, advantages, mask


AVERAGES = {"sequence": "seq-mean-token-mean", "token": "token-mean", "constant": "seq-mean-token-sum-norm"}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("average", AVERAGES)
def test_clipped_loss_equals_verl(verl: dict, average: str, seed: int) -> None:
    new, old, reference, advantages, mask = policies(seed)
    new, theirs_new = new.clone().requires_grad_(), new.clone().requires_grad_()
    ours = clipped_loss(
        new, old, advantages, mask, clip_low=0.2, clip_high=0.3, dual_clip=3.0,
        reference_log_probs=reference, kl_weight=0.05, average=average,
    )  # fmt: skip
    policy, clipped, _, _ = verl["compute_policy_loss"](
        old, theirs_new, broadcast(advantages, mask), mask,
        cliprange=0.2, cliprange_low=0.2, cliprange_high=0.3, clip_ratio_c=3.0, loss_agg_mode=AVERAGES[average],
    )  # fmt: skip
    kl = verl["agg_loss"](verl["kl_penalty"](theirs_new, reference, "low_var_kl"), mask, AVERAGES[average])
    theirs = policy + 0.05 * kl
    torch.testing.assert_close(ours.loss, theirs, **CLOSE)
    torch.testing.assert_close(ours.policy, policy.detach(), **CLOSE)
    torch.testing.assert_close(ours.kl, kl.detach(), **CLOSE)
    torch.testing.assert_close(ours.clip_fraction, clipped, **CLOSE)
    ours.loss.backward()
    theirs.backward()
    torch.testing.assert_close(new.grad, theirs_new.grad, **CLOSE)


def test_kl_equals_verl_at_the_ends(verl: dict) -> None:
    new, reference = torch.tensor([0.0, -40.0, 0.0, -3.0]), torch.tensor([-40.0, 0.0, -2.0, 0.0])
    torch.testing.assert_close(token_kl(new, reference), verl["kl_penalty"](new, reference, "low_var_kl"))
