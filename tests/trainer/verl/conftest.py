"""As much of verl and its transfer queue as our modules touch, for all tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.adapters.stand_ins import stand_in
from tests.trainer.verl.stand_ins import StockBuffer, StockDataset, StockLoop, StockTrainer

NAME = "onethinker_rewards.trainer.verl"


@pytest.fixture
def verl(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Put stand-ins where verl is imported from; yield our modules on them, and verl's tables and data set."""
    estimators: dict[str, Any] = StockTrainer.estimators
    estimators.clear()
    trainers: dict[str, Any] = {}
    v1 = "verl.trainer.ppo.v1"
    stand_in(monkeypatch, "transfer_queue")
    stand_in(monkeypatch, "verl.trainer.ppo.core_algos", ADV_ESTIMATOR_REGISTRY=estimators)
    register = lambda name: lambda made: trainers.setdefault(name, made)  # noqa: E731
    stand_in(monkeypatch, v1, PPOTrainerSync=StockTrainer, register_trainer=register)
    stand_in(monkeypatch, f"{v1}.replay_buffer", ReplayBuffer=StockBuffer)
    stand_in(monkeypatch, "verl.experimental.agent_loop.single_turn_agent_loop", SingleTurnAgentLoop=StockLoop)
    stand_in(monkeypatch, "verl.models.transformers.qwen3_vl", get_rope_index="three")
    dataset = ModuleType("multiturn_sft_dataset")
    vars(dataset).update(MultiTurnSFTDataset=StockDataset, get_rope_index="two")
    stand_in(monkeypatch, "verl.utils.dataset", multiturn_sft_dataset=dataset)
    # Our trainer sets it: so that it is gone again afterwards.
    monkeypatch.setenv("TENSORBOARD_DIR", "")
    monkeypatch.delenv("TENSORBOARD_DIR")
    made = {name: import_module(f"{NAME}.{name}") for name in ("trainer", "rollout", "sft")}
    yield SimpleNamespace(**made, estimators=estimators, trainers=trainers, dataset=dataset)
    for name in made:
        del sys.modules[f"{NAME}.{name}"]
