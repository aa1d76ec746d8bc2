"""Rewards behind an endpoint, on a real socket."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.hacks import EndpointError, Signature, endpoint_reward, load_reward
from tests.judges.teacher import Reply, teaching

ROWS = (["It is B.", "It is C."], ["B", "B"], ["multiple_choice", "ocr"])


def contains(asked: dict[str, Any], number: int) -> Reply:
    columns = [asked[name] for name in (("query", "labels") if "query" in asked else ("responses", "references"))]
    rewards = [float(reference in response) for response, reference in zip(*columns, strict=True)]
    return Reply(body=json.dumps({"rewards": rewards}).encode())


def test_our_payload() -> None:
    with teaching(contains) as teacher:
        reward = load_reward(teacher.url)
        assert reward(*ROWS) == [1.0, 0.0]
    assert (reward.signature, reward.source, reward.name) == (Signature.BATCH, None, teacher.url)
    assert teacher.asked == [{"responses": ROWS[0], "references": ROWS[1], "tasks": ROWS[2]}]


def test_many_rows_are_several_requests() -> None:
    with teaching(contains) as teacher:
        rewards = endpoint_reward(teacher.url)(["B"] * 130, ["B"] * 130, ["ocr"] * 130)
    assert rewards == [1.0] * 130
    assert [len(asked["tasks"]) for asked in teacher.asked] == [64, 64, 2]


def test_the_payload_of_openrlhf() -> None:
    with teaching(contains) as teacher:
        assert endpoint_reward(teacher.url, "openrlhf")(*ROWS) == [1.0, 0.0]
    assert teacher.asked[0] == {"query": ["It is B."], "prompts": [""], "labels": ["B"]}


def test_another_signature() -> None:
    with pytest.raises(otr.ArgumentError, match="signature: an endpoint is called as batch or openrlhf, not as verl"):
        endpoint_reward("http://localhost", "verl")


def test_nan_and_null_are_no_numbers() -> None:
    with teaching(lambda *_: Reply(body=b'{"rewards": [NaN, null]}')) as teacher:
        first, second = endpoint_reward(teacher.url)(*ROWS)
    assert math.isnan(first)
    assert second is None


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        pytest.param(Reply(500, b"out of\nmemory"), "answered 500: out of memory", id="an error"),
        pytest.param(Reply(404), "answered 404$", id="nothing there"),
        pytest.param(Reply(body=b"<html>" + 300 * b"x"), "answered no JSON: <html>x{194}…$", id="a page"),
        pytest.param(Reply(body=b"[1.0, 2.0]"), r'answered without a list "rewards": \[1.0, 2.0\]', id="a list"),
        pytest.param(Reply(body=b'{"rewards": 1.0}'), 'answered without a list "rewards"', id="a number"),
        pytest.param(Reply(body=b'{"rewards": [1.0]}'), "answered 1 rewards to 2 rows", id="too few"),
        pytest.param(Reply(drop=True), "could not be reached: RemoteProtocolError", id="gone"),
    ],
)
def test_what_is_no_reward(reply: Reply, message: str) -> None:
    with teaching(lambda *_: reply) as teacher, pytest.raises(EndpointError, match=message):
        endpoint_reward(teacher.url)(*ROWS)


def test_a_slow_endpoint() -> None:
    with teaching(lambda *_: Reply(delay=30.0)) as teacher, pytest.raises(EndpointError, match=r"answer in 0\.1 s"):
        endpoint_reward(teacher.url, timeout=0.1)(*ROWS)


def test_nobody_there() -> None:
    with teaching(contains) as teacher:
        url = teacher.url
    with pytest.raises(EndpointError, match=r"/v1 could not be reached: ConnectError: "):
        endpoint_reward(url)(*ROWS)
    with pytest.raises(EndpointError, match="could not be reached"):
        endpoint_reward("http://[::1")(*ROWS)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(otr.ArgumentError, match=r"needs httpx2: pip install 'onethinker-rewards\[filter\]'"):
        endpoint_reward("http://localhost")
