"""The one-row view: what a response, an answer or a reference says in its task's schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import orjson

from onethinker_rewards._validation import check_choice, check_text
from onethinker_rewards.codes import FailureCode, RepairCode
from onethinker_rewards.errors import BadReferenceError
from onethinker_rewards.parsing import (
    DEFAULT_LIMITS,
    Limits,
    Rules,
    Think,
    bare_reference,
    find_answer,
    read_answer,
)
from onethinker_rewards.parsing.released import find_released
from onethinker_rewards.schemas import Text
from onethinker_rewards.tasks.names import spec_of
from onethinker_rewards.tasks.spec import TaskSpec
from onethinker_rewards.tasks.table import TASKS

__all__ = ["Parsed", "describe_reference", "json_schema", "parse", "parse_answer", "parse_reference"]


_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one response says.

    Attributes:
        think: The thinking, or None.
        answer: The schema's model, or None; under release rules the text or JSON object that is compared.
        failure: Why there is no answer, or None.
        format_fault: Why the format reward is 0, or None.
        repairs: What was put right first.
    """

    think: str | None
    answer: Any
    failure: FailureCode | None
    format_fault: FailureCode | None
    repairs: tuple[RepairCode, ...] = ()


def parse(
    response: str,
    task: str,
    *,
    rules: Rules = "strict",
    think: Think = "required",
    limits: Limits = DEFAULT_LIMITS,
    table: Mapping[str, TaskSpec] = TASKS,
) -> Parsed:
    """Read one response; what the model wrote never raises.

    Args:
        response: All that the model wrote.
        task: A task's name.
        rules: ``strict``, ``lenient`` (repairs what can be without changing a number) or ``release``.
        think: Whether thinking is ``required``, was begun by the prompt (``prefilled``) or is not wanted (``none``).
        limits: How much is read at all; not used by ``release`` rules.
        table: The tasks.

    Raises:
        UnknownTaskError: If ``task`` is none.
        ArgumentError: If ``rules`` or ``think`` is none of the above, or ``response`` no text.

    >>> parse('<think>It starts at 3.</think><answer>{"time": [3, 8]}</answer>', "temporal_grounding").answer
    TimeSpan(time=(3.0, 8.0))
    """
    check_text("response", response)
    check_choice("rules", rules, get_args(Rules))
    check_choice("think", think, get_args(Think))
    spec = spec_of(task, table)
    if rules == "release":
        return _parse_released(response, spec)
    found = find_answer(response, think=think, limits=limits)
    repaired = rules == "lenient" and not found.closed and spec.is_json
    if found.answer is None or (found.failure is not None and not repaired):
        return Parsed(found.think, None, found.failure, found.format_fault)
    read = read_answer(found.answer, spec.schema, rules=rules, limits=limits)
    if repaired:
        if read.failure is not None:
            return Parsed(found.think, None, found.failure, found.format_fault)
        read = read._replace(repairs=(RepairCode.CLOSED_ANSWER, *read.repairs))
    return Parsed(found.think, read.answer, read.failure, found.format_fault or read.schema_fault, read.repairs)


def parse_answer(
    text: str,
    task: str,
    *,
    rules: Rules = "strict",
    limits: Limits = DEFAULT_LIMITS,
    table: Mapping[str, TaskSpec] = TASKS,
) -> Parsed:
    """Read a bare answer without tags, as guided decoding gives it.

    Raises:
        UnknownTaskError: If ``task`` is none.
        ArgumentError: If ``rules`` is none of those of `parse`, or ``text`` no text.
    """
    check_text("text", text)
    check_choice("rules", rules, get_args(Rules))
    spec = spec_of(task, table)
    if rules == "release":
        return _released_answer(text.strip(), spec, None)
    read = read_answer(text, spec.schema, rules=rules, limits=limits)
    return Parsed(None, read.answer, read.failure, read.schema_fault, read.repairs)


def parse_reference(
    text: str, task: str, *, limits: Limits = DEFAULT_LIMITS, table: Mapping[str, TaskSpec] = TASKS
) -> Any:
    """Read a reference, which may stand between answer tags, in its task's schema.

    Returns:
        The schema's model; for multiple choice without an option letter, the text.

    Raises:
        BadReferenceError: If the schema refuses it.
        UnknownTaskError: If ``task`` is none.
        ArgumentError: If it is no text.
    """
    check_text("text", text)
    spec = spec_of(task, table)
    bare = bare_reference(text)
    read = read_answer(bare, spec.schema, limits=limits)
    if read.failure is FailureCode.NO_OPTION_LETTER:
        return Text(bare)
    fault = read.failure or (spec.reference_fault(bare) if spec.reference_fault else None)
    if fault is not None:
        raise BadReferenceError((0,), (describe_reference(spec, bare, fault),))
    return read.answer


def describe_reference(spec: TaskSpec, reference: str, code: FailureCode) -> str:
    """Say in one line what is wrong with a reference."""
    shown = reference if len(reference) <= _SHOWN else reference[:_SHOWN] + "…"
    return f"{code} for {spec.name}: {shown!r}"


def json_schema(task: str, *, table: Mapping[str, TaskSpec] = TASKS) -> dict[str, Any]:
    """Return the JSON Schema of a task's answer.

    Raises:
        UnknownTaskError: If ``task`` is none.
    """
    schema = spec_of(task, table).schema.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _parse_released(response: str, spec: TaskSpec) -> Parsed:
    found = find_released(response)
    fault = None if found.well_formed else find_answer(response).format_fault or FailureCode.TEXT_OUTSIDE_TAGS
    return _released_answer(found.compared, spec, fault)


def _released_answer(text: str, spec: TaskSpec, fault: FailureCode | None) -> Parsed:
    if not spec.is_json:
        return Parsed(None, text, None, fault)
    try:
        return Parsed(None, orjson.loads(text), None, fault)
    except orjson.JSONDecodeError:
        return Parsed(None, None, FailureCode.INVALID_JSON, fault)
