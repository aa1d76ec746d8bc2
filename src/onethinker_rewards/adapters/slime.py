"""Rewards and EMA-GRPO for slime.

    --custom-rm-path onethinker_rewards.adapters.slime.custom_rm
    --custom-reward-post-process-path onethinker_rewards.adapters.slime.post_process_rewards
    --data-source-path onethinker_rewards.adapters.slime.data_source
    --custom-rollout-log-function-path onethinker_rewards.adapters.slime.log_rollout

The first is the reward; the second turns rewards into EMA-GRPO's advantages; the third saves and restores their
statistics with slime's checkpoints; the fourth logs curves of each task. For other settings, write a module that calls
`make_reward`, `make_ema_grpo` and `EmaGrpoRewards.data_source`.
"""

# slime is not installed where types are checked.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from onethinker_rewards.adapters._shared import Info, RowScorer, Settings, extra_info
from onethinker_rewards.adapters._shared import log_items as log_items
from onethinker_rewards.adapters.columns import Columns, columns_of
from onethinker_rewards.adapters.ema_state import load_state, save_state
from onethinker_rewards.adapters.microbatch import batch_calls
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.tasks import TaskSpec

if TYPE_CHECKING:
    from onethinker_rewards.advantage import EmaGrpo

# A sample's columns are its metadata, and its label under the name ``label``.
COLUMNS = Columns(reference=("label", "reference", "solution", "answer", "ground_truth"))


class SlimeReward:
    """A reward function of slime.

    Args:
        settings: Those of `RowScorer`; a sample's columns are its metadata, and ``label``, and `COLUMNS` by default.
    """

    def __init__(self, **settings: Unpack[Settings]) -> None:
        settings.setdefault("columns", COLUMNS)
        self._scorer = RowScorer(**settings)
        self._batcher = batch_calls(self._scorer)

    async def __call__(self, args: Any, sample: Any, **_: object) -> float | Info | list[float | Info]:
        """Return the reward of a sample, or with ``--group-rm`` of a list of samples.

        Returns:
            The total; with ``--reward-key total`` a dictionary with total, accuracy, format, failure and the rest,
            which `log_rollout` and ``--log-reward-category`` need. NaN where a judge gave no score.

        Raises:
            OneThinkerRewardsError: As `RowScorer.score` does; slime does not catch it, and the run stops.
        """
        if isinstance(sample, list):
            responses, columns = [item.response for item in sample], columns_of([_columns_of(item) for item in sample])
            groups = [item.group_index for item in sample]
            batch = await asyncio.to_thread(self._scorer.score, responses, columns, groups=groups)
            return [_reward(args, info) for info in extra_info(batch)]
        return _reward(args, await self._batcher((sample.response, _columns_of(sample))))


class EmaGrpoRewards:
    """EMA-GRPO as slime's post-processing of rewards.

    Args:
        columns: As in `SlimeReward`.
        table: The tasks, `TASKS` by default.
        options: Those of `onethinker_rewards.advantage.EmaGrpo`.
    """

    def __init__(
        self, *, columns: Columns = COLUMNS, table: Mapping[str, TaskSpec] | None = None, **options: Any
    ) -> None:
        self._columns = columns
        self._table = table
        self._options = options

    @cached_property
    def ema(self) -> EmaGrpo:
        """The estimator with its statistics, created at its first use because it imports torch."""
        from onethinker_rewards.advantage import EmaGrpo  # noqa: PLC0415

        return EmaGrpo(**self._options)

    def __call__(self, args: Any, samples: Sequence[Any]) -> tuple[list[float], list[float]]:
        """Return the rewards unchanged, and the advantages that slime uses instead of them.

        Raises:
            ArgumentError: If a sample has no group index.
            UnknownTaskError: Naming all samples whose task is unknown.
        """
        flat = list(_flattened(samples))
        groups = [sample.group_index for sample in flat]
        if None in groups:
            raise ArgumentError(f"samples: sample {groups.index(None)} has no group_index, so its group is unknown")
        raw = [sample.get_reward_value(args) for sample in flat]
        columns = columns_of([_columns_of(sample) for sample in flat])
        tasks = self._columns.tasks(columns, rows=len(flat), table=self._table)
        return raw, self.ema(raw, groups, tasks).tolist()

    def data_source(self, args: Any) -> Any:
        """Return a data source of slime that saves and loads these statistics with its state."""
        from slime.rollout.data_source import RolloutDataSourceWithBuffer  # noqa: PLC0415

        ema = self.ema

        class DataSource(RolloutDataSourceWithBuffer):
            def save(self, rollout_id: int) -> None:
                super().save(rollout_id)
                save_state(ema, _folder(args.save, rollout_id))

            def load(self, rollout_id: int | None = None) -> None:
                super().load(rollout_id)
                # slime also asks for the step before the first one, which has no statistics.
                if args.load is not None and rollout_id is not None and rollout_id >= 0:
                    load_state(ema, _folder(args.load, rollout_id))

        return DataSource(args)


def log_rollout(
    rollout_id: int, args: object, samples: Sequence[Any], metrics: MutableMapping[str, Any] | None, seconds: float
) -> bool:
    """Add the curves of each task to what slime logs of a rollout; return False, so that slime still logs it.

    Raises:
        ArgumentError: If the rewards are bare numbers: this needs ``--reward-key total``.
    """
    rewards = [sample.reward for sample in _flattened(samples)]
    if not all(isinstance(reward, dict) for reward in rewards):
        raise ArgumentError("samples: the rewards are bare numbers without a task; set --reward-key total")
    if metrics is not None:
        metrics.update(log_items(rewards))
    return False


def _reward(args: Any, info: Info) -> float | Info:
    return info if getattr(args, "reward_key", None) else info["total"]


def _columns_of(sample: Any) -> dict[str, object]:
    return {**(sample.metadata or {}), "label": sample.label}


def _flattened(samples: Iterable[Any]) -> Iterable[Any]:
    for sample in samples:
        if isinstance(sample, list):
            yield from _flattened(sample)  # pyright: ignore[reportUnknownArgumentType]
        else:
            yield sample


def _folder(checkpoints: str, rollout_id: int) -> Path:
    return Path(checkpoints) / "rollout" / f"onethinker_{rollout_id}"


make_reward = SlimeReward
make_ema_grpo = EmaGrpoRewards

custom_rm = make_reward()
post_process_rewards = make_ema_grpo()
data_source = post_process_rewards.data_source
