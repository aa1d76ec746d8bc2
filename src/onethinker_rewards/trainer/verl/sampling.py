"""Which finished groups a step is trained on: verl's replay buffer, with our reason to throw a group away.

verl's own filter knows groups whose rewards are all equal. Ours looks at the mean accuracy, as the release does: a
group that is nearly always right, or nearly never, is thrown away too.
"""

from __future__ import annotations

import importlib
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from onethinker_rewards.errors import OneThinkerRewardsError
from onethinker_rewards.trainer.verl.curves import filtered_key
from onethinker_rewards.trainer.verl.options import Filter
from onethinker_rewards.trainer.verl.trajectories import reward_info, uid_of

__all__ = ["ACCURACY", "NothingToLearnError", "group_means", "make_buffer"]

# What stands in a reward's info for the accuracy in [0, 1].
ACCURACY = "normalized"


class NothingToLearnError(OneThinkerRewardsError):
    """A step threw away more groups than it may: nearly all are always right, or never."""


def group_means(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, tuple[str, float]]:
    """Return the task and the mean accuracy of each group; NaN where no row of it has one.

    Args:
        rows: The prompt's id and what the reward said, one pair a row.
    """
    known: dict[str, tuple[str, list[float]]] = {}
    for group, info in rows:
        values = known.setdefault(group, (info["scored_as"], []))[1]
        if info[ACCURACY] is not None:
            values.append(float(info[ACCURACY]))
    return {group: (task, statistics.fmean(values) if values else math.nan) for group, (task, values) in known.items()}


class _Buffer:
    """What our replay buffer does; the class that verl uses also derives from verl's."""

    # verl's.
    partitions: Any
    finished_keys: Any
    train_batch_size: int

    def __init__(self, *, keep: Filter, **settings: Any) -> None:
        super().__init__(filter_groups_metric=ACCURACY, **settings)  # pyright: ignore[reportCallIssue] - verl's is next
        self._keep = keep
        # A finished group does not change, so it is looked at once.
        self._means: dict[str, tuple[str, float]] = {}
        self._thrown_away = 0

    def sample(self, global_steps: int, partition_id: str, batch_size: int) -> tuple[Any, dict[str, Any]]:
        """Return a batch of groups worth training on, as verl's does."""
        self._thrown_away = 0
        return super().sample(global_steps, partition_id, batch_size)  # pyright: ignore[reportAttributeAccessIssue]

    def _dapo_filtered_keys(self, partition_id: str) -> tuple[set[str], Counter[float]]:
        """Return the finished groups to throw away, and how many have which mean."""
        if partition_id == "val":
            return set(), Counter()
        finished = set(self.finished_keys[partition_id])
        self._means = {group: known for group, known in self._means.items() if group in finished}
        self._look_at(partition_id, finished - self._means.keys())
        away = {group: mean for group, (_, mean) in self._means.items() if not self._keep.keeps(mean)}
        return set(away), Counter(round(mean, 3) for mean in away.values())

    def _look_at(self, partition_id: str, groups: set[str]) -> None:
        keys = [key for key in self.partitions[partition_id] if uid_of(key) in groups]
        if not keys:
            return
        queue = importlib.import_module("transfer_queue")
        data = queue.kv_batch_get(keys=keys, partition_id=partition_id, select_fields=["extra_fields"])
        infos = [reward_info(one) for one in data["extra_fields"]]
        self._means |= group_means(zip(map(uid_of, keys), infos, strict=True))

    def _evict_terminal_groups(
        self, global_steps: int, partition_id: str, eviction_reasons: tuple[Any, ...]
    ) -> tuple[set[str], int, int, dict[str, Any]]:
        """Throw groups away, and count them by task."""
        tasks = Counter(self._means[group][0] for group in eviction_reasons[1])
        evicted, stale, filtered, metrics = super()._evict_terminal_groups(  # pyright: ignore[reportAttributeAccessIssue]
            global_steps, partition_id, eviction_reasons
        )
        metrics |= {filtered_key(task): count for task, count in tasks.items()}
        self._thrown_away += filtered
        if self._thrown_away > self._keep.max_batches * self.train_batch_size:
            raise NothingToLearnError(
                f"threw away {self._thrown_away} groups in step {global_steps}, more than "
                f"{self._keep.max_batches} batches: accuracies are not between {self._keep.low} and {self._keep.high}"
            )
        return evicted, stale, filtered, metrics


@cache
def make_buffer() -> type[Any]:
    """Return the replay buffer class; imports verl."""
    base = importlib.import_module("verl.trainer.ppo.v1.replay_buffer").ReplayBuffer
    return type("OneThinkerReplayBuffer", (_Buffer, base), {"__module__": __name__})
