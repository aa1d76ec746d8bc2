"""Asynchronous work: equal work once for all who want it, and several pieces at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import anyio

from onethinker_rewards.errors import OneThinkerRewardsError
from onethinker_rewards.judges.verdicts import NoVerdictError

T = TypeVar("T")


class SingleFlight:
    """Does equal work once for all who want it at the same time."""

    def __init__(self) -> None:
        self._pending: dict[str, _Pending] = {}

    async def do(self, key: str, work: Callable[[], Awaitable[T]], joined: Callable[[], None] = lambda: None) -> T:
        """Return what ``work`` returns, or wait for who does it already, and raise the same errors.

        Args:
            key: Equal for equal work.
            work: Is called if nobody else does it; again if who did it was canceled.
            joined: Is called once if this call waits for another.
        """
        waited = False
        while (pending := self._pending.get(key)) is not None:
            if not waited:
                joined()
            waited = True
            await pending.done.wait()
            if pending.error is not None:
                # A new one, since each raise adds to an error's traceback.
                raise type(pending.error)(*pending.error.args)
            if pending.is_done:
                return pending.result
        pending = self._pending[key] = _Pending()
        try:
            pending.result = await work()
            pending.is_done = True
        except (NoVerdictError, OneThinkerRewardsError) as error:
            pending.error = error
            raise
        finally:
            del self._pending[key]
            pending.done.set()
        return pending.result


class _Pending:
    def __init__(self) -> None:
        self.done = anyio.Event()
        self.is_done = False
        self.result: Any = None
        self.error: Exception | None = None


async def all_of(works: Sequence[Callable[[], Awaitable[T]]]) -> list[T | NoVerdictError]:
    """Do pieces of work at the same time.

    Args:
        works: What to do.

    Returns:
        What each returned, or the `NoVerdictError` that it raised.

    Raises:
        OneThinkerRewardsError: The first that any of them raised, when all are done.
    """
    if len(works) == 1:
        # The usual case needs no further task.
        return [await _outcome(works[0])]
    found: list[Any] = [None] * len(works)
    errors: list[OneThinkerRewardsError] = []

    async def do(index: int) -> None:
        try:
            found[index] = await _outcome(works[index])
        except OneThinkerRewardsError as error:
            errors.append(error)

    async with anyio.create_task_group() as group:
        for index in range(len(works)):
            group.start_soon(partial(do, index))
    if errors:
        raise errors[0]
    return found


async def _outcome(work: Callable[[], Awaitable[T]]) -> T | NoVerdictError:
    try:
        return await work()
    except NoVerdictError as error:
        return error
