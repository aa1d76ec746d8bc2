"""Reward function for AReaL's workflows: ``reward_fn="onethinker_rewards.adapters.areal.reward_fn"``.

With other settings:

    from onethinker_rewards.adapters.areal import make_reward

    workflow = VisionRLVRWorkflow(reward_fn=make_reward(recipe="release"), ...)
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Unpack

from onethinker_rewards.adapters._shared import RowScorer, Settings, checked_totals, extra_info
from onethinker_rewards.adapters._shared import log_items as log_items

_LOG = logging.getLogger(__name__)


class ArealReward:
    """A reward function of AReaL, which pickles it for a pool of processes.

    Args:
        limit: Seconds after which AReaL gives up (``timeout_seconds`` of its ``AsyncRewardWrapper``): a reward that
            takes longer is logged as an error.
        settings: Those of `RowScorer`; ``workers`` is 1 by default, enough for a process that scores one row at a time.
    """

    def __init__(self, *, limit: float = 15.0, **settings: Unpack[Settings]) -> None:
        settings.setdefault("workers", 1)
        self._scorer = RowScorer(**settings)
        self._limit = limit

    def __call__(
        self,
        prompt: str,
        completions: str,
        prompt_ids: Sequence[int],
        completion_ids: Sequence[int],
        **columns: object,
    ) -> float:
        """Return the reward of one response.

        Args:
            prompt: Not used.
            completions: The response, with its special tokens.
            prompt_ids: Not used.
            completion_ids: Not used.
            columns: The data set's row.

        Raises:
            OneThinkerRewardsError: As `RowScorer.score` does; AReaL logs it, tries three more times and drops the row.
        """
        start = time.monotonic()
        (total,) = checked_totals(extra_info(self._scorer.score_rows([completions], [columns])))
        took = time.monotonic() - start
        if took > self._limit:
            _LOG.error("a reward took %.1f s: after %.1f s AReaL tries again, and at last takes 0", took, self._limit)
        return total


make_reward = ArealReward
reward_fn = make_reward()
