"""OCR: a transcript of the text in the image."""

from __future__ import annotations

import numpy as np

from onethinker_rewards import metrics
from onethinker_rewards.columns import TextColumns
from onethinker_rewards.schemas import Text
from onethinker_rewards.tasks import released
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec

__all__ = ["OCR"]


def accuracy(predicted: TextColumns, reference: TextColumns, context: Context) -> Scores:
    """R_acc = max(0, 1 - WER)."""
    error_rate = metrics.word_error_rate(predicted.texts.tolist(), reference.texts.tolist())
    word_accuracy = np.maximum(0.0, 1.0 - error_rate)
    return Scores(word_accuracy, {"word_accuracy": word_accuracy})


OCR = TaskSpec(
    name="ocr",
    schema=Text,
    accuracy=accuracy,
    parts=("word_accuracy",),
    instruction="Transcribe the text and give nothing but the transcript as your answer.",
    example="Platform 9, trains to the coast",
    released=released.ocr,
)
