"""Running an application with uvicorn, in this process or in several."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from onethinker_rewards.server.gate import ServerSettings
from onethinker_rewards.server.metrics import FOLDER

# Seconds that an idle connection is kept; longer than balancers keep theirs, or they would use one that just ended.
_KEEP_ALIVE = 75
# Connections that wait to be accepted.
_BACKLOG = 2048
# Seconds that draining may take beyond what requests may.
_MARGIN = 5


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address; the port 0 chooses a free one.

    Raises:
        OSError: If it is taken, or there is no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    # Head and body of a reply are two writes: without this the second waits for the client to confirm the first, 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(make_app: Callable[[], ASGIApp], listener: socket.socket, settings: ServerSettings, workers: int = 1) -> None:
    """Serve an application until SIGTERM, which is drained, or SIGINT, which raises KeyboardInterrupt in the end.

    Args:
        make_app: Makes the application; it is pickled where there are several processes.
        listener: A bound socket; it is closed in the end.
        settings: Those of the application; its deadlines bound how long the end may take.
        workers: Number of processes that accept requests.
    """
    config = uvicorn.Config(
        make_app,
        factory=True,
        workers=workers,
        log_config=None,
        ws="none",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=int(settings.body_deadline + settings.deadline) + _MARGIN,
    )
    with listener:
        if workers > 1:
            with _shared_metrics():
                Multiprocess(config, sockets=[listener]).run()
            return
        # uvicorn raises the signal again when it has ended: this is the end that was asked for.
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _shared_metrics() -> Generator[None]:
    """Let the processes that are started inside count together."""
    with TemporaryDirectory(prefix="onethinker-metrics-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]
