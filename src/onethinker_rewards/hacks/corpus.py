"""The tricks: a file of the package, one a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["Trick", "read_tricks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trick:
    """One trick.

    Attributes:
        task: The task's name.
        name: What the trick is called; no other trick of the task has this name.
        tries: What it tries.
        reference: What would be right.
        response: The trick.
        honest: What the model would have written without it, on the same knowledge: mostly a wrong answer in the
            right format.
        paper: Total of the trick under the recipe ``paper``, to four decimals.
        paper_honest: The same of the honest response.
        release: Total of the trick under the recipe ``release``.
        release_honest: The same of the honest response.
    """

    task: str
    name: str
    tries: str
    reference: str
    response: str
    honest: str
    paper: float
    paper_honest: float
    release: float
    release_honest: float


@cache
def read_tricks() -> tuple[Trick, ...]:
    """Return all tricks, in the order of the tasks.

    >>> trick = read_tricks()[1]
    >>> trick.name, trick.paper, trick.release
    ('two answers, right first', 0.0, 1.5)
    """
    text = files("onethinker_rewards.hacks").joinpath("tricks.jsonl").read_text(encoding="utf-8")
    return tuple(Trick(**json.loads(line)) for line in text.splitlines())
