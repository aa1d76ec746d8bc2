"""Valid answers: values that a schema accepts, and texts in which a model would write them.

Sizes are small, and few distinct values make equal and touching ones common; the bounds are always among them.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from pydantic import BaseModel

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
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.tasks import spec_of

Schema = type[BaseModel]
# A task's name, or a schema.
Kind = str | Schema

JSON_SCHEMAS: tuple[Schema, ...] = (
    TimeSpan,
    SingleBox,
    BoxTrack,
    TimedBoxTrack,
    SegmentationPrompt,
    VideoSegmentationPrompt,
)
TEXT_SCHEMAS: tuple[Schema, ...] = (OptionLetter, Number, Text)
SCHEMAS = JSON_SCHEMAS + TEXT_SCHEMAS

# All that `str.strip` removes: the usual white space, the separators of files and records, and other scripts' spaces.
SPACES = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2003\u2028\u202f\u3000"


def schema_of(kind: Kind) -> Schema:
    """Return the schema of a task, or the one given.

    Raises:
        ArgumentError: If the schema is not one of the package's: strategies for your own task have to be your own.
        UnknownTaskError: If ``kind`` is text and not a task's name.
    """
    schema = spec_of(kind).schema if isinstance(kind, str) else kind
    if schema not in SCHEMAS:
        raise ArgumentError(f"kind is a task or one of its schemas, not {schema!r}")
    return schema


def is_json(kind: Kind) -> bool:
    """Return whether answers are JSON objects."""
    return schema_of(kind) in JSON_SCHEMAS


def is_math(kind: Kind) -> bool:
    """Return whether answers have to be mathematics, which their schema, that of free text, does not say."""
    return isinstance(kind, str) and spec_of(kind).name == "math"


def has_track(kind: Kind) -> bool:
    """Return whether answers contain a box for each of several frames."""
    return schema_of(kind) in {BoxTrack, TimedBoxTrack}


def coordinates(low: float = 0.0, high: float = 1000.0) -> SearchStrategy[float]:
    """Return whole and decimal numbers within [low, high], the bounds among them."""
    whole = st.integers(int(low), int(high))
    short = st.integers(int(low) * 10, int(high) * 10).map(lambda tenths: tenths / 10)
    return st.one_of(whole, short, st.floats(low, high), st.sampled_from([low, high]))


def _seconds() -> SearchStrategy[float]:
    return st.one_of(coordinates(0.0, 200.0), st.sampled_from([1e308, 2**53 + 1, 2**64, 5e-324]))


@st.composite
def box_values(draw: DrawFn, low: float = 0.0, high: float = 1000.0) -> list[float]:
    """Return x1, y1, x2, y2 in order, all within [low, high]."""
    two = st.lists(coordinates(low, high), min_size=2, max_size=2, unique_by=float).map(sorted)
    (left, right), (top, bottom) = draw(two), draw(two)
    return [left, top, right, bottom]


def fields(schema: Schema, low: float = 0.0, high: float = 1000.0) -> dict[str, SearchStrategy[Any]]:
    """Return a strategy for each field of a JSON schema, with coordinates in [low, high]."""
    span = st.tuples(_seconds(), _seconds()).map(sorted)
    # Seconds of a track may lie far apart.
    second = st.one_of(st.integers(0, 40), st.integers(0, 10**9 - 1)).map(str)
    box = box_values(low, high)
    point = st.lists(coordinates(low, high), min_size=2, max_size=2)
    every: dict[str, SearchStrategy[Any]] = {
        "time": _seconds() if schema is VideoSegmentationPrompt else span,
        "boxes": st.dictionaries(second, box, min_size=1, max_size=5) if has_track(schema) else box,
        "positive_points": st.lists(point, min_size=3, max_size=3),
        "negative_points": st.lists(point, min_size=3, max_size=3),
    }
    return {name: every[name] for name in schema.model_fields}


def number_texts() -> SearchStrategy[str]:
    """Return plain numbers as people write them."""
    return st.one_of(
        st.integers(-(10**6), 10**6).map(str),
        st.integers(-(10**9), 10**9).map("{:,}".format),
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.from_regex(r"[+-]?[0-9]{1,6}(\.[0-9]{0,6})?([eE][+-]?[0-9]{1,2})?", fullmatch=True),
        st.from_regex(r"[+-]?\.[0-9]{1,6}", fullmatch=True),
    )


def letter_texts() -> SearchStrategy[str]:
    """Return an option letter in some common notation, alone or with the option's text."""
    alone = st.sampled_from(
        ["{}", "({})", "[{}]", "**{}**", "*{}*", "\\boxed{{{}}}", "$\\text{{{}}}$", "Answer: {}", "The answer is {}"]
    )
    label = st.sampled_from(["{}.", "{})", "{}:", "{}. a dog", "{}) Dr. No", "The answer is {}.", "Option {}: yes"])
    return st.one_of(
        st.builds(str.format, alone, st.sampled_from("ABCDEabcde")),
        st.builds(str.format, label, st.sampled_from("ABCDE")),
    )


def math_texts() -> SearchStrategy[str]:
    """Return mathematics of the size of a final answer, with and without dollar signs."""
    number = st.integers(0, 30).map(str)
    inner = st.one_of(
        st.integers(-99, 999).map(str),
        st.builds("{}.{}".format, st.integers(-9, 99), number),
        st.builds(r"\frac{{{}}}{{{}}}".format, number, st.integers(1, 30)),
        st.builds("{}{}".format, st.integers(2, 9), st.sampled_from(["x", r"\pi", r"\sqrt{{2}}", "a^2", "x + 1"])),
        st.builds("({}, {})".format, number, number),
        st.builds("x = {}".format, number),
    )
    return st.one_of(inner, inner.map("${}$".format))


def values(kind: Kind) -> SearchStrategy[Any]:
    """Return values that the schema accepts: a dict for a JSON schema, plain text for the others."""
    schema = schema_of(kind)
    if schema in JSON_SCHEMAS:
        return st.fixed_dictionaries(fields(schema))
    if is_math(kind):
        return math_texts()
    if schema is OptionLetter:
        return letter_texts()
    return number_texts() if schema is Number else st.text(min_size=1, max_size=40).filter(lambda text: text.strip())


@st.composite
def json_texts(draw: DrawFn, objects: SearchStrategy[Any]) -> str:
    """Return objects as JSON, with keys in any order and any of the usual white space."""
    value = dict(draw(st.permutations(list(draw(objects).items()))))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")]))
    indent = draw(st.sampled_from([None, None, None, 1]))
    return json.dumps(value, separators=separators, indent=indent)


def answers(kind: Kind) -> SearchStrategy[str]:
    """Return answer texts that are read without a repair, as a model might write them.

    Args:
        kind: A task's name, ours or the data set's, or one of its schemas.

    Raises:
        ArgumentError: If the schema is not one of the package's.
        UnknownTaskError: If ``kind`` is text and not a task's name.

    >>> from hypothesis import find
    >>> find(answers("temporal_grounding"), lambda text: True)
    '{"time":[0,0]}'
    """
    texts = json_texts(values(kind)) if is_json(kind) else values(kind)
    spaces = st.text(SPACES, max_size=2)
    return st.builds("{1}{0}{2}".format, texts, spaces, spaces)
