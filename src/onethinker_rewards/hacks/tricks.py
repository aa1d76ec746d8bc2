"""The tricks, and the honest responses that they are compared with.

The tricks are a file of the package, `tricks.jsonl`, with one JSON object per line.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

import msgspec

Counterpart = Literal["right", "wrong", "nothing", "plain"]
"""What a trick is compared with: a right or a wrong answer, none, or the same answer without the trick."""


class Scored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a trick and its honest counterpart earn under one recipe.

    Attributes:
        trick: Total of the trick, to four decimals.
        honest: Total of its honest counterpart.
        verdict: Whether the trick pays: a `Verdict`.
    """

    trick: float
    honest: float
    verdict: str


class Trick(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A response that tries to earn more than its content is worth.

    Attributes:
        id: A unique name.
        task: The task it is for.
        tries: What it tries, in one sentence.
        reference: The correct answer, or what the task's references give in place of one.
        response: The whole response.
        compared_with: Its honest counterpart, than which it must not earn more: the ``right`` answer, a ``wrong`` one,
            an answer that says ``nothing``, or the same content without the trick (``plain``), which is ``honest``.
        honest: That plain answer, without tags; empty for the others.
        right: A right answer, without tags, where a reference is no answer; empty where the reference is one.
        paper: What it earns under the recipe ``paper``.
        release: What it earns under the recipe ``release``; None for tasks that the released code does not have.
    """

    id: str
    task: str
    tries: str
    reference: str
    response: str
    compared_with: Counterpart
    honest: str = ""
    right: str = ""
    paper: Scored | None = None
    release: Scored | None = None


SCORED_RECIPES = ("paper", "release")
"""The recipes whose rewards are kept with each trick."""


@cache
def read_tricks() -> tuple[Trick, ...]:
    """Return all tricks, in the order of the tasks.

    >>> trick = read_tricks()[0]
    >>> trick.id, trick.paper.verdict, trick.release.verdict
    ('answer-in-thinking', 'harmless', 'pays')
    """
    lines = files("onethinker_rewards.hacks").joinpath("tricks.jsonl").read_bytes().splitlines()
    return tuple(msgspec.json.decode(line, type=Trick) for line in lines)


NOTHING = "I cannot tell."
"""A response without an answer."""

_CORNER = "[900, 900, 990, 990]"
_POINTS = (
    '"positive_points": [[910, 910], [920, 920], [930, 930]], "negative_points": [[900, 10], [950, 10], [990, 10]]'
)

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
        "detection": f'{{"objects": [{{"box": {_CORNER}, "label": "zebra"}}]}}',
        "pointing": '{"points": [[990, 990]]}',
        "gui_click": '{"point": [990, 990]}',
        "rotated_box": '{"corners": [[900, 900], [990, 900], [990, 990], [900, 990]]}',
        "temporal_segments": '{"times": [[900, 910]]}',
        "point_tracking": '{"points": {"1": [990, 990], "2": [990, 990], "3": [990, 990], "4": [990, 990]}}',
        "image_quality": "-77.25",
        "ordering": '{"order": ["none of these"]}',
    }
)
"""By task, a readable answer that is wrong for the reference of any trick."""


def plain(answer: str) -> str:
    """Return a response in the format that gives this answer and nothing else.

    >>> plain("B")
    '<think>I look closely.</think><answer>B</answer>'
    """
    return f"<think>I look closely.</think><answer>{answer}</answer>"


def plain_response(trick: Trick, kind: Counterpart) -> str:
    """Return a plain response to the trick's question, of one of the kinds that a trick is compared with."""
    answers = {
        "right": trick.right or trick.reference,
        "wrong": WRONG[trick.task],
        "nothing": NOTHING,
        "plain": trick.honest,
    }
    return plain(answers[kind])
