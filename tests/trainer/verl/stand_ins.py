"""verl's classes, reduced to what ours override; and what they are called with."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch


def config(**changes: Any) -> Any:
    """Return what our trainer reads of verl's configuration; a change's key has two underscores for a dot."""
    from omegaconf import OmegaConf

    made = OmegaConf.create(
        {
            "onethinker": {},
            "algorithm": {"filter_groups": {"metric": "normalized", "max_inflight_gen_batches": 1}},
            "trainer": {
                "default_local_dir": "checkpoints",
                "resume_mode": "auto",
                "resume_from_path": None,
                "v1": {
                    "trainer_mode": "onethinker",
                    "sync": {},
                    "sampler": {
                        "sampler_kwargs": {},
                        "max_off_policy_threshold": 8,
                        "max_off_policy_strategy": "drop",
                    },
                },
            },
            "data": {"train_batch_size": 2},
            "actor_rollout_ref": {"rollout": {"n": 2}},
        }
    )
    for key, value in changes.items():
        OmegaConf.update(made, key.replace("__", "."), value)
    return made


def info(task: str = "math", normalized: float | None = 1.0, **more: Any) -> dict[str, Any]:
    """Return what the reward says of a row."""
    known = {"accuracy": normalized, "format": 1.0, "structure": None, "failure": None, "format_fault": None}
    return {"score": 1.0, "scored_as": task, "normalized": normalized, **known, **more}


class Batch:
    """A batch of the transfer queue: its keys, tags and columns."""

    def __init__(self, infos: dict[str, dict[str, Any]], padding: tuple[str, ...] = ()) -> None:
        self.keys = list(infos)
        self.tags = [{"is_padding": key in padding} for key in infos]
        self.partition_id = "train"
        self.infos = infos

    def get(self, keys: list[str], partition_id: str, select_fields: list[str]) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {
            # As tensordict hands some values out.
            "index": [SimpleNamespace(data=number) for number in range(len(keys), 0, -1)],
            "extra_info": [{} for _ in keys],
            "extra_fields": [{"reward_extra_info": self.infos[key]} for key in keys],
            "metrics": [{"compute_score": 0.25 * index} for index, _ in enumerate(keys)],
        }
        return {name: columns[name] for name in select_fields}

    def reorder(self, order: list[int]) -> None:
        self.keys = [self.keys[index] for index in order]


def queue_of(monkeypatch: pytest.MonkeyPatch, batch: Batch) -> None:
    monkeypatch.setattr(sys.modules["transfer_queue"], "kv_batch_get", batch.get, raising=False)


class StockTrainer:
    """verl's: it calls the registered estimator with rewards alone."""

    estimators: ClassVar[dict[str, Any]] = {}

    def __init__(self, config: Any) -> None:
        self.config = config
        self.global_steps = 0
        self.calls: list[str] = []
        self.rewards: Any = None
        self.replay_buffer = self._build_replay_buffer()

    def _build_replay_buffer(self) -> Any:
        return "verl's"

    def _add_prompts_to_generate(self, count: int) -> int:
        return count

    def _balance_batch(self, batch: Any, metrics: dict[str, Any], *, keep_minibatch: bool = False) -> Any:
        metrics["balanced"] = list(batch.keys)
        return batch

    def _compute_advantage(self, batch: Any, metrics: dict[str, Any]) -> Any:
        estimate = self.estimators["onethinker"]
        self.advantages, _ = estimate(
            token_level_rewards=self.rewards, response_mask=torch.ones_like(self.rewards), index=None, config=None
        )
        return batch

    def _save_checkpoint(self) -> None:
        self.calls.append("saved")

    def _load_checkpoint(self) -> None:
        self.calls.append("loaded")


class StockBuffer:
    """verl's, for one poll."""

    def __init__(self, *, filter_groups_metric: str, train_batch_size: int, **settings: Any) -> None:
        self.settings = settings
        self.filter_groups_metric = filter_groups_metric
        self.train_batch_size = train_batch_size
        self.partitions: dict[str, dict[str, Any]] = {}
        self.finished_keys: dict[str, set[str]] = {}

    def sample(self, global_steps: int, partition_id: str, batch_size: int) -> tuple[Any, dict[str, Any]]:
        away, counts = self._dapo_filtered_keys(partition_id)  # type: ignore[attr-defined]
        evicted, _, _, metrics = self._evict_terminal_groups(global_steps, partition_id, (set(), away, set(), counts))
        return self.finished_keys[partition_id] - evicted, metrics

    def _evict_terminal_groups(self, _: int, __: str, reasons: tuple[Any, ...]) -> tuple[set[str], int, int, dict]:
        return reasons[1], 0, len(reasons[1]), {"evicted": len(reasons[1])}


class Template:
    """A template that says what it was called with, and codes of its text."""

    def apply_chat_template(self, messages: list[Any], **settings: Any) -> str:
        assert settings == {"add_generation_prompt": True, "tokenize": False, "enable_thinking": True}
        return "V" * len(messages)

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        assert not add_special_tokens
        return [ord(letter) for letter in text]


class Server:
    async def generate(self, **request: Any) -> dict[str, Any]:
        return request


class StockLoop:
    """verl's: it sends its server a prompt with all placeholders of a video."""

    def __init__(self, processor: Any = None, seed: int | None = None) -> None:
        self.config = config(onethinker__seed=seed)
        self.server_manager = Server()
        self.processor = processor
        self.tokenizer = Template()
        self.apply_chat_template_kwargs = {"enable_thinking": True}

    async def run(self, sampling_params: dict[str, Any], *, raw_prompt: Any, uid: str, **_: Any) -> Any:
        asked = await self.server_manager.generate(
            prompt_ids=[1, 2, 3], video_data=["a"], sampling_params=sampling_params
        )
        return SimpleNamespace(asked=asked, prompt_ids=[1, 2, 3], uid=uid)


class StockDataset:
    """verl's rows of conversations."""

    def __init__(self, rows: list[int], *, processor: Any = None) -> None:
        self.rows = rows
        self.processor = processor
