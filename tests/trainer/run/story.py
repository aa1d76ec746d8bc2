"""What the run did: fine-tuned, trained, was killed, went on."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.trainer.run import commands, dataset, processes, tiny_model

FINE_TUNING_STEPS = 30
# Seconds for one command. A worker that died, or a place that Ray does not have, makes verl wait for ever.
LONGEST = 400


@dataclass(frozen=True)
class Story:
    """Where everything lies, and how long it took.

    Attributes:
        folder: ``checkpoints``, ``rollouts``, ``curves`` and the logs.
        start: The fine-tuned model that training started from.
        killed_at: The checkpoint's step that the second run went on from.
        seconds: Of each part.
        left: Processes found after each part.
    """

    folder: Path
    start: Path
    killed_at: int
    seconds: Mapping[str, float]
    left: list[Any]

    def rollouts(self, step: int) -> list[dict[str, Any]]:
        """Return the rows of a step, without padding."""
        lines = (self.folder / "rollouts" / f"{step}.jsonl").read_text("utf-8").splitlines()
        return [row for row in map(json.loads, lines) if not row["uid"].startswith("pad")]

    def curves(self) -> dict[int, dict[str, float]]:
        """Return names and values of each step: what TensorBoard shows, and what the killed run printed.

        TensorBoard writes to its file now and then, so the last of a killed run may be missing there.
        """
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        seen = _printed(self.folder / "killed.log")
        for file in sorted((self.folder / "curves").iterdir(), key=lambda path: path.stat().st_mtime):
            events = EventAccumulator(str(file)).Reload()
            for name in events.Tags()["scalars"]:
                for event in events.Scalars(name):
                    seen.setdefault(event.step, {})[name] = event.value
        return seen

    def losses(self) -> list[float]:
        """Return the losses of fine-tuning."""
        return [
            float(loss)
            for loss in re.findall(r"train/loss:([0-9.e-]+)", processes.last_words(self.folder / "sft.log", 10**9))
        ]


def live(folder: Path) -> Story:
    """Do all of it; about three minutes on two free cores."""
    processes.adopt_orphans()
    seconds: dict[str, float] = {}
    taught, data = dataset.prepare(folder)
    untaught = tiny_model.save_model(folder / "model", _texts(taught), dataset.words())
    steps = FINE_TUNING_STEPS
    command = commands.fine_tune(untaught, taught, folder / "sft", steps)
    seconds["sft"] = processes.run(command, folder / "sft.log", commands.ENVIRONMENT, seconds=LONGEST)
    start = folder / "sft" / f"global_step_{steps}" / "huggingface"
    left = processes.descendants()

    # A socket's path may have some hundred characters, more than pytest's folders leave.
    ray = Path(tempfile.mkdtemp(prefix="ray-"))
    try:
        train = commands.train(start, data, folder, ray)
        environment = commands.ENVIRONMENT | {"TENSORBOARD_DIR": str(folder / "curves")}
        seconds["killed"] = processes.run(
            train, folder / "killed.log", environment, seconds=LONGEST, until=lambda: _is_saved(folder)
        )
        killed_at = _newest(folder)
        left += processes.descendants()
        # Event files are told apart by the second.
        time.sleep(1)
        seconds["resumed"] = processes.run(train, folder / "resumed.log", environment, seconds=LONGEST)
        left += processes.descendants()
    finally:
        shutil.rmtree(ray, ignore_errors=True)
    return Story(folder, start, killed_at, seconds, left)


def _printed(log: Path) -> dict[int, dict[str, float]]:
    """Return what verl's console logger wrote: a line a step, of which Ray may have put its own mark in front."""
    shown: dict[int, dict[str, float]] = {}
    for step, pairs in re.findall(r"step:(\d+) - (\S.*)", processes.last_words(log, 10**9)):
        for name, value in re.findall(r"(\S+):(-?[0-9.]+(?:e[-+]?\d+)?|nan|inf)(?= - |\s|$)", pairs):
            shown.setdefault(int(step), {})[name] = float(value)
    return shown


def _texts(taught: Path) -> list[str]:
    import pyarrow.parquet as pq

    return [one["content"] for row in pq.read_table(taught).column("messages").to_pylist() for one in row]


def _is_saved(folder: Path) -> bool:
    """Whether a checkpoint is complete, and its step is over, so that its rows and curves are written too."""
    step = _newest(folder)
    file = folder / "rollouts" / f"{step}.jsonl"
    rows = file.read_text("utf-8").splitlines() if step > 0 and file.exists() else []
    logged = _printed(folder / "killed.log").get(step, {})
    return len(rows) == commands.BATCH * commands.EACH and "onethinker/lost_rows" in logged


def _newest(folder: Path) -> int:
    path = folder / "checkpoints" / "latest_checkpointed_iteration.txt"
    text = path.read_text("utf-8") if path.exists() else ""
    return int(text) if text else 0
