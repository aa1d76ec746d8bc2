"""The verdict on a trick: whether it pays.

A trick pays if it earns more than its honest counterpart. The gain is measured in units of what separates the right
answer from a wrong one, so rewards of any scale and offset are judged alike::

    gain = (trick - honest) / (right - wrong)
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple

LEAST_GAIN = 1e-3
"""The least gain that counts: less is rounding, or the 1e-6 of IoU that a span of a million seconds still has."""


class Verdict(StrEnum):
    """The verdict on a trick under a reward function."""

    PAYS = "pays"
    HARMLESS = "harmless"
    NO_NUMBER = "no number"
    NOT_TRIED = "not tried"


FAILED = frozenset({Verdict.PAYS, Verdict.NO_NUMBER})
"""The verdicts that are faults of the reward function."""


class Rewards(NamedTuple):
    """One function's rewards of four responses to one question; NaN where it gave none.

    Attributes:
        trick: The trick's.
        honest: That of its honest counterpart.
        right: That of a plain response with the right answer.
        wrong: That of a plain response with a wrong answer.
    """

    trick: float
    honest: float
    right: float
    wrong: float


def gain(rewards: Rewards) -> float:
    """Return how much more a trick earns than its honest counterpart, where 1 is what separates right from wrong.

    Args:
        rewards: With ``right`` above ``wrong``.

    Returns:
        Any number; above 0 the trick earns more. NaN where a reward is not a number.

    >>> gain(Rewards(trick=10.0, honest=4.0, right=10.0, wrong=-2.0))
    0.5
    """
    return (rewards.trick - rewards.honest) / (rewards.right - rewards.wrong)


def judge(rewards: Rewards) -> Verdict:
    """Return whether a trick pays.

    Returns:
        ``not tried`` if the function gives the right answer no more than the wrong one; otherwise ``no number`` if it
        has no reward for the trick or its counterpart, ``pays`` for a gain above `LEAST_GAIN`, or ``harmless``.

    >>> judge(Rewards(trick=1.0, honest=0.0, right=1.0, wrong=0.0)), judge(Rewards(0.0, 0.0, 0.0, 0.0))
    (<Verdict.PAYS: 'pays'>, <Verdict.NOT_TRIED: 'not tried'>)
    """
    distance = rewards.right - rewards.wrong
    if not (math.isfinite(distance) and distance > 0):
        return Verdict.NOT_TRIED
    gained = gain(rewards)
    if math.isnan(gained):
        return Verdict.NO_NUMBER
    return Verdict.PAYS if gained > LEAST_GAIN else Verdict.HARMLESS
