"""The command train: what it prints, how it ends, what it starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from onethinker_rewards.trainer import launch, preflight
from onethinker_rewards.trainer.config import shipped, text_of
from tests.adapters.rows import framework
from tests.cli.runs import run
from tests.trainer.files import write_model, write_rows
from tests.trainer.verl_stand_in import stand_in_for_verl
from tests.waiting import LONGEST

framework("hydra", target="test")


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Any]]:
    """List the configurations that the trainer is given, in a folder with all that the run needs."""
    found: list[Any] = []
    (tmp_path / "packages").mkdir()
    stand_in_for_verl(monkeypatch, tmp_path / "packages")
    monkeypatch.setattr(launch, "train", found.append)
    monkeypatch.setattr(launch, "fine_tune", found.append)
    monkeypatch.setattr(preflight, "find_spec", lambda name: name)
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "rl.parquet", rows=8)
    (tmp_path / "models").mkdir()
    write_model(tmp_path / "models" / "tiny")
    # Of verl, the stand-in has no keys but those of h800-4x8.
    changed = {"nnodes": 1, "n_gpus_per_node": 1, "device": "cpu", "total_training_steps": 2}
    small = {"train_batch_size": 4, "max_prompt_length": 256, "max_response_length": 16}
    model = {"model": {"path": "./models/tiny"}, "rollout": {"n": 4, "tensor_model_parallel_size": 1}}
    actor = {"actor": {"ppo_mini_batch_size": 4, "ppo_max_token_len_per_gpu": 512, "use_kl_loss": True}}
    tree = {"data": small | {"train_files": "rl.parquet"}, "actor_rollout_ref": model | actor, "trainer": changed}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    return found


SMOKE = ("--config", "run.yaml")
MODEL = "actor_rollout_ref.model.path"


def test_a_dry_run_prints_the_configuration_alone(trained: list[Any]) -> None:
    done = run("train", *SMOKE, "--dry-run", "actor_rollout_ref.actor.optim.lr=1e-4")
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
    done = run("train", *SMOKE, "--dry-run", f"{MODEL}=./none")
    assert done.exit_code == 1
    assert yaml.safe_load(done.stdout)["trainer"]["nnodes"] == 1
    assert done.stderr.splitlines()[-2:] == [
        f"Not here: {tmp_path}/rl.parquet: no such file",
        f"Not here: {MODEL}: {tmp_path}/none: not a folder with a config.json",
    ]


def test_a_run_that_lacks_something_is_not_started(trained: list[Any], tmp_path: Path) -> None:
    done = run("train", *SMOKE, "data.train_files=none.parquet")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == f"Error: {tmp_path}/none.parquet: no such file"
    assert trained == []


def test_a_model_that_nobody_knows_is_one_line(trained: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_missing", lambda name: "not on Hugging Face")
    done = run("train", *SMOKE, f"{MODEL}=nobody/nothing")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"stand-in imported\nError: {MODEL}: nobody/nothing: not on Hugging Face\n"
    assert trained == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["onethinker.sed=1"], "Error: run.yaml: onethinker.sed: unknown key; did you mean onethinker.seed?"),
        (
            ["onethinker.estimator=grpo", "onethinker.estimator_options.epz=1"],
            "Error: run.yaml: onethinker.estimator_options.epz: unknown key; did you mean",
        ),
        (["trainer.nodes=1"], "Error: trainer.nodes: verl has no such key; did you mean trainer.nnodes?"),
        (["trainer.experiment_name=13"], "Error: verl refuses this: run 13"),
        (["--config", "none.yaml"], "Error: none.yaml: No such file or directory; configurations that ship: "),
        (["trainer.nnodes"], "Error: trainer.nnodes: not of the form KEY=VALUE"),
        (["--show", "none"], "Error: none: No such file or directory; configurations that ship: "),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_exit_code_2(trained: list[Any], arguments: list[str], said: str) -> None:
    done = run("train", *SMOKE, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(said)
    assert "Traceback" not in done.stderr
    assert trained == []


def test_fine_tuning(trained: list[Any], tmp_path: Path) -> None:
    write_rows(tmp_path / "sft.parquet", "sft", rows=32)
    tiny = ("--config", "sft-h800-4x8", "trainer.device=cpu", "model.path=./models/tiny")
    done = run("train", *tiny)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith(
        "Error: trainer.nnodes: fine-tuning on 4 nodes is started with torchrun"
    )
    assert run("train", *tiny, "trainer.nnodes=1").exit_code == 0
    assert [config.trainer.nnodes for config in trained] == [1]


def test_without_verl_all_else_is_checked_first(trained: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from onethinker_rewards.cli import train

    monkeypatch.setattr(train, "find_spec", lambda name: None if name in ("verl", "hydra") else name)
    done = run("train", *SMOKE, "data.train_files=none.parquet", f"{MODEL}=./none")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "Error: none.parquet: no such file",
        f"Error: {MODEL}: ./none: not a folder with a config.json",
        "Error: this needs hydra-core and verl: pip install 'onethinker-rewards[train]'",
    ]
    for change in ("onethinker.sed=1", "data.train_batch_size=5", "trainer.nnodes"):
        assert "this needs" not in run("train", *SMOKE, change).stderr
    assert run("train", "--config", "none.yaml").stderr.startswith("Error: none.yaml: No such file")


def test_the_configurations_that_ship_are_listed_and_shown() -> None:
    listed = run("train", "--list").stdout.splitlines()
    assert [line.split()[0] for line in listed] == list(shipped())
    assert listed[2].startswith("h800-4x8       OneThinker's reinforcement learning on 4 nodes")
    assert run("train", "--show", "h800-4x8").stdout == text_of("h800-4x8")


def test_a_configuration_has_to_be_named() -> None:
    done = run("train")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Missing option '--config'" in done.stderr


def test_nothing_of_it_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys; from onethinker_rewards.cli import main;"
        "import onethinker_rewards.cli.train, onethinker_rewards.trainer.config;"
        "main(['train', '--help'], standalone_mode=False);"
        "print([name for name in ('verl', 'vllm', 'ray', 'torch', 'hydra', 'yaml', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=LONGEST, check=True)
    assert done.stdout.splitlines()[-1] == b"[]"
