r"""How models write boxes and points: Qwen's JSON, tags with points, InternVL's tags with boxes.

Sources: Qwen's cookbooks (QwenLM/Qwen3-VL, ``cookbooks/2d_grounding.ipynb`` and ``spatial_understanding.ipynb``);
InternVL's documentation of grounding (``<ref>`` and ``<box>``); Molmo's model card (``<point>``, ``<points>``) and that
of Molmo 2 (``<points coords>``: the image's number, then number, x and y of each point; ``There are none.``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import orjson

from onethinker_rewards.answers.limits import is_deeper
from onethinker_rewards.answers.schemas import COORDINATE_MAX
from onethinker_rewards.codes import FailureCode, FaultDetail, shortened
from onethinker_rewards.errors import ArgumentError

_SHOWN_DEPTH = 20


class Item(msgspec.Struct, gc=False):
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
        quick: The same as ``read``, and several times faster, for the form that models nearly always write. Values are
            tuples of as many floats as ``numbers`` says. It raises a ValueError or `msgspec.DecodeError` for an empty
            text, and for any other that it does not know, on which ``read`` decides.
        numbers: How many numbers an item of ``quick`` has.
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
    quick: Callable[[str], Sequence[Item]] | None = None
    numbers: int = 2
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


class _BoxItem(Item, forbid_unknown_fields=True, gc=False):
    """``{"bbox_2d": [x1, y1, x2, y2], "label": "cat"}``."""

    value: tuple[float, float, float, float] = msgspec.field(name="bbox_2d")
    label: str = ""


class _PointItem(Item, forbid_unknown_fields=True, gc=False):
    """``{"point_2d": [x, y], "label": "cat"}``."""

    value: tuple[float, float] = msgspec.field(name="point_2d")
    label: str = ""


_FENCE, _FENCE_END = "```json\n", "\n```"


def _quick_qwen_reader(item: type[Item]) -> Callable[[str], Sequence[Item]]:
    decode = msgspec.json.Decoder(list[item] | item).decode

    def read(text: str) -> Sequence[Item]:
        is_fenced = text.startswith(_FENCE) and text.endswith(_FENCE_END)
        items = decode(text[len(_FENCE) : -len(_FENCE_END)] if is_fenced else text)
        return items if isinstance(items, list) else [items]

    return read


def _without_fence(text: str) -> tuple[str, int]:
    """Return what is between the lines of a code fence, and where it starts."""
    first, _, rest = text.partition("\n")
    body, _, last = rest.rpartition("\n")
    is_fenced = first.rstrip() in ("```", "```json") and last.strip() == "```" and rest != last
    return (body, len(first) + 1) if is_fenced else (text, 0)


def _qwen_item(item: Any, key: str, where: str) -> Item:
    if not isinstance(item, dict):
        raise DialectFault(FailureCode.WRONG_TYPE, where, shown_value(item), f'an object with "{key}" and "label"')
    if key not in item:
        raise DialectFault(FailureCode.MISSING_KEY, where, shown_value(item), f'the key "{key}"')
    unknown = next((name for name in item if name not in (key, "label")), None)
    if unknown is not None:
        raise DialectFault(
            FailureCode.UNKNOWN_KEY, f"{where}.{unknown}", shown_value(unknown), f'no keys but "{key}" and "label"'
        )
    label = item.get("label")
    if "label" in item and not isinstance(label, str):
        raise DialectFault(FailureCode.WRONG_TYPE, f"{where}.label", shown_value(label), "a text")
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


def shown_value(value: Any) -> str:
    """Return a value as a fault's detail shows it."""
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
            raise DialectFault(FailureCode.MISSING_KEY, "x", shown_value(text), "an x and a y for every point")
        items += [
            Item([_number(axes[axis][number], f"{axis}{number}") for axis in "xy"], label) for number in axes["x"]
        ]
    return items


_DIGITS = r"[0-9]++(?:\.[0-9]++)?+"
_USUAL_TAG = re.compile(
    # Numbers of points: none, or the same for an x and its y.
    rf"<(points?)((?: x([0-9]*+)=\"{_DIGITS}\" y\3=\"{_DIGITS}\")++)(?: alt=\"([^\"<>]*+)\")?+>([^<>]*+)</\1>"
)


def _read_usual_tag(text: str) -> list[Item]:
    """Read one tag with x and y in turns, and nothing after them but ``alt``."""
    if text == _NO_POINTS:
        return []
    tag = _USUAL_TAG.fullmatch(text)
    if tag is None:
        raise ValueError
    label = tag[5] if tag[4] is None else tag[4]
    pieces = tag[2].split('"')
    values = [*map(float, pieces[1::2])]
    if len(values) == 2:
        return [Item((values[0], values[1]), label)]
    if len({*pieces[:-1:2]}) < len(values):
        # Two points have the same number.
        raise ValueError
    return [Item(point, label) for point in zip(values[::2], values[1::2], strict=True)]


def _read_point_lists(text: str) -> list[Item]:
    """Read ``<points coords="1 1 073 160 2 173 600">label</points>``: the image, then number, x and y of each point."""
    items: list[Item] = []
    for attributes, label in [] if text == _NO_POINTS else _tags(text):
        given = {name + number: value for name, number, value in attributes}
        unknown = next(iter(given.keys() - {"coords", "alt"}), None)
        if unknown is not None:
            raise DialectFault(FailureCode.UNKNOWN_KEY, unknown, unknown, "coords and alt")
        if "coords" not in given:
            raise DialectFault(FailureCode.MISSING_KEY, "coords", shown_value(text), 'the attribute "coords"')
        numbers = given["coords"].split()
        if len(numbers) % 3 != 1:
            raise DialectFault(
                FailureCode.WRONG_LENGTH,
                "coords",
                shown_value(given["coords"]),
                "the image's number, and number, x and y of each point",
            )
        # The image's number, and each point's.
        for index in (0, *range(1, len(numbers), 3)):
            if not (numbers[index].isascii() and numbers[index].isdecimal()):
                raise DialectFault(
                    FailureCode.WRONG_TYPE,
                    f"coords.{index}",
                    shown_value(numbers[index]),
                    "the number of an image or a point",
                )
        values = [_number(number, f"coords.{index}") for index, number in enumerate(numbers)]
        items += [Item(values[start + 1 : start + 3], label) for start in range(1, len(values), 3)]
    return items


_USUAL_LIST = re.compile(
    rf"<points coords=\"[0-9]++((?: [0-9]++ {_DIGITS} {_DIGITS})++)\"(?: alt=\"([^\"<>]*+)\")?+>([^<>]*+)</points>"
)


def _read_usual_list(text: str) -> list[Item]:
    """Read one tag with ``coords``, and nothing after them but ``alt``."""
    if text == _NO_POINTS:
        return []
    tag = _USUAL_LIST.fullmatch(text)
    if tag is None:
        raise ValueError
    values = [*map(float, tag[1].split())]
    label = tag[3] if tag[2] is None else tag[2]
    return [Item(point, label) for point in zip(values[1::3], values[2::3], strict=True)]


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


def in_digits(number: float) -> str:
    """Return a number in digits, without an exponent, that reads back as the same."""
    text = repr(float(number))
    return (format(Decimal(text), "f") if "e" in text else text).removesuffix(".0")


def _number(text: str, where: str) -> float:
    if re.fullmatch(_NUMBER, text) is None:
        raise DialectFault(FailureCode.WRONG_TYPE, where, shown_value(text), "a number")
    return float(text)


def _write_point_tags(items: Sequence[Item]) -> str:
    label = _label_of(items)
    if len(items) == 1:
        x, y = map(in_digits, items[0].value)
        return f'<point x="{x}" y="{y}" alt="{label}">{label}</point>'
    numbered = " ".join(
        f'x{number}="{in_digits(item.value[0])}" y{number}="{in_digits(item.value[1])}"'
        for number, item in enumerate(items, start=1)
    )
    return f'<points {numbered} alt="{label}">{label}</points>' if items else _NO_POINTS


def _write_point_lists(items: Sequence[Item]) -> str:
    label = _label_of(items)
    numbered = " ".join(
        f"{number} {in_digits(item.value[0]).zfill(3)} {in_digits(item.value[1]).zfill(3)}"
        for number, item in enumerate(items, start=1)
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
_READ_POINT_2D_QUICKLY = _quick_qwen_reader(_PointItem)


def _read_qwen_points_quickly(text: str) -> Sequence[Item]:
    return _read_usual_tag(text) if text.startswith("<") else _READ_POINT_2D_QUICKLY(text)


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


_USUAL_REF = re.compile(r"(?:<ref>([^<>]*+)</ref>)?+<box>([^<>]++)</box>\s*+")
_decode_box_list = msgspec.json.Decoder(list[tuple[float, float, float, float]]).decode


def _read_usual_internvl(text: str) -> list[Item]:
    """Read the same without white space inside of the tags, in lists of four numbers."""
    if text.startswith("["):
        return [Item(box) for box in _decode_box_list(text)]
    items: list[Item] = []
    end = 0
    while not items or end < len(text):
        found = _USUAL_REF.match(text, end)
        if found is None:
            raise ValueError
        items += [Item(box, found[1]) for box in _decode_box_list(found[2])]
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
            FailureCode.WRONG_TYPE, character(offset), shown_value(boxes), "a list of boxes, [[x1, y1, x2, y2], …]"
        )
    return boxes


def _write_internvl(items: Sequence[Item]) -> str:
    written = [
        (f"<ref>{_in_tag(item.label)}</ref>" if item.label else "") + f"<box>[{json.dumps(item.value)}]</box>"
        for item in items
    ]
    return "".join(written) or "[]"


_COORDINATE = {"type": "number", "minimum": 0, "maximum": COORDINATE_MAX}
_BOX_ITEM = {"type": "array", "items": _COORDINATE, "minItems": 4, "maxItems": 4}
_POINT_ITEM = {"type": "array", "items": _COORDINATE, "minItems": 2, "maxItems": 2}

# In patterns, @ is a coordinate. They are narrower than what is read: the form that models write.
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


def _labeled_item(key: str, value: dict[str, Any]) -> dict[str, Any]:
    label = {"type": "string", "pattern": "^[^<]*$"}
    return {
        "type": "object", "properties": {key: value, "label": label}, "required": [key], "additionalProperties": False
    }  # fmt: skip


QWEN_BOXES = Syntax(
    read=_qwen_reader("bbox_2d"),
    quick=_quick_qwen_reader(_BoxItem),
    numbers=4,
    write=_qwen_writer("bbox_2d"),
    instruction='Give a JSON list with one object a box, with "bbox_2d": [x1, y1, x2, y2] in {unit} and "label".',
    item_schema=_labeled_item("bbox_2d", _BOX_ITEM),
)
QWEN_POINTS = Syntax(
    read=_read_qwen_points,
    quick=_read_qwen_points_quickly,
    write=_qwen_writer("point_2d"),
    instruction='Give a JSON list with one object a point, with "point_2d": [x, y] in {unit} and "label".',
    item_schema=_labeled_item("point_2d", _POINT_ITEM),
)
INTERNVL_BOXES = Syntax(
    read=_read_internvl,
    quick=_read_usual_internvl,
    numbers=4,
    write=_write_internvl,
    instruction="Give each box as <ref>label</ref><box>[[x1, y1, x2, y2]]</box>, in {unit}.",
    pattern=_INTERNVL_BOX,
    many=rf"(?:(?:{_INTERNVL_BOX})+|\[\])",
)
MOLMO_POINTS = Syntax(
    read=_read_point_tags,
    quick=_read_usual_tag,
    write=_write_point_tags,
    instruction='Give one point as <point x="…" y="…" alt="label">label</point> and several as <points x1="…" y1="…" '
    'x2="…" y2="…" alt="label">label</points>, in {unit}.',
    pattern=_MOLMO_POINT,
    many=_MOLMO_POINTS,
)
MOLMO2_POINTS = Syntax(
    read=_read_point_lists,
    quick=_read_usual_list,
    write=_write_point_lists,
    instruction='Give all points as <points coords="1 1 x y 2 x y …">label</points>, in {unit}, '
    'or say "There are none."',
    pattern=f'<points coords="1 1 {_MOLMO2_NUMBER} {_MOLMO2_NUMBER}{_MOLMO2_END}',
    many=f'(?:<points coords="1(?: [0-9]{{1,3}} {_MOLMO2_NUMBER} {_MOLMO2_NUMBER})+{_MOLMO2_END}|There are none\\.)',
)
