"""From the columns of a row to what is scored: response, reference, task, options."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from onethinker_rewards.adapters import Columns
from onethinker_rewards.cli.rows import Broken, Row, json_text
from onethinker_rewards.errors import UnknownTaskError
from onethinker_rewards.tasks import task_name

__all__ = ["SCORED_COLUMNS", "Sample", "sample_of", "task_of", "usable"]

# The same names as in a trainer, so that a file of its data is scored as it is.
REFERENCE_COLUMNS, TASK_COLUMNS = map(tuple, (Columns().reference, Columns().task))
SCORED_COLUMNS = ("response", *REFERENCE_COLUMNS, *TASK_COLUMNS, "data_type", "options")


# Columns that are named where one is missing, and characters of each.
_NAMED = 8
_LONGEST = 40


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
    response = text_of(row, "response")
    reference = text_of(row, *REFERENCE_COLUMNS)
    return Sample(row, response, task_of(row), options_of(row.columns), reference)


def text_of(row: Row, *names: str) -> str:
    """Return the first of these columns that is there and not null.

    Raises:
        UnusableError: If there is none, or it is no text.
    """
    for name in names:
        value = row.columns.get(name)
        if isinstance(value, str):
            return value
        if value is not None:
            raise UnusableError(f"{name} is no text but {_what_is(value)}")
    raise UnusableError(f"no {' or '.join(names)}; {_what_is_there(row)}")


def task_of(row: Row) -> str:
    """Return the task's name from ``task``, or ``problem_type`` and ``data_type``.

    Raises:
        UnusableError: If there is none, or it is unknown.
    """
    label = text_of(row, *TASK_COLUMNS)
    data_type = row.columns.get("data_type")
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
    if not isinstance(options, list):
        raise UnusableError(f"options is no list of texts but {_what_is(options)}")
    for option in options:
        if not isinstance(option, str):
            raise UnusableError(f"options is no list of texts; in it is {_what_is(option)}")
    return options


def _what_is(value: Any) -> str:
    """Say what stands in the place of a text; a number may be meant as one."""
    if isinstance(value, int | float):
        kind = "a truth value" if isinstance(value, bool) else "a number"
        return f'{kind}: write "{_shortened(json_text(value))}"' if math.isfinite(value) else kind
    kinds = {str: "a text", list: "a list", dict: "an object", bytes: "bytes", type(None): "null"}
    return kinds.get(type(value), f"a {type(value).__name__}")


def _what_is_there(row: Row) -> str:
    names = [*(name for name, value in row.columns.items() if value is not None), *row.others]
    if not names:
        return "there is no other column"
    more = f", and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"there are: {', '.join(map(repr, map(_shortened, names[:_NAMED])))}{more}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


# A file has a handful of labels on any number of rows.
_known_task = lru_cache(maxsize=256)(task_name)
