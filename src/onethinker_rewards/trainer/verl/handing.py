"""The estimator that verl calls, and how the rows of a batch reach it.

verl's V1 trainer hands an estimator rewards and prompt ids, and no labels. So our trainer sets a step here before verl
computes advantages; with any other trainer there is none, and the estimator says so.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.verl.estimators import Advantages
from onethinker_rewards.trainer.verl.options import NAME
from onethinker_rewards.trainer.verl.trajectories import Trajectories

__all__ = ["Step", "estimate", "handed_over"]


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the estimator."""

    advantages: Advantages
    rows: Trajectories


_STEP: ContextVar[Step | None] = ContextVar("onethinker_step", default=None)


@contextmanager
def handed_over(advantages: Advantages, rows: Trajectories) -> Generator[None, None, None]:
    """Let `estimate` compute these rows' advantages."""
    token = _STEP.set(Step(advantages, rows))
    try:
        yield
    finally:
        _STEP.reset(token)


def estimate(token_level_rewards: Tensor, response_mask: Tensor, **_: Any) -> tuple[Tensor, Tensor]:
    """Return advantages and returns ``[N, tokens]``, equal ones, as verl's estimators do.

    Args:
        token_level_rewards: ``[N, tokens]``; a row's reward is their sum.
        response_mask: ``[N, tokens]``, 1 where the model wrote.

    Raises:
        ArgumentError: If the trainer is not ours.
    """
    step = _STEP.get()
    if step is None:
        raise ArgumentError(
            f"algorithm.adv_estimator={NAME} needs each row's task, which only this trainer hands over: set "
            f"trainer.v1.trainer_mode={NAME} and run onethinker_rewards.trainer.verl"
        )
    values = step.advantages(token_level_rewards.sum(-1), step.rows).unsqueeze(-1) * response_mask
    return values, values
