"""What a step writes into verl's loggers beside verl's own numbers."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from onethinker_rewards.adapters.verl import log_items
from onethinker_rewards.trainer.verl.options import NAME
from onethinker_rewards.trainer.verl.trajectories import Trajectories

__all__ = ["filtered_key", "rewards_of"]


def filtered_key(task: str) -> str:
    """Return the key of the curve of a task's filtered groups."""
    return f"{NAME}/{task}/filtered_groups"


def rewards_of(rows: Trajectories, expected: int, known: Mapping[str, float], *, filtered: bool) -> dict[str, float]:
    """Return the curves of a batch's rewards.

    Args:
        rows: The batch.
        expected: How many rows were asked for.
        known: What the step logs already: filtered groups of tasks that had some.
        filtered: Whether groups are filtered.

    Returns:
        ``onethinker/<task>/…`` of `onethinker_rewards.adapters.verl.log_items`, and ``filtered_groups`` if any task can
        have them; ``onethinker/lost_rows``, those that verl dropped for an error in them; and
        ``onethinker/reward_seconds/mean`` and ``…/max``, how long a row waited for its reward.
    """
    infos = rows.counted_infos()
    curves = log_items(infos, NAME)
    if filtered:
        tasks = {info["scored_as"] for info in infos}
        curves |= {filtered_key(task): 0.0 for task in sorted(tasks) if filtered_key(task) not in known}
    curves[f"{NAME}/lost_rows"] = float(expected - len(infos))
    seconds = [each for each, counted in zip(rows.seconds, rows.counted, strict=True) if counted]
    if seconds:
        curves |= {
            f"{NAME}/reward_seconds/mean": statistics.fmean(seconds),
            f"{NAME}/reward_seconds/max": max(seconds),
        }
    return curves
