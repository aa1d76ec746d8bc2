"""Starting a run: under Ray for reinforcement learning, under torchrun for fine-tuning. Needs verl."""

# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omegaconf import DictConfig


def train(config: DictConfig) -> None:
    """Train with reinforcement learning to the end; starts Ray, or connects to its cluster."""
    import ray
    from verl.trainer.main_ppo import TaskRunnerV1, run_ppo
    from verl.utils.device import auto_set_device

    base: Any = TaskRunnerV1.__ray_metadata__.modified_class

    class OneThinkerRunner(base):
        """Makes our trainer known in the process that runs it."""

        def run(self, config: DictConfig) -> None:
            import_module("onethinker_rewards.trainer.verl.trainer")
            super().run(config)

    auto_set_device(config)
    run_ppo(config, task_runner_class=ray.remote(OneThinkerRunner))


def fine_tune(config: DictConfig) -> None:
    """Become torchrun, which fine-tunes on this node; the configuration is written into the folder of checkpoints.

    torchrun ends its workers when it is asked to end. As a child of this process it would not be asked.
    """
    from omegaconf import OmegaConf

    folder = Path(config.trainer.default_local_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.yaml").write_text(OmegaConf.to_yaml(config), encoding="utf-8")
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={config.trainer.n_gpus_per_node}"]
    trainer = ["-m", "verl.trainer.sft_trainer", f"--config-path={folder}", "--config-name=run"]
    # Hydra would leave a folder and a log of its own behind.
    hydra = ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=stdout"]
    environment = {"TENSORBOARD_DIR": str(folder / "curves"), **os.environ}
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *torchrun, *trainer, *hydra], environment)  # noqa: S606 - our own words
