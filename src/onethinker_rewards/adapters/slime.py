"""Rewards and EMA-GRPO for slime.

    --custom-rm-path onethinker_rewards.adapters.slime.custom_rm
    --custom-reward-post-process-path onethinker_rewards.adapters.slime.post_process_rewards
    --data-source-path onethinker_rewards.adapters.slime.data_source
    --custom-rollout-log-function-path onethinker_rewards.adapters.slime.log_rollout

The first is the reward; the second makes EMA-GRPO's advantages of it; the third saves and restores their statistics
with slime's checkpoints; the fourth logs a curve a task. For settings of your own, make them in a module of yours with
`make_reward`, `make_ema_grpo` and `EmaGrpoRewards.data_source`.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from onethinker_rewards.adapters.columns import Columns
from onethinker_rewards.adapters.estimating import LazyEmaGrpo
from onethinker_rewards.adapters.gather import gather_calls
from onethinker_rewards.adapters.logs import extra_info, log_items
from onethinker_rewards.adapters.scoring import RowScorer
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.tasks import TaskSpec

__all__ = [
    "COLUMNS",
    "EmaGrpoRewards",
    "SlimeReward",
    "custom_rm",
    "data_source",
    "log_items",
    "log_rollout",
    "make_ema_grpo",
    "make_reward",
    "post_process_rewards",
]

# A sample's columns are its metadata, and its label under the name ``label``.
COLUMNS = Columns(reference=("label", "reference", "solution", "answer", "ground_truth"))


class SlimeReward:
    """A reward function of slime; make it with `make_reward`."""

    def __init__(self, scorer: RowScorer) -> None:
        self._scorer = scorer
        self._gather = gather_calls(scorer)

    async def __call__(self, args: Any, sample: Any, **_: Any) -> Any:
        """Return the reward of a sample, or with ``--group-rm`` of a list of samples.

        Returns:
            The total; with ``--reward-key total`` a dictionary with total, accuracy, format, failure and the rest,
            which `log_rollout` and ``--log-reward-category`` need. NaN where a judge gave no score.

        Raises:
            OneThinkerRewardsError: As `RowScorer.score` does; slime lets it through, and the run stops.
        """
        if isinstance(sample, list):
            samples: list[Any] = sample
            texts, columns = [each.response for each in samples], [_columns_of(each) for each in samples]
            rows = extra_info(await asyncio.to_thread(self._scorer.score_rows, texts, columns))
            return [_reward(args, row) for row in rows]
        return _reward(args, await self._gather((sample.response, _columns_of(sample))))


class EmaGrpoRewards:
    """EMA-GRPO as slime's post-processing of rewards; make it with `make_ema_grpo`.

    Attributes:
        ema: The estimator with its statistics.
    """

    def __init__(self, columns: Columns, table: Mapping[str, TaskSpec] | None, ema: LazyEmaGrpo) -> None:
        self._columns = columns
        self._table = table
        self.ema = ema

    def __call__(self, args: Any, samples: Sequence[Any]) -> tuple[list[float], list[float]]:
        """Return the rewards as they were, and the advantages that slime takes in their place.

        Raises:
            ArgumentError: If a sample has no group index.
            UnknownTaskError: Naming all samples whose task is unknown.
        """
        flat = list(_flattened(samples))
        groups = [sample.group_index for sample in flat]
        if None in groups:
            raise ArgumentError(
                f"samples: sample {groups.index(None)} has no group_index, so no group to be compared in"
            )
        raw = [sample.get_reward_value(args) for sample in flat]
        tasks = self._columns.take_rows([_columns_of(sample) for sample in flat], table=self._table).tasks
        return raw, self.ema(raw, groups=groups, tasks=tasks).tolist()

    def data_source(self, args: Any) -> Any:
        """Return slime's own data source, which saves and loads these statistics with its state."""
        source: Any = importlib.import_module("slime.rollout.data_source").RolloutDataSourceWithBuffer(args)
        save, load = source.save, source.load

        def save_both(rollout_id: int) -> None:
            save(rollout_id)
            self.ema.save(_folder(args.save, rollout_id))

        def load_both(rollout_id: int | None = None) -> None:
            load(rollout_id)
            # slime asks for the step before the first one too, where there is nothing yet.
            if args.load is not None and rollout_id is not None and rollout_id >= 0:
                self.ema.load(_folder(args.load, rollout_id))

        source.save, source.load = save_both, load_both
        return source


def make_reward(*, columns: Columns = COLUMNS, **settings: Any) -> SlimeReward:
    """Return a reward function.

    Args:
        columns: Which column holds what; those of a sample are its metadata, and ``label``.
        settings: The others of `RowScorer`.
    """
    return SlimeReward(RowScorer(columns=columns, **settings))


def make_ema_grpo(
    *, columns: Columns = COLUMNS, table: Mapping[str, TaskSpec] | None = None, **options: Any
) -> EmaGrpoRewards:
    """Return EMA-GRPO as a post-processing of rewards.

    Args:
        columns: As in `make_reward`.
        table: The tasks, `TASKS` by default.
        options: Those of `onethinker_rewards.advantage.EmaGrpo`.
    """
    return EmaGrpoRewards(columns, table, LazyEmaGrpo(**options))


def log_rollout(rollout_id: int, args: Any, samples: Sequence[Any], metrics: Any, seconds: float) -> bool:
    """Add the curves of each task to what slime logs of a rollout; return False, so that it goes on to log.

    Raises:
        ArgumentError: If the rewards are bare numbers: it needs ``--reward-key total``.
    """
    rewards = [sample.reward for sample in _flattened(samples)]
    if not all(isinstance(reward, dict) for reward in rewards):
        raise ArgumentError("samples: the rewards are bare numbers, which say no task; set --reward-key total")
    if metrics is not None:
        metrics.update(log_items(rewards))
    return False


def _reward(args: Any, row: dict[str, Any]) -> Any:
    return row if getattr(args, "reward_key", None) else row["total"]


def _columns_of(sample: Any) -> dict[str, Any]:
    return {**(sample.metadata or {}), "label": sample.label}


def _flattened(samples: Iterable[Any]) -> Iterable[Any]:
    for sample in samples:
        if isinstance(sample, list):
            yield from _flattened(sample)  # pyright: ignore[reportUnknownArgumentType]
        else:
            yield sample


def _folder(checkpoints: str, rollout_id: int) -> Path:
    return Path(checkpoints) / "rollout" / f"onethinker_{rollout_id}"


custom_rm = make_reward()
post_process_rewards = make_ema_grpo()
data_source = post_process_rewards.data_source
