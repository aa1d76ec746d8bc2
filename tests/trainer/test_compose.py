"""verl's own configuration, changed and checked by verl 0.9.1; by as much of it as fits a test where it is missing."""

from __future__ import annotations

import re
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config import as_keys, compose, derived_overrides, read_config, shipped
from onethinker_rewards.trainer.preflight import Keys
from tests.adapters.rows import framework
from tests.trainer.verl_stand_in import stand_in_for_verl

framework("hydra", target="test")
HAS_VERL = find_spec("verl") is not None
needs_verl = pytest.mark.skipif(not HAS_VERL, reason="verl is not installed here: make test-frameworks")


@pytest.fixture(autouse=True)
def verl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not HAS_VERL:
        stand_in_for_verl(monkeypatch, tmp_path)


def composed(config: str, *changes: str) -> Any:
    return compose(read_config(config, changes))


def derived(config: str, *changes: str) -> Keys:
    run = read_config(config, changes)
    return derived_overrides(run.options, run.verl)


@needs_verl
@pytest.mark.parametrize("name", shipped())
def test_verl_takes_each_configuration_that_ships(name: str) -> None:
    from omegaconf import OmegaConf

    run = read_config(name)
    config = compose(run)
    overrides = {**run.verl, **derived_overrides(run.options, run.verl)}
    for key, value in overrides.items():
        found = OmegaConf.select(config, key.lstrip("+"))
        assert (OmegaConf.to_container(found) if OmegaConf.is_config(found) else found) == value, key
    assert "${" not in OmegaConf.to_yaml(config)
    added = {key for key in overrides if key.startswith("+")}
    assert "cpu" in name or added <= {"+onethinker", "+reward.reward_kwargs.recipe"}


@needs_verl
def test_the_reference_model_follows_the_actor() -> None:
    reference = composed("h800-4x8").actor_rollout_ref.ref
    assert (reference.strategy, reference.log_prob_max_token_len_per_gpu, reference.rollout_n) == ("fsdp2", 20480, 8)


def test_our_keys_are_in_it() -> None:
    config = composed("h800-4x8", "data.seed=7")
    assert (config.data.seed, config.onethinker.filter.low) == (7, 0.01)
    assert composed("sft-h800-4x8").data.train_batch_size == 32


WRONG = {
    "misspelled": ("trainer.nodes=1", "trainer.nodes: verl has no such key; did you mean trainer.nnodes?"),
    "another section": ("optim.lr=1", "optim.lr: verl has no such key; did you mean actor_rollout_ref.actor.optim.lr?"),
    "unheard of": ("zzzzzzzzzzz=1", "verl has no such key; +zzzzzzzzzzz adds it all the same"),
    "an addition that is there": ("+trainer.nnodes=3", "verl refuses this: Could not append to config."),
    "a text for a number": ("trainer.nnodes=two", "and 'two' is of another kind"),
    "a number for a truth": ("trainer.use_v1=1", "trainer.use_v1: verl's default is True, and 1 is of another kind"),
    "a section": ("data=3", "data: is a section, and cannot be 3"),
    "values that do not fit": (
        "trainer.nnodes=${data.train_batch_size}",
        "a mini-batch of 32 prompts has 256 responses: not a multiple of",
    ),
    "no interpolation": ("trainer.project_name=${foo", "verl refuses this: no viable alternative"),
    "interpolation of nothing": ("trainer.project_name=${foo.bar}", "verl refuses this: Interpolation key"),
}
REFUSED_BY_VERL = {
    "of fine-tuning": ("model.path=a", "model.path: verl has no such key; did you mean actor_rollout_ref.model.path?"),
    "a value that verl refuses": ("actor_rollout_ref.actor.loss_agg_mode=foo", "verl refuses this: Invalid loss_agg"),
    "what verl asserts": (
        "actor_rollout_ref.rollout.expert_parallel_size=3",
        "verl refuses this: expert_parallel_size must be equal",
    ),
    "values that do not fit for verl": (
        "actor_rollout_ref.actor.use_dynamic_bsz=false",
        "verl refuses this: [actor] Please set at least one of",
    ),
    "a key that verl's class lacks": ("+algorithm.foo=1", "unexpected keyword argument 'foo'"),
}
REFUSED_BY_STAND_IN = {
    "of ours": ("decay=1", "decay: verl has no such key; did you mean onethinker.estimator_options.decay?"),
    "what verl asserts": ("trainer.experiment_name=13", "verl refuses this: run 13"),
    "what verl cannot build": ("actor_rollout_ref.rollout.n=13", "verl refuses this: no such number"),
}
WRONG |= REFUSED_BY_VERL if HAS_VERL else REFUSED_BY_STAND_IN


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=WRONG)
def test_what_is_refused_is_one_line(change: str, said: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(said)) as refused:
        composed("h800-4x8", change)
    assert "\n" not in str(refused.value)


def test_fine_tuning_is_checked_too() -> None:
    with pytest.raises(ArgumentError, match="verl refuses this"):
        composed("sft-h800-4x8", "+optim.foo=1" if HAS_VERL else "optim.lr=13")


def test_what_verl_says_when_all_is_well_is_not_repeated(capfd: pytest.CaptureFixture[str]) -> None:
    composed("h800-4x8")
    said = capfd.readouterr().out
    assert "passed successfully" not in said
    assert "all is well" not in said


def test_without_verl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onethinker_rewards.trainer.config.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="verl is not installed"):
        composed("h800-4x8")


@pytest.mark.parametrize(
    ("change", "key", "value"),
    [
        ("data.train_batch_size=${data.max_response_length}", "data.train_batch_size", 4096),
        ("trainer.total_epochs=null", "trainer.total_epochs", None),
        ("trainer={nnodes: 2}", "trainer.nnodes", 2),
        ("++trainer.nnodes=2", "trainer.nnodes", 2),
        ("data.val_files=[/a b, '/c,d']", "data.val_files", ["/a b", "/c,d"]),
    ],
)
def test_what_hydra_understands(change: str, key: str, value: object) -> None:
    keys = as_keys(composed("h800-4x8", change))
    assert (keys[key], keys["trainer.n_gpus_per_node"]) == (value, 8)


@pytest.mark.parametrize("value", ["it's", "a\\", "a,b", "${data.seed}x", "[a, 'b c', {d: 1.5}]", "true", "1e-6", "''"])
def test_values_reach_verl_as_they_are_read(value: str) -> None:
    found = composed("h800-4x8", f"+trainer.mine={value}").trainer.mine
    expected = read_config("h800-4x8", [f"+trainer.mine={value}"]).verl["+trainer.mine"]
    assert found == ("1x" if "$" in value else expected)


def test_a_run_has_our_parts() -> None:
    parts = {
        "trainer.v1.trainer_mode": "onethinker",
        "algorithm.adv_estimator": "onethinker",
        "reward.reward_manager.module.path": "pkg://onethinker_rewards.adapters.verl",
        "actor_rollout_ref.rollout.agent.default_agent_loop": "onethinker",
        "algorithm.filter_groups.enable": True,
    }
    assert parts.items() <= derived("h800-4x8").items()
    assert not parts.items() & derived("sft-h800-4x8").items()
    assert "algorithm.filter_groups.enable" not in derived("h800-4x8", "onethinker.filter=null")
    assert Path(str(derived("h800-4x8")["actor_rollout_ref.rollout.agent.agent_loop_config_path"])).is_file()


def test_a_row_has_room_for_prompt_and_response() -> None:
    assert derived("h800-4x8", "data.max_response_length=3616")["actor_rollout_ref.rollout.max_model_len"] == 20000
    assert "actor_rollout_ref.rollout.max_model_len" not in derived("h800-4x8", "data.max_response_length=${data.seed}")


def test_a_given_key_wins_over_a_derived_one() -> None:
    config = composed("h800-4x8", "actor_rollout_ref.rollout.max_model_len=30000", "trainer.use_v1=false")
    assert (config.actor_rollout_ref.rollout.max_model_len, config.trainer.use_v1) == (30000, False)


def test_dialects_go_to_the_reward() -> None:
    changes = ("onethinker.dialect=qwen3-vl", "onethinker.reference_dialect=mm:ss")
    assert {key: value for key, value in derived("h800-4x8", *changes).items() if "reward_kwargs" in key} == {
        "+reward.reward_kwargs.recipe": "paper",
        "+reward.reward_kwargs.dialect": "qwen3-vl",
        "+reward.reward_kwargs.reference_dialect": "mm:ss",
    }


def test_a_judge_goes_to_the_reward() -> None:
    judge = "+onethinker.judge={url: 'http://reward_router_address/v1', model: judge, samples: 3}"
    config = composed("h800-4x8", judge)
    wanted = {"url": "http://reward_router_address/v1", "model": "judge", "samples": 3}
    assert config.reward.reward_kwargs.judge == wanted


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


@pytest.mark.parametrize("change", ["data.seed=1", "+trainer.nnodes=3"], ids=["composed", "refused"])
def test_the_configuration_of_another_package_is_there_afterwards(tmp_path: Path, change: str) -> None:
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    found = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        initialize_config_dir(str(tmp_path), version_base=None)
        others = GlobalHydra.instance().hydra
        with suppress(ArgumentError):
            composed("h800-4x8", change)
        assert GlobalHydra.instance().hydra is others
    finally:
        GlobalHydra.instance().hydra = found
