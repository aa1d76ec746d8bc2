"""The same as test_composing, with as much of verl as fits a test: for environments without it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config import read_config
from onethinker_rewards.trainer.config.composing import as_yaml, compose, derived_overrides
from onethinker_rewards.trainer.config.preflight import Keys
from onethinker_rewards.trainer.verl.run import OUR_PARTS
from tests.adapters.rows import framework
from tests.trainer.config.verl_stand_in import stand_in_for_verl

framework("hydra", target="test")


@pytest.fixture(autouse=True)
def verl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in_for_verl(monkeypatch, tmp_path)


def composed(config: str, *changes: str) -> Any:
    return compose(read_config(config, changes))


def test_our_keys_are_in_it() -> None:
    config = composed("h800-4x8", "data.seed=7")
    assert config.data.seed == 7
    assert config.onethinker.filter.low == 0.01
    assert "seed: 7" in as_yaml(config)
    assert composed("sft-h800-4x8").data.train_batch_size == 32


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("trainer.nodes=1", "trainer.nodes: verl has no such key; did you mean trainer.nnodes?"),
        ("zzzzzzzz=1", "zzzzzzzz: verl has no such key; +zzzzzzzz adds it all the same"),
        ("trainer.nnodes=two", "trainer.nnodes: verl's default is 4, and 'two' is of another kind"),
        ("trainer=3", "trainer: is a section, and cannot be 3"),
        ("optim.lr=1", "optim.lr: verl has no such key; did you mean actor_rollout_ref.actor.optim.lr?"),
        ("decay=1", "decay: verl has no such key; did you mean onethinker.estimator_options.decay?"),
        ("trainer.experiment_name=13", "verl refuses this: run 13"),
        ("trainer.nnodes=${data.train_batch_size}", "a mini-batch of 32 prompts has 256 responses: not a multiple of"),
        ("actor_rollout_ref.rollout.n=13", "verl refuses this: no such number"),
        ("trainer.project_name=${foo.bar}", "verl refuses this: Interpolation key 'foo.bar' not found"),
    ],
)
def test_what_is_refused(change: str, said: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{re.escape(said)}"):
        composed("h800-4x8", change)


def test_fine_tuning_is_checked_too() -> None:
    with pytest.raises(ArgumentError, match="no such number"):
        composed("sft-h800-4x8", "optim.lr=13")


def test_what_verl_says_when_all_is_well_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    composed("h800-4x8")
    assert "all is well" not in capsys.readouterr().out


def test_without_verl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onethinker_rewards.trainer.verl.run.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="verl is not installed"):
        composed("h800-4x8")


def derived(config: str, *changes: str) -> Keys:
    run = read_config(config, changes)
    return derived_overrides(run.options, run.verl)


def test_a_run_has_our_parts() -> None:
    assert OUR_PARTS.items() <= derived("h800-4x8").items()
    assert not OUR_PARTS.items() & derived("sft-h800-4x8").items()


def test_a_row_has_room_for_prompt_and_response() -> None:
    assert derived("h800-4x8", "data.max_response_length=3616")["actor_rollout_ref.rollout.max_model_len"] == 20000
    assert "actor_rollout_ref.rollout.max_model_len" not in derived("h800-4x8", "data.max_response_length=${data.seed}")


def test_a_given_key_wins_over_a_derived_one() -> None:
    config = composed("h800-4x8", "actor_rollout_ref.rollout.max_model_len=30000", "trainer.use_v1=false")
    assert (config.actor_rollout_ref.rollout.max_model_len, config.trainer.use_v1) == (30000, False)


def test_another_reward_manager_keeps_its_recipe() -> None:
    """What verl is told of rewards would go before it."""
    key, other = "+reward.reward_kwargs.recipe", "reward.reward_manager.module.path=pkg://mine"
    assert derived("h800-4x8", "onethinker.recipe=release")[key] == "release"
    assert key not in derived("h800-4x8", other)
    assert composed("h800-4x8", other, f"{key}=release").reward.reward_kwargs.recipe == "release"


def test_without_files_to_validate_on_verl_reads_the_others() -> None:
    assert derived("h800-4x8", "data.train_files=/a.parquet")["data.val_files"] == ["/a.parquet"]
    assert derived("h800-4x8", "data.val_files=/v.parquet")["data.val_files"] == ["/v.parquet"]
    assert "data.val_files" not in derived("sft-h800-4x8")


def test_nothing_is_validated_before_training_unless_it_is_asked_for() -> None:
    assert composed("h800-4x8", "data.val_files=/v.parquet").trainer.val_before_train is False
    assert composed("h800-4x8", "trainer.val_before_train=true").trainer.val_before_train is True


def test_paths_are_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    keys = derived("h800-4x8", "data.train_files=[a.parquet, ~/b.parquet]", "actor_rollout_ref.model.path=~/model")
    assert keys["data.train_files"] == [str(tmp_path / "a.parquet"), str(tmp_path / "home" / "b.parquet")]
    assert keys["actor_rollout_ref.model.path"] == str(tmp_path / "home" / "model")
    assert keys["trainer.default_local_dir"] == str(tmp_path / "checkpoints" / "onethinker")
    assert "model.path" not in derived("sft-h800-4x8")


@pytest.mark.parametrize("value", ["it's", "a\\", "a,b", "${data.seed}x", "[a, 'b c', {d: 1.5}]", "true", "1e-6", "''"])
def test_values_reach_verl_as_they_are_read(value: str) -> None:
    found = composed("h800-4x8", f"+trainer.mine={value}").trainer.mine
    expected = read_config("h800-4x8", [f"+trainer.mine={value}"]).verl["+trainer.mine"]
    assert found == ("1x" if "$" in value else expected)
