"""Write what tricks earn: ``python -m scripts.hacks``.

Two files: the tricks of the package, their words as they are and their numbers anew; and what the same tricks earn from
the rewards of others, for the docs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from tests.hacks.peers import PEERS

from onethinker_rewards.hacks import Played, Scored, Trick, Verdict, play, read_tricks, recipe_reward

__all__ = ["PEER_NUMBERS", "RECIPES", "TRICKS", "peer_numbers", "scored", "trick_lines"]

_ROOT = Path(__file__).resolve().parents[1]
TRICKS = _ROOT / "src" / "onethinker_rewards" / "hacks" / "tricks.jsonl"
PEER_NUMBERS = _ROOT / "tests" / "golden" / "hack_peers.json"
RECIPES = ("paper", "release")


def scored(played: Played) -> Scored:
    """Return what the file keeps of a trick that was played."""
    return Scored(round(played.rewards.trick, 4), round(played.rewards.honest, 4), played.verdict)


def trick_lines(tricks: Sequence[Trick]) -> str:
    """Return the file of these tricks with what the recipes give them now."""
    results = {name: [scored(result) for result in play(recipe_reward(name), tricks)] for name in RECIPES}
    return "".join(
        _line(trick, {name: results[name][row] for name in RECIPES}) + "\n" for row, trick in enumerate(tricks)
    )


def _line(trick: Trick, results: dict[str, Scored]) -> str:
    words = {name: value for name, value in msgspec.to_builtins(trick).items() if name not in RECIPES}
    return json.dumps({**words, **{name: msgspec.to_builtins(result) for name, result in results.items()}})


def peer_numbers(peer: str, tricks: Sequence[Trick]) -> dict[str, list[Any]]:
    """Return reward, counterpart and verdict by trick, for those that the peer has a say on; None for NaN."""
    return {
        result.trick.id: [*map(_rounded, result.rewards[:2]), str(result.verdict)]
        for result in play(PEERS[peer], tricks)
        if result.verdict is not Verdict.NOT_TRIED
    }


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _peer_lines(tricks: Sequence[Trick]) -> str:
    tables = {peer: peer_numbers(peer, tricks) for peer in PEERS}
    blocks = [
        f"{json.dumps(peer)}: {{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(row)}" for key, row in rows.items())
        for peer, rows in tables.items()
    ]
    return "{\n" + "\n},\n".join(blocks) + "\n}\n}\n"


if __name__ == "__main__":
    TRICKS.write_text(trick_lines(read_tricks()), encoding="utf-8", newline="\n")
    PEER_NUMBERS.write_text(_peer_lines(read_tricks()), encoding="utf-8", newline="\n")
