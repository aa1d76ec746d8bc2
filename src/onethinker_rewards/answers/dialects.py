r"""Dialects: how model families write boxes, points and times, and how each is turned into our own form.

A dialect is data: a syntax for each of the three, and the unit of coordinates. Kinds of answers for which it has no
syntax are written in ours, in its unit. It is named, never guessed, and read strictly.

Sources: Qwen's cookbooks (QwenLM/Qwen3-VL, ``cookbooks/2d_grounding.ipynb`` and ``spatial_understanding.ipynb``:
pixels of the resized image in Qwen2.5-VL, thousandths in Qwen3-VL); InternVL's documentation of grounding (``<ref>``
and ``<box>``, in thousandths); Molmo's model card (``<point>``, ``<points>`` in per cent) and that of Molmo 2
(``<points coords>``: the image's number, then number, x and y of each point in thousandths; ``There are none.``).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import orjson
from pydantic import BaseModel

from onethinker_rewards._validation import check_choice
from onethinker_rewards.answers.limits import is_deeper
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
from onethinker_rewards.codes import FailureCode, FaultDetail, shortened
from onethinker_rewards.errors import ArgumentError

Coordinates = Literal["thousandths", "pixels", "unit", "percent"]
# Width and height of an image in pixels.
Size = tuple[float, float]
# A turned box has center, width, height and degrees.
_TURNED_BOX = 5
# A list of objects, each with a box, which is a list.
_COORDINATE_DEPTH = 3
_SHOWN_DEPTH = 20
_OURS = (COORDINATE_MAX, COORDINATE_MAX)
_NO_SIZE = "the dialect {} writes pixels: give the size of the image"
_WHOLE = {"thousandths": COORDINATE_MAX, "unit": 1.0, "percent": 100.0}


class Item(NamedTuple):
    """One box, point or time span as a model wrote it.

    Attributes:
        value: Its numbers, in the dialect's unit.
        label: What it is called, or None.
    """

    value: Any
    label: Any = None


class DialectFault(Exception):  # noqa: N818 - a fault of what the model wrote, caught where answers are read
    """A text is not in the dialect.

    Attributes:
        code: The failure code.
        detail: Where, what was found, and what was expected.
    """

    def __init__(self, code: FailureCode, where: str, found: str, expected: str) -> None:
        super().__init__(code, where, found, expected)
        self.code, self.detail = code, FaultDetail(where, found, expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Syntax:
    """How items of one kind are written.

    Attributes:
        read: From an answer's text to its items; raises `DialectFault`.
        write: From items to a text that `read` takes; for the example of a prompt.
        instruction: What a prompt says of it; ``{unit}`` stands for the unit of coordinates.
        pattern: A regular expression of an answer with one item, for grammars, in which ``@`` is a coordinate; None for
            JSON.
        many: The same of an answer with any number of items.
        item_schema: The JSON Schema of one item, where answers are JSON; None for text.
        moment: From one time, at a place, to its seconds; for answers in our own form with times in them.
        write_moment: From seconds to a time.
        moment_pattern: A regular expression of one time, for JSON Schemas of answers in our own form.
    """

    read: Callable[[str], list[Item]]
    write: Callable[[Sequence[Item]], str] | None = None
    instruction: str = ""
    pattern: str | None = None
    many: str | None = None
    item_schema: dict[str, Any] | None = None
    moment: Callable[[Any, str], float] | None = None
    write_moment: Callable[[float], str] | None = None
    moment_pattern: str = ""


# JSON as Qwen's models write it.


def _qwen_reader(key: str) -> Callable[[str], list[Item]]:
    def read(text: str) -> list[Item]:
        bare, start = _without_fence(text)
        try:
            value = orjson.loads(bare)
        except orjson.JSONDecodeError as error:
            where = error.pos + start
            raise DialectFault(FailureCode.INVALID_JSON, character(where), text[where : where + 20], "JSON") from None
        many: list[Any] = value if isinstance(value, list) else [value]
        return [_qwen_item(item, key, str(index)) for index, item in enumerate(many)]

    return read


def _without_fence(text: str) -> tuple[str, int]:
    """Return what is between the lines of a code fence, and where it starts."""
    first, _, rest = text.partition("\n")
    body, _, last = rest.rpartition("\n")
    is_fenced = first.rstrip() in ("```", "```json") and last.strip() == "```" and rest != last
    return (body, len(first) + 1) if is_fenced else (text, 0)


def _qwen_item(item: Any, key: str, where: str) -> Item:
    if not isinstance(item, dict):
        raise DialectFault(FailureCode.WRONG_TYPE, where, _shown(item), f'an object with "{key}" and "label"')
    if key not in item:
        raise DialectFault(FailureCode.MISSING_KEY, where, _shown(item), f'the key "{key}"')
    unknown = next((name for name in item if name not in (key, "label")), None)
    if unknown is not None:
        raise DialectFault(FailureCode.UNKNOWN_KEY, f"{where}.{unknown}", _shown(unknown), f'"{key}" and "label" alone')
    label = item.get("label")
    if "label" in item and not isinstance(label, str):
        raise DialectFault(FailureCode.WRONG_TYPE, f"{where}.label", _shown(label), "a text")
    return Item(item[key], label)


def _qwen_writer(key: str) -> Callable[[Sequence[Item]], str]:
    def write(items: Sequence[Item]) -> str:
        values = [{key: item.value, **({"label": item.label} if item.label is not None else {})} for item in items]
        lines = ",\n".join(f"\t{json.dumps(value, ensure_ascii=False)}" for value in values)
        return f"```json\n[\n{lines}\n]\n```" if values else "```json\n[]\n```"

    return write


def character(offset: int) -> str:
    """Name a place in a text."""
    return f"character {offset}"


def _shown(value: Any) -> str:
    if is_deeper(value, _SHOWN_DEPTH):
        return "brackets in brackets"
    return shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


# Tags with points: Qwen's and Molmo's.

_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_TAG = re.compile(r"<(points?)((?:\s++[a-z]++[0-9]*+=\"[^\"<>]*+\")*+)\s*+(?:/>|>([^<>]*)</\1>)\s*")
_ATTRIBUTE = re.compile(r"([a-z]+)([0-9]*)=\"([^\"<>]*)\"")
_NO_POINTS = "There are none."


def _read_point_tags(text: str) -> list[Item]:
    """Read ``<point x= y=>`` and ``<points x1= y1= x2= …>``, one tag or several, with ``alt`` or a text inside."""
    items: list[Item] = []
    for attributes, label in [] if text == _NO_POINTS else _tags(text):
        axes: dict[str, dict[str, str]] = {"x": {}, "y": {}}
        for name, number, value in attributes:
            if name in axes:
                axes[name][number] = value
            elif name + number != "alt":
                raise DialectFault(FailureCode.UNKNOWN_KEY, name + number, name + number, "x, y and alt")
        if axes["x"].keys() != axes["y"].keys() or not axes["x"]:
            raise DialectFault(FailureCode.MISSING_KEY, "x", _shown(text), "an x and a y for every point")
        items += [
            Item([_number(axes[axis][number], f"{axis}{number}") for axis in "xy"], label) for number in axes["x"]
        ]
    return items


def _read_point_lists(text: str) -> list[Item]:
    """Read ``<points coords="1 1 073 160 2 173 600">label</points>``: the image, then number, x and y of each point."""
    items: list[Item] = []
    for attributes, label in [] if text == _NO_POINTS else _tags(text):
        given = {name + number: value for name, number, value in attributes}
        unknown = next(iter(given.keys() - {"coords", "alt"}), None)
        if unknown is not None:
            raise DialectFault(FailureCode.UNKNOWN_KEY, unknown, unknown, "coords and alt")
        if "coords" not in given:
            raise DialectFault(FailureCode.MISSING_KEY, "coords", _shown(text), 'the attribute "coords"')
        numbers = given["coords"].split()
        if len(numbers) % 3 != 1:
            raise DialectFault(
                FailureCode.WRONG_LENGTH, "coords", _shown(given["coords"]), "an image and threes of numbers"
            )
        # The image's number, and each point's.
        for index in (0, *range(1, len(numbers), 3)):
            if not (numbers[index].isascii() and numbers[index].isdecimal()):
                raise DialectFault(
                    FailureCode.WRONG_TYPE, f"coords.{index}", _shown(numbers[index]), "a number of an image or a point"
                )
        values = [_number(number, f"coords.{index}") for index, number in enumerate(numbers)]
        items += [Item(values[start + 1 : start + 3], label) for start in range(1, len(values), 3)]
    return items


def _tags(text: str) -> list[tuple[list[tuple[str, str, str]], str | None]]:
    found: list[tuple[list[tuple[str, str, str]], str | None]] = []
    end = 0
    while end < len(text):
        tag = _TAG.match(text, end)
        if tag is None:
            raise DialectFault(
                FailureCode.INVALID_VALUE, character(end), text[end : end + 20], "a <point> or <points> tag"
            )
        attributes = _ATTRIBUTE.findall(tag[2])
        label = next((value for name, _, value in attributes if name == "alt"), tag[3])
        found.append((attributes, label))
        end = tag.end()
    return found


def _plain(number: float) -> str:
    """Return a number in digits, without an exponent, that reads back as the same."""
    text = repr(float(number))
    return (format(Decimal(text), "f") if "e" in text else text).removesuffix(".0")


def _number(text: str, where: str) -> float:
    if re.fullmatch(_NUMBER, text) is None:
        raise DialectFault(FailureCode.WRONG_TYPE, where, _shown(text), "a number")
    return float(text)


def _write_point_tags(items: Sequence[Item]) -> str:
    label = _label_of(items)
    if len(items) == 1:
        x, y = map(_plain, items[0].value)
        return f'<point x="{x}" y="{y}" alt="{label}">{label}</point>'
    numbered = " ".join(
        f'x{number}="{_plain(x)}" y{number}="{_plain(y)}"' for number, ((x, y), _) in enumerate(items, start=1)
    )
    return f'<points {numbered} alt="{label}">{label}</points>' if items else _NO_POINTS


def _write_point_lists(items: Sequence[Item]) -> str:
    label = _label_of(items)
    numbered = " ".join(
        f"{number} {_plain(x).zfill(3)} {_plain(y).zfill(3)}" for number, ((x, y), _) in enumerate(items, start=1)
    )
    return f'<points coords="1 {numbered}">{label}</points>' if items else _NO_POINTS


def _label_of(items: Sequence[Item]) -> str:
    return next((_in_tag(item.label) for item in items if item.label), "object")


def _in_tag(label: str) -> str:
    if set(label) & set('<>"'):
        raise ArgumentError(f"label: {label!r} cannot be written between tags")
    return label


def _read_qwen_points(text: str) -> list[Item]:
    """Read Qwen's points: JSON with ``point_2d``, or ``<points x1= y1= …>``."""
    return _read_point_tags(text) if text.startswith("<") else _READ_POINT_2D(text)


_READ_POINT_2D = _qwen_reader("point_2d")

# InternVL's boxes.

_REF = re.compile(r"\s*(?:<ref>([^<>]*)</ref>\s*)?<box>(\[.*?\])</box>\s*", re.DOTALL)


def _read_internvl(text: str) -> list[Item]:
    """Read ``<ref>label</ref><box>[[x1, y1, x2, y2], …]</box>``, one or several, or bare lists ``[[…], …]``."""
    if text.startswith("["):
        return [Item(box) for box in _box_list(text, 0)]
    items: list[Item] = []
    end = 0
    while end < len(text):
        found = _REF.match(text, end)
        if found is None:
            raise DialectFault(
                FailureCode.INVALID_VALUE, character(end), text[end : end + 20], "<ref>…</ref><box>[[…]]</box> or [[…]]"
            )
        items += [Item(box, found[1]) for box in _box_list(found[2], found.start(2))]
        end = found.end()
    return items


def _box_list(text: str, offset: int) -> list[Any]:
    try:
        boxes = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        where = character(error.pos + offset)
        raise DialectFault(
            FailureCode.INVALID_JSON, where, text[error.pos : error.pos + 20], "a list of boxes"
        ) from None
    if not isinstance(boxes, list) or not all(isinstance(box, list) for box in boxes):
        raise DialectFault(
            FailureCode.WRONG_TYPE, character(offset), _shown(boxes), "a list of boxes, [[x1, y1, x2, y2], …]"
        )
    return boxes


def _write_internvl(items: Sequence[Item]) -> str:
    written = [
        (f"<ref>{_in_tag(item.label)}</ref>" if item.label else "") + f"<box>[{json.dumps(item.value)}]</box>"
        for item in items
    ]
    return "".join(written) or "[]"


# Times.

_CLOCK = r"(?:[0-9]+:)?[0-9]{1,3}:[0-5][0-9](?:\.[0-9]+)?"
_SECONDS = r"[0-9]+(?:\.[0-9]+)?"
_TIME_KEYS = (("time",), ("start_time", "end_time"), ("start", "end"))


def _moment_reader(time: str, seconds: Callable[[str], float]) -> Callable[[Any, str], float]:
    """Return a reader of one time."""
    one = re.compile(time)

    def moment(value: Any, where: str) -> float:
        if not isinstance(value, str) or one.fullmatch(value.strip()) is None:
            raise DialectFault(FailureCode.WRONG_TYPE, where, _shown(value), "a time as the dialect writes it")
        return seconds(value.strip())

    return moment


def _times_reader(time: str, seconds: Callable[[str], float]) -> Callable[[str], list[Item]]:
    """Return a reader of pairs of times: in words, or in JSON as lists, under ``time``, or as start and end."""
    moment = _moment_reader(time, seconds)
    # White space is single by then, so that no run of it is looked at again and again.
    pair = re.compile(rf"(?:from )?({time}) ?(?:[-~,\u2013\u2014]|to) ?({time})\.?", re.IGNORECASE)

    def read(text: str) -> list[Item]:
        if text[:1] in "[{":
            spans = _json_spans(text)
            return [Item([moment(value, f"{row}.{side}") for side, value in enumerate(span)]) for row, span in spans]
        items: list[Item] = []
        for piece in re.split("[;\n]| and ", "\n".join(" ".join(line.split()) for line in text.splitlines())):
            found = pair.fullmatch(piece.strip())
            if found is None:
                raise DialectFault(FailureCode.INVALID_VALUE, "", _shown(piece), "two times, start to end")
            items.append(Item([seconds(found[1]), seconds(found[2])]))
        return items

    return read


def _json_spans(text: str) -> list[tuple[str, list[Any]]]:
    """Return place, start and end of each span of a JSON answer."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        found = text[error.pos : error.pos + 20]
        raise DialectFault(FailureCode.INVALID_JSON, character(error.pos), found, "JSON, or two times") from None
    if isinstance(value, dict) and value.keys() == {"times"}:
        value = value["times"]
    is_one = not isinstance(value, list) or (value and isinstance(value[0], str))
    return [(str(row), _start_and_end(span, str(row))) for row, span in enumerate([value] if is_one else value)]


def _start_and_end(span: Any, where: str) -> list[Any]:
    if isinstance(span, dict):
        keys = next((keys for keys in _TIME_KEYS if span.keys() == set(keys)), None)
        if keys is None:
            raise DialectFault(
                FailureCode.MISSING_KEY, where, _shown(span), "time, start and end, or start_time and end_time"
            )
        span = span["time"] if keys == ("time",) else [span[key] for key in keys]
    if not (isinstance(span, list) and len(span) == 2):
        raise DialectFault(FailureCode.WRONG_LENGTH, where, _shown(span), "a start and an end")
    return span


def _clock_seconds(text: str) -> float:
    total = 0.0
    for part in text.split(":"):
        total = total * 60 + float(part)
    return total


def _plain_seconds(text: str) -> float:
    found = re.match(_SECONDS, text)
    return math.nan if found is None else float(found[0])


def _write_clock(items: Sequence[Item]) -> str:
    return "; ".join(" - ".join(_clock(moment) for moment in item.value) for item in items) or "[]"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours = f"{int(minutes // 60)}:" if minutes >= 60 else ""
    whole, point, fraction = _plain(rest).partition(".")
    return f"{hours}{int(minutes % 60):02d}:{whole.zfill(2)}{point}{fraction}"


def _write_seconds(items: Sequence[Item]) -> str:
    return "; ".join(f"{_plain(item.value[0])} to {_plain(item.value[1])}" for item in items) or "[]"


_UNIT_OF_SECONDS = r"(?:\s*(?:seconds?|secs?|s))?"
_COORDINATE = {"type": "number", "minimum": 0, "maximum": COORDINATE_MAX}
_BOX_ITEM = {"type": "array", "items": _COORDINATE, "minItems": 4, "maxItems": 4}
_POINT_ITEM = {"type": "array", "items": _COORDINATE, "minItems": 2, "maxItems": 2}

# Patterns, in which @ is a coordinate. They are narrower than what is read: the form that models write.
_COORDINATE_PATTERNS = {
    "thousandths": r"(?:1000|(?:0|[1-9][0-9]{0,2})(?:\.[0-9]{1,3})?)",
    "percent": r"(?:100|(?:0|[1-9][0-9]?)(?:\.[0-9]{1,3})?)",
    "unit": r"(?:1|0(?:\.[0-9]{1,4})?)",
    "pixels": r"(?:0|[1-9][0-9]{0,4})(?:\.[0-9]{1,3})?",
}
_MOST_POINTS = 16


def _point_tag_patterns() -> tuple[str, str]:
    """Return the pattern of one point, and that of up to sixteen, which are numbered one by one."""
    end = ' alt="[^"<>]*">[^<>]*'
    more = ""
    for number in range(_MOST_POINTS, 1, -1):
        more = f'(?: x{number}="@" y{number}="@"{more})?'
    one = f'<point x="@" y="@"{end}</point>'
    return one, f'(?:{one}|<points x1="@" y1="@"{more}{end}</points>|There are none\\.)'


_INTERNVL_BOX = r"(?:<ref>[^<>]*</ref>)?<box>\[\[@(?:, @){3}\]\]</box>"
_MOLMO_POINT, _MOLMO_POINTS = _point_tag_patterns()
_MOLMO2_NUMBER = "(?:[0-9]{3}|@)"
_MOLMO2_END = '">[^<>]*</points>'
_CLOCK_PATTERN = r"(?:[0-9]{1,2}:)?[0-9]{1,2}:[0-5][0-9](?:\.[0-9]{1,2})?"
_CLOCK_SPAN = f"{_CLOCK_PATTERN} - {_CLOCK_PATTERN}"
_SECONDS_PATTERN = r"[0-9]{1,6}(?:\.[0-9]{1,3})?"
_SECONDS_SPAN = f"{_SECONDS_PATTERN} to {_SECONDS_PATTERN}"


def _labeled_item(key: str, value: dict[str, Any]) -> dict[str, Any]:
    label = {"type": "string", "pattern": "^[^<]*$"}
    return {
        "type": "object", "properties": {key: value, "label": label}, "required": [key], "additionalProperties": False
    }  # fmt: skip


QWEN_BOXES = Syntax(
    read=_qwen_reader("bbox_2d"),
    write=_qwen_writer("bbox_2d"),
    instruction='Give a JSON list with one object a box, with "bbox_2d": [x1, y1, x2, y2] in {unit} and "label".',
    item_schema=_labeled_item("bbox_2d", _BOX_ITEM),
)
QWEN_POINTS = Syntax(
    read=_read_qwen_points,
    write=_qwen_writer("point_2d"),
    instruction='Give a JSON list with one object a point, with "point_2d": [x, y] in {unit} and "label".',
    item_schema=_labeled_item("point_2d", _POINT_ITEM),
)
INTERNVL_BOXES = Syntax(
    read=_read_internvl,
    write=_write_internvl,
    instruction="Give each box as <ref>label</ref><box>[[x1, y1, x2, y2]]</box>, in {unit}.",
    pattern=_INTERNVL_BOX,
    many=rf"(?:(?:{_INTERNVL_BOX})+|\[\])",
)
MOLMO_POINTS = Syntax(
    read=_read_point_tags,
    write=_write_point_tags,
    instruction='Give one point as <point x="…" y="…" alt="label">label</point> and several as <points x1="…" y1="…" '
    'x2="…" y2="…" alt="label">label</points>, in {unit}.',
    pattern=_MOLMO_POINT,
    many=_MOLMO_POINTS,
)
MOLMO2_POINTS = Syntax(
    read=_read_point_lists,
    write=_write_point_lists,
    instruction='Give all points as <points coords="1 1 x y 2 x y …">label</points>, in {unit}, '
    'or say "There are none."',
    pattern=f'<points coords="1 1 {_MOLMO2_NUMBER} {_MOLMO2_NUMBER}{_MOLMO2_END}',
    many=f'(?:<points coords="1(?: [0-9]{{1,3}} {_MOLMO2_NUMBER} {_MOLMO2_NUMBER})+{_MOLMO2_END}|There are none\\.)',
)
CLOCK_TIMES = Syntax(
    read=_times_reader(_CLOCK, _clock_seconds),
    moment=_moment_reader(_CLOCK, _clock_seconds),
    write_moment=_clock,
    # xgrammar reads a digit too many from repeats with bounds in the pattern of a string.
    moment_pattern=r"[0-9][0-9]:[0-5][0-9](\.[0-9][0-9]?)?",
    write=_write_clock,
    instruction="Give start and end as mm:ss, such as 01:05 - 01:12.5.",
    pattern=_CLOCK_SPAN,
    many=rf"(?:{_CLOCK_SPAN}(?:; {_CLOCK_SPAN})*|\[\])",
)
SECONDS_TIMES = Syntax(
    read=_times_reader(_SECONDS + _UNIT_OF_SECONDS, _plain_seconds),
    moment=_moment_reader(_SECONDS + _UNIT_OF_SECONDS, _plain_seconds),
    write_moment=lambda seconds: f"{_plain(seconds)}s",
    moment_pattern=f"{_SECONDS_PATTERN}s",
    write=_write_seconds,
    instruction="Give start and end in seconds, such as 12.5 to 17.8.",
    pattern=_SECONDS_SPAN,
    many=rf"(?:{_SECONDS_SPAN}(?:; {_SECONDS_SPAN})*|\[\])",
)

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
                raise DialectFault(FailureCode.INVALID_VALUE, "", _shown(text), f"an answer in the dialect {self.name}")
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


def resized(
    width: int,
    height: int,
    *,
    min_pixels: int = 56 * 56,
    max_pixels: int = 12_845_056,
    factor: int = 28,
) -> tuple[int, int]:
    """Return the size to which Qwen2.5-VL's processor resizes an image, in whose pixels the model then writes.

    ::

        sides are rounded to multiples of factor; where their product is not within min_pixels…max_pixels, both are
        first scaled by √(limit / (width · height)), rounding down to stay below the largest, up to reach the least

    Args:
        width: Width of the file in pixels.
        height: Its height.
        min_pixels: The processor's setting of that name; by default that of Qwen2.5-VL's checkpoints.
        max_pixels: The same.
        factor: The side of a merged patch: 28 in Qwen2.5-VL.

    Raises:
        ArgumentError: If a side is not positive, or one is more than 200 times the other, which the processor refuses.

    Source: ``smart_resize`` of Qwen2-VL's image processor in transformers, and ``preprocessor_config.json`` of
    Qwen2.5-VL.

    >>> resized(1920, 1080), resized(640, 480)
    ((1932, 1092), (644, 476))
    """
    if not (width > 0 and height > 0) or max(width, height) / min(width, height) > 200:
        raise ArgumentError(f"width and height are positive, one at most 200 times the other, not {width} and {height}")
    across, down = (max(factor, round(side / factor) * factor) for side in (width, height))
    if across * down > max_pixels:
        shrink = math.sqrt(width * height / max_pixels)
        across, down = (max(factor, math.floor(side / shrink / factor) * factor) for side in (width, height))
    elif across * down < min_pixels:
        grow = math.sqrt(min_pixels / (width * height))
        across, down = (math.ceil(side * grow / factor) * factor for side in (width, height))
    return across, down
