"""Open-ended questions and captions: free text beside a reference."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np

from onethinker_rewards import metrics
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.columns import Floats, TextColumns
from onethinker_rewards.errors import ArgumentError, JudgeError
from onethinker_rewards.schemas import Text
from onethinker_rewards.tasks import released
from onethinker_rewards.tasks.spec import Context, Judge, Scores, TaskSpec

__all__ = ["OPEN_ENDED"]


def accuracy(predicted: TextColumns, reference: TextColumns, context: Context) -> Scores:
    """R_acc = RM(question, answer, reference) where a judge is given, else the mean F of ROUGE-1, -2 and -L."""
    if context.judge is not None:
        return _judged(predicted.texts.tolist(), reference.texts.tolist(), context.judge, context)
    rouge = metrics.rouge_reward(predicted.texts.tolist(), reference.texts.tolist())
    return Scores(rouge, {"rouge": rouge})


def _judged(answers: list[str], references: list[str], judge: Judge, context: Context) -> Scores:
    """Ask the judge; a row without a score has no accuracy, and never gets another metric's instead."""
    questions = list(context.questions) if context.questions is not None else [None] * len(answers)
    try:
        given = judge(questions, answers, references) if answers else []
    except (JudgeError, OSError):
        given = [None] * len(answers)
    scores = _checked(given, len(answers))
    missing = ~np.isfinite(scores)
    if ((scores < 0) | (scores > 1))[~missing].any():
        raise ArgumentError("the judge returned a score outside [0, 1]")
    scores[missing] = math.nan
    failed = dict.fromkeys(np.flatnonzero(missing).tolist(), FailureCode.JUDGE_FAILED)
    return Scores(scores, {"judge": scores}, failed)


def _checked(given: object, count: int) -> Floats:
    """Return a judge's scores, NaN for None."""
    if not isinstance(given, Collection) or isinstance(given, str | bytes | Mapping | set):
        raise ArgumentError(f"the judge returned {type(given).__name__}, not a list of scores")
    if len(given) != count:
        raise ArgumentError(f"the judge returned {len(given)} scores for {count} answers")
    try:
        return np.array([math.nan if score is None else float(score) for score in given])
    except (TypeError, ValueError):
        raise ArgumentError("the judge returned what is no number") from None


OPEN_ENDED = TaskSpec(
    name="open_ended",
    schema=Text,
    accuracy=accuracy,
    parts=("rouge", "judge"),
    instruction="Answer in your own words and give nothing but the text of your answer.",
    example="A cyclist waits at the crossing while a tram passes.",
    released=released.open_ended,
)
