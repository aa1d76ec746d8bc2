"""What a step adds to verl's own metrics."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from onethinker_rewards.adapters.verl import log_items
from onethinker_rewards.trainer.verl.options import NAME
from onethinker_rewards.trainer.verl.trajectories import Trajectories

__all__ = ["filtered_groups_key", "reward_metrics"]


def filtered_groups_key(task: str) -> str:
    """Return the name of the metric of a task's filtered groups."""
    return f"{NAME}/{task}/filtered_groups"


def reward_metrics(
    rows: Trajectories, expected: int, logged: Mapping[str, float], *, filtered: bool
) -> dict[str, float]:
    """Return the metrics of a batch's rewards.

    Args:
        rows: The batch.
        expected: How many rows were asked for.
        logged: What the step logs already: filtered groups of tasks that had some.
        filtered: Whether groups are filtered.

    Returns:
        ``onethinker/<task>/…`` of `onethinker_rewards.adapters.verl.log_items`, and ``filtered_groups`` of every task
        if groups are filtered; ``onethinker/lost_rows``, those that verl dropped for an error in them; and
        ``onethinker/reward_seconds/mean`` and ``…/max``, how long a row waited for its reward.
    """
    infos = rows.counted_infos()
    metrics = log_items(infos, NAME)
    if filtered:
        keys = {filtered_groups_key(info["scored_as"]) for info in infos}
        metrics |= dict.fromkeys(sorted(keys - logged.keys()), 0.0)
    metrics[f"{NAME}/lost_rows"] = float(expected - len(infos))
    seconds = [value for value, counted in zip(rows.seconds, rows.counted, strict=True) if counted]
    if seconds:
        metrics[f"{NAME}/reward_seconds/mean"] = statistics.fmean(seconds)
        metrics[f"{NAME}/reward_seconds/max"] = max(seconds)
    return metrics
