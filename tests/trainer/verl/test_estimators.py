"""Every estimator by its key, with labels, padding and conversations; the state of the one that has one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from onethinker_rewards import advantage
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.verl.estimators import ESTIMATORS, Advantages
from onethinker_rewards.trainer.verl.step_context import estimate, step_context
from onethinker_rewards.trainer.verl.trajectories import Trajectories
from tests.trainer.verl.stand_ins import info

REWARDS = torch.tensor([1.0, 0.0, 0.5, 1.0, 0.2, 0.8])
TASKS = ["math", "math", "math", "ocr", "ocr", "ocr"]
MASK = [True, True, True, True, True, False]


def rows(tasks: list[str] = TASKS, **changes: Any) -> Trajectories:
    keys = [f"{task}_{place}_0" for place, task in enumerate(tasks)]
    infos = [{"reward_extra_info": info(task, reward, **changes)} for task, reward in zip(tasks, REWARDS, strict=True)]
    tags = [{"is_padding": not counted} for counted in MASK]
    return Trajectories.read(keys, tags, infos, [{}] * len(keys))


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name not in ("ema_grpo", "gdpo")])
def test_a_baseline_is_the_function_of_that_name(name: str) -> None:
    expected = getattr(advantage, name)(REWARDS, TASKS, TASKS, mask=torch.tensor(MASK))
    estimator = Advantages(name)
    assert estimator(REWARDS, rows()).tolist() == expected.tolist()
    shares = advantage.gradient_share(expected, TASKS)
    assert estimator.metrics() == {f"advantage/{task}/gradient_share": share for task, share in shares.items()}


def test_gdpo_takes_accuracy_and_format_apart() -> None:
    parts = {"normalized": REWARDS, "format": torch.tensor([1.0] * 6)}
    expected = advantage.gdpo(parts, TASKS, TASKS, mask=torch.tensor(MASK), weights={"normalized": 2.0, "format": 1.0})
    options = {"weights": {"normalized": 2.0, "format": 1.0}}
    assert Advantages("gdpo", options)(REWARDS, rows()).tolist() == expected.tolist()


def test_gdpo_leaves_out_what_a_row_does_not_have() -> None:
    absent = rows(format=None)
    expected = advantage.gdpo({"normalized": REWARDS}, TASKS, TASKS, mask=torch.tensor(MASK))
    assert Advantages("gdpo")(REWARDS, absent).tolist() == pytest.approx(expected.tolist())


def test_ema_grpo_divides_by_each_tasks_sigma() -> None:
    estimator, alone = Advantages("ema_grpo", {"decay": 0.5}), advantage.EmaGrpo(decay=0.5)
    for _ in range(2):
        expected = alone(REWARDS, TASKS, TASKS, mask=torch.tensor(MASK))
        assert estimator(REWARDS, rows()).tolist() == expected.tolist()
    assert estimator.metrics() == advantage.log_items(alone.statistics())
    assert estimator.metrics()["advantage/ocr/rows"] == 2.0


def test_all_rows_of_a_conversation_share_the_advantage_of_its_last() -> None:
    keys = ["a_0_0", "a_0_1", "a_1_0"]
    three = Trajectories.read(keys, [{}] * 3, [{"reward_extra_info": info()}] * 3, [{}] * 3)
    values = Advantages("dr_grpo")(torch.tensor([9.0, 1.0, 0.0]), three)
    assert values.tolist() == [0.5, 0.5, -0.5]


def test_a_task_of_padding_alone_has_no_curve() -> None:
    estimator = Advantages("grpo")
    estimator(REWARDS, rows(["math"] * 5 + ["ocr"]))
    assert list(estimator.metrics()) == ["advantage/math/gradient_share"]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [("gppo", {}, "no 'gppo'; there are ema_grpo, grpo"), ("ema_grpo", {"beta": 1}, "estimator_options.*beta")],
)
def test_what_is_refused(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        Advantages(name, options)


def test_a_baselines_wrong_option_is_refused_at_the_first_batch() -> None:
    with pytest.raises(ArgumentError, match=r"estimator_options.*beta"):
        Advantages("grpo", {"beta": 1})(REWARDS, rows())


def test_the_state_goes_through_a_folder(tmp_path: Path) -> None:
    first, second = Advantages("ema_grpo"), Advantages("ema_grpo")
    first(REWARDS, rows())
    first.save(tmp_path)
    second.load(tmp_path)
    assert first(REWARDS, rows()).tolist() == second(REWARDS, rows()).tolist()


def test_a_folder_without_state_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="no running statistics of EMA-GRPO"):
        Advantages("ema_grpo").load(tmp_path)


def test_a_baseline_has_no_state(tmp_path: Path) -> None:
    Advantages("grpo").save(tmp_path)
    Advantages("grpo").load(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_verl_gets_an_advantage_for_each_token() -> None:
    mask = torch.tensor([[1, 1, 0]] * 6)
    rewards = torch.stack([torch.zeros(6), REWARDS, torch.zeros(6)], 1)
    with step_context(Advantages("dr_grpo"), rows()):
        values, returns = estimate(rewards, mask, index=None, config=None)
    assert values.equal(returns)
    assert values.tolist() == (advantage.dr_grpo(REWARDS, TASKS, mask=torch.tensor(MASK))[:, None] * mask).tolist()


def test_without_rows_the_estimator_says_which_trainer_it_needs() -> None:
    with step_context(Advantages("grpo"), rows()):
        pass
    with pytest.raises(ArgumentError, match=r"trainer\.v1\.trainer_mode=onethinker"):
        estimate(REWARDS[:, None], torch.ones(6, 1))
