"""The command train, from a configuration that comes along to its end on a CPU: another estimator, groups filtered."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from tests.adapters.rows import framework
from tests.docs import test_operations as operations
from tests.trainer.run import commands, dataset

framework("verl", "vllm", "ray", "verl_cpu_platform", target="test-trainer")
pytestmark = [pytest.mark.filterwarnings("ignore::Warning"), pytest.mark.slow]

# Seconds; some 20 and 90 on two free cores.
LONGEST = 600
PROMPTS, EACH = 4, 8
MODEL = {"rl": "actor_rollout_ref.model.path", "sft": "model.path"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both files, videos as folders of frames; what RL trains on has images alone."""
    made = tmp_path_factory.mktemp("command")
    dataset.prepare(made, frames=True)
    dataset.keep_images(made / "rl.parquet")
    return made


@pytest.fixture
def ray() -> Iterator[Path]:
    """A folder for Ray: a socket's path may have some hundred characters, more than pytest's folders leave."""
    made = Path(tempfile.mkdtemp(prefix="ray-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def train(folder: Path, name: str, model: Path, *changes: str) -> Path:
    """Run a configuration on the folder's files, and return its log."""
    from tests.trainer.run import processes

    processes.adopt_orphans()
    stage = "sft" if name.startswith("sft") else "rl"
    paths = [
        f"data.train_files={folder / stage}.parquet",
        f"{MODEL[stage]}={model}",
        f"trainer.default_local_dir={folder / name}",
    ]
    command = ["-m", "onethinker_rewards", "train", "--config", name, *paths, *changes]
    log = folder / f"{name}.log"
    processes.run(command, log, commands.ENVIRONMENT, seconds=LONGEST)
    assert processes.descendants() == []
    return log


def tensorboard(run: Path) -> set[str]:
    """Return the names of the curves in the event files beside the checkpoints."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return {*EventAccumulator(str(run / "curves")).Reload().Tags()["scalars"]}


def test_fine_tuning(folder: Path, story: Any) -> None:
    train(folder, "sft-cpu-smoke", story.folder / "model")
    assert (folder / "sft-cpu-smoke" / "latest_checkpointed_iteration.txt").read_text("utf-8") == "3"
    assert "train/loss" in tensorboard(folder / "sft-cpu-smoke")


def test_reinforcement_learning_on_groups_that_teach_something(folder: Path, story: Any, ray: Path) -> None:
    from tests.trainer.run.story import printed, rollouts

    changes = (
        "onethinker.estimator=dr_grpo",
        "onethinker.filter={}",
        f"data.train_batch_size={PROMPTS}",
        f"actor_rollout_ref.rollout.n={EACH}",
        "data.shuffle=false",
        f"trainer.rollout_data_dir={folder / 'rollouts'}",
        f"+ray_kwargs.ray_init._temp_dir={ray}",
    )
    curves = printed(train(folder, "cpu-smoke", story.start, *changes))
    assert list(curves) == [1, 2]
    for step, shown in curves.items():
        filtered = {name: value for name, value in shown.items() if name.endswith("/filtered_groups")}
        assert sum(filtered.values()) == shown.get("training/filter_groups/evicted_samples", 0.0)
        # The file begins with them.
        assert step > 1 or filtered["onethinker/numerical/filtered_groups"] >= dataset.EACH
        means = group_means(rollouts(folder, step))
        assert len(means) == PROMPTS
        assert all(0.01 < mean < 0.99 for mean in means)
        shares = [value for name, value in shown.items() if name.endswith("/gradient_share")]
        assert math.isclose(sum(shares), 1.0, abs_tol=1e-6)
        assert not any(name.endswith("/sigma") for name in shown)
        assert 0 < shown["actor/grad_norm"] < math.inf
    assert curves[1].keys() <= tensorboard(folder / "cpu-smoke")
    check_the_page_for_operators({*story.curves()[1], *curves[1]})


def check_the_page_for_operators(logged: set[str]) -> None:
    """Hold every curve that the page names, ours and verl's, to what the runs logged."""
    unknown = {name for name in operations.curves() if not any(map(operations.pattern_of(name).fullmatch, logged))}
    assert unknown == set()


def group_means(rows: list[dict[str, Any]]) -> list[float]:
    """Return the mean accuracy, in [0, 1], of each group that was trained on."""
    from tests.trainer.run.test_run import task_of

    batch = otr.score([row["output"] for row in rows], [row["gts"] for row in rows], list(map(task_of, rows)))
    groups: dict[str, list[float]] = {}
    for row, accuracy in zip(rows, batch.normalized.tolist(), strict=True):
        groups.setdefault(row["uid"].rsplit("_", 2)[0], []).append(accuracy)
    assert {len(values) for values in groups.values()} == {EACH}
    return [sum(values) / EACH for values in groups.values()]
