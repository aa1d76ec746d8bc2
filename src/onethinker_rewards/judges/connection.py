"""One request over HTTP: how it is sent, whether another attempt may succeed, and when a server counts as gone.

Source: ``Retry-After`` is RFC 9110, section 10.2.3.
"""

from __future__ import annotations

import math
import random
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import cast

import httpx2
import msgspec

# Seconds before the second attempt; twice as many before each further one, up to the longest.
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
# Seconds that Retry-After may ask for.
_LONGEST_PAUSE = 600.0
# Fewer requests that fail one after the other say nothing about the server.
_MIN_FAILURES = 8
MAX_REPLY_BYTES = 64_000_000
_LONGEST_QUOTE = 300


class RequestError(Exception):
    """A request without a usable reply.

    Attributes:
        status: The HTTP status of the reply; None if there was no reply, or one that is served but no answer.
        retry_after: Seconds to wait before another attempt; None if another attempt would fail too.
        garbled: Whether there was a reply with status 2xx that cannot be read.
    """

    def __init__(
        self, reason: str, status: int | None = None, retry_after: float | None = 0.0, *, garbled: bool = False
    ) -> None:
        super().__init__(reason)
        self.status, self.retry_after, self.garbled = status, retry_after, garbled


class Breaker:
    """Says whether to ask a server at all: not if too many requests failed one after the other.

    Args:
        concurrency: The most requests under way at a time: all of them may fail once.
        pause: Seconds after which one request may try again; infinite for never.
    """

    def __init__(self, concurrency: int, pause: float = math.inf) -> None:
        self._limit, self._pause = max(_MIN_FAILURES, concurrency), pause
        self._next_probe = 0.0
        self._reason: str | None = None
        self.failures = 0

    def reason(self) -> str | None:
        """Return why the server counts as gone; None if it may be asked."""
        if self._reason is None or time.monotonic() < self._next_probe:
            return self._reason
        # Whoever asks now is the probe; the others wait for what comes of it.
        self._next_probe = time.monotonic() + self._pause
        return None

    def succeeded(self) -> None:
        """Note that the server has answered."""
        self.failures, self._reason = 0, None

    def failed(self, reason: str) -> bool:
        """Note that a request failed in all its attempts, and return whether the server counts as gone now."""
        self.failures += 1
        if self.failures >= self._limit:
            self.open(f"no answer to {self.failures} requests in a row: {reason}")
        return self._reason is not None

    def open(self, reason: str) -> None:
        """Count the server as gone."""
        self._reason, self._next_probe = reason, time.monotonic() + self._pause


def open_http(concurrency: int, key: str | None) -> httpx2.AsyncClient:
    """Return a client for requests in JSON, without deadlines.

    Args:
        concurrency: The most connections.
        key: Sent as bearer token; None if none is needed.
    """
    bearer = {"Authorization": f"Bearer {key}"} if key else {}
    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    return httpx2.AsyncClient(headers={"Content-Type": "application/json"} | bearer, timeout=None, limits=limits)


async def post(http: httpx2.AsyncClient, url: str, body: bytes) -> bytes:
    """Send a request once and return the body of the reply.

    Raises:
        RequestError: If the connection fails, the reply is larger than ``MAX_REPLY_BYTES``, or its status is not 2xx.
    """
    try:
        async with http.stream("POST", url, content=body) as response:
            reply = await _read(response)
    except httpx2.RequestError as error:
        raise RequestError(f"{type(error).__name__}: {error}".rstrip(": ")) from None
    check_status(response.status_code, response.headers.get("Retry-After"), reply)
    return reply


async def _read(response: httpx2.Response) -> bytes:
    reply = bytearray()
    async for piece in response.aiter_bytes():
        reply += piece
        if len(reply) > MAX_REPLY_BYTES:
            raise RequestError(f"more than {MAX_REPLY_BYTES:,} bytes")
    return bytes(reply)


def seconds_before_attempt(number: int, error: RequestError) -> float:
    """Return how long to wait before another attempt.

    Args:
        number: How many attempts failed so far, from 1.
        error: What the last one ended with, and may be repeated.
    """
    # With chance in it, so that requests that failed together do not come together again.
    wait = min(FIRST_WAIT * 2 ** (number - 1), LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
    return max(wait, error.retry_after or 0.0)


def check_status(status: int, retry_after: str | None, reply: bytes) -> None:
    """Raise if a request was not served.

    Args:
        status: The HTTP status.
        retry_after: The header of this name.
        reply: The body.

    Raises:
        RequestError: Always but for 2xx; with ``retry_after`` for 408, 429 and all from 500 on.
    """
    if not 200 <= status < 300:
        again = status in (408, 429) or status >= 500
        reason = f"{status} {quoted(_error_text(reply))}".rstrip()
        raise RequestError(reason, status, _pause(retry_after) if again else None)


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


def quoted(reply: bytes) -> str:
    """Return the beginning of a reply on one line."""
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
