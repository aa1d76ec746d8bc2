"""Which finished groups a step is trained on: verl's replay buffer, with our reason to drop a group.

verl's own filter drops groups whose rewards are all equal. Ours goes by the mean accuracy, as the release does: a
group that is nearly always right, or nearly never, is dropped too.
"""

# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from onethinker_rewards.errors import OneThinkerRewardsError
from onethinker_rewards.trainer.verl.metrics import filtered_groups_key
from onethinker_rewards.trainer.verl.options import Filter
from onethinker_rewards.trainer.verl.trajectories import reward_info, uid_of

__all__ = ["ACCURACY", "NothingToLearnError", "group_means", "make_buffer"]

# The accuracy in [0, 1] in a reward's details.
ACCURACY = "normalized"


class NothingToLearnError(OneThinkerRewardsError):
    """A step dropped more groups than it may: nearly all are always right, or never."""


def group_means(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, tuple[str, float]]:
    """Return the task and the mean accuracy of each group; NaN where no row of it has one.

    Args:
        rows: The prompt's id and the reward's details, one pair a row.
    """
    known: dict[str, tuple[str, list[float]]] = {}
    for group, info in rows:
        values = known.setdefault(group, (info["scored_as"], []))[1]
        if info[ACCURACY] is not None:
            values.append(float(info[ACCURACY]))
    return {group: (task, statistics.fmean(values) if values else math.nan) for group, (task, values) in known.items()}


@cache
def make_buffer() -> type:
    """Return the replay buffer class; imports verl."""
    from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer

    class OneThinkerReplayBuffer(ReplayBuffer):
        """verl's replay buffer, which drops groups that `Filter` does not keep."""

        partitions: Mapping[str, Mapping[str, Any]]
        finished_keys: Mapping[str, Iterable[str]]
        train_batch_size: int

        def __init__(self, *, keep: Filter, **settings: Any) -> None:
            super().__init__(filter_groups_metric=ACCURACY, **settings)
            self._keep = keep
            # A finished group does not change, so it is read once.
            self._means: dict[str, tuple[str, float]] = {}
            self._dropped = 0

        def sample(self, global_steps: int, partition_id: str, batch_size: int) -> tuple[Any, dict[str, Any]]:
            """Return a batch of groups worth training on, as verl's does."""
            self._dropped = 0
            return super().sample(global_steps, partition_id, batch_size)

        def _dapo_filtered_keys(self, partition_id: str) -> tuple[set[str], Counter[float]]:
            """Return the finished groups to drop, and how many have which mean."""
            if partition_id == "val":
                return set(), Counter()
            finished = set(self.finished_keys[partition_id])
            self._means = {group: known for group, known in self._means.items() if group in finished}
            self._read_groups(partition_id, finished - self._means.keys())
            dropped = {group: mean for group, (_, mean) in self._means.items() if not self._keep.keeps(mean)}
            return set(dropped), Counter(round(mean, 3) for mean in dropped.values())

        def _read_groups(self, partition_id: str, groups: set[str]) -> None:
            keys = [key for key in self.partitions[partition_id] if uid_of(key) in groups]
            if not keys:
                return
            import transfer_queue

            data = transfer_queue.kv_batch_get(keys=keys, partition_id=partition_id, select_fields=["extra_fields"])
            infos = map(reward_info, data["extra_fields"])
            self._means |= group_means(zip(map(uid_of, keys), infos, strict=True))

        def _evict_terminal_groups(
            self, global_steps: int, partition_id: str, eviction_reasons: tuple[Any, ...]
        ) -> tuple[set[str], int, int, dict[str, Any]]:
            """Drop groups, and count them by task."""
            tasks = Counter(self._means[group][0] for group in eviction_reasons[1])
            evicted, stale, filtered, metrics = super()._evict_terminal_groups(
                global_steps, partition_id, eviction_reasons
            )
            metrics |= {filtered_groups_key(task): count for task, count in tasks.items()}
            self._dropped += filtered
            keep = self._keep
            if self._dropped > keep.max_batches * self.train_batch_size:
                raise NothingToLearnError(
                    f"dropped {self._dropped} groups in step {global_steps}, more than {keep.max_batches} batches: "
                    f"accuracies are not between {keep.low} and {keep.high}"
                )
            return evicted, stale, filtered, metrics

    return OneThinkerReplayBuffer
