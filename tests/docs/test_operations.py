"""Keys and curves that the page for operators names exist."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import onethinker_rewards as otr
from onethinker_rewards.adapters import extra_info
from onethinker_rewards.trainer.config import RlSettings, SftSettings, keys_of
from onethinker_rewards.trainer.verl.curves import rewards_of
from onethinker_rewards.trainer.verl.estimators import Advantages
from onethinker_rewards.trainer.verl.trajectories import Trajectories

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "operate-the-trainer.md").read_text(encoding="utf-8")
OURS = ("onethinker", "advantage")
CURVE = re.compile(r"`([a-z]+\w*(?:/[\w<>]+)+)`")
SECTIONS = sorted({name.partition(".")[0] for stage in (RlSettings, SftSettings) for name, *_ in keys_of(stage)})
# In text and in commands, with a value or without; neither an attribute in Python nor a file.
KEY = re.compile(rf"(?<![\w./])((?:{'|'.join(SECTIONS)})\.(?!(?:pt|yaml)\b)[a-z_]+)(?![\w.(/])")
VERLS = re.compile(r"verl\.((?:\w+\.)+\w+)(?![\w.(])")


def curves() -> set[str]:
    """Return the curves that the page names; run tests look for them in a log."""
    return {name for name in CURVE.findall(PAGE) if not name.startswith(("github", "checkpoints"))}


def pattern_of(name: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"<\w+>", r"\\w+", name))


def logged() -> set[str]:
    """Return the curves of a step of two tasks, one response of each unreadable."""
    responses = ["<think>a</think><answer>B</answer>", "none", "<think>a</think><answer>1.5</answer>", "none"]
    tasks = ["multiple_choice"] * 2 + ["numerical"] * 2
    batch = otr.score(responses, ["B", "B", "1.5", "1.5"], tasks)
    infos = [{**row, "score": row["total"], "scored_as": row["task"]} for row in extra_info(batch)]
    rows = Trajectories(["a", "a", "b", "b"], infos, [True] * 4, [0, 1, 2, 3], [0.1] * 4)
    advantages = Advantages("ema_grpo")
    advantages(torch.from_numpy(batch.total), rows)
    return {*rewards_of(rows, 4, {}, filtered=True), *advantages.curves()}


def test_the_page_names_every_kind_of_curve_of_ours() -> None:
    named = [pattern_of(name) for name in curves() if name.startswith(OURS)]
    unnamed = {name for name in logged() if not any(pattern.fullmatch(name) for pattern in named)}
    assert {name.rpartition("/")[2] for name in unnamed} == {"rows"}
    assert all(name.startswith("advantage/") for name in unnamed)


@pytest.mark.parametrize("name", sorted(name for name in curves() if name.startswith(OURS)))
def test_curves_of_ours_are_logged(name: str) -> None:
    assert any(pattern_of(name).fullmatch(written) for written in logged())


@pytest.mark.parametrize("name", sorted(set(KEY.findall(PAGE))))
def test_keys_exist(name: str) -> None:
    assert name in {known for stage in (RlSettings, SftSettings) for known, *_ in keys_of(stage)}


@pytest.mark.parametrize("name", sorted(set(VERLS.findall(PAGE))))
def test_keys_of_verl_exist(name: str) -> None:
    assert name in set(verls_keys())


def verls_keys() -> Iterator[str]:
    import yaml

    folder = verls_folder() / "trainer" / "config"
    for file in ("_generated_ppo_trainer.yaml", "sft_trainer_engine.yaml"):
        yield from names(yaml.safe_load((folder / file).read_text(encoding="utf-8")))


def verls_folder() -> Path:
    """Return where verl's files are; nothing of it is imported."""
    spec = importlib.util.find_spec("verl")
    package = Path(sys.prefix) / "peers" / "verl" if spec is None or spec.origin is None else Path(spec.origin).parent
    if not package.is_dir():
        pytest.skip("verl is not here: make .venv/.peers")
    return package


def names(tree: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for key, value in tree.items():
        yield before + key
        if isinstance(value, Mapping):
            yield from names(value, f"{before}{key}.")


def test_the_page_is_looked_at() -> None:
    assert {"training/rollout_actor_probs_pearson_corr", "advantage/<task>/sigma"} <= curves()
    assert {"run.resume", "filter.max_batches", "run.save_every"} <= set(KEY.findall(PAGE))
    assert "trainer.resume_mode" in VERLS.findall(PAGE)
