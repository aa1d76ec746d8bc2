"""From the columns of a row to what is scored: response, reference, task and options."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import cast

from onethinker_rewards.adapters import Columns
from onethinker_rewards.adapters.columns import without_null_entries
from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.rows import InvalidRow, Row, decode_row, json_text
from onethinker_rewards.errors import ArgumentError, UnknownTaskError
from onethinker_rewards.hacks import find_object
from onethinker_rewards.rewards import RECIPES, Recipe
from onethinker_rewards.tasks import TASKS, TaskSpec, task_name

# Columns that are named if one is missing, and characters of each name.
_NAMED = 8
_LONGEST_NAME = 40
_KINDS: dict[type, str] = {
    str: "text", list: "a list", dict: "an object", bytes: "bytes", bool: "a truth value", int: "a number",
    float: "a number", type(None): "null",
}  # fmt: skip


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
    """Takes what is scored of a row: from which columns, by which task and which ``module:TABLE``, if they are given.

    It can be pickled.
    """

    columns: Columns = field(default_factory=Columns)
    task: str | None = None
    table: str | None = None

    def tasks(self) -> Mapping[str, TaskSpec]:
        """Return the table of tasks; raises CliError if it cannot be loaded."""
        return TASKS if self.table is None else _load_table(self.table)

    def names(self, name: str) -> tuple[str, ...]:
        """Return the columns that may hold a field."""
        names = getattr(self.columns, name)
        return (names,) if isinstance(names, str) else names

    def read(self, row: Row | InvalidRow, *, response: bool = True, reference: bool = True) -> Sample | InvalidRow:
        """Return what is scored of a row, maybe without its response or reference, or why it cannot be scored."""
        if isinstance(row, InvalidRow):
            return row
        try:
            text = self._text("response", row) if response else ""
            answer = self._reference(row) if reference else ""
            label = self.task if self.task is not None else self._text("task", row)
            data_type = self.columns.value("data_type", row.columns)
            task = _known_task(label, data_type if isinstance(data_type, str) else None, self.table)
            return Sample(row, text, task, self._options(row), answer)
        except UnknownTaskError as error:
            return InvalidRow(row.number, error.reasons[0])
        except ArgumentError as error:
            return InvalidRow(row.number, str(error))

    def _text(self, name: str, row: Row) -> str:
        value = self.columns.value(name, row.columns)
        if isinstance(value, str):
            return value
        if value is not None:
            raise ArgumentError(f"{name}: expected text, got {_kind(value)}")
        wanted = " or ".join(map(repr, self.names(name)))
        there = [column for column, cell in row.columns.items() if cell is not None]
        shown = [repr(column if len(column) <= _LONGEST_NAME else f"{column[:_LONGEST_NAME]}…") for column in there]
        more = f", and {len(there) - _NAMED:,} more" if len(there) > _NAMED else ""
        raise ArgumentError(
            f"no column {wanted} for the {name}; there are: {', '.join(shown[:_NAMED]) or 'none'}{more}"
        )

    def _reference(self, row: Row) -> str:
        """Return a reference as text; an object is written as JSON, without the nulls that Arrow adds to it."""
        value = self.columns.value("reference", row.columns)
        if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
            raise ArgumentError(f"reference: expected text, a number, a list or an object, got {_kind(value)}")
        if isinstance(value, int | float | list | dict):
            return json_text(without_null_entries(value))
        return self._text("reference", row)

    def _options(self, row: Row) -> list[str] | None:
        options = self.columns.value("options", row.columns)
        if isinstance(options, str) and options.lstrip().startswith("["):
            # A cell of CSV holds text only.
            decoded = decode_row(b'{"options":' + options.encode() + b"}", 1)
            options = decoded.columns["options"] if isinstance(decoded, Row) else options
        if options is None:
            return None
        if not isinstance(options, list):
            raise ArgumentError(f"options: expected a list of texts, got {_kind(options)}")
        for option in cast("list[object]", options):
            if not isinstance(option, str):
                raise ArgumentError(f"options: expected a list of texts, it holds {_kind(option)}")
        return cast("list[str]", options)


def _kind(value: object) -> str:
    return _KINDS.get(type(value), f"a {type(value).__name__}")


@cache
def _known_task(label: str, data_type: str | None, table: str | None) -> str:
    # A file has a handful of labels in any number of rows.
    return task_name(label, data_type, table=TASKS if table is None else _load_table(table))


@cache
def _load_table(name: str) -> Mapping[str, TaskSpec]:
    table = _load("--table", name)
    if not isinstance(table, Mapping) or not all(isinstance(spec, TaskSpec) for spec in table.values()):
        raise CliError(f"--table {name}: expected a mapping from names to TaskSpec")
    return cast("Mapping[str, TaskSpec]", table)


@cache
def load_recipe(name: str) -> Recipe:
    """Return the recipe of a name, or the one that ``module:RECIPE`` names; raises CliError if there is none."""
    if name in RECIPES:
        return RECIPES[name]
    if ":" not in name:
        raise CliError(f"--recipe {name}: there are {', '.join(RECIPES)}, and your own as module:RECIPE")
    recipe = _load("--recipe", name)
    if not isinstance(recipe, Recipe):
        raise CliError(f"--recipe {name}: expected a Recipe")
    return recipe


def _load(option: str, name: str) -> object:
    try:
        return find_object(name)
    except (ArgumentError, ImportError) as error:
        raise CliError(f"{option} {name}: {error}") from None
