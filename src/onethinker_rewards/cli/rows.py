"""Reading and writing JSON Lines that may be broken: a broken line is a value with its number, not an error."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson

__all__ = ["Broken", "Row", "encode", "json_text", "read_rows"]

# What both writers can write again.
DEEPEST = 200
# From here on the faster reader makes floating-point numbers of integers.
_WIDE = 2.0**63
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Row:
    """A line that is a JSON object, or a row of a table.

    Attributes:
        number: The line's or the row's number, from 1.
        columns: The object.
        others: Names of columns that are there too and were not decoded.
    """

    number: int
    columns: dict[str, Any]
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that cannot be used, and why in words."""

    number: int
    why: str


def read_rows(lines: Iterable[bytes], first: int = 1) -> Iterator[Row | Broken]:
    """Yield what each line is, numbered from ``first``; blank lines are counted and left out."""
    for number, line in enumerate(lines, start=first):
        text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
        if text.strip():
            yield _read_row(number, text.rstrip())


def encode(columns: dict[str, Any]) -> bytes:
    """Return one line of JSON, with its end; NaN and infinities are null, bytes are base64."""
    try:
        return orjson.dumps(columns, default=_as_text, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # Lone surrogates and integers beyond 64 bits: the standard library writes them.
        text = json.dumps(_without_nan(columns), ensure_ascii=True, separators=(",", ":"), default=_as_text)
        return text.encode("ascii") + b"\n"


def json_text(value: Any) -> str:
    """Return any value as JSON, written as in a line."""
    return encode({"": value})[len(b'{"":') : -len(b"}\n")].decode("utf-8")


def _read_row(number: int, line: bytes) -> Row | Broken:
    try:
        value = _decode(line)
    except UnicodeDecodeError as error:
        return Broken(number, f"not UTF-8 (byte {error.start + 1})")
    except json.JSONDecodeError as error:
        return Broken(number, f"not JSON: {error.msg} (column {error.colno})")
    except RecursionError:
        return Broken(number, "not JSON: nested too deeply")
    except ValueError:
        return Broken(number, "not JSON: a number with too many digits")
    if not isinstance(value, dict):
        return Broken(number, "not a JSON object")
    if line.count(b"[") + line.count(b"{") > DEEPEST and _depth(value) > DEEPEST:
        return Broken(number, "nested too deeply")
    return Row(number, value)


def _decode(line: bytes) -> Any:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        # It refuses escapes of lone surrogates and NaN, which others write; the slower reader takes them.
        return json.loads(line.decode("utf-8"))
    # And it drops digits of integers beyond 64 bits.
    return json.loads(line) if isinstance(value, dict) and _has_wide(value.values()) else value


def _has_wide(values: Iterable[Any]) -> bool:
    """Tell whether there is a number, at any depth, that may be an integer which lost digits."""
    for value in values:
        kind = type(value)
        if kind is str or kind is int:
            continue
        if kind is float:
            # Whole, as all of this size are.
            if not -_WIDE < value < _WIDE:
                return True
        elif (kind is list or kind is dict) and _has_wide(value.values() if kind is dict else value):
            return True
    return False


def _depth(value: Any) -> int:
    """Return how many lists and objects stand inside each other, without recursion."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = list(chain.from_iterable(one.values() if isinstance(one, dict) else one for one in level))
    return depth


def _as_text(value: Any) -> str:
    """Return what only tables hold as text: bytes, decimals, durations."""
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else str(value)


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return value
