"""What makes a run repeatable: a seed for each response, and rows in an order that is always the same.

verl samples with vLLM's one generator, and orders rows by when they are done: both depend on timing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["data_order", "response_seed"]

_BYTES = 4


def response_seed(seed: int, row: Mapping[str, Any]) -> int:
    """Return the seed of one response, in [0, 2³²): different for all responses of a step, and in each step.

    Args:
        seed: The run's.
        row: What verl knows of it: ``global_steps``, ``session_id``, and the columns of the data.
    """
    parts = (seed, int(row["global_steps"]), _identity(row), int(row["session_id"]))
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:_BYTES], "big")


def data_order(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[int]:
    """Return the indices of the rows in the order of the data.

    Args:
        rows: ``[N]`` the columns of the data.
        keys: ``[N]`` of ``<uid>_<conversation>_<number>``.
    """
    turns = [tuple(int(part) for part in key.rsplit("_", 2)[1:]) for key in keys]
    return sorted(range(len(keys)), key=lambda index: (_identity(rows[index]), turns[index]))


def _identity(row: Mapping[str, Any]) -> tuple[int, str]:
    """Return what no other row of the data has: rows of several files may have the same index."""
    return int(row["index"]), str((row.get("extra_info") or {}).get("group", ""))
