"""Regression: a number that should be close to the reference."""

from __future__ import annotations

from onethinker_rewards import metrics
from onethinker_rewards.columns import NumberColumns
from onethinker_rewards.schemas import Number
from onethinker_rewards.tasks import released
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec

__all__ = ["REGRESSION"]


def accuracy(predicted: NumberColumns, reference: NumberColumns, context: Context) -> Scores:
    """R_acc = MRA, the mean relative accuracy over ten thresholds."""
    relative = metrics.relative_accuracy(predicted.values, reference.values)
    return Scores(relative, {"relative_accuracy": relative})


REGRESSION = TaskSpec(
    name="regression",
    schema=Number,
    accuracy=accuracy,
    parts=("relative_accuracy",),
    instruction="Estimate the value and give nothing but the number as your answer, without a unit.",
    example="42.7",
    released=released.regression,
)
