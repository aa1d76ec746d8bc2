"""Our trainer on a stand-in for verl's: what it hands over, logs, saves, restores and refuses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from onethinker_rewards import advantage
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.verl.rollout import LOOPS
from onethinker_rewards.trainer.verl.trainer import make_trainer, register
from tests.trainer.verl.stand_ins import Batch, Config, StockBuffer, config, info, queue_of

REWARDS = torch.tensor([[0.0, 1.0], [0.0, 0.0], [0.0, 0.5], [0.0, 0.0]])
INFOS = {"a_0_0": info("math"), "a_1_0": info("math", 0.0), "b_0_0": info("ocr"), "pad_0_0": info("math")}


@pytest.fixture
def batch(monkeypatch: pytest.MonkeyPatch) -> Batch:
    made = Batch(INFOS, padding=("pad_0_0",))
    queue_of(monkeypatch, made)
    return made


def trainer_of(given: Config) -> Any:
    made = make_trainer()(given)
    made.rewards = REWARDS
    return made


def test_each_rows_task_reaches_the_estimator(verl: Any, batch: Batch) -> None:
    trainer, metrics = trainer_of(config(onethinker={"estimator": "ema_grpo"})), {}
    assert trainer._compute_advantage(batch, metrics) is batch
    mask = torch.tensor([True, True, True, False])
    expected = advantage.EmaGrpo()(REWARDS.sum(1), ["a", "a", "b", "p"], ["math", "math", "ocr", "math"], mask=mask)
    assert trainer.advantages.tolist() == (expected[:, None] * torch.ones(4, 2)).tolist()
    assert metrics["advantage/math/sigma"] == 0.5
    assert (metrics["onethinker/math/rows"], metrics["onethinker/ocr/rows"]) == (2.0, 1.0)
    assert metrics["onethinker/lost_rows"] == 1.0
    assert (metrics["onethinker/reward_seconds/mean"], metrics["onethinker/reward_seconds/max"]) == (0.25, 0.5)
    assert not any("filtered" in name for name in metrics)


def test_a_batch_of_padding_has_no_seconds(verl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    padding = Batch({"pad_0_0": info()}, padding=("pad_0_0",))
    queue_of(monkeypatch, padding)
    trainer, metrics = trainer_of(config()), {}
    trainer.rewards = REWARDS[:1]
    trainer._compute_advantage(padding, metrics)
    assert metrics["onethinker/lost_rows"] == 4.0
    assert not any("reward_seconds" in name for name in metrics)


def test_filtered_groups_are_logged_for_every_task(verl: Any, batch: Batch) -> None:
    trainer = trainer_of(config(onethinker={"filter": {"low": 0.1}}))
    metrics = {"onethinker/math/filtered_groups": 3}
    trainer._compute_advantage(batch, metrics)
    assert (metrics["onethinker/math/filtered_groups"], metrics["onethinker/ocr/filtered_groups"]) == (3, 0.0)


@pytest.mark.parametrize("seed", [None, 0, 7])
def test_with_a_seed_rows_are_in_the_order_of_the_data(verl: Any, batch: Batch, seed: int | None) -> None:
    trainer, metrics = trainer_of(config(onethinker={"seed": seed})), {}
    assert trainer._balance_batch(batch, metrics, keep_minibatch=True) is batch
    # The stand-in numbers rows from the last.
    assert metrics["balanced"] == (list(INFOS) if seed is None else list(INFOS)[::-1])


def test_without_a_filter_the_buffer_is_verls(verl: Any) -> None:
    assert trainer_of(config()).replay_buffer == "verl's"


def test_with_a_filter_the_buffer_is_ours_and_verl_is_told(verl: Any) -> None:
    trainer = trainer_of(config(onethinker={"filter": {}}))
    assert isinstance(trainer.replay_buffer, StockBuffer)
    assert trainer.replay_buffer.settings["filter_groups_metric"] == "normalized"
    assert trainer.replay_buffer.settings["refill_fn"] == trainer._add_prompts_to_generate
    assert trainer.config.algorithm.filter_groups == {
        "enable": True,
        "metric": "normalized",
        "max_inflight_gen_batches": 1,
    }


def test_the_state_is_there_before_verl_names_the_checkpoint(verl: Any, batch: Batch, tmp_path: Path) -> None:
    trainer = trainer_of(config(trainer__default_local_dir=str(tmp_path)))
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
def test_a_resumed_run_has_the_state(verl: Any, batch: Batch, tmp_path: Path, mode: str, step: int) -> None:
    first = trainer_of(config(trainer__default_local_dir=str(tmp_path)))
    first._compute_advantage(batch, {})
    first.global_steps = step
    first._save_checkpoint()
    place = {"resume_path": {"trainer__resume_from_path": str(tmp_path / f"global_step_{step}")}}.get(
        mode, {"trainer__default_local_dir": str(tmp_path)}
    )
    second = trainer_of(config(trainer__resume_mode=mode, **place))
    second.global_steps = step
    second._load_checkpoint()
    assert second.calls == ["loaded"]
    for each in (first, second):
        each._compute_advantage(batch, {})
    assert first.advantages.equal(second.advantages)
    assert first._advantages.ema.state.seen.tolist() == second._advantages.ema.state.seen.tolist()


def test_a_checkpoint_without_the_state_is_refused(verl: Any, tmp_path: Path) -> None:
    trainer = trainer_of(config(trainer__default_local_dir=str(tmp_path)))
    trainer.global_steps = 3
    with pytest.raises(ArgumentError, match="no running statistics"):
        trainer._load_checkpoint()


def test_a_run_from_scratch_restores_nothing(verl: Any) -> None:
    trainer = trainer_of(config())
    trainer._load_checkpoint()
    assert trainer.calls == ["loaded"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"algorithm__adv_estimator": "grpo"}, "adv_estimator=grpo: this trainer needs onethinker"),
        ({"algorithm__filter_groups__enable": True}, r"verl's filter; ours is onethinker\.filter"),
        ({"onethinker": {"estimator": "gppo"}}, "onethinker.estimator: Input should be"),
        ({"onethinker": {"estimater": "grpo"}}, "onethinker.estimater: unknown key"),
    ],
)
def test_what_is_refused(verl: Any, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        trainer_of(config(**changes))


def test_the_trainer_runs_in_verls_synchronous_mode(verl: Any) -> None:
    assert trainer_of(config()).config.trainer.v1.trainer_mode == "sync"


def test_videos_go_to_vllm_through_our_loop(verl: Any) -> None:
    agent = trainer_of(config()).config.actor_rollout_ref.rollout.agent
    assert agent == {"default_agent_loop": "onethinker", "agent_loop_config_path": str(LOOPS)}


@pytest.mark.parametrize("given", [None, "/elsewhere"])
def test_curves_go_beside_the_checkpoints_unless_they_have_a_place(
    verl: Any, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    if given is not None:
        monkeypatch.setenv("TENSORBOARD_DIR", given)
    trainer_of(config(trainer__default_local_dir="/shared/rl"))
    assert os.environ["TENSORBOARD_DIR"] == (given or "/shared/rl/curves")


def test_another_loop_stays(verl: Any) -> None:
    given = config(actor_rollout_ref__rollout__agent__default_agent_loop="tool_agent")
    agent = trainer_of(given).config.actor_rollout_ref.rollout.agent
    assert agent == {"default_agent_loop": "tool_agent", "agent_loop_config_path": None}


def test_options_come_from_verls_kind_of_configuration(verl: Any) -> None:
    class Wrapped:
        """No mapping of Python's, as OmegaConf's are."""

        def keys(self) -> list[str]:
            return ["estimator"]

        def __getitem__(self, name: str) -> str:
            return "rloo"

    given = config()
    given["onethinker"] = Wrapped()
    assert trainer_of(given)._advantages.name == "rloo"


def test_trainer_and_estimator_are_registered_once(verl: Any) -> None:
    assert make_trainer() is make_trainer() is verl.trainers["onethinker"]
    assert list(verl.estimators) == ["onethinker"]


def test_another_estimator_of_the_name_is_refused(verl: Any) -> None:
    verl.estimators["onethinker"] = print
    with pytest.raises(ArgumentError, match="another package"):
        register()
