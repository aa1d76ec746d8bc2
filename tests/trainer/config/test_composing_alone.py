"""The same as test_composing, with as much of verl as fits a test: for environments without it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config import read_settings
from onethinker_rewards.trainer.config.composing import as_yaml, compose
from onethinker_rewards.trainer.config.starting import check_start, start
from tests.adapters.rows import framework
from tests.adapters.stand_ins import stand_in
from tests.trainer.config.verl_stand_in import stand_in_for_verl

framework("hydra", target="test")


@pytest.fixture(autouse=True)
def verl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in_for_verl(monkeypatch, tmp_path)


def composed(config: str, *changes: str) -> Any:
    return compose(read_settings(config, changes))


def test_our_keys_are_in_it() -> None:
    config = composed("h800-4x8", "run.seed=7")
    assert config.data.seed == 7
    assert config.onethinker.filter.low == 0.01
    assert "seed: 7" in as_yaml(config)
    assert composed("sft-h800-4x8").data.train_batch_size == 32


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("trainer.nodes=1", "verl.trainer.nodes: verl has no such key; did you mean verl.trainer.nnodes?"),
        ("zzzzzzzz=1", "verl.zzzzzzzz: verl has no such key; verl.+zzzzzzzz adds it all the same"),
        ("trainer.nnodes=two", "verl.trainer.nnodes: verl's own is 4, of another kind than 'two'"),
        ("trainer=3", "verl.trainer: is a section, and cannot be 3"),
        ("trainer.nnodes=13", "verl refuses this: 13 nodes"),
        ("actor_rollout_ref.rollout.n=13", "verl refuses this: no such number"),
        ("trainer.project_name=${foo.bar}", "verl refuses this: Interpolation key 'foo.bar' not found"),
    ],
)
def test_what_is_refused(change: str, said: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{re.escape(said)}$"):
        composed("h800-4x8", f"verl.{change}")


def test_fine_tuning_is_checked_too() -> None:
    with pytest.raises(ArgumentError, match="no such number"):
        composed("sft-h800-4x8", "optimisation.learning_rate=13")


def test_what_verl_says_when_all_is_well_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    composed("h800-4x8")
    assert "all is well" not in capsys.readouterr().out


def test_without_verl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onethinker_rewards.trainer.verl.defaults.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="verl is not installed"):
        composed("h800-4x8")


def test_reinforcement_learning_goes_to_the_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[Any] = []
    stand_in(monkeypatch, "onethinker_rewards.trainer.verl.run", train=trained.append)
    settings = read_settings("h800-4x8")
    config = compose(settings)
    check_start(settings)
    assert start(settings, config) == 0
    assert trained == [config]


def test_fine_tuning_goes_to_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def run(command: list[str], environment: dict[str, str]) -> int:
        folder = Path(command[command.index("--config-path") + 1])
        seen.append((command, (folder / "run.yaml").read_text(encoding="utf-8"), environment["TENSORBOARD_DIR"]))
        return 3

    monkeypatch.setattr("onethinker_rewards.trainer.config.starting.run_child", run)
    monkeypatch.delenv("TENSORBOARD_DIR", raising=False)
    settings = read_settings("sft-h800-1x8")
    config = compose(settings)
    check_start(settings)
    assert start(settings, config) == 3
    ((command, text, curves),) = seen
    assert command[:4] == [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    assert "--nproc_per_node=8" in command
    assert text == as_yaml(config)
    assert curves == str(Path("checkpoints/onethinker-sft/curves").absolute())
    monkeypatch.setenv("TENSORBOARD_DIR", "/elsewhere")
    start(settings, config)
    assert seen[-1][-1] == "/elsewhere"


def test_fine_tuning_on_several_nodes_is_not_started_from_one() -> None:
    with pytest.raises(ArgumentError, match="fine-tuning on 4 nodes is started with torchrun on each"):
        check_start(read_settings("sft-h800-4x8"))
