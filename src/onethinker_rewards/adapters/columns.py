"""Which column holds what: one way to say it, for every framework and the command line."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onethinker_rewards._validation import option_texts
from onethinker_rewards.errors import ArgumentError, UnknownTaskError
from onethinker_rewards.tasks import TaskSpec, task_name

__all__ = ["Columns", "Inputs", "MissingColumnError", "columns_of"]

# A column's name, or names of which the first that a row fills counts.
Names = str | tuple[str, ...]
_SHOWN = 5


class MissingColumnError(ArgumentError):
    """No column of the names wanted; the message has these and the names that are there."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What scoring needs beside the responses, one entry a row; None where no row has any."""

    references: list[str]
    tasks: list[str]
    questions: list[str | None] | None = None
    options: list[list[str] | None] | None = None
    images: list[Any] | None = None
    masks: list[Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Names of the columns of a data set; the defaults are the names that OneThinker's data and ours use.

    A field is one name, or a tuple of names: then for each row the first counts that is there and filled (None, NaN and
    empty lists are not). ``task`` and ``reference`` are needed. The others are optional as long as they are tuples;
    one name alone is a promise that the column is there.

    Attributes:
        task: The task, in any spelling that `onethinker_rewards.task_name` takes.
        data_type: ``image`` or ``video``; tells the two kinds of segmentation apart.
        reference: What is right, with or without answer tags.
        options: The options' texts of a multiple-choice question.
        question: The question's text, for a judge.
        images: Images, for a segmenter.
        masks: Masks of the segmentation tasks, for a recipe that draws.
        group: What responses to the same prompt share, for advantages.
        source: Where a row comes from: numbers of problems are unique only within one source.

    >>> Columns(reference="gold").take({"gold": ["B"], "problem_type": ["multiple choice"]}, rows=1)
    Inputs(references=['B'], tasks=['multiple_choice'], questions=None, options=None, images=None, masks=None)
    """

    task: Names = ("task", "problem_type")
    data_type: Names = ("data_type",)
    reference: Names = ("reference", "solution", "answer", "ground_truth")
    options: Names = ("options",)
    question: Names = ("question", "problem")
    images: Names = ("images", "image", "videos", "video")
    masks: Names = ("masks", "mask")
    group: Names = ("group", "uid", "problem_id")
    source: Names = ("data_source",)

    def take(
        self, columns: Mapping[str, Sequence[Any]], *, rows: int, table: Mapping[str, TaskSpec] | None = None
    ) -> Inputs:
        """Return what scoring needs from columns of ``rows`` values each.

        Raises:
            MissingColumnError: If task, reference or a column named alone is not there.
            ArgumentError: If a column has another length, or a value another type; it names the column and the rows.
            UnknownTaskError: Naming all rows whose task is unknown.
        """
        labels = self._texts("task", columns, rows)
        options = self._optional("options", columns, rows)
        questions = self._optional("question", columns, rows)
        return Inputs(
            references=self._texts("reference", columns, rows),
            tasks=_task_names(labels, self._optional("data_type", columns, rows), table),
            questions=None if questions is None else _check_texts("question", questions),
            options=None if options is None else [option_texts(value, row) for row, value in enumerate(options)],
            images=self._optional("images", columns, rows),
            masks=self._optional("masks", columns, rows),
        )

    def take_rows(self, rows: Sequence[Mapping[str, Any]], *, table: Mapping[str, TaskSpec] | None = None) -> Inputs:
        """Return what scoring needs from one mapping a row; errors are those of `take`."""
        return self.take(columns_of(rows), rows=len(rows), table=table)

    def rows_of(
        self,
        tasks: Collection[str],
        columns: Mapping[str, Sequence[Any]],
        *,
        rows: int,
        table: Mapping[str, TaskSpec] | None = None,
    ) -> list[int]:
        """Return the rows of these tasks; a row without a label, or with one that is no task, is of none of them.

        Raises:
            MissingColumnError: If there is no column of tasks.
            ArgumentError: If a column has another length.
        """
        labels = self._needed("task", columns, rows)
        kinds = self._optional("data_type", columns, rows) or [None] * rows
        return [row for row in range(rows) if _task_or_none(labels[row], kinds[row], table) in tasks]

    def groups(self, columns: Mapping[str, Sequence[Any]], *, rows: int) -> list[Hashable]:
        """Return each row's group: its value, with its source where there is one.

        Raises:
            MissingColumnError: If there is no such column.
            ArgumentError: If a column has another length or a row has no group.
        """
        values = _filled("group", self._needed("group", columns, rows))
        sources = self._optional("source", columns, rows)
        return values if sources is None else list(zip(sources, values, strict=True))

    def _texts(self, field: str, columns: Mapping[str, Sequence[Any]], rows: int) -> list[str]:
        return _check_texts(field, _filled(field, self._needed(field, columns, rows)))

    def _needed(self, field: str, columns: Mapping[str, Sequence[Any]], rows: int) -> list[Any]:
        names = self._names(field)
        present = [name for name in names if name in columns]
        if not present:
            wanted = " or ".join(map(repr, names))
            there = ", ".join(map(repr, columns)) or "none"
            raise MissingColumnError(f"no column {wanted} for the {field}; there are: {there}")
        return _first_filled({name: columns[name] for name in present}, rows)

    def _optional(self, field: str, columns: Mapping[str, Sequence[Any]], rows: int) -> list[Any] | None:
        alone = isinstance(getattr(self, field), str)
        if not alone and not any(name in columns for name in self._names(field)):
            return None
        values = self._needed(field, columns, rows)
        return None if all(value is None for value in values) else values

    def _names(self, field: str) -> tuple[str, ...]:
        names: Names = getattr(self, field)
        return (names,) if isinstance(names, str) else names


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of rows: every key that any row has, None where a row has not."""
    return {key: [row.get(key) for row in rows] for key in dict.fromkeys(key for row in rows for key in row)}


def _first_filled(columns: Mapping[str, Sequence[Any]], rows: int) -> list[Any]:
    for name, values in columns.items():
        if isinstance(values, str):
            raise ArgumentError(f"column {name!r} is one str; give one value a row")
        if len(values) != rows:
            raise ArgumentError(f"column {name!r} has {len(values)} rows, responses has {rows}")
    return [
        next((value for value in values if not _is_empty(value)), None)
        for values in zip(*columns.values(), strict=True)
    ]


def _is_empty(value: Any) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    # Arrays of no elements stand for empty lists in tables read from Parquet.
    return value is None or (isinstance(value, list | tuple) and not value) or getattr(value, "shape", None) == (0,)


def _filled(field: str, values: list[Any]) -> list[Any]:
    empty = [row for row, value in enumerate(values) if value is None]
    if empty:
        raise ArgumentError(f"no {field} in {_rows_text(empty)}")
    return values


def _check_texts(field: str, values: list[Any]) -> list[Any]:
    wrong = [row for row, value in enumerate(values) if value is not None and not isinstance(value, str)]
    if wrong:
        raise ArgumentError(f"{field}: expected str, got {type(values[wrong[0]]).__name__} in {_rows_text(wrong)}")
    return values


def _rows_text(rows: list[int]) -> str:
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows[:_SHOWN]))}{more}"


def _task_or_none(label: Any, kind: Any, table: Mapping[str, TaskSpec] | None) -> str | None:
    if not isinstance(label, str):
        return None
    try:
        return task_name(label, kind if isinstance(kind, str) else None, table=table)
    except UnknownTaskError:
        return None


def _task_names(labels: list[str], data_types: list[Any] | None, table: Mapping[str, TaskSpec] | None) -> list[str]:
    kinds = [None] * len(labels) if data_types is None else [x if isinstance(x, str) else None for x in data_types]
    pairs = list(zip(labels, kinds, strict=True))
    names: dict[tuple[str, str | None], str] = {}
    unknown: dict[tuple[str, str | None], str] = {}
    for pair in dict.fromkeys(pairs):
        try:
            names[pair] = task_name(*pair, table=table)
        except UnknownTaskError as error:
            unknown[pair] = error.reasons[0]
    if unknown:
        rows = [row for row, pair in enumerate(pairs) if pair in unknown]
        raise UnknownTaskError(rows, [unknown[pairs[row]] for row in rows])
    return [names[pair] for pair in pairs]
