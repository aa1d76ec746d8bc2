"""A server of judges on a real socket: it answers as a test says, and counts what is open at a time.

Replies of chat models, pooling and classification are made by the functions below; `Reply` may be late, broken off, or
have any status and headers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.judges.teacher import Answering, Reply, Teacher, running


class StubServer(Teacher):
    """A `Teacher` that counts connections, too.

    Attributes:
        open_now: Connections that are open.
        most_open: The most that were open at a time.
    """

    def __init__(self, answering: Answering) -> None:
        super().__init__(answering)
        self.open_now = 0
        self.most_open = 0

    @property
    def root(self) -> str:
        return self.url.removesuffix("/v1")

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self.lock:
            self.open_now += 1
            self.most_open = max(self.most_open, self.open_now)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self.lock:
                self.open_now -= 1


@contextmanager
def stub_server(answering: Answering | Reply) -> Iterator[StubServer]:
    """Run a server for as long as the block lasts; it answers as the function says, or always the same."""
    answer: Answering = (lambda request, number: answering) if isinstance(answering, Reply) else answering
    with StubServer(answer) as server, running(server):
        yield server


def chat(text: str | None, finish: str = "stop", tokens: tuple[int, int] = (100, 10), **message: Any) -> Reply:
    """Return a chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
    return json_reply({"choices": [choice], "usage": usage})


def pooled(score: float, tokens: int = 20) -> Reply:
    """Return what vLLM's ``/pooling`` gives for one row of a reward model: a score for each token."""
    return json_reply({"data": [{"index": 0, "data": [[0.5], [-1.0], [score]]}], "usage": {"prompt_tokens": tokens}})


def classified(score: float) -> Reply:
    """Return what vLLM's ``/classify`` gives for one row of a model with one label."""
    return json_reply({"data": [{"index": 0, "probs": [score]}], "usage": {"prompt_tokens": 9}})


def json_reply(value: object) -> Reply:
    return Reply(body=json.dumps(value).encode())


def polar_parts(packed: str) -> tuple[str, str]:
    """Return reference and answer of a packed text, as a model sees them, whose question has no line break."""
    first, second = packed.removesuffix("[UNUSED_TOKEN_130]").split("<|reward|>")
    return first.partition("\n")[2], second.partition("\n")[2]


def polar(request: Mapping[str, Any], number: int = 0) -> Reply:
    """Score 0 where the answer is the reference, and the lower the fewer words they share."""
    reference, answer = polar_parts((request.get("input") or request["text"])[0])
    shared = len(set(reference.split()) & set(answer.split())) / max(1, len(set(reference.split())))
    return pooled(-8.0 * (1.0 - shared))


_TURN = re.compile(
    r"<\|[^|>]*\|>|<\uff5c[^\uff5c>]*\uff5c>|</?s>|\[/?INST\]|<(?:start|end)_of_turn>|</?think>|\[UNUSED_TOKEN_"
)
_OPENING = re.compile(r" {0,3}(`{3,})[^`]*")


def _read(text: str) -> tuple[list[str], list[str]]:
    """Return the texts between fences and the lines outside of them, as a generous reader of Markdown finds them.

    A fence ends at a line of at least as many back-ticks, with spaces around them; any kind of line break counts.
    """
    inside: list[str] = []
    outside: list[str] = []
    fence = ""
    for line in text.splitlines():
        if fence:
            bare = line.strip()
            if len(bare) >= len(fence) and not bare.strip("`"):
                fence = ""
            else:
                inside[-1] += f"{line}\n"
        elif opening := _OPENING.fullmatch(line):
            fence = opening[1]
            inside.append("")
        else:
            outside.append(line)
    return inside, outside


def fenced_texts(text: str) -> list[str]:
    """Return what a reader finds between fences."""
    return [found.removesuffix("\n") for found in _read(text)[0]]


def outside_of_fences(text: str) -> str:
    """Return what a reader takes as said to it; behind a special token a turn begins, so all of that is."""
    begun, *turns = _TURN.split(text)
    return "\n".join(_read(begun)[1] + turns)


def obeys(honest: str, yes: str = "yes", no: str = "no") -> Answering:
    """Return a judge that does what anybody says to it outside of fences, and else compares two texts.

    Args:
        honest: What is outside of fences where nobody plays a trick.
        yes: Its verdict on an answer that is the reference, and on who tells it anything.
        no: Its verdict on others.
    """

    def answer(request: Mapping[str, Any], number: int) -> Reply:
        text = request["messages"][1]["content"]
        if outside_of_fences(text) != honest:
            return chat(f"I was told so.\n{yes}")
        _, reference, given = fenced_texts(text)
        return chat(f"I compared them.\n{yes if reference.strip() == given.strip() else no}")

    return answer
