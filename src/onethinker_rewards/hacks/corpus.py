"""The tricks: a file of the package, one JSON object a line."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

__all__ = ["HeldAgainst", "Scored", "Trick", "read_tricks"]

HeldAgainst = Literal["right", "wrong", "nothing", "plain"]


class Scored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a trick and its honest counterpart earn under one of our recipes.

    Attributes:
        trick: Total of the trick, to four decimals.
        honest: Total of what it is held against.
        verdict: Whether the trick pays: a `Verdict`.
    """

    trick: float
    honest: float
    verdict: str


class Trick(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A response that tries to earn more than its content is worth.

    Attributes:
        id: A name of its own.
        task: The task it is played in.
        tries: What it tries, in one sentence.
        reference: What is right.
        response: All that the trickster writes.
        held_against: What it must not earn more than: the ``right`` answer, a ``wrong`` one, an answer that says
            ``nothing``, or ``honest``, the same content said ``plain``.
        honest: That plain answer, without tags; empty for the others.
        paper: What it earns under the recipe ``paper``.
        release: What it earns under the recipe ``release``.
    """

    id: str
    task: str
    tries: str
    reference: str
    response: str
    held_against: HeldAgainst
    honest: str = ""
    paper: Scored | None = None
    release: Scored | None = None


@cache
def read_tricks() -> tuple[Trick, ...]:
    """Return all tricks, in the order of the tasks.

    >>> trick = read_tricks()[0]
    >>> trick.id, trick.paper.verdict, trick.release.verdict
    ('answer-in-thinking', 'harmless', 'pays')
    """
    lines = files("onethinker_rewards.hacks").joinpath("tricks.jsonl").read_bytes().splitlines()
    return tuple(msgspec.json.decode(line, type=Trick) for line in lines)
