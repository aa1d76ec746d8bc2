"""The application: its routes, and the way of a request from its body to its reply."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TypeAlias, cast

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onethinker_rewards.adapters import Columns, RowScorer
from onethinker_rewards.codes import shortened
from onethinker_rewards.errors import ArgumentError, UnknownTaskError
from onethinker_rewards.server.contracts import (
    RefusedError,
    ScoreRequest,
    aggregate_metrics,
    nemo_gym_session,
    read_nemo_gym,
    read_openrlhf,
    read_score,
    read_slime,
    rewards_of,
)
from onethinker_rewards.server.drain import Drain
from onethinker_rewards.server.gate import ServerSettings, Slots, check_token, read_body
from onethinker_rewards.server.metrics import Metrics
from onethinker_rewards.server.scoring import BatchScorer
from onethinker_rewards.tasks import json_schema

_LOG = logging.getLogger("onethinker_rewards.server")
_LONGEST_LINE = 300
# Larger bodies are decoded in a thread: the event loop answers others meanwhile.
_LARGE_BODY = 2**16

Reader: TypeAlias = Callable[[bytes, Columns, Mapping[str, str]], ScoreRequest]

CONTRACTS: Mapping[str, Reader] = {
    "/score": read_score,
    "/get_reward": read_openrlhf,
    "/reward": read_slime,
    "/verify": read_nemo_gym,
}
# NeMo-Gym opens and closes a session around each rollout.
_SESSIONS = ("/seed_session", "/close_session")


class JsonResponse(Response):
    """A reply as JSON; numbers that are not finite become null."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Return the bytes."""
        return msgspec.json.encode(content)


def create_app(scorer: RowScorer | None = None, settings: ServerSettings | None = None) -> Starlette:
    """Return an ASGI application that scores rows over HTTP.

    Args:
        scorer: What rows are scored with, by default the recipe ``paper`` and our tasks. Its judge and its segmenter
            are used too. The application closes it when it ends.
        settings: Bounds and tokens.

    >>> app = create_app(RowScorer("lenient"), ServerSettings(max_in_flight=64))
    >>> sorted(app.url_path_for(name) for name in ("score", "ready"))
    ['/ready', '/score']
    """
    server = _Server(scorer or RowScorer(), settings or ServerSettings())
    routes = [
        *(
            Route(path, partial(server.score, read), methods=["POST"], name=path.removeprefix("/"))
            for path, read in CONTRACTS.items()
        ),
        *(Route(path, server.session, methods=["POST"]) for path in _SESSIONS),
        Route("/aggregate_metrics", server.aggregate, methods=["POST"]),
        Route("/reverify_mode", server.reverify_mode),
        Route("/health", server.health),
        Route("/ready", server.ready),
        Route("/metrics", server.show_metrics),
        Route("/schema/{task}", server.schema),
    ]
    app = Starlette(routes=routes, lifespan=server.lifespan)
    app.add_middleware(partial(_Gate, server))
    app.add_exception_handler(RefusedError, server.refuse)
    app.add_exception_handler(HTTPException, server.refuse)
    return app


class _Server:
    """What the routes of an application share."""

    def __init__(self, scorer: RowScorer, settings: ServerSettings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.drain = Drain(settings.drain)
        self._columns, self._table = scorer.columns, scorer.table
        self._scorer = BatchScorer(scorer)
        self._slots = Slots(settings.max_in_flight, self.metrics)
        self._is_loaded = False

    def lifespan(self, app: Starlette) -> AbstractAsyncContextManager[None]:
        return self._lifespan()

    @asynccontextmanager
    async def _lifespan(self) -> AsyncGenerator[None]:
        with self.drain.on_sigterm():
            await asyncio.to_thread(self._scorer.warm_up)
            self._is_loaded = True
            yield
        await asyncio.to_thread(self._scorer.close)

    async def score(self, read: Reader, request: Request) -> Response:
        with self._slots.taken():
            body = await read_body(request, self.settings)
            try:
                async with asyncio.timeout(self.settings.deadline):
                    wanted = await self._decoded(partial(read, body, self._columns, request.query_params), len(body))
                    results = await self._scorer.score(wanted.calls, wanted.names)
            except TimeoutError:
                message = f"not scored within {self.settings.deadline:g} s"
                raise RefusedError(504, "deadline", message, retry_after=1) from None
            infos = rewards_of(wanted, results)
            self.metrics.add_rows(infos)
            self.metrics.set_counts(self._scorer.counts)
            return JsonResponse(wanted.reply(infos))

    @staticmethod
    async def _decoded(read: Callable[[], ScoreRequest], size: int) -> ScoreRequest:
        return read() if size < _LARGE_BODY else await asyncio.to_thread(read)

    async def session(self, request: Request) -> Response:
        with self._slots.taken():
            return JsonResponse(nemo_gym_session(await read_body(request, self.settings)))

    async def aggregate(self, request: Request) -> Response:
        with self._slots.taken():
            return JsonResponse(aggregate_metrics(await read_body(request, self.settings)))

    async def reverify_mode(self, request: Request) -> Response:
        return JsonResponse("stateless")

    async def health(self, request: Request) -> Response:
        return JsonResponse({"status": "alive"})

    async def ready(self, request: Request) -> Response:
        if self.drain.has_begun:
            return JsonResponse({"status": "draining"}, 503)
        return JsonResponse({"status": "ready"}) if self._is_loaded else JsonResponse({"status": "loading"}, 503)

    async def show_metrics(self, request: Request) -> Response:
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def schema(self, request: Request) -> Response:
        query = request.query_params
        reference = query.get("reference", "").lower() in ("1", "true")
        try:
            found = json_schema(
                request.path_params["task"],
                table=self._table,
                reference=reference,
                dialect=query.get("dialect", "onethinker"),
            )
        except UnknownTaskError as error:
            raise RefusedError(404, "invalid", f"unknown task: {error.reasons[0]}") from None
        except ArgumentError as error:
            raise RefusedError(422, "invalid", str(error)) from None
        return JsonResponse(found)

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer a request that failed, and log it in one line."""
        if isinstance(error, HTTPException):
            error = RefusedError(error.status_code, "invalid", error.detail)
        return self.refused(request.scope, cast("RefusedError", error))

    def refused(self, scope: Scope, error: RefusedError) -> Response:
        line = _printable(shortened(error.message, _LONGEST_LINE))
        _LOG.warning("%s %s %d: %s", scope["method"], _known_path(scope), error.status, line)
        self.metrics.add_refusal(_known_path(scope), error.kind)
        response = JsonResponse(error.body(), error.status)
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(error.retry_after)
        if error.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        if error.status in (408, 413):
            # The rest of the body is not read.
            response.headers["Connection"] = "close"
        return response


class _Gate:
    """Checks the token of each request, and tells metrics and log of each."""

    def __init__(self, server: _Server, app: ASGIApp) -> None:
        self._server, self._app = server, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        since, status = time.perf_counter(), 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if self._server.drain.has_begun:
                    # The client's next request goes to another server.
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        try:
            check_token(scope, self._server.settings.tokens)
        except RefusedError as error:
            await self._server.refused(scope, error)(scope, receive, send_and_note)
        else:
            await self._app(scope, receive, send_and_note)
        seconds = time.perf_counter() - since
        self._server.metrics.add_seconds(_known_path(scope), seconds)
        if self._server.settings.log_requests:
            _LOG.info("%s %s %d %.4f s", scope["method"], _known_path(scope), status, seconds)


_PATHS = frozenset({*CONTRACTS, *_SESSIONS, "/aggregate_metrics", "/reverify_mode", "/health", "/ready", "/metrics"})


def _known_path(scope: Scope) -> str:
    """Return the path as metrics and logs name it: a token in it, or what someone tries, goes into neither."""
    path: str = scope["path"]
    if path.startswith("/schema/"):
        return "/schema"
    return path if path in _PATHS else "other"


def _printable(text: str) -> str:
    """Return a text whose control characters are escaped: what someone sends forges no line of the log."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
