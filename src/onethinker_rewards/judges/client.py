"""A client of endpoints that speak OpenAI's ``POST /chat/completions``, as vLLM does.

It bounds how many requests are under way, gives each a deadline, and repeats those that may succeed the next time.

Source: OpenAI's API, chat completions; ``Retry-After`` is RFC 9110, section 10.2.3.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Self, TypeAlias, cast

import anyio
import anyio.to_thread
import httpx2
import msgspec

Message: TypeAlias = Mapping[str, object]

# Seconds before the second attempt; twice as many before each further one, up to the longest.
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
# Seconds that Retry-After may ask for.
_LONGEST_PAUSE = 600.0
# So many requests that fail one after the other, or as many as may be under way, mean that the endpoint is gone.
_MIN_FAILURES = 8
# Statuses that refuse every request: no such key, path or model, and redirections.
_ALWAYS_REFUSED = frozenset({301, 302, 307, 308, 401, 403, 404, 405})
_MAX_REPLY_BYTES = 64_000_000
_PATH = "/chat/completions"
_LONGEST_QUOTE = 300


class CompletionError(Exception):
    """A request without a completion.

    Attributes:
        status: The HTTP status of the reply; None if there was no reply.
        retry_after: Seconds to wait before another attempt; None if another attempt would fail too.
    """

    def __init__(self, reason: str, status: int | None = None, retry_after: float | None = 0.0) -> None:
        super().__init__(reason)
        self.status, self.retry_after = status, retry_after


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
        self._failures = 0
        self._lost: str | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, endpoint: Endpoint, say: Callable[[str], None]) -> AsyncGenerator[Self]:
        """Open connections, and close them in the end."""
        bearer = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        limits = httpx2.Limits(max_connections=endpoint.concurrency, max_keepalive_connections=endpoint.concurrency)
        headers = {"Content-Type": "application/json"} | bearer
        async with httpx2.AsyncClient(headers=headers, timeout=None, limits=limits) as http:
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
            CompletionError: If the endpoint refuses the request, or does not answer any attempt.
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
        if self._lost is not None:
            raise EndpointLostError(self._lost)
        try:
            texts = await self._attempts(body)
        except CompletionError as error:
            if error.retry_after is None:
                if not self._answered and error.status in _ALWAYS_REFUSED:
                    raise self._lose(str(error)) from None
                raise
            self._failures += 1
            if self._failures >= max(_MIN_FAILURES, self._endpoint.concurrency):
                raise self._lose(f"no answer to {self._failures} requests in a row: {error}") from None
            attempts = self._endpoint.retries + 1
            plural = "attempt" if attempts == 1 else "attempts"
            raise CompletionError(f"no answer after {attempts} {plural}: {error}", error.status) from None
        self._answered, self._failures = True, 0
        return texts

    def _lose(self, reason: str) -> EndpointLostError:
        self._lost = reason
        return EndpointLostError(reason)

    async def _attempts(self, body: bytes) -> list[str]:
        for attempt in range(self._endpoint.retries):
            try:
                return await self._attempt(body)
            except CompletionError as error:
                if error.retry_after is None:
                    raise
                if not (self._answered or self._said):
                    self._said = True
                    self._say(f"no answer yet, asking again: {error}")
                # With chance in it, so that requests that failed together do not come together again.
                wait = min(FIRST_WAIT * 2**attempt, LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
                await anyio.sleep(max(wait, error.retry_after))
        return await self._attempt(body)

    async def _attempt(self, body: bytes) -> list[str]:
        try:
            with anyio.fail_after(self._endpoint.timeout):
                async with self._http.stream("POST", self._url, content=body) as response:
                    reply = await _read(response)
        except TimeoutError:
            raise CompletionError(f"not done after {self._endpoint.timeout:g} s") from None
        except httpx2.RequestError as error:
            raise CompletionError(f"{type(error).__name__}: {error}".rstrip(": ")) from None
        check_status(response.status_code, response.headers.get("Retry-After"), reply)
        return completions(reply)


async def _read(response: httpx2.Response) -> bytes:
    reply = bytearray()
    async for piece in response.aiter_bytes():
        reply += piece
        if len(reply) > _MAX_REPLY_BYTES:
            raise CompletionError(f"more than {_MAX_REPLY_BYTES:,} bytes")
    return bytes(reply)


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
        CompletionError: If the reply holds no completion.
    """
    try:
        choices = msgspec.json.decode(reply, type=_Reply).choices
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CompletionError(f"no completion: {error}: {_quoted(reply)}") from None
    if not choices:
        raise CompletionError("a completion without any choice")
    return [_text(choice.message) for choice in choices]


def _text(message: _ReplyMessage) -> str:
    text = message.content or ""
    thinking = message.reasoning_content or message.reasoning
    if not thinking or text.lstrip().startswith("<think>"):
        return text
    return f"<think>{thinking.strip()}</think>\n{text.lstrip()}"


def check_status(status: int, retry_after: str | None, reply: bytes) -> None:
    """Raise if a request was not served.

    Args:
        status: The HTTP status.
        retry_after: The header of this name.
        reply: The body.

    Raises:
        CompletionError: Always but for 2xx; with ``retry_after`` for 429 and all from 500 on.
    """
    if not 200 <= status < 300:
        again = status == 429 or status >= 500
        reason = f"{status} {_quoted(_error_text(reply))}".rstrip()
        raise CompletionError(reason, status, _pause(retry_after) if again else None)


def _error_text(reply: bytes) -> bytes:
    """Return the message of an error, wherever the server puts it, or the whole reply."""
    try:
        found: object = msgspec.json.decode(reply)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return reply
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and name in found:
            found = cast("object", found[name])
    return found.encode(errors="replace") if isinstance(found, str) else reply


def _quoted(reply: bytes) -> str:
    text = " ".join(reply[: 4 * _LONGEST_QUOTE].decode(errors="replace").split())
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"


def _pause(header: str | None) -> float:
    """Return the seconds that Retry-After asks for, in [0, 600]; 0 if it cannot be read."""
    try:
        seconds = float(header or 0)
    except ValueError:
        try:
            moment = parsedate_to_datetime(header or "")
        except ValueError:
            return 0.0
        # A date without a zone is in UTC.
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_PAUSE) if math.isfinite(seconds) else 0.0
