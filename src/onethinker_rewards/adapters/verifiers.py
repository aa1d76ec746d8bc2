"""A reward for tasks of verifiers 0.4 and later, whose rewards are methods of a task.

    import verifiers.v1 as vf
    from onethinker_rewards.adapters.verifiers import make_reward

    class MyTask(vf.Task[MyData]):
        onethinker = vf.reward(weight=1.0)(make_reward())

`onethinker` has the default settings, for a task whose reward is named in its configuration. `make_taskset` makes a
whole taskset of a file of rows.
"""

# verifiers is not installed where types are checked.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Unpack

import msgspec
from pydantic import ConfigDict

from onethinker_rewards.adapters._shared import RowScorer, Settings, checked_totals
from onethinker_rewards.adapters._shared import log_items as log_items
from onethinker_rewards.adapters.columns import Columns, Row, columns_of
from onethinker_rewards.adapters.microbatch import batch_calls
from onethinker_rewards.errors import ArgumentError, OneThinkerRewardsError
from onethinker_rewards.rewards.recipe import find_recipe
from onethinker_rewards.tasks import prompt

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


def make_taskset(**settings: Unpack[Settings]) -> type[Any]:
    """Return a taskset of a file of rows in JSON Lines, which ``--env.taskset.path`` names.

    The fields of a row are the columns. A row without a ``prompt`` is asked by its question, as
    `onethinker_rewards.prompt` puts it. Fields that verifiers itself reads, such as ``image`` (a container's) and
    ``id``, are left out.

    Args:
        settings: Those of `RowScorer`.
    """
    import verifiers.v1 as vf  # noqa: PLC0415

    class OneThinkerData(vf.TaskData):
        """A row with any columns."""

        model_config = ConfigDict(frozen=True, extra="allow")

    class OneThinkerTask(vf.Task[OneThinkerData]):
        """One question, rewarded by the total."""

        onethinker = vf.reward(weight=1.0)(make_reward(**settings))

    class OneThinkerTasksetConfig(vf.TasksetConfig):
        """Where the rows are."""

        path: Path

    class OneThinkerTaskset(vf.Taskset[OneThinkerTask, OneThinkerTasksetConfig]):
        """The rows of a file."""

        def load(self) -> Iterator[OneThinkerTask]:
            """Yield a task a row."""
            taken = vf.TaskData.model_fields.keys() - {"prompt"}
            for row in _rows(self.config.path, settings):
                data = OneThinkerData(**{name: value for name, value in row.items() if name not in taken})
                yield OneThinkerTask(data, self.config.task)

    return OneThinkerTaskset


def _rows(path: Path, settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file, each with a prompt.

    Raises:
        ArgumentError: If a line is no JSON object, or has neither a prompt nor what makes one; it names the line.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = msgspec.json.decode(line, type=dict[str, Any])
                yield row if "prompt" in row else row | {"prompt": _prompt_of(row, settings)}
            except (OneThinkerRewardsError, msgspec.MsgspecError) as error:
                raise ArgumentError(f"{path}, line {number}: {error}") from None


def _prompt_of(row: Row, settings: Settings) -> str:
    table = settings.get("table")
    inputs = (settings.get("columns") or Columns()).take(columns_of([row]), rows=1, table=table)
    question = inputs.questions[0] if inputs.questions else None
    if question is None:
        raise ArgumentError("neither a prompt nor a question")
    options = inputs.options[0] if inputs.options else None
    dialect = settings.get("dialect") or find_recipe(settings.get("recipe", "paper")).dialect
    return prompt(inputs.tasks[0], question, options, dialect=dialect, table=table)


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
