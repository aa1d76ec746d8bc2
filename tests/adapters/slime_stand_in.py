"""What of slime touches an adapter, written anew: slime has no package to install, and needs Megatron and SGLang.

From THUDM/slime 0.4.0: `slime/utils/types.py` (``Sample``), `slime/rollout/rm_hub/__init__.py` (``async_rm``,
``batched_async_rm``), `slime/rollout/data_source.py` (``RolloutDataSourceWithBuffer``), `slime/ray/rollout.py`
(``_post_process_rewards``, ``_log_rollout_data``), `slime/utils/misc.py` (``load_function``).
"""

from __future__ import annotations

import asyncio
import importlib
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch


@dataclass
class Sample:
    group_index: int | None = None
    index: int | None = None
    prompt: str = ""
    response: str = ""
    label: str | None = None
    reward: Any = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def get_reward_value(self, args: Namespace) -> float:
        return self.reward if not args.reward_key else self.reward[args.reward_key]


def load_function(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


async def give_rewards(args: Namespace, group: list[Sample]) -> None:
    """Reward a group as ``generate_and_rm_group`` does: at once with ``--group-rm``, else each sample on its own."""
    custom_rm = load_function(args.custom_rm_path)
    if args.group_rm:
        rewards = await custom_rm(args, group)
    else:
        rewards = await asyncio.gather(*(custom_rm(args, sample) for sample in group))
    for sample, reward in zip(group, rewards, strict=False):
        sample.reward = reward


class RolloutDataSourceWithBuffer:
    def __init__(self, args: Namespace) -> None:
        self.args = args
        self.sample_offset = 0

    def _path(self, folder: str, rollout_id: int | None) -> Path:
        return Path(folder) / f"rollout/global_dataset_state_dict_{rollout_id}.pt"

    def save(self, rollout_id: int) -> None:
        path = self._path(self.args.save, rollout_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"sample_offset": self.sample_offset}, path)

    def load(self, rollout_id: int | None = None) -> None:
        if self.args.load is None or not self._path(self.args.load, rollout_id).exists():
            return
        self.sample_offset = torch.load(self._path(self.args.load, rollout_id))["sample_offset"]


class RolloutManager:
    """From samples to what the trainer takes as advantages (``--advantage-estimator grpo``)."""

    def __init__(self, args: Namespace) -> None:
        self.args = args
        self.data_source = load_function(args.data_source_path)(args)
        self.post_process = load_function(args.custom_reward_post_process_path)

    def generate(self, rollout_id: int, groups: list[list[Sample]]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the training data and what is logged."""
        for group in groups:
            asyncio.run(give_rewards(self.args, group))
        samples = [sample for group in groups for sample in group]
        metrics: dict[str, Any] = {}
        skip = load_function(self.args.custom_rollout_log_function_path)(rollout_id, self.args, samples, metrics, 1.0)
        raw, rewards = self.post_process(self.args, samples)
        assert len(raw) == len(rewards) == len(samples)
        return {"rewards": rewards, "raw_reward": raw}, {} if skip else {**metrics, "rollout/step": rollout_id}

    def save(self, rollout_id: int) -> None:
        self.data_source.save(rollout_id)

    def load(self, rollout_id: int | None = None) -> None:
        self.data_source.load(rollout_id)
