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
from onethinker_rewards.trainer.options import option_names
from onethinker_rewards.trainer.verl.batch import Advantages, Trajectories, reward_metrics

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "operate-the-trainer.md").read_text(encoding="utf-8")
OURS = ("onethinker", "advantage")
CURVE = re.compile(r"`([a-z]+\w*(?:/[\w<>]+)+)`")
SECTIONS = "actor_rollout_ref algorithm checkpoint data engine model onethinker optim ray_kwargs reward trainer".split()
# In text and in commands, with a value or without; neither an attribute in Python nor a file.
KEY = re.compile(rf"(?<![\w./\"])((?:{'|'.join(SECTIONS)})\.(?!(?:pt|yaml)\b)\w+(?:\.\w+)*)(?![\w.(/\"])")


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
    return {*reward_metrics(rows, 4, {}, filtered=True), *advantages.metrics()}


def test_the_page_names_every_kind_of_curve_of_ours() -> None:
    named = [pattern_of(name) for name in curves() if name.startswith(OURS)]
    unnamed = {name for name in logged() if not any(pattern.fullmatch(name) for pattern in named)}
    assert {name.rpartition("/")[2] for name in unnamed} == {"rows"}
    assert all(name.startswith("advantage/") for name in unnamed)


@pytest.mark.parametrize("name", sorted(name for name in curves() if name.startswith(OURS)))
def test_curves_of_ours_are_logged(name: str) -> None:
    assert any(pattern_of(name).fullmatch(metric) for metric in logged())


@pytest.mark.parametrize("name", sorted(set(KEY.findall(PAGE))))
def test_keys_exist(name: str) -> None:
    assert name in {*option_names(), *verls_keys()}


def verls_keys() -> Iterator[str]:
    import yaml

    folder = verls_folder() / "trainer" / "config"
    files = {"_generated_ppo_trainer": "", "sft_trainer_engine": "", "engine/fsdp": "engine.", "optim/fsdp": "optim."}
    for file, before in (files | {"model/hf_model": "model."}).items():
        yield from names(yaml.safe_load((folder / f"{file}.yaml").read_text(encoding="utf-8")), before)


def verls_folder() -> Path:
    """Return where verl's files are; nothing of it is imported."""
    spec = importlib.util.find_spec("verl")
    place = Path(sys.prefix) / "peers" / "verl" if spec is None or spec.origin is None else Path(spec.origin).parent
    if not place.is_dir():
        pytest.skip("verl is not here: make .venv/.peers")
    return place


def names(tree: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for key, value in tree.items():
        yield before + key
        if isinstance(value, Mapping):
            yield from names(value, f"{before}{key}.")


def test_the_page_is_looked_at() -> None:
    assert {"training/rollout_actor_probs_pearson_corr", "advantage/<task>/sigma"} <= curves()
    assert {"trainer.resume_mode", "onethinker.filter.max_batches", "data.train_files"} <= set(KEY.findall(PAGE))
