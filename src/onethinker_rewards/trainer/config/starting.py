"""Starting a run: under Ray for reinforcement learning, under torchrun for fine-tuning. Needs verl."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config.child import run_child
from onethinker_rewards.trainer.config.composing import as_yaml
from onethinker_rewards.trainer.config.reading import Settings
from onethinker_rewards.trainer.config.rl import RlSettings

__all__ = ["check_start", "start"]


def check_start(settings: Settings) -> None:
    """Refuse what cannot be started from one place.

    Raises:
        ArgumentError: For fine-tuning on several nodes.
    """
    if not isinstance(settings, RlSettings) and settings.run.nodes > 1:
        raise ArgumentError(
            f"run.nodes: fine-tuning on {settings.run.nodes} nodes is started with torchrun on each of them, from what "
            "--dry-run prints; or set run.nodes=1"
        )


def start(settings: Settings, config: Any) -> int:
    """Train, and return the exit code.

    Args:
        settings: What was read.
        config: What `compose` made of it.

    Raises:
        ArgumentError: If the trainer refuses an option.
    """
    if isinstance(settings, RlSettings):
        import_module("onethinker_rewards.trainer.verl.run").train(config)
        return 0
    with TemporaryDirectory() as folder:
        (Path(folder) / "run.yaml").write_text(as_yaml(config), encoding="utf-8")
        curves = {"TENSORBOARD_DIR": str(Path(config.trainer.default_local_dir) / "curves")}
        return run_child(_torchrun(settings, folder), curves | os.environ)


def _torchrun(settings: Settings, folder: str) -> list[str]:
    return [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        f"--nproc_per_node={settings.run.gpus_per_node}",
        *("-m", "verl.trainer.sft_trainer", "--config-path", folder, "--config-name", "run"),
        # Hydra would leave a folder of its own behind.
        *(f"hydra.run.dir={folder}", "hydra.output_subdir=null"),
    ]
