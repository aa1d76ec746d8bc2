"""Rows of verl's queue in the words of the estimators."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.verl.trajectories import Trajectories, reward_info, uid_of
from tests.trainer.verl.stand_ins import info


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
    assert [one["scored_as"] for one in rows.counted_infos()] == ["task0"]


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
