"""Rows of verl's queue, their order and seeds; every estimator by its key; the state of the one that has one."""

from __future__ import annotations

from functools import partial
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from onethinker_rewards import advantage
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.options import ESTIMATORS
from onethinker_rewards.trainer.verl.batch import (
    Advantages,
    Trajectories,
    data_order,
    response_seed,
    reward_info,
    uid_of,
)
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
    estimate = partial(Advantages("dr_grpo").estimate, rows())
    values, returns = estimate(token_level_rewards=rewards, response_mask=mask, index=None, config=None)
    assert values.equal(returns)
    assert values.tolist() == (advantage.dr_grpo(REWARDS, TASKS, mask=torch.tensor(MASK))[:, None] * mask).tolist()


def read(keys: list[str], padding: tuple[int, ...] = ()) -> Trajectories:
    tags = [{"is_padding": True} if place in padding else {} for place, _ in enumerate(keys)]
    fields = [{"reward_extra_info": info(f"task{place}")} for place, _ in enumerate(keys)]
    return Trajectories.read(keys, tags, fields, [{"compute_score": place} for place, _ in enumerate(keys)])


def test_rows_have_group_task_and_seconds() -> None:
    rows = read(["a_0_0", "a_1_0", "b_c_0_0"])
    assert rows.groups == ["a", "a", "b_c"]
    assert rows.tasks == ["task0", "task1", "task2"]
    assert rows.seconds == [0.0, 1.0, 2.0]
    assert rows.counted == [True] * 3
    assert rows.last == [0, 1, 2]


def test_padding_does_not_count() -> None:
    rows = read(["a_0_0", "pad_0_0"], padding=(1,))
    assert rows.counted == [True, False]


def test_of_a_conversation_the_last_row_counts() -> None:
    # As numbers: 10 is after 9.
    rows = read(["a_0_10", "a_0_9", "a_1_0"])
    assert rows.counted == [True, False, True]
    assert rows.last == [0, 0, 2]


def test_wrapped_values_are_read() -> None:
    rows = Trajectories.read(
        ["a_0_0"], [{}], [SimpleNamespace(data={"reward_extra_info": info("ocr")})], [SimpleNamespace(data=None)]
    )
    assert (rows.tasks, rows.seconds) == (["ocr"], [0.0])


@pytest.mark.parametrize("fields", [None, {}, {"reward_extra_info": None}, {"reward_extra_info": {"score": 1.0}}])
def test_another_reward_is_refused(fields: object) -> None:
    with pytest.raises(ArgumentError, match=r"onethinker_rewards\.adapters\.verl"):
        reward_info(fields)


def test_a_key_begins_with_its_prompt() -> None:
    assert uid_of("12-34_5_6") == "12-34"


def data_row(index: int = 1, group: str | None = "a/1", session: int = 0, step: int = 1) -> dict[str, Any]:
    info = {} if group is None else {"group": group}
    return {"index": index, "extra_info": info, "session_id": session, "global_steps": step}


def test_every_response_has_a_seed_of_its_own() -> None:
    rows = [data_row(*each) for each in product((1, 2), ("a/1", "b/1"), range(8), (1, 2))]
    seeds = {response_seed(seed, each) for seed in (0, 1) for each in rows}
    assert len(seeds) == 2 * len(rows)
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_a_seed_is_the_same_again() -> None:
    # In another process too: a checkpoint may be older than this version.
    assert response_seed(7, data_row()) == response_seed(7, data_row()) == 1491747701


@pytest.mark.parametrize("without", [{"extra_info": None}, {"extra_info": {}}])
def test_rows_without_a_group_have_their_number(without: dict[str, Any]) -> None:
    assert response_seed(7, data_row(1) | without) != response_seed(7, data_row(2) | without)


def test_rows_are_in_the_order_of_the_data_whichever_is_done_first() -> None:
    rows = {
        "y_0_0": data_row(2),
        "x_10_0": data_row(1),
        "x_2_1": data_row(1),
        "x_2_0": data_row(1),
        "w_0_0": data_row(10),
        "z_0_0": data_row(2, "b/1"),
    }  # fmt: skip
    keys, columns = list(rows), [[row[name] for row in rows.values()] for name in ("index", "extra_info")]
    assert [keys[place] for place in data_order(keys, *columns)] == [
        "x_2_0", "x_2_1", "x_10_0", "y_0_0", "z_0_0", "w_0_0"
    ]  # fmt: skip


def test_a_batch_of_nothing() -> None:
    assert data_order([], [], []) == []
