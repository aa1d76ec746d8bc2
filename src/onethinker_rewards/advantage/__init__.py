"""Rewards to advantages, on torch tensors: EMA-GRPO, other estimators with the same call, and the loss."""

from __future__ import annotations

try:
    import torch  # noqa: F401 # pyright: ignore[reportUnusedImport] - everything below needs it
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ImportError("advantages need torch: pip install 'onethinker-rewards[torch]'") from None

from onethinker_rewards.advantage.baselines import (
    batch_std,
    dr_grpo,
    g2rpo,
    gdpo,
    grpo,
    maxrl,
    opo,
    pass_at_k,
    reinforce_plus_plus_baseline,
    rloo,
    task_batch_std,
    task_weighted,
)
from onethinker_rewards.advantage.dcpo import SmoothGrpo
from onethinker_rewards.advantage.ema import EmaGrpo, EmaRewardScaler, sigma, update
from onethinker_rewards.advantage.loss import PolicyLoss, averaged, broadcast, clipped_loss, token_kl
from onethinker_rewards.advantage.moments import BatchMoments, Moments
from onethinker_rewards.advantage.statistics import TaskStatistics, gradient_share, log_items

__all__ = [
    "BatchMoments",
    "EmaGrpo",
    "EmaRewardScaler",
    "Moments",
    "PolicyLoss",
    "SmoothGrpo",
    "TaskStatistics",
    "averaged",
    "batch_std",
    "broadcast",
    "clipped_loss",
    "dr_grpo",
    "g2rpo",
    "gdpo",
    "gradient_share",
    "grpo",
    "log_items",
    "maxrl",
    "opo",
    "pass_at_k",
    "reinforce_plus_plus_baseline",
    "rloo",
    "sigma",
    "task_batch_std",
    "task_weighted",
    "token_kl",
    "update",
]
