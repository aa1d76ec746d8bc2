"""Answers that stand in some relation to their reference: what laws about rewards are tried on.

Numbers are tenths, so that counterexamples can be read and no area is lost to rounding.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from onethinker_rewards.answers import BoxTrack, Number, OptionLetter, Think, TimedBoxTrack, VideoSegmentationPrompt
from onethinker_rewards.testing.extra import DrawFn, SearchStrategy, st
from onethinker_rewards.testing.sound import JSON_SCHEMAS, math_texts, schema_of

__all__ = ["FOREIGN", "Pair", "boxes_of_tenths", "has_track", "is_json", "pairs", "respond", "written"]

WORDS = ("red", "dog", "barks", "near", "old", "gate", "while", "rain", "falls")
# Words that no reference has.
FOREIGN = ("sure", "indeed", "perhaps", "hence")

_THINKING = "I look at it."


class Pair(NamedTuple):
    """A reference and an answer to it, as values: dictionaries for JSON, texts for the others."""

    reference: Any
    predicted: Any


def is_json(task: str) -> bool:
    """Tell whether a task's answers are JSON objects."""
    return schema_of(task) in JSON_SCHEMAS


def has_track(task: str) -> bool:
    """Tell whether a task's answers hold a box for each of several frames."""
    return schema_of(task) in {BoxTrack, TimedBoxTrack}


def written(value: Any) -> str:
    """Return a value as an answer's text."""
    return value if isinstance(value, str) else json.dumps(value)


def respond(answer: str, think: Think) -> str:
    """Return the response in the format that a recipe's ``think`` asks for."""
    opened = {"required": f"<think>{_THINKING}</think>\n", "prefilled": f"{_THINKING}</think>\n", "none": ""}
    return f"{opened[think]}<answer>{answer}</answer>"


def _tenths(most: int) -> SearchStrategy[float]:
    return st.one_of(st.integers(0, 10).map(lambda place: place * most / 10), st.integers(0, most * 10).map(_tenth))


def _tenth(count: int) -> float:
    return count / 10


@st.composite
def boxes_of_tenths(draw: DrawFn) -> list[float]:
    """Return x1, y1, x2, y2 in order, in tenths."""
    left, top = draw(_tenths(900)), draw(_tenths(900))
    width, height = draw(_tenths(99)), draw(_tenths(99))
    return [left, top, round(left + 1 + width, 1), round(top + 1 + height, 1)]


@st.composite
def _span(draw: DrawFn) -> list[float]:
    return sorted(draw(st.lists(_tenths(200), min_size=2, max_size=2)))


def _points() -> SearchStrategy[list[list[float]]]:
    return st.lists(st.lists(_tenths(1000), min_size=2, max_size=2), min_size=3, max_size=3)


def _track() -> SearchStrategy[dict[str, list[float]]]:
    return st.dictionaries(st.integers(0, 12).map(str), boxes_of_tenths(), min_size=1, max_size=4)


@st.composite
def _track_near(draw: DrawFn, reference: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return a track that has some of the reference's frames, right or not, and some others."""
    track: dict[str, list[float]] = {}
    for second, box in reference.items():
        match draw(st.sampled_from(["right", "other", "missing"])):
            case "right":
                track[second] = list(box)
            case "other":
                track[second] = draw(boxes_of_tenths())
            case _:
                pass
    return {**draw(_track()), **track} if not track or draw(st.booleans()) else track


@st.composite
def _objects(draw: DrawFn, task: str) -> Pair:
    schema = schema_of(task)
    kinds: dict[str, Any] = {
        "time": _tenths(200) if schema is VideoSegmentationPrompt else _span(),
        "boxes": _track() if has_track(task) else boxes_of_tenths(),
        "positive_points": _points(),
        "negative_points": _points(),
    }
    reference = {name: draw(kinds[name]) for name in schema.model_fields}
    predicted = {name: draw(st.one_of(st.just(reference[name]), kinds[name])) for name in schema.model_fields}
    if has_track(task):
        predicted["boxes"] = draw(_track_near(reference["boxes"]))
    return Pair(reference, predicted)


@st.composite
def _texts(draw: DrawFn) -> Pair:
    """Return a text of different words, and what is left of it when words are replaced or left out.

    Were a word in the reference twice, or the answer's words in another order, saying more could be right.
    """
    reference = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6, unique=True))
    kept = [draw(st.sampled_from([word, word, "", FOREIGN[0]])) for word in reference]
    return Pair(" ".join(reference), " ".join(word for word in kept if word) or reference[0])


def _same_kind(texts: SearchStrategy[str]) -> SearchStrategy[Pair]:
    return texts.flatmap(lambda one: st.builds(Pair, st.just(one), st.one_of(st.just(one), texts)))


def pairs(task: str) -> SearchStrategy[Pair]:
    """Return references and sound answers to them, right, nearly right and wrong."""
    if is_json(task):
        return _objects(task)
    if task == "math":
        return _same_kind(math_texts())
    schema = schema_of(task)
    if schema is OptionLetter:
        return _same_kind(st.sampled_from("ABCDE"))
    return _same_kind(_tenths(1000).map(repr)) if schema is Number else _texts()
