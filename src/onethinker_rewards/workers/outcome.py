"""What became of one item of work."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from onethinker_rewards.errors import OneThinkerRewardsError

__all__ = ["Outcome", "Status", "WorkerError"]


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
