"""Equality of mathematics as models write it."""

from __future__ import annotations

from onethinker_rewards.metrics.mathematics.compare import compare_math, math_equal, reads_math
from onethinker_rewards.metrics.mathematics.release import release_math_equal
from onethinker_rewards.metrics.mathematics.verdict import MathVerdict

__all__ = ["MathVerdict", "compare_math", "math_equal", "reads_math", "release_math_equal"]
