r"""Dialects: how model families write boxes, points and times, and how each is turned into our own form.

A dialect is data: a syntax for each of the three, and the unit of coordinates. Kinds of answers for which it has no
syntax are written in ours, in its unit. It is named, never guessed, and read strictly.

Sources of the units: Qwen's cookbooks (pixels of the resized image in Qwen2.5-VL, thousandths in Qwen3-VL), InternVL's
documentation of grounding (thousandths), and the model cards of Molmo (per cent) and Molmo 2 (thousandths).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

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


class _Kind(NamedTuple):
    """What answers of a schema hold.

    Attributes:
        syntax: Which syntax they take: ``boxes``, ``points`` or ``times``.
        key: The key of our own form that holds one item or all of them.
        is_many: Whether there may be any number of items, not one.
    """

    syntax: str
    key: str
    is_many: bool

    def in_our_form(self, items: Sequence[Item]) -> dict[str, Any]:
        """Return items as an answer in our own form."""
        if not self.is_many:
            if len(items) != 1:
                raise DialectFault(FailureCode.WRONG_LENGTH, "", f"{len(items)} items", "exactly one")
            return {self.key: items[0].value}
        if self.key != "objects":
            return {self.key: [item.value for item in items]}
        return {
            self.key: [
                {"box": item.value} if item.label is None else {"box": item.value, "label": item.label}
                for item in items
            ]
        }

    def items(self, value: Mapping[str, Any]) -> list[Item]:
        """Return what an answer in our own form says as items."""
        if value.get(self.key) is None:
            raise ArgumentError(f"a dialect's {self.syntax} say nothing of {', '.join(value)}")
        found = value[self.key] if self.is_many else [value[self.key]]
        return [Item(each["box"], each.get("label")) if isinstance(each, dict) else Item(each) for each in found]


_KINDS: dict[type[BaseModel], _Kind] = {
    SingleBox: _Kind("boxes", "boxes", is_many=False),
    ClickTarget: _Kind("boxes", "box", is_many=False),
    Detections: _Kind("boxes", "objects", is_many=True),
    ClickPoint: _Kind("points", "point", is_many=False),
    PointSet: _Kind("points", "points", is_many=True),
    PointTargets: _Kind("points", "points", is_many=True),
    TimeSpan: _Kind("times", "time", is_many=False),
    TimeSpans: _Kind("times", "times", is_many=True),
}
# Schemas of which a dialect has no syntax, whatever it is.
_NO_KIND = _Kind("", "", is_many=False)
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
        given = getattr(self, _kind_of(schema).syntax, None)
        return Syntax(read=given) if given is not None and not isinstance(given, Syntax) else given

    def takes_many(self, schema: type[BaseModel]) -> bool:
        """Return whether answers in a schema hold any number of items, not one."""
        return _kind_of(schema).is_many

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
        return self.decoder(schema)(text)

    def decoder(self, schema: type[BaseModel]) -> Callable[[str], Any]:
        """Return the function that decodes answers in a schema, as `decode` does."""
        if self.translate is not None:
            return self._translated
        syntax = self.syntax(schema)
        if syntax is None:
            return lambda text: self._with_times(orjson.loads(_filled(text)))
        in_our_form = _kind_of(schema).in_our_form
        return lambda text: in_our_form(syntax.read(_filled(text)))

    def quick_reader(self, schema: type[BaseModel]) -> Callable[[str], Sequence[Item]] | None:
        """Return `Syntax.quick` of answers in a schema, or None if there is none or it is of another kind of items."""
        syntax, numbers = self.syntax(schema), 4 if _kind_of(schema).syntax == "boxes" else 2
        return None if self.translate is not None or syntax is None or syntax.numbers != numbers else syntax.quick

    def has_our_form(self, schema: type[BaseModel]) -> bool:
        """Return whether answers in a schema are written in our own form, but for the unit of coordinates."""
        has_times = isinstance(self.times, Syntax) and self.times.moment is not None and "time" in schema.model_fields
        return self.translate is None and self.syntax(schema) is None and not has_times

    def in_thousandths(self, value: Any, size: Size | None) -> Any:
        """Return an answer whose coordinates are in the dialect's unit with them in thousandths.

        Raises:
            ArgumentError: If they are in pixels and there is no size.
        """
        if self.coordinates == "thousandths" or not isinstance(value, dict):
            return value
        whole = self.whole(size) if any(_in_unit(key, item) for key, item in value.items()) else _OURS
        return {key: _scaled(item, whole) if _in_unit(key, item) else item for key, item in value.items()}

    def whole(self, size: Size | None) -> Size:
        """Return width and height of the image in the dialect's unit; errors are those of `in_thousandths`."""
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
                value[key] = _scaled(value[key], _OURS, self.whole(size))
        if syntax is not None and syntax.write is not None:
            return syntax.write(_kind_of(schema).items(value))
        moment = self.times.write_moment if isinstance(self.times, Syntax) else None
        if moment is not None and "time" in value:
            time: Any = value["time"]
            value["time"] = [*map(moment, time)] if isinstance(time, list | tuple) else moment(time)
        return json.dumps(value)

    def _translated(self, text: str) -> Any:
        """Return an answer that a function of yours reads."""
        ours = None if self.translate is None else self.translate(text)
        if ours is None:
            expected = f"an answer in the dialect {self.name}"
            raise DialectFault(FailureCode.INVALID_VALUE, "", shown_value(text), expected)
        return orjson.loads(ours)

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


def _filled(text: str) -> str:
    """Return an answer without white space around it; no tag and no box at all would else be an empty list of them."""
    text = text.strip()
    if not text:
        raise DialectFault(FailureCode.EMPTY_ANSWER, "", "", "an answer")
    return text


def _kind_of(schema: type[BaseModel]) -> _Kind:
    return next((kind for known, kind in _KINDS.items() if issubclass(schema, known)), _NO_KIND)


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
"""The dialects that ship with the package, by name."""


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
