"""The estimator that verl calls, and how the rows of a batch reach it.

verl's V1 trainer gives an estimator rewards and prompt ids, but no tasks. So our trainer sets a context before verl
computes advantages; under any other trainer there is no context, and the estimator says so.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.verl.estimators import Advantages
from onethinker_rewards.trainer.verl.options import NAME
from onethinker_rewards.trainer.verl.trajectories import Trajectories

__all__ = ["estimate", "step_context"]

_STEP: ContextVar[tuple[Advantages, Trajectories] | None] = ContextVar("onethinker_step", default=None)


@contextmanager
def step_context(advantages: Advantages, rows: Trajectories) -> Generator[None, None, None]:
    """Let `estimate` compute these rows' advantages."""
    token = _STEP.set((advantages, rows))
    try:
        yield
    finally:
        _STEP.reset(token)


def estimate(token_level_rewards: Tensor, response_mask: Tensor, **_: object) -> tuple[Tensor, Tensor]:
    """Return advantages and returns ``[N, tokens]``, which are equal, as verl's estimators do.

    Args:
        token_level_rewards: ``[N, tokens]``; a row's reward is their sum.
        response_mask: ``[N, tokens]``, 1 where the model wrote.

    Raises:
        ArgumentError: If the trainer is not ours.
    """
    step = _STEP.get()
    if step is None:
        raise ArgumentError(
            f"algorithm.adv_estimator={NAME} needs each row's task, which only this trainer passes on: set "
            f"trainer.v1.trainer_mode={NAME} and run onethinker_rewards.trainer.verl"
        )
    advantages, rows = step
    values = advantages(token_level_rewards.sum(-1), rows).unsqueeze(-1) * response_mask
    return values, values
