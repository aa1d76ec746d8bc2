"""Near misses: values in place of a good one, and what may stand beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from pydantic import BaseModel

from onethinker_rewards.answers import Number, OptionLetter, Text
from onethinker_rewards.testing.extra import DrawFn, SearchStrategy, st
from onethinker_rewards.testing.sound import (
    JSON_SCHEMAS,
    Kind,
    box_values,
    coordinates,
    fields,
    is_math,
    json_texts,
    schema_of,
    values,
)

__all__ = ["ODD_KEYS", "ODD_NUMBERS", "PLAIN_MISSES", "RAW_NUMBERS", "near_misses", "odd_values", "repairable"]

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
    """Return JSON values of any type but the right one."""
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


def _spoil_list(draw: DrawFn, inside: list[Any]) -> None:
    match draw(st.sampled_from(["reverse", "append", "repeat"])):
        case "reverse":
            inside.reverse()
        case "append":
            inside.append(draw(st.one_of(coordinates(), odd_values())))
        case _:
            inside.insert(0, inside[0])


def _spoil(draw: DrawFn, inside: Any, key: Any) -> str:
    """Spoil what stands at ``key``; return the raw number that has to be put in for the placeholder."""
    raw = ""
    match draw(st.sampled_from(["number", "raw", "value", "drop", "wrap", "empty", "around", "around"])):
        case "number":
            inside[key] = draw(st.sampled_from(ODD_NUMBERS))
        case "raw":
            raw, inside[key] = draw(st.sampled_from(RAW_NUMBERS)), _RAW
        case "value":
            inside[key] = draw(odd_values())
        case "drop":
            del inside[key]
        case "empty":
            inside[key] = {} if isinstance(inside[key], dict) else []
        case "wrap":
            inside[key] = [inside[key]]
        case _ if isinstance(inside, list):
            _spoil_list(draw, inside)
        case _:
            inside[draw(st.sampled_from(ODD_KEYS))] = draw(box_values())
    return raw


@st.composite
def _spoiled(draw: DrawFn, kind: Kind) -> str:
    """Return a good answer in which one to three things were replaced, dropped, added, turned round or wrapped."""
    value = json.loads(json.dumps(draw(values(kind))))
    raw = ""
    for _ in range(draw(st.integers(1, 3))):
        places = _places(value)
        if not places:
            break
        path = draw(st.sampled_from(places))
        raw = _spoil(draw, _container(value, path), path[-1]) or raw
    return json.dumps(value).replace(f'"{_RAW}"', raw)


@st.composite
def _repeated_key(draw: DrawFn, kind: Kind) -> str:
    """Return an object in which a key comes twice, one of the two perhaps wrong."""
    first, second = draw(values(kind)), draw(values(kind))
    name = draw(st.sampled_from(list(first)))
    wrong = draw(st.sampled_from([second[name], None, "x", [1], [5, 2], {"-0": [0, 0, 9, 9]}, [-5, 0, 9, 9]]))
    pairs = [*first.items(), (name, wrong)] if draw(st.booleans()) else [(name, wrong), *first.items()]
    return "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}"


def repairable(kind: Kind) -> SearchStrategy[str]:
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
        lambda text: re.sub(r", \[[^\[\]]*\]\]", "]", text, count=1),
        lambda text: text[:-1],
        lambda text: text[: text.rfind(",")],
    ]

    def mend(text: str, chosen: list[Callable[[str], str]]) -> str:
        for one in chosen:
            text = one(text)
        return text

    texts = values(kind).map(json.dumps)
    return st.builds(mend, texts, st.lists(st.sampled_from(mends), min_size=1, max_size=3))


PLAIN_MISSES: dict[type[BaseModel], list[str]] = {
    OptionLetter: [
        "A or B", "A, B", "Apple", "a dog", "I think B", "", " ", "AB", "7", "\u0410", "\uff21", "(A) or (B)", "\u00e9",
        "A. x B. y", "the", "answer", "A B", "b.", "```\nB\n```", "\u017f", "\u212a", "**A", "\\boxed{A", "\\boxed{}",
        "()", "A. B", "((A)", "((((((((A))))))))", "answer: answer: answer: answer: answer: answer: answer: answer: B",
        "(A. " + "x" * 600 + ")", "(A. " + "\u00e9" * 600 + ")",
    ],
    Number: [
        "", " ", "12 cm", "50%", "1_000", "1,5", "12,34", "1,,000", "NaN", "inf", "-inf", "1e999", "-1e999",
        "0x10", "\u0663", "\uff11", "0." + "3" * 398, "0." + "3" * 399, "\u00b2", "1 000", "--1",
        "+-1", "e5", ".", "-", "1e", "1e5.5", "7" * 401, "x" * 401, "$5", "5\x00",
        "```\n42\n```", "```1,234```", "```7\n8```",
    ],
    Text: ["", " ", "\n\x1c\u2003", "\x00", "\ud800", "x" * 100, " a "],
}  # fmt: skip


MATH_MISSES = [
    "", " ", "$", "$$", "$16\\pi$ or maybe $4\\pi$", "\\frac{1}{", "\\frac{1}{0}", "0/0", "1 = 2 = 3", "x ==",
    "\\unknown{2}", "the answer is four", "1 or 2", "()", "\\boxed{}", "\\boxed{1}\\boxed{2}", "2^", "\u0661", "1,,2",
    "\ud800", "\x00", "50%", "3 cm",
]  # fmt: skip


def near_misses(kind: Kind) -> SearchStrategy[str]:
    """Return answer texts that look right and are mostly not: JSON with one to three things wrong, `A or B`, `12 cm`.

    Args:
        kind: A task's name, ours or the data set's, or one of its schemas.

    Raises:
        ArgumentError: If these strategies know no such schema.
        UnknownTaskError: If ``kind`` is text and no task's name.
    """
    schema = schema_of(kind)
    if schema not in JSON_SCHEMAS:
        return st.sampled_from(MATH_MISSES if is_math(kind) else PLAIN_MISSES[schema])
    others = st.sampled_from([other for other in JSON_SCHEMAS if other is not schema]).flatmap(values).map(json.dumps)
    wide = json_texts(st.fixed_dictionaries(fields(schema, -100.0, 1100.0)))
    return st.one_of(_spoiled(schema), _spoiled(schema), _repeated_key(schema), repairable(schema), wide, others)
