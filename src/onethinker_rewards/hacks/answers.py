"""What tricks are held against: the right answer, a wrong one, and none, each said plainly."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from onethinker_rewards.hacks.corpus import Trick

__all__ = ["NOTHING", "WRONG", "honest_response", "plain", "right_response", "wrong_response"]

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
