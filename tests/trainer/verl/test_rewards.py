"""The reward manager of a run on a stand-in for verl's base: the adapter's, ready before it is asked."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest

from onethinker_rewards.adapters import verl as adapter
from onethinker_rewards.trainer.verl import rewards
from tests.trainer.verl.stand_ins import Config, module
from tests.waiting import LONGEST

BASE = "verl.experimental.reward_loop.reward_manager.base"


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> type[Any]:
    stock = type("RewardManagerBase", (), {"__init__": lambda self, config, tokenizer, compute_score: None})
    monkeypatch.setitem(sys.modules, BASE, module(BASE, RewardManagerBase=stock))
    rewards.make_manager.cache_clear()
    return stock


def test_the_manager_is_the_adapters_and_gets_ready_by_itself(base: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    ready = threading.Event()
    monkeypatch.setattr(rewards, "warm_up", ready.set)
    made = rewards.RewardManager
    assert made is rewards.RewardManager
    assert made.run_single.__module__ == adapter.__name__
    assert issubclass(made, base)
    config = Config(reward=Config(custom_reward_function=Config(path=None), reward_kwargs={"recipe": "release"}))
    manager = made(config, Config(decode=None), None, reward_router_address=None, reward_model_tokenizer=None)
    assert manager._scorer.scorer.recipe.name == "release"
    assert ready.wait(LONGEST)


def test_after_it_no_kind_of_answer_is_slow() -> None:
    """In a fresh process: what stemming needs is imported, and mathematics has its processes."""
    code = (
        "import sys; from onethinker_rewards.trainer.verl.rewards import warm_up;"
        "from onethinker_rewards.workers.pool import shared_pool as pool;"
        "assert 'nltk' not in sys.modules and not pool()._processes; warm_up();"
        "print('nltk' in sys.modules, len(pool()._processes) == min(2, pool().size))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=LONGEST, check=True)
    assert done.stdout.split() == [b"True", b"True"]


def test_its_answers_are_scored() -> None:
    rewards.warm_up()


def test_there_is_nothing_else_in_it() -> None:
    with pytest.raises(AttributeError, match="Unknown"):
        _ = rewards.Unknown
