"""The rows of OneThinker's data sets, those to train on and those to evaluate on, as one pydantic model.

Rows to train on list ``images`` and ``videos`` and call the reference ``answer``. Rows to evaluate on have one
``path``, with ``video-image`` an image in ``additional_path`` too, and call the reference ``solution``. Rows to
fine-tune on carry the teacher's text, as ``response`` or as the last of ``messages``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from onethinker_rewards.trainer.data.faults import BadRowError, Fault

__all__ = ["Message", "Question", "Resolution", "read_row"]

# The first that is there counts, as for ``score``.
_REFERENCES = ("reference", "solution", "answer", "ground_truth")
_LONGEST = 60


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


Text = Annotated[str, AfterValidator(_writable)]
FilledText = Annotated[str, StringConstraints(min_length=1), AfterValidator(_writable)]
Path = Annotated[FilledText, AfterValidator(_usable)]
Frames = Annotated[list[Path], Field(min_length=1)]
Number = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Columns(BaseModel):
    # Data sets have more columns than anyone knows; what is known has its type.
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
    """One row, whichever of the files it is from.

    Attributes:
        problem: The question, with ``<image>`` and ``<video>`` where it has them.
        problem_type: The data set's name of the task, or ours.
        reference: What is right, also called ``solution``, ``answer`` or ``ground_truth``.
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

    problem: FilledText | None = None
    problem_type: Text | None = None
    reference: Text | None = None
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
    segmentation_output: dict[str, Any] | list[Any] | Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_shape(cls, columns: Any) -> Any:
        """Bring the spellings of the files to one; what is null is not there."""
        if not isinstance(columns, Mapping):
            return columns
        row = {name: value for name, value in columns.items() if value is not None}
        for name in _REFERENCES:
            if name in row:
                row["reference"] = row[name]
                break
        if isinstance(row.get("data_type"), str):
            row["data_type"] = row["data_type"].strip().lower()
        return _with_path(row) if "path" in row else row

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


def read_row(columns: Mapping[str, Any]) -> Question:
    """Check the columns of a row.

    Raises:
        BadRowError: Naming the first column that is missing or of another type.
    """
    try:
        return Question.model_validate(columns)
    except ValidationError as error:
        raise BadRowError(Fault.COLUMNS, _first(error)) from None


def _with_path(row: dict[str, Any]) -> dict[str, Any]:
    path, image = row["path"], row.get("additional_path", [])
    if "data_type" not in row:
        raise ValueError("path needs a data_type")
    if row["data_type"] == "image":
        return row | {"images": _listed(path)}
    return row | {"videos": [path], "images": _listed(image)}


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in found["loc"])
    shown = repr(found["input"])
    shown = shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "…"
    said = found["msg"].removeprefix("Value error, ")
    return f"{place}: {said}, not {shown}" if place else said
