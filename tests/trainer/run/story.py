"""What the runs did: fine-tuned, trained in one go, trained and was killed, went on."""

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
# Seconds for one command, some eight times what it takes on two free cores. A worker that died, or a place that Ray
# does not have, makes verl wait for ever.
LONGEST = 600


@dataclass(frozen=True)
class Story:
    """Where everything lies, and how long it took.

    Attributes:
        folder: Model, data, logs, and one folder a run.
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

    @property
    def whole(self) -> Path:
        """The run that nobody killed: its ``checkpoints``, ``rollouts`` and ``curves``."""
        return self.folder / "whole"

    @property
    def broken(self) -> Path:
        """The run that was killed and went on."""
        return self.folder / "broken"

    def curves(self) -> dict[int, dict[str, float]]:
        """Return names and values of each step of the broken run: from TensorBoard, and from what it printed.

        TensorBoard writes to its file now and then, so the last of a killed run may be missing there.
        """
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        seen = printed(self.folder / "killed.log")
        for file in sorted((self.broken / "curves").iterdir(), key=lambda path: path.stat().st_mtime):
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
    """Do all of it; about four minutes on two free cores."""
    processes.adopt_orphans()
    seconds: dict[str, float] = {}
    left: list[Any] = []
    taught, data = dataset.prepare(folder)
    untaught = tiny_model.save_model(folder / "model", _texts(taught), dataset.words())

    def run(name: str, command: list[str], place: Path, **until: Any) -> None:
        environment = commands.ENVIRONMENT | {"TENSORBOARD_DIR": str(place / "curves")}
        seconds[name] = processes.run(command, folder / f"{name}.log", environment, seconds=LONGEST, **until)
        left.extend(processes.descendants())

    run("sft", commands.fine_tune(untaught, taught, folder / "sft", FINE_TUNING_STEPS), folder / "sft")
    start = folder / "sft" / f"global_step_{FINE_TUNING_STEPS}" / "huggingface"

    # A socket's path may have some hundred characters, more than pytest's folders leave.
    ray = Path(tempfile.mkdtemp(prefix="ray-"))
    whole, broken = folder / "whole", folder / "broken"
    try:
        run("whole", commands.train(start, data, whole, ray), whole)
        train = commands.train(start, data, broken, ray)
        run("killed", train, broken, until=lambda: _is_saved(broken, folder / "killed.log"))
        killed_at = _newest(broken)
        # Event files are told apart by the second.
        time.sleep(1)
        run("resumed", train, broken)
    finally:
        shutil.rmtree(ray, ignore_errors=True)
    return Story(folder, start, killed_at, seconds, left)


def rollouts(run: Path, step: int) -> list[dict[str, Any]]:
    """Return the rows of a run's step, without padding."""
    lines = (run / "rollouts" / f"{step}.jsonl").read_text("utf-8").splitlines()
    return [row for row in map(json.loads, lines) if not row["uid"].startswith("pad")]


def printed(log: Path) -> dict[int, dict[str, float]]:
    """Return what verl's console logger wrote: a line a step, of which Ray may have put its own mark in front."""
    shown: dict[int, dict[str, float]] = {}
    for step, pairs in re.findall(r"step:(\d+) - (\S.*)", processes.last_words(log, 10**9)):
        for name, value in re.findall(r"(\S+):(?:np\.\w+\()?(-?[0-9.]+(?:e[-+]?\d+)?|nan|inf)\)?(?= - |\s|$)", pairs):
            shown.setdefault(int(step), {})[name] = float(value)
    return shown


def _texts(taught: Path) -> list[str]:
    import pyarrow.parquet as pq

    return [one["content"] for row in pq.read_table(taught).column("messages").to_pylist() for one in row]


def _is_saved(run: Path, log: Path) -> bool:
    """Whether a checkpoint is complete, and its step is over, so that its rows and curves are written too."""
    step = _newest(run)
    file = run / "rollouts" / f"{step}.jsonl"
    rows = file.read_text("utf-8").splitlines() if step > 0 and file.exists() else []
    logged = printed(log).get(step, {})
    return len(rows) == commands.BATCH * commands.EACH and "onethinker/lost_rows" in logged


def _newest(run: Path) -> int:
    path = run / "checkpoints" / "latest_checkpointed_iteration.txt"
    text = path.read_text("utf-8") if path.exists() else ""
    return int(text) if text else 0
