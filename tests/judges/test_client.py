"""Asking an endpoint on a real socket that is slow, full, broken, or gone."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import pytest

from onethinker_rewards.judges import client as module
from onethinker_rewards.judges import connection
from onethinker_rewards.judges.client import CompletionClient, Endpoint, EndpointLostError, Message
from onethinker_rewards.judges.connection import RequestError
from tests.judges.teacher import Reply, Teacher, completion, refusal, teaching, text_of
from tests.waiting import LONGEST


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_WAIT", 0.001)


def question(text: str = "What is it?") -> list[Message]:
    return [{"role": "user", "content": [{"type": "text", "text": text}]}]


def endpoint(url: str, **how: Any) -> Endpoint:
    return Endpoint(**{"url": url, "model": "m", "retries": 2, **how})


def ask(
    whom: Endpoint,
    texts: Sequence[str] = ("What is it?",),
    *,
    n: int = 1,
    received: Callable[[list[str]], None] | None = None,
    say: Callable[[str], None] = lambda text: None,
    keys: dict[str, object] | None = None,
) -> list[list[str] | Exception]:
    """Return the completions for each question, or the error that it ended with."""
    found: list[list[str] | Exception] = [[]] * len(texts)

    async def one(client: CompletionClient, index: int) -> None:
        try:
            found[index] = await client.complete(lambda: question(texts[index]), keys, n=n, received=received)
        except (RequestError, EndpointLostError) as error:
            found[index] = error

    async def run() -> None:
        async with CompletionClient.open(whom, say) as client, anyio.create_task_group() as group:
            for index in range(len(texts)):
                group.start_soon(one, client, index)

    anyio.run(run)
    return found


def why(found: list[list[str] | Exception]) -> str:
    (error,) = found
    assert isinstance(error, RequestError)
    return str(error)


def test_what_is_asked() -> None:
    with teaching(lambda request, number: completion("a")) as teacher:
        assert ask(endpoint(teacher.url, body={"temperature": 0.5, "max_tokens": 9})) == [["a"]]
    assert teacher.asked == [
        {
            "model": "m",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}]}],
            "temperature": 0.5,
            "max_tokens": 9,
        }
    ]
    assert teacher.paths == ["/v1/chat/completions"]
    assert "Authorization" not in teacher.headers
    assert teacher.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("end", ["/", "/chat/completions", "/chat/completions/"])
def test_the_url_may_end_in_other_ways(end: str) -> None:
    with teaching(lambda request, number: completion("a")) as teacher:
        ask(endpoint(teacher.url + end))
    assert teacher.paths == ["/v1/chat/completions"]


def test_the_key_goes_along_and_is_never_shown() -> None:
    with teaching(lambda request, number: completion("a")) as teacher:
        whom = endpoint(teacher.url, key="secret")
        ask(whom)
    assert teacher.headers["Authorization"] == "Bearer secret"
    assert "secret" not in repr(whom)


def test_more_keys_win_and_null_takes_one_out() -> None:
    body = {"top_p": 0.9, "temperature": 0.1, "max_tokens": None, "max_completion_tokens": 5}
    with teaching(lambda request, number: completion("a")) as teacher:
        ask(endpoint(teacher.url, body=body))
    (asked,) = teacher.asked
    assert {name: asked.get(name) for name in body} == body
    assert "max_tokens" not in asked


def test_keys_of_one_request_go_along() -> None:
    keys: dict[str, object] = {"top_p": 0.5}
    with teaching(lambda request, number: completion("a")) as teacher:
        ask(endpoint(teacher.url), keys=keys)
        ask(endpoint(teacher.url, body={"top_p": None}), keys=keys)
    first, second = teacher.asked
    assert first["top_p"] == 0.5
    assert "top_p" not in second


def test_several_answers_in_one_request() -> None:
    with teaching(lambda request, number: completion(*"abcd"[: request["n"]])) as teacher:
        assert ask(endpoint(teacher.url), n=3) == [["a", "b", "c"]]
    assert len(teacher.asked) == 1


def test_an_endpoint_that_gives_one_at_a_time_is_asked_again() -> None:
    noted: list[list[str]] = []
    with teaching(lambda request, number: completion("abc"[number])) as teacher:
        assert ask(endpoint(teacher.url), n=3, received=noted.append) == [["a", "b", "c"]]
    assert [one.get("n") for one in teacher.asked] == [3, 2, None]
    assert noted == [["a"], ["b"], ["c"]]


def test_more_answers_than_wanted_are_dropped() -> None:
    with teaching(lambda request, number: completion(*"abc")) as teacher:
        assert ask(endpoint(teacher.url), n=2) == [["a", "b"]]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Reply(429), id="too-many"),
        pytest.param(Reply(500), id="broken"),
        pytest.param(Reply(503, b"<html>"), id="unavailable"),
        pytest.param(Reply(drop=True), id="dropped"),
        pytest.param(Reply(body=b'{"choices"', drop=True), id="dropped-in-the-middle"),
        pytest.param(Reply(body=b"garbage"), id="garbage"),
        pytest.param(Reply(body=b"garbage", headers={"Content-Encoding": "gzip"}), id="not-as-encoded"),
        pytest.param(completion(), id="no-choice"),
    ],
)
def test_what_may_pass_is_tried_again(fault: Reply) -> None:
    with teaching(lambda request, number: completion("a") if number == 2 else fault) as teacher:
        assert ask(endpoint(teacher.url)) == [["a"]]
        assert len(teacher.asked) == 3
        teacher.answering = lambda request, number: fault
        assert why(ask(endpoint(teacher.url, retries=1))).startswith("no answer after 2 attempts: ")
        assert len(teacher.asked) == 5


def test_a_refusal_is_not_tried_again() -> None:
    with teaching(lambda request, number: refusal(400, "too long")) as teacher:
        assert why(ask(endpoint(teacher.url))) == "400 too long"
    assert len(teacher.asked) == 1


def test_the_deadline_is_one_for_the_whole_request() -> None:
    late = Reply(delay=2 * LONGEST, body=completion("b").body)
    with teaching(lambda request, number: completion("a") if number else late) as teacher:
        assert ask(endpoint(teacher.url, timeout=0.5, retries=100)) == [["a"]]
        teacher.answering = lambda request, number: late
        assert (
            why(ask(endpoint(teacher.url, timeout=0.2, retries=0))) == "no answer after 1 attempt: not done after 0.2 s"
        )


def test_a_body_that_never_ends_is_cut_off_by_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        whom = endpoint(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=0.3, retries=0)

        async def trickle() -> None:
            """Send a byte now and then, each well within any deadline of its own."""
            server.setblocking(False)
            listener = await anyio.to_thread.run_sync(_accept, server)
            listener.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            with listener:
                for _ in range(int(LONGEST / 0.05)):
                    await anyio.sleep(0.05)
                    try:
                        listener.sendall(b" ")
                    except OSError:
                        return

        async def run() -> None:
            async with CompletionClient.open(whom, lambda text: None) as client, anyio.create_task_group() as group:
                group.start_soon(trickle)
                with pytest.raises(RequestError, match=r"not done after 0\.3 s"):
                    await client.complete(question)
                group.cancel_scope.cancel()

        anyio.run(run)


def _accept(server: socket.socket) -> socket.socket:
    server.setblocking(True)
    server.settimeout(LONGEST)
    return server.accept()[0]


def test_a_body_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_REPLY_BYTES", 1000)
    with teaching(lambda request, number: completion("a" * 2000)) as teacher:
        assert "more than 1,000 bytes" in why(ask(endpoint(teacher.url, retries=0)))


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "ConnectError" in why(ask(endpoint(f"http://127.0.0.1:{port}", retries=1)))


def test_who_does_not_answer_at_first_is_told_of_once() -> None:
    said: list[str] = []
    with teaching(lambda request, number: refusal(503, "loading")) as teacher:
        ask(endpoint(teacher.url, retries=3), ["What?"] * 3, say=said.append)
        assert said == ["no answer yet, asking again: 503 loading"]
        # Later it is nothing to worry about, and without further attempts the row says it.
        teacher.answering = lambda request, number: completion("a") if number % 2 else Reply(503)
        ask(endpoint(teacher.url, concurrency=1), ["What?"] * 3, say=said.append)
        ask(endpoint(teacher.url, retries=0), say=said.append)
    assert len(said) == 2


def test_it_waits_as_long_as_it_is_asked_to() -> None:
    full = refusal(429, Retry_After="0.3")
    with teaching(lambda request, number: completion("a") if number else full) as teacher:
        begun = time.monotonic()
        assert ask(endpoint(teacher.url)) == [["a"]]
        assert time.monotonic() - begun >= 0.3


def test_waits_double_up_to_the_longest_with_chance_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(connection, "FIRST_WAIT", 1.0)
    monkeypatch.setattr(module.anyio, "sleep", sleep)
    with teaching(lambda request, number: Reply(500)) as teacher:
        for _ in range(4):
            why(ask(endpoint(teacher.url, retries=8)))
    for place, full in enumerate([1, 2, 4, 8, 16, 32, 60, 60]):
        times = waited[place::8]
        assert all(full / 2 <= one <= full for one in times)
        assert len(set(times)) > 1


def test_no_more_are_asked_at_a_time_than_allowed() -> None:
    texts = [f"question {number}" for number in range(12)]
    three = threading.Barrier(3)

    def answer(request: dict[str, Any], number: int) -> Reply:
        if number < 3:
            three.wait(LONGEST)
        return Reply(body=completion(text_of(request)).body, delay=0.05)

    with teaching(answer) as teacher:
        found = ask(endpoint(teacher.url, concurrency=3), texts)
    assert found == [[text] for text in texts]
    assert teacher.at_once == 3


@pytest.mark.parametrize("status", [302, 401, 403, 404, 405])
def test_who_refuses_everybody_from_the_start_is_asked_no_further(status: int) -> None:
    with teaching(lambda request, number: refusal(status, "no such model")) as teacher:
        found = ask(endpoint(teacher.url, concurrency=2), ["What?"] * 9)
        # The two who were there at the same time.
        assert len(teacher.asked) <= 2
    assert [(type(error), str(error)) for error in found] == [(EndpointLostError, f"{status} no such model")] * 9


def test_later_a_refusal_concerns_one_row() -> None:
    with teaching(lambda request, number: refusal(403, "not that") if number else completion("a")) as teacher:
        found = ask(endpoint(teacher.url, concurrency=1), ["What?"] * 3)
    assert found[0] == ["a"]
    assert all(isinstance(one, RequestError) for one in found[1:])


def lost(teacher: Teacher, rows: int, **how: Any) -> list[type]:
    found = ask(endpoint(teacher.url, retries=0, **how), ["What?"] * rows)
    return [type(one) for one in found]


def test_who_answers_nobody_for_long_is_gone() -> None:
    with teaching(lambda request, number: Reply(500)) as teacher:
        found = lost(teacher, 10, concurrency=1)
        assert len(teacher.asked) == 8
    assert found == [RequestError] * 7 + [EndpointLostError] * 3


def test_of_many_at_a_time_all_may_fail_once() -> None:
    with teaching(lambda request, number: Reply(500)) as teacher:
        found = lost(teacher, 12, concurrency=12)
    assert sorted(found, key=str) == sorted([RequestError] * 11 + [EndpointLostError], key=str)


def test_an_answer_in_between_says_that_it_is_there() -> None:
    with teaching(lambda request, number: completion("a") if number % 7 == 6 else Reply(500)) as teacher:
        found = lost(teacher, 21, concurrency=1)
    assert found == ([RequestError] * 6 + [list]) * 3
