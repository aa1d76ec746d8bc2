"""What lenient rules repair before an answer is read; no repair changes a number.

Text repairs turn what is nearly JSON into JSON; shape repairs turn an object that is nearly in the schema into one that
is.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from onethinker_rewards.codes import RepairCode

_TRAILING_COMMA = re.compile(r",\s*(?=[}\]])")
_POINTS = 3

Repairs = list[RepairCode]


def without_fence(text: str) -> tuple[str, Repairs]:
    """Take a Markdown code fence off that encloses the whole text."""
    if not (text.startswith("```") and text.endswith("```") and len(text) >= 6):
        return text, []
    inner = text[3:-3]
    # The first line may name the language; a digit or a letter there is a part of the answer.
    first, newline, rest = inner.partition("\n")
    if newline and len(first.strip()) > 1 and first.strip().isidentifier():
        inner = rest
    return inner.strip(), [RepairCode.CODE_FENCE]


def load_with_repairs(text: str, *, track: bool) -> tuple[Any, Repairs]:
    """Decode JSON after repairs of quotes, commas and, for tracks, a missing end.

    Raises:
        orjson.JSONDecodeError: Where no repair helps.
    """
    repairs: Repairs = []
    try:
        return orjson.loads(text), repairs
    except orjson.JSONDecodeError as error:
        original = error
    if "'" in text and '"' not in text:
        text = text.replace("'", '"')
        repairs.append(RepairCode.SINGLE_QUOTES)
    shorter = _TRAILING_COMMA.sub("", text)
    if shorter != text:
        text = shorter
        repairs.append(RepairCode.TRAILING_COMMA)
    if track:
        whole = _closed_track(text)
        if whole is not None:
            text = whole
            repairs.append(RepairCode.TRUNCATED_TRACK)
    if not repairs:
        raise original
    return orjson.loads(text), repairs


def _closed_track(text: str) -> str | None:
    """Return a track that was cut off, ended behind its last whole box; None where it was not cut off.

    A box that is whole up to its bracket is kept; one that is cut off inside is dropped, because its last number
    may have been cut too.
    """
    if text.count("{") - text.count("}") not in {1, 2}:
        return None
    boxes = text.rfind('"boxes"')
    last = text.rfind("]")
    if not 0 <= boxes < last:
        return None
    whole = text[: last + 1]
    return whole + "}" * (whole.count("{") - whole.count("}"))


def repair_shape(value: Any, fields: frozenset[str]) -> tuple[Any, Repairs]:
    """Turn an object that is nearly in the schema into one that is; anything else stays as it is."""
    repairs: Repairs = []
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0]
        repairs.append(RepairCode.UNWRAPPED_LIST)
    if not isinstance(value, dict):
        return value, repairs
    if "bbox_2d" in value and "boxes" in fields and "boxes" not in value:
        value["boxes"] = value.pop("bbox_2d")
        value.pop("label", None)
        repairs.append(RepairCode.RENAMED_KEY)
    boxes = value.get("boxes")
    if isinstance(boxes, list) and len(boxes) == 1 and isinstance(boxes[0], list):
        value["boxes"] = boxes[0]
        repairs.append(RepairCode.UNWRAPPED_BOX)
    for name in ("positive_points", "negative_points"):
        if name in fields:
            repairs += _three_points(value, name)
    return value, list(dict.fromkeys(repairs))


def _three_points(value: dict[str, Any], name: str) -> Repairs:
    points = value.get(name)
    if not isinstance(points, list) or not points or len(points) == _POINTS:
        return []
    missing = _POINTS - len(points)
    value[name] = points[:_POINTS] + [points[-1]] * max(0, missing)
    return [RepairCode.REPEATED_POINTS if missing > 0 else RepairCode.EXTRA_POINTS]
