"""verl's own configuration, changed and checked by verl 0.9.1 itself."""

from __future__ import annotations

import re
from typing import Any

import pytest

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config import overrides_of, read_settings, shipped
from onethinker_rewards.trainer.config.composing import as_yaml, compose
from tests.adapters.rows import framework

framework("verl", "hydra", "torch", "transformers")


def composed(config: str, *changes: str) -> Any:
    return compose(read_settings(config, changes))


@pytest.mark.parametrize("name", shipped())
def test_verl_takes_each_configuration_that_comes_along(name: str) -> None:
    from omegaconf import OmegaConf

    config = composed(name)
    for place, value in overrides_of(read_settings(name)).items():
        found = OmegaConf.select(config, place.removeprefix("+"))
        assert (OmegaConf.to_container(found) if OmegaConf.is_config(found) else found) == value, place
    assert OmegaConf.to_container(OmegaConf.create(as_yaml(config))) == OmegaConf.to_container(config)
    assert "${" not in as_yaml(config)


@pytest.mark.parametrize("name", ["h800-4x8", "sft-h800-4x8"])
def test_no_key_of_ours_is_new_to_verl_by_chance(name: str) -> None:
    added = {place for place in overrides_of(read_settings(name)) if place.startswith("+")}
    assert all(place.startswith(("+onethinker.", "+reward.reward_kwargs.")) for place in added)


def test_the_reference_model_follows_the_actor() -> None:
    config = composed("h800-4x8")
    reference = config.actor_rollout_ref.ref
    assert (reference.strategy, reference.log_prob_max_token_len_per_gpu, reference.rollout_n) == ("fsdp2", 20480, 8)


WRONG = {
    "misspelt": ("trainer.nodes=1", "verl.trainer.nodes: verl has no such key; did you mean verl.trainer.nnodes?"),
    "unheard of": ("zzzzzzzzzzz=1", "verl has no such key; verl.+zzzzzzzzzzz adds it all the same"),
    "a text for a number": ("trainer.nnodes=two", "verl.trainer.nnodes: verl's own is 1, of another kind than 'two'"),
    "a number for a truth": ("trainer.use_v1=1", "verl.trainer.use_v1: verl's own is True, of another kind than 1"),
    "a section": ("data=3", "verl.data: is a section, and cannot be 3"),
    "a value that verl refuses": ("actor_rollout_ref.actor.loss_agg_mode=foo", "verl refuses this: Invalid loss_agg"),
    "what verl asserts": (
        "actor_rollout_ref.rollout.expert_parallel_size=3",
        "verl refuses this: expert_parallel_size must be equal",
    ),
    "values that do not fit": (
        "actor_rollout_ref.actor.use_dynamic_bsz=false",
        "verl refuses this: [actor] Please set at least one of",
    ),
    "no interpolation": ("trainer.project_name=${foo", "verl refuses this: no viable alternative"),
    "interpolation of nothing": ("trainer.project_name=${foo.bar}", "verl refuses this: Interpolation key"),
    "a key that verl's class lacks": ("+algorithm.foo=1", "unexpected keyword argument 'foo'"),
}


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=WRONG)
def test_what_verl_refuses_is_one_line(change: str, said: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(said)) as refused:
        composed("h800-4x8", f"verl.{change}")
    assert "\n" not in str(refused.value)


def test_fine_tuning_is_checked_too() -> None:
    with pytest.raises(ArgumentError, match="verl refuses this"):
        composed("sft-h800-4x8", "verl.+optim.foo=1")


def test_a_value_may_refer_to_another() -> None:
    assert composed("h800-4x8", "verl.data.train_batch_size=${data.max_response_length}").data.train_batch_size == 4096


def test_a_value_may_be_nothing() -> None:
    assert composed("h800-4x8", "verl.trainer.total_epochs=null").trainer.total_epochs is None


def test_a_section_may_be_changed_in_part() -> None:
    trainer = composed("h800-4x8", "verl.trainer={nnodes: 2}").trainer
    assert (trainer.nnodes, trainer.n_gpus_per_node) == (2, 8)


def test_what_verl_says_when_all_is_well_is_not_repeated(capfd: pytest.CaptureFixture[str]) -> None:
    composed("h800-4x8")
    assert "passed successfully" not in capfd.readouterr().out
