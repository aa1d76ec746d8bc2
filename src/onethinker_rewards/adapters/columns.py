"""Which column of a data set holds what, for every framework and the command line."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from onethinker_rewards._validation import image_size, option_texts
from onethinker_rewards.answers import Size
from onethinker_rewards.errors import ArgumentError, UnknownTaskError
from onethinker_rewards.rewards import AnyOf
from onethinker_rewards.tasks import TaskSpec, task_name

# One row of a data set, and N rows of it: values by the column's name.
Row: TypeAlias = Mapping[str, object]
Table: TypeAlias = Mapping[str, Sequence[object]]
# A column's name, or several names: in each row the first filled one counts.
Names: TypeAlias = str | tuple[str, ...]
_SHOWN = 5


class MissingColumnError(ArgumentError):
    """A required column is missing; the message has its possible names and the names of the existing columns."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What scoring needs in addition to the responses, one entry a row; None where no row has any."""

    references: list[Any]
    tasks: list[str]
    questions: list[str | None] | None = None
    options: list[list[str] | None] | None = None
    images: list[object] | None = None
    masks: list[object] | None = None
    tokens: Sequence[Any] | None = None
    sizes: list[Size | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Names of the columns of a data set; the defaults are the names that OneThinker's data and ours use.

    A field is one name, or a tuple of names: then in each row the first that exists and is filled counts (None, NaN and
    empty lists are not filled). ``task`` and ``reference`` are required. The others are optional if they are tuples;
    a column that is named by a single string is required.

    A name with a dot, such as ``reward_model.ground_truth``, is an entry of an object.

    Attributes:
        response: The model's response, in a file of them; trainers give responses apart.
        task: The task, in any spelling that `onethinker_rewards.task_name` takes.
        data_type: ``image`` or ``video``; distinguishes the two kinds of segmentation.
        reference: The reference answer, with or without answer tags, or the object itself.
        references: A list of references, of which the best counts; it goes before ``reference`` in rows that have one,
            unless ``reference`` alone is named by a single string.
        options: The options' texts of a multiple-choice question.
        question: The question's text, for a judge.
        images: Images, for a segmenter.
        masks: Reference masks of the segmentation tasks, for a recipe that draws masks.
        group: A value that responses to the same prompt share, for advantages and for formulas that compare responses.
        source: The data set that a row comes from: problem numbers are unique only within one source.
        tokens: The token ids of the response, or only how many there are, for a recipe with penalties.
        size: Width and height in pixels of the image as the model saw it, for answers in pixels: a list of the two, or
            an object with ``width`` and ``height``. A value that is neither is not filled, unless the column is named
            by a single string; then it is an error.
        width: The width alone, where no column has both.
        height: The height alone.

    >>> inputs = Columns(reference="gold").take({"gold": ["B"], "problem_type": ["multiple choice"]}, rows=1)
    >>> inputs.references, inputs.tasks
    (['B'], ['multiple_choice'])
    """

    response: Names = ("response", "output", "completion", "prediction")
    task: Names = ("task", "problem_type", "extra_info.task")
    data_type: Names = ("data_type", "extra_info.data_type")
    reference: Names = ("reference", "solution", "answer", "ground_truth", "reward_model.ground_truth")
    references: Names = ("references",)
    options: Names = ("options", "extra_info.options")
    question: Names = ("question", "problem", "extra_info.question")
    images: Names = ("images", "image", "videos", "video")
    masks: Names = ("masks", "mask")
    group: Names = ("group", "uid", "problem_id")
    source: Names = ("data_source",)
    tokens: Names = ("completion_ids", "response_token_ids", "response_length")
    size: Names = ("size", "image_size", "extra_info.size")
    width: Names = ("width", "image_width", "extra_info.width")
    height: Names = ("height", "image_height", "extra_info.height")

    def take(self, columns: Table, *, rows: int, table: Mapping[str, TaskSpec] | None = None) -> Inputs:
        """Return what scoring needs from columns of ``rows`` values each.

        Raises:
            MissingColumnError: If a required column is missing.
            ArgumentError: If a column has another length, or a value another type; it names the column and the rows.
            UnknownTaskError: Naming all rows whose task is unknown.
        """
        tasks = self.tasks(columns, rows=rows, table=table)
        options = self._optional("options", columns, rows)
        questions = self._optional("question", columns, rows)
        return Inputs(
            references=self._references(columns, rows),
            tasks=tasks,
            questions=None if questions is None else _texts_or_none("question", questions),
            options=None if options is None else [option_texts(value, row) for row, value in enumerate(options)],
            images=self._optional("images", columns, rows),
            masks=self._optional("masks", columns, rows),
            tokens=self._tokens(columns),
            sizes=self.sizes(columns, rows=rows),
        )

    def value(self, field: str, row: Row) -> object:
        """Return what one row holds for a field; None if nothing."""
        return next((value for name in self._names(field) if not _is_empty(value := _entry(row, name))), None)

    def sizes(self, columns: Table, *, rows: int) -> list[Size | None] | None:
        """Return width and height of each row's image, from one column or from two; None where no row has them.

        Raises:
            MissingColumnError: If a column is named by a single string and is missing.
            ArgumentError: If such a column holds something else, or a column has another length.
        """
        given = [self._optional(field, columns, rows) or [None] * rows for field in ("size", "width", "height")]
        is_named = any(isinstance(getattr(self, field), str) for field in ("size", "width", "height"))
        sizes = [
            _size(both, row, strict=is_named) or _size([width, height], row, strict=is_named)
            for row, (both, width, height) in enumerate(zip(*given, strict=True))
        ]
        return None if all(size is None for size in sizes) else sizes

    def tasks(self, columns: Table, *, rows: int, table: Mapping[str, TaskSpec] | None = None) -> list[str]:
        """Return our name of each row's task; raises what `take` raises about tasks."""
        return _task_names(self._texts("task", columns, rows), self._optional("data_type", columns, rows), table)

    def rows_of(
        self,
        tasks: Collection[str],
        columns: Table,
        *,
        rows: int,
        table: Mapping[str, TaskSpec] | None = None,
    ) -> list[int]:
        """Return the rows of these tasks; a row without a label, or with the label of an unknown task, is left out.

        Raises:
            MissingColumnError: If no column holds the task.
            ArgumentError: If a column has another length.
        """
        labels = self._required("task", columns, rows)
        kinds = self._optional("data_type", columns, rows) or [None] * rows
        return [row for row in range(rows) if _task_or_none(labels[row], kinds[row], table) in tasks]

    def groups(self, columns: Table, *, rows: int) -> list[Hashable]:
        """Return each row's group: its value, together with its source if the data set has sources.

        Raises:
            MissingColumnError: If no column holds the group.
            ArgumentError: If a column has another length or a row has no group.
        """
        values = [cast("Hashable", value) for value in _filled("group", self._required("group", columns, rows))]
        sources = self._optional("source", columns, rows)
        return values if sources is None else list(zip(sources, values, strict=True))

    def groups_or_none(self, columns: Table, *, rows: int) -> list[Hashable] | None:
        """Return what `groups` returns; None where the column is optional and is missing, or has rows without an id."""
        if not isinstance(self.group, str):
            values = self._optional("group", columns, rows) or [None]
            if not all(value is not None and isinstance(value, Hashable) for value in values):
                return None
        return self.groups(columns, rows=rows)

    @property
    def takes_references(self) -> bool:
        """Whether a list of references goes before a single one."""
        return not isinstance(self.reference, str) or isinstance(self.references, str)

    def _references(self, columns: Table, rows: int) -> list[object]:
        """Return each row's reference: any of several, or the only one."""
        several = self._optional("references", columns, rows) if self.takes_references else None
        if several is None:
            return _filled("reference", self._required("reference", columns, rows))
        for row, value in enumerate(several):
            if isinstance(value, str | Mapping):
                raise ArgumentError(f"references: expected a list, got {type(value).__name__} in row {row}")
        single = self._optional("reference", columns, rows) or [None] * rows
        pairs = zip(cast("list[Any]", several), single, strict=True)
        return _filled("reference", [only if any_of is None else AnyOf(any_of) for any_of, only in pairs])

    def _tokens(self, columns: Table) -> Sequence[Any] | None:
        """Return the first column of tokens as it is: a response without tokens is no missing value."""
        names = self._names("tokens")
        return next((_column(columns, name) for name in names if _exists(columns, name)), None)

    def _texts(self, field: str, columns: Table, rows: int) -> list[str]:
        values = _texts_or_none(field, _filled(field, self._required(field, columns, rows)))
        return [value for value in values if value is not None]

    def _required(self, field: str, columns: Table, rows: int) -> list[object]:
        names = self._names(field)
        present = {name: _column(columns, name) for name in names if _exists(columns, name)}
        if not present:
            wanted = " or ".join(map(repr, names))
            there = ", ".join(map(repr, columns)) or "none"
            raise MissingColumnError(f"no column {wanted} for the {field}; there are: {there}")
        return _first_filled(present, rows)

    def _optional(self, field: str, columns: Table, rows: int) -> list[object] | None:
        optional = not isinstance(getattr(self, field), str)
        if optional and not any(_exists(columns, name) for name in self._names(field)):
            return None
        values = self._required(field, columns, rows)
        return None if all(value is None for value in values) else values

    def _names(self, field: str) -> tuple[str, ...]:
        names: Names = getattr(self, field)
        return (names,) if isinstance(names, str) else names


def columns_of(rows: Sequence[Row]) -> dict[str, list[object]]:
    """Return the columns of rows: every key that any row has, None where a row lacks it."""
    return {key: [row.get(key) for row in rows] for key in dict.fromkeys(key for row in rows for key in row)}


def _exists(columns: Mapping[str, object], name: str) -> bool:
    return name in columns or name.partition(".")[0] in columns


def _column(columns: Table, name: str) -> Sequence[object]:
    if name in columns:
        return columns[name]
    column = name.partition(".")[0]
    return [_entry({column: value}, name) for value in columns[column]]


def _entry(row: Row, name: str) -> object:
    """Return a row's value of a column, or of an entry of an object; None if there is none."""
    if name in row:
        return row[name]
    column, _, key = name.partition(".")
    value = row.get(column)
    return cast("Row", value).get(key) if key and isinstance(value, Mapping) else None


def _first_filled(columns: Table, rows: int) -> list[object]:
    for name, values in columns.items():
        if isinstance(values, str):
            raise ArgumentError(f"column {name!r} is one str; give one value a row")
        if len(values) != rows:
            raise ArgumentError(f"column {name!r} has {len(values)} rows, responses has {rows}")
    return [
        next((value for value in values if not _is_empty(value)), None)
        for values in zip(*columns.values(), strict=True)
    ]


def _is_empty(value: object) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    # In tables read from Parquet an empty list is an array without elements.
    return value is None or (isinstance(value, list | tuple) and not value) or getattr(value, "shape", None) == (0,)


def _size(value: object, row: int, *, strict: bool) -> Size | None:
    """Return a size; a column that only happens to have its name, such as the bytes of a file, holds none."""
    if isinstance(value, Mapping):
        value = [cast("Row", value).get(name) for name in ("width", "height")]
    if isinstance(value, list) and all(number is None for number in cast("list[object]", value)):
        return None
    try:
        return image_size(value, row)
    except ArgumentError:
        if strict:
            raise
        return None


def _filled(field: str, values: list[object]) -> list[object]:
    empty = [row for row, value in enumerate(values) if value is None]
    if empty:
        raise ArgumentError(f"no {field} in {rows_text(empty)}")
    return values


def _texts_or_none(field: str, values: list[object]) -> list[str | None]:
    texts = [value for value in values if value is None or isinstance(value, str)]
    if len(texts) < len(values):
        wrong = [row for row, value in enumerate(values) if value is not None and not isinstance(value, str)]
        raise ArgumentError(f"{field}: expected str, got {type(values[wrong[0]]).__name__} in {rows_text(wrong)}")
    return texts


def rows_text(rows: Sequence[int]) -> str:
    """Return the first of these rows, and how many more there are, for an error."""
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows[:_SHOWN]))}{more}"


def _task_or_none(label: object, kind: object, table: Mapping[str, TaskSpec] | None) -> str | None:
    if not isinstance(label, str):
        return None
    try:
        return task_name(label, kind if isinstance(kind, str) else None, table=table)
    except UnknownTaskError:
        return None


def _task_names(labels: list[str], data_types: list[object] | None, table: Mapping[str, TaskSpec] | None) -> list[str]:
    kinds = [kind if isinstance(kind, str) else None for kind in data_types or [None] * len(labels)]
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
