"""The callback: what it asks of the trainer, what it tells the scale, what it leaves in the checkpoint."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters.scale import TaskScale
from onethinker_rewards.adapters.steps import make_callback
from tests.adapters.stand_ins import Trainer, transformers

REWARDS, TASKS = np.array([0.0, 1.0]), ["ocr", "ocr"]


@pytest.fixture(autouse=True)
def _transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    transformers(monkeypatch)


def trained() -> tuple[TaskScale, Trainer]:
    scale = TaskScale()
    trainer = Trainer(make_callback(scale), scale_rewards="none")
    trainer.send("on_train_begin")
    trainer.send("on_step_begin")
    scale(REWARDS, TASKS)
    return scale, trainer


@pytest.mark.parametrize(
    "args",
    [
        pytest.param({"scale_rewards": "group"}, id="divided_by_group"),
        pytest.param({"scale_rewards": "none", "multi_objective_aggregation": "normalize_then_sum"}, id="each_divided"),
        pytest.param({"scale_rewards": "none", "advantage_estimator": "rloo"}, id="another_estimator"),
    ],
)
def test_a_trainer_that_makes_something_else_of_rewards_is_refused(args: dict[str, str]) -> None:
    with pytest.raises(otr.ArgumentError, match=f"EMA-GRPO needs {[*args][-1]}="):
        Trainer(make_callback(TaskScale()), **args)


@pytest.mark.parametrize("end", ["on_step_end", "on_train_end"])
def test_sigma_moves_between_begin_and_end_of_a_step(end: str) -> None:
    scale, trainer = trained()
    moved = scale.to_json()
    trainer.send(end)
    scale(REWARDS * 2, TASKS)
    assert scale.to_json() == moved
    trainer.send("on_step_begin")
    scale(REWARDS * 2, TASKS)
    assert scale.to_json() != moved


def test_state_is_taken_over_from_the_checkpoint() -> None:
    scale, trainer = trained()
    checkpoint = json.loads(json.dumps({"onethinker_ema": trainer.callback.state()}))
    fresh = TaskScale()
    resumed = Trainer(make_callback(fresh), scale_rewards="none")
    resumed.state = SimpleNamespace(global_step=1, stateful_callbacks=checkpoint)
    resumed.send("on_train_begin")
    assert fresh.to_json() == scale.to_json()


def test_a_checkpoint_without_state_is_refused() -> None:
    trainer = Trainer(make_callback(TaskScale()), scale_rewards="none")
    trainer.state = SimpleNamespace(global_step=7, stateful_callbacks={})
    with pytest.raises(otr.ArgumentError, match="checkpoint of step 7 has no running statistics"):
        trainer.send("on_train_begin")


def test_two_callbacks_of_one_name_are_refused() -> None:
    trainer = Trainer(make_callback(TaskScale(), "mine"), scale_rewards="none")
    # A trainer keeps the states of callbacks of one name in a list.
    trainer.state.stateful_callbacks["mine"] = [trainer.callback.state()] * 2
    with pytest.raises(otr.ArgumentError, match="two callbacks are named 'mine'"):
        trainer.send("on_train_begin")


def test_a_callback_that_the_trainer_makes_anew_serves_the_same_scale() -> None:
    scale, trainer = trained()
    anew = type(trainer.callback)()
    assert anew.state() == trainer.callback.state()
    anew.on_step_end(None, None, None)
    assert scale(REWARDS, TASKS) is REWARDS


def test_two_scales_have_callbacks_of_different_names() -> None:
    names = [type(make_callback(TaskScale(), name)).__name__ for name in ("onethinker_ema", "boxes_ema")]
    assert names == ["onethinker_ema", "boxes_ema"]
