"""Which rows are rewarded, with what, and where the response is found."""

from __future__ import annotations

from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import RowScorer
from onethinker_rewards.adapters.ema_scaler import TaskScaler
from onethinker_rewards.adapters.reward_fn import Rewarder, response_text
from tests.rewards.cases import wrap
from tests.rewards.drawn import FillsBoxes, image, prompt, rectangle, respond

RESPONSES = [wrap("B"), wrap("right"), wrap("7"), wrap("write")]
COLUMNS: dict[str, list[Any]] = {
    "problem_type": ["multiple choice", "OCR", "coding", "ocr"],
    "solution": ["A", "right", None, "right"],
    "prompt_id": [1, 2, 3, 4],
}


def columns_of(*rows: int) -> dict[str, list[Any]]:
    return {name: [values[row] for row in rows] for name, values in COLUMNS.items()}


def test_other_tasks_get_none_even_without_a_reference() -> None:
    rewarded = Rewarder(RowScorer(), ["ocr"])(RESPONSES, COLUMNS)
    assert rewarded.values == [None, 2.0, None, 1.0]
    assert rewarded.rows == [1, 3]
    assert rewarded.batch.tasks == ["ocr", "ocr"]
    assert rewarded.scatter(["a", "b"]) == [None, "a", None, "b"]


@pytest.mark.parametrize("label", [None, 7, "no such task"])
def test_a_label_that_is_no_task_is_of_none_of_them(label: Any) -> None:
    columns = {**columns_of(0, 1), "problem_type": [label, "ocr"], "data_type": [None, "image"]}
    assert Rewarder(RowScorer(), {"ocr"})(RESPONSES[:2], columns).values == [None, 2.0]


def test_a_task_of_two_kinds_is_told_by_its_data_type() -> None:
    columns = {"problem_type": ["segmentation"] * 2, "data_type": ["image", "video"]}
    columns_reader = RowScorer().columns
    assert columns_reader.rows_of(["video_segmentation"], columns, rows=2) == [1]


def test_without_a_choice_of_tasks_an_unknown_one_raises() -> None:
    with pytest.raises(otr.UnknownTaskError) as caught:
        Rewarder(RowScorer())(RESPONSES, {**COLUMNS, "solution": ["B"] * 4})
    assert caught.value.rows == (2,)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [("ocr", "tasks is one str"), (["ocr", "OCR"], "tasks: unknown OCR; the tasks are multiple_choice, numerical")],
)
def test_tasks_that_do_not_exist_are_refused(tasks: Any, message: str) -> None:
    with pytest.raises(otr.ArgumentError, match=message):
        Rewarder(RowScorer(), tasks)


def test_a_judge_without_an_answer_gives_none() -> None:
    scorer = RowScorer(judge=lambda questions, answers, references: [None, 0.5])
    columns = {"task": ["open_ended"] * 2, "reference": ["a", "a"]}
    rewarded = Rewarder(scorer)([wrap("a"), wrap("b")], columns)
    assert rewarded.values == [None, 1.5]
    assert rewarded.log_items("x")["x/open_ended/total"] == 1.5


def test_curves_without_a_number_are_left_out() -> None:
    scorer = RowScorer(judge=lambda questions, answers, references: [None])
    items = Rewarder(scorer)([wrap("a")], {"task": ["open_ended"], "reference": ["a"]}).log_items("x")
    assert "x/open_ended/total" not in items
    assert items["x/open_ended/failure/judge_failed"] == 1.0


def test_what_a_segmenter_counts_is_in_the_curves() -> None:
    class Counting(FillsBoxes):
        def log_items(self) -> dict[str, float]:
            return {"segmenter/cache/hits": float(len(self.asked))}

    columns = {
        "task": ["image_segmentation"],
        "reference": [prompt()],
        "image": [image()],
        "mask": [rectangle(4, 2, 12, 8)],
    }
    for segmenter, counts in ((Counting(), {"x/segmenter/cache/hits": 1.0}), (FillsBoxes(), {})):
        scorer = RowScorer(recipe=otr.with_masks(), segmenter=segmenter)
        items = Rewarder(scorer)(respond(prompt()), columns).log_items("x")
        assert items["x/image_segmentation/part/mask_iou"] == 1.0
        assert {key: value for key, value in items.items() if "segmenter" in key} == counts


def test_scaled_rewards_come_with_sigma() -> None:
    scaler = TaskScaler()
    scaler.attached = True
    scaler.in_step = True
    rewarded = Rewarder(RowScorer(), ["ocr"], scaler)(RESPONSES, COLUMNS)
    assert rewarded.sigmas == {"ocr": 0.5}
    assert rewarded.values == [None, pytest.approx(4.0, rel=1e-5), None, pytest.approx(2.0, rel=1e-5)]
    assert rewarded.batch.total.tolist() == [2.0, 1.0]
    assert rewarded.log_items("x")["x/ocr/sigma"] == 0.5


def test_no_rows_are_no_rewards() -> None:
    rewarded = Rewarder(RowScorer(), ["math"])(RESPONSES, COLUMNS)
    assert (rewarded.values, len(rewarded.batch), rewarded.log_items("x")) == ([None] * 4, 0, {})


ANSWER = "<answer>B</answer>"
RESPONSE = f"<think>Four legs.</think>{ANSWER}"


def said(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


@pytest.mark.parametrize(
    ("completion", "response"),
    [
        pytest.param(RESPONSE, RESPONSE, id="text"),
        pytest.param("", "", id="empty_text"),
        pytest.param([said(RESPONSE)], RESPONSE, id="message"),
        pytest.param([said("I look."), {"role": "tool", "content": "7"}, said(RESPONSE)], RESPONSE, id="last_counts"),
        pytest.param([said(RESPONSE), {"role": "tool", "content": "7"}], RESPONSE, id="assistant_counts"),
        pytest.param([said([{"type": "text", "text": "B"}, {"type": "image"}])], "B", id="parts"),
        pytest.param([said(None)], "", id="no_content"),
        pytest.param([{"role": "assistant"}], "", id="no_content_field"),
        pytest.param([], "", id="no_message"),
        pytest.param([{"role": "tool", "content": "7"}], "", id="no_assistant"),
        pytest.param([said(ANSWER, reasoning_content="Four legs.")], RESPONSE, id="reasoning_split_off"),
        pytest.param([said(ANSWER, thinking="Four legs.")], RESPONSE, id="thinking_split_off"),
        pytest.param([said(ANSWER, reasoning_content=None)], ANSWER, id="no_reasoning"),
    ],
)  # fmt: skip
def test_response_is_what_the_model_wrote(completion: Any, response: str) -> None:
    assert response_text(completion) == response


@pytest.mark.parametrize("completion", [None, 7, [7], {"role": "assistant"}, ["text"]])
def test_anything_else_is_refused(completion: Any) -> None:
    with pytest.raises(otr.ArgumentError, match="completions: expected str or a list of messages"):
        response_text(completion)
