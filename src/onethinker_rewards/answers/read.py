"""Reads one answer text into its schema's model, or gives the code of why it cannot be read.

This is the definition: `batch` reads many rows faster and must agree with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import orjson
from pydantic import BaseModel, RootModel, ValidationError

from onethinker_rewards.answers.limits import DEFAULT_LIMITS, Limits, has_long_number, is_deeper
from onethinker_rewards.answers.repairs import load_with_repairs, repair_shape, without_fence
from onethinker_rewards.answers.schemas import COORDINATE_MAX, Number, OptionLetter, RotatedBox, Text
from onethinker_rewards.answers.tags import END_TOKENS, Think, find_answer
from onethinker_rewards.answers.text import ExactNumber, exact_number, option_letter, without_unit
from onethinker_rewards.codes import FailureCode, RepairCode

Rules = Literal["strict", "lenient"]
# Width and height of an image in pixels.
Size = tuple[float, float]

# Coordinates are at most this deep in a field: a list of points, a frame's box, an object's box.
_CLIP_DEPTH = 3
# pydantic's names of faults, and our codes for them.
_CODES = {
    "missing": FailureCode.MISSING_KEY,
    "extra_forbidden": FailureCode.UNKNOWN_KEY,
    "too_long": FailureCode.WRONG_LENGTH,
    "too_short": FailureCode.WRONG_LENGTH,
    "bad_order": FailureCode.BAD_ORDER,
    "greater_than_equal": FailureCode.OUT_OF_RANGE,
    "less_than_equal": FailureCode.OUT_OF_RANGE,
    # What pydantic can no longer read back is nested too deeply.
    "json_invalid": FailureCode.INVALID_JSON,
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one response says.

    Attributes:
        think: The thinking, or None.
        answer: The schema's model, or None; under the recipe ``release`` the text or JSON object that is compared.
        failure: Why there is no answer, or None.
        format_fault: Why the format reward is 0, or None.
        repairs: What was repaired first.
    """

    think: str | None
    answer: Any
    failure: FailureCode | None
    format_fault: FailureCode | None
    repairs: tuple[RepairCode, ...] = ()


class ReadAnswer(NamedTuple):
    """What an answer text was read as.

    Attributes:
        answer: The schema's model, or None.
        failure: Why it could not be read.
        repairs: What was repaired first.
        schema_fault: Why the text as written is not in the schema, also where a repair made it readable; clipping is
            no such fault.
    """

    answer: BaseModel | None
    failure: FailureCode | None = None
    repairs: tuple[RepairCode, ...] = ()
    schema_fault: FailureCode | None = None


def is_plain_text(schema: type[BaseModel]) -> bool:
    """Return whether answers of a schema are plain text, not JSON."""
    return issubclass(schema, OptionLetter | Number | Text)


def _has_object(schema: type[BaseModel]) -> bool:
    """Return whether a JSON answer of a schema is an object: a root model may be an array or any other value."""
    return not issubclass(schema, RootModel)


def read_response(
    response: str,
    schema: type[BaseModel],
    *,
    rules: Rules,
    think: Think,
    limits: Limits = DEFAULT_LIMITS,
    end_tokens: tuple[str, ...] = END_TOKENS,
    size: Size | None = None,
) -> Parsed:
    """Read one response: its tags, then its answer."""
    found = find_answer(response, think=think, limits=limits, end_tokens=end_tokens)
    is_cut_off = rules == "lenient" and not found.closed and not is_plain_text(schema)
    if found.answer is None or (found.failure is not None and not is_cut_off):
        return Parsed(found.think, None, found.failure, found.format_fault)
    read = read_answer(found.answer, schema, rules=rules, limits=limits, size=size)
    if is_cut_off and read.failure is not None:
        return Parsed(found.think, None, found.failure, found.format_fault)
    repairs = (RepairCode.CLOSED_ANSWER, *read.repairs) if is_cut_off else read.repairs
    return Parsed(found.think, read.answer, read.failure, found.format_fault or read.schema_fault, repairs)


def read_answer(
    text: str,
    schema: type[BaseModel],
    *,
    rules: Rules = "strict",
    limits: Limits = DEFAULT_LIMITS,
    size: Size | None = None,
) -> ReadAnswer:
    """Read one bare answer text in a schema; what the model wrote never raises.

    ``size`` is width and height of the image in pixels, for answers that may be in pixels.
    """
    text = text.strip()
    if not text:
        return _failed(FailureCode.EMPTY_ANSWER)
    if len(text) > limits.answer_characters:
        return _failed(FailureCode.ANSWER_TOO_LONG)
    if issubclass(schema, Text):
        return _plain(schema, text)
    if not is_plain_text(schema) and has_long_number(text, limits.number_characters):
        return _failed(FailureCode.TOO_MANY_DIGITS)
    strict = _read_strictly(text, schema, limits, size)
    if strict.failure is None or rules != "lenient":
        return strict
    lenient = _read_leniently(text, schema, limits, size)
    return lenient._replace(schema_fault=strict.failure) if lenient.failure is None else strict


def _failed(code: FailureCode) -> ReadAnswer:
    return ReadAnswer(None, code, (), code)


def _read_strictly(text: str, schema: type[BaseModel], limits: Limits, size: Size | None) -> ReadAnswer:
    if issubclass(schema, OptionLetter):
        letter = option_letter(text)
        return _failed(FailureCode.NO_OPTION_LETTER) if letter is None else _plain(schema, letter)
    if issubclass(schema, Number):
        number = exact_number(text, limits=limits)
        return _plain(schema, number.value) if isinstance(number, ExactNumber) else _failed(number)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _failed(FailureCode.INVALID_JSON)
    return _validated(value, schema, limits, size)


def _plain(schema: type[BaseModel], value: str | float) -> ReadAnswer:
    try:
        return ReadAnswer(schema.model_validate(value))
    except ValidationError as error:
        # A user's own schema may ask for more than its base: a shorter text, a positive number.
        return _failed(_code(error))


def _read_leniently(text: str, schema: type[BaseModel], limits: Limits, size: Size | None) -> ReadAnswer:
    if issubclass(schema, Number):
        number, repairs = repaired_number(text, limits)
        read = _plain(schema, number.value) if isinstance(number, ExactNumber) else _failed(number)
        return read._replace(repairs=repairs)
    text, fence = without_fence(text)
    if issubclass(schema, OptionLetter):
        return _read_strictly(text, schema, limits, size)._replace(repairs=tuple(fence))
    boxes = schema.model_fields.get("boxes")
    is_track = boxes is not None and getattr(boxes.annotation, "__origin__", None) is dict
    try:
        value, repairs = load_with_repairs(text, track=is_track)
    except orjson.JSONDecodeError:
        return _failed(FailureCode.INVALID_JSON)
    shape: list[RepairCode] = []
    if _has_object(schema):
        value, shape = repair_shape(value, frozenset(schema.model_fields))
    read = _validated(value, schema, limits, size)
    return read._replace(repairs=(*fence, *repairs, *shape, *read.repairs))


def repaired_number(text: str, limits: Limits) -> tuple[ExactNumber | FailureCode, tuple[RepairCode, ...]]:
    """Return the number that a text is by lenient rules, in a code fence or with one unit, and its repairs."""
    text, fence = without_fence(text)
    number = exact_number(text, limits=limits)
    bare = without_unit(text) if isinstance(number, FailureCode) else None
    with_unit = number if bare is None else exact_number(bare, limits=limits)
    if bare is None or isinstance(with_unit, FailureCode):
        return number, tuple(fence)
    return with_unit, (*fence, RepairCode.UNIT)


def _validated(value: Any, schema: type[BaseModel], limits: Limits, size: Size | None) -> ReadAnswer:
    """Clip coordinates, then validate."""
    if is_deeper(value, limits.depth):
        return _failed(FailureCode.INVALID_JSON)
    if not _has_object(schema):
        return _in_schema(value, schema)
    if not isinstance(value, dict):
        return _failed(FailureCode.NOT_AN_OBJECT)
    if size is not None and issubclass(schema, RotatedBox):
        value = schema.from_pixels(value, size)
    counted = [value.get(name) for name in getattr(schema, "counted_fields", ())]
    if any(isinstance(entries, list | dict) and len(entries) > limits.track_boxes for entries in counted):
        return _failed(FailureCode.TOO_MANY_BOXES)
    clipped = False
    for name in getattr(schema, "coordinate_fields", ()):
        if name in value:
            value[name], moved = _clipped(value[name])
            clipped = clipped or moved
    return _in_schema(value, schema, (RepairCode.CLIPPED,) if clipped else ())


def _in_schema(value: Any, schema: type[BaseModel], repairs: tuple[RepairCode, ...] = ()) -> ReadAnswer:
    try:
        return ReadAnswer(schema.model_validate_json(orjson.dumps(value)), None, repairs)
    except orjson.JSONEncodeError:
        return _failed(FailureCode.INVALID_JSON)
    except ValidationError as error:
        return _failed(_code(error))


def _clipped(value: Any, depth: int = _CLIP_DEPTH) -> tuple[Any, bool]:
    """Return a field with its numbers moved into 0…1000, and whether any moved."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        inside = min(max(value, 0), COORDINATE_MAX)
        return inside, inside != value
    if depth == 0 or not isinstance(value, list | dict):
        return value, False
    keys = list(value) if isinstance(value, dict) else range(len(value))
    any_moved = False
    for key in keys:
        value[key], moved = _clipped(value[key], depth - 1)
        any_moved = any_moved or moved
    return value, any_moved


def _code(error: ValidationError) -> FailureCode:
    """Return the code of the first fault that pydantic names."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    kind, where = first["type"], first["loc"]
    if kind == "missing" and isinstance(where[-1], int):
        return FailureCode.WRONG_LENGTH
    if kind == "too_short" and where in {("boxes",), ("points",)}:
        return FailureCode.EMPTY_TRACK
    if where[-1:] == ("[key]",):
        too_long = kind == "string_too_long" and str(where[-2]).isdecimal()
        return FailureCode.TOO_MANY_DIGITS if too_long else FailureCode.BAD_FRAME_KEY
    if kind.endswith("_type"):
        return FailureCode.WRONG_TYPE
    return _CODES.get(kind, FailureCode.INVALID_VALUE)
