"""Whether a trick pays: the one definition.

A trick pays if it earns more than what it is held against. How much more is measured in units of what separates the
right answer from a wrong one, so rewards of any scale and sign are judged alike::

    gain = (trick - honest) / (right - wrong)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from onethinker_rewards.hacks.corpus import Trick

__all__ = [
    "FAILED",
    "LEAST_GAIN",
    "NOTHING",
    "WRONG",
    "Rewards",
    "Verdict",
    "gain",
    "honest_response",
    "judge",
    "plain",
    "right_response",
    "wrong_response",
]

# A smaller gain is rounding, or a metric's own: a span of a million seconds has an IoU of 1e-6.
LEAST_GAIN = 1e-3


class Verdict(StrEnum):
    """What a reward function makes of a trick."""

    PAYS = "pays"
    HARMLESS = "harmless"
    NO_NUMBER = "no number"
    NO_SAY = "no say"


# What no reward function should show.
FAILED = frozenset({Verdict.PAYS, Verdict.NO_NUMBER})


class Rewards(NamedTuple):
    """One function's rewards of four responses to one question; NaN where it gave none.

    Attributes:
        trick: The trick's.
        honest: That of what the trick is held against.
        right: That of the right answer, said plainly.
        wrong: That of a wrong answer, said plainly.
    """

    trick: float
    honest: float
    right: float
    wrong: float


def gain(rewards: Rewards) -> float:
    """Return how much more than honesty a trick earns, where 1 is what separates right from wrong.

    Args:
        rewards: With ``right`` above ``wrong``.

    Returns:
        Any number; above 0 the trick earns more. NaN where a reward is no number.

    >>> gain(Rewards(trick=10.0, honest=4.0, right=10.0, wrong=-2.0))
    0.5
    """
    return (rewards.trick - rewards.honest) / (rewards.right - rewards.wrong)


def judge(rewards: Rewards) -> Verdict:
    """Say whether a trick pays.

    Returns:
        ``no say`` where the function does not tell the right answer from a wrong one; ``no number`` where it does, but
        has none for the trick or its counterpart; else ``pays`` for a gain above `LEAST_GAIN`, or ``harmless``.

    >>> judge(Rewards(trick=1.0, honest=0.0, right=1.0, wrong=0.0)), judge(Rewards(0.0, 0.0, 0.0, 0.0))
    (<Verdict.PAYS: 'pays'>, <Verdict.NO_SAY: 'no say'>)
    """
    distance = rewards.right - rewards.wrong
    if not (math.isfinite(distance) and distance > 0):
        return Verdict.NO_SAY
    gained = gain(rewards)
    if math.isnan(gained):
        return Verdict.NO_NUMBER
    return Verdict.PAYS if gained > LEAST_GAIN else Verdict.HARMLESS


NOTHING = "I cannot tell."

_CORNER = "[900, 900, 990, 990]"
_POINTS = (
    '"positive_points": [[910, 910], [920, 920], [930, 930]], "negative_points": [[900, 10], [950, 10], [990, 10]]'
)

# Wrong whatever the reference of a trick is, but readable: far away, too small, another thing.
WRONG: Mapping[str, str] = MappingProxyType(
    {
        "multiple_choice": "D",
        "numerical": "-77.25",
        "regression": "-77.25",
        "math": "$-77$",
        "ocr": "No smoking",
        "open_ended": "A dog stands in the rain.",
        "temporal_grounding": '{"time": [900, 910]}',
        "spatial_grounding": f'{{"boxes": {_CORNER}}}',
        "spatio_temporal_grounding": f'{{"time": [900, 901], "boxes": {{"900": {_CORNER}, "901": {_CORNER}}}}}',
        "tracking": f'{{"boxes": {{"1": {_CORNER}, "2": {_CORNER}, "3": {_CORNER}, "4": {_CORNER}}}}}',
        "image_segmentation": f'{{"boxes": {_CORNER}, {_POINTS}}}',
        "video_segmentation": f'{{"time": 900, "boxes": {_CORNER}, {_POINTS}}}',
    }
)


def plain(answer: str) -> str:
    """Return a response in the format, with nothing but this answer.

    >>> plain("B")
    '<think>I look closely.</think><answer>B</answer>'
    """
    return f"<think>I look closely.</think><answer>{answer}</answer>"


def right_response(trick: Trick) -> str:
    """Return the reference, said plainly."""
    return plain(trick.reference)


def wrong_response(trick: Trick) -> str:
    """Return a wrong answer to the trick's question, said plainly."""
    return plain(WRONG[trick.task])


def honest_response(trick: Trick) -> str:
    """Return what a trick must not earn more than."""
    answers = {"right": trick.reference, "wrong": WRONG[trick.task], "nothing": NOTHING, "plain": trick.honest}
    return plain(answers[trick.held_against])
