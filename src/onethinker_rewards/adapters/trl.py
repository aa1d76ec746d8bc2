"""Reward functions for TRL's GRPOTrainer.

    from onethinker_rewards.adapters.trl import make_reward

    reward = make_reward(ema=True)
    GRPOTrainer(..., reward_funcs=reward, callbacks=[reward.callback()], args=GRPOConfig(scale_rewards="none", ...))

Without EMA-GRPO, `onethinker` is ready to use: ``trl grpo --reward_funcs onethinker_rewards.adapters.trl.onethinker``.

TRL calls `TrlReward.__call__` with the completions of a batch. What it does with them is in `reward_fn`, which ms-swift
shares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from onethinker_rewards.adapters._shared import log_items as log_items
from onethinker_rewards.adapters.columns import Table
from onethinker_rewards.adapters.reward_fn import (
    Rewarder,
    RewarderSettings,
    make_rewarder,
    response_text,
    training_progress,
)
from onethinker_rewards.errors import ArgumentError

if TYPE_CHECKING:
    from transformers import TrainerCallback


class TrlReward:
    """A reward function of TRL; create it with `make_reward`.

    Attributes:
        __name__: Its name in TRL's log, ``rewards/<name>/mean``.
    """

    def __init__(self, rewarder: Rewarder, name: str) -> None:
        self._rewarder = rewarder
        self.__name__ = name

    def __call__(
        self,
        completions: Sequence[object],
        *,
        prompts: Sequence[object] = (),
        completion_ids: Sequence[object] = (),
        trainer_state: object = None,
        log_metric: Callable[[str, float], None] | None = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        **columns: Sequence[object],
    ) -> list[float | None]:
        """Return a reward for each completion, None where it has none.

        Args:
            completions: ``[N]`` texts, or lists of messages.
            prompts: Not used.
            completion_ids: ``[N]`` token ids, for penalties; the column ``completion_ids``.
            trainer_state: How far training is, for formulas.
            log_metric: Takes the curves of each task.
            log_extra: Takes, for the table of completions, each row's total before scaling and its codes.
            columns: The data set's other columns, ``[N]`` each.

        Raises:
            OneThinkerRewardsError: As `RowScorer.score` does; TRL does not catch it, and the run stops.
        """
        table: Table = {**columns, "completion_ids": completion_ids} if len(completion_ids) else columns
        rewards = self._rewarder(
            [response_text(completion) for completion in completions],
            table,
            groups=self._rewarder.scorer.columns.groups_or_none(columns, rows=len(completions)),
            progress=training_progress(trainer_state),
        )
        if log_metric is not None:
            for key, value in rewards.log_items(self.__name__).items():
                log_metric(key, value)
        if log_extra is not None:
            rows = rewards.batch.to_rows()
            for key in ("total", "failure", "format_fault"):
                log_extra(f"{self.__name__}/{key}", rewards.scatter([row[key] for row in rows]))
        return rewards.values

    def callback(self) -> TrainerCallback:
        """Return the callback for the trainer, which keeps σ in the checkpoints.

        Raises:
            ArgumentError: If this reward has no EMA-GRPO.
        """
        if self._rewarder.scaler is None:
            raise ArgumentError("ema: this reward keeps no state; make_reward(ema=True) does")
        from onethinker_rewards.adapters.ema_scaler import make_callback  # noqa: PLC0415 - imports torch

        return make_callback(self._rewarder.scaler, f"{self.__name__}_ema")


def make_reward(*, name: str = "onethinker", **settings: Unpack[RewarderSettings]) -> TrlReward:
    """Return a reward function for ``GRPOTrainer(reward_funcs=...)``.

    Args:
        name: Its name in logs.
        settings: Those of `RewarderSettings`; ``ema`` needs ``scale_rewards="none"`` and `TrlReward.callback`.

    Raises:
        ArgumentError: If a setting is out of its range.
    """
    return TrlReward(make_rewarder(**settings), name)


onethinker = make_reward()
