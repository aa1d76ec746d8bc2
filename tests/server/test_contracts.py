"""The contract of each framework, over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from functools import reduce
from typing import Any

import httpx2
import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import RowScorer
from onethinker_rewards.adapters._shared import Each
from onethinker_rewards.adapters.columns import Row
from tests.adapters.gym_requests import verify
from tests.adapters.judges import DownJudge
from tests.adapters.rows import shared_rows
from tests.server.serving import GOOD, OPEN_ENDED, label, openrlhf, post, running, slime

BOX = {
    "task": "spatial_grounding",
    "response": '<think>Left.</think><answer>{"boxes": [0, 0, 100, 100]}</answer>',
    "reference": {"boxes": [0, 0, 100, 50]},
}
NESTED = reduce(lambda inner, _: [inner], range(250), [])
UNKNOWN = GOOD | {"task": "sudoku"}
BAD = GOOD | {"reference": "one"}


def rows_of(response: httpx2.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    return response.json()["rows"]


def test_score_replies_with_the_rows_of_a_batch(url: str) -> None:
    rows = shared_rows()
    sent = [row | {"response": response} for row, response in zip(rows.mappings(), rows.responses, strict=True)]
    assert rows_of(post(f"{url}/score", {"rows": sent})) == rows.batch().to_rows()


def test_a_row_alone_gets_a_row(url: str) -> None:
    response = post(f"{url}/score", GOOD)
    assert response.json() == otr.score([GOOD["response"]], ["7.0"], "numerical").to_rows()[0]


def test_no_rows_get_no_rows(url: str) -> None:
    assert rows_of(post(f"{url}/score", {"rows": []})) == []


def test_repairs_are_a_list(url: str) -> None:
    row = BOX | {"response": '<think>a</think><answer>{"boxes": [-9, 0, 1009, 50]}</answer>'}
    assert rows_of(post(f"{url}/score", {"rows": [row, BOX]}))[0]["repairs"] == ["clipped"]


@pytest.mark.parametrize("asked", ["paper", "lenient", "release"])
def test_a_request_may_name_its_recipe(url: str, asked: str) -> None:
    row = GOOD | {"response": "<think>a</think><answer>7 cm</answer>"}
    expected = otr.score([row["response"]], ["7.0"], "numerical", recipe=asked).to_rows()
    assert rows_of(post(f"{url}/score", {"rows": [row], "recipe": asked})) == expected
    assert post(f"{url}/score", row | {"recipe": asked}).json() == expected[0]


def test_a_request_may_name_dialects(url: str) -> None:
    row = BOX | {"response": '<think>a</think><answer>[{"bbox_2d": [0, 0, 200, 100]}]</answer>', "size": [2000, 1000]}
    names = {"dialect": "qwen2.5-vl", "reference_dialect": "onethinker"}
    (scored,) = rows_of(post(f"{url}/score", {"rows": [row], **names}))
    assert scored["failure"] is None
    assert scored["accuracy"] == 0.5


@pytest.mark.parametrize("name", ["recipe", "dialect", "reference_dialect"])
def test_an_unknown_recipe_or_dialect_is_named(url: str, name: str) -> None:
    response = post(f"{url}/score", {"rows": [GOOD], name: "papre"})
    assert response.status_code == 422
    assert "'papre'; there are" in response.json()["error"]


def test_options_and_size_are_columns(url: str) -> None:
    row = {"task": "multiple_choice", "response": "<think>a</think><answer>a dog</answer>", "reference": "B"}
    (scored,) = rows_of(post(f"{url}/score", {"rows": [row | {"options": ["a cat", "a dog"]}], "recipe": "lenient"}))
    assert scored["accuracy"] == 1.0


def test_openrlhf_gets_lists_in_its_order(url: str) -> None:
    response = post(f"{url}/get_reward", openrlhf([GOOD, BOX]))
    reply = response.json()
    assert reply["rewards"] == [2.0, 1.5]
    assert reply["scores"] == [1.0, 0.5]
    assert reply["extra_logs"] == {
        "onethinker_accuracy": [1.0, 0.5],
        "onethinker_normalized": [1.0, 0.5],
        "onethinker_format": [1.0, 1.0],
        "onethinker_failed": [0.0, 0.0],
    }


def test_openrlhf_with_a_placeholder_that_the_processor_repeats(url: str) -> None:
    body = openrlhf([GOOD], prompt="<|image_pad|>How many?")
    body["query"] = ["<|image_pad|>" * 50 + "How many?" + GOOD["response"] + "<|im_end|>"]
    assert post(f"{url}/get_reward", body).json()["rewards"] == [2.0]


def test_openrlhf_without_its_prompt_is_told_so_without_the_text(url: str) -> None:
    body = openrlhf([GOOD, GOOD]) | {"prompts": ["<|user|>", "Why?"]}
    response = post(f"{url}/get_reward", body)
    assert response.status_code == 422
    assert [row["row"] for row in response.json()["rows"]] == [1]
    assert "does not begin with its prompt" in response.json()["error"]
    assert "Seven" not in response.text


def test_openrlhf_with_lists_of_different_lengths(url: str) -> None:
    response = post(f"{url}/get_reward", openrlhf([GOOD]) | {"labels": []})
    assert response.status_code == 422
    assert response.json()["error"] == "query, prompts and labels differ in length: 1, 1 and 0"


@pytest.mark.parametrize("text", ["7", "B", "", "[1]", "{"])
def test_a_label_that_is_no_object(url: str, text: str) -> None:
    for path, body in (
        ("get_reward", openrlhf([GOOD]) | {"labels": [text]}),
        ("reward", slime(GOOD) | {"label": text}),
    ):
        response = post(f"{url}/{path}", body)
        assert response.status_code == 422
        assert "row 0: the label is not a JSON object of columns" in response.json()["error"]


def test_slime_gets_a_dictionary_or_the_number(url: str) -> None:
    reply = post(f"{url}/reward", slime(BOX)).json()
    assert (reply["total"], reply["accuracy"], reply["failure"]) == (1.5, 0.5, None)
    assert post(f"{url}/reward?key=total", slime(BOX)).json() == 1.5
    assert post(f"{url}/reward?key=accuracy", slime(BOX)).json() == 0.5


def test_slime_may_send_messages_and_a_label_that_is_an_object(url: str) -> None:
    body = {"prompt": [{"role": "user", "content": "Where?"}], "response": GOOD["response"]}
    assert post(f"{url}/reward?key=total", body | {"label": json.loads(label(GOOD))}).json() == 2.0


def test_an_unknown_key_is_named(url: str) -> None:
    response = post(f"{url}/reward?key=totl", slime(GOOD))
    assert response.status_code == 422
    assert "key: expected one of total, accuracy" in response.json()["error"]


def test_nemo_gym_gets_its_request_again_with_the_reward(url: str) -> None:
    body = verify(BOX)
    reply = post(f"{url}/verify", body).json()
    assert {name: reply[name] for name in body} == body
    assert reply["reward"] == 1.5
    assert (reply["accuracy"], reply["format"], reply["failure"]) == (0.5, 1.0, None)
    assert reply["reward_components"] == {"accuracy": 0.5, "format": 1.0, "structure": 0.0}


def test_nemo_gym_with_a_reasoning_parser(url: str) -> None:
    row = GOOD | {"response": "<answer>7</answer>"}
    assert post(f"{url}/verify", verify(row)).json()["reward"] == 1.0
    assert post(f"{url}/verify", verify(row, thinking="Seven.")).json()["reward"] == 2.0


def test_nemo_gym_takes_the_last_message_after_tools(url: str) -> None:
    body = verify(GOOD, thinking="Seven.")
    first = [
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "I look."}]},
        {"type": "message", "content": "<answer>8</answer>"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Once more."}]},
        {"type": "function_call", "name": "zoom", "arguments": "{}"},
    ]
    body["response"]["output"] = first + body["response"]["output"][1:]
    assert post(f"{url}/verify", body).json()["reward"] == 2.0


def test_nemo_gym_without_a_message_is_an_empty_response(url: str) -> None:
    body = verify(GOOD)
    body["response"]["output"] = []
    reply = post(f"{url}/verify", body).json()
    assert (reply["reward"], reply["failure"]) == (0.0, "missing_answer")


@pytest.mark.parametrize(
    ("params", "question"),
    [
        ({"input": "What is there?"}, "What is there?"),
        ({"input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What?"}]}, "What?"),
        ({"input": [{"role": "system", "content": "Be brief."}]}, None),
        (None, None),
    ],
)
def test_a_judge_sees_the_question_of_nemo_gym(params: object, question: str | None) -> None:
    asked: list[str | None] = []

    def judge(questions: list[str | None], *_: object) -> list[float]:
        asked.extend(questions)
        return [0.5] * len(questions)

    row = {name: value for name, value in OPEN_ENDED.items() if name != "question"}
    with running(RowScorer(judge=judge)) as url:
        body = verify(row) | {"responses_create_params": params}
        assert post(f"{url}/verify", body).json()["accuracy"] == 0.5
        post(f"{url}/verify", body | {"question": "Given?"})
    assert asked == [question, "Given?"]


def test_nemo_gym_seeds_a_session_and_aggregates(url: str) -> None:
    assert post(f"{url}/seed_session", {"anything": 1}).json() == {}
    session = {"resources_session_id": "a"}
    assert post(f"{url}/seed_session", session | {"task_data": {}}).json() == session
    assert post(f"{url}/close_session", session | {"episode_id": "e"}).json() == session
    assert httpx2.get(f"{url}/reverify_mode").json() == "stateless"
    rows = [{"reward": 1.0, "task": "ocr", "_ng_task_index": 0}, {"reward": 2.0, "accuracy": 1}]
    reply = post(f"{url}/aggregate_metrics", {"verify_responses": rows}).json()
    assert reply["agent_metrics"] == {"mean/reward": 1.5, "mean/accuracy": 1.0}
    assert reply["key_metrics"] == reply["agent_metrics"]


def test_rows_that_cannot_be_scored_are_named(url: str) -> None:
    response = post(f"{url}/score", {"rows": [GOOD, UNKNOWN, BAD, {"response": "x", "reference": "1"}]})
    assert response.status_code == 422
    reasons = {row["row"]: row["reason"] for row in response.json()["rows"]}
    assert list(reasons) == [1, 2, 3]
    assert reasons[1].startswith("unknown task: 'sudoku'")
    assert reasons[2].startswith("unreadable reference: not_a_number")
    assert reasons[3].startswith("no column 'task'")
    assert response.json()["error"].startswith("row 1 (and 2 more): unknown task")


def test_a_reason_does_not_call_its_row_the_first(url: str) -> None:
    response = post(f"{url}/score", {"rows": [GOOD, GOOD | {"reference": None}]})
    (fault,) = response.json()["rows"]
    assert fault["row"] == 1
    assert "row 0" not in fault["reason"]


@pytest.mark.parametrize("body", [UNKNOWN, BAD])
def test_a_mistake_of_the_caller_is_never_a_reward(url: str, body: dict[str, Any]) -> None:
    for path, sent in (
        ("score", body),
        ("get_reward", openrlhf([body])),
        ("reward", slime(body)),
        ("reward?key=total", slime(body)),
        ("verify", verify(body)),
    ):
        response = post(f"{url}/{path}", sent)
        assert response.status_code == 422
        assert response.json()["rows"][0]["row"] == 0


@pytest.mark.parametrize(("response", "reason"), [(None, "no response"), (7, "response: expected text, got int")])
def test_a_row_without_a_text_to_score(url: str, response: object, reason: str) -> None:
    reply = post(f"{url}/score", {"rows": [GOOD, GOOD | {"response": response}]})
    assert reply.status_code == 422
    assert reply.json()["rows"] == [{"row": 1, "reason": reason}]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("score", [GOOD]),
        ("score", {"rows": GOOD}),
        ("score", {"rows": [GOOD], "recipes": "paper"}),
        ("score", {"rows": [GOOD], "recipe": 1}),
        ("score", {"rows": [GOOD | {"reference": NESTED}]}),
        ("get_reward", {"query": "x", "prompts": [], "labels": []}),
        ("reward", {"prompt": "x", "response": "y"}),
        ("verify", {"response": "x"}),
        ("aggregate_metrics", {}),
    ],
)
def test_a_body_of_another_form_is_told_where(url: str, path: str, body: object) -> None:
    response = post(f"{url}/{path}", body)
    assert response.status_code == 422
    assert response.json()["error"]


@pytest.mark.parametrize("body", [b"", b"{", b'{"rows": NaN}', b'"\xff"', b"[" * 100_000, b'{"a": "\\ud800"}'])
def test_a_body_that_is_no_json(url: str, body: bytes) -> None:
    response = httpx2.post(f"{url}/score", content=body)
    assert response.status_code == 400
    assert response.json()["error"].startswith("not JSON")


def test_a_large_body_is_read_too(url: str) -> None:
    rows = [GOOD | {"response": "<think>" + "a" * 1000 + "</think><answer>7</answer>"}] * 200
    assert {row["total"] for row in rows_of(post(f"{url}/score", {"rows": rows}))} == {2.0}


def test_a_judge_that_fails_is_null_with_a_code_or_no_reply_to_train_on() -> None:
    with running(RowScorer(judge=DownJudge())) as url:
        scored, other = rows_of(post(f"{url}/score", {"rows": [OPEN_ENDED, GOOD]}))
        assert scored["total"] is None
        assert scored["failure"] == "judge_failed"
        assert other["total"] == 2.0
        for path, body in (
            ("get_reward", openrlhf([GOOD, OPEN_ENDED])),
            ("reward", slime(OPEN_ENDED)),
            ("reward?key=total", slime(OPEN_ENDED)),
        ):
            response = post(f"{url}/{path}", body)
            assert response.status_code == 503
            assert response.headers["retry-after"] == "1"
            assert response.json()["rows"][-1]["reason"] == "judge_failed"


def test_a_judge_that_fails_masks_the_sample_of_nemo_gym() -> None:
    with running(RowScorer(judge=DownJudge())) as url:
        body = verify(OPEN_ENDED) | {"instance_config": {"name": "a"}}
        reply = post(f"{url}/verify", body).json()
        assert reply["mask_sample"] is True
        assert reply["instance_config"] == {"name": "a", "mask_sample": True}
        assert (reply["failure_kind"], reply["failure_reason"]) == ("judge_failed", "judge_failed")
        assert (reply["_ng_failure_class"], reply["_ng_failure_judge_error"]) == ("judge_failed", "judge_failed")
        assert "accuracy" not in reply


def test_a_closed_scorer_is_no_mistake_of_the_caller() -> None:
    class Closed(RowScorer):
        def score_each(self, responses: Sequence[str], rows: Sequence[Row]) -> list[Each]:
            return [otr.JudgeError("the scorer was closed")] * len(rows)

    with running(Closed()) as url:
        response = post(f"{url}/score", {"rows": [GOOD]})
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")


def test_a_judge_that_is_closed_in_between_is_no_mistake_of_the_caller() -> None:
    async def closed(*_: object) -> list[float]:
        raise asyncio.CancelledError

    with running(RowScorer(judge=closed)) as url:
        assert post(f"{url}/score", {"rows": [OPEN_ENDED, GOOD]}).status_code == 503


def test_a_faulty_judge_is_a_fault_of_the_server() -> None:
    def judge(questions: Sequence[object], *_: object) -> list[float]:
        return [7.0] * len(questions)

    with running(RowScorer(judge=judge)) as url:
        assert post(f"{url}/score", {"rows": [OPEN_ENDED, GOOD, OPEN_ENDED]}).status_code == 500
        assert post(f"{url}/score", {"rows": [GOOD]}).status_code == 200


def test_nemo_gym_gets_no_share_of_a_maximum_that_there_is_not() -> None:
    class Raw:
        is_raw = True

        async def judge(self, row: object) -> float:
            return -7.5

    with running(RowScorer(judge=Raw())) as url:
        reply = post(f"{url}/verify", verify(OPEN_ENDED)).json()
        assert (reply["reward"], reply["accuracy"]) == (-7.5, -7.5)
        assert "normalized" not in reply


@pytest.mark.parametrize("row", [{"reference": "\x1b[31m\r\nforged"}, {"task": "\x1b[31m\r\nforged"}])
def test_nothing_that_is_sent_forges_a_line_of_the_log(
    url: str, row: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "onethinker_rewards"):
        assert post(f"{url}/score", GOOD | row).status_code == 422
    (record,) = caplog.records
    assert "forged" in record.getMessage()
    assert record.getMessage().isprintable()


def test_schemas(url: str) -> None:
    shown = httpx2.get(f"{url}/schema/temporal_grounding").json()
    assert shown == otr.json_schema("temporal_grounding")
    shown = httpx2.get(f"{url}/schema/gui_click?reference=1").json()
    assert shown == otr.json_schema("gui_click", reference=True)
    assert httpx2.get(f"{url}/schema/sudoku").status_code == 404
    assert httpx2.get(f"{url}/schema/numerical?dialect=klingon").status_code == 422


def test_no_text_of_a_response_is_logged_or_sent_back(url: str, caplog: pytest.LogCaptureFixture) -> None:
    secret = "the-secret-thought"
    said = GOOD | {"response": f"<think>{secret}</think><answer>{secret}</answer>"}
    with caplog.at_level(logging.DEBUG):
        for path, body in (
            ("score", {"rows": [said | {"task": "sudoku"}]}),
            ("score", {"rows": [said | {"reference": "one"}]}),
            ("score", {"rows": [said | {"options": 7}]}),
            ("get_reward", openrlhf([said]) | {"prompts": ["other"]}),
            ("reward", slime(said) | {"label": "none"}),
        ):
            response = post(f"{url}/{path}", body)
            assert response.status_code == 422
            assert secret not in response.text
    assert "POST /score 422" in caplog.text
    assert secret not in caplog.text
