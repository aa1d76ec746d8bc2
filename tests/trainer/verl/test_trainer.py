"""Our trainer and its buffer on stand-ins for verl's: what they hand over, drop, log, save and restore."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from onethinker_rewards import advantage
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.options import Filter
from tests.adapters.rows import framework
from tests.trainer.verl.stand_ins import Batch, config, info, queue_of

framework("hydra", target="test")

REWARDS = torch.tensor([[0.0, 1.0], [0.0, 0.0], [0.0, 0.5], [0.0, 0.0]])
INFOS = {"a_0_0": info("math"), "a_1_0": info("math", 0.0), "b_0_0": info("ocr"), "pad_0_0": info("math")}


@pytest.fixture
def batch(verl: Any, monkeypatch: pytest.MonkeyPatch) -> Batch:
    made = Batch(INFOS, padding=("pad_0_0",))
    queue_of(monkeypatch, made)
    return made


@pytest.fixture
def trainer_of(verl: Any) -> Any:
    def made(**changes: Any) -> Any:
        trainer = verl.trainer.OneThinkerTrainer(config(**changes))
        trainer.rewards = REWARDS
        return trainer

    return made


def test_each_rows_task_reaches_the_estimator(trainer_of: Any, batch: Batch) -> None:
    trainer, metrics = trainer_of(onethinker={"estimator": "ema_grpo"}), {}
    assert trainer._compute_advantage(batch, metrics) is batch
    mask = torch.tensor([True, True, True, False])
    expected = advantage.EmaGrpo()(REWARDS.sum(1), ["a", "a", "b", "p"], ["math", "math", "ocr", "math"], mask=mask)
    assert trainer.advantages.tolist() == (expected[:, None] * torch.ones(4, 2)).tolist()
    assert metrics["advantage/math/sigma"] == 0.5
    assert (metrics["onethinker/math/rows"], metrics["onethinker/ocr/rows"]) == (2.0, 1.0)
    assert metrics["onethinker/lost_rows"] == 1.0
    assert (metrics["onethinker/reward_seconds/mean"], metrics["onethinker/reward_seconds/max"]) == (0.25, 0.5)
    assert not any("filtered" in name for name in metrics)


def test_a_batch_of_padding_has_no_seconds(trainer_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    padding = Batch({"pad_0_0": info()}, padding=("pad_0_0",))
    queue_of(monkeypatch, padding)
    trainer, metrics = trainer_of(), {}
    trainer.rewards = REWARDS[:1]
    trainer._compute_advantage(padding, metrics)
    assert metrics["onethinker/lost_rows"] == 4.0
    assert not any("reward_seconds" in name for name in metrics)


def test_filtered_groups_are_logged_for_every_task(trainer_of: Any, batch: Batch) -> None:
    trainer = trainer_of(onethinker={"filter": {"low": 0.1}})
    metrics = {"onethinker/math/filtered_groups": 3}
    trainer._compute_advantage(batch, metrics)
    assert (metrics["onethinker/math/filtered_groups"], metrics["onethinker/ocr/filtered_groups"]) == (3, 0.0)


@pytest.mark.parametrize("seed", [None, 0, 7])
def test_with_a_seed_rows_are_in_the_order_of_the_data(trainer_of: Any, batch: Batch, seed: int | None) -> None:
    trainer, metrics = trainer_of(onethinker={"seed": seed}), {}
    assert trainer._balance_batch(batch, metrics, keep_minibatch=True) is batch
    # The stand-in numbers rows from the last.
    assert metrics["balanced"] == (list(INFOS) if seed is None else list(INFOS)[::-1])


def test_without_a_filter_the_buffer_is_verls(trainer_of: Any) -> None:
    assert trainer_of().replay_buffer == "verl's"


def test_with_a_filter_the_buffer_is_ours(verl: Any, trainer_of: Any) -> None:
    trainer = trainer_of(onethinker={"filter": {}})
    assert isinstance(trainer.replay_buffer, verl.trainer.FilteringBuffer)
    assert trainer.replay_buffer.filter_groups_metric == "normalized"
    assert trainer.replay_buffer.settings["refill_fn"] == trainer._add_prompts_to_generate


def test_the_state_is_there_before_verl_names_the_checkpoint(trainer_of: Any, batch: Batch, tmp_path: Path) -> None:
    trainer = trainer_of(trainer__default_local_dir=str(tmp_path))
    trainer._compute_advantage(batch, {})
    trainer.global_steps = 3
    stock = type(trainer).__base__
    seen: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        file = tmp_path / "global_step_3" / "onethinker_ema.pt"
        patch.setattr(stock, "_save_checkpoint", lambda _: seen.append(file.exists()))
        trainer._save_checkpoint()
    assert seen == [True]


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("mode", ["auto", "resume_path"])
def test_a_resumed_run_has_the_state(trainer_of: Any, batch: Batch, tmp_path: Path, mode: str, step: int) -> None:
    first = trainer_of(trainer__default_local_dir=str(tmp_path))
    first._compute_advantage(batch, {})
    first.global_steps = step
    first._save_checkpoint()
    place = {"resume_path": {"trainer__resume_from_path": str(tmp_path / f"global_step_{step}")}}.get(
        mode, {"trainer__default_local_dir": str(tmp_path)}
    )
    second = trainer_of(trainer__resume_mode=mode, **place)
    second.global_steps = step
    second._load_checkpoint()
    assert second.calls == ["loaded"]
    for each in (first, second):
        each._compute_advantage(batch, {})
    assert first.advantages.equal(second.advantages)
    assert first._advantages.ema.state.seen.tolist() == second._advantages.ema.state.seen.tolist()


def test_a_checkpoint_without_the_state_is_refused(trainer_of: Any, tmp_path: Path) -> None:
    trainer = trainer_of(trainer__default_local_dir=str(tmp_path))
    trainer.global_steps = 3
    with pytest.raises(ArgumentError, match="no running statistics"):
        trainer._load_checkpoint()


def test_a_run_from_scratch_restores_nothing(trainer_of: Any) -> None:
    trainer = trainer_of()
    trainer._load_checkpoint()
    assert trainer.calls == ["loaded"]


def test_the_trainer_runs_in_verls_synchronous_mode(trainer_of: Any) -> None:
    assert trainer_of().config.trainer.v1.trainer_mode == "sync"


@pytest.mark.parametrize("given", [None, "/elsewhere"])
def test_curves_go_into_the_folder_of_checkpoints_unless_a_folder_is_given(
    trainer_of: Any, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    if given is not None:
        monkeypatch.setenv("TENSORBOARD_DIR", given)
    trainer_of(trainer__default_local_dir="/shared/rl")
    assert os.environ["TENSORBOARD_DIR"] == (given or "/shared/rl/curves")


def test_verl_knows_the_trainer_by_our_name(verl: Any) -> None:
    assert verl.trainers == {"onethinker": verl.trainer.OneThinkerTrainer}


GROUPS = {"right": [1.0, 0.995], "wrong": [0.0, 0.01], "mixed": [1.0, 0.0], "even": [0.5, 0.5]}


def infos_of(groups: dict[str, list[float | None]]) -> dict[str, dict[str, Any]]:
    return {
        f"{name}_{place}_0": info("math", value)
        for name, values in groups.items()
        for place, value in enumerate(values)
    }


@pytest.fixture
def buffer_with(verl: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    def made(groups: dict[str, list[float | None]], **limits: Any) -> Any:
        batch = Batch(infos_of(groups))
        queue_of(monkeypatch, batch)
        keep, metric = Filter(**limits), "normalized"
        buffer = verl.trainer.FilteringBuffer(keep=keep, train_batch_size=1, filter_groups_metric=metric)
        buffer.partitions = {"train": dict.fromkeys(batch.keys), "val": dict.fromkeys(batch.keys)}
        finished = {key.split("_")[0] for key in batch.keys}
        buffer.finished_keys = {"train": finished, "val": set(finished)}
        return buffer

    return made


def test_a_groups_mean_leaves_out_what_has_no_accuracy(buffer_with: Any) -> None:
    kept, _ = buffer_with({"known": [1.0, None, 0.0], "unknown": [None, None]}).sample(1, "train", 2)
    assert kept == {"known"}


def test_groups_nearly_always_right_or_wrong_are_dropped(buffer_with: Any) -> None:
    kept, metrics = buffer_with(GROUPS).sample(1, "train", 2)
    assert kept == {"mixed", "even"}
    assert metrics == {"evicted": 2, "onethinker/math/filtered_groups": 2}


def test_a_group_is_looked_at_once_and_forgotten_when_gone(buffer_with: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = buffer_with(GROUPS)
    buffer.sample(1, "train", 2)
    queue_of(monkeypatch, Batch({}))
    buffer.finished_keys["train"] = {"mixed"}
    assert buffer.sample(1, "train", 2)[0] == {"mixed"}
    assert list(buffer._means) == ["mixed"]


def test_validation_keeps_every_group(buffer_with: Any) -> None:
    kept, metrics = buffer_with(GROUPS).sample(1, "val", 2)
    assert kept == set(GROUPS)
    assert metrics == {"evicted": 0}


def test_verls_table_gets_how_many_groups_have_which_mean(buffer_with: Any) -> None:
    buffer = buffer_with({"a": [1.0], "b": [0.9998], "c": [0.0]})
    assert buffer._dapo_filtered_keys("train") == ({"a", "b", "c"}, {1.0: 2, 0.0: 1})


def test_throwing_away_has_an_end_in_each_step(verl: Any, buffer_with: Any) -> None:
    groups = {"a": [1.0], "b": [1.0]}
    buffer = buffer_with(groups, max_batches=2)
    for step in (1, 2):
        # Two are as many as two batches of one: the count begins anew with every step.
        assert buffer.sample(step, "train", 1)[1]["evicted"] == 2
    buffer = buffer_with(groups, max_batches=1)
    with pytest.raises(
        verl.trainer.NothingToLearnError, match=r"2 groups in step 3, more than 1 batches.*0\.01 and 0\.99"
    ):
        buffer.sample(3, "train", 1)
