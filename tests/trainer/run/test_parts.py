"""Our parts inside verl 0.9.1, without a run: tables, the estimator's call, the buffer, the reward worker."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from onethinker_rewards.trainer.options import ESTIMATORS, NAME, Estimator, Filter
from onethinker_rewards.trainer.verl.batch import Advantages, Trajectories
from tests.adapters.rows import framework
from tests.adapters.verl_parts import data_of, reward_config, save_tokenizer

framework("verl", "vllm", "ray", "transfer_queue", target="test-trainer")
pytestmark = [pytest.mark.filterwarnings("ignore::Warning"), pytest.mark.slow]


SAME = ("accuracy", "normalized", "format", "structure")


def test_verl_knows_our_trainer() -> None:
    from verl.trainer.ppo.v1 import PPOTrainerSync, get_trainer_cls

    from onethinker_rewards.trainer.verl.trainer import OneThinkerTrainer

    assert get_trainer_cls(NAME) is OneThinkerTrainer
    assert issubclass(OneThinkerTrainer, PPOTrainerSync)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_verl_gets_every_estimators_advantages(name: Estimator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of verl's own with each: two tasks, groups of four, a row of padding, and no number from verl's side."""
    import numpy as np
    import torch
    from verl import DataProto
    from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY
    from verl.trainer.ppo.v1.utils import compute_advantage_for_multi_trajectories

    rewards = [0.0, 1.0, 1.5, 2.0, 0.0, 0.0, 1.0, 2.0, 1.0]
    keys = [*(f"a_{place}_0" for place in range(4)), *(f"b_{place}_0" for place in range(4)), "pad_0_0"]
    infos = [
        {"scored_as": "ocr" if key[0] == "a" else "math", "normalized": reward / 2, "format": float(reward > 0)}
        for key, reward in zip(keys, rewards, strict=True)
    ]
    tags = [{"is_padding": key.startswith("pad")} for key in keys]
    rows = Trajectories.read(keys, tags, [{"reward_extra_info": info} for info in infos], [{}] * len(keys))
    mask = torch.tensor([[1, 1, 0]] * len(keys))
    scores = torch.stack([torch.zeros(len(keys)), torch.tensor(rewards), torch.zeros(len(keys))], 1)
    data = DataProto.from_dict(
        tensors={"token_level_rewards": scores, "response_mask": mask},
        non_tensors={"uid": np.array([key.rsplit("_", 2)[0] for key in keys], dtype=object)},
    )
    monkeypatch.setitem(ADV_ESTIMATOR_REGISTRY, NAME, partial(Advantages(name).estimate, rows))
    done = compute_advantage_for_multi_trajectories(data, keys, adv_estimator=NAME)
    expected = Advantages(name)(scores.sum(1), rows)
    assert done.batch["advantages"].equal(expected[:, None] * mask)
    assert done.batch["returns"].equal(done.batch["advantages"])
    assert (expected[0] < 0 < expected[3], expected[-1].item()) == (True, 0.0)


@pytest.mark.parametrize("recipe", ["paper", "release"])
def test_1024_rows_get_the_numbers_of_score(recipe: str, tmp_path: Path) -> None:
    from verl.experimental.reward_loop.reward_loop import RewardLoopWorker

    from tests.adapters.rows import Rows, shared_rows

    few = shared_rows()
    times = -(-1024 // len(few))
    names = Rows.__dataclass_fields__
    rows = Rows(**{name: (getattr(few, name) * times)[:1024] for name in names})
    manager = {
        "reward_manager__source": "importlib",
        "reward_manager__name": "RewardManager",
        "reward_manager__module__path": "pkg://onethinker_rewards.adapters.verl",
        "reward_kwargs": {"recipe": recipe},
    }
    data = data_of(rows, save_tokenizer(tmp_path))

    async def run() -> list[dict[str, Any]]:
        return await RewardLoopWorker(reward_config(tmp_path, **manager)).compute_score_batch(data)

    results = asyncio.run(run())
    batch = rows.batch(recipe)
    assert len(results) == len(batch.total) == 1024
    assert [one["reward_score"] for one in results] == batch.total.tolist()
    for one, row in zip(results, batch.to_rows(), strict=True):
        info = one["reward_extra_info"]
        assert [info[name] for name in SAME] == [row[name] for name in SAME]
        assert {name: info.get(name) for name in row if name.startswith("part/")} == {
            name: value for name, value in row.items() if name.startswith("part/")
        }
        assert (info["failure"] or None, info["format_fault"] or None) == (row["failure"], row["format_fault"])
    read = Trajectories.read(
        [f"u{number // 8}_{number % 8}_0" for number in range(1024)],
        [{}] * 1024,
        [{"reward_extra_info": one["reward_extra_info"]} for one in results],
        [{}] * 1024,
    )
    assert read.tasks == [row["task"] for row in batch.to_rows()]


class Queue:
    """As much of the transfer queue as a replay buffer asks of it."""

    def __init__(self, accuracies: list[list[float]]) -> None:
        self.coming = list(enumerate(accuracies))
        self.held: dict[str, dict[str, Any]] = {}
        self.infos: dict[str, dict[str, Any]] = {}

    def refill(self, count: int) -> int:
        for _ in range(count):
            number, values = self.coming.pop(0)
            self.held[f"g{number}"] = {"is_prompt": True, "status": "finished", "global_steps": 1}
            for place, value in enumerate(values):
                key = f"g{number}_{place}_0"
                self.held[key] = {"status": "success", "seq_len": 1}
                self.infos[key] = {"reward_extra_info": {"scored_as": "math", "normalized": value}}
        return count

    def kv_list(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"train": {key: dict(tag) for key, tag in self.held.items()}}

    def kv_batch_get(self, keys: list[str], **_: Any) -> dict[str, Any]:
        return {"extra_fields": [self.infos[key] for key in keys]}

    def kv_clear(self, keys: list[str], **_: Any) -> None:
        for key in keys:
            self.held.pop(key, None)


def buffer_on(queue: Queue, monkeypatch: pytest.MonkeyPatch, **limits: Any) -> Any:
    import transfer_queue
    from omegaconf import OmegaConf

    from onethinker_rewards.trainer.verl.trainer import FilteringBuffer

    for name in ("kv_list", "kv_batch_get", "kv_clear"):
        monkeypatch.setattr(transfer_queue, name, getattr(queue, name))
    return FilteringBuffer(
        keep=Filter(**limits),
        filter_groups_metric="normalized",
        trainer_mode="sync",
        trainer_config=OmegaConf.create({}),
        max_off_policy_threshold=8,
        max_off_policy_strategy="drop",
        sampler_kwargs=OmegaConf.create({}),
        refill_fn=queue.refill,
        poll_interval=0.01,
        train_batch_size=2,
        gen_batch_size=1,
        max_inflight_gen_batches=1,
    )


def test_groups_outside_the_limits_are_dropped_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    # Spread, but nearly always right or wrong: verl's own filter would keep the first two.
    queue = Queue([[1.0, 0.995], [0.0, 0.005], [0.0, 1.0], [1.0, 1.0], [0.3, 0.3], [0.5, 0.6]])
    queue.refill(2)
    batch, metrics = buffer_on(queue, monkeypatch).sample(1, "train", 2)
    used = {key.split("_")[0] for key in batch.keys}
    # verl asks for two new groups in place of one, and takes any that are left.
    assert len(used) == 2
    assert used < {"g2", "g4", "g5"}
    assert metrics["onethinker/math/filtered_groups"] == 3
    assert metrics["training/filter_groups/evicted_samples"] == 3


def test_a_step_that_finds_nothing_to_learn_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    from onethinker_rewards.trainer.verl.trainer import NothingToLearnError

    queue = Queue([[0.0, 0.0]] * 40)
    queue.refill(2)
    with pytest.raises(NothingToLearnError, match=r"step 1, more than 3 batches"):
        buffer_on(queue, monkeypatch, max_batches=3).sample(1, "train", 2)
