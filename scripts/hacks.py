"""Write what tricks earn: ``python -m scripts.hacks``.

Three files: the tricks of the package, their words as they are and their numbers anew; and what the same tricks earn
from the rewards of other frameworks, and from the public rewards for boxes, points, clicks, segments and orders.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from tests.hacks.peers import PEERS
from tests.hacks.public_rewards import PUBLIC_REWARDS

import onethinker_rewards as otr
from onethinker_rewards.hacks import Played, Reward, Scored, Trick, Verdict, gain, play, read_tricks, recipe_reward

__all__ = [
    "PEER_NUMBERS",
    "PUBLIC_NUMBERS",
    "RECIPES",
    "TRICKS",
    "numbers_of",
    "scored",
    "scored_by",
    "trick_lines",
]

_ROOT = Path(__file__).resolve().parents[1]
TRICKS = _ROOT / "src" / "onethinker_rewards" / "hacks" / "tricks.jsonl"
PEER_NUMBERS = _ROOT / "tests" / "golden" / "hack_peers.json"
PUBLIC_NUMBERS = _ROOT / "tests" / "golden" / "hack_public.json"
RECIPES = ("paper", "release")


def scored(played: Played) -> Scored:
    """Return what the file keeps of a trick that was played."""
    return Scored(round(played.rewards.trick, 4), round(played.rewards.honest, 4), played.verdict)


def trick_lines(tricks: Sequence[Trick]) -> str:
    """Return the file of these tricks with what the recipes give them now."""
    results = {name: scored_by(name, tricks) for name in RECIPES}
    return "".join(_line(trick, {name: results[name].get(trick.id) for name in RECIPES}) + "\n" for trick in tricks)


def scored_by(recipe: str, tricks: Sequence[Trick]) -> dict[str, Scored]:
    """Return what a recipe makes of tricks, by trick; the released code has no formula for the tasks beyond it."""
    theirs = otr.TASKS if recipe == "paper" else otr.RECIPES[recipe].tasks
    played = play(recipe_reward(recipe), [trick for trick in tricks if trick.task in theirs])
    return {result.trick.id: scored(result) for result in played}


def _line(trick: Trick, results: dict[str, Scored | None]) -> str:
    words = {name: value for name, value in msgspec.to_builtins(trick).items() if name not in RECIPES}
    return json.dumps({**words, **{name: msgspec.to_builtins(result) for name, result in results.items()}})


def numbers_of(reward: Reward, tricks: Sequence[Trick]) -> dict[str, list[Any]]:
    """Return reward, counterpart, gain and verdict by trick, for those that could be tried; None for NaN."""
    return {
        result.trick.id: [*map(_rounded, (*result.rewards[:2], gain(result.rewards))), str(result.verdict)]
        for result in play(reward, tricks)
        if result.verdict is not Verdict.NOT_TRIED
    }


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _lines(rewards: Mapping[str, Reward], tricks: Sequence[Trick]) -> str:
    tables = {name: numbers_of(reward, tricks) for name, reward in rewards.items()}
    blocks = [
        f"{json.dumps(name)}: {{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(row)}" for key, row in rows.items())
        for name, rows in tables.items()
    ]
    return "{\n" + "\n},\n".join(blocks) + "\n}\n}\n"


if __name__ == "__main__":
    every = read_tricks()
    TRICKS.write_text(trick_lines(every), encoding="utf-8", newline="\n")
    PEER_NUMBERS.write_text(_lines(PEERS, every), encoding="utf-8", newline="\n")
    PUBLIC_NUMBERS.write_text(_lines(PUBLIC_REWARDS, every), encoding="utf-8", newline="\n")
