"""References, and answers of somebody who looks, from a random generator: for averages, and by the million."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from onethinker_rewards.answers import (
    BoxTrack,
    Number,
    OptionLetter,
    SegmentationPrompt,
    SingleBox,
    Text,
    TimedBoxTrack,
    TimeSpan,
    VideoSegmentationPrompt,
)
from onethinker_rewards.testing.sound import schema_of

__all__ = ["CONSTANTS", "observed", "sample"]

_WORDS = (
    "a man woman dog cat walks runs sits stands near behind under the red green old small street table car tree while "
    "rain falls looks at sign holds cup opens door turns left right slowly again two three people on of in with and"
).split()


def sample(task: str, random: Random) -> Any:
    """Return a reference: objects of all sizes and places, events of all lengths, a dictionary or a text."""
    schema = schema_of(task)
    if schema is OptionLetter:
        return random.choice("ABCD")
    if schema is Number:
        return f"{random.lognormvariate(2.0, 1.5):.2f}"
    if task == "math":
        return random.choice(_MATH).format(random.randint(2, 99), random.randint(2, 99))
    if schema not in _FIELDS:
        return " ".join(random.choices(_WORDS, k=random.randint(4, 14)))
    return _object(schema, random)


_MATH = (r"\frac{{{0}}}{{{1}}}", "{0}.{1}", "${0}$", r"{0}\pi", r"{0}\sqrt{{{1}}}", "({0}, {1})", "{0}x + {1}", "-{0}")
_FIELDS = {SingleBox, BoxTrack, TimeSpan, TimedBoxTrack, SegmentationPrompt, VideoSegmentationPrompt}


def _object(schema: Any, random: Random) -> dict[str, Any]:
    box = _box(random)
    start = round(random.uniform(0.0, 100.0), 1)
    span = [start, round(start + random.uniform(0.5, 30.0), 1)]
    every: dict[str, Any] = {
        "time": start if schema is VideoSegmentationPrompt else span,
        "boxes": _track(box, int(start), random) if schema in {BoxTrack, TimedBoxTrack} else box,
        "positive_points": [_point(box, random) for _ in range(3)],
        "negative_points": [_point([0, 0, 1000, 1000], random) for _ in range(3)],
    }
    return {name: every[name] for name in schema.model_fields}


def _box(random: Random) -> list[float]:
    width, height = random.uniform(20, 500), random.uniform(20, 500)
    left, top = random.uniform(0, 1000 - width), random.uniform(0, 1000 - height)
    return [round(left, 1), round(top, 1), round(left + width, 1), round(top + height, 1)]


def _point(box: list[float], random: Random) -> list[float]:
    return [round(random.uniform(box[0], box[2]), 1), round(random.uniform(box[1], box[3]), 1)]


def _track(box: list[float], first: int, random: Random) -> dict[str, list[float]]:
    return {str(first + second): _shaken(box, random) for second in range(random.randint(1, 12))}


def _shaken(box: list[float], random: Random) -> list[float]:
    """Move each side by up to a twentieth of the box."""
    width, height = box[2] - box[0], box[3] - box[1]
    sides = zip(box, (width, height, width, height), strict=True)
    return [round(min(max(side + random.uniform(-0.05, 0.05) * size, 0), 1000), 2) for side, size in sides]


def observed(reference: Any, random: Random, key: str = "") -> Any:
    """Return what somebody who looks would answer: places within a twentieth, seconds within half a one, most texts."""
    if isinstance(reference, dict):
        return {name: observed(value, random, name) for name, value in reference.items()}
    if isinstance(reference, list):
        return _observed_list(reference, random, key)
    if isinstance(reference, float):
        return max(0.0, round(reference + random.uniform(-0.5, 0.5), 2))
    # One text in ten is wrong: an option's letter, a number, a sentence.
    return reference if random.random() < 0.9 else ("E" if len(reference) == 1 else "0")


def _observed_list(values: list[Any], random: Random, key: str) -> list[Any]:
    if len(values) == 4:
        return _shaken(values, random)
    if len(values) == 2:
        near = [value + random.uniform(-0.5, 0.5) for value in values]
        return [round(max(0.0, value), 2) for value in (sorted(near) if key == "time" else near)]
    return [_observed_list(value, random, key) for value in values]


_WHOLE = [0, 0, 1000, 1000]
_CENTRE = [250, 250, 750, 750]
_MIDDLE = [[500, 500]] * 3
_EVERY_SECOND = {str(second): _WHOLE for second in range(200)}

# What somebody who does not look would try, by schema; beside these, another row's reference.
CONSTANTS: dict[Any, list[str]] = {
    OptionLetter: ["A", "B", "A or B", "A, B, C, D", "A. B. C. D.", "ABCD", "any"],
    Number: ["0", "1", "7.39", "10", "100", "1e5", "50%", "between 1 and 100"],
    TimeSpan: [json.dumps({"time": span}) for span in ([0, 0], [0, 130], [0, 1e308], [40, 60], [50, 50])],
    SingleBox: [json.dumps({"boxes": box}) for box in (_WHOLE, _CENTRE, [0, 0, 1, 1], [-1e9, -1e9, 1e9, 1e9])],
    Text: ["the", "a b c", "0", "0 or 1", "x", "yes", " ".join(_WORDS), " ".join(_WORDS[:8])],
    BoxTrack: [json.dumps({"boxes": track}) for track in (_EVERY_SECOND, {"0": _WHOLE}, {"50": _CENTRE})],
    TimedBoxTrack: [
        json.dumps({"time": [0, 130], "boxes": _EVERY_SECOND}),
        json.dumps({"time": [0, 0], "boxes": {"0": _WHOLE}}),
    ],
    SegmentationPrompt: [json.dumps({"boxes": _CENTRE, "positive_points": _MIDDLE, "negative_points": _MIDDLE})],
    VideoSegmentationPrompt: [
        json.dumps({"time": 50, "boxes": _CENTRE, "positive_points": _MIDDLE, "negative_points": _MIDDLE})
    ],
}
