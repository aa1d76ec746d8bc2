"""The rows of one task on their way in, and their scores on the way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

import numpy as np

from onethinker_rewards._validation import as_list, option_texts
from onethinker_rewards.codes import FailureCode, RepairCode
from onethinker_rewards.columns import Floats, Integers
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.tasks import Context

__all__ = ["TaskRows", "TaskScores", "check_count", "listed_context", "take_context"]

# The fields of a context with one entry a row.
_ROW_COLUMNS = ("questions", "options", "images", "masks")


@dataclass(frozen=True, slots=True)
class TaskRows:
    """All rows of one task: what was written, what is right, and what else belongs to each row."""

    responses: list[str]
    references: list[str]
    context: Context

    def take(self, rows: Integers) -> TaskRows:
        """Return these rows, in this order."""
        places: list[int] = rows.tolist()
        if len(places) < 2:
            responses, references = ([texts[place] for place in places] for texts in (self.responses, self.references))
        else:
            pick = itemgetter(*places)
            responses, references = list(pick(self.responses)), list(pick(self.references))
        return TaskRows(responses, references, take_context(self.context, rows))

    def slice(self, place: slice) -> TaskRows:
        """Return the rows of a slice."""
        if place == slice(0, len(self)):
            return self
        columns = {name: values[place] for name, values in _row_columns(self.context).items()}
        context = replace(self.context, **columns) if columns else self.context
        return TaskRows(self.responses[place], self.references[place], context)

    def __len__(self) -> int:
        return len(self.responses)


class TaskScores:
    """Scores of the rows of one task, 0 until they are filled.

    Attributes:
        accuracy: ``[N]``.
        structure: ``[N]``.
        parts: ``[N]`` each, by name.
        failures: Codes by row.
        format_faults: Codes by row.
        repairs: Codes by row.
        bad_references: What is wrong with a reference, by row.
    """

    def __init__(
        self,
        count: int,
        failures: dict[int, FailureCode],
        format_faults: dict[int, FailureCode],
        bad_references: dict[int, str],
    ) -> None:
        self.accuracy: Floats = np.zeros(count)
        self.structure: Floats = np.zeros(count)
        self.parts: dict[str, Floats] = {}
        self.failures = failures
        self.format_faults = format_faults
        self.repairs: dict[int, tuple[RepairCode, ...]] = {}
        self.bad_references = bad_references

    def fill(self, rows: Integers, accuracy: Floats, parts: Mapping[str, Floats]) -> None:
        """Set what a formula gave for ``rows``, which are in order."""
        # Nearly always it is all rows: then what a formula gave is taken as it is.
        everything = len(rows) == len(self.accuracy)
        self.accuracy = self._filled(rows, accuracy, everything)
        for name, values in parts.items():
            self.parts[name] = self._filled(rows, values, everything)

    def _filled(self, rows: Integers, values: Floats, everything: bool) -> Floats:
        if everything:
            return np.asarray(values, dtype=np.float64)
        column = np.zeros(len(self.accuracy))
        column[rows] = values
        return column


def take_context(context: Context, rows: Integers) -> Context:
    """Return the context of these rows."""
    columns = _row_columns(context)
    if not columns:
        return context
    places: list[int] = rows.tolist()
    return replace(context, **{name: [values[place] for place in places] for name, values in columns.items()})


def check_count(name: str, values: Sequence[Any], count: int) -> None:
    """Raise an `ArgumentError` where a column has not as many rows as there are responses."""
    if len(values) != count:
        raise ArgumentError(f"{name} has {len(values)} rows, responses has {count}")


def listed_context(context: Context, count: int) -> Context:
    """Return a context whose columns are lists: a table's own columns may find rows by other names than their places.

    Raises:
        ArgumentError: If a column has not ``count`` rows, or the options of a row are no list of texts.
    """
    columns = {name: as_list(name, values) for name, values in _row_columns(context).items()}
    for name, values in columns.items():
        check_count(name, values, count)
    if "options" in columns:
        columns["options"] = [option_texts(value, row) for row, value in enumerate(columns["options"])]
    return replace(context, **columns) if columns else context


def _row_columns(context: Context) -> dict[str, Sequence[Any]]:
    return {name: values for name in _ROW_COLUMNS if (values := getattr(context, name)) is not None}
