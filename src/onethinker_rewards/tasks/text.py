"""Tasks whose answer is plain text: a letter, a number, mathematics, a transcript, free text."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from decimal import Context as DecimalContext
from functools import lru_cache
from typing import Literal

import numpy as np

from onethinker_rewards import metrics
from onethinker_rewards.answers import LetterColumns, Number, NumberColumns, OptionLetter, Text, TextColumns
from onethinker_rewards.answers.text import same_choice
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.metrics import MathVerdict
from onethinker_rewards.metrics.math import reads_math
from onethinker_rewards.tasks.judging import JudgeRow
from onethinker_rewards.tasks.spec import DOES_NOT_APPLY, Context, Scores, TaskSpec


def option_match(predicted: LetterColumns, reference: LetterColumns, context: Context) -> Scores:
    """R_acc = 1 if the letters are equal; several letters in a reference are a set, any other reference is text."""
    match = (predicted.letters == reference.letters).astype(np.float64)
    for row in np.flatnonzero(reference.letters == 0).tolist():
        match[row] = same_choice(predicted.texts[row], reference.texts[row])
    return Scores(match, {"option_match": match})


MULTIPLE_CHOICE = TaskSpec(
    name="multiple_choice",
    schema=OptionLetter,
    accuracy=option_match,
    parts=("option_match",),
    instruction="Choose one option and give nothing but its letter as your answer.",
    example="B",
)


LEAST_DECIMALS = 2
# A reference with more decimals was printed by a program, which rounds to none.
MOST_WRITTEN_DECIMALS = 6
# Of a printed reference that two decimals would make 0, so many digits count.
PRINTED_DIGITS = 6
# More decimals than a double can tell apart; a reference like 1e-5000 would ask for thousands.
MOST_DECIMALS = 400

# Wide enough for any double written out, and for every digit that the reader lets through.
_EXACT = DecimalContext(prec=1600, rounding=ROUND_HALF_EVEN)


def number_match(predicted: NumberColumns, reference: NumberColumns, context: Context) -> Scores:
    """R_acc = 1 if both round to the same number."""
    match = (predicted.texts == reference.texts).astype(np.float64)
    # Rounding moves each number by half a step at most, and a step is .01 at most: exact rounding decides on the few
    # that are so near. The slack is for what doubles cannot tell apart.
    with np.errstate(over="ignore"):
        slack = 1e-12 * (np.abs(predicted.values) + np.abs(reference.values))
        near = np.abs(predicted.values - reference.values) <= 0.01 + slack
    for row in np.flatnonzero(near & (match == 0)).tolist():
        match[row] = round_alike(predicted.texts[row], reference.texts[row])
    return Scores(match, {"number_match": match})


def round_alike(predicted: str, reference: str) -> bool:
    """Return whether both numbers, rounded half-even to the reference's decimals, at least two, are equal.

    A reference with more than six decimals was printed by a program and counts as one with two; where that would make
    it 0, six significant digits count.

    >>> round_alike("0.334", "0.33"), round_alike("0.004", "0"), round_alike("2.5", "2.50001")
    (True, True, False)
    >>> round_alike("66.67", "66.66666666666667"), round_alike("0.00123457", "0.0012345678")
    (True, True)
    """
    step = Decimal(1).scaleb(-_decimals(reference))
    rounded, wanted = (_decimal(text).quantize(step, context=_EXACT) for text in (predicted, reference))
    return rounded == wanted


# Rollouts of a group share their reference.
@lru_cache(maxsize=4096)
def _decimals(reference: str) -> int:
    number = _decimal(reference)
    decimals = -int(number.as_tuple().exponent)
    if decimals > MOST_WRITTEN_DECIMALS:
        is_lost = number != 0 and number.quantize(Decimal("0.01"), context=_EXACT) == 0
        decimals = PRINTED_DIGITS - 1 - number.adjusted() if is_lost else LEAST_DECIMALS
    return min(max(LEAST_DECIMALS, decimals), MOST_DECIMALS)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        # An exponent that even a Decimal cannot hold: the reader took the number, so it is 0 as a double.
        return Decimal(0)


NUMERICAL = TaskSpec(
    name="numerical",
    schema=Number,
    accuracy=number_match,
    parts=("number_match",),
    instruction="Give nothing but the number as your answer, without a unit.",
    example="3.14",
)


def relative_accuracy(predicted: NumberColumns, reference: NumberColumns, context: Context) -> Scores:
    """R_acc = MRA, the mean relative accuracy over ten thresholds."""
    relative = metrics.relative_accuracy(predicted.values, reference.values)
    return Scores(relative, {"relative_accuracy": relative})


REGRESSION = TaskSpec(
    name="regression",
    schema=Number,
    accuracy=relative_accuracy,
    parts=("relative_accuracy",),
    instruction="Estimate the value and give nothing but the number as your answer, without a unit.",
    example="42.7",
)


PAIR_SECONDS = 5.0
# Many times what an ordinary batch takes; a batch full of towers of powers ends, too.
BATCH_SECONDS = 60.0
SECONDS_A_ROW = 0.1

_MATH_FAILURES = {
    MathVerdict.UNREADABLE: FailureCode.UNREADABLE_MATH,
    MathVerdict.TIMEOUT: FailureCode.MATH_TIMEOUT,
    MathVerdict.BAD_REFERENCE: FailureCode.BAD_REFERENCE,
}


def math_equal(predicted: TextColumns, reference: TextColumns, context: Context) -> Scores:
    """R_acc = 1 if both are mathematically equal."""
    rows = context.valid_rows(len(predicted))
    verdicts = metrics.compare_math(
        predicted.texts[rows].tolist(),
        reference.texts[rows].tolist(),
        timeout=PAIR_SECONDS,
        batch_timeout=BATCH_SECONDS + len(rows) * SECONDS_A_ROW,
        pool=context.pool,
    )
    equal = np.zeros(len(predicted))
    equal[rows] = [verdict is MathVerdict.EQUAL for verdict in verdicts]
    compared = zip(rows.tolist(), verdicts, strict=True)
    failures = {row: _MATH_FAILURES[verdict] for row, verdict in compared if verdict in _MATH_FAILURES}
    return Scores(equal, {"math_equal": equal}, failures)


def math_reference_fault(text: str) -> FailureCode | None:
    """Return why nothing can be compared with a reference, whatever the answers are."""
    return None if reads_math(text) else FailureCode.UNREADABLE_MATH


MATH = TaskSpec(
    name="math",
    schema=Text,
    accuracy=math_equal,
    parts=("math_equal",),
    instruction="Give nothing but the final result as your answer: a number or a LaTeX formula.",
    reference_fault=math_reference_fault,
    example="$-\\frac{3}{2}$",
)


# Whether texts are compared in Unicode's form NFKC (1) or as they are written (0).
NFKC = {"nfkc": 1.0}


def _normalization(context: Context) -> tuple[Literal["width"], ...]:
    return ("width",) if context.constants.get("nfkc", NFKC["nfkc"]) else ()


def word_accuracy(predicted: TextColumns, reference: TextColumns, context: Context) -> Scores:
    """R_acc = max(0, 1 - WER); in scripts without spaces between words each character is a word."""
    error_rate = metrics.word_error_rate(
        predicted.texts.tolist(), reference.texts.tolist(), normalize=_normalization(context), words="scripts"
    )
    accuracy = np.maximum(0.0, 1.0 - error_rate)
    return Scores(accuracy, {"word_accuracy": accuracy})


OCR = TaskSpec(
    name="ocr",
    schema=Text,
    accuracy=word_accuracy,
    parts=("word_accuracy",),
    constants=NFKC,
    instruction="Transcribe the text and give nothing but the transcript as your answer.",
    example="Platform 9, trains to the coast",
)


def judge_or_rouge(predicted: TextColumns, reference: TextColumns, context: Context) -> Scores:
    """R_acc = RM(question, answer, reference) with a judge, else the mean F of ROUGE-1, -2 and -L."""
    if context.judge is not None:
        none = np.zeros(len(predicted))
        to_judge = _rows_to_judge(predicted, reference, context)
        return Scores(none, {"rouge": DOES_NOT_APPLY, "judge": none}, to_judge=to_judge)
    rouge = metrics.rouge_reward(predicted.texts.tolist(), reference.texts.tolist(), normalize=_normalization(context))
    return Scores(rouge, {"rouge": rouge, "judge": DOES_NOT_APPLY})


def _rows_to_judge(predicted: TextColumns, reference: TextColumns, context: Context) -> dict[int, JudgeRow]:
    none = [None] * len(predicted)
    questions, images, groups = context.questions or none, context.images or none, context.groups or none
    return {
        row: JudgeRow(
            answer=str(predicted.texts[row]),
            reference=str(reference.texts[row]),
            question=questions[row],
            image=images[row],
            group=groups[row],
        )
        for row in context.valid_rows(len(predicted)).tolist()
    }


OPEN_ENDED = TaskSpec(
    name="open_ended",
    schema=Text,
    accuracy=judge_or_rouge,
    parts=("rouge", "judge"),
    constants=NFKC,
    instruction="Answer in your own words and give nothing but the text of your answer.",
    example="A cyclist waits at the crossing while a tram passes.",
)
