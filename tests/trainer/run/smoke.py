"""``make smoke``: both configurations for a CPU from end to end, on drawn data and a tiny model that is made first."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.trainer.run import commands, dataset, tiny_model

CONFIGURATIONS = ("sft-cpu-smoke", "cpu-smoke")


def main() -> None:
    """Make files and model in a new folder, where the configurations look for them, and run the command there."""
    # A socket's path may have some hundred characters, and Ray's sockets are below this folder.
    with tempfile.TemporaryDirectory(prefix="smoke-") as name:
        folder = Path(name)
        dataset.prepare(folder, frames=True)
        dataset.keep_images(folder / "rl.parquet")
        texts = [row["problem"] for row in dataset.rows()]
        tiny_model.save_model(folder / "models" / "tiny", texts, dataset.words())
        environment = os.environ | commands.ENVIRONMENT | {"RAY_TMPDIR": name, "PYTHONPATH": os.pathsep.join(sys.path)}
        for configuration in CONFIGURATIONS:
            command = [sys.executable, "-m", "onethinker_rewards", "train", "--config", configuration]
            subprocess.run(command, cwd=folder, env=environment, check=True)


if __name__ == "__main__":
    main()
