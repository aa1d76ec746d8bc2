"""One row of a data set to one row of verl."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from onethinker_rewards.adapters import Columns
from onethinker_rewards.answers import OptionLetter, bare_reference, find_answer
from onethinker_rewards.errors import BadReferenceError, UnknownTaskError
from onethinker_rewards.rewards import parse, parse_reference
from onethinker_rewards.tasks import TASKS, TaskSpec, prompt, task_name
from onethinker_rewards.trainer.data.media import MediaRules
from onethinker_rewards.trainer.data.rows import Fault, InvalidRowError, Message, Question, missing_columns, read_row

Stage = Literal["rl", "sft"]

_PLACEHOLDERS = ("<video>", "<image>")
# verl would put a sound in place of the first and stop, because there is no sound; for Qwen's processor the others mark
# images and videos.
_FOREIGN_PLACEHOLDERS = ("<audio>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
_CLOSE_ANSWER = "</answer>"
_LETTERS = 26
_DIGEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How rows are read and written.

    Attributes:
        stage: For reinforcement learning, or for fine-tuning on a teacher's responses.
        media: Where images and videos are, and how large the model may see them.
        columns: Which column holds what.
        task: The task of all rows; None if a column says it.
    """

    stage: Stage = "rl"
    media: MediaRules = field(default_factory=MediaRules)
    columns: Columns = field(default_factory=Columns)
    task: str | None = None


def verl_row(
    columns: Mapping[str, object], number: int, rules: Rules, table: Mapping[str, TaskSpec] = TASKS
) -> dict[str, Any]:
    """Return a row in the columns of `schema_of`.

    Args:
        columns: A row to train, to fine-tune or to evaluate on.
        number: Its number in the file, from 1.
        rules: How it is read and written.
        table: The tasks.

    Raises:
        InvalidRowError: If it cannot be trained on, with the kind and the reason.
    """
    row = read_row(columns, rules.columns, rules.task)
    if rules.stage == "rl":
        needed = {"question": row.question, "task": row.task, "reference": row.reference}
        if missing := [name for name, value in needed.items() if value is None]:
            raise missing_columns(columns, rules.columns, missing)
    task = _task(row, table)
    is_rl = rules.stage == "rl"
    own = _rl_columns(row, task or "", table) if is_rl else _sft_columns(row, task, columns, rules, table)
    return {
        "data_source": row.data_source,
        **own,
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
            "width": None if row.resolution is None else row.resolution.width,
            "height": None if row.resolution is None else row.resolution.height,
            "fps": row.fps,
            "segmentation": _json_text(row.segmentation_output),
        },
    }


def schema_of(rules: Rules) -> Any:
    """Return the Arrow schema of the rows that `verl_row` gives under these rules; needs pyarrow.

    It is the same for every row group of every file of one kind.
    """
    import pyarrow as pa  # noqa: PLC0415 - an extra

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


def _task(row: Question, table: Mapping[str, TaskSpec]) -> str | None:
    try:
        return None if row.task is None else task_name(row.task, row.data_type, table=table)
    except UnknownTaskError as error:
        raise InvalidRowError(Fault.TASK, error.reasons[0]) from None


def _rl_columns(row: Question, task: str, table: Mapping[str, TaskSpec]) -> dict[str, Any]:
    reference = row.reference or ""
    try:
        right = parse_reference(reference, task, table=table)
    except BadReferenceError as error:
        raise InvalidRowError(Fault.REFERENCE, f"unreadable reference: {error.reasons[0]}") from None
    if isinstance(right, OptionLetter) and not _is_offered(right.root, row.options):
        reason = f"the answer is {right.root}, and there are {len(row.options)} options"
        raise InvalidRowError(Fault.REFERENCE, reason)
    return {
        "prompt": [{"role": "user", "content": _prompt(row, row.question or "", task, table)}],
        "ability": task,
        "reward_model": _reward_model(reference),
    }


def _sft_columns(
    row: Question, task: str | None, columns: Mapping[str, object], rules: Rules, table: Mapping[str, TaskSpec]
) -> dict[str, Any]:
    last = row.messages[-1] if row.messages else None
    response = row.response
    if response is None and last is not None and last.role == "assistant":
        response = last.content
    if response is None:
        raise missing_columns(columns, rules.columns, ["response"])
    text = _response(response, task, table)
    before = [{"role": message.role, "content": message.content} for message in _messages_before(row, task, table)]
    return {
        "messages": [*before, {"role": "assistant", "content": text}],
        "response": text,
        "reward_model": None if row.reference is None else _reward_model(row.reference),
    }


def _reward_model(reference: str) -> dict[str, str]:
    return {"style": "rule", "ground_truth": bare_reference(reference)}


def _is_offered(letter: str, options: list[str]) -> bool:
    """Tell whether a letter names an option by its index, or begins one; without options the question may list them."""
    begins = any(option.lstrip(" (").casefold().startswith(letter.casefold()) for option in options)
    return not options or begins or ord(letter) - ord("A") < len(options)


def _prompt(row: Question, question: str, task: str, table: Mapping[str, TaskSpec]) -> str:
    # As in the data set: other tasks have options that are not meant to be shown.
    options = row.options if task == "multiple_choice" else []
    if len(options) > _LETTERS:
        raise InvalidRowError(Fault.COLUMNS, f"options: {len(options)} are more than there are letters")
    shown = all(option in question for option in options)
    return _with_placeholders(row, prompt(task, question, None if shown else options, table=table))


def _with_placeholders(row: Question, text: str) -> str:
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


def _messages_before(row: Question, task: str | None, table: Mapping[str, TaskSpec]) -> list[Message]:
    """Return what comes before the response: the question in our template, or the conversation as it is."""
    if row.question is not None and task is not None:
        return [Message(role="user", content=_prompt(row, row.question, task, table))]
    before = (row.messages or [])[:-1]
    if [message.role for message in before if message.role != "system"] != ["user"]:
        raise InvalidRowError(Fault.COLUMNS, "neither question and task, nor messages with one question and answer")
    *system, question = before
    if any(placeholder in message.content for message in system for placeholder in _PLACEHOLDERS):
        raise InvalidRowError(Fault.PLACEHOLDERS, "a placeholder in a system message")
    return [*system, Message(role="user", content=_with_placeholders(row, question.content))]


def _response(text: str, task: str | None, table: Mapping[str, TaskSpec]) -> str:
    """Return the teacher's text up to its end, without end tokens."""
    if any(placeholder in text for placeholder in (*_PLACEHOLDERS, *_FOREIGN_PLACEHOLDERS)):
        raise InvalidRowError(Fault.PLACEHOLDERS, "a placeholder in the response")
    found = parse(text, task, table=table) if task is not None else find_answer(text)
    code = found.failure or found.format_fault
    if code is not None:
        raise InvalidRowError(Fault.RESPONSE, f"{code}: {code.meaning}")
    return text[: text.rfind(_CLOSE_ANSWER) + len(_CLOSE_ANSWER)].strip()


def _group(row: Question, number: int) -> str:
    """Return a name that no other row has: problem ids are not unique, and neither are rows in a file."""
    content = [row.data_source, row.question, row.reference, row.response, row.images, row.videos]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:_DIGEST]
    return f"{row.data_source}/{row.problem_id}/{number}-{digest}"


def _json_text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
