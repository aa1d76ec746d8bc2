"""One row of a scored file: its numbers, its codes, and what was scored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from onethinker_rewards.adapters import Columns
from onethinker_rewards.answers import Size
from onethinker_rewards.codes import FailureCode, PenaltyCode, RepairCode
from onethinker_rewards.errors import ArgumentError, UnknownTaskError
from onethinker_rewards.report.totals import number
from onethinker_rewards.tasks import TaskSpec, task_name

_FAILURES = {*map(str, FailureCode)}
_CHANGES = {*map(str, RepairCode), *map(str, PenaltyCode)}
_TERMS = ("accuracy", "normalized", "format", "structure")


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A row as the command ``score`` writes it.

    Attributes:
        number: Its number in the file, from 1.
        columns: All that the row holds; ``task`` is our name of the task.
        task: Our name of the task.
        response: All that the model wrote.
        references: What is right, or each of several.
        total: The reward, None where a judge gave none.
        faults: The codes of its failure and of the fault in its format.
        changes: The codes of its repairs and penalties.
    """

    number: int
    columns: Mapping[str, Any]
    task: str
    response: str
    references: tuple[Any, ...]
    total: float | None
    faults: tuple[str, ...]
    changes: tuple[str, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """All codes."""
        return self.faults + self.changes

    def terms(self) -> list[tuple[str, float]]:
        """Return accuracy, format and the like and each part, where the row has them."""
        names = [*_TERMS, *(name for name in self.columns if name.startswith("part/"))]
        found = [(name.removeprefix("part/"), number(self.columns.get(name))) for name in names]
        return [(name, value) for name, value in found if value is not None]


class RowReader:
    """Reads the rows of a scored file, by the names of their columns and a table of tasks."""

    def __init__(self, columns: Columns, task: str | None, table: Mapping[str, TaskSpec] | None) -> None:
        self.columns = columns
        self._task, self._table = task, table
        # A file has a handful of labels in any number of rows.
        self._names: dict[tuple[str, str | None], str] = {}

    def read(self, index: int, row: Mapping[str, Any]) -> ScoredRow | str:
        """Return a scored row, or why it is none."""
        error = row.get("error")
        # What `score` writes of a row that it cannot score; a table has its other columns too, without values.
        if isinstance(error, str) and row.get("row") is not None and row.get("total") is row.get("failure") is None:
            return error
        response = self.columns.value("response", row)
        # An empty response is an empty cell.
        if not isinstance(response, str) and (response is not None or "total" not in row):
            return "no response" if response is None else "the response is not text"
        if "total" not in row:
            return "no total; the command score writes it"
        try:
            task = self._task_of(row)
            faults = _codes([row.get("failure"), row.get("format_fault")], _FAILURES)
            changes = _codes([*_list(row.get("repairs")), *_list(row.get("penalties"))], _CHANGES)
        except UnknownTaskError as error:
            return error.reasons[0]
        except ArgumentError as error:
            return str(error)
        return ScoredRow(
            index, {**row, "task": task}, task, response or "", self._references(row), number(row["total"]), faults,
            changes,
        )  # fmt: skip

    def size(self, row: ScoredRow) -> Size | None:
        """Return width and height of a row's image in pixels, where the row says them."""
        columns = {name: [_decoded(cell)] for name, cell in row.columns.items()}
        return (self.columns.sizes(columns, rows=1) or [None])[0]

    def _task_of(self, row: Mapping[str, Any]) -> str:
        label = self._task if self._task is not None else self.columns.value("task", row)
        data_type = self.columns.value("data_type", row)
        if not isinstance(label, str):
            raise ArgumentError("no task")
        kind = data_type if isinstance(data_type, str) else None
        if (label, kind) not in self._names:
            self._names[label, kind] = task_name(label, kind, table=self._table)
        return self._names[label, kind]

    def _references(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        several = _decoded(self.columns.value("references", row)) if self.columns.takes_references else None
        if isinstance(several, list):
            return tuple(cast("list[Any]", several))
        single = self.columns.value("reference", row)
        return () if single is None else (single,)


def _codes(cells: list[Any], known: set[str]) -> tuple[str, ...]:
    # A missing code is null, an empty cell, or NaN.
    codes = dict.fromkeys(cell for cell in cells if isinstance(cell, str) and cell)
    if unknown := [code for code in codes if code not in known]:
        raise ArgumentError(f"{unknown[0]!r:.60} is no code that scoring gives")
    return tuple(codes)


def _list(cell: Any) -> list[Any]:
    value = _decoded(cell)
    return cast("list[Any]", value) if isinstance(value, list) else []


def _decoded(cell: Any) -> Any:
    """Return a list or a number that a cell of CSV holds as text; anything else as it is."""
    if not isinstance(cell, str) or cell.lstrip()[:1] not in tuple("[0123456789"):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell
