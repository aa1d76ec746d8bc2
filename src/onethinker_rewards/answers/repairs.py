"""What lenient rules repair before an answer is read; no repair changes a number.

Text repairs turn what is nearly JSON into JSON; shape repairs turn an object that is nearly in the schema into one that
is.
"""

from __future__ import annotations

import re
from typing import Any

from onethinker_rewards.codes import RepairCode

# A string that may hold anything, or a comma that nothing follows.
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+")|,\s*(?=[}\]])', re.DOTALL)
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+("?)|[\[\]{}]', re.DOTALL)
# The language of a fence is a word with a line of its own, or in front of JSON; any other word is a part of the answer.
_FENCE_OPENS = re.compile(r"```(?:[A-Za-z][A-Za-z0-9]+(?=[ \t]*\n|\s*[\[{]))?\s*")
_CLOSES = {"[": "]", "{": "}"}
_POINTS = 3
_BOX_NUMBERS = 4

Repairs = list[RepairCode]


def without_fence(text: str) -> tuple[str, Repairs]:
    """Take a Markdown code fence off: a whole one, the half of one, one on a single line, or inline code marks."""
    bare = _FENCE_OPENS.sub("", text, count=1) if text.startswith("```") else text
    bare = bare.removesuffix("```")
    if bare == text and len(text) > 1 and text[0] == text[-1] == "`" and "`" not in text[1:-1]:
        bare = text[1:-1]
    bare = bare.strip()
    return (text, []) if bare == text or not bare.strip("`") else (bare, [RepairCode.CODE_FENCE])


def repair_json(text: str, *, track: bool) -> tuple[str, Repairs]:
    """Return a text that is no JSON with quotes, commas and missing closing brackets repaired, and what was repaired.

    Args:
        text: The answer, without a fence.
        track: Whether it should hold a track, of which whole boxes are kept where it was cut off.
    """
    repairs: Repairs = []
    if "'" in text and '"' not in text:
        text = text.replace("'", '"')
        repairs.append(RepairCode.SINGLE_QUOTES)
    shorter = _TRAILING_COMMA.sub(lambda found: found[1] or "", text)
    if shorter != text:
        text = shorter
        repairs.append(RepairCode.TRAILING_COMMA)
    closed = _closed_track(text) if track else _closed_brackets(text)
    if closed is not None:
        text = closed
        repairs.append(RepairCode.TRUNCATED_TRACK if track else RepairCode.CLOSED_BRACKET)
    return text, repairs


def _closed_brackets(text: str) -> str | None:
    """Return a text with the brackets closed that are open at its end, or None where that is not all it lacks.

    It has to end in a bracket: a number at the very end may have been cut off in the middle.
    """
    if not text.endswith(("]", "}")):
        return None
    missing: list[str] = []
    for token in _STRING_OR_BRACKET.finditer(text):
        if token[0] in _CLOSES:
            missing.append(_CLOSES[token[0]])
        elif token[0][0] != '"' and (not missing or missing.pop() != token[0]):
            return None
    return text + "".join(reversed(missing)) if missing else None


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


def repair_shape(value: Any, fields: frozenset[str], *, one_box: bool) -> tuple[Any, Repairs]:
    """Turn a value that is nearly in the schema into one that is; anything else stays as it is.

    Args:
        value: The decoded answer.
        fields: The schema's keys.
        one_box: Whether ``boxes`` is one box, not a track.
    """
    repairs: Repairs = []
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0]
        repairs.append(RepairCode.UNWRAPPED_LIST)
    if one_box and fields == frozenset({"boxes"}) and _is_box(value):
        value = {"boxes": value}
        repairs.append(RepairCode.BARE_BOX)
    return (value, repairs) if not isinstance(value, dict) else (value, [*repairs, *_repair_keys(value, fields)])


def _repair_keys(value: dict[str, Any], fields: frozenset[str]) -> Repairs:
    """Repair the keys of an object in place, and what is under them."""
    repairs: Repairs = []
    for name in ("bbox_2d", "bbox"):
        if name in value and "boxes" in fields and "boxes" not in value:
            value["boxes"] = value.pop(name)
            repairs.append(RepairCode.RENAMED_KEY)
    if "boxes" in fields and "label" not in fields and isinstance(value.get("label"), str):
        del value["label"]
        repairs.append(RepairCode.DROPPED_LABEL)
    for name in ("boxes", "time"):
        wrapped = value.get(name)
        if name in fields and isinstance(wrapped, list) and len(wrapped) == 1 and isinstance(wrapped[0], list):
            value[name] = wrapped[0]
            repairs.append(RepairCode.UNWRAPPED_BOX)
    for name in ("positive_points", "negative_points"):
        if name in fields:
            repairs += _three_points(value, name)
    return list(dict.fromkeys(repairs))


def _is_box(value: Any) -> bool:
    """Return whether a value is four numbers, or a list of one such list."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return isinstance(value, list) and len(value) == _BOX_NUMBERS and all(type(item) in (int, float) for item in value)


def _three_points(value: dict[str, Any], name: str) -> Repairs:
    points = value.get(name)
    if not isinstance(points, list) or not points or len(points) == _POINTS:
        return []
    missing = _POINTS - len(points)
    value[name] = points[:_POINTS] + [points[-1]] * max(0, missing)
    return [RepairCode.REPEATED_POINTS if missing > 0 else RepairCode.EXTRA_POINTS]
