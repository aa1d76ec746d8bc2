"""What a trainer logs: curves of each task, and what is said of a single response."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.rewards import RewardBatch
from onethinker_rewards.tasks import TaskSpec

__all__ = ["extra_info", "log_items"]

_MEANS = ("total", "accuracy", "normalized", "format", "structure")
_CODES = ("failure", "format_fault")
_PART = "part/"


def extra_info(batch: RewardBatch, *, absent: float | None = math.nan) -> list[dict[str, Any]]:
    """Return a dictionary of plain numbers and strings a row, always with the same keys and types.

    Args:
        batch: N rewards.
        absent: What stands for a number that is not there: a part that the task does not have, and all numbers where
            a judge failed.

    Returns:
        ``[N]`` of ``task``, ``total``, ``accuracy``, ``normalized``, ``format``, ``structure``, ``failure``,
        ``format_fault`` (a code, or the empty string), ``repairs`` (codes with a comma between) and ``part/<name>``
        for each part of the table.
    """
    rows = batch.to_rows()
    for row in rows:
        for key, value in row.items():
            if value is None:
                row[key] = "" if key in _CODES else absent
        row["repairs"] = ",".join(row["repairs"])
    return rows


def log_items(
    batch: RewardBatch | Sequence[Mapping[str, Any]],
    prefix: str = "onethinker",
    *,
    table: Mapping[str, TaskSpec] | None = None,
) -> dict[str, float]:
    """Return the curves of a batch, flat, as every logger takes them.

    Args:
        batch: Rewards, or rows of them as `extra_info` and `RewardBatch.to_rows` give.
        prefix: What each key begins with; may be empty.
        table: If given, each of its tasks has all its keys whatever is in the batch, NaN where there are no rows: for
            loggers that have to see the same keys on every rank and step.

    Returns:
        ``<prefix>/<task>/`` with ``rows``; the means of ``total``, ``accuracy``, ``normalized``, ``format`` (the
        format rate), ``structure`` and ``part/<name>``; the shares of rows ``failed`` and
        ``failure/<code>``, ``format_fault/<code>``. Means leave rows without a number out. Without ``table`` only
        tasks, parts and codes that occur have keys.

    >>> import onethinker_rewards as otr
    >>> batch = otr.score(["<answer>B</answer>"], ["B"], "multiple_choice")
    >>> items = log_items(batch, "train")
    >>> items["train/multiple_choice/total"], items["train/multiple_choice/format_fault/missing_think"]
    (1.0, 1.0)
    """
    rows = batch.to_rows() if isinstance(batch, RewardBatch) else batch
    by_task: dict[str, list[Mapping[str, Any]]] = {task: [] for task in table or ()}
    for row in rows:
        by_task.setdefault(row["task"], []).append(row)
    start = f"{prefix}/" if prefix else ""
    return {
        f"{start}{task}/{key}": value
        for task, of_task in by_task.items()
        for key, value in _items_of_task(of_task, None if table is None else table.get(task)).items()
    }


def _items_of_task(rows: list[Mapping[str, Any]], spec: TaskSpec | None) -> dict[str, float]:
    parts = sorted({key for row in rows for key in row if key.startswith(_PART)})
    means = {key: _mean([row.get(key) for row in rows]) for key in (*_MEANS, *parts)}
    kept = {*_MEANS, *(_PART + name for name in (spec.parts if spec else ()))}
    items = {"rows": float(len(rows))}
    items |= {key: value for key, value in means.items() if key in kept or not math.isnan(value)}
    items |= dict.fromkeys(sorted(kept - items.keys()), math.nan)
    items["failed"] = _share(sum(bool(row["failure"]) for row in rows), rows)
    for kind in _CODES:
        counts = Counter(row[kind] for row in rows if row[kind])
        codes = dict.fromkeys([*FailureCode, *counts] if spec else counts)
        items |= {f"{kind}/{code}": _share(counts[code], rows) for code in codes}
    return items


def _mean(values: list[float | None]) -> float:
    known = [value for value in values if value is not None and not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _share(count: int, rows: Sequence[Any]) -> float:
    return count / len(rows) if rows else math.nan
