"""Reads one answer text into its schema's model, or gives the code of why it cannot be read.

This is the definition: `batch` reads many rows faster and must agree with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import orjson
from pydantic import BaseModel, RootModel, ValidationError

from onethinker_rewards.answers.dialects import ONETHINKER, Dialect, Size
from onethinker_rewards.answers.limits import DEFAULT_LIMITS, Limits, has_long_number, is_deeper
from onethinker_rewards.answers.repairs import Repairs, repair_json, repair_shape, without_fence
from onethinker_rewards.answers.schemas import COORDINATE_MAX, Number, OptionLetter, RotatedBox, Text
from onethinker_rewards.answers.syntaxes import DialectFault, character
from onethinker_rewards.answers.tags import END_TOKENS, Think, fault_detail, find_answer
from onethinker_rewards.answers.text import ExactNumber, exact_number, option_letter, without_unit
from onethinker_rewards.codes import FailureCode, FaultDetail, RepairCode, shortened

Rules = Literal["strict", "lenient"]

# A reference may be so far outside of its image, in thousandths, and is clipped; beyond, its unit is another one.
_SLACK = 10.0
_THOUSANDTHS = "thousandths from 0 to 1000; to_thousandths converts pixels"
# What surrounds the noun phrase in a message of pydantic's, such as "Input should be a valid number".
_FRAME_OF_A_MESSAGE = re.compile(r"^\w+ should (?:be|have) | after validation, not \d+$")
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
        detail: Where the failure, or else the format fault, is, what was found and what was expected.
    """

    think: str | None
    answer: Any
    failure: FailureCode | None
    format_fault: FailureCode | None
    repairs: tuple[RepairCode, ...] = ()
    detail: FaultDetail | None = None


class How(NamedTuple):
    """How an answer is read.

    Attributes:
        rules: ``strict`` or ``lenient``.
        limits: Maximum sizes.
        dialect: How the model writes boxes, points and times.
        size: Width and height of the image in pixels, for answers that may be in pixels.
        reference: Whether it is a reference: one whose coordinates are far off is at fault, all others are clipped.
    """

    rules: Rules = "strict"
    limits: Limits = DEFAULT_LIMITS
    dialect: Dialect = ONETHINKER
    size: Size | None = None
    reference: bool = False


_STRICTLY = How()
# Faults of an answer that was never closed which say no more than that.
UNCLOSED = (FailureCode.INVALID_JSON, FailureCode.EMPTY_ANSWER)


class ReadAnswer(NamedTuple):
    """What an answer text was read as.

    Attributes:
        answer: The schema's model, or None.
        failure: Why it could not be read.
        repairs: What was repaired first.
        schema_fault: Why the text as written is not in the schema, also where a repair made it readable; clipping is
            no such fault.
        detail: The detail of that fault.
    """

    answer: BaseModel | None
    failure: FailureCode | None = None
    repairs: tuple[RepairCode, ...] = ()
    schema_fault: FailureCode | None = None
    detail: FaultDetail | None = None


def is_plain_text(schema: type[BaseModel]) -> bool:
    """Return whether answers of a schema are plain text, not JSON."""
    return issubclass(schema, OptionLetter | Number | Text)


def _has_object(schema: type[BaseModel]) -> bool:
    """Return whether a JSON answer of a schema is an object: a root model may be an array or any other value."""
    return not issubclass(schema, RootModel)


def read_response(
    response: str,
    schema: type[BaseModel],
    how: How = _STRICTLY,
    *,
    think: Think = "required",
    end_tokens: tuple[str, ...] = END_TOKENS,
) -> Parsed:
    """Read one response: its tags, then its answer."""
    found = find_answer(response, think=think, limits=how.limits, end_tokens=end_tokens)
    tags = None if found.format_fault is None else fault_detail(response, found.format_fault, think, how.limits)
    is_cut_off = how.rules == "lenient" and not found.closed and not is_plain_text(schema)
    if found.answer is None or (found.failure is not None and not is_cut_off):
        return Parsed(found.think, None, found.failure, found.format_fault, detail=tags)
    read = _read(found.answer, schema, how)
    if is_cut_off and read.failure in UNCLOSED:
        return Parsed(found.think, None, found.failure, found.format_fault, detail=tags)
    repairs = (RepairCode.CLOSED_ANSWER, *read.repairs) if is_cut_off and read.failure is None else read.repairs
    detail = read.detail if read.failure is not None else tags or read.detail
    return Parsed(found.think, read.answer, read.failure, found.format_fault or read.schema_fault, repairs, detail)


def read_answer(
    text: str,
    schema: type[BaseModel],
    *,
    rules: Rules = "strict",
    limits: Limits = DEFAULT_LIMITS,
    dialect: Dialect = ONETHINKER,
    size: Size | None = None,
    reference: bool = False,
) -> ReadAnswer:
    """Read one bare answer text in a schema, as `How` describes; what the model wrote never raises."""
    return _read(text, schema, How(rules, limits, dialect, size, reference))


def _read(text: str, schema: type[BaseModel], how: How) -> ReadAnswer:
    text, limits = text.strip(), how.limits
    if not text:
        return _failed(FailureCode.EMPTY_ANSWER, "", "an answer")
    if len(text) > limits.answer_characters:
        return _failed(
            FailureCode.ANSWER_TOO_LONG, f"{len(text)} characters", f"at most {limits.answer_characters} characters"
        )
    if issubclass(schema, Text):
        return _plain(schema, text, text)
    if not is_plain_text(schema) and has_long_number(text, limits.number_characters):
        return _failed(FailureCode.TOO_MANY_DIGITS, text, f"at most {limits.number_characters} digits in a row")
    strict = _read_strictly(text, schema, how)
    if strict.failure is None or how.rules != "lenient":
        return strict
    lenient = _read_leniently(text, schema, how)
    if lenient.failure is None:
        return lenient._replace(schema_fault=strict.failure, detail=strict.detail)
    # A text that no repair could turn into JSON is told of as it was written.
    return strict if lenient.failure is FailureCode.INVALID_JSON else lenient._replace(repairs=())


def _failed(code: FailureCode, found: str, expected: str, where: str = "") -> ReadAnswer:
    return ReadAnswer(None, code, (), code, FaultDetail(where, shortened(found), expected))


def _read_strictly(text: str, schema: type[BaseModel], how: How) -> ReadAnswer:
    if issubclass(schema, OptionLetter):
        letter = option_letter(text)
        if letter is None:
            return _failed(FailureCode.NO_OPTION_LETTER, text, "the letter of one option")
        return _plain(schema, letter, text)
    if issubclass(schema, Number):
        return _number(exact_number(text, limits=how.limits), schema, text)
    try:
        value = how.dialect.load(text, schema, how.size)
    except orjson.JSONDecodeError as error:
        return _failed(FailureCode.INVALID_JSON, text[error.pos :], "JSON", character(error.pos))
    except DialectFault as fault:
        return ReadAnswer(None, fault.code, (), fault.code, fault.detail)
    return _validated(value, schema, how)


def _plain(schema: type[BaseModel], value: str | float, text: str) -> ReadAnswer:
    try:
        return ReadAnswer(schema.model_validate(value))
    except ValidationError as error:
        # A user's own schema may ask for more than its base: a shorter text, a positive number.
        code, detail = _fault(error)
        return _failed(code, text, detail.expected)


def _number(number: ExactNumber | FailureCode, schema: type[BaseModel], text: str) -> ReadAnswer:
    if isinstance(number, ExactNumber):
        return _plain(schema, number.value, text)
    return _failed(number, text, "one number")


def _read_leniently(text: str, schema: type[BaseModel], how: How) -> ReadAnswer:
    if issubclass(schema, Number):
        number, repairs = repaired_number(text, how.limits)
        return _number(number, schema, text)._replace(repairs=repairs)
    bare, repairs = without_fence(text)
    if issubclass(schema, OptionLetter):
        return _read_strictly(bare, schema, how)._replace(repairs=tuple(repairs))
    read = _read_with_shape(bare, schema, how, repairs)
    if read.failure is FailureCode.INVALID_JSON:
        boxes = schema.model_fields.get("boxes")
        is_track = boxes is not None and getattr(boxes.annotation, "__origin__", None) is dict
        bare, more = repair_json(bare, track=is_track)
        read = _read_with_shape(bare, schema, how, [*repairs, *more]) if more else read
    return read


def _read_with_shape(text: str, schema: type[BaseModel], how: How, repairs: Repairs) -> ReadAnswer:
    """Read a text that was repaired; where it is in our own form, its shape is repaired too."""
    if how.dialect.syntax(schema) is not None or not _has_object(schema):
        return _read_strictly(text, schema, how)._replace(repairs=tuple(repairs))
    try:
        value = how.dialect.decode(text, schema)
    except (orjson.JSONDecodeError, DialectFault):
        return _read_strictly(text, schema, how)
    if is_deeper(value, how.limits.depth):
        # No repair makes room for another level.
        return _validated(value, schema, how)
    boxes = schema.model_fields.get("boxes")
    one_box = boxes is not None and getattr(boxes.annotation, "__origin__", None) is tuple
    value, shape = repair_shape(value, frozenset(schema.model_fields), one_box=one_box)
    read = _validated(how.dialect.in_thousandths(value, how.size), schema, how)
    return read._replace(repairs=(*repairs, *shape, *read.repairs))


def repaired_number(text: str, limits: Limits) -> tuple[ExactNumber | FailureCode, tuple[RepairCode, ...]]:
    """Return the number that a text is by lenient rules, in a code fence or with one unit, and its repairs."""
    text, fence = without_fence(text)
    number = exact_number(text, limits=limits)
    bare = without_unit(text) if isinstance(number, FailureCode) else None
    with_unit = number if bare is None else exact_number(bare, limits=limits)
    if bare is None or isinstance(with_unit, FailureCode):
        return number, tuple(fence)
    return with_unit, (*fence, RepairCode.UNIT)


def _validated(value: Any, schema: type[BaseModel], how: How) -> ReadAnswer:
    """Clip coordinates, then validate."""
    limits = how.limits
    if is_deeper(value, limits.depth):
        return _failed(FailureCode.INVALID_JSON, "deeper nesting", f"at most {limits.depth} levels of brackets")
    if not _has_object(schema):
        return _in_schema(value, schema)
    if not isinstance(value, dict):
        return _failed(FailureCode.NOT_AN_OBJECT, _shown(value), f"an object with {_keys(schema)}")
    if how.size is not None and issubclass(schema, RotatedBox):
        value = schema.from_pixels(value, how.size)
    for name in getattr(schema, "counted_fields", ()):
        entries = value.get(name)
        if isinstance(entries, list | dict) and len(entries) > limits.track_boxes:
            return _failed(FailureCode.TOO_MANY_BOXES, f"{len(entries)} entries", f"at most {limits.track_boxes}", name)
    return _in_thousandths(value, schema, how)


def _in_thousandths(value: dict[str, Any], schema: type[BaseModel], how: How) -> ReadAnswer:
    fields = getattr(schema, "coordinate_fields", ())
    if how.reference:
        fields += getattr(schema, "point_fields", ())
        stray = next((number for name in fields for number in _numbers(value.get(name)) if not _is_near(number)), None)
        if stray is not None:
            return _failed(FailureCode.OUT_OF_RANGE, f"{stray:g}", _THOUSANDTHS)
    clipped = False
    for name in fields:
        if name in value:
            value[name], moved = _clipped(value[name])
            clipped = clipped or moved
    return _in_schema(value, schema, (RepairCode.CLIPPED,) if clipped else ())


def _numbers(value: Any) -> Iterator[float]:
    """Yield the numbers of a field of coordinates."""
    level = [value]
    for _ in range(_CLIP_DEPTH + 1):
        yield from (item for item in level if isinstance(item, int | float) and not isinstance(item, bool))
        parents = [item for item in level if isinstance(item, list | dict)]
        level = [child for item in parents for child in (item.values() if isinstance(item, dict) else item)]


def _is_near(number: float) -> bool:
    return -_SLACK <= number <= COORDINATE_MAX + _SLACK


def _in_schema(value: Any, schema: type[BaseModel], repairs: tuple[RepairCode, ...] = ()) -> ReadAnswer:
    try:
        return ReadAnswer(schema.model_validate_json(orjson.dumps(value)), None, repairs)
    except orjson.JSONEncodeError:
        return _failed(FailureCode.INVALID_JSON, "a lone surrogate or a huge number", "JSON")
    except ValidationError as error:
        code, detail = _fault(error)
        if code is FailureCode.UNKNOWN_KEY:
            detail = replace(detail, expected=f"no keys but {_keys(schema)}")
        return ReadAnswer(None, code, (), code, detail)


def _keys(schema: type[BaseModel]) -> str:
    return " and ".join(f'"{name}"' for name in schema.model_fields)


def _shown(value: Any) -> str:
    return json.dumps(value, default=repr, ensure_ascii=False, separators=(",", ":"))


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


def _fault(error: ValidationError) -> tuple[FailureCode, FaultDetail]:
    """Return the code of the first fault that pydantic names, and its detail."""
    first = error.errors(include_url=False, include_context=False)[0]
    where = [shortened(str(key)) for key in first["loc"] if key != "[key]"]
    found = "nothing" if first["type"] == "missing" else shortened(_shown(first["input"]))
    expected = _expected(first["type"], first["msg"], first["loc"])
    return _code(first["type"], first["loc"]), FaultDetail(".".join(where), found, expected)


def _expected(kind: str, message: str, where: tuple[int | str, ...]) -> str:
    """Return what was expected as a noun phrase, from a sentence of pydantic's."""
    if kind == "missing":
        return "one more value" if isinstance(where[-1], int) else "this key"
    if kind == "string_pattern_mismatch":
        if where[-1:] == ("[key]",):
            return 'a whole second, such as "12"'
        return message.replace("String should match", "text that matches the")
    expected = _FRAME_OF_A_MESSAGE.sub("", message)
    return f"a number {expected}" if expected.startswith(("greater than", "less than")) else expected


def _code(kind: str, where: tuple[int | str, ...]) -> FailureCode:
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
