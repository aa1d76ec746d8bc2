"""Language models as judges, over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import pickle
import re
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards.judges import (
    YES_NO,
    Blend,
    ChatJudge,
    Criterion,
    JsonVerdict,
    JudgeRow,
    Labels,
    RubricJudge,
    Scale,
    Verdict,
)
from tests.judges.stub_server import chat, fenced_texts, json_reply, stub_server
from tests.judges.teacher import Reply
from tests.judges.test_requests import ROW, ask, ask_one, chat_judge


def test_what_is_asked() -> None:
    with stub_server(chat("They agree.\nyes")) as server:
        judge = chat_judge(server.url)
        assert (
            ask(judge, [ROW, replace(ROW, answer="Two buses.")]) == [Verdict(score=1.0, reason="They agree.\nyes")] * 2
        )
    first, second = server.asked
    assert {key: value for key, value in first.items() if key != "messages"} == {
        "model": "m",
        "temperature": 0.0,
        "max_tokens": 4096,
    }
    system, user = first["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    # What all rows share comes first, and is equal to the byte.
    assert system == second["messages"][0]
    texts = {tuple(fenced_texts(asked["messages"][1]["content"])) for asked in server.asked}
    assert texts == {("What is it?", "A red bus.", "A bus."), ("What is it?", "A red bus.", "Two buses.")}
    assert server.paths == ["/v1/chat/completions"] * 2


@pytest.mark.parametrize("end", ["", "/", "/chat/completions"])
def test_the_url_may_end_in_other_ways(end: str) -> None:
    with stub_server(chat("yes")) as server:
        assert ask_one(chat_judge(server.url + end)).score == 1.0
    assert server.paths == ["/v1/chat/completions"]


@pytest.mark.parametrize("answer", ["", "  \n", "<|im_end|>", "</s>"])
def test_an_empty_answer_is_wrong_without_a_call(answer: str) -> None:
    with stub_server(chat("yes")) as server:
        (verdict,) = ask(chat_judge(server.url), [replace(ROW, answer=answer)])
        assert (verdict.score, server.asked) == (0.0, [])


def test_answers_that_need_no_call() -> None:
    rows = [replace(ROW, answer=" A red bus.\n"), replace(ROW, answer="x" * 1_000), ROW]
    with stub_server(chat("no")) as server:
        verdicts = ask(chat_judge(server.url, equal_is_right=True, longest_answer=999), rows)
        assert [verdict.score for verdict in verdicts] == [1.0, 0.0, 0.0]
        assert len(server.asked) == 1
    with stub_server(chat("yes")) as server:
        assert ask_one(chat_judge(server.url, longest_answer=len(ROW.answer))).score == 1.0
        assert ask_one(chat_judge(server.url, longest_answer=len(ROW.answer) - 1)).score == 0.0


def test_a_reply_that_is_cut_off_is_asked_for_once_more_with_double() -> None:
    with stub_server(lambda request, number: chat("yes", finish=["length", "stop"][number])) as server:
        judge = chat_judge(server.url, max_tokens=50)
        assert ask_one(judge).score == 1.0
    assert [asked["max_tokens"] for asked in server.asked] == [50, 100]
    assert (judge.counts.tokens_in, judge.counts.tokens_out) == (200, 20)


def test_a_limit_under_its_new_name_is_doubled_too() -> None:
    with stub_server(chat("yes", finish="length")) as server:
        verdict = ask_one(chat_judge(server.url, body={"max_tokens": None, "max_completion_tokens": 7}))
    assert verdict == Verdict(code=otr.FailureCode.JUDGE_CUT_OFF, reason="cut off after 10 tokens")
    assert [asked["max_completion_tokens"] for asked in server.asked] == [7, 14]
    assert all("max_tokens" not in asked for asked in server.asked)


def test_without_a_limit_there_is_nothing_to_double() -> None:
    with stub_server(chat("yes", finish="length")) as server:
        assert ask_one(chat_judge(server.url, body={"max_tokens": None})).code == "judge_cut_off"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (chat("", finish="content_filter"), "content_filter: "),
        (chat(None, refusal="I cannot help with that."), "I cannot help with that."),
    ],
)
def test_refusals(reply: Reply, reason: str) -> None:
    with stub_server(reply) as server:
        verdict = ask_one(chat_judge(server.url))
        assert verdict == Verdict(code=otr.FailureCode.JUDGE_REFUSED, reason=reason)
        assert len(server.asked) == 1


@pytest.mark.parametrize("reply", [chat("perhaps"), chat(None), chat("yes\nno"), chat(None, reasoning_content="yes")])
def test_a_reply_without_a_verdict(reply: Reply) -> None:
    with stub_server(reply) as server:
        assert ask_one(chat_judge(server.url)).code == "judge_unreadable"


def test_a_reply_without_usage() -> None:
    with stub_server(json_reply({"choices": [{"message": {"content": "yes"}}]})) as server:
        assert ask_one(chat_judge(server.url)).score == 1.0


@pytest.mark.parametrize(
    ("verdict", "said", "score"),
    [
        (Labels("right", "partly", "wrong"), "partly", 0.5),
        (Scale(1, 10), "Score: 4", 1 / 3),
        (JsonVerdict(YES_NO, is_guided=True), '{"reason": "x", "verdict": "no"}', 0.0),
    ],
)
def test_other_forms(verdict: Any, said: str, score: float) -> None:
    with stub_server(chat(said)) as server:
        assert ask_one(chat_judge(server.url, verdict=verdict)).score == pytest.approx(score)
    (asked,) = server.asked
    assert asked["messages"][0]["content"].endswith(verdict.instruction)
    assert asked.get("response_format") == verdict.response_format


def test_the_mean_of_samples() -> None:
    """A sample that failed is not a 0: the mean is that of the others."""
    said = {0: chat("yes"), 1: chat("no"), 2: chat("perhaps"), 3: chat("yes")}
    with stub_server(lambda request, number: said[request["seed"]]) as server:
        verdict = ask_one(chat_judge(server.url, samples=4))
        assert (verdict.score, verdict.reason) == (pytest.approx(2 / 3), "yes")
    assert {asked["temperature"] for asked in server.asked} == {1.0}


def test_samples_that_all_fail() -> None:
    with stub_server(chat("perhaps")) as server:
        assert ask_one(chat_judge(server.url, samples=2, temperature=0.3)).code == "judge_unreadable"
    assert [asked["temperature"] for asked in server.asked] == [0.3, 0.3]


def test_samples_are_asked_for_each_even_without_a_seed() -> None:
    with stub_server(chat("yes")) as server:
        ask_one(chat_judge(server.url, samples=3, body={"seed": None}))
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("first", "second", "score", "code"),
    [
        ("yes", "yes", 1.0, None),
        ("yes", "no", 0.0, None),
        ("no", "yes", 0.0, None),
        ("yes", "perhaps", None, "judge_unreadable"),
    ],
)
def test_both_orders_must_agree(first: str, second: str, score: float | None, code: str | None) -> None:
    def answer(request: Mapping[str, Any], number: int) -> Reply:
        *_, reference, _ = fenced_texts(request["messages"][1]["content"])
        return chat(first if reference == ROW.reference else second)

    with stub_server(answer) as server:
        verdict = ask_one(chat_judge(server.url, swap=True))
        assert (verdict.score, verdict.code) == (score, code)
        assert len(server.asked) == 2


PIXELS = np.zeros((2, 3, 3), dtype=np.uint8)


def png() -> bytes:
    image = pytest.importorskip("PIL.Image")
    file = BytesIO()
    image.fromarray(PIXELS).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("form", ["path", "Path", "bytes", "array", "pillow", "dictionary", "list"])
def test_images_go_along(form: str, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(png())
    opened = pytest.importorskip("PIL.Image").fromarray(PIXELS)
    forms: dict[str, Any] = {"path": str(file), "Path": file, "bytes": png(), "array": PIXELS, "pillow": opened}
    forms |= {"dictionary": {"bytes": None, "path": str(file)}, "list": [PIXELS]}
    with stub_server(chat("yes")) as server:
        (verdict,) = ask(chat_judge(server.url, images=True), [replace(ROW, image=forms[form])])
    assert verdict.score == 1.0
    image, text = server.asked[0]["messages"][1]["content"]
    kind, _, content = image["image_url"]["url"].partition(";base64,")
    assert (kind, base64.b64decode(content)) == ("data:image/png", png())
    assert fenced_texts(text["text"])[2] == ROW.answer


def test_an_image_elsewhere_is_named() -> None:
    with stub_server(chat("yes")) as server:
        ask(chat_judge(server.url, images=True), [replace(ROW, image="https://example.org/a.png")])
    assert server.asked[0]["messages"][1]["content"][0]["image_url"] == {"url": "https://example.org/a.png"}


def test_bytes_of_an_unknown_kind() -> None:
    with stub_server(chat("yes")) as server:
        ask(chat_judge(server.url, images=True), [replace(ROW, image=b"what")])
    url = server.asked[0]["messages"][1]["content"][0]["image_url"]["url"]
    assert url.startswith("data:application/octet-stream;base64,")


def test_rows_without_an_image_and_judges_without_eyes() -> None:
    with stub_server(chat("yes")) as server:
        ask(chat_judge(server.url, images=True))
        ask(chat_judge(server.url), [replace(ROW, image=PIXELS)])
    assert all(isinstance(asked["messages"][1]["content"], str) for asked in server.asked)


def test_another_image_is_another_question() -> None:
    images = (PIXELS, PIXELS + 1, PIXELS.copy(), PIXELS.reshape(3, 2, 3))
    rows = [replace(ROW, image=image) for image in images]
    with stub_server(lambda request, number: Reply(body=chat("yes").body, delay=0.05)) as server:
        ask(chat_judge(server.url, images=True), rows)
        assert len({json.dumps(asked) for asked in server.asked}) == 3


@pytest.mark.parametrize(
    ("image", "why"),
    [("nowhere.png", "image nowhere.png: No such file"), (3, "not int"), ({"x": 1}, "not one with x")],
)
def test_images_that_cannot_be_read(image: Any, why: str) -> None:
    with stub_server(chat("yes")) as server, pytest.raises(otr.ArgumentError, match=re.escape(why)):
        ask(chat_judge(server.url, images=True), [replace(ROW, image=image)])


CRITERIA = [Criterion("color", "Is the color right?", 3.0), Criterion("object", "Is the object right?", 1.0)]


def test_a_rubric() -> None:
    said = {"color": {"reason": "It is not named.", "verdict": "no"}, "object": {"reason": "", "verdict": "yes"}}
    with stub_server(chat(json.dumps(said))) as server:
        judge = RubricJudge(server.url, model="m", criteria=CRITERIA, is_guided=True)
        assert ask_one(judge).score == 0.25
        assert pickle.loads(pickle.dumps(judge)).criteria == tuple(CRITERIA)
    told = server.asked[0]["messages"][0]["content"]
    assert told.index("- color:") < told.index("- object:")
    assert server.asked[0]["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize("criteria", [[], [CRITERIA[0], CRITERIA[0]]])
def test_rubrics_that_cannot_be(criteria: list[Criterion]) -> None:
    with pytest.raises(otr.ArgumentError, match="criteria"):
        RubricJudge("http://h/v1", model="m", criteria=criteria)


def test_a_judge_may_be_the_key_of_a_table() -> None:
    judge = ChatJudge("http://h/v1", model="m")
    assert {judge: 1}[judge] == 1
    assert "Blend" in repr(Blend({judge: 1.0}))


def test_many_questions_of_one_row_stay_within_the_bound() -> None:
    with stub_server(lambda request, number: Reply(body=chat("yes").body, delay=0.01)) as server:

        async def run() -> None:
            judge = chat_judge(server.url, samples=4, swap=True, concurrency=3)
            rows = [JudgeRow(answer=f"a {number}", reference="b", question="?") for number in range(5)]
            await asyncio.gather(*(judge.judge(row) for row in rows))
            await judge.aclose()

        asyncio.run(run())
        assert server.most_open <= 3
        assert len(server.asked) == 40
