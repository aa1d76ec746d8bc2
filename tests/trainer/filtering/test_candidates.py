"""Rows with their answers: what is read, and what is wrong with a row."""

from __future__ import annotations

from typing import Any

import pytest

from onethinker_rewards.trainer.data import BadRowError, Fault
from onethinker_rewards.trainer.filtering import answers_of, candidate_of
from tests.rewards.cases import REFERENCES
from tests.trainer.examples import example_row


@pytest.mark.parametrize(
    ("columns", "answers"),
    [
        pytest.param({"responses": ["a", "b"]}, ["a", "b"], id="several"),
        pytest.param({"response": "a"}, ["a"], id="one"),
        pytest.param({"responses": ["a"], "response": "b"}, ["a"], id="several-win"),
        pytest.param({"responses": None, "response": "b"}, ["b"], id="null-is-not-there"),
        pytest.param({"responses": [], "response": None}, None, id="empty"),
        pytest.param({"response": ""}, [""], id="said-nothing"),
        pytest.param({}, None, id="none"),
    ],
)
def test_answers(columns: dict[str, Any], answers: list[str] | None) -> None:
    assert answers_of(columns) == answers


@pytest.mark.parametrize(
    "columns", [{"responses": "a"}, {"responses": ["a", 1]}, {"response": 1}, {"responses": {"a": 1}}]
)
def test_what_are_no_answers(columns: dict[str, Any]) -> None:
    with pytest.raises(BadRowError, match="responses: neither texts in a list nor null"):
        answers_of(columns)


@pytest.mark.parametrize("task", REFERENCES)
def test_rows_of_the_data_set(task: str) -> None:
    row = example_row(task)
    one = candidate_of(row, 7, ["a"])
    assert (one.number, one.columns, one.task, one.responses) == (7, row, task, ["a"])
    assert one.reference == row["answer"]
    assert one.options == (row["options"] or None)


def test_rows_as_score_has_them() -> None:
    one = candidate_of({"task": "ocr", "problem_type": "math", "reference": "STOP"}, 1, ["a"])
    assert (one.task, one.reference, one.options) == ("ocr", "STOP", None)


@pytest.mark.parametrize(
    ("columns", "fault", "why"),
    [
        pytest.param({"answer": "B"}, Fault.COLUMNS, "no task or problem_type", id="no-task"),
        pytest.param({"task": 3, "answer": "B"}, Fault.COLUMNS, "task: no text", id="task-a-number"),
        pytest.param({"task": "poetry", "answer": "B"}, Fault.TASK, "poetry", id="unknown-task"),
        pytest.param(
            {"task": "segmentation", "data_type": 1, "answer": "B"}, Fault.TASK, "segmentation", id="which-one"
        ),
        pytest.param({"task": "ocr"}, Fault.COLUMNS, "no reference or solution or answer or", id="no-reference"),
        pytest.param(
            {"task": "numerical", "answer": "x"}, Fault.REFERENCE, "unreadable reference: not_a_number", id="bad"
        ),
        pytest.param({"task": "ocr", "answer": "x", "options": "ab"}, Fault.COLUMNS, "options: no list", id="options"),
        pytest.param({"task": "ocr", "answer": "x", "options": [1]}, Fault.COLUMNS, "options: no list", id="options-1"),
    ],
)
def test_bad_rows(columns: dict[str, Any], fault: Fault, why: str) -> None:
    with pytest.raises(BadRowError, match=why) as caught:
        candidate_of(columns, 1, ["a"])
    assert caught.value.fault is fault
