"""The command train: what it prints, how it ends, what it starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.adapters.rows import framework
from tests.adapters.stand_ins import stand_in
from tests.cli.runs import run
from tests.trainer.config.files import write_model, write_rows
from tests.trainer.config.verl_stand_in import stand_in_for_verl
from tests.waiting import LONGEST

framework("hydra", target="test")


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Any]]:
    """List the configurations that the trainer is given, in a folder with all that cpu-smoke needs."""
    from onethinker_rewards.trainer.config import machine

    found: list[Any] = []
    (tmp_path / "packages").mkdir()
    stand_in_for_verl(monkeypatch, tmp_path / "packages")
    stand_in(monkeypatch, "onethinker_rewards.trainer.verl.run", train=found.append)
    monkeypatch.setattr(machine, "find_spec", lambda name: name)
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "rl.parquet", rows=8)
    (tmp_path / "models").mkdir()
    write_model(tmp_path / "models" / "tiny")
    return found


# Of verl, the stand-in has no keys but those that ours are mapped to.
SMOKE = ("--config", "cpu-smoke", "verl={}", "run.nodes=1")


def test_a_dry_run_prints_the_configuration_alone(trained: list[Any]) -> None:
    done = run("train", *SMOKE, "--dry-run", "optimisation.learning_rate=1e-4")
    assert (done.exit_code, done.stderr) == (0, "stand-in imported\n")
    shown = yaml.safe_load(done.stdout)
    assert shown["actor_rollout_ref"]["actor"]["optim"]["lr"] == 1e-4
    assert trained == []


def test_a_run_hands_the_configuration_over(trained: list[Any]) -> None:
    done = run("train", *SMOKE)
    assert (done.exit_code, done.stdout) == (0, "")
    (config,) = trained
    assert config.trainer.total_training_steps == 2


def test_a_dry_run_says_what_is_lacking(trained: list[Any], tmp_path: Path) -> None:
    (tmp_path / "rl.parquet").unlink()
    done = run("train", *SMOKE, "--dry-run", "model.path=./none")
    assert done.exit_code == 1
    assert yaml.safe_load(done.stdout)["trainer"]["nnodes"] == 1
    assert done.stderr.splitlines()[-2:] == [
        "Not here: rl.parquet: no such file",
        "Not here: model.path: ./none: no folder with a config.json",
    ]


def test_a_run_that_lacks_something_is_not_started(trained: list[Any]) -> None:
    done = run("train", *SMOKE, "data.train_files=none.parquet")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == "Error: none.parquet: no such file"
    assert trained == []


def test_a_model_that_nobody_knows_is_one_line(trained: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from onethinker_rewards.trainer.config import hub

    monkeypatch.setattr(hub, "_missing", lambda name: "not on Hugging Face")
    done = run("train", *SMOKE, "model.path=nobody/nothing")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "stand-in imported\nError: model.path: nobody/nothing: not on Hugging Face\n"
    assert trained == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run.nods=1"], "Error: cpu-smoke: run.nods: no such key; did you mean run.nodes?"),
        (["verl.trainer.nodes=1"], "Error: verl.trainer.nodes: verl has no such key; did you mean verl.trainer.nnod"),
        (["verl.trainer.nnodes=13"], "Error: verl refuses this: 13 nodes"),
        (["--config", "none.yaml"], "Error: none.yaml: No such file or directory; configurations that come along: "),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_exit_code_2(trained: list[Any], arguments: list[str], said: str) -> None:
    done = run("train", *SMOKE, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(said)
    assert "Traceback" not in done.stderr
    assert trained == []


def test_fine_tuning_on_several_nodes_is_refused(trained: list[Any]) -> None:
    done = run("train", "--config", "sft-h800-4x8", "run.device=cpu")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith("Error: run.nodes: fine-tuning on 4 nodes is started with torchrun")


def test_without_verl_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from onethinker_rewards.cli import train

    monkeypatch.setattr(train, "find_spec", lambda name: None if name in ("verl", "hydra") else name)
    done = run("train", "--config", "cpu-smoke", "--dry-run")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "Error: this needs hydra-core and verl: pip install 'onethinker-rewards[train]'\n"


def test_nothing_of_it_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys; from onethinker_rewards.cli import main;"
        "import onethinker_rewards.cli.train, onethinker_rewards.trainer.config;"
        "main(['train', '--help'], standalone_mode=False);"
        "print([name for name in ('verl', 'vllm', 'ray', 'torch', 'hydra', 'yaml', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=LONGEST, check=True)
    assert done.stdout.splitlines()[-1] == b"[]"
