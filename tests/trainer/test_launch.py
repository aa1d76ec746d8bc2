"""What is started for each stage, on stand-ins for verl's entry and for torchrun."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from onethinker_rewards.trainer import launch
from onethinker_rewards.trainer.config import compose, read_config
from tests.adapters.rows import framework
from tests.adapters.stand_ins import stand_in
from tests.trainer.verl_stand_in import stand_in_for_verl

framework("hydra", target="test")


def test_reinforcement_learning_runs_in_a_process_that_knows_our_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    class Runner:
        def run(self, config: Any) -> None:
            seen.append(("ran", config, "onethinker_rewards.trainer.verl.trainer" in imported))

    imported: list[str] = []
    actor = SimpleNamespace(__ray_metadata__=SimpleNamespace(modified_class=Runner))
    run_ppo = lambda config, task_runner_class: task_runner_class().run(config)  # noqa: E731
    stand_in(monkeypatch, "verl.trainer.main_ppo", TaskRunnerV1=actor, run_ppo=run_ppo)
    stand_in(monkeypatch, "verl.utils.device", auto_set_device=lambda config: seen.append(("device", config)))
    stand_in(monkeypatch, "ray", remote=lambda made: made)
    monkeypatch.setattr(launch, "import_module", imported.append)
    config: Any = object()
    launch.train(config)
    assert seen == [("device", config), ("ran", config, True)]


@pytest.mark.parametrize("curves", [None, "/elsewhere"])
def test_fine_tuning_becomes_torchrun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, curves: str | None) -> None:
    from omegaconf import OmegaConf

    seen: list[Any] = []
    stand_in_for_verl(monkeypatch, tmp_path)
    monkeypatch.setattr(os, "execve", lambda *given: seen.append(given))
    monkeypatch.delenv("TENSORBOARD_DIR", raising=False)
    if curves is not None:
        monkeypatch.setenv("TENSORBOARD_DIR", curves)
    out = tmp_path / "out" / "here"
    config = compose(read_config("sft-h800-1x8", [f"trainer.default_local_dir={out}"]))
    launch.fine_tune(config)
    ((program, command, environment),) = seen
    assert (program, command[0]) == (sys.executable, sys.executable)
    assert command[1:4] == ["-m", "torch.distributed.run", "--standalone"]
    assert {"--nproc_per_node=8", f"--config-path={out}", "--config-name=run"} < set(command)
    assert (out / "run.yaml").read_text(encoding="utf-8") == OmegaConf.to_yaml(config)
    assert environment["TENSORBOARD_DIR"] == (curves or f"{out}/curves")
    assert environment.keys() >= os.environ.keys()
