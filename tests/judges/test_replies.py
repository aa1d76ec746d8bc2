"""Replies of an endpoint: which are answers, which refusals, which worth another attempt."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.judges.client import completions
from onethinker_rewards.judges.connection import RequestError, check_status


def reply(*messages: Any) -> bytes:
    return json.dumps({"id": "1", "choices": [{"index": 0, "message": one} for one in messages]}).encode()


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        pytest.param({"content": "a"}, "a", id="plain"),
        pytest.param({"content": None}, "", id="said-nothing"),
        pytest.param({}, "", id="no-content"),
        pytest.param({"content": "\n\na", "reasoning_content": " why\n"}, "<think>why</think>\na", id="thinking-apart"),
        pytest.param({"content": "a", "reasoning": "why"}, "<think>why</think>\na", id="thinking-under-its-new-name"),
        pytest.param({"content": " <think>x</think>a", "reasoning": "y"}, " <think>x</think>a", id="thinking-twice"),
        pytest.param({"content": "a", "reasoning_content": ""}, "a", id="no-thinking"),
        pytest.param({"content": None, "reasoning": "why"}, "<think>why</think>\n", id="only-thinking"),
    ],
)
def test_an_answer(message: dict[str, Any], answer: str) -> None:
    assert completions(reply(message)) == [answer]


def test_several_answers() -> None:
    assert completions(reply({"content": "a"}, {"content": "b", "role": "assistant"})) == ["a", "b"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>Busy</html>", id="no-json"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b"{}", id="no-choices"),
        pytest.param(reply(), id="empty"),
        pytest.param(reply("a"), id="a-message-of-another-type"),
        pytest.param(reply({"content": 3}), id="content-of-another-type"),
        pytest.param(reply({"content": "a"})[:-1], id="cut-off"),
        pytest.param(b'{"choices": [{"message": {"content": "\xff"}}]}', id="no-utf-8"),
    ],
)
def test_what_is_no_completion_may_become_one(body: bytes) -> None:
    with pytest.raises(RequestError):
        completions(body)


def take(status: int, body: bytes) -> list[str]:
    check_status(status, None, body)
    return completions(body)


@given(st.binary(max_size=200))
def test_anything_may_come(body: bytes) -> None:
    for status in (200, 400, 503):
        with pytest.raises(RequestError) as caught:
            take(status, body)
        assert len(str(caught.value)) < 1000
        assert (caught.value.retry_after is None) is (status == 400)


@pytest.mark.parametrize("status", [200, 201])
def test_served(status: int) -> None:
    check_status(status, None, b"")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_worth_another_attempt(status: int) -> None:
    with pytest.raises(RequestError, match=str(status)) as caught:
        check_status(status, None, b"")
    assert caught.value.retry_after == 0


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 413, 422])
def test_refused(status: int) -> None:
    with pytest.raises(RequestError, match=str(status)) as caught:
        check_status(status, "3", b"")
    assert (caught.value.status, caught.value.retry_after) == (status, None)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param({"error": {"message": "too long", "code": 400}}, "400 too long", id="as-openai-says-it"),
        pytest.param({"error": "too long"}, "400 too long", id="as-text"),
        pytest.param({"message": "too\nlong"}, "400 too long", id="on-one-line"),
        pytest.param({"detail": "too long"}, "400 too long", id="as-fastapi-says-it"),
        pytest.param({"detail": [{"msg": "x"}]}, '400 {"detail": [{"msg": "x"}]}', id="as-a-list"),
        pytest.param([1], "400 [1]", id="as-nobody-says-it"),
    ],
)
def test_what_was_said(body: Any, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_status(400, None, json.dumps(body).encode())
    assert str(caught.value) == said


def test_long_texts_are_shortened() -> None:
    with pytest.raises(RequestError) as caught:
        check_status(400, None, b"x" * 10_000)
    assert str(caught.value) == "400 " + "x" * 300 + "…"


def pause(header: str | None) -> float | None:
    with pytest.raises(RequestError) as caught:
        check_status(429, header, b"")
    return caught.value.retry_after


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param(None, 0.0, id="none"),
        pytest.param("7", 7.0, id="seconds"),
        pytest.param("0.5", 0.5, id="less"),
        pytest.param("-3", 0.0, id="negative"),
        pytest.param("3600", 600.0, id="an-hour"),
        pytest.param("nan", 0.0, id="nan"),
        pytest.param("inf", 0.0, id="infinite"),
        pytest.param("soon", 0.0, id="words"),
        pytest.param("Wed, 21 Oct 2015 07:28:00 GMT", 0.0, id="long-ago"),
        pytest.param("Wed, 21 Oct 2015 07:28:00 -0000", 0.0, id="a-date-without-a-zone"),
        pytest.param("Wed, 21 Oct 9999 07:28:00 GMT", 600.0, id="in-eight-thousand-years"),
    ],
)
def test_how_long_to_wait(header: str | None, seconds: float) -> None:
    assert pause(header) == seconds


def test_a_moment_to_wait_for() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=30)
    for zone in (UTC, timezone(timedelta(hours=2)), None):
        assert pause(
            format_datetime(moment.astimezone(zone) if zone else moment.replace(tzinfo=None))
        ) == pytest.approx(30, abs=5)
