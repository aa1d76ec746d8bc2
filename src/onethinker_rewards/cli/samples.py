"""From the columns of a row to what is scored: response, reference, task and options."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, wraps
from typing import TypeVar, cast

import click

from onethinker_rewards.adapters import Columns
from onethinker_rewards.adapters.columns import without_null_entries
from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.rows import InvalidRow, Row, decode_row, json_text
from onethinker_rewards.errors import ArgumentError, UnknownTaskError
from onethinker_rewards.hacks import find_object
from onethinker_rewards.tasks import TASKS, TaskSpec, task_name

__all__ = ["RowReader", "Sample", "row_options"]

# Columns that are named if one is missing, and characters of each name.
_NAMED = 8
_LONGEST_NAME = 40
_FIELDS = ("response", "reference", "task", "data_type", "options", "question")
_F = TypeVar("_F", bound=Callable[..., object])


class _UnusableError(ValueError):
    """A row that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is scored of one row; ``reference`` is empty if none is needed."""

    row: Row
    response: str
    task: str
    options: list[str] | None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class RowReader:
    """Takes what is scored of a row; it can be pickled.

    Attributes:
        columns: Which column holds what.
        task: The task of all rows; None if a column says it.
        table: ``module:TABLE``, the tasks to use instead of ours; None for ours.
    """

    columns: Columns = field(default_factory=Columns)
    task: str | None = None
    table: str | None = None

    def tasks(self) -> Mapping[str, TaskSpec]:
        """Return the table of tasks.

        Raises:
            CliError: If it cannot be loaded.
        """
        return TASKS if self.table is None else _load_table(self.table)

    def read(self, row: Row | InvalidRow, *, response: bool = True, reference: bool = True) -> Sample | InvalidRow:
        """Return what is scored of a row, maybe without its response or reference, or why it cannot be scored."""
        if isinstance(row, InvalidRow):
            return row
        try:
            text = self._text("response", row) if response else ""
            answer = self._reference(row) if reference else ""
            return Sample(row, text, self._task(row), self._options(row), answer)
        except _UnusableError as error:
            return InvalidRow(row.number, str(error))

    def _value(self, name: str, row: Row) -> object:
        return self.columns.value(name, row.columns)

    def _text(self, name: str, row: Row) -> str:
        value = self._value(name, row)
        if isinstance(value, str):
            return value
        if value is not None:
            raise _UnusableError(f"{name}: expected text, got {_kind(value)}")
        names = getattr(self.columns, name)
        wanted = " or ".join(map(repr, (names,) if isinstance(names, str) else names))
        raise _UnusableError(f"no column {wanted} for the {name}; there are: {_names(row)}")

    def _reference(self, row: Row) -> str:
        """Return a reference as text; an object is written as JSON, without the nulls that Arrow adds to it."""
        value = self._value("reference", row)
        if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
            raise _UnusableError(f"reference: expected text, a number, a list or an object, got {_kind(value)}")
        if isinstance(value, int | float | list | dict):
            return json_text(without_null_entries(value))
        return self._text("reference", row)

    def _task(self, row: Row) -> str:
        label = self.task if self.task is not None else self._text("task", row)
        data_type = self._value("data_type", row)
        try:
            return _known_task(label, data_type if isinstance(data_type, str) else None, self.table)
        except UnknownTaskError as error:
            raise _UnusableError(error.reasons[0]) from None

    def _options(self, row: Row) -> list[str] | None:
        options = self._value("options", row)
        if isinstance(options, str) and options.lstrip().startswith("["):
            # A cell of CSV holds text only.
            options = _json_list(options)
        if options is None:
            return None
        if not isinstance(options, list):
            raise _UnusableError(f"options: expected a list of texts, got {_kind(options)}")
        for option in cast("list[object]", options):
            if not isinstance(option, str):
                raise _UnusableError(f"options: expected a list of texts, it holds {_kind(option)}")
        return cast("list[str]", options)


def row_options(command: _F) -> _F:
    """Give a command the options that say which column holds what, as one argument ``reader``."""

    @wraps(command)
    def with_reader(
        *arguments: object, column: tuple[str, ...], task: str | None, table: str | None, **others: object
    ) -> object:
        reader = RowReader(_columns(column), task, table)
        _check_task(reader)
        return command(*arguments, reader=reader, **others)

    options = (
        click.option("--column", multiple=True, metavar="FIELD=NAME", help="Column of a field, as response=output."),
        click.option("--task", metavar="TASK", help="The task of all rows."),
        click.option("--table", metavar="MODULE:TABLE", help="Your own tasks, instead of ours."),
    )
    decorated: Callable[..., object] = with_reader
    for option in reversed(options):
        decorated = option(decorated)
    return cast("_F", decorated)


def _columns(pairs: tuple[str, ...]) -> Columns:
    names: dict[str, str] = {}
    for pair in pairs:
        name, equals, column = pair.partition("=")
        if not equals or not column or name not in _FIELDS:
            raise click.UsageError(f"--column {pair}: expected FIELD=NAME, FIELD one of {', '.join(_FIELDS)}")
        names[name] = column
    # A tuple: a row that lacks the column is one invalid row, not the end of the run.
    return replace(Columns(), **{name: (column,) for name, column in names.items()})


def _check_task(reader: RowReader) -> None:
    tasks = reader.tasks()
    if reader.task is None:
        return
    try:
        task_name(reader.task, table=tasks)
    except UnknownTaskError as error:
        raise click.UsageError(f"--task: {error.reasons[0]}") from None


@cache
def _load_table(name: str) -> Mapping[str, TaskSpec]:
    try:
        table = find_object(name)
    except (ArgumentError, ImportError) as error:
        raise CliError(f"--table {name}: {error}") from None
    if not isinstance(table, Mapping) or not all(isinstance(spec, TaskSpec) for spec in table.values()):
        raise CliError(f"--table {name}: expected a mapping from names to TaskSpec")
    return cast("Mapping[str, TaskSpec]", table)


@cache
def _known_task(label: str, data_type: str | None, table: str | None) -> str:
    # A file has a handful of labels in any number of rows.
    return task_name(label, data_type, table=TASKS if table is None else _load_table(table))


def _json_list(text: str) -> object:
    row = decode_row(b'{"options":' + text.encode() + b"}", 1)
    return row.columns["options"] if isinstance(row, Row) else text


def _kind(value: object) -> str:
    kinds: dict[type, str] = {
        str: "text", list: "a list", dict: "an object", bytes: "bytes", bool: "a truth value",
        int: "a number", float: "a number", type(None): "null",
    }  # fmt: skip
    return kinds.get(type(value), f"a {type(value).__name__}")


def _names(row: Row) -> str:
    names = [name for name, value in row.columns.items() if value is not None]
    more = f", and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(repr(_shortened(name)) for name in names[:_NAMED]) + more if names else "none"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"
