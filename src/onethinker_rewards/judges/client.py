"""A client of endpoints that speak OpenAI's ``POST /chat/completions``, as vLLM does.

It bounds how many requests are under way, gives each a deadline, and repeats those that may succeed the next time.

Source: OpenAI's API, chat completions.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Self, TypeAlias

import anyio
import anyio.to_thread
import httpx2
import msgspec

from onethinker_rewards.judges.connection import (
    Breaker,
    RequestError,
    open_http,
    post,
    quoted,
    seconds_before_attempt,
)

Message: TypeAlias = Mapping[str, object]

# Statuses that refuse every request: no such key, path or model, and redirections.
_ALWAYS_REFUSED = frozenset({301, 302, 307, 308, 401, 403, 404, 405})
_PATH = "/chat/completions"


class EndpointLostError(Exception):
    """The endpoint refuses every request, or has not answered for long: further requests would fail too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where requests go, and how.

    Attributes:
        url: Where the API begins, such as ``http://localhost:8000/v1``.
        model: The model's name there.
        body: Keys of each request, such as ``temperature``. They win over all others; null takes a key out.
        key: Sent as bearer token; None if none is needed.
        concurrency: The most requests under way at a time.
        timeout: Seconds that a request may take, from its first byte to the last of its reply.
        retries: Attempts after the first.
    """

    url: str
    model: str
    body: Mapping[str, object] = field(default_factory=dict[str, object])
    key: str | None = field(default=None, repr=False)
    concurrency: int = 32
    timeout: float = 600.0
    retries: int = 5

    def encode(self, messages: Sequence[Message], keys: Mapping[str, object], n: int) -> bytes:
        """Return the body of a request for ``n`` completions."""
        several = {"n": n} if n > 1 else {}
        body = {"model": self.model, "messages": messages} | several | dict(keys) | dict(self.body)
        return json.dumps({name: value for name, value in body.items() if value is not None}).encode("ascii")


class CompletionClient:
    """Asks an endpoint for completions.

    Args:
        endpoint: Where, and how.
        http: A client without deadlines.
        say: Is told once if no request has been answered so far and the first ones are repeated.
    """

    def __init__(self, endpoint: Endpoint, http: httpx2.AsyncClient, say: Callable[[str], None]) -> None:
        self._endpoint, self._http, self._say = endpoint, http, say
        self._url = endpoint.url.rstrip("/").removesuffix(_PATH) + _PATH
        self._slots = anyio.CapacityLimiter(endpoint.concurrency)
        self._answered = self._said = False
        self._breaker = Breaker(endpoint.concurrency)

    @classmethod
    @asynccontextmanager
    async def open(cls, endpoint: Endpoint, say: Callable[[str], None]) -> AsyncGenerator[Self]:
        """Open connections, and close them in the end."""
        async with open_http(endpoint.concurrency, endpoint.key) as http:
            yield cls(endpoint, http, say)

    async def complete(
        self,
        messages: Callable[[], Sequence[Message]],
        keys: Mapping[str, object] | None = None,
        *,
        n: int = 1,
        received: Callable[[list[str]], None] | None = None,
    ) -> list[str]:
        """Return ``n`` completions; an endpoint that gives fewer at a time is asked again.

        Args:
            messages: Makes the messages, in a thread, when this request's turn comes: images are in memory only then.
            keys: Further keys of the request.
            n: How many completions.
            received: Is given the completions of each reply at once, before anything else can fail.

        Raises:
            RequestError: If the endpoint refuses the request, or does not answer any attempt.
            EndpointLostError: If it would not answer other requests either.
        """
        texts: list[str] = []
        async with self._slots:
            made = await anyio.to_thread.run_sync(messages)
            while (wanted := n - len(texts)) > 0:
                body = await anyio.to_thread.run_sync(partial(self._endpoint.encode, made, keys or {}, wanted))
                new = (await self._request(body))[:wanted]
                if received is not None:
                    received(new)
                texts += new
        return texts

    async def _request(self, body: bytes) -> list[str]:
        self._check()
        try:
            texts = await self._attempts(body)
        except RequestError as error:
            if error.retry_after is None:
                if not self._answered and error.status in _ALWAYS_REFUSED:
                    self._breaker.open(str(error))
                    self._check()
                raise
            if self._breaker.failed(str(error)):
                self._check()
            attempts = self._endpoint.retries + 1
            plural = "attempt" if attempts == 1 else "attempts"
            raise RequestError(f"no answer after {attempts} {plural}: {error}", error.status) from None
        self._answered = True
        self._breaker.succeeded()
        return texts

    def _check(self) -> None:
        lost = self._breaker.reason()
        if lost is not None:
            raise EndpointLostError(lost) from None

    async def _attempts(self, body: bytes) -> list[str]:
        for number in range(1, self._endpoint.retries + 1):
            try:
                return await self._attempt(body)
            except RequestError as error:
                if error.retry_after is None:
                    raise
                if not (self._answered or self._said):
                    self._said = True
                    self._say(f"no answer yet, asking again: {error}")
                wait = seconds_before_attempt(number, error)
            await anyio.sleep(wait)
        return await self._attempt(body)

    async def _attempt(self, body: bytes) -> list[str]:
        try:
            with anyio.fail_after(self._endpoint.timeout):
                reply = await post(self._http, self._url, body)
        except TimeoutError:
            raise RequestError(f"not done after {self._endpoint.timeout:g} s") from None
        return completions(reply)


class _ReplyMessage(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(msgspec.Struct):
    message: _ReplyMessage


class _Reply(msgspec.Struct):
    choices: list[_Choice]


def completions(reply: bytes) -> list[str]:
    """Return the texts of a reply; thinking that the endpoint took out is put back between its tags.

    Raises:
        RequestError: If the reply holds no completion.
    """
    try:
        choices = msgspec.json.decode(reply, type=_Reply).choices
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RequestError(f"no completion: {error}: {quoted(reply)}") from None
    if not choices:
        raise RequestError("a completion without any choice")
    return [_text(choice.message) for choice in choices]


def _text(message: _ReplyMessage) -> str:
    text = message.content or ""
    thinking = message.reasoning_content or message.reasoning
    if not thinking or text.lstrip().startswith("<think>"):
        return text
    return f"<think>{thinking.strip()}</think>\n{text.lstrip()}"
