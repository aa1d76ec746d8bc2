"""Valid answers: values that a schema accepts, and texts in which a model would write them.

Sizes are small, and few distinct values make equal and touching ones common; the bounds are always among them.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from pydantic import BaseModel

from onethinker_rewards.answers import (
    BoxTrack,
    ClickPoint,
    ClickTarget,
    Detections,
    Dialect,
    LabeledDetections,
    Number,
    OptionLetter,
    Order,
    OrderedItems,
    PointSet,
    PointTargets,
    PointTrack,
    RatedImage,
    RotatedBox,
    SegmentationPrompt,
    SingleBox,
    Size,
    Text,
    TimedBoxTrack,
    TimeSpan,
    TimeSpans,
    VideoSegmentationPrompt,
    is_plain_text,
    read_answer,
)
from onethinker_rewards.answers.schemas import is_convex
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.tasks import TaskSpec, spec_of
from onethinker_rewards.testing.model_values import model_values

Schema = type[BaseModel]
# A task's name, a task, or a schema.
Kind = str | TaskSpec | Schema

# What references of some tasks are in, and no answer is.
REFERENCE_SCHEMAS: tuple[Schema, ...] = (LabeledDetections, PointTargets, ClickTarget, RatedImage, OrderedItems)
JSON_SCHEMAS: tuple[Schema, ...] = (
    TimeSpan,
    SingleBox,
    BoxTrack,
    TimedBoxTrack,
    SegmentationPrompt,
    VideoSegmentationPrompt,
    Detections,
    PointSet,
    ClickPoint,
    RotatedBox,
    TimeSpans,
    PointTrack,
    Order,
    *REFERENCE_SCHEMAS,
)
TEXT_SCHEMAS: tuple[Schema, ...] = (OptionLetter, Number, Text)
SCHEMAS = JSON_SCHEMAS + TEXT_SCHEMAS

# All that `str.strip` removes: the usual white space, the separators of files and records, and other scripts' spaces.
SPACES = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2003\u2028\u202f\u3000"


def schema_of(kind: Kind) -> Schema:
    """Return the schema of a task's answers, or the one given.

    Raises:
        ArgumentError: If ``kind`` is neither a task nor a schema.
        UnknownTaskError: If ``kind`` is text and not a task's name.
    """
    if isinstance(kind, str):
        return spec_of(kind).schema
    schema: Any = kind.schema if isinstance(kind, TaskSpec) else kind
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        raise ArgumentError(f"kind is a task, its name or a schema, not {schema!r}")
    return schema


def reference_schema_of(kind: Kind) -> Schema:
    """Return the schema of a task's references, or the one given; raises as `schema_of` does."""
    spec = spec_of(kind) if isinstance(kind, str) else kind
    return spec.references_in if isinstance(spec, TaskSpec) else schema_of(spec)


def is_json(kind: Kind) -> bool:
    """Return whether answers are JSON."""
    return not is_plain_text(schema_of(kind))


def is_math(kind: Kind) -> bool:
    """Return whether answers have to be mathematics, which their schema, that of free text, does not say."""
    spec = spec_of(kind) if isinstance(kind, str) else kind
    return isinstance(spec, TaskSpec) and spec.name == "math" and spec.schema is Text


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


def objects_in(schema: Schema, low: float = 0.0, high: float = 1000.0) -> SearchStrategy[dict[str, Any]]:
    """Return JSON objects in a schema of the package, but for coordinates, which lie in [low, high]."""
    if schema is RatedImage:
        return _ratings()
    span = st.tuples(_seconds(), _seconds()).map(sorted)
    # Seconds of a track may lie far apart.
    second = st.one_of(st.integers(0, 40), st.integers(0, 10**9 - 1)).map(str)
    box = box_values(low, high)
    point = st.lists(coordinates(low, high), min_size=2, max_size=2)
    three = st.lists(point, min_size=3, max_size=3)
    points, track = _some(point), st.dictionaries(second, box, min_size=1, max_size=5)
    prompt = {"boxes": box, "positive_points": three, "negative_points": three}
    bare, labeled = st.fixed_dictionaries({"box": box}), _labeled(box, _labels().filter(str.strip))
    every: dict[Schema, dict[str, SearchStrategy[Any]]] = {
        TimeSpan: {"time": span},
        SingleBox: {"boxes": box},
        BoxTrack: {"boxes": track},
        TimedBoxTrack: {"time": span, "boxes": track},
        SegmentationPrompt: prompt,
        VideoSegmentationPrompt: {"time": _seconds(), **prompt},
        Detections: {"objects": _some(bare | _labeled(box, _labels()))},
        LabeledDetections: {"objects": _some(bare) | _some(labeled)},
        PointSet: {"points": points},
        ClickPoint: {"point": point},
        ClickTarget: {"box": box},
        RotatedBox: {"corners": corner_values(low, high)},
        TimeSpans: {"times": _some(span)},
        PointTrack: {"points": st.dictionaries(second, point | st.none(), min_size=1, max_size=5)},
        Order: {"order": st.lists(_labels(), min_size=1, max_size=5)},
        OrderedItems: {"order": st.lists(_labels(), min_size=1, max_size=5, unique=True)},
    }
    if schema is PointTargets:
        return st.fixed_dictionaries({"points": points}) | st.fixed_dictionaries({"boxes": _some(box)})
    return st.fixed_dictionaries(every[schema])


def _some(item: SearchStrategy[Any]) -> SearchStrategy[list[Any]]:
    return st.lists(item, max_size=4)


def _labels() -> SearchStrategy[str]:
    # No text with "<" in it is a label, for it might end the answer.
    some = st.characters(exclude_characters="<", exclude_categories=["Cs"])
    return st.sampled_from(["cat", "Cat", " cat\n", "dog", "", "stra\u00dfe", "STRASSE"]) | st.text(some, max_size=4)


@st.composite
def _labeled(draw: DrawFn, box: SearchStrategy[Any], labels: SearchStrategy[str]) -> dict[str, Any]:
    items = {"box": draw(box), "label": draw(labels)}
    return dict(draw(st.permutations(list(items.items()))))


@st.composite
def corner_values(draw: DrawFn, low: float = 0.0, high: float = 1000.0) -> list[list[float]]:
    """Return the corners of a convex quadrilateral within [low, high]: a box, or a point on each of a box's sides."""
    left, top, right, bottom = draw(box_values(low, high))
    across, down = coordinates(left, right), coordinates(top, bottom)
    box = [[left, top], [right, top], [right, bottom], [left, bottom]]
    turned = [[draw(across), top], [right, draw(down)], [draw(across), bottom], [left, draw(down)]]
    corners = draw(st.sampled_from([box, turned]))
    first = draw(st.integers(0, 3))
    around = [*corners[first:], *corners[:first]]
    return draw(st.sampled_from([around, around[::-1]]).filter(_is_convex))


def _is_convex(corners: list[list[float]]) -> bool:
    return is_convex([(x, y) for x, y in corners])


@st.composite
def _ratings(draw: DrawFn) -> dict[str, Any]:
    low, high = draw(
        st.sampled_from([[1, 5], [0, 100], [0.0, 1.0], [-1, 1]])
        | st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2, unique=True).map(sorted)
    )
    return {"score": draw(st.sampled_from([low, high]) | st.floats(low, high)), "scale": [low, high]}


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
    """Return values that the schema accepts: what `json` can write for a JSON schema, plain text for the others.

    Args:
        kind: A task's name, ours or the data set's, a task or a schema, which may be your own. Values in a schema of
            your own are made from its JSON Schema, and those that the model refuses are left out.

    Raises:
        ArgumentError: If ``kind`` is neither a task nor a schema.
        UnknownTaskError: If ``kind`` is text and not a task's name.
    """
    return math_texts() if is_math(kind) else _values_in(schema_of(kind))


def _values_in(schema: Schema) -> SearchStrategy[Any]:
    if schema in JSON_SCHEMAS:
        return objects_in(schema)
    if not is_plain_text(schema):
        return model_values(schema)
    any_text = st.text(min_size=1, max_size=40).filter(lambda text: text.strip())
    texts: dict[Schema, SearchStrategy[str]] = {OptionLetter: letter_texts(), Number: number_texts(), Text: any_text}
    base = next(base for base in texts if issubclass(schema, base))
    return texts[base] if schema is base else texts[base].filter(partial(_is_read, schema))


def _is_read(schema: Schema, text: str) -> bool:
    return read_answer(text, schema).failure is None


@st.composite
def json_texts(draw: DrawFn, objects: SearchStrategy[Any]) -> str:
    """Return values as JSON, with keys of an object in any order and any of the usual white space."""
    value = draw(objects)
    if isinstance(value, dict):
        value = dict(draw(st.permutations(list(value.items()))))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")]))
    indent = draw(st.sampled_from([None, None, None, 1]))
    return json.dumps(value, separators=separators, indent=indent)


def answers(kind: Kind) -> SearchStrategy[str]:
    """Return answer texts that are read without a repair, as a model might write them.

    Args:
        kind: As for `values`.

    Raises:
        ArgumentError: If ``kind`` is neither a task nor a schema.
        UnknownTaskError: If ``kind`` is text and not a task's name.

    >>> from hypothesis import find
    >>> find(answers("temporal_grounding"), lambda text: True)
    '{"time":[0,0]}'
    """
    texts = json_texts(values(kind)) if is_json(kind) else values(kind)
    spaces = st.text(SPACES, max_size=2)
    return st.builds("{1}{0}{2}".format, texts, spaces, spaces)


def native_answers(kind: Kind, dialect: Dialect, size: Size = (1000.0, 1000.0)) -> SearchStrategy[str]:
    """Return answers of a JSON task as a dialect writes them; of an image of ``size`` if it writes pixels."""
    schema = schema_of(kind)
    return values(kind).map(partial(_written, dialect, schema, size)).filter(bool)


def _written(dialect: Dialect, schema: Schema, size: Size, value: Any) -> str:
    try:
        return dialect.write(value, schema, size)
    except ArgumentError:
        # A label that would end its tag, or what the dialect has no words for.
        return ""


def references(kind: Kind) -> SearchStrategy[str]:
    """Return texts of references, which some tasks have in another schema than answers; arguments as for `answers`.

    >>> from hypothesis import find
    >>> find(references("gui_click"), lambda text: True)[:7]
    '{"box":'
    """
    return answers(kind) if reference_schema_of(kind) is schema_of(kind) else answers(reference_schema_of(kind))
