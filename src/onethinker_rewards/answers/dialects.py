r"""Dialects: how model families write boxes, points and times, and how each is turned into our own form.

A dialect is data: a syntax for each of the three, and the unit of coordinates. Kinds of answers for which it has no
syntax are written in ours, in its unit. It is named, never guessed, and read strictly.

Sources of the units: Qwen's cookbooks (pixels of the resized image in Qwen2.5-VL, thousandths in Qwen3-VL), InternVL's
documentation of grounding (thousandths), and the model cards of Molmo (per cent) and Molmo 2 (thousandths).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

import orjson
from pydantic import BaseModel

from onethinker_rewards._validation import check_choice
from onethinker_rewards.answers.schemas import (
    COORDINATE_MAX,
    ClickPoint,
    ClickTarget,
    Detections,
    PointSet,
    PointTargets,
    SingleBox,
    TimeSpan,
    TimeSpans,
)
from onethinker_rewards.answers.syntaxes import (
    INTERNVL_BOXES,
    MOLMO2_POINTS,
    MOLMO_POINTS,
    QWEN_BOXES,
    QWEN_POINTS,
    DialectFault,
    Item,
    Syntax,
    shown_value,
)
from onethinker_rewards.answers.time_syntaxes import CLOCK_TIMES, SECONDS_TIMES
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import ArgumentError

Coordinates = Literal["thousandths", "pixels", "unit", "percent"]
# Width and height of an image in pixels.
Size = tuple[float, float]
# A turned box has center, width, height and degrees.
_TURNED_BOX = 5
# A list of objects, each with a box, which is a list.
_COORDINATE_DEPTH = 3
_OURS = (COORDINATE_MAX, COORDINATE_MAX)
_NO_SIZE = "the dialect {} writes pixels: give the size of the image"
_WHOLE = {"thousandths": COORDINATE_MAX, "unit": 1.0, "percent": 100.0}
# What @ is in patterns of answers.
_COORDINATE_PATTERNS = {
    "thousandths": r"(?:1000|(?:0|[1-9][0-9]{0,2})(?:\.[0-9]{1,3})?)",
    "percent": r"(?:100|(?:0|[1-9][0-9]?)(?:\.[0-9]{1,3})?)",
    "unit": r"(?:1|0(?:\.[0-9]{1,4})?)",
    "pixels": r"(?:0|[1-9][0-9]{0,4})(?:\.[0-9]{1,3})?",
}
# Which syntax an answer of each schema takes, and the key of our own form that holds one item or all of them.
_KINDS: dict[type[BaseModel], tuple[str, str, bool]] = {
    SingleBox: ("boxes", "boxes", False),
    ClickTarget: ("boxes", "box", False),
    Detections: ("boxes", "objects", True),
    ClickPoint: ("points", "point", False),
    PointSet: ("points", "points", True),
    PointTargets: ("points", "points", True),
    TimeSpan: ("times", "time", False),
    TimeSpans: ("times", "times", True),
}
# Keys of our own form that hold coordinates.
_COORDINATE_KEYS = ("boxes", "box", "objects", "point", "points", "corners", "positive_points", "negative_points")

Read = Callable[[str], list[Item]]
# From an answer's text to our own form as text, or None where it is not in the dialect.
Translate = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a model family writes answers.

    Attributes:
        name: What recipes and options call it.
        boxes: The syntax of boxes: a `Syntax`, or a function from an answer's text to items; ours where it is None.
        points: That of points.
        times: That of time spans.
        coordinates: The unit of coordinates in answers: ``thousandths``, ``unit`` (0 to 1) or ``percent`` of width and
            height, or ``pixels`` of an image whose size scoring is told (``sizes``).
        instruction: What a prompt says in place of the syntaxes' own words.

    Raises:
        ArgumentError: If ``coordinates`` is none of those, or a syntax is no function.

    >>> qwen = DIALECTS["qwen2.5-vl"]
    >>> qwen.coordinates, qwen.times
    ('pixels', None)
    """

    name: str
    boxes: Syntax | Read | None = None
    points: Syntax | Read | None = None
    times: Syntax | Read | None = None
    coordinates: Coordinates = "thousandths"
    instruction: str = ""
    translate: Translate | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_choice("coordinates", self.coordinates, get_args(Coordinates))
        for name in ("boxes", "points", "times", "translate"):
            given = getattr(self, name)
            if given is not None and not isinstance(given, Syntax) and not callable(given):
                raise ArgumentError(f"{name} is a function or a Syntax, not {given!r}")

    def __reduce_ex__(self, protocol: Any) -> Any:
        # The functions of the shipped dialects cannot be pickled, their names can.
        return (find_dialect, (self.name,)) if self is DIALECTS.get(self.name) else object.__reduce_ex__(self, protocol)

    def __repr__(self) -> str:
        unit = "" if self.coordinates == "thousandths" else f", coordinates={self.coordinates!r}"
        return f"Dialect({self.name!r}{unit})"

    @property
    def is_ours(self) -> bool:
        """Whether answers are read as they are."""
        return (
            self.translate is None
            and self.coordinates == "thousandths"
            and not (self.boxes or self.points or self.times)
        )

    def syntax(self, schema: type[BaseModel]) -> Syntax | None:
        """Return the syntax of a schema's answers, or None where they are written in our own form."""
        kind = next((kind for known, kind in _KINDS.items() if issubclass(schema, known)), None)
        given = None if kind is None else getattr(self, kind[0])
        return Syntax(read=given) if given is not None and not isinstance(given, Syntax) else given

    def takes_many(self, schema: type[BaseModel]) -> bool:
        """Return whether answers in a schema hold any number of items, not one."""
        return next((kind[2] for known, kind in _KINDS.items() if issubclass(schema, known)), False)

    def pattern(self, schema: type[BaseModel]) -> str | None:
        """Return a regular expression of answers in a schema, or None where they are JSON, ours or a function's."""
        syntax = self.syntax(schema)
        found = None if syntax is None else (self.takes_many(schema) and syntax.many) or syntax.pattern
        return None if found is None else found.replace("@", _COORDINATE_PATTERNS[self.coordinates])

    def needs_size(self, schema: type[BaseModel]) -> bool:
        """Return whether answers in a schema can only be read with the size of their image."""
        return self.coordinates == "pixels" and any(name in _COORDINATE_KEYS for name in schema.model_fields)

    def can_write(self, schema: type[BaseModel]) -> bool:
        """Return whether the dialect is no function of yours, which only reads."""
        syntax = self.syntax(schema)
        return self.translate is None and (syntax is None or syntax.write is not None)

    def load(self, text: str, schema: type[BaseModel], size: Size | None) -> Any:
        """Return an answer in our own form, decoded, with coordinates in thousandths.

        Raises:
            DialectFault: If the text is not in the dialect.
            orjson.JSONDecodeError: If it should be in our own form, and is no JSON.
            ArgumentError: If answers in the schema hold pixels, and there is no size.
        """
        if size is None and self.needs_size(schema):
            raise ArgumentError(_NO_SIZE.format(self.name))
        return self.in_thousandths(self.decode(text, schema), size)

    def decode(self, text: str, schema: type[BaseModel]) -> Any:
        """Return an answer in our own form with coordinates in the dialect's unit; errors are those of `load`."""
        if self.translate is not None:
            ours = self.translate(text)
            if ours is None:
                raise DialectFault(
                    FailureCode.INVALID_VALUE, "", shown_value(text), f"an answer in the dialect {self.name}"
                )
            return orjson.loads(ours)
        syntax, text = self.syntax(schema), text.strip()
        if not text:
            # No tag and no box at all would else be an empty list of them.
            raise DialectFault(FailureCode.EMPTY_ANSWER, "", "", "an answer")
        return self._with_times(orjson.loads(text)) if syntax is None else _in_our_form(syntax.read(text), schema)

    def in_thousandths(self, value: Any, size: Size | None) -> Any:
        """Return an answer whose coordinates are in the dialect's unit with them in thousandths.

        Raises:
            ArgumentError: If they are in pixels and there is no size.
        """
        if self.coordinates == "thousandths" or not isinstance(value, dict):
            return value
        whole = self._whole(size) if any(_in_unit(key, item) for key, item in value.items()) else _OURS
        return {key: _scaled(item, whole) if _in_unit(key, item) else item for key, item in value.items()}

    def _whole(self, size: Size | None) -> Size:
        """Return width and height of the image in the dialect's unit."""
        if self.coordinates != "pixels":
            return _WHOLE[self.coordinates], _WHOLE[self.coordinates]
        if size is None:
            raise ArgumentError(_NO_SIZE.format(self.name))
        return size

    def write(self, value: Mapping[str, Any], schema: type[BaseModel], size: Size | None = None) -> str:
        """Return an answer in our own form as the dialect writes it: the inverse of `load`.

        Raises:
            ArgumentError: If it cannot be written: the dialect is a function, or writes pixels and there is no size.
        """
        syntax = self.syntax(schema)
        if not self.can_write(schema):
            raise ArgumentError(f"the dialect {self.name} is a function that reads; it writes nothing")
        value = {**value}
        if self.coordinates != "thousandths":
            for key in [key for key, item in value.items() if _in_unit(key, item)]:
                value[key] = _scaled(value[key], _OURS, self._whole(size))
        if syntax is not None and syntax.write is not None:
            return syntax.write(_items(value, schema))
        moment = self.times.write_moment if isinstance(self.times, Syntax) else None
        if moment is not None and "time" in value:
            time: Any = value["time"]
            value["time"] = [*map(moment, time)] if isinstance(time, list | tuple) else moment(time)
        return json.dumps(value)

    def _with_times(self, value: Any) -> Any:
        """Return an answer in our own form, with the times in it in seconds."""
        moment = self.times.moment if isinstance(self.times, Syntax) else None
        if moment is None or not isinstance(value, dict) or "time" not in value:
            return value
        time = value["time"]
        if isinstance(time, list):
            time = [moment(each, f"time.{index}") for index, each in enumerate(time)]
        else:
            time = moment(time, "time")
        return {**value, "time": time}


def _in_our_form(items: list[Item], schema: type[BaseModel]) -> dict[str, Any]:
    _, key, is_many = next(kind for known, kind in _KINDS.items() if issubclass(schema, known))
    if not is_many:
        if len(items) != 1:
            raise DialectFault(FailureCode.WRONG_LENGTH, "", f"{len(items)} of them", "exactly one")
        return {key: items[0].value}
    if key == "objects":
        return {key: [{"box": item.value, **({} if item.label is None else {"label": item.label})} for item in items]}
    return {key: [item.value for item in items]}


def _items(value: Mapping[str, Any], schema: type[BaseModel]) -> list[Item]:
    """Return what an answer in our own form says as items."""
    kind, key, is_many = next(kind for known, kind in _KINDS.items() if issubclass(schema, known))
    if value.get(key) is None:
        raise ArgumentError(f"a dialect's {kind} say nothing of {', '.join(value)}")
    found = value[key] if is_many else [value[key]]
    return [Item(each["box"], each.get("label")) if isinstance(each, dict) else Item(each) for each in found]


def _in_unit(key: str, value: Any) -> bool:
    """Return whether a field holds coordinates in the dialect's unit: a turned box is in pixels in any dialect."""
    is_turned = key == "box" and isinstance(value, list | tuple) and len(value) == _TURNED_BOX
    return key in _COORDINATE_KEYS and not is_turned


def _scaled(value: Any, whole: Size, wanted: Size = _OURS, depth: int = _COORDINATE_DEPTH) -> Any:
    """Return coordinates of which ``whole`` is the image in another unit; x and y take turns in the innermost list.

    What is nested more deeply is no coordinate, and stays as it is.
    """
    if depth == 0 or not isinstance(value, list | tuple | dict):
        return value
    if isinstance(value, dict):
        return {
            name: _scaled(item, whole, wanted, depth - 1) if name != "label" else item for name, item in value.items()
        }
    return [
        wanted[index % 2] * item / whole[index % 2]
        if isinstance(item, int | float) and not isinstance(item, bool)
        else _scaled(item, whole, wanted, depth - 1)
        for index, item in enumerate(value)
    ]


# How a dialect may be named: by its name, by itself, or by a function that reads it.
AnyDialect: TypeAlias = str | Dialect | Translate

ONETHINKER = Dialect("onethinker")
DIALECTS = MappingProxyType(
    {
        dialect.name: dialect
        for dialect in (
            ONETHINKER,
            Dialect("qwen3-vl", boxes=QWEN_BOXES, points=QWEN_POINTS),
            Dialect("qwen2.5-vl", boxes=QWEN_BOXES, points=QWEN_POINTS, coordinates="pixels"),
            Dialect("internvl", boxes=INTERNVL_BOXES),
            Dialect("molmo", points=MOLMO_POINTS, coordinates="percent"),
            Dialect("molmo2", points=MOLMO2_POINTS),
            Dialect("mm:ss", times=CLOCK_TIMES),
            Dialect("seconds-text", times=SECONDS_TIMES),
        )
    }
)


def find_dialect(dialect: AnyDialect) -> Dialect:
    """Return the dialect of this name, the one given, or one that is read by the function given.

    Raises:
        ArgumentError: If no dialect has this name.
    """
    if isinstance(dialect, Dialect):
        return dialect
    if callable(dialect):
        return Dialect(getattr(dialect, "__name__", "custom"), translate=dialect)
    if dialect not in [*DIALECTS]:
        raise ArgumentError(f"no dialect {dialect!r}; there are {', '.join(DIALECTS)}")
    return DIALECTS[dialect]
