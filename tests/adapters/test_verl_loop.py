"""The verl adapter inside verl 0.9.1: its loaders, its reward managers, its reward loop, its validation metrics."""

from __future__ import annotations

import asyncio
import math
import re
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import verl as adapter
from tests.adapters.rows import framework, shared_rows
from tests.adapters.verl_parts import data_of, data_of_columns, reward_config, save_tokenizer
from tests.answers.dialect_cases import DIALECTS, dialect_settings, highest_totals, native_rows

framework("verl", "ray", "tensordict")
# What verl and the packages under it warn of is theirs to mend.
pytestmark = [pytest.mark.filterwarnings("ignore::Warning"), pytest.mark.slow]

MODULE = "pkg://onethinker_rewards.adapters.verl"
MANAGER = {
    "reward_manager__source": "importlib",
    "reward_manager__name": "RewardManager",
    "reward_manager__module__path": MODULE,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tokenizer")


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    return save_tokenizer(folder)


def run_worker(config: Any, data: Any) -> list[dict[str, Any]]:
    """Score all rows at once with verl's reward worker, which loads function and manager."""

    async def run() -> list[dict[str, Any]]:
        from verl.experimental.reward_loop.reward_loop import RewardLoopWorker

        return await RewardLoopWorker(config).compute_score_batch(data)

    return asyncio.run(run())


@pytest.mark.parametrize("recipe", ["paper", "release"])
@pytest.mark.parametrize(
    "settings",
    [
        {"custom_reward_function__path": MODULE},
        {"custom_reward_function__path": MODULE, "custom_reward_function__name": "compute_score_async"},
        {"custom_reward_function__path": adapter.__file__},
        MANAGER,
    ],
    ids=["function", "async function", "function by path", "manager"],
)
def test_shared_rows_get_the_totals_of_score(settings: dict, recipe: str, folder: Path, tokenizer: Any) -> None:
    rows = shared_rows()
    key = "reward_kwargs" if settings is MANAGER else "custom_reward_function__reward_kwargs"
    results = run_worker(reward_config(folder, **settings, **{key: {"recipe": recipe}}), data_of(rows, tokenizer))
    assert [result["reward_score"] for result in results] == rows.batch(recipe).total.tolist()
    expected = adapter.log_items(rows.batch(recipe))
    assert str(adapter.log_items([result["reward_extra_info"] for result in results])) == str(expected)


@pytest.mark.parametrize("native", [False, True], ids=["our references", "native references"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("settings", [{"custom_reward_function__path": MODULE}, MANAGER], ids=["function", "manager"])
def test_native_answers_earn_the_maximum(
    settings: dict, dialect: str, native: bool, folder: Path, tokenizer: Any
) -> None:
    rows = native_rows(dialect, native=native)
    responses, references = ([row.pop(name) for row in rows] for name in ("response", "reference"))
    key = "reward_kwargs" if settings is MANAGER else "custom_reward_function__reward_kwargs"
    config = reward_config(folder, **settings, **{key: dialect_settings(dialect, native=native)})
    results = run_worker(config, data_of_columns(responses, references, rows, tokenizer))
    assert [result["reward_score"] for result in results] == pytest.approx(highest_totals(rows), abs=1e-6)


def lines_of_page() -> list[dict[str, str]]:
    """Return the configurations that the how-to page shows, each as keys and values."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "frameworks" / "verl.md").read_text("utf-8")
    blocks = re.findall(r"(?:^    \+?reward\..+=.+\n)+", page, re.MULTILINE)
    return [dict(line.strip().lstrip("+").split("=") for line in block.splitlines()) for block in blocks]


@pytest.mark.parametrize("lines", lines_of_page(), ids=["manager", "function"])
def test_the_lines_of_the_page_do_what_it_says(lines: dict[str, str], folder: Path, tokenizer: Any) -> None:
    rows = shared_rows()
    settings = {key.removeprefix("reward.").replace(".", "__"): value for key, value in lines.items()}
    results = run_worker(reward_config(folder, **settings), data_of(rows, tokenizer))
    assert [result["reward_score"] for result in results] == rows.batch("paper").total.tolist()


@pytest.mark.parametrize("settings", [{"custom_reward_function__path": MODULE}, MANAGER], ids=["function", "manager"])
def test_a_bad_reference_reaches_verl(settings: dict, folder: Path, tokenizer: Any) -> None:
    rows = shared_rows().take([8, 9])
    data = data_of(rows, tokenizer, references=[rows.references[0], "seven"])
    with pytest.raises(otr.BadReferenceError, match="seven"):
        run_worker(reward_config(folder, **settings), data)


@pytest.mark.usefixtures("ray_cluster")
def test_rewards_and_metrics_go_all_the_way(folder: Path, tokenizer: Any) -> None:
    """Two of verl's workers in processes of Ray: rewards at the last token, extra info averaged, the error visible."""
    import ray
    from verl.experimental.reward_loop.reward_loop import RewardLoopManager
    from verl.trainer.ppo.metric_utils import process_validation_metrics
    from verl.trainer.ppo.reward import extract_reward

    rows = shared_rows()
    manager = RewardLoopManager(reward_config(folder, **MANAGER, num_workers=2))
    rewards, infos = extract_reward(manager.compute_rm_score(data_of(rows, tokenizer)))
    assert rewards.sum(dim=1).tolist() == pytest.approx(rows.batch().total.tolist(), abs=1e-6)
    # The reward stands at the last token, which is the special one.
    ends = [len(tokenizer.encode(text)) for text in rows.responses]
    assert rewards[range(len(rows)), ends].tolist() == rewards.sum(dim=1).tolist()

    lists = {key: values.tolist() for key, values in infos.items()}
    metrics = process_validation_metrics(rows.tasks, rows.groups, lists)
    assert set(metrics) == set(rows.tasks)
    assert metrics["spatial_grounding"]["part/box_iou"]
    assert not metrics["ocr"]["part/box_iou"]
    assert not any(math.isnan(value) for of in metrics.values() for curves in of.values() for value in curves.values())

    bad = data_of(rows.take([8, 9]), tokenizer, references=[rows.references[8], "seven"])
    with pytest.raises(ray.exceptions.RayTaskError, match=r"unreadable reference in row 0: .*'seven'"):
        manager.compute_rm_score(bad)
