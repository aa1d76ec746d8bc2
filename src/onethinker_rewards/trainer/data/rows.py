"""Rows of data sets to train, to fine-tune or to evaluate on, as one pydantic model.

Rows to train on list ``images`` and ``videos``. Rows to evaluate on, and all rows of Video-R1, have one ``path``, and
with ``video-image`` an image in ``additional_path``. Rows to fine-tune on have the teacher's text as ``response``, as
the last of ``messages``, or, in Video-R1, as ``process`` and ``solution``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum, unique
from typing import Annotated, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from onethinker_rewards.adapters import Columns
from onethinker_rewards.adapters.columns import without_null_entries

# What rows call by several names.
_FIELDS = ("question", "task", "data_type", "reference", "options", "response")
_LONGEST_QUOTE = 60
_NAMED = 8


@unique
class Fault(StrEnum):
    """The kinds of invalid rows, as they are counted."""

    NOT_JSON = "not_json"
    COLUMNS = "columns"
    TASK = "task"
    REFERENCE = "reference"
    PLACEHOLDERS = "placeholders"
    MEDIA = "media"
    RESPONSE = "response"
    ENDPOINT = "endpoint"


class InvalidRowError(ValueError):
    """A row that cannot be used.

    Attributes:
        fault: The kind.
        reason: Why, in one line.
    """

    def __init__(self, fault: Fault, reason: str) -> None:
        self.fault, self.reason = fault, reason
        super().__init__(fault, reason)

    def __str__(self) -> str:
        return self.reason


def _writable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"has half a character (a lone surrogate) at {error.start}") from None
    return text


def _usable(path: str) -> str:
    if "\0" in path:
        raise ValueError("has a zero character")
    return path


def _as_text(reference: object) -> object:
    """Return a reference that is an object, a list or a number as JSON text."""
    if isinstance(reference, dict | list | int | float) and not isinstance(reference, bool):
        return json.dumps(without_null_entries(reference), ensure_ascii=False, allow_nan=False, default=str)
    return reference


Text = Annotated[str, AfterValidator(_writable)]
FilledText = Annotated[str, StringConstraints(min_length=1), AfterValidator(_writable)]
Path = Annotated[FilledText, AfterValidator(_usable)]
Frames = Annotated[list[Path], Field(min_length=1)]
Number = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Columns(BaseModel):
    # Data sets have more columns than anyone knows; known ones have their type.
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Message(_Columns):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: Text


class Resolution(_Columns):
    """Of the image or video, in pixels."""

    width: Number
    height: Number


class Question(_Columns):
    """One row, whichever data set it is from.

    Attributes:
        question: The question, with ``<image>`` and ``<video>`` where it has them.
        task: The data set's name of the task, or ours.
        reference: What is right; an object, a list or a number as JSON text.
        problem_id: Not unique across sources.
        data_source: Where the row is from.
        data_type: What there is to see.
        options: Texts of the options of a multiple-choice question.
        images: Paths.
        videos: Paths of files or of folders of frames, or lists of the paths of frames.
        response: The teacher's text, to fine-tune on.
        messages: A conversation that ends with it.
        resolution, fps, segmentation_output: Of rows to evaluate on.
    """

    question: FilledText | None = None
    task: Text | None = None
    reference: Annotated[Text | None, BeforeValidator(_as_text)] = None
    problem_id: int | Text | None = None
    data_source: Text = "onethinker"
    data_type: Literal["image", "video", "video-image", "text"] | None = None
    options: list[Text] = Field(default_factory=list[str])
    images: list[Path] = Field(default_factory=list[str])
    videos: list[Path | Frames] = Field(default_factory=list[str | list[str]])
    response: Text | None = None
    messages: list[Message] | None = None
    resolution: Resolution | None = None
    fps: Number | None = None
    segmentation_output: dict[str, object] | list[object] | Text | None = None

    @model_validator(mode="after")
    def _has_what_it_says(self) -> Question:
        wanted = {
            None: (None, None),
            "text": (False, False),
            "image": (True, False),
            "video": (False, True),
            "video-image": (True, True),
        }[self.data_type]
        for name, found, needed in zip(("images", "videos"), (self.images, self.videos), wanted, strict=True):
            if needed is not None and bool(found) is not needed:
                raise ValueError(f"data_type is {self.data_type}, and there are {len(found)} {name}")
        return self


def read_row(columns: Mapping[str, object], names: Columns | None = None, task: str | None = None) -> Question:
    """Check the columns of a row; null is the same as missing.

    Args:
        columns: The row.
        names: Which column holds what.
        task: The task of all rows, whatever the columns say.

    Raises:
        InvalidRowError: Naming the first column of another type, and what it holds.
    """
    names = names or Columns()
    row = {name: value for name, value in columns.items() if value is not None and name not in _FIELDS}
    row |= {field: value for field in _FIELDS if (value := names.value(field, columns)) is not None}
    row |= {} if task is None else {"task": task}
    if isinstance(data_type := row.get("data_type"), str):
        row["data_type"] = data_type.strip().lower()
    process, solution = row.get("process"), row.get("solution")
    if "response" not in row and isinstance(process, str) and isinstance(solution, str):
        # Source: Video-R1's released code for fine-tuning.
        row["response"] = f"{process}\n{solution}"
    try:
        return Question.model_validate(_with_path(row) if "path" in row else row)
    except ValidationError as error:
        raise InvalidRowError(Fault.COLUMNS, _first_error(error, names, columns)) from None


def missing_columns(columns: Mapping[str, object], names: Columns, fields: Sequence[str]) -> InvalidRowError:
    """Return the error that names all columns that a row lacks, and some of those that it has."""
    usual = {field: [repr(name) for name in _names(names, field) if "." not in name] for field in fields}
    lacking = ", ".join(f"no column {' or '.join(named)} for the {field}" for field, named in usual.items())
    present = [repr(name) for name, value in columns.items() if value is not None]
    more = f", and {len(present) - _NAMED:,} more" if len(present) > _NAMED else ""
    return InvalidRowError(Fault.COLUMNS, f"{lacking}; there are: {', '.join(present[:_NAMED]) or 'none'}{more}")


def _with_path(row: dict[str, object]) -> dict[str, object]:
    path, image = row["path"], row.get("additional_path", [])
    if "data_type" not in row:
        raise InvalidRowError(Fault.COLUMNS, "path needs a data_type")
    if row["data_type"] == "image":
        return row | {"images": _listed(path)}
    return row | {"videos": [path], "images": _listed(image)}


def _listed(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _first_error(error: ValidationError, names: Columns, columns: Mapping[str, object]) -> str:
    found = error.errors(include_url=False, include_context=False)[0]
    message = found["msg"].removeprefix("Value error, ")
    if not found["loc"]:
        return message
    field, *inside = map(str, found["loc"])
    column = _column(names, field, columns) if field in _FIELDS else field
    quote = repr(found["input"])
    quote = quote if len(quote) <= _LONGEST_QUOTE else quote[:_LONGEST_QUOTE] + "…"
    return f"{'.'.join([column, *inside])}: {message}, not {quote}"


def _column(names: Columns, field: str, columns: Mapping[str, object]) -> str:
    """Return the name of the column that a field was taken from."""
    filled = (
        name for name in _names(names, field) if replace(names, **{field: name}).value(field, columns) is not None
    )
    return next(filled, field)


def _names(names: Columns, field: str) -> tuple[str, ...]:
    found: str | tuple[str, ...] = getattr(names, field)
    return (found,) if isinstance(found, str) else found
