"""What a request has to pass: its token, the number in flight, the size of its body and the time that it takes."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from starlette.requests import ClientDisconnect, Request
from starlette.types import Scope

from onethinker_rewards.server.contracts import RefusedError
from onethinker_rewards.server.metrics import Metrics

# Probes of balancers and orchestrators bring no token.
_OPEN = ("/health", "/ready")
_TOKEN_PATH = "/t/"  # noqa: S105 - no secret
# Seconds in which the rest of a body that is too large is read and dropped, so that its sender reads the reply.
_DISCARD = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Bounds of a server.

    Attributes:
        tokens: A request has to bring one of them, as ``Authorization: Bearer <token>`` or in front of its path, as
            ``/t/<token>``; empty if none is needed.
        max_in_flight: The most requests that are read or scored at a time; further ones get 429.
        deadline: Seconds for scoring the rows of a request; then it gets 504.
        body_limit: The most bytes of a body; a larger one gets 413.
        body_deadline: Seconds in which a body has to arrive; then it gets 408.
        drain: Seconds after SIGTERM in which requests are still accepted, while ``/ready`` says no.
        log_requests: Whether each request is logged, not only those that fail.
    """

    tokens: Sequence[str] = field(default=(), repr=False)
    max_in_flight: int = 1024
    deadline: float = 60.0
    body_limit: int = 16 * 2**20
    body_deadline: float = 10.0
    drain: float = 1.0
    log_requests: bool = False


def check_token(scope: Scope, tokens: Sequence[str]) -> None:
    """Take a token off the path, and refuse a request that brings none where one is needed."""
    path: str = scope["path"]
    given = ""
    if path.startswith(_TOKEN_PATH):
        given, _, rest = path.removeprefix(_TOKEN_PATH).partition("/")
        # The router reads both.
        scope["path"] = f"/{rest}"
        scope["raw_path"] = scope["path"].encode()
    for name, value in scope["headers"]:
        scheme, _, credentials = value.partition(b" ")
        if name == b"authorization" and scheme.lower() == b"bearer":
            given = credentials.strip().decode("latin-1")
    if tokens and scope["path"] not in _OPEN and not _is_one_of(given, tokens):
        raise RefusedError(401, "unauthorized", "a token is needed, in the header Authorization or as /t/<token>/…")


def _is_one_of(given: str, tokens: Sequence[str]) -> bool:
    # In constant time: how long it takes tells nothing about a token.
    return any(hmac.compare_digest(given.encode(), token.encode()) for token in tokens)


class Slots:
    """Bounds how many requests are in flight."""

    def __init__(self, size: int, metrics: Metrics) -> None:
        self._free = size
        self._metrics = metrics

    @contextmanager
    def taken(self) -> Generator[None]:
        """Take a slot.

        Raises:
            RefusedError: If none is free.
        """
        if self._free <= 0:
            raise RefusedError(429, "full", "too many requests in flight", retry_after=1)
        self._free -= 1
        self._metrics.in_flight.inc()
        try:
            yield
        finally:
            self._free += 1
            self._metrics.in_flight.dec()


async def read_body(request: Request, settings: ServerSettings) -> bytes:
    """Return the body of a request.

    Raises:
        RefusedError: If it is too large or too slow, or ends early.
    """
    chunks, stream = bytearray(), request.stream()
    try:
        async with asyncio.timeout(settings.body_deadline):
            async for chunk in stream:
                chunks += chunk
                if len(chunks) > settings.body_limit:
                    break
    except TimeoutError:
        message = f"the body did not arrive within {settings.body_deadline:g} s"
        raise RefusedError(408, "too_slow", message) from None
    except ClientDisconnect:
        raise RefusedError(400, "disconnected", "the client left before the end of the body") from None
    if len(chunks) > settings.body_limit:
        await _discard(stream)
        raise RefusedError(413, "too_large", f"the body is larger than {settings.body_limit:,} bytes")
    return bytes(chunks)


async def _discard(stream: AsyncIterator[bytes]) -> None:
    with suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(_DISCARD):
            async for _ in stream:
                pass
