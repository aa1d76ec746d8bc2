"""Starting, draining and ending: in this process, and by the command in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.types import ASGIApp

from onethinker_rewards.server import ServerSettings, bind, create_app, serve
from tests.judges.stub_server import chat, stub_server
from tests.server.serving import GOOD, OPEN_ENDED, TOKEN, post
from tests.waiting import LONGEST, wait_for


def make_app() -> ASGIApp:
    return create_app(settings=ServerSettings(drain=0.2))


@pytest.fixture
def signals() -> Iterator[None]:
    """Put back what handles each signal."""
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("workers", [1, 2])
def test_it_serves_until_sigterm(workers: int) -> None:
    listener = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    totals: list[float] = []

    def use() -> None:
        totals.extend(post(f"{url}/score", GOOD).json()["total"] for _ in range(4))
        counted = httpx2.get(f"{url}/metrics").text
        totals.append(float(counted.partition('rows_total{code="ok",task="numerical"} ')[2].split()[0]))
        os.kill(os.getpid(), signal.SIGTERM)

    user = Thread(target=use)
    user.start()
    serve(make_app, listener, ServerSettings(), workers)
    user.join()
    # All processes are counted together.
    assert totals == [2.0, 2.0, 2.0, 2.0, 4.0]


@pytest.mark.usefixtures("signals")
def test_a_second_sigterm_ends_the_drain() -> None:
    listener = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def use() -> None:
        post(f"{url}/score", GOOD)
        os.kill(os.getpid(), signal.SIGTERM)
        wait_for(lambda: httpx2.get(f"{url}/ready").status_code == 503)
        os.kill(os.getpid(), signal.SIGTERM)

    user = Thread(target=use)
    user.start()
    # Without the second one it would take an hour.
    serve(lambda: create_app(settings=ServerSettings(drain=3600)), listener, ServerSettings())
    user.join()


def test_no_reply_waits_for_its_second_half_to_be_asked_for() -> None:
    with bind("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_address_of_the_other_family() -> None:
    try:
        listener = bind("::1", 0)
    except OSError:
        pytest.skip("there is no IPv6 here")
    with listener:
        assert listener.family is socket.AF_INET6


@contextmanager
def command(*options: str) -> Generator[tuple[subprocess.Popen[bytes], str]]:
    """Run the command; give its process and its address."""
    arguments = [sys.executable, "-m", "onethinker_rewards", "serve", "--port", "0", *options]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            said = process.stderr.readline().decode()
            assert said.startswith("Serving on http://"), said + process.stderr.read().decode()
            yield process, said.split()[2].rstrip(",")
        finally:
            process.kill()


def test_sigterm_under_load_answers_every_accepted_request(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    stop, statuses = Event(), list[int]()
    body = {"rows": [GOOD] * 200}
    with command("--token-file", str(tokens), "--drain", "1.5") as (process, url), ThreadPoolExecutor(16) as pool:

        def load() -> None:
            while not stop.is_set():
                statuses.append(post(f"{url}/t/{TOKEN}/score", body).status_code)

        clients = [pool.submit(load) for _ in range(16)]
        wait_for(lambda: len(statuses) > 32 or any(client.done() for client in clients))
        # A request of which half has arrived.
        with half_a_request(url) as finish:
            process.send_signal(signal.SIGTERM)
            wait_for(lambda: httpx2.get(f"{url}/ready").json() == {"status": "draining"})
            # A balancer sends no more from now on.
            stop.set()
            for client in clients:
                client.result()
            assert finish().startswith(b"HTTP/1.1 200")
        assert process.wait(LONGEST) == 0
        assert set(statuses) == {200}
        assert process.stderr is not None
        assert process.stderr.read() == b""


@contextmanager
def half_a_request(url: str) -> Generator[object]:
    parts, body = urlsplit(url), b'{"task": "numerical", "reference": "7", "response": "<answer>7</answer>"}'
    head = f"POST /t/{TOKEN}/score HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall(head + body[:20])

        def finish() -> bytes:
            connection.sendall(body[20:])
            return connection.recv(10_000)

        yield finish


def test_an_interrupt_ends_it_with_130() -> None:
    with command() as (process, url):
        assert post(f"{url}/score", GOOD).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(LONGEST) == 130


def test_a_judge_is_asked_behind_the_server() -> None:
    with stub_server(chat("yes")) as judge, command("--judge", judge.url, "--judge-model", "m") as (_, url):
        assert post(f"{url}/score", OPEN_ENDED).json()["part/judge"] == 1.0
        assert 'onethinker_held{name="judge/tokens_in"} 100.0' in httpx2.get(f"{url}/metrics").text
