"""The program of a worker process: reads jobs from its standard input and writes a line for each item.

It runs in a new interpreter and never imports the caller's ``__main__``. Messages are JSON, one per line::

    -> {"function": "package.module:name", "items": [[argument, …], …], "timeout": 5.0}
    <- {"ready": true}                 once, when the process can take jobs
    <- {"imported": true}              the function's module is imported: the first item's time starts
    <- {"value": …, "retire": false}   once per item; retire: this process has grown and should be replaced
    <- {"exhausted": true}             instead of a value: memory or stack ran out; the process ends
    <- {"error": "Traceback …"}        a bug; the process ends
"""

from __future__ import annotations

import functools
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

try:
    import resource
except ImportError:  # pragma: no cover: a platform without resource limits; the owner's deadlines still apply
    resource = None

# A process whose peak has passed this share of its memory limit is replaced: Python returns little memory.
_RETIRE_SHARE = 0.25

_STATUS = Path("/proc/self/status")
_PEAK = re.compile(r"VmHWM:\s*(\d+) kB")

# Seconds of processor time granted beyond an item's deadline before the kernel ends the process.
_GRACE = 2


def main(memory_limit: int | None) -> None:
    """Serve jobs until standard input closes, which happens however the owner ends."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    # What libraries print must not get among the replies.
    devnull = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(devnull, descriptor)
    logging.disable(logging.CRITICAL)
    sys.excepthook = functools.partial(_report_bug, replies)
    _limit_memory(memory_limit)
    serve(requests, replies, memory_limit, end=os._exit)


def serve(requests: BinaryIO, replies: BinaryIO, memory_limit: int | None, end: Callable[[int], object]) -> None:
    """Answer every job of ``requests`` on ``replies``."""
    jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    # A thread of its own notices the end of the owner in the middle of a job, too.
    threading.Thread(target=_listen, args=(requests, jobs, end), daemon=True).start()
    _reply(replies, ready=True)
    while job := jobs.get():
        module, _, name = job["function"].partition(":")
        function = getattr(importlib.import_module(module), name)
        _reply(replies, imported=True)
        for item in job["items"]:
            _limit_processor_time(job["timeout"])
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


def _reply(replies: BinaryIO, **message: object) -> None:
    unsent = memoryview(json.dumps(message).encode() + b"\n")
    while unsent:
        unsent = unsent[replies.write(unsent) :]


def _report_bug(
    replies: BinaryIO, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    _reply(replies, error="".join(traceback.format_exception(kind, error, trace)))


def _limit_memory(memory_limit: int | None) -> None:
    if resource is not None:
        _lower(resource.RLIMIT_CORE, 0)
        if memory_limit is not None:
            _lower(resource.RLIMIT_AS, memory_limit)


def _limit_processor_time(timeout: float) -> None:
    """Have the kernel end this process if the owner is gone and the item is in a call that never releases the GIL."""
    if resource is not None:
        _lower(resource.RLIMIT_CPU, int(time.process_time() + timeout) + _GRACE)


def _lower(kind: int, limit: int) -> None:
    import resource  # noqa: PLC0415

    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _has_grown(memory_limit: int | None) -> bool:
    """Return whether this process has ever used more than a share of its memory limit."""
    if memory_limit is None:
        return False
    # Not getrusage, where possible: on Linux a new process starts with its parent's peak, gigabytes in a trainer.
    if _STATUS.exists() and (found := _PEAK.search(_STATUS.read_text())):
        peak = int(found[1]) * 1024
    elif resource is not None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    else:
        return False
    return peak > _RETIRE_SHARE * memory_limit
