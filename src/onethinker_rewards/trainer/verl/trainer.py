"""verl's synchronous trainer with each row's task in its advantages, and with groups filtered by their accuracy."""

# pyright: reportMissingImports=false, reportUntypedBaseClass=false, reportUntypedClassDecorator=false

from __future__ import annotations

import math
import os
import statistics
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import transfer_queue
from omegaconf import DictConfig, OmegaConf
from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY
from verl.trainer.ppo.v1 import PPOTrainerSync, register_trainer
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer

from onethinker_rewards.errors import OneThinkerRewardsError
from onethinker_rewards.trainer.options import NAME, Filter, Options
from onethinker_rewards.trainer.verl.batch import (
    Advantages,
    Trajectories,
    data_order,
    filtered_groups_key,
    reward_info,
    reward_metrics,
    uid_of,
)


@register_trainer(NAME)
class OneThinkerTrainer(PPOTrainerSync):
    """verl's trainer with our estimator, filter, order of rows and metrics."""

    def __init__(self, config: DictConfig) -> None:
        section: Any = OmegaConf.to_container(config[NAME], resolve=True)
        self._options = Options.read(section)
        self._advantages = Advantages(self._options.estimator, self._options.estimator_options)
        # By this name verl knows whether it is synchronous.
        config.trainer.v1.trainer_mode = "sync"
        # verl's would go to the folder that this process was started in, which may be on any node.
        os.environ.setdefault("TENSORBOARD_DIR", str(Path(config.trainer.default_local_dir) / "curves"))
        super().__init__(config)

    def _build_replay_buffer(self) -> object:
        if self._options.filter is None:
            return super()._build_replay_buffer()
        sampler = self.config.trainer.v1.sampler
        return FilteringBuffer(
            keep=self._options.filter,
            trainer_mode=self.config.trainer.v1.trainer_mode,
            trainer_config=self.config.trainer.v1.sync,
            max_off_policy_threshold=sampler.max_off_policy_threshold,
            max_off_policy_strategy=sampler.max_off_policy_strategy,
            sampler_kwargs=sampler.sampler_kwargs,
            refill_fn=self._add_prompts_to_generate,
            filter_groups_metric=self.config.algorithm.filter_groups.metric,
            sync_refill_failed_groups=bool(sampler.get("sync_refill_failed_groups", False)),
            train_batch_size=self.config.data.train_batch_size,
            gen_batch_size=1,
            max_inflight_gen_batches=self.config.algorithm.filter_groups.max_inflight_gen_batches,
        )

    def _balance_batch(self, batch: Any, metrics: dict[str, Any], **settings: Any) -> Any:
        if self._options.seed is not None:
            columns = _columns(batch.keys, batch.partition_id, "index", "extra_info")
            batch.reorder(data_order(batch.keys, columns["index"], columns["extra_info"]))
        return super()._balance_batch(batch, metrics, **settings)

    def _compute_advantage(self, batch: Any, metrics: dict[str, Any]) -> Any:
        columns = _columns(batch.keys, batch.partition_id, "extra_fields", "metrics")
        rows = Trajectories.read(batch.keys, batch.tags, columns["extra_fields"], columns["metrics"])
        # verl hands an estimator rewards and prompt ids, but no tasks: so it gets one that knows this batch.
        ADV_ESTIMATOR_REGISTRY[NAME] = partial(self._advantages.estimate, rows)
        done = super()._compute_advantage(batch, metrics)
        expected = self.config.data.train_batch_size * self.config.actor_rollout_ref.rollout.n
        metrics |= reward_metrics(rows, expected, metrics, filtered=self._options.filter is not None)
        metrics |= self._advantages.metrics()
        return done

    def _save_checkpoint(self) -> None:
        # verl writes last which checkpoint is the newest: by then ours is there.
        self._advantages.save(self._checkpoint_folder())
        super()._save_checkpoint()

    def _load_checkpoint(self) -> None:
        super()._load_checkpoint()
        if self.global_steps > 0:
            trainer = self.config.trainer
            explicit = trainer.resume_mode == "resume_path"
            self._advantages.load(trainer.resume_from_path if explicit else self._checkpoint_folder())

    def _checkpoint_folder(self) -> Path:
        return Path(self.config.trainer.default_local_dir) / f"global_step_{self.global_steps}"


class NothingToLearnError(OneThinkerRewardsError):
    """A step dropped more groups than it may: nearly all are always right, or never."""


class FilteringBuffer(ReplayBuffer):
    """verl's replay buffer, which drops groups that `Filter` does not keep.

    verl's own filter drops groups whose rewards are all equal. Ours goes by the mean accuracy, as the release does: a
    group that is nearly always right, or nearly never, is dropped too.
    """

    def __init__(self, *, keep: Filter, **settings: Any) -> None:
        super().__init__(**settings)
        self._keep = keep
        # Task and mean accuracy of each finished group; it does not change, so it is read once.
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
        members: dict[str, list[Mapping[str, Any]]] = {}
        for key, fields in zip(keys, _columns(keys, partition_id, "extra_fields")["extra_fields"], strict=True):
            members.setdefault(uid_of(key), []).append(reward_info(fields))
        for group, infos in members.items():
            accuracies = [info[self.filter_groups_metric] for info in infos]
            known = [float(accuracy) for accuracy in accuracies if accuracy is not None]
            self._means[group] = (infos[0]["scored_as"], statistics.fmean(known) if known else math.nan)

    def _evict_terminal_groups(
        self, global_steps: int, partition_id: str, eviction_reasons: tuple[Any, ...]
    ) -> tuple[set[str], int, int, dict[str, Any]]:
        """Drop groups, and count them by task."""
        tasks = Counter(self._means[group][0] for group in eviction_reasons[1])
        evicted, stale, filtered, metrics = super()._evict_terminal_groups(global_steps, partition_id, eviction_reasons)
        metrics |= {filtered_groups_key(task): count for task, count in tasks.items()}
        self._dropped += filtered
        if self._dropped > self._keep.max_batches * self.train_batch_size:
            raise NothingToLearnError(
                f"dropped {self._dropped} groups in step {global_steps}, more than {self._keep.max_batches} batches: "
                f"accuracies are not between {self._keep.low} and {self._keep.high}"
            )
        return evicted, stale, filtered, metrics


def _columns(keys: list[str], partition_id: str, *names: str) -> Mapping[str, Any]:
    """Return columns of rows from verl's transfer queue."""
    return transfer_queue.kv_batch_get(keys=keys, partition_id=partition_id, select_fields=list(names))
