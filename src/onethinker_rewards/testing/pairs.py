"""References with answers to them: what laws of rewards are tried on.

`pairs` draws both for hypothesis: right, nearly right and wrong answers. Numbers are tenths, so that counterexamples
are readable and no area is lost to rounding. `sample` and `honest_answer` take both from a random generator, for
averages over many rows.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from onethinker_rewards.answers import (
    BoxTrack,
    Number,
    OptionLetter,
    SegmentationPrompt,
    SingleBox,
    Text,
    Think,
    TimedBoxTrack,
    TimeSpan,
    VideoSegmentationPrompt,
)
from onethinker_rewards.testing.valid import Schema, has_track, is_json, is_math, math_texts, schema_of

# Words of references; "sure" and the words of `text_around` are not among them.
_WORDS = ("red", "dog", "barks", "near", "old", "gate", "while", "rain", "falls")
_SAMPLE_WORDS = (
    "a man woman dog cat walks runs sits stands near behind under the red green old small street table car tree while "
    "rain falls looks at sign holds cup opens door turns left right slowly again two three people on of in with and"
).split()
_MATH = (r"\frac{{{0}}}{{{1}}}", "{0}.{1}", "${0}$", r"{0}\pi", r"{0}\sqrt{{{1}}}", "({0}, {1})", "{0}x + {1}", "-{0}")


class Pair(NamedTuple):
    """A reference and an answer to it, as values: dictionaries for JSON, texts for the others."""

    reference: Any
    predicted: Any


def as_text(value: Any) -> str:
    """Return a value as an answer's text."""
    return value if isinstance(value, str) else json.dumps(value)


def respond(answer: str, think: Think) -> str:
    """Return the response in the format that a recipe's ``think`` asks for."""
    thinking = {"required": "<think>I look at it.</think>\n", "prefilled": "I look at it.</think>\n", "none": ""}
    return f"{thinking[think]}<answer>{answer}</answer>"


def pairs(task: str) -> SearchStrategy[Pair]:
    """Return references with valid answers to them: right, nearly right and wrong."""
    schema = schema_of(task)
    if is_json(task):
        return _objects(schema)
    if is_math(task):
        return _same_kind(math_texts())
    if schema is OptionLetter:
        return _same_kind(st.sampled_from("ABCDE"))
    return _same_kind(_tenths(1000).map(repr)) if schema is Number else _texts()


def _same_kind(texts: SearchStrategy[str]) -> SearchStrategy[Pair]:
    return texts.flatmap(lambda reference: st.builds(Pair, st.just(reference), st.just(reference) | texts))


@st.composite
def _texts(draw: DrawFn) -> Pair:
    """Return a text of different words, and the same with words replaced or left out.

    Were a word in the reference twice, or the answer's words in another order, a longer answer could be better.
    """
    reference = draw(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=6, unique=True))
    kept = [draw(st.sampled_from([word, word, "", "sure"])) for word in reference]
    return Pair(" ".join(reference), " ".join(word for word in kept if word) or reference[0])


def _tenths(high: int) -> SearchStrategy[float]:
    coarse = st.integers(0, 10).map(lambda step: step * high / 10)
    return st.one_of(coarse, st.integers(0, high * 10).map(lambda tenths: tenths / 10))


@st.composite
def box_of_tenths(draw: DrawFn) -> list[float]:
    """Return x1, y1, x2, y2 in order, in tenths; no side is longer than 100."""
    left, top = draw(_tenths(900)), draw(_tenths(900))
    width, height = draw(_tenths(99)), draw(_tenths(99))
    return [left, top, round(left + 1 + width, 1), round(top + 1 + height, 1)]


@st.composite
def _objects(draw: DrawFn, schema: Schema) -> Pair:
    points = st.lists(st.lists(_tenths(1000), min_size=2, max_size=2), min_size=3, max_size=3)
    span = st.lists(_tenths(200), min_size=2, max_size=2).map(sorted)
    fields: dict[str, SearchStrategy[Any]] = {
        "time": _tenths(200) if schema is VideoSegmentationPrompt else span,
        "boxes": _track() if has_track(schema) else box_of_tenths(),
        "positive_points": points,
        "negative_points": points,
    }
    reference = {name: draw(fields[name]) for name in schema.model_fields}
    predicted = {name: draw(st.one_of(st.just(reference[name]), fields[name])) for name in schema.model_fields}
    if has_track(schema):
        predicted["boxes"] = draw(_track_near(reference["boxes"]))
    return Pair(reference, predicted)


def _track() -> SearchStrategy[dict[str, list[float]]]:
    return st.dictionaries(st.integers(0, 12).map(str), box_of_tenths(), min_size=1, max_size=4)


@st.composite
def _track_near(draw: DrawFn, reference: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return a track that has some of the reference's frames, right or wrong, and some others."""
    track: dict[str, list[float]] = {}
    for second, box in reference.items():
        kind = draw(st.sampled_from(["right", "wrong", "missing"]))
        if kind != "missing":
            track[second] = list(box) if kind == "right" else draw(box_of_tenths())
    return {**draw(_track()), **track} if not track or draw(st.booleans()) else track


def sample(task: str, random: Random) -> Any:
    """Return a reference, a dictionary or a text: objects of all sizes and positions, events of all lengths."""
    schema = schema_of(task)
    if schema is OptionLetter:
        return random.choice("ABCD")
    if schema is Number:
        return f"{random.lognormvariate(2.0, 1.5):.2f}"
    if is_math(task):
        return random.choice(_MATH).format(random.randint(2, 99), random.randint(2, 99))
    if not is_json(task):
        return " ".join(random.choices(_SAMPLE_WORDS, k=random.randint(4, 14)))
    width, height = random.uniform(20, 500), random.uniform(20, 500)
    left, top = random.uniform(0, 1000 - width), random.uniform(0, 1000 - height)
    box = [round(left, 1), round(top, 1), round(left + width, 1), round(top + height, 1)]
    start = round(random.uniform(0.0, 100.0), 1)
    span = [start, round(start + random.uniform(0.5, 30.0), 1)]
    every: dict[str, Any] = {
        "time": start if schema is VideoSegmentationPrompt else span,
        "boxes": _sample_track(box, int(start), random) if has_track(schema) else box,
        "positive_points": [_sample_point(box, random) for _ in range(3)],
        "negative_points": [_sample_point(_WHOLE, random) for _ in range(3)],
    }
    return {name: every[name] for name in schema.model_fields}


def _sample_point(box: list[float], random: Random) -> list[float]:
    return [round(random.uniform(box[0], box[2]), 1), round(random.uniform(box[1], box[3]), 1)]


def _sample_track(box: list[float], first: int, random: Random) -> dict[str, list[float]]:
    return {str(first + second): _shifted(box, random) for second in range(random.randint(1, 12))}


def _shifted(box: list[float], random: Random) -> list[float]:
    """Move each side by up to a twentieth of the box."""
    width, height = box[2] - box[0], box[3] - box[1]
    sides = zip(box, (width, height, width, height), strict=True)
    return [round(min(max(side + random.uniform(-0.05, 0.05) * size, 0), 1000), 2) for side, size in sides]


def honest_answer(reference: Any, random: Random, key: str = "") -> Any:
    """Return the answer of a good observer: boxes within a twentieth, seconds within half a second, most texts."""
    if isinstance(reference, dict):
        return {name: honest_answer(value, random, name) for name, value in reference.items()}
    if isinstance(reference, list):
        if len(reference) == 4:
            return _shifted(reference, random)
        if len(reference) != 2:
            return [honest_answer(point, random, key) for point in reference]
        near = [value + random.uniform(-0.5, 0.5) for value in reference]
        return [round(max(0.0, value), 2) for value in (sorted(near) if key == "time" else near)]
    if isinstance(reference, float):
        return max(0.0, round(reference + random.uniform(-0.5, 0.5), 2))
    # One text in ten is wrong: an option's letter, a number, a sentence.
    return reference if random.random() < 0.9 else ("E" if len(reference) == 1 else "0")


_WHOLE: list[float] = [0, 0, 1000, 1000]
_CENTER = [250, 250, 750, 750]
_PROMPT = {"boxes": _CENTER, "positive_points": [[500, 500]] * 3, "negative_points": [[500, 500]] * 3}
_EVERY_SECOND = {str(second): _WHOLE for second in range(200)}

# Constant answers, by schema, that need no look at the question.
CONSTANTS: dict[Schema, list[str]] = {
    OptionLetter: ["A", "B", "A or B", "A, B, C, D", "A. B. C. D.", "ABCD", "any"],
    Number: ["0", "1", "7.39", "10", "100", "1e5", "50%", "between 1 and 100"],
    TimeSpan: [json.dumps({"time": span}) for span in ([0, 0], [0, 130], [0, 1e308], [40, 60], [50, 50])],
    SingleBox: [json.dumps({"boxes": box}) for box in (_WHOLE, _CENTER, [0, 0, 1, 1], [-1e9, -1e9, 1e9, 1e9])],
    Text: ["the", "a b c", "0", "0 or 1", "x", "yes", " ".join(_SAMPLE_WORDS), " ".join(_SAMPLE_WORDS[:8])],
    BoxTrack: [json.dumps({"boxes": track}) for track in (_EVERY_SECOND, {"0": _WHOLE}, {"50": _CENTER})],
    TimedBoxTrack: [
        json.dumps({"time": [0, 130], "boxes": _EVERY_SECOND}),
        json.dumps({"time": [0, 0], "boxes": {"0": _WHOLE}}),
    ],
    SegmentationPrompt: [json.dumps(_PROMPT)],
    VideoSegmentationPrompt: [json.dumps({"time": 50, **_PROMPT})],
}
