"""Rewards are divided by σ during a step, σ survives what a trainer does to it, and the callback connects both."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st
from torch import multiprocessing

import onethinker_rewards as otr
from onethinker_rewards.adapters import ema_scaler as module
from onethinker_rewards.adapters.ema_scaler import TaskScaler, make_callback
from onethinker_rewards.advantage import EmaGrpo, EmaRewardScaler
from tests.adapters.stand_ins import Trainer, transformers

REWARDS = np.array([0.0, 1.0, 2.0, 1.5, np.nan, 1.0])
TASKS = ["ocr", "ocr", "math", "math", "math", "ocr"]


def running(**settings: float) -> TaskScaler:
    scale = TaskScaler(**settings)
    scale.attached = True
    scale.in_step = True
    return scale


def test_in_a_step_rewards_are_those_of_the_scaler() -> None:
    scale, scaler = running(decay=0.5), EmaRewardScaler(decay=0.5)
    for factor in (1.0, 2.0, 0.5):
        expected = scaler(torch.from_numpy(REWARDS * factor), TASKS).numpy()
        np.testing.assert_array_equal(scale(REWARDS * factor, TASKS), expected)
    assert scale.sigmas() == dict(zip(scaler.state.labels, _sigmas(scaler), strict=True))


def _sigmas(scaler: EmaRewardScaler) -> list[float]:
    return scaler.state.second.sqrt().tolist()


def test_outside_a_step_rewards_stay_and_sigma_too() -> None:
    scale = running()
    scale(REWARDS, TASKS)
    before = scale.to_json()
    scale.in_step = False
    np.testing.assert_array_equal(scale(REWARDS * 3, TASKS), REWARDS * 3)
    assert scale.to_json() == before


def test_without_a_callback_nothing_is_scaled_but_an_error_raised() -> None:
    with pytest.raises(otr.ArgumentError, match="ema: σ needs the trainer's callback"):
        TaskScaler()(REWARDS, TASKS)


def test_a_setting_out_of_range_is_refused_at_once() -> None:
    with pytest.raises(otr.ArgumentError, match="decay"):
        TaskScaler(decay=2.0)


def test_centered_rewards_are_ema_grpo() -> None:
    rewards, groups = np.array([0.0, 1.0, 2.0, 2.0, 0.5, 1.0]), [0, 0, 0, 1, 1, 1]
    tasks = ["ocr"] * 3 + ["math"] * 3
    scaled = running()(rewards, tasks).reshape(2, 3)
    advantages = EmaGrpo(guard=None)(torch.from_numpy(rewards), groups, tasks)
    np.testing.assert_allclose((scaled - scaled.mean(1, keepdims=True)).ravel(), advantages, rtol=1e-12, atol=1e-15)


@given(st.lists(st.tuples(st.floats(0.0, 4.0), st.sampled_from(["a", "b", "c"])), min_size=1))
def test_state_goes_through_json_exactly(rows: list[tuple[float, str]]) -> None:
    rewards, tasks = np.array([reward for reward, _ in rows]), [task for _, task in rows]
    scale, other = running(), running()
    scale(rewards, tasks)
    other.load_json(json.loads(json.dumps(scale.to_json())))
    assert other.to_json() == scale.to_json()
    np.testing.assert_array_equal(other(rewards, tasks), scale(rewards, tasks))
    assert other.to_json() == scale.to_json()


def test_there_is_no_state_before_the_first_step() -> None:
    scale = running()
    assert (scale.to_json(), scale.sigmas()) == (None, {})
    scale(REWARDS, TASKS)
    scale.load_json(None)
    assert (scale.to_json(), scale.sigmas()) == (None, {})


def test_a_damaged_state_is_refused_when_it_is_loaded() -> None:
    with pytest.raises(otr.ArgumentError, match="state: lacks first"):
        TaskScaler().load_json({"version": 1, "variance": "total", "labels": [], "second": [], "seen": []})


def test_a_copy_in_another_process_has_the_state_but_no_trainer() -> None:
    scale = running(decay=0.5)
    scale(REWARDS, TASKS)
    copy = pickle.loads(pickle.dumps(scale))
    assert copy.to_json() == scale.to_json()
    with pytest.raises(otr.ArgumentError, match="callback"):
        copy(REWARDS, TASKS)
    copy.attached = True
    copy.in_step = True
    np.testing.assert_array_equal(copy(REWARDS, TASKS), scale(REWARDS, TASKS))


def test_a_batch_without_rows_moves_nothing() -> None:
    scale = running()
    scale(REWARDS, TASKS)
    before = scale.to_json()
    assert scale(np.zeros(0), []).shape == (0,)
    assert scale.to_json() == before


@pytest.fixture
def one_process_group(tmp_path: Path) -> Iterator[None]:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("one_process_group")
def test_a_group_of_one_process_changes_nothing() -> None:
    together = running()(REWARDS, TASKS)
    np.testing.assert_array_equal(together, EmaRewardScaler()(torch.from_numpy(REWARDS), TASKS).numpy())
    assert module._device() == "cpu"


@pytest.mark.usefixtures("one_process_group")
def test_nccl_adds_up_on_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "get_backend", lambda: "nccl")
    assert module._device() == "cuda"


@pytest.mark.gpu
def test_nccl_gives_what_one_process_gives(tmp_path: Path) -> None:
    dist.init_process_group("nccl", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    try:
        scale, scaler = running(), EmaRewardScaler()
        for factor in (1.0, 2.0):
            expected = scaler(torch.from_numpy(REWARDS * factor), TASKS).numpy()
            np.testing.assert_allclose(scale(REWARDS * factor, TASKS), expected, rtol=1e-12)
        restored = running()
        restored.load_json(json.loads(json.dumps(scale.to_json())))
        np.testing.assert_array_equal(restored(REWARDS, TASKS), scale(REWARDS, TASKS))
    finally:
        dist.destroy_process_group()


def _rank(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    scale = running()
    # The first rank has no row in the second batch, and calls all the same.
    mine = [slice(None, 2), slice(2, None)][rank]
    first = scale(REWARDS[mine], TASKS[mine])
    second = scale(REWARDS if rank else REWARDS[:0], TASKS if rank else [])
    results = {"state": scale.to_json(), "rewards": [first.tolist(), second.tolist()]}
    (Path(folder) / f"{rank}.json").write_text(json.dumps(results))
    dist.destroy_process_group()


def test_two_processes_equal_one(tmp_path: Path) -> None:
    multiprocessing.spawn(_rank, (str(tmp_path),), nprocs=2)
    zero, one = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    alone = running()
    first, second = alone(REWARDS, TASKS), alone(REWARDS, TASKS)
    assert zero["state"] == one["state"] == alone.to_json()
    np.testing.assert_array_equal(zero["rewards"][0] + one["rewards"][0], first)
    np.testing.assert_array_equal(zero["rewards"][1] + one["rewards"][1], second)


# The callback: what it requires of the trainer, what it reports to the scaler, what it leaves in the checkpoint.

PAIR, PAIR_TASKS = np.array([0.0, 1.0]), ["ocr", "ocr"]


@pytest.fixture(autouse=True)
def _transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    transformers(monkeypatch)


def trained() -> tuple[TaskScaler, Trainer]:
    scale = TaskScaler()
    trainer = Trainer(make_callback(scale), scale_rewards="none")
    trainer.send("on_train_begin")
    trainer.send("on_step_begin")
    scale(PAIR, PAIR_TASKS)
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
        Trainer(make_callback(TaskScaler()), **args)


@pytest.mark.parametrize("end", ["on_step_end", "on_train_end"])
def test_sigma_moves_between_begin_and_end_of_a_step(end: str) -> None:
    scale, trainer = trained()
    moved = scale.to_json()
    trainer.send(end)
    scale(PAIR * 2, PAIR_TASKS)
    assert scale.to_json() == moved
    trainer.send("on_step_begin")
    scale(PAIR * 2, PAIR_TASKS)
    assert scale.to_json() != moved


def test_state_is_taken_over_from_the_checkpoint() -> None:
    scale, trainer = trained()
    checkpoint = json.loads(json.dumps({"onethinker_ema": trainer.callback.state()}))
    fresh = TaskScaler()
    resumed = Trainer(make_callback(fresh), scale_rewards="none")
    resumed.state = SimpleNamespace(global_step=1, stateful_callbacks=checkpoint)
    resumed.send("on_train_begin")
    assert fresh.to_json() == scale.to_json()


def test_a_checkpoint_without_state_is_refused() -> None:
    trainer = Trainer(make_callback(TaskScaler()), scale_rewards="none")
    trainer.state = SimpleNamespace(global_step=7, stateful_callbacks={})
    with pytest.raises(otr.ArgumentError, match="checkpoint of step 7 has no running statistics"):
        trainer.send("on_train_begin")


def test_two_callbacks_of_one_name_are_refused() -> None:
    trainer = Trainer(make_callback(TaskScaler(), "mine"), scale_rewards="none")
    # A trainer keeps the states of callbacks of one name in a list.
    trainer.state.stateful_callbacks["mine"] = [trainer.callback.state()] * 2
    with pytest.raises(otr.ArgumentError, match="two callbacks are named 'mine'"):
        trainer.send("on_train_begin")


def test_a_callback_that_the_trainer_makes_anew_serves_the_same_scale() -> None:
    scale, trainer = trained()
    anew = type(trainer.callback)()
    assert anew.state() == trainer.callback.state()
    anew.on_step_end(None, None, None)
    assert scale(PAIR, PAIR_TASKS) is PAIR


def test_two_scales_have_callbacks_of_different_names() -> None:
    names = [type(make_callback(TaskScaler(), name)).__name__ for name in ("onethinker_ema", "boxes_ema")]
    assert names == ["onethinker_ema", "boxes_ema"]
