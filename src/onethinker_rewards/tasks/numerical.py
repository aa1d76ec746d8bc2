"""Numerical: a number that has to be right to the reference's own decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from decimal import Context as DecimalContext

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
    left, right = _decimal(predicted), _decimal(reference)
    exponent = right.as_tuple().exponent
    decimals = min(max(LEAST_DECIMALS, -int(exponent)), MOST_DECIMALS)
    step = Decimal(1).scaleb(-decimals)
    return left.quantize(step, context=_EXACT) == right.quantize(step, context=_EXACT)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        # An exponent that even a Decimal cannot hold: the reader took the number, so it is 0 as a double.
        return Decimal(0)


def accuracy(predicted: NumberColumns, reference: NumberColumns, context: Context) -> Scores:
    """R_acc = 1 where both round to the same number."""
    match = (predicted.texts == reference.texts).astype(np.float64)
    # No step of rounding is wider than 0.01, and doubles are off by far less than a part in 10^12.
    spread = 1e-12 * (np.abs(predicted.values) + np.abs(reference.values))
    near = np.abs(predicted.values - reference.values) <= 0.01 + spread
    for row in np.flatnonzero(near & (match == 0)).tolist():
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
