"""Starting a run: under Ray for reinforcement learning, under torchrun for fine-tuning. Needs verl."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config.composing import as_yaml
from onethinker_rewards.trainer.verl import run
from onethinker_rewards.trainer.verl.options import Options

if TYPE_CHECKING:
    from omegaconf import DictConfig

__all__ = ["check_start", "run_child", "start"]

# What a shell adds to the number of the signal that ended a command.
_ENDED_BY_SIGNAL = 128


def check_start(options: Options, config: DictConfig) -> None:
    """Refuse what cannot be started from one node.

    Raises:
        ArgumentError: For fine-tuning on several nodes.
    """
    if options.stage == "sft" and config.trainer.nnodes > 1:
        raise ArgumentError(
            f"trainer.nnodes: fine-tuning on {config.trainer.nnodes} nodes is started with torchrun on each of them, "
            "from what --dry-run prints; or set trainer.nnodes=1"
        )


def start(options: Options, config: DictConfig) -> int:
    """Train under verl's configuration, as `compose` returns it, and return the exit code.

    Raises:
        ArgumentError: If the trainer refuses an option.
    """
    if options.stage == "rl":
        run.train(config)
        return 0
    with TemporaryDirectory() as folder:
        (Path(folder) / "run.yaml").write_text(as_yaml(config), encoding="utf-8")
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        trainer = ["-m", "verl.trainer.sft_trainer", "--config-path", folder, "--config-name", "run"]
        # Hydra would leave a folder of its own behind.
        quiet = [f"hydra.run.dir={folder}", "hydra.output_subdir=null"]
        command = [*torchrun, f"--nproc_per_node={config.trainer.n_gpus_per_node}", *trainer, *quiet]
        curves = {"TENSORBOARD_DIR": str(Path(config.trainer.default_local_dir) / "curves")}
        return run_child(command, curves | os.environ)


def run_child(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command and return its exit code, as a shell would; pass SIGTERM on to it, and wait for its end.

    torchrun ends its workers when it is asked to end. Killed, or left alone, it leaves them behind, with their GPUs.
    Works in the main thread only.

    Raises:
        KeyboardInterrupt: When the command has ended after an interrupt.
    """
    with subprocess.Popen(command, env=environment) as child:  # noqa: S603 - our own words

        def pass_on(_: int, __: FrameType | None) -> None:
            child.terminate()

        before = signal.signal(signal.SIGTERM, pass_on)
        try:
            code = child.wait()
        except KeyboardInterrupt:
            child.terminate()
            child.wait()
            raise
        finally:
            signal.signal(signal.SIGTERM, before)
    return code if code >= 0 else _ENDED_BY_SIGNAL - code
