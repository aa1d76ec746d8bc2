"""The text of a prompt: the question in our template, with one placeholder for each image and video."""

from __future__ import annotations

from onethinker_rewards.tasks import prompt
from onethinker_rewards.trainer.data.faults import BadRowError, Fault
from onethinker_rewards.trainer.data.rows import Question

__all__ = ["PLACEHOLDERS", "prompt_of", "with_placeholders"]

PLACEHOLDERS = ("<video>", "<image>")
# verl would put a sound in its place, and stop because there is none.
_FOREIGN = "<audio>"
_LETTERS = 26


def prompt_of(row: Question, question: str, task: str) -> str:
    """Return what the model is asked.

    Raises:
        BadRowError: If there are more placeholders than images or videos, or more options than letters.
    """
    # As in the data set: other tasks have options that are not meant to be shown.
    options = row.options if task == "multiple_choice" else []
    if len(options) > _LETTERS:
        raise BadRowError(Fault.COLUMNS, f"options: {len(options)} are more than there are letters")
    shown = all(option in question for option in options)
    return with_placeholders(row, prompt(task, question, None if shown else options))


def with_placeholders(row: Question, text: str) -> str:
    """Return a text with a placeholder for each image and video: its own where they are, missing ones in front.

    Raises:
        BadRowError: If it has more than there are images or videos.
    """
    if _FOREIGN in text:
        raise BadRowError(Fault.PLACEHOLDERS, f"{_FOREIGN} in the text would be taken for a placeholder")
    front: list[str] = []
    for placeholder, there in zip(PLACEHOLDERS, (row.videos, row.images), strict=True):
        missing = len(there) - text.count(placeholder)
        if missing < 0:
            why = f"{text.count(placeholder)} times {placeholder} in the text, and {len(there)} there to show"
            raise BadRowError(Fault.PLACEHOLDERS, why)
        front += [placeholder + "\n"] * missing
    return "".join(front) + text
