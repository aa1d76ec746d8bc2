"""What a strategy gives, as a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis.strategies import SearchStrategy


def some_of(strategy: SearchStrategy[Any], count: int = 60, turn: int | None = None) -> list[Any]:
    """Return ``count`` examples at most: the same in every run, others in each ``turn``."""
    seen: list[Any] = []

    @settings(max_examples=count, derandomize=turn is None, database=None, deadline=None,
              suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])  # fmt: skip
    @given(strategy)
    def collect(one: Any) -> None:
        seen.append(one)

    (collect if turn is None else seed(turn)(collect))()
    return seen


def drawn_until(strategy: SearchStrategy[Any], seen: Callable[[Any], set[str]], wanted: set[str]) -> set[str]:
    """Draw until what is wanted has been seen, in one example or another; return all that was.

    Raises:
        hypothesis.errors.NoSuchExample: 10,000 examples were not enough.
    """
    found: set[str] = set()

    def enough(one: Any) -> bool:
        found.update(seen(one))
        return found >= wanted

    # No shrinking: any last example will do, and making one small takes longer than all drawing.
    find(strategy, enough, settings=settings(max_examples=10_000, derandomize=True, database=None, deadline=None,
                                             phases=[Phase.generate],
                                             suppress_health_check=list(HealthCheck)))  # fmt: skip
    return found
