"""What a request has to pass: tokens, bounds and deadlines; and what is counted."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from urllib.parse import urlsplit

import httpx2
import pytest

from onethinker_rewards.adapters import RowScorer
from onethinker_rewards.adapters._shared import Each
from onethinker_rewards.adapters.columns import Row
from tests.adapters.gym_requests import verify
from tests.server.serving import GOOD, OPEN_ENDED, TOKEN, openrlhf, post, running
from tests.waiting import wait_for


class HeldJudge:
    """A judge that answers when it is let go."""

    def __init__(self) -> None:
        self.asked, self.free = Event(), Event()

    def __call__(self, questions: list[str | None], *_: object) -> list[float]:
        self.asked.set()
        assert self.free.wait(60)
        return [1.0] * len(questions)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/score", {}, 401),
        ("/score", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ("/score", {"Authorization": f"bearer  {TOKEN}"}, 200),
        ("/score", {"Authorization": f"Basic {TOKEN}"}, 401),
        ("/score", {"Authorization": "Bearer another"}, 401),
        ("/score", {"Authorization": "Bearer \xe9"}, 401),
        ("/score", {"Authorization": "Bearer"}, 401),
        (f"/t/{TOKEN}/score", {}, 200),
        (f"/t/{TOKEN}-/score", {}, 401),
        ("/t//score", {}, 401),
        ("/t/", {}, 401),
        (f"/t/{TOKEN}/metrics", {}, 405),
        ("/metrics", {}, 401),
        ("/nothing", {}, 401),
    ],
)
def test_tokens(path: str, headers: dict[str, str], status: int) -> None:
    with running(tokens=["the-other-token", TOKEN]) as url:
        encoded = {name: value.encode("latin-1") for name, value in headers.items()}
        response = httpx2.post(url + path, json=GOOD, headers=encoded)
        assert response.status_code == status
        assert ("www-authenticate" in response.headers) == (status == 401)


def test_probes_need_no_token_and_nothing_needs_one_where_there_is_none(url: str) -> None:
    with running(tokens=[TOKEN]) as guarded:
        assert httpx2.get(f"{guarded}/health").json() == {"status": "alive"}
        assert httpx2.get(f"{guarded}/ready").json() == {"status": "ready"}
    assert post(f"{url}/t/any/score", GOOD).status_code == 200


def test_a_token_in_a_path_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with running(tokens=[TOKEN], log_requests=True) as url, caplog.at_level(logging.INFO, "onethinker_rewards"):
        post(f"{url}/t/{TOKEN}/score", GOOD)
        post(f"{url}/t/{TOKEN}/score", {"rows": 1})
        post(f"{url}/t/wrong-{TOKEN}/score", GOOD)
    assert "POST /score 200" in caplog.text
    assert "POST /score 401" in caplog.text
    assert TOKEN not in caplog.text


def test_requests_are_logged_only_if_asked_for(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "onethinker_rewards"):
        assert post(f"{url}/score", GOOD).status_code == 200
    assert not caplog.records


def test_a_full_server_says_when_to_come_again() -> None:
    judge = HeldJudge()
    with running(RowScorer(judge=judge), max_in_flight=1) as url, ThreadPoolExecutor() as pool:
        first = pool.submit(post, f"{url}/score", OPEN_ENDED)
        assert judge.asked.wait(60)
        refused = post(f"{url}/score", GOOD)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        # These take no slot.
        assert httpx2.get(f"{url}/ready").status_code == 200
        assert "onethinker_in_flight 1.0" in httpx2.get(f"{url}/metrics").text
        judge.free.set()
        assert first.result().json()["total"] == 1.0
        assert post(f"{url}/score", GOOD).status_code == 200


def test_a_request_that_takes_too_long_gets_an_answer() -> None:
    judge = HeldJudge()
    with running(RowScorer(judge=judge), deadline=0.2) as url:
        response = post(f"{url}/score", {"rows": [OPEN_ENDED, OPEN_ENDED]})
        judge.free.set()
        assert response.status_code == 504
        assert response.headers["retry-after"] == "1"
        assert response.json()["error"] == "not scored within 0.2 s"
        wait_for(lambda: "onethinker_in_flight 0.0" in httpx2.get(f"{url}/metrics").text)


def test_a_body_that_is_too_large() -> None:
    with running(body_limit=1000) as url:
        response = post(f"{url}/score", GOOD | {"response": "x" * 200_000})
        assert response.status_code == 413
        assert response.json()["error"] == "the body is larger than 1,000 bytes"
        # Without a length in its head, too.
        chunks = (b"x" * 500 for _ in range(10))
        assert httpx2.post(f"{url}/score", content=chunks).status_code == 413
        assert post(f"{url}/score", GOOD).status_code == 200


def test_a_body_that_never_ends_is_not_read_for_ever() -> None:
    with running(body_limit=1000) as url, _connection(url) as connection:
        connection.sendall(b"POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 2000)
        assert connection.recv(1000).startswith(b"HTTP/1.1 413")


def test_a_body_that_is_too_slow() -> None:
    with running(body_deadline=0.2) as url, _connection(url) as connection:
        connection.sendall(b"POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        reply = connection.recv(10_000)
        assert reply.startswith(b"HTTP/1.1 408")
        assert b"connection: close" in reply.lower()


def test_a_client_that_leaves_in_its_body(caplog: pytest.LogCaptureFixture) -> None:
    with running() as url, caplog.at_level(logging.INFO):
        with _connection(url) as connection:
            connection.sendall(b"POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        wait_for(lambda: "left before the end" in caplog.text)
        assert post(f"{url}/score", GOOD).status_code == 200
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/score", 405),
        ("PUT", "/verify", 405),
        ("POST", "/ready", 405),
        ("GET", "/", 404),
        ("POST", "/Score", 404),
    ],
)
def test_paths_and_methods(url: str, method: str, path: str, status: int) -> None:
    response = httpx2.request(method, url + path)
    assert response.status_code == status
    assert response.json()["error"]


def test_metrics_count_rows_seconds_and_refusals() -> None:
    with running(RowScorer(), tokens=[TOKEN]) as url:
        its = f"{url}/t/{TOKEN}"
        post(f"{its}/score", {"rows": [GOOD, GOOD, GOOD | {"response": "7"}]})
        post(f"{its}/get_reward", openrlhf([GOOD]))
        post(f"{its}/verify", verify(GOOD | {"task": "sudoku"}))
        httpx2.get(f"{its}/schema/numerical")
        httpx2.get(f"{its}/../anything")
        httpx2.get(f"{url}/score")
        response = httpx2.get(f"{its}/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = set(response.text.splitlines())
    assert {
        'onethinker_rows_total{code="ok",task="numerical"} 3.0',
        'onethinker_rows_total{code="missing_answer",task="numerical"} 1.0',
        'onethinker_refused_total{path="/verify",reason="invalid"} 1.0',
        'onethinker_refused_total{path="/score",reason="unauthorized"} 1.0',
        'onethinker_request_seconds_count{path="/score"} 2.0',
        'onethinker_request_seconds_count{path="/schema"} 1.0',
        "onethinker_in_flight 0.0",
    } <= lines


def test_rows_of_concurrent_requests_are_scored_together() -> None:
    batches: list[int] = []
    free = Event()

    class Held(RowScorer):
        def score_each(self, responses: Sequence[str], rows: Sequence[Row]) -> list[Each]:
            batches.append(len(responses))
            assert free.wait(60)
            return super().score_each(responses, rows)

    with running(Held()) as url, ThreadPoolExecutor(9) as pool:
        first = pool.submit(post, f"{url}/score", GOOD)
        wait_for(lambda: batches)
        others = [pool.submit(post, f"{url}/score", GOOD) for _ in range(8)]
        wait_for(lambda: "onethinker_in_flight 9.0" in httpx2.get(f"{url}/metrics").text)
        free.set()
        assert [reply.result().json()["total"] for reply in [first, *others]] == [2.0] * 9
    assert sum(batches) == 9
    assert max(batches) > 1


def test_a_row_without_a_judge_waits_for_no_judge() -> None:
    judge = HeldJudge()
    with running(RowScorer(judge=judge)) as url, ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, f"{url}/score", OPEN_ENDED)
        assert judge.asked.wait(60)
        assert post(f"{url}/score", GOOD).json()["total"] == 2.0
        judge.free.set()
        assert first.result().json()["total"] == 1.0


def test_the_error_of_one_request_is_not_that_of_another(url: str) -> None:
    replies: dict[int, int] = {}

    def ask(number: int) -> None:
        row = GOOD | {"task": "sudoku"} if number % 2 else GOOD
        replies[number] = post(f"{url}/score", {"rows": [row]}).status_code

    threads = [Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies == {number: 422 if number % 2 else 200 for number in range(16)}


def _connection(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=60)
