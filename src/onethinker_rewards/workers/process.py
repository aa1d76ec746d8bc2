"""The owner's end of one worker process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import IO, Any, NamedTuple, cast

from onethinker_rewards.errors import OneThinkerRewardsError


class Status(StrEnum):
    """How an item ended."""

    DONE = "done"
    TIMEOUT = "timeout"
    EXHAUSTED = "exhausted"


class Outcome(NamedTuple):
    """The end of one item: ``value`` is the function's, and None unless the status is ``done``.

    ``timeout`` means that the item's or the batch's deadline passed, ``exhausted`` that the item ran out of
    memory or stack, or took its process down.
    """

    status: Status
    value: Any = None


class WorkerError(OneThinkerRewardsError, RuntimeError):
    """A worker process could not be started, or the function it ran has a bug; the message says which."""


# The worker gets the owner's sys.path, because the package may be importable only through it. Nothing is imported from
# the package before that path is set; -P keeps the working directory off it.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from onethinker_rewards.workers.child import main; main(json.loads(sys.argv[2]))"
)

# One thread each: on a large machine the libraries would otherwise reserve memory for every core. A fixed hash seed
# makes symbolic results the same in every worker.
_ENVIRONMENT = {"MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}


class Process:
    """A worker process and the messages between it and its owner."""

    def __init__(self, memory_limit: int | None) -> None:
        path = json.dumps([os.fspath(entry) or os.getcwd() for entry in sys.path])  # noqa: PTH109
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-c", _START, path, json.dumps(memory_limit)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Unbuffered: a fork of this process would send what is left in a buffer a second time.
            bufsize=0,
            env={**os.environ, **_ENVIRONMENT},
            # A session of its own: Ctrl-C in the terminal reaches the owner alone, which decides what to do.
            start_new_session=True,
        )
        self._requests = cast(IO[bytes], self._process.stdin)
        self._replies = cast(IO[bytes], self._process.stdout)
        self._errors = cast(IO[bytes], self._process.stderr)
        self._unread = b""
        self.ready = False

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when the process has replied or ended."""
        return self._replies.fileno()

    def send(self, function: str, items: Sequence[Sequence[Any]], timeout: float) -> bool:
        """Send a job; return False if the process has ended."""
        job = {"function": function, "items": list(items), "timeout": timeout}
        unsent = memoryview(json.dumps(job).encode() + b"\n")
        try:
            while unsent:
                unsent = unsent[self._requests.write(unsent) :]
        except BrokenPipeError:
            return False
        return True

    def receive(self) -> list[dict[str, Any]] | None:
        """Return the messages that have arrived, or None if the process has ended."""
        received = os.read(self.fileno(), 1 << 16)
        if not received:
            return None
        *lines, self._unread = (self._unread + received).split(b"\n")
        return [json.loads(line) for line in lines]

    def stderr_tail(self) -> str:
        """Return what an ended process wrote to its standard error before it was ready."""
        return self._errors.read().decode(errors="replace")

    def kill(self) -> None:
        """End the process at once, whatever it does, and wait until it is gone."""
        self._process.kill()
        self._process.wait()
        self.forget()

    def forget(self) -> None:
        """Close the pipes without ending the process: in a forked child, the worker belongs to the parent."""
        if self._process.returncode is None:
            self._process.returncode = 0
        for stream in (self._requests, self._replies, self._errors):
            stream.close()
