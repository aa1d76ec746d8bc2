"""Our keys in verl's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from onethinker_rewards.trainer.config import keys_of, overrides_of, read_settings
from onethinker_rewards.trainer.config.rl import RlSettings
from onethinker_rewards.trainer.config.sft import SftSettings
from onethinker_rewards.trainer.verl import run
from onethinker_rewards.trainer.verl.estimators import ESTIMATORS
from onethinker_rewards.trainer.verl.options import Options
from tests.trainer.config.places import RL, SFT


def words(name: str, *changes: str) -> dict[str, Any]:
    return overrides_of(read_settings(name, changes))


def options(*changes: str) -> Options:
    """Return what our trainer reads of it."""
    found = words("h800-4x8", *changes)
    mark = "+onethinker."
    return Options.read({name.removeprefix(mark): value for name, value in found.items() if name.startswith(mark)})


ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"


def test_the_paper_s_run() -> None:
    expected = {
        "data.train_batch_size": 128,
        "data.max_prompt_length": 16384,
        "data.max_response_length": 4096,
        f"{ROLLOUT}.n": 8,
        f"{ROLLOUT}.temperature": 1.0,
        f"{ROLLOUT}.tensor_model_parallel_size": 4,
        f"{ROLLOUT}.max_model_len": 20480,
        f"{ACTOR}.ppo_mini_batch_size": 32,
        f"{ACTOR}.ppo_max_token_len_per_gpu": 20480,
        f"{ACTOR}.optim.lr": 2e-6,
        f"{ACTOR}.use_kl_loss": True,
        f"{ACTOR}.kl_loss_coef": 0.01,
        f"{ACTOR}.kl_loss_type": "low_var_kl",
        "algorithm.use_kl_in_reward": False,
        "trainer.nnodes": 4,
        "trainer.n_gpus_per_node": 8,
        "trainer.total_epochs": 1,
        "trainer.save_freq": 100,
        "trainer.test_freq": -1,
        "trainer.v1.trainer_mode": "onethinker",
        "algorithm.adv_estimator": "onethinker",
        "+reward.reward_kwargs.recipe": "paper",
    }
    found = words("h800-4x8")
    assert {name: found[name] for name in expected} == expected


def test_the_paper_s_fine_tuning() -> None:
    found = words("sft-h800-4x8")
    assert (found["data.train_batch_size"], found["optim.lr"], found["data.max_length"]) == (32, 1e-5, 16384)
    assert found["data.val_files"] is None
    assert found["model.path"] == "Qwen/Qwen3-VL-8B-Instruct"


def test_our_trainer_reads_what_is_for_it() -> None:
    read = options("advantage.decay=0.9", "filter.low=0.1", "filter.high=0.8", "filter.max_batches=3")
    assert read.estimator == "ema_grpo"
    assert read.estimator_options == {
        "decay": 0.9, "guard": "clip", "guard_limit": 5.0, "min_std": 0.001, "update_first": True
    }  # fmt: skip
    assert read.filter is not None
    assert (read.filter.low, read.filter.high, read.filter.max_batches) == (0.1, 0.8, 3)


def test_a_baseline_has_no_options_of_ema_grpo() -> None:
    read = options("advantage.estimator=grpo")
    assert (read.estimator, read.estimator_options) == ("grpo", {})


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_of_the_trainer_can_be_asked_for(name: str) -> None:
    assert options(f"advantage.estimator={name}").estimator == name


def test_without_filter_every_group_counts() -> None:
    assert options("filter.enabled=false").filter is None


def test_without_kl_there_is_no_reference_model() -> None:
    assert words("h800-4x8", "optimisation.kl_coefficient=0")[f"{ACTOR}.use_kl_loss"] is False


def test_verl_s_own_keys_come_last() -> None:
    assert words("h800-4x8", "run.nodes=2", "verl.trainer.nnodes=7")["trainer.nnodes"] == 7


def test_a_reward_manager_of_ones_own_keeps_its_recipe() -> None:
    """What verl is told of rewards would go before it."""
    name = "+reward.reward_kwargs.recipe"
    assert words("h800-4x8", "reward.recipe=release")[name] == "release"
    assert name not in words("h800-4x8", "verl.reward.reward_manager.module.path=pkg://mine")
    own = f"verl.{name}=release"
    assert words("h800-4x8", "verl.reward.reward_manager.module.path=pkg://mine", own)[name] == "release"


@pytest.mark.parametrize("name", ["h800-4x8", "sft-h800-4x8"])
def test_what_is_never_done_is_minus_one_for_verl(name: str) -> None:
    found = words(name, "run.save_every=null", "run.validate_every=null")
    assert (found["trainer.save_freq"], found["trainer.test_freq"]) == (-1, -1)


def test_paths_are_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    found = words("h800-4x8", "data.train_files=[a.parquet, ~/b.parquet]", "model.path=~/model", "run.output=out")
    assert found["data.train_files"] == [str(tmp_path / "a.parquet"), str(tmp_path / "home" / "b.parquet")]
    assert found["data.val_files"] == found["data.train_files"]
    assert found["actor_rollout_ref.model.path"] == str(tmp_path / "home" / "model")
    assert found["trainer.default_local_dir"] == str(tmp_path / "out")


@pytest.mark.parametrize("name", ["h800-4x8", "sft-h800-4x8"])
def test_files_to_validate_on(name: str) -> None:
    assert words(name, "data.validation_files=/v.parquet")["data.val_files"] == ["/v.parquet"]


def test_no_attention_is_verl_s_choice() -> None:
    name = "+actor_rollout_ref.model.override_config.attn_implementation"
    assert name not in words("h800-4x8")
    assert words("h800-4x8", "model.attention=sdpa")[name] == "sdpa"


_OTHER: dict[type, Any] = {bool: lambda old: not old, int: lambda old: old * 2, float: lambda old: old / 2}


def changed(name: str, old: Any) -> str:
    others = {
        "rollout.top_p": "0.5",
        "optimisation.warmup": "0.5",
        "optimisation.kl_estimator": "kl",
        "optimisation.schedule": "constant",
        "advantage.estimator": "grpo",
        "advantage.guard": "group_std",
        "reward.recipe": "release",
        "run.device": "cpu",
        "data.overlong": "left",
        "run.loggers": "[wandb]",
        # Within what fits together.
        "optimisation.prompts_per_update": "64",
        "data.max_prompt_tokens": "8000",
        "data.max_response_tokens": "2000",
        "data.max_tokens": "8000",
        "rollout.tensor_parallel": "2",
        "run.nodes": "2",
        "run.gpus_per_node": "4",
    }
    return others[name] if name in others else str(_OTHER[type(old)](old)) if type(old) in _OTHER else "7"


@pytest.mark.parametrize(
    ("settings", "config", "places"),
    [(RlSettings, "h800-4x8", RL), (SftSettings, "sft-h800-4x8", SFT)],
    ids=["rl", "sft"],
)
def test_every_key_arrives_in_its_place(
    settings: type[RlSettings | SftSettings], config: str, places: dict[str, str]
) -> None:
    """Keys without a place are held against the files."""
    arrived = {}
    for name, old, _, _ in keys_of(settings):
        value = "'7'" if old is None and name == "model.attention" else changed(name, old)
        value = "./seven" if type(old) is str and value == "7" else value
        value = "[a.parquet]" if name in ("data.train_files", "data.validation_files") else value
        more = ["data.validation_files=/v.parquet"] if name == "run.validate_every" else []
        with_it, without = words(config, f"{name}={value}", *more), words(config, *more)
        arrived[name] = " ".join(sorted(place for place in with_it if with_it[place] != without.get(place)))
    assert arrived == places


def test_what_the_trainer_needs_is_there() -> None:
    """The trainer's own command sets it too."""
    needed = dict(default.split("=", 1) for default in run._DEFAULTS)
    found = words("h800-4x8")
    assert found["trainer.logger"] == ["console", "tensorboard"]
    assert {place: str(found[place]).replace(" ", "").replace("'", "") for place in needed} == needed
