"""Numerical: a number that has to be right to the reference's own decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from decimal import Context as DecimalContext
from functools import lru_cache

import numpy as np

from onethinker_rewards.columns import NumberColumns
from onethinker_rewards.schemas import Number
from onethinker_rewards.tasks import released
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec

__all__ = ["NUMERICAL", "round_alike"]

LEAST_DECIMALS = 2
# More decimals than a double can tell apart; a reference like 1e-5000 would ask for thousands.
MOST_DECIMALS = 400

# Wide enough for any double written out, and for every digit the reader lets through.
_EXACT = DecimalContext(prec=1600, rounding=ROUND_HALF_EVEN)


def round_alike(predicted: str, reference: str) -> bool:
    """Say whether both numbers, rounded half-even to the reference's decimals, at least two, are equal.

    >>> round_alike("0.334", "0.33"), round_alike("0.004", "0"), round_alike("2.5", "2.50001")
    (True, True, False)
    """
    step = Decimal(1).scaleb(-_decimals(reference))
    left, right = _decimal(predicted), _decimal(reference)
    return left.quantize(step, context=_EXACT) == right.quantize(step, context=_EXACT)


# Rollouts of a group share their reference.
@lru_cache(maxsize=4096)
def _decimals(reference: str) -> int:
    exponent = _decimal(reference).as_tuple().exponent
    return min(max(LEAST_DECIMALS, -int(exponent)), MOST_DECIMALS)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        # An exponent that even a Decimal cannot hold: the reader took the number, so it is 0 as a double.
        return Decimal(0)


def accuracy(predicted: NumberColumns, reference: NumberColumns, context: Context) -> Scores:
    """R_acc = 1 where both round to the same number."""
    match = (predicted.texts == reference.texts).astype(np.float64)
    difference = np.abs(predicted.values - reference.values)
    # Doubles are off by far less than a part in 10^12, and half a step of rounding is at most 0.005.
    slack = 1e-12 * (np.abs(predicted.values) + np.abs(reference.values))
    near = np.flatnonzero((difference <= 0.005 + slack) & (match == 0))
    if len(near):
        # A reference has no more decimals than it is rounded to, so it stays; only the answer moves, by half a
        # step at most. What lies closer to half a step than doubles can tell is rounded exactly.
        half = 0.5 * 10.0 ** -np.array([_decimals(text) for text in reference.texts[near]], dtype=np.float64)
        match[near] = difference[near] < half
        middle: list[int] = near[np.abs(difference[near] - half) <= slack[near]].tolist()
        for row in middle:
            match[row] = round_alike(predicted.texts[row], reference.texts[row])
    return Scores(match, {"number_match": match})


NUMERICAL = TaskSpec(
    name="numerical",
    schema=Number,
    accuracy=accuracy,
    parts=("number_match",),
    instruction="Give nothing but the number as your answer, without a unit.",
    example="3.14",
    released=released.numerical,
)
