"""A small endpoint on a real socket that answers as a test says: slowly, wrongly, or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What is sent back; ``drop`` closes the connection, in the middle of the body where there is one."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False


Answering = Callable[[dict[str, Any], int], Reply]


def completion(*texts: str | None, **columns: Any) -> Reply:
    """Return a reply with these answers; further columns are the message's."""
    choices = [{"index": place, "message": {"content": text, **columns}} for place, text in enumerate(texts)]
    return Reply(body=json.dumps({"choices": choices}).encode())


def refusal(status: int, said: Any = "no", **headers: str) -> Reply:
    return Reply(status, json.dumps({"error": {"message": said}}).encode(), headers)


class Teacher(ThreadingHTTPServer):
    """Answers as ``answering`` says, given the request and its number from 0.

    Attributes:
        asked: All requests, decoded, in the order in which they came.
        served: How many replies have been sent whole.
        at_once: The most requests that were there at a time.
        headers: Those of the last request.
        paths: Of all requests.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answering: Answering) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answering = answering
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.served = 0
        self.at_once = 0
        self.there = 0
        self.headers: Mapping[str, str] = {}
        self.lock = threading.Lock()
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def texts(self) -> list[str]:
        """Return what each request said, without images and videos."""
        return [text_of(one) for one in self.asked]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: who asked has gone."""


def text_of(request: Mapping[str, Any]) -> str:
    return "".join(part.get("text", "") for part in request["messages"][0]["content"])


@contextmanager
def teaching(answering: Answering) -> Iterator[Teacher]:
    """Run an endpoint for as long as the block lasts."""
    with Teacher(answering) as teacher, running(teacher):
        yield teacher


@contextmanager
def running(server: Teacher) -> Iterator[None]:
    """Let a server answer in a thread for as long as the block lasts."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.over.set()
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes, and the second would wait for the first to be acknowledged, 40 ms.
    disable_nagle_algorithm = True
    server: Teacher

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        teacher = self.server
        with teacher.lock:
            number = len(teacher.asked)
            teacher.asked.append(request)
            teacher.paths.append(self.path)
            teacher.headers = dict(self.headers)
            teacher.there += 1
            teacher.at_once = max(teacher.at_once, teacher.there)
        reply = teacher.answering(request, number)
        teacher.over.wait(reply.delay)
        with teacher.lock:
            teacher.there -= 1
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        self.close_connection = reply.drop
        if reply.drop and not reply.body:
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(reply.body) + reply.drop))
        self.end_headers()
        self.wfile.write(reply.body)
        with self.server.lock:
            self.server.served += not reply.drop

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base
        """Write no log."""
