"""The reward function of AReaL, called as `areal/workflow/rlvr.py` of 1.0.4 calls it."""

from __future__ import annotations

import logging
import pickle
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters.areal import make_reward, reward_fn
from tests.adapters.judges import OPEN_ENDED, DownJudge, SlowJudge
from tests.adapters.rows import shared_rows


def call(reward: Any, response: str, row: dict[str, Any]) -> float:
    return reward("Where is it?", response + "<|im_end|>", [1, 2], [3, 4], **row)


def test_the_shared_rows_get_the_totals_of_score() -> None:
    rows = shared_rows()
    totals = [call(reward_fn, *pair) for pair in zip(rows.responses, rows.mappings(), strict=True)]
    assert totals == rows.batch().total.tolist()


def test_takes_keywords_as_the_vision_workflow_gives_them() -> None:
    total = reward_fn(
        prompt="…",
        completions="<think>a</think><answer>1</answer>",
        prompt_ids=[],
        completion_ids=[],
        task="numerical",
        reference="1",
        messages="…",
        images=None,
    )
    assert total == 2.0


def test_pickles() -> None:
    reward = pickle.loads(pickle.dumps(make_reward(recipe="release")))
    assert call(reward, "<answer>1</answer>", {"task": "numerical", "reference": "1"}) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("row", "error"),
    [
        pytest.param({"task": "numerical", "reference": "one"}, otr.BadReferenceError, id="reference"),
        pytest.param({"task": "sudoku", "reference": "1"}, otr.UnknownTaskError, id="task"),
        pytest.param({"task": "numerical"}, otr.ArgumentError, id="column"),
    ],
)
def test_an_error_is_raised(row: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        call(reward_fn, "<answer>1</answer>", row)


def test_a_judge_that_fails_is_an_error() -> None:
    with pytest.raises(otr.JudgeError):
        call(make_reward(judge=DownJudge()), "<think>a</think><answer>A cat.</answer>", OPEN_ENDED)


def test_a_reward_that_comes_too_late_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    reward = make_reward(judge=SlowJudge(0.05), limit=0.01)
    assert call(reward, "<think>a</think><answer>A cat.</answer>", OPEN_ENDED) == 2.0
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "at last takes 0" in record.getMessage()


def test_a_reward_in_time_is_not(caplog: pytest.LogCaptureFixture) -> None:
    call(reward_fn, "<answer>1</answer>", {"task": "numerical", "reference": "1"})
    assert not caplog.records
