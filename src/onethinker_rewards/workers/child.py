"""The program of a worker process: reads jobs from its standard input, writes a line for each item.

Runs in a fresh interpreter that never sees the caller's ``__main__``. Messages are JSON, one a line::

    -> {"function": "package.module:name", "items": [[argument, …], …], "timeout": 5.0}
    <- {"ready": true}                 once, when the process can take jobs
    <- {"imported": true}              the function's module is imported: the clock of the first item starts
    <- {"value": …, "retire": false}   once an item; retire: this process has grown and should be replaced
    <- {"exhausted": true}             instead of a value: memory or stack ran out; the process ends
    <- {"error": "Traceback …"}        a bug; the process ends
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import queue
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

__all__ = ["main"]

try:
    import resource
except ImportError:  # pragma: no cover: a platform without resource limits: deadlines still hold
    resource = None

# A process that has once grown past this share of its memory limit is replaced: Python gives little back.
_RETIRE_SHARE = 0.25

_STATUS = Path("/proc/self/status")
_PEAK = re.compile(r"VmHWM:\s*(\d+) kB")

# Seconds of processor time granted beyond an item's deadline before the kernel ends the process.
_GRACE = 2


def main(memory_limit: int | None) -> None:
    """Serve jobs until standard input closes, which it does when the owner ends in whatever way."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    # What libraries print must not end up among the replies.
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)
    logging.disable(logging.CRITICAL)
    sys.excepthook = _reporter(replies)
    _bound(memory_limit)
    serve(requests, replies, memory_limit, end=os._exit)


def serve(requests: BinaryIO, replies: BinaryIO, memory_limit: int | None, end: Callable[[int], object]) -> None:
    """Answer every job of ``requests`` on ``replies``."""
    jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    # Its own thread, so that the end of the owner is seen in the middle of a job too.
    threading.Thread(target=_listen, args=(requests, jobs, end), daemon=True).start()
    _reply(replies, ready=True)
    while job := jobs.get():
        function = _find(job["function"])
        _reply(replies, imported=True)
        for item in job["items"]:
            _grant(job["timeout"])
            try:
                value = function(*item)
            except (MemoryError, RecursionError):
                _reply(replies, exhausted=True)
                end(0)
                return
            _reply(replies, value=value, retire=_has_grown(memory_limit))


def _listen(requests: BinaryIO, jobs: queue.SimpleQueue[dict[str, Any]], end: Callable[[int], object]) -> None:
    for line in requests:
        jobs.put(json.loads(line))
    jobs.put({})
    end(0)


def _reply(replies: BinaryIO, **message: Any) -> None:
    unsent = memoryview(json.dumps(message).encode() + b"\n")
    while unsent:
        unsent = unsent[replies.write(unsent) :]


def _find(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _reporter(
    replies: BinaryIO,
) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _reply(replies, error="".join(traceback.format_exception(kind, error, trace)))

    return report


def _bound(memory_limit: int | None) -> None:
    if resource is not None:
        _lower(resource.RLIMIT_CORE, 0)
        if memory_limit is not None:
            _lower(resource.RLIMIT_AS, memory_limit)


def _grant(timeout: float) -> None:
    """Let the kernel end this process if the item outlives its owner inside a call that holds the GIL."""
    if resource is not None:
        _lower(resource.RLIMIT_CPU, int(time.process_time() + timeout) + _GRACE)


def _lower(kind: int, limit: int) -> None:
    import resource  # noqa: PLC0415

    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _has_grown(memory_limit: int | None) -> bool:
    return memory_limit is not None and _peak_bytes() > _RETIRE_SHARE * memory_limit


def _peak_bytes() -> int:
    """Return the most memory that this process has ever used."""
    # What getrusage says does not do on Linux: a fresh process starts with its parent's peak, gigabytes in a trainer.
    peak = _PEAK.search(_STATUS.read_text()) if _STATUS.exists() else None
    if peak is not None:
        return int(peak[1]) * 1024
    if resource is None:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
