"""verl composes and checks the configuration of the example, and its reward worker scores with it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.rows import framework
from tests.adapters.verl_parts import data_of_columns, save_tokenizer
from tests.answers.dialect_cases import highest_totals, native_rows
from tests.examples.running import EXAMPLES, run

framework("verl", "ray", "tensordict", "hydra")
# What verl and the packages under it warn of is theirs to mend.
pytestmark = [pytest.mark.filterwarnings("ignore::Warning"), pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("model")


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    return save_tokenizer(folder)


@pytest.fixture(scope="module")
def config(folder: Path) -> Any:
    """Return what `verl_run.sh --cfg job` prints."""
    from omegaconf import OmegaConf

    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    change = f"+actor_rollout_ref.model.tokenizer_path={folder}"
    printed = run("bash", EXAMPLES / "verl_run.sh", change, "--cfg", "job", cwd=folder, PATH=path)
    return OmegaConf.create(printed)


def test_verl_takes_the_configuration(config: Any) -> None:
    from omegaconf import OmegaConf
    from verl.utils.config import omega_conf_to_dataclass, validate_config

    OmegaConf.resolve(config)
    for section in ("algorithm", "actor_rollout_ref.rollout", "actor_rollout_ref.actor"):
        omega_conf_to_dataclass(OmegaConf.select(config, section))
    validate_config(config, use_reference_policy=False, use_critic=False)
    assert (config.actor_rollout_ref.rollout.n, config.data.train_batch_size) == (8, 128)


def test_its_reward_scores_in_the_dialect(config: Any, tokenizer: Any) -> None:
    rows = native_rows("qwen3-vl", native=False)
    responses, references = ([row.pop(name) for row in rows] for name in ("response", "reference"))

    async def score() -> list[dict[str, Any]]:
        from verl.experimental.reward_loop.reward_loop import RewardLoopWorker

        worker = RewardLoopWorker(config)
        return await worker.compute_score_batch(data_of_columns(responses, references, rows, tokenizer))

    totals = [result["reward_score"] for result in asyncio.run(score())]
    assert totals == pytest.approx(highest_totals(rows), abs=1e-6)
