"""What to ask the model, so that it answers in the form that is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onethinker_rewards._validation import option_texts
from onethinker_rewards.tasks.spec import TaskSpec
from onethinker_rewards.tasks.table import spec_of

_QUESTION = """\
{question}

Look at the visual content and reason about it step by step between <think> and </think>. Then give your final \
answer between <answer> and </answer>, and write nothing outside these two blocks.
{instruction}
For example: <answer>{example}</answer>"""


def prompt(
    task: str,
    question: str,
    options: Sequence[str] | None = None,
    *,
    table: Mapping[str, TaskSpec] | None = None,
) -> str:
    """Return the text that asks ``question`` as ``task``.

    Args:
        task: A task's name.
        question: The question, with its ``<image>`` and ``<video>`` placeholders if it has any.
        options: The options' texts, listed below the question; labelled A, B, C unless they are already.
        table: The tasks, `TASKS` by default.

    Raises:
        UnknownTaskError: If ``task`` is none.
    """
    spec = spec_of(task, table)
    options = option_texts(options)
    if options:
        question = "\n".join([question, "Options:", *map(_labelled, range(len(options)), options)])
    return _QUESTION.format(question=question, instruction=spec.instruction, example=spec.example)


def _labelled(index: int, option: str) -> str:
    letter = chr(ord("A") + index)
    is_labelled = option.startswith((f"{letter}.", f"{letter})", f"({letter})", f"{letter}:"))
    return option if is_labelled else f"{letter}. {option}"
