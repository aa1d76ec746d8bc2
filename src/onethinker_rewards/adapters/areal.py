"""Reward function for AReaL's workflows: ``reward_fn="onethinker_rewards.adapters.areal.reward_fn"``.

With settings of your own:

    from onethinker_rewards.adapters.areal import make_reward

    workflow = VisionRLVRWorkflow(reward_fn=make_reward(recipe="release"), ...)
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from onethinker_rewards.adapters.gather import whole_totals
from onethinker_rewards.adapters.logs import extra_info, log_items
from onethinker_rewards.adapters.scoring import RowScorer

__all__ = ["ArealReward", "log_items", "make_reward", "reward_fn"]

_LOG = logging.getLogger(__name__)


class ArealReward:
    """A reward function of AReaL, which sends it to a pool of processes: it pickles. Make it with `make_reward`."""

    def __init__(self, scorer: RowScorer, limit: float) -> None:
        self._scorer = scorer
        self._limit = limit

    def __call__(
        self,
        prompt: str,
        completions: str,
        prompt_ids: Sequence[int],
        completion_ids: Sequence[int],
        **columns: Any,
    ) -> float:
        """Return the reward of one response.

        Args:
            prompt: Not used.
            completions: What the model wrote, special tokens included.
            prompt_ids: Not used.
            completion_ids: Not used.
            columns: The data set's row.

        Raises:
            OneThinkerRewardsError: As `RowScorer.score` does; AReaL logs it, tries three times more and drops the row.
        """
        began = time.monotonic()
        (total,) = whole_totals(extra_info(self._scorer.score_rows([completions], [columns])))
        took = time.monotonic() - began
        if took > self._limit:
            _LOG.error("a reward took %.1f s: after %.1f s AReaL tries again, and at last takes 0", took, self._limit)
        return total


def make_reward(*, limit: float = 15.0, workers: int | None = 1, **settings: Any) -> ArealReward:
    """Return a reward function.

    Args:
        limit: Seconds after which AReaL gives up (``timeout_seconds`` of its ``AsyncRewardWrapper``): what takes longer
            is logged as an error.
        workers: As in `RowScorer`. One is enough for a process that scores a row at a time.
        settings: The others of `RowScorer`.
    """
    return ArealReward(RowScorer(workers=workers, **settings), limit)


reward_fn = make_reward()
