"""Rows whose answers are there: what is scored of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onethinker_rewards.adapters import Columns
from onethinker_rewards.errors import BadReferenceError, UnknownTaskError
from onethinker_rewards.rewards import parse_reference
from onethinker_rewards.tasks import task_name
from onethinker_rewards.trainer.data import BadRowError, Fault

__all__ = ["TASK_COLUMNS", "Candidate", "answers_of", "candidate_of"]

# The same names as for `score`: rows that it wrote are filtered as they are.
TASK_COLUMNS, _REFERENCE_COLUMNS = map(tuple, (Columns().task, Columns().reference))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row with the answers to it.

    Attributes:
        number: The row's number in its file, from 1.
        columns: The row.
        task: Our name of the task.
        reference: What is right.
        options: Texts of the options of a multiple-choice question.
        responses: All that was answered, at least one.
    """

    number: int
    columns: dict[str, Any]
    task: str
    reference: str
    options: list[str] | None
    responses: list[str]


def answers_of(columns: Mapping[str, Any]) -> list[str] | None:
    """Return the answers that a row has: ``responses``, or ``response`` as the only one; None where it has neither.

    Raises:
        BadRowError: If they are no texts.
    """
    responses = columns.get("responses")
    if responses is None and columns.get("response") is not None:
        responses = [columns["response"]]
    if not _are_texts(responses or []):
        raise BadRowError(Fault.COLUMNS, "responses: neither texts in a list nor null")
    return responses or None


def candidate_of(columns: dict[str, Any], number: int, responses: list[str]) -> Candidate:
    """Return what is scored of a row.

    Args:
        columns: The row, as for `score`: a task and a reference, under any of their names.
        number: Its number in the file, from 1.
        responses: The answers.

    Raises:
        BadRowError: If a column is missing or of another type, the task unknown, or the reference unreadable.
    """
    data_type = columns.get("data_type")
    try:
        task = task_name(_text(columns, TASK_COLUMNS), data_type if isinstance(data_type, str) else None)
    except UnknownTaskError as error:
        raise BadRowError(Fault.TASK, str(error)) from None
    reference = _text(columns, _REFERENCE_COLUMNS)
    try:
        parse_reference(reference, task)
    except BadReferenceError as error:
        raise BadRowError(Fault.REFERENCE, f"unreadable reference: {error.reasons[0]}") from None
    options = columns.get("options") or None
    if not _are_texts(options or []):
        raise BadRowError(Fault.COLUMNS, "options: no list of texts")
    return Candidate(number, columns, task, reference, options, responses)


def _text(columns: Mapping[str, Any], names: Sequence[str]) -> str:
    for name in names:
        value = columns.get(name)
        if isinstance(value, str):
            return value
        if value is not None:
            raise BadRowError(Fault.COLUMNS, f"{name}: no text")
    raise BadRowError(Fault.COLUMNS, "no " + " or ".join(names))


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
