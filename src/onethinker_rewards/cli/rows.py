"""Rows of a table: one JSON object to a dictionary and back. A row that cannot be read is a value, not an error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import msgspec

from onethinker_rewards._validation import is_too_deep

# A row with fewer brackets is not nested too deeply.
_MANY_BRACKETS = 200


@dataclass(frozen=True, slots=True)
class Row:
    """A row that could be read: its number, from 1, and its columns."""

    number: int
    columns: dict[str, object]


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """A row that cannot be used: its number, from 1, and why."""

    number: int
    reason: str

    def columns(self) -> dict[str, object]:
        """Return what is written in its place."""
        return {"row": self.number, "error": self.reason}


def decode_row(text: bytes, number: int) -> Row | InvalidRow:
    """Return the JSON object of a line. NaN and infinities are taken, as Python's own writer writes them."""
    try:
        value: object = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # It refuses NaN, infinities and lone surrogates, and says less about a fault.
        try:
            value = json.loads(text.decode("utf-8"))
        except UnicodeDecodeError as error:
            return InvalidRow(number, f"not UTF-8 (byte {error.start + 1})")
        except json.JSONDecodeError as error:
            return InvalidRow(number, f"not JSON: {error.msg} (column {error.colno})")
        except RecursionError:
            return InvalidRow(number, "not JSON: nested too deeply")
        except ValueError:
            return InvalidRow(number, "not JSON: a number with too many digits")
    if not isinstance(value, dict):
        return InvalidRow(number, "not a JSON object")
    row = cast("dict[str, object]", value)
    if text.count(b"[") + text.count(b"{") > _MANY_BRACKETS and is_too_deep(row):
        return InvalidRow(number, "nested too deeply")
    return Row(number, row)


def encode_row(columns: dict[str, object]) -> bytes:
    """Return one line of JSON with its end; NaN and infinities become null, bytes base64."""
    try:
        return msgspec.json.encode(columns) + b"\n"
    except (TypeError, UnicodeEncodeError):
        # Lone surrogates, keys that are null: the standard library writes them.
        return json.dumps(_without_nan(columns), separators=(",", ":"), default=str).encode("ascii") + b"\n"


def json_text(value: object) -> str:
    """Return any value as JSON text."""
    return encode_row({"": value})[len(b'{"":') : -len(b"}\n")].decode("utf-8")


def without_null_entries(value: object) -> object:
    """Return a value without the null entries of its objects, which Arrow adds to objects that share a column."""
    if isinstance(value, dict):
        members = cast("dict[str, object]", value).items()
        return {key: without_null_entries(member) for key, member in members if member is not None}
    if isinstance(value, list):
        return [without_null_entries(member) for member in cast("list[object]", value)]
    return value


def _without_nan(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(member) for key, member in cast("dict[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_without_nan(member) for member in cast("Iterable[object]", value)]
    return value
