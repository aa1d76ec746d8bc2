"""Answers of every kind, good, nearly good, damaged and hostile, for hypothesis.

    answers(schema)       values of a schema, as JSON objects or plain text
    answer_texts(schema)  the same as a model would write them: any order of keys, any white space
    near_misses(schema)   JSON with one thing wrong
    damaged(texts)        texts with characters deleted, inserted, replaced or repeated
    hostile_texts()       what breaks parsers: NUL, lone surrogates, brackets without end, huge numbers
    tagged_responses()    responses in the format, or nearly
    tag_soup()            fragments of tags, white space and end tokens in any order

Every strategy but ``answers`` gives str. Sizes are small; a test that needs more asks for more.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from pydantic import BaseModel

from onethinker_rewards.schemas import (
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

JSON_SCHEMAS: tuple[type[BaseModel], ...] = (
    TimeSpan,
    SingleBox,
    BoxTrack,
    TimedBoxTrack,
    SegmentationPrompt,
    VideoSegmentationPrompt,
)
TEXT_SCHEMAS: tuple[type[BaseModel], ...] = (OptionLetter, Number, Text)
SCHEMAS = JSON_SCHEMAS + TEXT_SCHEMAS

END_TOKENS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>", "<eos>")
# All that `str.strip` takes off: the usual, the separators of files and records, and those of other scripts.
SPACES = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2003\u2028\u202f\u3000"


def numbers(low: float, high: float) -> SearchStrategy[float]:
    """Return whole and decimal numbers within [low, high], the bounds among them."""
    whole = st.integers(int(low), int(high))
    short = st.integers(int(low) * 10, int(high) * 10).map(lambda tenths: tenths / 10)
    return st.one_of(whole, short, st.floats(low, high), st.sampled_from([low, high]))


def coordinates(low: float = 0.0, high: float = 1000.0) -> SearchStrategy[float]:
    return numbers(low, high)


def seconds() -> SearchStrategy[float]:
    return st.one_of(numbers(0.0, 200.0), st.sampled_from([1e308, 2**53 + 1, 2**64, 5e-324]))


@st.composite
def spans(draw: DrawFn) -> list[float]:
    return sorted(draw(st.tuples(seconds(), seconds())))


@st.composite
def boxes(draw: DrawFn, low: float = 0.0, high: float = 1000.0) -> list[float]:
    """Return x1, y1, x2, y2 in order, all within [low, high]."""
    two = st.lists(coordinates(low, high), min_size=2, max_size=2, unique_by=float).map(sorted)
    (left, right), (top, bottom) = draw(two), draw(two)
    return [left, top, right, bottom]


def points(low: float = 0.0, high: float = 1000.0) -> SearchStrategy[list[list[float]]]:
    point = st.lists(coordinates(low, high), min_size=2, max_size=2)
    return st.lists(point, min_size=3, max_size=3)


def tracks(low: float = 0.0, high: float = 1000.0, *, max_size: int = 5) -> SearchStrategy[dict[str, list[float]]]:
    """Return boxes by whole second; seconds may lie far apart."""
    second = st.one_of(st.integers(0, 40), st.integers(0, 10**9 - 1)).map(str)
    return st.dictionaries(second, boxes(low, high), min_size=1, max_size=max_size)


def _fields(schema: type[BaseModel], low: float = 0.0, high: float = 1000.0) -> dict[str, SearchStrategy[Any]]:
    """Return a strategy for each field, with coordinates in [low, high]."""
    time = seconds() if schema is VideoSegmentationPrompt else spans()
    track = schema in {BoxTrack, TimedBoxTrack}
    every: dict[str, SearchStrategy[Any]] = {
        "time": time,
        "boxes": tracks(low, high) if track else boxes(low, high),
        "positive_points": points(low, high),
        "negative_points": points(low, high),
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
    """Return an option letter in some common dress."""
    letter = st.sampled_from("ABCDEabcde")
    dress = st.sampled_from(
        ["{}", "({})", "[{}]", "**{}**", "*{}*", "\\boxed{{{}}}", "$\\text{{{}}}$", "Answer: {}", "The answer is {}"]
    )
    label = st.sampled_from(["{}.", "{})", "{}:", "{}. a dog", "{}) Dr. No", "The answer is {}.", "Option {}: yes"])
    dressed = st.builds(str.format, dress, letter)
    return st.one_of(dressed, st.builds(str.format, label, st.sampled_from("ABCDE")))


def free_texts() -> SearchStrategy[str]:
    return st.text(min_size=1, max_size=40).filter(lambda text: bool(text.strip()))


_PLAIN: dict[type[BaseModel], Callable[[], SearchStrategy[str]]] = {
    OptionLetter: letter_texts,
    Number: number_texts,
    Text: free_texts,
}


def answers(schema: type[BaseModel]) -> SearchStrategy[Any]:
    """Return values that ``schema`` accepts: a dict for a JSON schema, plain text for the others."""
    return st.fixed_dictionaries(_fields(schema)) if schema in JSON_SCHEMAS else _PLAIN[schema]()


@st.composite
def json_texts(draw: DrawFn, values: SearchStrategy[Any]) -> str:
    """Return ``values`` as JSON in any order of keys and with any of the usual white space."""
    value = draw(values)
    if isinstance(value, dict):
        value = dict(draw(st.permutations(list(value.items()))))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")]))
    indent = draw(st.sampled_from([None, None, None, 1]))
    return json.dumps(value, separators=separators, indent=indent)


@st.composite
def answer_texts(draw: DrawFn, schema: type[BaseModel]) -> str:
    """Return texts that ``schema`` reads without a repair."""
    text = draw(json_texts(answers(schema)) if schema in JSON_SCHEMAS else answers(schema))
    spaces = st.text(SPACES, max_size=2)
    return draw(spaces) + text + draw(spaces)


# Near misses: values in place of a good one, and what may stand beside it.

ODD_NUMBERS = (
    -1, -0.5, 1000.5, 1001, 1e308, -1e308, 2**53 + 1, -(2**63), 2**64 + 1, 10**30, 1e-320, -5e-324,
)  # fmt: skip
RAW_NUMBERS = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e400", "9" * 400, "-0", "-0.0", "01", "1.", ".5", "+1", "1_0",
    "0x10", "1e5", "1E+2", "1e-400", "0." + "3" * 60, "\u0661", "1,5",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (None, True, False, "5", "", [], {}, [[]], [[1, 2]], {"0": 1}, "NaN")
ODD_KEYS = (
    "-0", "00", "01", "1.0", "1e0", "+1", " 1", "1 ", "", "a", "-1", "1234567890", "999999999", "1000000000", "\u0661",
    "second one", "0", "true", "boxes", "\u0000", "1\n", "\u00b3",
)  # fmt: skip
_RAW = "@raw@"


def odd_values() -> SearchStrategy[Any]:
    # A copy each time: what is drawn is spoiled further.
    return st.sampled_from(ODD_VALUES).map(deepcopy)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside ``value``."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in ((*path, key), *_places(inner, (*path, key)))]


def _container(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


def _spoil_list(draw: DrawFn, values: list[Any]) -> None:
    match draw(st.sampled_from(["reverse", "append", "repeat"])):
        case "reverse":
            values.reverse()
        case "append":
            values.append(draw(st.one_of(coordinates(), odd_values())))
        case _:
            values.insert(0, values[0])


def _spoil(draw: DrawFn, inside: Any, key: Any) -> str:
    """Spoil what stands at ``key``; return the raw number that has to be put in for the placeholder."""
    raw = ""
    match draw(st.sampled_from(["number", "raw", "value", "drop", "wrap", "around", "around"])):
        case "number":
            inside[key] = draw(st.sampled_from(ODD_NUMBERS))
        case "raw":
            raw, inside[key] = draw(st.sampled_from(RAW_NUMBERS)), _RAW
        case "value":
            inside[key] = draw(odd_values())
        case "drop":
            del inside[key]
        case "wrap":
            inside[key] = [inside[key]]
        case _ if isinstance(inside, list):
            _spoil_list(draw, inside)
        case _:
            inside[draw(st.sampled_from(ODD_KEYS))] = draw(boxes())
    return raw


@st.composite
def _spoiled(draw: DrawFn, schema: type[BaseModel]) -> str:
    """Return a good answer in which one to three things were replaced, dropped, added, turned round or wrapped."""
    value = json.loads(json.dumps(draw(answers(schema))))
    raw = ""
    for _ in range(draw(st.integers(1, 3))):
        places = _places(value)
        if not places:
            break
        path = draw(st.sampled_from(places))
        raw = _spoil(draw, _container(value, path), path[-1]) or raw
    return json.dumps(value).replace(f'"{_RAW}"', raw)


@st.composite
def _repeated_key(draw: DrawFn, schema: type[BaseModel]) -> str:
    """Return an object in which a key comes twice, one of the two perhaps wrong."""
    first, second = draw(answers(schema)), draw(answers(schema))
    name = draw(st.sampled_from(list(first)))
    wrong = draw(st.sampled_from([second[name], None, "x", [1], [5, 2], {"-0": [0, 0, 9, 9]}, [-5, 0, 9, 9]]))
    pairs = [*first.items(), (name, wrong)] if draw(st.booleans()) else [(name, wrong), *first.items()]
    return "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}"


def repairable(schema: type[BaseModel]) -> SearchStrategy[str]:
    """Return texts that lenient rules mend, with one or more faults at once."""
    mends: list[Callable[[str], str]] = [
        lambda text: f"```json\n{text}\n```",
        lambda text: f"```\n{text}```",
        lambda text: text.replace('"', "'"),
        lambda text: text.replace("]", ",]"),
        lambda text: text.replace("}", ", }"),
        lambda text: f"[{text}]",
        lambda text: text.replace('"boxes"', '"bbox_2d"'),
        lambda text: text.replace("{", '{"label": "dog", ', 1).replace('"boxes"', '"bbox_2d"'),
        lambda text: text.replace('"boxes": [', '"boxes": [[').replace("]", "]]", 1),
        lambda text: text.replace("]]", "], [1, 2]]"),
        lambda text: text.replace("]]", "], [1, 2], [3, 4]]"),
        lambda text: text[: text.rfind("[")] + "]",
        lambda text: text[:-1],
        lambda text: text[: text.rfind(",")],
    ]

    def mend(text: str, chosen: list[Callable[[str], str]]) -> str:
        for one in chosen:
            text = one(text)
        return text

    texts = answers(schema).map(json.dumps)
    return st.builds(mend, texts, st.lists(st.sampled_from(mends), min_size=1, max_size=3))


PLAIN_MISSES = {
    OptionLetter: [
        "A or B", "A, B", "Apple", "a dog", "I think B", "", " ", "AB", "7", "\u0410", "\uff21", "(A) or (B)", "\u00e9",
        "A. x B. y", "the", "answer", "A B", "b.", "```\nB\n```", "\u017f", "\u212a", "**A", "\\boxed{A", "\\boxed{}",
        "()",
    ],
    Number: [
        "", " ", "12 cm", "50%", "1_000", "1,5", "12,34", "1,,000", "NaN", "inf", "-inf", "1e999", "-1e999",
        "0x10", "\u0663", "\uff11", "0." + "3" * 398, "0." + "3" * 399, "\u00b2", "1 000", "--1",
        "+-1", "e5", ".", "-", "1e", "1e5.5", "7" * 401, "x" * 401, "$5", "5\x00",
        "```\n42\n```", "```1,234```", "```7\n8```",
    ],
    Text: ["", " ", "\n\x1c\u2003", "\x00", "\ud800", "x" * 100, " a "],
}  # fmt: skip


def near_misses(schema: type[BaseModel]) -> SearchStrategy[str]:
    """Return texts that look like an answer of ``schema``; most are none, some are after all."""
    if schema not in JSON_SCHEMAS:
        return st.sampled_from(PLAIN_MISSES[schema])
    others = st.sampled_from([other for other in JSON_SCHEMAS if other is not schema]).flatmap(answers).map(json.dumps)
    wide = json_texts(st.fixed_dictionaries(_fields(schema, -100.0, 1100.0)))
    return st.one_of(_spoiled(schema), _spoiled(schema), _repeated_key(schema), repairable(schema), wide, others)


# Damage.

_NOISE = "{}[]\",:.-+eE0123456789 \n'\\<>/\x00\ud800\ufeffé\u0663AaBb_%*()$"


@st.composite
def damaged(draw: DrawFn, texts: SearchStrategy[str]) -> str:
    """Return ``texts`` after one to four random deletions, insertions, replacements or repetitions."""
    text = draw(texts)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 3)))
        noise = draw(st.one_of(st.just(""), st.text(_NOISE, max_size=2)))
        middle = draw(st.sampled_from([noise, text[start:end] * 2]))
        text = text[:start] + middle + text[end:]
    return text


_DEEP = 100_000
# By name, so that what hypothesis prints stays short.
HOSTILE = {
    "empty": "",
    "NUL": "\x00",
    "lone surrogate": "\ud800",
    "lone surrogate as a value": '{"boxes": "\ud800"}',
    "lone surrogate as a key": '{"\ud800": 1}',
    "escaped lone surrogate": '{"boxes": "\\ud800"}',
    "byte order mark": '\ufeff{"time": [1, 2]}',
    "right-to-left mark": "\u202e\u200b\x00",
    "null": "null",
    "true": "true",
    "quote": '"',
    "backslash": "\\",
    "empty object": "{}",
    "empty list": "[]",
    "list of an empty object": "[{}]",
    "open brackets": "[" * _DEEP,
    "open objects": '{"a":' * _DEEP,
    "300 brackets": '{"boxes":' + "[" * 300 + "]" * 300 + "}",
    "1,030 brackets": '{"time":' + "[" * 1030 + "]" * 1030 + "}",
    "deep box": '{"boxes": {"1": ' + "[" * _DEEP + "]" * _DEEP + "}}",
    "deep letter": "(" * 10_000 + "A" + ")" * 10_000,
    "boxed letter": "\\boxed{" * 1000 + "A" + "}" * 1000,
    "digits": "9" * _DEEP,
    "decimal digits": "1" * 5000 + ".5",
    "digits in JSON": '{"time": [0, ' + "9" * 5000 + "]}",
    "exponents": "1e5" * 1000,
    "single quotes": "'" * 1000,
    "fences": "```" * 1000,
    "trailing commas": ",}" * 10_000,
    "labels": "A. " * 10_000,
    "stars": "**" * 9_999,
    "half a track": '{{"boxes"' + "]" * 5,
}


def _hostile(name: str) -> str:
    return HOSTILE[name]


def hostile_texts() -> SearchStrategy[str]:
    """Return texts that a reader has to survive, quickly."""
    return st.sampled_from(list(HOSTILE)).map(_hostile)


def any_answer_text(schema: type[BaseModel]) -> SearchStrategy[str]:
    """Return good answers, near misses, damaged and hostile texts."""
    good, near = answer_texts(schema), near_misses(schema)
    return st.one_of(good, near, near, damaged(good), damaged(near), hostile_texts())


# Responses.

FRAGMENTS = (
    "<think>", "</think>", "<answer>", "</answer>", "<think>", "</think>", "<answer>", "</answer>", "B", "x y", " ",
    "\n", "\n\n", "\x1c", "\u2003", "\u200b", "<", ">", "/", "</", "<ans", "wer>", "think>", "<ANSWER>", "< answer >",
    "< / answer >", "a / b", "a < b", "\x00", "\ud800", *END_TOKENS,
)  # fmt: skip


def tag_soup(max_size: int = 12) -> SearchStrategy[str]:
    """Return fragments of tags, white space and end tokens in any order."""
    return st.lists(st.sampled_from(FRAGMENTS), max_size=max_size).map("".join)


@st.composite
def tagged_responses(draw: DrawFn, contents: SearchStrategy[str] | None = None) -> str:
    """Return responses that are in the format or nearly so, with ``contents`` as answers."""
    spaces = st.one_of(st.just(""), st.just("\n"), st.text(SPACES, max_size=2))
    inner = st.one_of(st.just("I look."), st.just(""), tag_soup(4))
    think = draw(st.sampled_from(["<think>{}</think>", "<think>{}</think>", "{}</think>", "<think>{}", "{}"]))
    answer = draw(st.sampled_from(["<answer>{}</answer>", "<answer>{}</answer>", "<answer>{}", "{}</answer>", "{}"]))
    content = draw(contents if contents is not None else st.one_of(st.just("B"), inner))
    end = draw(st.lists(st.sampled_from([*END_TOKENS, " ", "\n", "."]), max_size=3))
    parts = [think.replace("{}", draw(inner)), answer.replace("{}", content), *end]
    return draw(spaces) + draw(spaces).join(parts)
