"""Equality of mathematics as models write it.

A text passes through `normalize` (bare mathematics), `lexer` (tokens) and `parser` (a `tree`). `equality` compares two
trees, with `units` where there are some, and `compare` does so for a batch: in this process where that is enough, with
`algebra` in worker processes otherwise. `release` compares texts as the OneThinker release does.
"""

from __future__ import annotations

from onethinker_rewards.metrics.math.compare import (
    MathForm,
    MathVerdict,
    compare_math,
    math_equal,
    math_form,
    reads_math,
)
from onethinker_rewards.metrics.math.release import release_math_equal

__all__ = [
    "MathForm", "MathVerdict", "compare_math", "math_equal", "math_form", "reads_math", "release_math_equal"
]  # fmt: skip
