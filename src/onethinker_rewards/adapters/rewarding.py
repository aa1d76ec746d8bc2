"""Responses to what a trainer is given: totals, scaled or not, None where there is none."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from onethinker_rewards.adapters.logs import log_items
from onethinker_rewards.adapters.scale import TaskScale
from onethinker_rewards.adapters.scoring import RowScorer
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.rewards import RewardBatch

__all__ = ["Rewarded", "Rewarder", "make_rewarder", "response_text"]


@dataclass(frozen=True, slots=True)
class Rewarded:
    """Rewards of N responses.

    Attributes:
        rewards: ``[N]`` for the trainer; None for rows of other tasks, and where a judge gave no score.
        batch: The M rows of N that were scored.
        rows: ``[M]`` where in the N they stand.
        sigmas: The running σ of each task; empty without EMA-GRPO.
        counts: What the segmenter and its cache have done so far; empty without one.
    """

    rewards: list[float | None]
    batch: RewardBatch
    rows: list[int]
    sigmas: dict[str, float]
    counts: dict[str, float]

    def spread(self, values: Sequence[Any]) -> list[Any]:
        """Return ``[N]`` values of the ``[M]`` rows that were scored, None elsewhere."""
        spread: list[Any] = [None] * len(self.rewards)
        for row, value in zip(self.rows, values, strict=True):
            spread[row] = value
        return spread

    def log_items(self, prefix: str) -> dict[str, float]:
        """Return the curves that have a number: those of `log_items`, σ of each task, and the segmenter's counts."""
        items = log_items(self.batch, prefix) | {f"{prefix}/{name}": count for name, count in self.counts.items()}
        items |= {f"{prefix}/{task}/sigma": value for task, value in self.sigmas.items()}
        return {key: value for key, value in items.items() if not math.isnan(value)}


class Rewarder:
    """Scores rows, and scales their totals where EMA-GRPO is asked for.

    Args:
        scorer: Scores the rows.
        tasks: Our names of the tasks that get a reward; None for all.
        scale: Divides totals by σ; None leaves them.

    Raises:
        ArgumentError: If a name in ``tasks`` is no task.
    """

    def __init__(self, scorer: RowScorer, tasks: Collection[str] | None = None, scale: TaskScale | None = None) -> None:
        self.scorer = scorer
        self.scale = scale
        self._tasks = None if tasks is None else _known(tasks, scorer)

    def __call__(self, responses: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> Rewarded:
        """Reward N responses; errors are those of `RowScorer.score`."""
        count = len(responses)
        rows = self._rows(columns, count)
        if len(rows) < count:
            responses = [responses[row] for row in rows]
            columns = {name: [values[row] for row in rows] for name, values in columns.items()}
        batch = self.scorer.score(responses, columns)
        totals = batch.total if self.scale is None else self.scale(batch.total, batch.tasks)
        rewards = np.full(count, np.nan)
        rewards[rows] = totals
        given = [None if math.isnan(value) else value for value in rewards.tolist()]
        sigmas = {} if self.scale is None else self.scale.sigmas()
        return Rewarded(given, batch, rows, sigmas, self.scorer.counts)

    def _rows(self, columns: Mapping[str, Sequence[Any]], count: int) -> list[int]:
        if self._tasks is None:
            return list(range(count))
        scorer = self.scorer
        return scorer.columns.rows_of(self._tasks, columns, rows=count, table=scorer.table)


def make_rewarder(
    ema: bool | Mapping[str, Any], tasks: Collection[str] | None, settings: Mapping[str, Any]
) -> Rewarder:
    """Return a rewarder with the settings of an adapter's ``make_reward``.

    Args:
        ema: Whether totals are divided by σ; a mapping gives the settings of `TaskScale`.
        tasks: Our names of the tasks that get a reward; None for all.
        settings: Those of `RowScorer`.

    Raises:
        ArgumentError: If a setting is out of its range.
    """
    scale = TaskScale(**(ema if isinstance(ema, Mapping) else {})) if ema is not False else None
    return Rewarder(RowScorer(**settings), tasks, scale)


def _known(tasks: Collection[str], scorer: RowScorer) -> frozenset[str]:
    if isinstance(tasks, str):
        raise ArgumentError(f"tasks is one str, {tasks!r}; give a list of names")
    unknown = sorted(set(tasks) - scorer.table.keys())
    if unknown:
        raise ArgumentError(f"tasks: there is no {', '.join(unknown)}; there are {', '.join(scorer.table)}")
    return frozenset(tasks)


# Where templates that split the response put the thinking.
_THINKING = ("reasoning_content", "thinking")


def response_text(completion: Any) -> str:
    """Return all that the model wrote in its last message.

    Args:
        completion: A text; or messages with ``role`` and ``content``, of which the assistant's last counts, its content
            a text or a list of parts. Thinking that the trainer's tokenizer has split off into a field of its own is
            put back in front, in its tags.

    Raises:
        ArgumentError: If it is neither.

    >>> response_text([{"role": "assistant", "content": "<answer>B</answer>", "reasoning_content": "Four legs."}])
    '<think>Four legs.</think><answer>B</answer>'
    """
    if isinstance(completion, str):
        return completion
    if not isinstance(completion, Sequence) or not all(isinstance(one, Mapping) for one in completion):
        raise ArgumentError(f"completions: expected str or a list of messages, got {type(completion).__name__}")
    messages = cast("Sequence[Mapping[str, Any]]", completion)
    last = next((message for message in reversed(messages) if message.get("role") == "assistant"), {})
    thinking = next((last[field] for field in _THINKING if last.get(field)), None)
    text = _content_text(last.get("content"))
    return text if thinking is None else f"<think>{thinking}</think>{text}"


def _content_text(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part.get("type") == "text")
