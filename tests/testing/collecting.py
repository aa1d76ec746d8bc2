"""What a strategy gives, as a list."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy


def some_of(strategy: SearchStrategy[Any], count: int = 60) -> list[Any]:
    """Return ``count`` examples at most; the same in every run."""
    seen: list[Any] = []

    @settings(max_examples=count, derandomize=True, database=None, deadline=None,
              suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])  # fmt: skip
    @given(strategy)
    def collect(one: Any) -> None:
        seen.append(one)

    collect()
    return seen
