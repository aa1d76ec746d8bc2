"""From the columns of a row to what is scored: response, reference, task, options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from onethinker_rewards.adapters import Columns
from onethinker_rewards.cli.rows import Broken, Row
from onethinker_rewards.errors import UnknownTaskError
from onethinker_rewards.tasks import task_name

__all__ = ["SCORED_COLUMNS", "Sample", "sample_of", "task_of", "usable"]

# The same names as in a trainer, so that a file of its data is scored as it is.
REFERENCE_COLUMNS, TASK_COLUMNS = map(tuple, (Columns().reference, Columns().task))
SCORED_COLUMNS = ("response", *REFERENCE_COLUMNS, *TASK_COLUMNS, "data_type", "options")


class UnusableError(ValueError):
    """A row that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is scored of one row; ``reference`` is empty where none is needed."""

    row: Row
    response: str
    task: str
    options: list[str] | None
    reference: str = ""


def usable(row: Row | Broken, read: Callable[[Row], Sample]) -> Sample | Broken:
    """Return what ``read`` makes of a row, or the row as broken where it cannot."""
    if isinstance(row, Broken):
        return row
    try:
        return read(row)
    except UnusableError as error:
        return Broken(row.number, str(error))


def sample_of(row: Row) -> Sample:
    """Take what scoring needs.

    Raises:
        UnusableError: If the row does not have it.
    """
    columns = row.columns
    response = text_of(columns, "response")
    reference = text_of(columns, *REFERENCE_COLUMNS)
    return Sample(row, response, task_of(columns), options_of(columns), reference)


def text_of(columns: Mapping[str, Any], *names: str) -> str:
    """Return the first of these columns that is there and not null.

    Raises:
        UnusableError: If there is none, or it is no text.
    """
    for name in names:
        value = columns.get(name)
        if isinstance(value, str):
            return value
        if value is not None:
            raise UnusableError(f"{name} is no text")
    raise UnusableError("no " + " or ".join(names))


def task_of(columns: Mapping[str, Any]) -> str:
    """Return the task's name from ``task``, or ``problem_type`` and ``data_type``.

    Raises:
        UnusableError: If there is none, or it is unknown.
    """
    label = text_of(columns, *TASK_COLUMNS)
    data_type = columns.get("data_type")
    try:
        return _known_task(label, data_type if isinstance(data_type, str) else None)
    except UnknownTaskError as error:
        raise UnusableError(str(error)) from None


def options_of(columns: Mapping[str, Any]) -> list[str] | None:
    """Return the options' texts, None where there are none.

    Raises:
        UnusableError: If they are no list of texts.
    """
    options = columns.get("options")
    if not options:
        return None
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise UnusableError("options is no list of texts")
    return options


# A file has a handful of labels on any number of rows.
_known_task = lru_cache(maxsize=256)(task_name)
