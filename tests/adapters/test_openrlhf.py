"""The reward function of OpenRLHF, called as `openrlhf/utils/agent.py` of 0.11.2 calls it."""

from __future__ import annotations

import json
import logging
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.adapters.openrlhf import make_reward, response_of, reward_func
from tests.adapters.judges import OPEN_ENDED, DownJudge
from tests.adapters.rows import shared_rows

PROMPT = "<|im_start|>user\nWhere is it?<|im_end|>\n<|im_start|>assistant\n"
END = "<|im_end|>"


def call(reward: Any, response: str, label: object) -> dict[str, Any]:
    text = label if isinstance(label, str) else json.dumps(label)
    return reward([PROMPT + response + END], [PROMPT], [text])


def test_the_shared_rows_get_the_totals_of_score_from_many_threads() -> None:
    rows = shared_rows()
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(partial(call, reward_func), rows.responses, rows.mappings()))
    batch = rows.batch()
    assert torch.equal(torch.cat([answer["rewards"] for answer in answers]), torch.tensor(batch.total).float())
    assert torch.equal(torch.cat([answer["scores"] for answer in answers]), torch.tensor(batch.normalized).float())


def test_several_rows_in_one_call() -> None:
    rows = shared_rows().take(range(40))
    reward = make_reward(recipe="release")
    labels = [json.dumps(row) for row in rows.mappings()]
    answer = reward([PROMPT + response for response in rows.responses], [PROMPT] * 40, labels)
    batch = rows.batch("release")
    assert torch.equal(answer["rewards"], torch.tensor(batch.total).float())
    assert answer["extra_logs"]["onethinker_accuracy"] == pytest.approx(batch.accuracy.mean())


def test_logs_have_the_same_keys_for_every_task() -> None:
    rows = shared_rows()
    answers = list(map(partial(call, reward_func), rows.responses[::7], rows.mappings()[::7]))
    assert {tuple(answer["extra_logs"]) for answer in answers} == {
        ("onethinker_accuracy", "onethinker_normalized", "onethinker_format", "onethinker_failed")
    }
    assert all(type(value) is float for answer in answers for value in answer["extra_logs"].values())


def test_an_unread_answer_counts_as_failed() -> None:
    answer = call(reward_func, "no tags", {"task": "numerical", "reference": "1"})
    assert answer["extra_logs"]["onethinker_failed"] == 1.0


@pytest.mark.parametrize(
    ("label", "error", "words"),
    [
        pytest.param({"task": "numerical", "reference": "one"}, otr.BadReferenceError, "row 0", id="reference"),
        pytest.param({"task": "sudoku", "reference": "1"}, otr.UnknownTaskError, "sudoku", id="task"),
        pytest.param({"reference": "1"}, otr.ArgumentError, "'task' or 'problem_type'", id="column"),
        pytest.param("7", otr.ArgumentError, "labels: expected a JSON object", id="number"),
        pytest.param("<answer>7</answer>", otr.ArgumentError, "labels: expected a JSON object", id="text"),
    ],
)
def test_an_error_is_raised_and_logged(
    label: object, error: type[Exception], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(error, match=words):
        call(reward_func, "<answer>1</answer>", label)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert words.replace("\\", "") in caplog.text


def test_a_label_that_is_no_text_is_an_error() -> None:
    with pytest.raises(otr.ArgumentError, match="labels"):
        reward_func([PROMPT], [PROMPT], [{"task": "numerical"}])  # type: ignore[list-item]


def test_a_judge_that_fails_is_an_error() -> None:
    with pytest.raises(otr.JudgeError, match="no value for a missing reward"):
        call(make_reward(judge=DownJudge()), "<think>a</think><answer>A cat.</answer>", OPEN_ENDED)


def test_pickles() -> None:
    reward = pickle.loads(pickle.dumps(make_reward(recipe="release")))
    answer = call(reward, "<answer>1</answer>", {"task": "numerical", "reference": "1"})
    assert answer["rewards"].tolist() == [pytest.approx(0.9)]


@pytest.mark.parametrize(
    ("query", "prompt", "response"),
    [
        pytest.param("ab", "a", "b", id="plain"),
        pytest.param("a", "a", "", id="nothing written"),
        pytest.param("<|v|><|i|><|i|><|i|><|/v|>\nHow?A", "<|v|><|i|><|/v|>\nHow?", "A", id="one image"),
        pytest.param("<i><i>a<i><i><i>bR", "<i>a<i>b", "R", id="two images"),
        pytest.param("<i><i><i>aR", "<i><i>a", "R", id="two images side by side"),
        pytest.param("<i><i>a<think><think>b", "<i>a<think>", "<think>b", id="thinking opened by the prompt"),
        pytest.param("<i><i>a.(R", "<i>a.(", "R", id="signs of patterns"),
        pytest.param("<i><i>a\nb<i>aR", "<i>a\n", "b<i>aR", id="the prompt's words again"),
    ],
)
def test_the_response_is_what_follows_the_prompt(query: str, prompt: str, response: str) -> None:
    assert response_of(query, prompt) == response


@pytest.mark.parametrize("query", ["", "here is it?R", "<i><j>aR", "xWhere"])
def test_a_query_without_its_prompt_is_an_error(query: str) -> None:
    with pytest.raises(otr.ArgumentError, match="does not begin with its prompt"):
        response_of(query, "<i>Where is it?")


@given(
    st.lists(st.tuples(st.integers(1, 4), st.text("ab \n.<(", max_size=5)), max_size=4), st.text("ab<>t ", max_size=8)
)
def test_repeated_placeholders_are_skipped(parts: list[tuple[int, str]], response: str) -> None:
    prompt = "".join("<|pad|>" + text for _, text in parts) + "\nA:"
    query = "".join("<|pad|>" * count + text for count, text in parts) + "\nA:" + response
    assert response_of(query, prompt) == response
