"""The command train, from nothing but a configuration that comes along, to its end on a CPU."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.rows import framework
from tests.trainer.run import commands, dataset

framework("verl", "vllm", "ray", "verl_cpu_platform", target="test-trainer")
pytestmark = [pytest.mark.filterwarnings("ignore::Warning"), pytest.mark.slow]

# Seconds; about half a minute and two on two free cores.
LONGEST = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both files and a model."""
    from pyarrow import parquet

    from tests.trainer.run import tiny_model

    made = tmp_path_factory.mktemp("command")
    files = {"messages": dataset.prepare(made)[0], "prompt": made / "rl.parquet"}
    texts = [
        message["content"]
        for column, file in files.items()
        for messages in parquet.read_table(file)[column].to_pylist()
        for message in messages
    ]
    tiny_model.save_model(made / "model", texts, dataset.words())
    return made


@pytest.fixture
def ray() -> Iterator[Path]:
    """A folder for Ray: a socket's path may have some hundred characters, more than pytest's folders leave."""
    made = Path(tempfile.mkdtemp(prefix="ray-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def train(folder: Path, name: str, *changes: str) -> str:
    """Run a configuration on the folder's files, and return what it wrote."""
    from tests.trainer.run import processes

    processes.adopt_orphans()
    stage = "sft" if name.startswith("sft") else "rl"
    places = [f"data.train_files={folder / stage}.parquet", f"model.path={folder}/model", f"run.output={folder / name}"]
    command = ["-m", "onethinker_rewards", "train", "--config", name, *places, *changes]
    log = folder / f"{name}.log"
    processes.run(command, log, commands.ENVIRONMENT, seconds=LONGEST)
    return log.read_text("utf-8", errors="replace")


def test_fine_tuning(folder: Path) -> None:
    train(folder, "sft-cpu-smoke")
    assert (folder / "sft-cpu-smoke" / "latest_checkpointed_iteration.txt").read_text("utf-8") == "3"


def test_reinforcement_learning(folder: Path, ray: Path) -> None:
    said = train(folder, "cpu-smoke", f"verl.+ray_kwargs.ray_init._temp_dir={ray}")
    for step in (1, 2):
        (line,) = (line for line in said.splitlines() if f"step:{step} - " in line)
        assert "onethinker/" in line
        assert "advantage/" in line
    assert "step:3 - " not in said
