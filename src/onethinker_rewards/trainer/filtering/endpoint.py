"""Asking an endpoint that talks as OpenAI's does, patiently: with a deadline, and again where that may help.

Source: ``POST /chat/completions`` of OpenAI's API, and ``Retry-After`` of RFC 9110, section 10.2.3.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import anyio
import anyio.to_thread
import httpx2
import orjson

from onethinker_rewards.trainer.data import BadRowError, Fault
from onethinker_rewards.trainer.filtering.chat import Carrier, Question
from onethinker_rewards.trainer.filtering.replies import NoAnswerError, RefusedError, answers_in, check_status

__all__ = ["Asker", "Endpoint", "EndpointLostError"]

# Seconds before the second attempt; twice as many before each further one, up to the longest.
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
# Rows without any answer between two answers, after which nobody seems to be there any more.
LEAST_LOST = 8
# Statuses that say no to everything: no such key, path or model, and redirections.
_WRONG_STATUS = frozenset({301, 302, 307, 308, 401, 403, 404, 405})
# No answer is as long.
_MOST_BYTES = 64_000_000
_PATH = "/chat/completions"


class EndpointLostError(Exception):
    """The endpoint answers nobody: to go on would only cost row after row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Whom to ask, and how.

    Attributes:
        url: Where the API begins, such as ``http://localhost:8000/v1``.
        model: Its name there.
        samples: Answers a row.
        temperature: Of sampling.
        most_tokens: Tokens of an answer.
        carrier: How images and videos go along.
        concurrency: Rows that are asked at a time.
        timeout: Seconds that one request may take, whole.
        retries: Further attempts after the first.
        key: Goes along as bearer token; None for none.
        body: Further keys of each request; they win over ours, and null takes one out.
    """

    url: str
    model: str
    samples: int = 1
    temperature: float = 1.0
    most_tokens: int = 4096
    carrier: Carrier = "data"
    concurrency: int = 32
    timeout: float = 600.0
    retries: int = 5
    key: str | None = field(default=None, repr=False)
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def request(self, content: list[dict[str, Any]], extra: Mapping[str, Any], samples: int) -> bytes:
        """Return the body of a request for this many answers."""
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": content}],
            "temperature": self.temperature,
            "max_tokens": self.most_tokens,
            **({"n": samples} if samples > 1 else {}),
            **extra,
            **self.body,
        }
        return orjson.dumps({name: value for name, value in body.items() if value is not None})


class Asker:
    """Asks an endpoint about one row after the other, as many at a time as it may.

    Args:
        endpoint: Whom and how.
        client: A client without deadlines of its own.
        say: Is told once if nothing was answered so far: it may take a minute until nobody is asked any more.
    """

    def __init__(self, endpoint: Endpoint, client: httpx2.AsyncClient, say: Callable[[str], None]) -> None:
        self._endpoint = endpoint
        self._client = client
        self._say = say
        self._said = False
        self._places = anyio.CapacityLimiter(endpoint.concurrency)
        self._answered = False
        self._lost = 0
        self._gone: str | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, endpoint: Endpoint, say: Callable[[str], None]) -> AsyncGenerator[Self]:
        """Open connections, and close them in the end."""
        most = endpoint.concurrency
        async with httpx2.AsyncClient(
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}),
            timeout=None,
            limits=httpx2.Limits(max_connections=most, max_keepalive_connections=most),
        ) as client:
            yield cls(endpoint, client, say)

    async def ask(self, question: Question, answers: list[str], note: Callable[[list[str]], None]) -> list[str]:
        """Return as many answers as are wanted.

        Args:
            question: The row.
            answers: Those that are there already.
            note: Is given new answers at once, before anything else can go wrong.

        Raises:
            BadRowError: If an image or video cannot be read, or the endpoint refused or gave nothing after all
                attempts.
            EndpointLostError: If the endpoint refuses whatever is asked, or has not answered for long.
        """
        async with self._places:
            # Files and their encoding must not keep others waiting.
            content = await anyio.to_thread.run_sync(question.content, self._endpoint.carrier)
            while (wanted := self._endpoint.samples - len(answers)) > 0:
                make = partial(self._endpoint.request, content, question.extra(), wanted)
                # An endpoint that knows no `n` gives one; then it is asked again.
                new = (await self._ask(await anyio.to_thread.run_sync(make)))[:wanted]
                note(new)
                answers = answers + new
        return answers

    async def _ask(self, body: bytes) -> list[str]:
        if self._gone is not None:
            # Those who still wait for their turn need not find out for themselves.
            raise EndpointLostError(self._gone)
        try:
            answers = await self._attempts(body)
        except RefusedError as error:
            if not self._answered and error.status in _WRONG_STATUS:
                raise self._lose(str(error)) from None
            raise BadRowError(Fault.ENDPOINT, str(error)) from None
        except NoAnswerError as error:
            self._lost += 1
            if self._lost >= max(LEAST_LOST, self._endpoint.concurrency):
                raise self._lose(f"no answer to {self._lost} rows in a row: {error}") from None
            attempts = self._endpoint.retries + 1
            raise BadRowError(Fault.ENDPOINT, f"no answer after {attempts} attempts: {error}") from None
        self._answered, self._lost = True, 0
        return answers

    def _lose(self, why: str) -> EndpointLostError:
        self._gone = why
        return EndpointLostError(why)

    async def _attempts(self, body: bytes) -> list[str]:
        for attempt in range(self._endpoint.retries):
            try:
                return await self._attempt(body)
            except NoAnswerError as error:
                if not (self._answered or self._said):
                    self._said = True
                    self._say(f"no answer yet, asking again: {error}")
                await anyio.sleep(max(_wait(attempt), error.retry_after))
        return await self._attempt(body)

    async def _attempt(self, body: bytes) -> list[str]:
        url = self._endpoint.url.rstrip("/").removesuffix(_PATH) + _PATH
        try:
            with anyio.fail_after(self._endpoint.timeout):
                async with self._client.stream("POST", url, content=body) as response:
                    text = await _read(response)
        except TimeoutError:
            raise NoAnswerError(f"not done after {self._endpoint.timeout:g} s") from None
        except httpx2.RequestError as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}".rstrip(": ")) from None
        check_status(response.status_code, response.headers.get("Retry-After"), text)
        return answers_in(text)


async def _read(response: httpx2.Response) -> bytes:
    text = bytearray()
    async for piece in response.aiter_bytes():
        text += piece
        if len(text) > _MOST_BYTES:
            raise NoAnswerError(f"more than {_MOST_BYTES:,} bytes")
    return bytes(text)


def _wait(attempt: int) -> float:
    """Return the seconds to wait: with chance in it, so that those who failed together do not come together again."""
    return min(FIRST_WAIT * 2**attempt, LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
