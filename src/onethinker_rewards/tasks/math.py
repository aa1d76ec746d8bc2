"""Math: an expression that has to equal the reference."""

from __future__ import annotations

import numpy as np

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.columns import TextColumns
from onethinker_rewards.metrics import MathVerdict, compare_math
from onethinker_rewards.metrics.math import reads_math
from onethinker_rewards.schemas import Text
from onethinker_rewards.tasks import released
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec

__all__ = ["MATH"]

PAIR_SECONDS = 5.0
# Many times what an honest batch takes, and an end for one that is full of towers of powers.
BATCH_SECONDS = 60.0
SECONDS_A_ROW = 0.1

_FAILURES = {
    MathVerdict.UNREADABLE: FailureCode.UNREADABLE_MATH,
    MathVerdict.TIMEOUT: FailureCode.MATH_TIMEOUT,
    MathVerdict.BAD_REFERENCE: FailureCode.BAD_REFERENCE,
}


def accuracy(predicted: TextColumns, reference: TextColumns, context: Context) -> Scores:
    """R_acc = 1 where both are the same in mathematics."""
    verdicts = compare_math(
        predicted.texts.tolist(),
        reference.texts.tolist(),
        timeout=PAIR_SECONDS,
        batch_timeout=BATCH_SECONDS + len(predicted) * SECONDS_A_ROW,
        pool=context.pool,
    )
    equal = np.array([verdict is MathVerdict.EQUAL for verdict in verdicts], dtype=np.float64)
    failures = {row: _FAILURES[verdict] for row, verdict in enumerate(verdicts) if verdict in _FAILURES}
    return Scores(equal, {"math_equal": equal}, failures)


def reference_fault(text: str) -> FailureCode | None:
    """Say why nothing can be compared with a reference, whatever the answers are."""
    return None if reads_math(text) else FailureCode.UNREADABLE_MATH


MATH = TaskSpec(
    name="math",
    schema=Text,
    accuracy=accuracy,
    parts=("math_equal",),
    instruction="Give nothing but the final result as your answer: a number or a LaTeX formula.",
    reference_fault=reference_fault,
    example="$-\\frac{3}{2}$",
    released=released.math,
)
