"""Lists of what a strategy draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis.strategies import SearchStrategy


def some_of(strategy: SearchStrategy[Any], count: int = 60, turn: int | None = None) -> list[Any]:
    """Return ``count`` examples at most: the same in every run, different ones in each ``turn``."""
    seen: list[Any] = []

    @settings(max_examples=count, derandomize=turn is None, database=None, deadline=None,
              suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])  # fmt: skip
    @given(strategy)
    def collect(example: Any) -> None:
        seen.append(example)

    (collect if turn is None else seed(turn)(collect))()
    return seen


def drawn_until(strategy: SearchStrategy[Any], seen: Callable[[Any], set[str]], wanted: set[str]) -> set[str]:
    """Draw until all that is wanted has been seen, over all examples; return what has been seen.

    Raises:
        hypothesis.errors.NoSuchExample: After 10,000 examples.
    """
    found: set[str] = set()

    def enough(example: Any) -> bool:
        found.update(seen(example))
        return found >= wanted

    # No shrinking: any last example will do, and shrinking it takes longer than all drawing.
    find(strategy, enough, settings=settings(max_examples=10_000, derandomize=True, database=None, deadline=None,
                                             phases=[Phase.generate],
                                             suppress_health_check=list(HealthCheck)))  # fmt: skip
    return found
