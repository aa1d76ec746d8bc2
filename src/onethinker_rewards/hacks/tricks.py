"""The tricks themselves: a file of the package, one JSON object a line."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

__all__ = ["HeldAgainst", "Trick", "read_tricks"]

HeldAgainst = Literal["right", "wrong", "nothing", "plain"]


class Trick(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A response that tries to earn more than its content is worth.

    Attributes:
        id: A name of its own.
        task: The task it is played in.
        tries: What it tries, in one sentence.
        reference: What is right.
        response: All that the trickster writes.
        held_against: What it must not earn more than: the ``right`` answer, a ``wrong`` one, an answer that says
            ``nothing``, or the same content said ``plain``.
        honest: That plain response; None for the others.
    """

    id: str
    task: str
    tries: str
    reference: str
    response: str
    held_against: HeldAgainst
    honest: str | None = None


@cache
def read_tricks() -> tuple[Trick, ...]:
    """Return all tricks, in the order of the tasks."""
    lines = files("onethinker_rewards.hacks").joinpath("tricks.jsonl").read_bytes().splitlines()
    return tuple(msgspec.json.decode(line, type=Trick) for line in lines)
