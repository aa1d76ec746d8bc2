"""From the columns of a row to what is scored: response, reference, task and options."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import cast

from onethinker_rewards.adapters import Columns
from onethinker_rewards.answers import DIALECTS, AnyDialect, Dialect, Size, find_dialect
from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.rows import InvalidRow, Row, decode_row
from onethinker_rewards.errors import ArgumentError, UnknownTaskError
from onethinker_rewards.hacks import find_object
from onethinker_rewards.rewards import RECIPES, AnyOf, Recipe, reference_text
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
    reference: str | AnyOf = ""
    size: Size | None = None
    question: str | None = None
    image: object = None

    @property
    def references(self) -> tuple[str, ...]:
        """The texts of the reference, or of each of several."""
        return self.reference.references if isinstance(self.reference, AnyOf) else (self.reference,)


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
        if row.columns.keys() == {"row", "error"}:
            # What `score` writes for a row that it could not use: the reason is known already.
            return InvalidRow(row.number, str(row.columns["error"]))
        try:
            text = self._text("response", row) if response else ""
            answer = self._reference(row) if reference else ""
            label = self.task if self.task is not None else self._text("task", row)
            data_type = self.columns.value("data_type", row.columns)
            task = _known_task(label, data_type if isinstance(data_type, str) else None, self.table)
            question = self.columns.value("question", row.columns)
            return Sample(
                row,
                text,
                task,
                self._options(row),
                answer,
                self._size(row),
                question if isinstance(question, str) else None,
                self.columns.value("images", row.columns),
            )
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
            f"no column {wanted} for the {name}; there are: {', '.join(shown[:_NAMED]) or 'none'}{more}; "
            f"name yours with --column {name}=NAME"
        )

    def _reference(self, row: Row) -> str | AnyOf:
        """Return a reference as text, or any of several."""
        if self.columns.takes_references:
            several = _decoded_list(self.columns.value("references", row.columns))
            if several is not None:
                if not isinstance(several, list):
                    raise ArgumentError(f"references: expected a list, got {_kind(several)}")
                return AnyOf([self._one_reference("references", row, value) for value in cast("list[object]", several)])
        return self._one_reference("reference", row, self.columns.value("reference", row.columns))

    def _one_reference(self, name: str, row: Row, value: object) -> str:
        """Return a reference as text; an object is written as JSON, without the nulls that Arrow adds to it."""
        if isinstance(value, str):
            return value
        if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
            raise ArgumentError(f"{name}: expected text, a number, a list or an object, got {_kind(value)}")
        if isinstance(value, int | float | list | dict):
            return reference_text(value, name)
        if name == "references":
            raise ArgumentError(f"references: a list holds {_kind(value)}")
        return self._text("reference", row)

    def _size(self, row: Row) -> Size | None:
        columns = row.columns
        for name in (*self.names("size"), *self.names("width"), *self.names("height")):
            cell = columns.get(name)
            if isinstance(cell, str):
                # A cell of CSV holds text only.
                decoded = decode_row(b'{"size":' + cell.encode(errors="replace") + b"}", 1)
                columns = {**columns, name: decoded.columns["size"] if isinstance(decoded, Row) else None}
        (size,) = self.columns.sizes({name: [cell] for name, cell in columns.items()}, rows=1) or (None,)
        return size

    def _options(self, row: Row) -> list[str] | None:
        options = _decoded_list(self.columns.value("options", row.columns))
        if options is None:
            return None
        if not isinstance(options, list):
            raise ArgumentError(f"options: expected a list of texts, got {_kind(options)}")
        for option in cast("list[object]", options):
            if not isinstance(option, str):
                raise ArgumentError(f"options: expected a list of texts, it holds {_kind(option)}")
        return cast("list[str]", options)


def check_size(
    sample: Sample, recipe: Recipe, tasks: Mapping[str, TaskSpec], *, response: bool = True, reference: bool = True
) -> None:
    """Raise an ArgumentError where the dialect of the response, or of the reference, needs the size of the image."""
    spec = recipe.tasks.get(sample.task, tasks[sample.task])
    written = [(recipe.reference_dialect, spec.references_in)] if reference else []
    written += [(recipe.dialect, spec.schema)] if response else []
    for given, schema in written:
        dialect = find_dialect(given)
        if sample.size is None and dialect.needs_size(schema):
            raise ArgumentError(f"the dialect {dialect.name} writes pixels: no column 'size', or 'width' and 'height'")


def _decoded_list(value: object) -> object:
    """Return a list that is written as text, for a cell of CSV holds text only; any other value as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return value
    decoded = decode_row(b'{"":' + value.encode() + b"}", 1)
    return decoded.columns[""] if isinstance(decoded, Row) else value


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
def load_recipe(name: str, dialect: str | None = None, reference_dialect: str | None = None) -> Recipe:
    """Return the recipe of a name, or the one that ``module:RECIPE`` names, maybe in other dialects.

    Raises:
        CliError: If there is no such recipe or dialect, or the recipe knows no dialects.
    """
    given = {"dialect": dialect, "reference_dialect": reference_dialect}
    dialects = {field: load_dialect(value) for field, value in given.items() if value is not None}
    try:
        return replace(_recipe(name), **dialects)
    except ArgumentError as error:
        raise CliError(str(error)) from None


def load_dialect(name: str) -> AnyDialect:
    """Return the name of a dialect, or the dialect that ``module:DIALECT`` names; raises CliError if there is none."""
    if name in DIALECTS:
        return name
    if ":" not in name:
        raise CliError(f"--dialect {name}: there are {', '.join(DIALECTS)}, and your own as module:DIALECT")
    found = _load("--dialect", name)
    if not isinstance(found, Dialect) and not callable(found):
        raise CliError(f"--dialect {name}: expected a Dialect or a function")
    return find_dialect(cast("AnyDialect", found))


def _recipe(name: str) -> Recipe:
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
