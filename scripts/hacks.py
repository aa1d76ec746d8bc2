"""The file of tricks with the numbers that the recipes give them now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from onethinker_rewards.hacks import Played, Scored, Trick, play, read_tricks, recipe_reward

__all__ = ["RECIPES", "lines"]

RECIPES = ("paper", "release")


def lines() -> str:
    """Return `tricks.jsonl`, its words as they are and its numbers anew."""
    tricks = read_tricks()
    played = {name: play(recipe_reward(name), tricks) for name in RECIPES}
    return "".join(_line(trick, {name: played[name][row] for name in RECIPES}) for row, trick in enumerate(tricks))


def _line(trick: Trick, played: dict[str, Played]) -> str:
    scored = {name: _scored(one) for name, one in played.items()}
    return json.dumps(dict(_words(trick), **scored)) + "\n"


def _words(trick: Trick) -> Iterator[tuple[str, Any]]:
    for name, value in msgspec.to_builtins(trick).items():
        if name not in RECIPES:
            yield name, value


def _scored(played: Played) -> dict[str, Any]:
    rewards = played.rewards
    return msgspec.to_builtins(Scored(round(rewards.trick, 4), round(rewards.honest, 4), str(played.verdict)))
