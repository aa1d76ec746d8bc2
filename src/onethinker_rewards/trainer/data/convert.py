"""One row of a data set to one row of verl."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from onethinker_rewards.answers import OptionLetter, bare_reference, find_answer
from onethinker_rewards.errors import BadReferenceError, UnknownTaskError
from onethinker_rewards.rewards import parse, parse_reference
from onethinker_rewards.tasks import task_name
from onethinker_rewards.trainer.data.faults import BadRowError, Fault
from onethinker_rewards.trainer.data.media import MediaRules
from onethinker_rewards.trainer.data.prompts import PLACEHOLDERS, prompt_of, with_placeholders
from onethinker_rewards.trainer.data.rows import Message, Question, read_row

__all__ = ["Rules", "Stage", "verl_row"]

Stage = Literal["rl", "sft"]

_CLOSE_ANSWER = "</answer>"
_DIGEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How rows are written.

    Attributes:
        stage: For reinforcement learning, or for fine-tuning on a teacher's responses.
        media: Where images and videos are, and how large the model may see them.
    """

    stage: Stage = "rl"
    media: MediaRules = field(default_factory=MediaRules)


def verl_row(columns: Mapping[str, Any], number: int, rules: Rules) -> dict[str, Any]:
    """Return a row in the columns of `schema_of`.

    Args:
        columns: A row to train, to fine-tune or to evaluate on.
        number: Its number in the file, from 1.
        rules: How it is written.

    Raises:
        BadRowError: If it cannot be trained on, with the kind and the reason.
    """
    row = read_row(columns)
    task = _task(row) if rules.stage == "rl" or row.problem_type is not None else None
    own = _rl_columns(row, task) if rules.stage == "rl" and task else _sft_columns(row, task)
    return {
        "data_source": row.data_source,
        **own,
        "images": [rules.media.image(path) for path in row.images],
        "videos": [rules.media.video(path, row.fps) for path in row.videos],
        "extra_info": _extra_info(row, number, task),
    }


def _rl_columns(row: Question, task: str) -> dict[str, Any]:
    asked = prompt_of(row, _needed(row.problem, "problem"), task)
    return {
        "prompt": [{"role": "user", "content": asked}],
        "ability": task,
        "reward_model": {"style": "rule", "ground_truth": _reference(row, task)},
    }


def _sft_columns(row: Question, task: str | None) -> dict[str, Any]:
    response = _response(row, task)
    before = [{"role": one.role, "content": one.content} for one in _asked(row, task)]
    return {"messages": [*before, {"role": "assistant", "content": response}]}


def _task(row: Question) -> str:
    try:
        return task_name(_needed(row.problem_type, "problem_type"), row.data_type)
    except UnknownTaskError as error:
        raise BadRowError(Fault.TASK, str(error)) from None


def _reference(row: Question, task: str) -> str:
    reference = _needed(row.reference, "answer or solution")
    try:
        right = parse_reference(reference, task)
    except BadReferenceError as error:
        raise BadRowError(Fault.REFERENCE, f"unreadable reference: {error.reasons[0]}") from None
    if isinstance(right, OptionLetter) and not _is_offered(right.root, row.options):
        raise BadRowError(Fault.REFERENCE, f"the answer is {right.root}, and there are {len(row.options)} options")
    return bare_reference(reference)


def _is_offered(letter: str, options: list[str]) -> bool:
    """Tell whether a letter names an option by its place, or is how one begins; the question may list others."""
    begins = any(option.lstrip(" (").casefold().startswith(letter.casefold()) for option in options)
    return not options or begins or ord(letter) - ord("A") < len(options)


def _asked(row: Question, task: str | None) -> list[Message]:
    """Return what stands before the response: the question in our template, or the conversation as it is."""
    if row.problem is not None and task is not None:
        return [Message(role="user", content=prompt_of(row, row.problem, task))]
    before = (row.messages or [])[:-1]
    if [one.role for one in before if one.role != "system"] != ["user"]:
        raise BadRowError(Fault.COLUMNS, "neither problem and problem_type, nor messages with one question and answer")
    *system, question = before
    if any(placeholder in one.content for one in system for placeholder in PLACEHOLDERS):
        raise BadRowError(Fault.PLACEHOLDERS, "a placeholder in a system message")
    return [*system, Message(role="user", content=with_placeholders(row, question.content))]


def _response(row: Question, task: str | None) -> str:
    """Return the teacher's text up to its end, without end tokens."""
    last = row.messages[-1] if row.messages else None
    text = row.response
    if text is None and last is not None and last.role == "assistant":
        text = last.content
    text = _needed(text, "response, and no messages that end with one of the assistant")
    if any(placeholder in text for placeholder in (*PLACEHOLDERS, "<audio>")):
        raise BadRowError(Fault.PLACEHOLDERS, "a placeholder in the response")
    said = parse(text, task) if task is not None else find_answer(text)
    code = said.failure or said.format_fault
    if code is not None:
        raise BadRowError(Fault.RESPONSE, f"{code}: {code.meaning}")
    return text[: text.rfind(_CLOSE_ANSWER) + len(_CLOSE_ANSWER)].strip()


def _extra_info(row: Question, number: int, task: str | None) -> dict[str, Any]:
    size = row.resolution
    masks = row.segmentation_output
    return {
        "index": number,
        "task": task,
        "group": _group(row, number),
        "problem_id": None if row.problem_id is None else str(row.problem_id),
        "problem_type": row.problem_type,
        "data_type": row.data_type,
        "question": row.problem,
        "options": row.options,
        "width": None if size is None else size.width,
        "height": None if size is None else size.height,
        "fps": row.fps,
        "segmentation": masks if masks is None or isinstance(masks, str) else json.dumps(masks),
    }


def _group(row: Question, number: int) -> str:
    """Return a name that no other row has: problem ids are not unique, and neither are rows in a file."""
    content = [row.data_source, row.problem, row.reference, row.response, row.images, row.videos]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:_DIGEST]
    return f"{row.data_source}/{row.problem_id}/{number}-{digest}"


def _needed(value: str | None, name: str) -> str:
    if value is None:
        raise BadRowError(Fault.COLUMNS, f"no {name}")
    return value
