"""What a formula of somebody else's gives, held against what a formula has to give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.tasks import Scores, TaskSpec

__all__ = ["check_scores"]


def check_scores(spec: TaskSpec, result: Any, references: Sequence[str]) -> None:
    """Raise an `ArgumentError` where a formula did not give one finite accuracy a row.

    Args:
        spec: Its task.
        result: What it gave. A row that it calls a failure or a bad reference may have any accuracy.
        references: ``[N]`` what it compared with.
    """
    formula = f"the formula of {spec.name}"
    if not isinstance(result, Scores):
        raise ArgumentError(f"{formula} gave {type(result).__name__}, not Scores")
    for name, values in {"accuracy": result.accuracy, **result.parts}.items():
        if np.shape(values) not in ((), (len(references),)):
            raise ArgumentError(f"{formula} gave {name} of shape {list(np.shape(values))} for {len(references)} rows")
    accuracy = np.broadcast_to(np.asarray(result.accuracy, dtype=np.float64), len(references))
    for row, (value, reference) in enumerate(zip(accuracy.tolist(), references, strict=True)):
        if not math.isfinite(value) and row not in result.failures and row not in result.bad_references:
            raise ArgumentError(f"{formula} gave the accuracy {value} beside the reference {reference[:80]!r}")
