"""As much of verl, its transfer queue and its configuration as our trainer touches."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from onethinker_rewards.trainer.verl import sampling, sft, trainer


class Config(dict[str, Any]):
    """A configuration whose keys are attributes too."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


def config(**changes: Any) -> Config:
    """Return what our trainer reads of verl's configuration; a change's key has two underscores for a dot."""
    made = nested(
        {
            "algorithm": {"adv_estimator": "onethinker", "filter_groups": {"enable": False, "metric": "reward"}},
            "trainer": {
                "default_local_dir": "checkpoints",
                "resume_mode": "auto",
                "resume_from_path": None,
                "v1": {"trainer_mode": "onethinker", "sync": {}, "sampler": {"sampler_kwargs": {}}},
            },
            "data": {"train_batch_size": 2},
            "actor_rollout_ref": {
                "rollout": {
                    "n": 2,
                    "agent": {"default_agent_loop": "single_turn_agent", "agent_loop_config_path": None},
                }
            },
        }
    )
    made.algorithm.filter_groups["max_inflight_gen_batches"] = 1
    made.trainer.v1.sampler.update(max_off_policy_threshold=8, max_off_policy_strategy="drop")
    for key, value in changes.items():
        update(made, key.replace("__", "."), nested(value))
    return made


def nested(value: Any) -> Any:
    return Config({key: nested(inner) for key, inner in value.items()}) if isinstance(value, dict) else value


def update(into: Config, key: str, value: Any) -> None:
    *path, last = key.split(".")
    for name in path:
        into = into[name]
    into[last] = value


def info(task: str = "math", normalized: float | None = 1.0, **more: Any) -> dict[str, Any]:
    """Return what the reward says of a row."""
    known = {"accuracy": normalized, "format": 1.0, "structure": None, "failure": None, "format_fault": None}
    return {"score": 1.0, "scored_as": task, "normalized": normalized, **known, **more}


class Wrapped:
    """A value as tensordict hands some out."""

    def __init__(self, data: Any) -> None:
        self.data = data


class Batch:
    """A batch of the transfer queue: its keys, tags and columns."""

    def __init__(self, infos: dict[str, dict[str, Any]], padding: tuple[str, ...] = ()) -> None:
        self.keys = list(infos)
        self.tags = [{"is_padding": key in padding} for key in infos]
        self.partition_id = "train"
        self.infos = infos

    def get(self, keys: list[str], partition_id: str, select_fields: list[str]) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {
            "index": [Wrapped(number) for number in range(len(keys), 0, -1)],
            "extra_info": [{} for _ in keys],
            "extra_fields": [{"reward_extra_info": self.infos[key]} for key in keys],
            "metrics": [{"compute_score": 0.25 * index} for index, _ in enumerate(keys)],
        }
        return {name: columns[name] for name in select_fields}

    def reorder(self, order: list[int]) -> None:
        self.keys = [self.keys[index] for index in order]


class StockTrainer:
    """verl's: it calls the registered estimator with rewards alone."""

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
        import torch

        estimate = sys.modules["verl.trainer.ppo.core_algos"].ADV_ESTIMATOR_REGISTRY["onethinker"]  # type: ignore[attr-defined]
        self.advantages, _ = estimate(self.rewards, torch.ones_like(self.rewards), index=None, config=None)
        return batch

    def _save_checkpoint(self) -> None:
        self.calls.append("saved")

    def _load_checkpoint(self) -> None:
        self.calls.append("loaded")


class StockBuffer:
    """verl's, for one poll."""

    def __init__(self, *, filter_groups_metric: str, train_batch_size: int, **settings: Any) -> None:
        self.settings = settings | {"filter_groups_metric": filter_groups_metric}
        self.train_batch_size = train_batch_size
        self.partitions: dict[str, dict[str, Any]] = {}
        self.finished_keys: dict[str, set[str]] = {}

    def sample(self, global_steps: int, partition_id: str, batch_size: int) -> tuple[Any, dict[str, Any]]:
        away, counts = self._dapo_filtered_keys(partition_id)  # type: ignore[attr-defined]
        evicted, _, _, metrics = self._evict_terminal_groups(global_steps, partition_id, (set(), away, set(), counts))
        return self.finished_keys[partition_id] - evicted, metrics

    def _evict_terminal_groups(self, _: int, __: str, reasons: tuple[Any, ...]) -> tuple[set[str], int, int, dict]:
        return reasons[1], 0, len(reasons[1]), {"evicted": len(reasons[1])}


def module(name: str, **content: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(content)
    return made


@pytest.fixture
def verl(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put stand-ins where verl is imported from; return the tables of trainers and estimators."""
    estimators: dict[str, Any] = {}
    trainers: dict[str, Any] = {}
    modules = [
        module(
            "verl.trainer.ppo.core_algos",
            ADV_ESTIMATOR_REGISTRY=estimators,
            register_adv_est=lambda name: lambda made: estimators.setdefault(name, made),
        ),
        module(
            "verl.trainer.ppo.v1",
            PPOTrainerSync=StockTrainer,
            register_trainer=lambda name: lambda made: trainers.setdefault(name, made),
        ),
        module("verl.trainer.ppo.v1.replay_buffer", ReplayBuffer=StockBuffer),
        module(
            "omegaconf",
            OmegaConf=module(
                "OmegaConf",
                update=update,
                is_config=lambda value: hasattr(value, "keys"),
                to_container=lambda value, resolve: dict(value),
            ),
        ),
    ]
    # Our trainer sets it: so that it is gone again afterwards.
    monkeypatch.setenv("TENSORBOARD_DIR", "")
    monkeypatch.delenv("TENSORBOARD_DIR")
    for stand_in in modules:
        monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
    for made in (trainer.make_trainer, trainer.register, sampling.make_buffer, sft.make_dataset):
        made.cache_clear()
    yield module("tables", estimators=estimators, trainers=trainers)
    for made in (trainer.make_trainer, trainer.register, sampling.make_buffer, sft.make_dataset):
        made.cache_clear()


def queue_of(monkeypatch: pytest.MonkeyPatch, batch: Batch) -> None:
    monkeypatch.setitem(sys.modules, "transfer_queue", module("transfer_queue", kv_batch_get=batch.get))
