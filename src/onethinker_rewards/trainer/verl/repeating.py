"""What a run needs to be repeatable: a seed of its own for each response, and rows in an order that is always the same.

verl samples with vLLM's one generator, and puts rows in the order in which they are done: both depend on who is faster.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["in_order", "seed_of"]

_BYTES = 4


def seed_of(seed: int, row: Mapping[str, Any]) -> int:
    """Return the seed of one response, in [0, 2³²): no two of a step have the same, and no two steps of a row.

    Args:
        seed: The run's.
        row: What verl knows of it: ``global_steps``, ``session_id``, and the columns of the data.
    """
    parts = (seed, int(row["global_steps"]), _name(row), int(row["session_id"]))
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:_BYTES], "big")


def in_order(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[int]:
    """Return the numbers of the rows in the order of the data.

    Args:
        rows: ``[N]`` the columns of the data.
        keys: ``[N]`` of ``<uid>_<conversation>_<number>``.
    """
    places = [tuple(int(part) for part in key.rsplit("_", 2)[1:]) for key in keys]
    return sorted(range(len(keys)), key=lambda place: (_name(rows[place]), places[place]))


def _name(row: Mapping[str, Any]) -> tuple[int, str]:
    """Return what no other row of the data has: rows of several files may have one number."""
    return int(row["index"]), str((row.get("extra_info") or {}).get("group", ""))
