"""Reward functions for TRL's GRPOTrainer.

    from onethinker_rewards.adapters.trl import make_reward

    reward = make_reward(ema=True)
    GRPOTrainer(..., reward_funcs=reward, callbacks=[reward.callback()], args=GRPOConfig(scale_rewards="none", ...))

Without EMA-GRPO, `onethinker` is ready, as in ``trl grpo --reward_funcs onethinker_rewards.adapters.trl.onethinker``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from onethinker_rewards.adapters.logs import log_items
from onethinker_rewards.adapters.rewarding import Rewarded, Rewarder, make_rewarder, response_text
from onethinker_rewards.adapters.steps import make_callback
from onethinker_rewards.errors import ArgumentError

__all__ = ["TrlReward", "log_items", "make_reward", "onethinker"]


class TrlReward:
    """A reward function of TRL; make it with `make_reward`.

    Attributes:
        __name__: What TRL's log calls it, ``rewards/<name>/mean``.
    """

    def __init__(self, rewarder: Rewarder, name: str) -> None:
        self._rewarder = rewarder
        self.__name__ = name

    def __call__(
        self,
        completions: Sequence[Any],
        *,
        prompts: Sequence[Any] = (),
        completion_ids: Sequence[Any] = (),
        trainer_state: Any = None,
        log_metric: Callable[[str, float], None] | None = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        **columns: Sequence[Any],
    ) -> list[float | None]:
        """Return a reward for each completion, None where there is none.

        Args:
            completions: ``[N]`` texts, or lists of messages.
            prompts: Not used.
            completion_ids: Not used.
            trainer_state: Not used.
            log_metric: Takes the curves of each task.
            log_extra: Takes, for the table of completions, each row's total before scaling and its codes.
            columns: The data set's other columns, ``[N]`` each.

        Raises:
            OneThinkerRewardsError: As `RowScorer.score` does; TRL lets it through, and the run stops.
        """
        rewarded = self._rewarder([response_text(completion) for completion in completions], columns)
        if log_metric is not None:
            for key, value in rewarded.log_items(self.__name__).items():
                log_metric(key, value)
        if log_extra is not None:
            for column, values in _extra(rewarded).items():
                log_extra(f"{self.__name__}/{column}", values)
        return rewarded.rewards

    def callback(self) -> Any:
        """Return the callback to give to the trainer: it keeps σ in the checkpoints.

        Raises:
            ArgumentError: If this reward has no EMA-GRPO.
        """
        if self._rewarder.scale is None:
            raise ArgumentError("ema: this reward keeps no state; make_reward(ema=True) does")
        return make_callback(self._rewarder.scale, f"{self.__name__}_ema")


def make_reward(
    *,
    ema: bool | Mapping[str, Any] = False,
    tasks: Collection[str] | None = None,
    name: str = "onethinker",
    **settings: Any,
) -> TrlReward:
    """Return a reward function for ``GRPOTrainer(reward_funcs=...)``.

    Args:
        ema: Whether rewards are divided by the running σ of their task, which with ``scale_rewards="none"`` is
            EMA-GRPO; a mapping gives settings of `onethinker_rewards.advantage.EmaRewardScaler`. Needs `callback`.
        tasks: Our names of the tasks that this function rewards, None for all; other rows get None, whatever they are.
        name: What logs call it.
        settings: Those of `RowScorer`: ``recipe``, ``columns``, ``table``, ``judge``, ``segmenter``, ``workers``.

    Raises:
        ArgumentError: If a setting is out of its range.
    """
    return TrlReward(make_rewarder(ema, tasks, settings), name)


def _extra(rewarded: Rewarded) -> dict[str, list[Any]]:
    rows = rewarded.batch.to_rows()
    return {key: rewarded.spread([row[key] for row in rows]) for key in ("total", "failure", "format_fault")}


onethinker = make_reward()
