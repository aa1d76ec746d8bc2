"""What hypothesis lends, or one clear line where it is not installed."""

from __future__ import annotations

try:
    from hypothesis import strategies as st
    from hypothesis.strategies import DrawFn, SearchStrategy
except ImportError:
    raise ImportError(
        "onethinker_rewards.testing needs hypothesis: pip install 'onethinker-rewards[testing]'"
    ) from None

__all__ = ["DrawFn", "SearchStrategy", "st"]
