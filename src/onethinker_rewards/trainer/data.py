"""From a row of a data set to a row that verl trains on.

Rows to train on list ``images`` and ``videos``. Rows to evaluate on, and all rows of Video-R1, have one ``path``, and
with ``video-image`` an image in ``additional_path``. Rows to fine-tune on have the teacher's text as ``response``, as
the last of ``messages``, or, in Video-R1, as ``process`` and ``solution``.
"""

from __future__ import annotations

import hashlib
import json
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from onethinker_rewards.adapters import Columns
from onethinker_rewards.answers import (
    DIALECTS,
    END_TOKENS,
    AnyDialect,
    OptionLetter,
    Size,
    bare_reference,
    find_answer,
    find_dialect,
    resized,
)
from onethinker_rewards.errors import ArgumentError, BadReferenceError, UnknownTaskError
from onethinker_rewards.rewards import Recipe, parse, parse_reference, reference_text
from onethinker_rewards.tasks import TASKS, TaskSpec, prompt, task_name
from onethinker_rewards.trainer.media import MediaError, MediaRules

Stage: TypeAlias = Literal["rl", "sft"]
Tasks: TypeAlias = Mapping[str, TaskSpec]

# What rows call by several names.
_FIELDS = ("question", "task", "data_type", "reference", "options", "response")
_NAMED = 8
_PLACEHOLDERS = ("<video>", "<image>")
# verl would put a sound in place of the first and stop, because there is no sound; for Qwen's processor the others mark
# images and videos.
_FOREIGN_PLACEHOLDERS = ("<audio>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
_LETTERS = 26
_DIGEST = 12


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
    """A row that cannot be used: the kind of its fault, and the reason in one line."""

    def __init__(self, fault: Fault, reason: str) -> None:
        self.fault, self.reason = fault, reason
        super().__init__(fault, reason)

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How rows are read and written.

    Attributes:
        stage: For reinforcement learning, or for fine-tuning on a teacher's responses.
        media: Where images and videos are, and how large the model may see them.
        columns: Which column holds what.
        task: The task of all rows; None if a column says it.
        end_tokens: Tokens that a response may end with; they are taken off.
        dialect: How the model writes boxes, points and times: what prompts ask for, and responses are checked for.
        reference_dialect: How references write them.
    """

    stage: Stage = "rl"
    media: MediaRules = field(default_factory=MediaRules)
    columns: Columns = field(default_factory=Columns)
    task: str | None = None
    end_tokens: tuple[str, ...] = END_TOKENS
    dialect: AnyDialect = "onethinker"
    reference_dialect: AnyDialect = "onethinker"


def _writable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"has half a character (a lone surrogate) at {error.start}") from None
    return text


def _as_text(reference: object) -> object:
    """Return a reference that is an object, a list or a number as JSON text."""
    if isinstance(reference, dict | list | int | float) and not isinstance(reference, bool):
        return reference_text(reference)
    return reference


Text = Annotated[str, AfterValidator(_writable)]
FilledText = Annotated[str, Field(min_length=1), AfterValidator(_writable)]
Frames = Annotated[list[FilledText], Field(min_length=1)]
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


class DatasetRow(_Columns):
    """One row, whichever data set it is from.

    A question has ``<image>`` and ``<video>`` where it shows them; a reference that is an object, a list or a number is
    JSON text; videos are paths of files or of folders of frames, or lists of the paths of frames.
    """

    question: FilledText | None = None
    task: Text | None = None
    reference: Annotated[Text | None, BeforeValidator(_as_text)] = None
    problem_id: int | Text | None = None
    data_source: Text = "onethinker"
    data_type: Literal["image", "video", "video-image", "text"] | None = None
    options: list[Text] = Field(default_factory=list[str])
    images: list[FilledText] = Field(default_factory=list[str])
    videos: list[FilledText | Frames] = Field(default_factory=list[str | list[str]])
    response: Text | None = None
    messages: list[Message] | None = None
    resolution: Resolution | None = None
    fps: Number | None = None
    segmentation_output: dict[str, object] | list[object] | Text | None = None

    @model_validator(mode="after")
    def _has_what_it_says(self) -> DatasetRow:
        kinds = () if self.data_type is None else self.data_type.split("-")
        for kind, found in (("image", self.images), ("video", self.videos)):
            if kinds and bool(found) is not (kind in kinds):
                raise ValueError(f"data_type is {self.data_type}, and there are {len(found)} {kind}s")
        return self


def read_row(columns: Mapping[str, object], names: Columns | None = None, task: str | None = None) -> DatasetRow:
    """Check the columns of a row, in which null is the same as missing; ``task`` is that of all rows.

    Raises:
        InvalidRowError: Naming the first column of another type, and what it holds.
    """
    names = names or Columns()
    row: dict[str, Any] = {name: value for name, value in columns.items() if value is not None and name not in _FIELDS}
    row |= {field: value for field in _FIELDS if (value := names.value(field, columns)) is not None}
    row |= {} if task is None else {"task": task}
    if isinstance(data_type := row.get("data_type"), str):
        row["data_type"] = data_type.strip().lower()
    process, solution = row.get("process"), row.get("solution")
    if "response" not in row and isinstance(process, str) and isinstance(solution, str):
        # Source: Video-R1's released code for fine-tuning.
        row["response"] = f"{process}\n{solution}"
    if "path" in row:
        if "data_type" not in row:
            raise InvalidRowError(Fault.COLUMNS, "path needs a data_type")
        is_image = row["data_type"] == "image"
        images = row["path"] if is_image else row.get("additional_path", [])
        row["images"] = images if isinstance(images, list) else [images]
        row |= {} if is_image else {"videos": [row["path"]]}
    try:
        return DatasetRow.model_validate(row)
    except ValidationError as error:
        raise InvalidRowError(Fault.COLUMNS, _first_error(error, names, columns)) from None


def _first_error(error: ValidationError, names: Columns, columns: Mapping[str, object]) -> str:
    found = error.errors(include_url=False, include_context=False)[0]
    message = found["msg"].removeprefix("Value error, ")
    if not found["loc"]:
        return message
    column, *inside = map(str, found["loc"])
    if column in _FIELDS:
        # The column that the field was taken from.
        given = (name for name in _names(names, column) if columns.get(name.partition(".")[0]) is not None)
        column = next(given, column)
    return f"{'.'.join([column, *inside])}: {message}, not {reprlib.repr(found['input'])}"


def _missing_columns(columns: Mapping[str, object], names: Columns, fields: Sequence[str]) -> InvalidRowError:
    """Return the error that names all columns that a row lacks, and some of those that it has."""
    usual = {field: [repr(name) for name in _names(names, field) if "." not in name] for field in fields}
    lacking = ", ".join(f"no column {' or '.join(named)} for the {field}" for field, named in usual.items())
    present = [repr(name) for name, value in columns.items() if value is not None]
    more = f", and {len(present) - _NAMED:,} more" if len(present) > _NAMED else ""
    return InvalidRowError(Fault.COLUMNS, f"{lacking}; there are: {', '.join(present[:_NAMED]) or 'none'}{more}")


def _names(names: Columns, field: str) -> tuple[str, ...]:
    found: str | tuple[str, ...] = getattr(names, field)
    return (found,) if isinstance(found, str) else found


def verl_row(columns: Mapping[str, object], number: int, rules: Rules, table: Tasks = TASKS) -> dict[str, Any]:
    """Return a row of a data set, with its number in the file from 1, in the columns of `schema_of`.

    Raises:
        InvalidRowError: If it cannot be trained on, with the kind and the reason.
    """
    row = read_row(columns, rules.columns, rules.task)
    stage_columns = _rl_columns if rules.stage == "rl" else _sft_columns
    size, masks, seen = row.resolution, row.segmentation_output, _seen_size(row, columns, rules)
    try:
        task = None if row.task is None else task_name(row.task, row.data_type, table=table)
        return {
            "data_source": row.data_source,
            **stage_columns(row, task, columns, rules, table),
            "images": [rules.media.image(path) for path in row.images],
            "videos": [rules.media.video(path, row.fps) for path in row.videos],
            "extra_info": {
                "index": number,
                "task": task,
                "group": _group(row, number),
                "problem_id": None if row.problem_id is None else str(row.problem_id),
                "problem_type": row.task,
                "data_type": row.data_type,
                "question": row.question,
                "options": row.options,
                "width": None if size is None else size.width,
                "height": None if size is None else size.height,
                "fps": row.fps,
                "size": None if seen is None else [*seen],
                "segmentation": masks if masks is None or isinstance(masks, str) else json.dumps(masks),
            },
        }
    except UnknownTaskError as error:
        raise InvalidRowError(Fault.TASK, error.reasons[0]) from None
    except BadReferenceError as error:
        raise InvalidRowError(Fault.REFERENCE, f"unreadable reference: {error.reasons[0]}") from None
    except MediaError as error:
        raise InvalidRowError(Fault.MEDIA, str(error)) from None
    except ArgumentError as error:
        raise InvalidRowError(Fault.COLUMNS, str(error)) from None


def schema_of(rules: Rules) -> Any:
    """Return the Arrow schema of the rows that `verl_row` gives under these rules; needs pyarrow.

    It is the same for every row group of every file of one kind.
    """
    import pyarrow as pa

    text, whole, real = pa.string(), pa.int64(), pa.float64()
    messages = pa.list_(pa.struct({"role": text, "content": text}))
    reward_model = pa.struct({"style": text, "ground_truth": text})
    sizes = {"min_pixels": whole, "max_pixels": whole}
    frames = {"video": pa.list_(text), "sample_fps": real} | sizes
    file = {"video": text, "fps": real, "max_frames": whole} | sizes
    rl = {"prompt": messages, "ability": text, "reward_model": reward_model}
    sft = {"messages": messages, "response": text, "reward_model": reward_model}
    texts = ("task", "group", "problem_id", "problem_type", "data_type", "question")
    extra_info = {
        "index": whole,
        **dict.fromkeys(texts, text),
        "options": pa.list_(text),
        **dict.fromkeys(("width", "height", "fps"), real),
        "size": pa.list_(real),
        "segmentation": text,
    }
    columns = {
        "data_source": text,
        **(rl if rules.stage == "rl" else sft),
        "images": pa.list_(pa.struct({"image": text, "max_pixels": whole})),
        "videos": pa.list_(pa.struct(frames if rules.media.frames else file)),
        "extra_info": pa.struct(extra_info),
    }
    return pa.schema(columns)


def _rl_columns(
    row: DatasetRow, task: str | None, columns: Mapping[str, object], rules: Rules, table: Tasks
) -> dict[str, Any]:
    if row.question is None or task is None or row.reference is None:
        needed = {"question": row.question, "task": task, "reference": row.reference}
        raise _missing_columns(columns, rules.columns, [name for name, value in needed.items() if value is None])
    size = _seen_size(row, columns, rules)
    for given, schema in ((rules.dialect, table[task].schema), (rules.reference_dialect, table[task].references_in)):
        if size is None and find_dialect(given).needs_size(schema):
            name = find_dialect(given).name
            raise ArgumentError(
                f"the dialect {name} writes pixels: no column 'size' for the image as the model sees it"
            )
    right = parse_reference(row.reference, task, dialect=rules.reference_dialect, table=table, size=size)
    if isinstance(right, OptionLetter) and not _is_offered(right.root, row.options):
        reason = f"the answer is {right.root}, and there are {len(row.options)} options"
        raise InvalidRowError(Fault.REFERENCE, reason)
    return {
        "prompt": [{"role": "user", "content": _prompt(row, row.question, task, rules, table)}],
        "ability": task,
        "reward_model": {"style": "rule", "ground_truth": bare_reference(row.reference)},
    }


def _sft_columns(
    row: DatasetRow, task: str | None, columns: Mapping[str, object], rules: Rules, table: Tasks
) -> dict[str, Any]:
    last = row.messages[-1] if row.messages else None
    response = row.response
    if response is None and last is not None and last.role == "assistant":
        response = last.content
    if response is None:
        raise _missing_columns(columns, rules.columns, ["response"])
    text = _response(response, task, _seen_size(row, columns, rules), rules, table)
    before = [message.model_dump() for message in _messages_before(row, task, rules, table)]
    truth = None if row.reference is None else {"style": "rule", "ground_truth": bare_reference(row.reference)}
    messages = [*before, {"role": "assistant", "content": text}]
    return {"messages": messages, "response": text, "reward_model": truth}


def _seen_size(row: DatasetRow, columns: Mapping[str, object], rules: Rules) -> Size | None:
    """Return width and height of the image as the model sees it, for answers in pixels.

    The row says it, or for Qwen2.5-VL, whose processor is known, it follows from the size of an image's file.
    """
    given = {name: [value] for name, value in columns.items()}
    sizes = replace(rules.columns, width=(), height=()).sizes(given, rows=1)
    if sizes is not None:
        return sizes[0]
    in_pixels = DIALECTS["qwen2.5-vl"] in (find_dialect(rules.dialect), find_dialect(rules.reference_dialect))
    if not in_pixels or row.resolution is None or row.videos:
        return None
    return resized(round(row.resolution.width), round(row.resolution.height), max_pixels=rules.media.image_pixels)


def _is_offered(letter: str, options: list[str]) -> bool:
    """Tell whether a letter names an option by its index, or begins one; without options the question may list them."""
    begins = any(option.lstrip(" (").casefold().startswith(letter.casefold()) for option in options)
    return not options or begins or ord(letter) - ord("A") < len(options)


def _prompt(row: DatasetRow, question: str, task: str, rules: Rules, table: Tasks) -> str:
    # As in the data set: other tasks have options that are not meant to be shown.
    options = row.options if task == "multiple_choice" else []
    if len(options) > _LETTERS:
        raise InvalidRowError(Fault.COLUMNS, f"options: {len(options)} are more than there are letters")
    shown = all(option in question for option in options)
    text = prompt(task, question, None if shown else options, dialect=rules.dialect, table=table)
    return _with_placeholders(row, text)


def _with_placeholders(row: DatasetRow, text: str) -> str:
    """Return a text with a placeholder for each image and video: its own where they are, missing ones in front."""
    if foreign := next((name for name in _FOREIGN_PLACEHOLDERS if name in text), None):
        raise InvalidRowError(Fault.PLACEHOLDERS, f"{foreign} in the text would be taken for a placeholder")
    front: list[str] = []
    for placeholder, paths in zip(_PLACEHOLDERS, (row.videos, row.images), strict=True):
        missing = len(paths) - text.count(placeholder)
        if missing < 0:
            reason = f"{text.count(placeholder)} times {placeholder} in the text, and {len(paths)} there to show"
            raise InvalidRowError(Fault.PLACEHOLDERS, reason)
        front += [placeholder + "\n"] * missing
    return "".join(front) + text


def _messages_before(row: DatasetRow, task: str | None, rules: Rules, table: Tasks) -> list[Message]:
    """Return what comes before the response: the question in our template, or the conversation as it is."""
    if row.question is not None and task is not None:
        return [Message(role="user", content=_prompt(row, row.question, task, rules, table))]
    before = (row.messages or [])[:-1]
    if [message.role for message in before if message.role != "system"] != ["user"]:
        raise InvalidRowError(Fault.COLUMNS, "neither question and task, nor messages with one question and answer")
    *system, question = before
    if any(placeholder in message.content for message in system for placeholder in _PLACEHOLDERS):
        raise InvalidRowError(Fault.PLACEHOLDERS, "a placeholder in a system message")
    return [*system, Message(role="user", content=_with_placeholders(row, question.content))]


def _response(text: str, task: str | None, size: Size | None, rules: Rules, table: Tasks) -> str:
    """Return the teacher's text up to its end, without end tokens."""
    if any(placeholder in text for placeholder in (*_PLACEHOLDERS, *_FOREIGN_PLACEHOLDERS)):
        raise InvalidRowError(Fault.PLACEHOLDERS, "a placeholder in the response")
    if task is None:
        found = find_answer(text, end_tokens=rules.end_tokens)
    else:
        recipe = Recipe(end_tokens=rules.end_tokens, dialect=rules.dialect)
        found = parse(text, task, recipe=recipe, table=table, size=size)
    code = found.failure or found.format_fault
    if code is not None:
        raise InvalidRowError(Fault.RESPONSE, f"{code}: {code.meaning}")
    return text[: text.rfind("</answer>") + len("</answer>")].strip()


def _group(row: DatasetRow, number: int) -> str:
    """Return a name that no other row has: problem ids are not unique, and neither are rows in a file."""
    content = [row.data_source, row.question, row.reference, row.response, row.images, row.videos]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:_DIGEST]
    return f"{row.data_source}/{row.problem_id}/{number}-{digest}"
