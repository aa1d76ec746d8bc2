"""Trying the tricks on a reward function: which of them pay?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.hacks.corpus import Trick, read_tricks

__all__ = ["Played", "Reward", "play"]

# Responses, references and tasks, one a row, to one reward a row; None where it has none.
Reward = Callable[[Sequence[str], Sequence[str], Sequence[str]], Sequence[float | None]]

# A gain below this is no incentive.
_GAIN = 1e-3


@dataclass(frozen=True, slots=True)
class Played:
    """What one trick earned.

    Attributes:
        trick: The trick.
        reward: Its reward; None where there was none.
        honest: The reward of the honest response beside it.
    """

    trick: Trick
    reward: float | None
    honest: float | None

    @property
    def pays(self) -> bool:
        """Whether the trick earned more than honesty, or a number that is none and poisons whatever it meets."""
        if self.reward is None:
            return False
        return not math.isfinite(self.reward) or self.reward > (self.honest or 0.0) + _GAIN


def play(reward: Reward, tricks: Iterable[Trick] | None = None) -> list[Played]:
    """Try tricks on a reward function.

    Args:
        reward: Called once with three lists: all responses, references and tasks; gives one number a row.
        tricks: All by default.

    Returns:
        What each trick earned, in order.

    Raises:
        ArgumentError: If the function does not give one reward a row.

    >>> import onethinker_rewards as otr
    >>> played = play(lambda responses, references, tasks: [float(len(response)) for response in responses])
    >>> sum(one.pays for one in played) > 50
    True
    """
    chosen = list(read_tricks() if tricks is None else tricks)
    responses = [text for trick in chosen for text in (trick.response, trick.honest)]
    references = [trick.reference for trick in chosen for _ in range(2)]
    tasks = [trick.task for trick in chosen for _ in range(2)]
    given = reward(responses, references, tasks)
    if len(given) != len(responses):
        raise ArgumentError(f"the reward function returned {len(given)} rewards for {len(responses)} responses")
    numbers = [None if one is None else float(one) for one in given]
    return [Played(trick, *numbers[2 * place : 2 * place + 2]) for place, trick in enumerate(chosen)]
