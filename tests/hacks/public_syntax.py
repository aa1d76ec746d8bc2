"""Our answers in the syntaxes of others, so that a trick is played on a public reward in the words it reads.

Every JSON object in a response that is an answer of the task is written anew; the text around it, and what is no answer
of the task, stay as they are. JSON is read as Python reads it: NaN and Infinity are numbers, 1e999 is infinite, and the
last of repeated keys counts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

# From a decoded answer to its text in another syntax, or None for what is no answer of the task.
Write = Callable[[dict[str, Any]], str | None]


def translated(response: str, write: Write) -> str:
    """Return the response with every answer in it, in the thinking too, in the syntax of ``write``.

    >>> translated('<answer>{"point": [1, 2]}</answer>', lambda answer: str(answer["point"]))
    '<answer>[1, 2]</answer>'
    """
    decoder = json.JSONDecoder()
    parts: list[str] = []
    done = 0
    start = response.find("{")
    while start >= 0:
        try:
            answer, end = decoder.raw_decode(response, start)
        except json.JSONDecodeError:
            start = response.find("{", start + 1)
            continue
        text = write(answer)
        parts += [response[done:start], response[start:end] if text is None else text]
        done, start = end, response.find("{", end)
    return "".join([*parts, response[done:]])


def qwen_boxes(answer: dict[str, Any]) -> str | None:
    """``[{"bbox_2d": [x1, y1, x2, y2], "label": "cat"}]``, with an empty label where there is none."""
    items = _items(answer)
    return None if items is None else json.dumps(items)


def qwen_boxes_fenced(answer: dict[str, Any]) -> str | None:
    """The same in a code fence."""
    text = qwen_boxes(answer)
    return None if text is None else f"```json\n{text}\n```"


def boxes_and_points(side: float) -> Write:
    """``[{"bbox_2d": […], "point_2d": [x, y]}]`` in pixels of a square image; the points are the boxes' middles."""

    def write(answer: dict[str, Any]) -> str | None:
        items = _items(answer)
        if items is None or not all(is_numbers(item["bbox_2d"], 4) for item in items):
            return None
        boxes = [[number * side / 1000 for number in item["bbox_2d"]] for item in items]
        return json.dumps([{"bbox_2d": box, "point_2d": middle(box)} for box in boxes])

    return write


def rex_boxes(answer: dict[str, Any]) -> str | None:
    """``<|object_ref_start|>cat<|object_ref_end|><|box_start|><1><2><3><4><|box_end|>``, an object after another."""
    items = _items(answer)
    if items is None or not all(is_numbers(item["bbox_2d"], 4) for item in items):
        return None
    return ", ".join(_rex(str(item["label"]), item["bbox_2d"]) for item in items)


def rex_points(answer: dict[str, Any]) -> str | None:
    """The same with two numbers a point, all of one class."""
    points = answer.get("points")
    if not isinstance(points, list) or not all(is_numbers(point, 2) for point in points):
        return None
    return ", ".join(_rex("object", point) for point in points)


def _rex(label: str, numbers: list[float]) -> str:
    bins = "".join(f"<{_whole(number)}>" for number in numbers)
    return f"<|object_ref_start|>{label}<|object_ref_end|><|box_start|>{bins}<|box_end|>"


def qwen_point(answer: dict[str, Any]) -> str | None:
    """``[{"point_2d": [x, y]}]``."""
    return json.dumps([{"point_2d": answer["point"]}]) if answer.keys() == {"point"} else None


def gui_action(answer: dict[str, Any]) -> str | None:
    """``[{'action': 'click', 'point': [x, y], 'input_text': 'no input text'}]`` in whole pixels."""
    if not is_numbers(answer.get("point"), 2):
        return None
    x, y = map(_whole, answer["point"])
    return f"[{{'action': 'click', 'point': [{x}, {y}], 'input_text': 'no input text'}}]"


def gym_point(answer: dict[str, Any]) -> str | None:
    """``<point>(x, y)</point>`` in whole thousandths."""
    if not is_numbers(answer.get("point"), 2):
        return None
    x, y = map(_whole, answer["point"])
    return f"<point>({x}, {y})</point>"


def dashed_times(answer: dict[str, Any]) -> str | None:
    """``10.00-20.00 40.00-55.00``."""
    times = answer.get("times")
    if not isinstance(times, list) or not all(is_numbers(span, 2) for span in times):
        return None
    return " ".join(f"{start:.2f}-{end:.2f}" for start, end in times)


def number_list(items: list[str]) -> Write:
    """``3, 1, 2``: each item by its number in the alphabetical order of the right ones, from 1; others by 99."""
    numbers = {item: number for number, item in enumerate(sorted(items), 1)}

    def write(answer: dict[str, Any]) -> str | None:
        order = answer.get("order")
        if not isinstance(order, list):
            return None
        flat = [inner for item in order for inner in (item if isinstance(item, list) else [item])]
        return ", ".join(str(item if isinstance(item, int) else numbers.get(item, 99)) for item in flat)

    return write


def is_numbers(value: Any, count: int) -> bool:
    """Return whether a value is a list of so many numbers, of which none is a boolean."""
    return isinstance(value, list) and len(value) == count and all(type(item) in (int, float) for item in value)


def middle(box: list[float]) -> list[float]:
    """Return the middle of a box.

    >>> middle([0, 0, 4, 2])
    [2.0, 1.0]
    """
    return [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]


def _items(answer: dict[str, Any]) -> list[dict[str, Any]] | None:
    objects = answer.get("objects")
    if not isinstance(objects, list) or not all(isinstance(item, dict) and "box" in item for item in objects):
        return None
    return [{"bbox_2d": item["box"], "label": item.get("label", "")} for item in objects]


def _whole(number: float) -> float:
    return round(number) if math.isfinite(number) else number
