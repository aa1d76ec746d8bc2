"""verl's own configuration, changed and checked by verl 0.9.1 itself."""

from __future__ import annotations

import re
from typing import Any

import pytest

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config import read_config, shipped
from onethinker_rewards.trainer.config.composing import as_keys, as_yaml, compose, derived_overrides
from tests.adapters.rows import framework

framework("verl", "hydra", "torch", "transformers")


def composed(config: str, *changes: str) -> Any:
    return compose(read_config(config, changes))


@pytest.mark.parametrize("name", shipped())
def test_verl_takes_each_configuration_that_ships(name: str) -> None:
    from omegaconf import OmegaConf

    run = read_config(name)
    config = compose(run)
    for key, value in {**run.verl, **derived_overrides(run.options, run.verl)}.items():
        found = OmegaConf.select(config, key.lstrip("+"))
        assert (OmegaConf.to_container(found) if OmegaConf.is_config(found) else found) == value, key
    assert OmegaConf.to_container(OmegaConf.create(as_yaml(config))) == OmegaConf.to_container(config)
    assert "${" not in as_yaml(config)


@pytest.mark.parametrize("name", ["h800-4x8", "sft-h800-4x8"])
def test_no_key_is_new_to_verl_but_ours(name: str) -> None:
    run = read_config(name)
    added = {key for key in {**run.verl, **derived_overrides(run.options, run.verl)} if key.startswith("+")}
    assert added <= {"+onethinker", "+reward.reward_kwargs.recipe"}


def test_the_reference_model_follows_the_actor() -> None:
    config = composed("h800-4x8")
    reference = config.actor_rollout_ref.ref
    assert (reference.strategy, reference.log_prob_max_token_len_per_gpu, reference.rollout_n) == ("fsdp2", 20480, 8)


WRONG = {
    "misspelled": ("trainer.nodes=1", "trainer.nodes: verl has no such key; did you mean trainer.nnodes?"),
    "another section": ("optim.lr=1", "optim.lr: verl has no such key; did you mean actor_rollout_ref.actor.optim.lr?"),
    "of fine-tuning": ("model.path=a", "model.path: verl has no such key; did you mean actor_rollout_ref.model.path?"),
    "unheard of": ("zzzzzzzzzzz=1", "verl has no such key; +zzzzzzzzzzz adds it all the same"),
    "an addition that is there": ("+trainer.nnodes=3", "verl refuses this: Could not append to config."),
    "a text for a number": ("trainer.nnodes=two", "trainer.nnodes: verl's default is 1, and 'two' is of another kind"),
    "a number for a truth": ("trainer.use_v1=1", "trainer.use_v1: verl's default is True, and 1 is of another kind"),
    "a section": ("data=3", "data: is a section, and cannot be 3"),
    "values of which one is verl's own": (
        "trainer.nnodes=${data.max_response_length}",
        "a mini-batch of 32 prompts has 256 responses: not a multiple of 32768 GPUs",
    ),
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
        composed("h800-4x8", change)
    assert "\n" not in str(refused.value)


def test_fine_tuning_is_checked_too() -> None:
    with pytest.raises(ArgumentError, match="verl refuses this"):
        composed("sft-h800-4x8", "+optim.foo=1")


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


def test_what_verl_says_when_all_is_well_is_not_repeated(capfd: pytest.CaptureFixture[str]) -> None:
    composed("h800-4x8")
    assert "passed successfully" not in capfd.readouterr().out
