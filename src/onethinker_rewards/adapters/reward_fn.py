"""The reward function of trainers that take N rewards and compute the advantages themselves: TRL and ms-swift."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, cast

import numpy as np

from onethinker_rewards.adapters._shared import RowScorer, Settings, log_items
from onethinker_rewards.adapters.columns import Table
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.rewards import RewardBatch

if TYPE_CHECKING:
    from onethinker_rewards.adapters.ema_scaler import TaskScaler

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Rewards:
    """Rewards of N responses.

    Attributes:
        values: ``[N]`` for the trainer; None for rows of other tasks, and where a judge gave no score.
        batch: The M rows of N that were scored.
        rows: ``[M]`` their indices in the N.
        sigmas: The running σ of each task; empty without EMA-GRPO.
        counts: The counters of the segmenter and its cache; empty without one.
    """

    values: list[float | None]
    batch: RewardBatch
    rows: list[int]
    sigmas: dict[str, float]
    counts: dict[str, float]

    def scatter(self, values: Sequence[Value]) -> list[Value | None]:
        """Return ``[N]`` values from those of the ``[M]`` rows that were scored, None for the other rows."""
        scattered: list[Value | None] = [None] * len(self.values)
        for row, value in zip(self.rows, values, strict=True):
            scattered[row] = value
        return scattered

    def log_items(self, prefix: str) -> dict[str, float]:
        """Return the curves that have a number: those of `log_items`, σ of each task, and the segmenter's counters."""
        items = log_items(self.batch, prefix) | {f"{prefix}/{name}": count for name, count in self.counts.items()}
        items |= {f"{prefix}/{task}/sigma": value for task, value in self.sigmas.items()}
        return {key: value for key, value in items.items() if not math.isnan(value)}


class Rewarder:
    """Scores rows, and with a scaler divides their totals by σ.

    Args:
        scorer: Scores the rows.
        tasks: Our names of the tasks that get a reward; None for all.
        scaler: Divides totals by σ; None leaves them as they are.

    Raises:
        ArgumentError: If a name in ``tasks`` is unknown.
    """

    def __init__(
        self, scorer: RowScorer, tasks: Collection[str] | None = None, scaler: TaskScaler | None = None
    ) -> None:
        if isinstance(tasks, str):
            raise ArgumentError(f"tasks is one str, {tasks!r}; give a list of names")
        unknown = sorted(set(tasks or ()) - scorer.table.keys())
        if unknown:
            raise ArgumentError(f"tasks: unknown {', '.join(unknown)}; the tasks are {', '.join(scorer.table)}")
        self.scorer = scorer
        self.scaler = scaler
        self._tasks = None if tasks is None else frozenset(tasks)

    def __call__(
        self,
        responses: Sequence[str],
        columns: Table,
        *,
        groups: Sequence[Hashable] | None = None,
        progress: float | None = None,
    ) -> Rewards:
        """Reward N responses; takes and raises what `RowScorer.score` does."""
        count, scorer = len(responses), self.scorer
        rows = list(range(count))
        if self._tasks is not None:
            rows = scorer.columns.rows_of(self._tasks, columns, rows=count, table=scorer.table)
            responses = [responses[row] for row in rows]
            columns = {name: [values[row] for row in rows] for name, values in columns.items()}
            groups = None if groups is None else [groups[row] for row in rows]
        batch = scorer.score(responses, columns, groups=groups, progress=progress)
        values = np.full(count, np.nan)
        values[rows] = batch.total if self.scaler is None else self.scaler(batch.total, batch.tasks)
        given = [None if math.isnan(value) else value for value in values.tolist()]
        return Rewards(given, batch, rows, {} if self.scaler is None else self.scaler.sigmas(), scorer.counts)


class RewarderSettings(Settings, total=False):
    """The settings of `RowScorer`, whether rewards are divided by σ, and which tasks are rewarded.

    Attributes:
        ema: Whether rewards are divided by the running σ of their task, which is EMA-GRPO in a trainer that does not
            divide them itself; a mapping gives settings of `onethinker_rewards.advantage.EmaRewardScaler`. Needs the
            callback of the reward.
        tasks: Our names of the tasks that are rewarded, None for all; all other rows get None.
    """

    ema: bool | Mapping[str, Any]
    tasks: Collection[str] | None


def make_rewarder(
    ema: bool | Mapping[str, Any] = False, tasks: Collection[str] | None = None, **settings: Unpack[Settings]
) -> Rewarder:
    """Return a rewarder with the settings of `RewarderSettings`.

    Raises:
        ArgumentError: If a setting is out of its range.
    """
    scorer = RowScorer(**settings)
    if ema is False:
        return Rewarder(scorer, tasks)
    from onethinker_rewards.adapters.ema_scaler import TaskScaler  # noqa: PLC0415 - imports torch

    return Rewarder(scorer, tasks, TaskScaler(**(ema if isinstance(ema, Mapping) else {})))


def training_progress(state: Any) -> float | None:
    """Return how far training is, from 0 to 1, by a ``TrainerState`` of transformers; None where it has no last step.

    >>> from types import SimpleNamespace
    >>> training_progress(SimpleNamespace(global_step=30, max_steps=120))
    0.25
    """
    last_step = getattr(state, "max_steps", 0)
    return min(1.0, state.global_step / last_step) if last_step > 0 else None


# The fields in which chat templates that split the response put the reasoning.
_REASONING = ("reasoning_content", "thinking")


def response_text(completion: object) -> str:
    """Return everything that the model wrote in its last message.

    Args:
        completion: A text; or messages with ``role`` and ``content``, of which the assistant's last counts, its content
            a text or a list of parts. Reasoning that the trainer's tokenizer has moved to a separate field is put back
            in front of the text, in its tags.

    Raises:
        ArgumentError: If it is neither.

    >>> response_text([{"role": "assistant", "content": "<answer>B</answer>", "reasoning_content": "Four legs."}])
    '<think>Four legs.</think><answer>B</answer>'
    """
    if isinstance(completion, str):
        return completion
    if not isinstance(completion, Sequence) or not all(isinstance(message, Mapping) for message in completion):
        raise ArgumentError(f"completions: expected str or a list of messages, got {type(completion).__name__}")
    messages = cast("Sequence[Mapping[str, Any]]", completion)
    last = next((message for message in reversed(messages) if message.get("role") == "assistant"), {})
    reasoning = next((last[field] for field in _REASONING if last.get(field)), None)
    content: str | Sequence[Mapping[str, str]] = last.get("content") or ""
    text = (
        content if isinstance(content, str) else "".join(part["text"] for part in content if part.get("type") == "text")
    )
    return text if reasoning is None else f"<think>{reasoning}</think>{text}"
