"""From overrides to a run, on a stand-in for verl's entry; and what is not imported on the way."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.verl.run import compose, train
from tests.trainer.verl.stand_ins import config, module


class Runner:
    def __init__(self) -> None:
        self.ran: list[Any] = []

    def run(self, config: Any) -> None:
        self.ran.append(config)


@pytest.fixture
def entry(verl: Any, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stand in for verl's entry; return what happened there."""
    seen = SimpleNamespace(validated=[], device=[], runner=None, tables=verl)

    def run_ppo(config: Any, task_runner_class: Any) -> None:
        seen.runner = task_runner_class()
        seen.runner.run(config)

    actor = SimpleNamespace(__ray_metadata__=SimpleNamespace(modified_class=Runner))
    for stand_in in (
        module("verl.trainer.main_ppo", TaskRunnerV1=actor, run_ppo=run_ppo),
        module("verl.trainer.ppo.utils", need_reference_policy=lambda _: True, need_critic=lambda _: False),
        module("verl.utils.device", auto_set_device=seen.device.append),
        module("verl.utils.config", validate_config=lambda **given: seen.validated.append(given)),
        module("ray", remote=lambda made: made),
    ):
        monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
    return seen


def test_the_run_knows_our_trainer_and_verl_checks_the_configuration(entry: SimpleNamespace) -> None:
    given = config()
    train(given)
    assert entry.runner.ran == entry.device == [given]
    assert entry.validated == [{"config": given, "use_reference_policy": True, "use_critic": False}]
    assert list(entry.tables.trainers) == ["onethinker"]


@pytest.mark.parametrize(
    "given",
    [{"estimater": "grpo"}, {"estimator": "gppo"}, {"estimator_options": {"beta": 1}}, {"filter": {"low": 2}}],
    ids=str,
)
def test_a_wrong_option_stops_before_anything_starts(entry: SimpleNamespace, given: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        train(config(onethinker=given))
    assert (entry.runner, entry.device) == (None, [])


def test_options_of_verls_kind_of_configuration_are_read(entry: SimpleNamespace) -> None:
    train(config(onethinker={"estimator": "grpo", "filter": {"low": 0.1}}))
    assert entry.runner is not None


def test_overrides_come_after_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onethinker_rewards.trainer.verl.run.verl_defaults", lambda name, overrides: (name, overrides))
    name, overrides = compose(["trainer.logger=[console]"])
    assert name == "ppo_trainer"
    assert "trainer.v1.trainer_mode=onethinker" in overrides
    assert overrides[-1] == "trainer.logger=[console]"


def test_nothing_of_verl_is_imported_before_a_run() -> None:
    modules = "run trainer sampling sft step_context metrics estimators options rewards trajectories".split()
    program = "import sys\n" + "".join(f"import onethinker_rewards.trainer.verl.{name}\n" for name in modules)
    program += "print(sorted({'verl', 'vllm', 'ray', 'hydra', 'omegaconf', 'transfer_queue'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
