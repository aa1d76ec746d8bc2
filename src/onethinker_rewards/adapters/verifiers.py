"""A reward for tasks of verifiers 0.4 and later, whose rewards are methods of a task.

    import verifiers.v1 as vf
    from onethinker_rewards.adapters.verifiers import make_reward

    class MyTask(vf.Task[MyData]):
        onethinker = vf.reward(weight=1.0)(make_reward())

`onethinker` has the default settings, for a task whose reward is named in its configuration.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Unpack

from onethinker_rewards.adapters._shared import RowScorer, Settings, checked_totals
from onethinker_rewards.adapters._shared import log_items as log_items
from onethinker_rewards.adapters.microbatch import batch_calls
from onethinker_rewards.errors import OneThinkerRewardsError

_LOG = logging.getLogger(__name__)


def make_reward(**settings: Unpack[Settings]) -> Callable[..., Awaitable[float]]:
    """Return an ``async def onethinker(self, trace) -> float`` for ``vf.reward``, or for the configuration of a task.

    The columns are the fields of the task's data. It also records metrics on the trace: ``accuracy``, ``normalized``
    and ``format``. Rollouts that end at the same time are scored together.

    Args:
        settings: Those of `RowScorer`.
    """
    batcher = batch_calls(RowScorer(**settings))

    # A method of a task has a self, a function given by configuration has none; verifiers passes the trace by name.
    async def onethinker(self: object = None, trace: Any = None) -> float:
        try:
            row = await batcher((response_of(trace), dict(trace.task.data)))
            (total,) = checked_totals([row])
        except OneThinkerRewardsError:
            _LOG.exception("no reward: verifiers keeps this error on the trace, but its reward reads 0 there")
            raise
        trace.record_metrics({name: row[name] for name in ("accuracy", "normalized", "format")})
        return total

    return onethinker


def response_of(trace: Any) -> str:
    """Return what the model wrote in the last turn of a trace; empty if it wrote nothing.

    A server with a reasoning parser moves the thinking out of the text: it is put back, in its tags.
    """
    if not trace.assistant_messages:
        return ""
    message = trace.assistant_messages[-1]
    text = message.content or ""
    return f"<think>{message.reasoning_content}</think>{text}" if message.reasoning_content else text


onethinker = make_reward()
