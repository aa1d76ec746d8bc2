"""Multiple choice: the letter of one option."""

from __future__ import annotations

import numpy as np

from onethinker_rewards.columns import LetterColumns
from onethinker_rewards.schemas import OptionLetter
from onethinker_rewards.tasks import released
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec

__all__ = ["MULTIPLE_CHOICE"]


def accuracy(predicted: LetterColumns, reference: LetterColumns, context: Context) -> Scores:
    """R_acc = 1 where the letters are the same; a reference without a letter is compared as casefolded text."""
    match = (predicted.letters == reference.letters).astype(np.float64)
    for row in np.flatnonzero(reference.letters == 0).tolist():
        match[row] = _folded(predicted.texts[row]) == _folded(reference.texts[row])
    return Scores(match, {"option_match": match})


def _folded(text: str) -> str:
    return text.strip().casefold()


MULTIPLE_CHOICE = TaskSpec(
    name="multiple_choice",
    schema=OptionLetter,
    accuracy=accuracy,
    parts=("option_match",),
    instruction="Choose one option and give nothing but its letter as your answer.",
    example="B",
    released=released.multiple_choice,
)
