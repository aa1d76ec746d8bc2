"""Invalid answers that are nearly valid: wrong values in valid ones, text that only looks right, repairable faults."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from onethinker_rewards.answers import (
    ClickPoint,
    ClickTarget,
    Detections,
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
    Text,
    TimeSpans,
)
from onethinker_rewards.testing.valid import (
    JSON_SCHEMAS,
    Kind,
    Schema,
    box_values,
    coordinates,
    is_json,
    is_math,
    json_texts,
    objects_in,
    schema_of,
    values,
)

ODD_NUMBERS = (
    -1, -0.5, 1000.5, 1001, 1e308, -1e308, 2**53 + 1, -(2**63), 2**64 + 1, 10**30, 1e-320, -5e-324,
)  # fmt: skip
RAW_NUMBERS = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e400", "9" * 400, "-0", "-0.0", "01", "1.", ".5", "+1", "1_0",
    "0x10", "1e5", "1E+2", "1e-400", "0." + "3" * 60, "\u0661", "1,5",
)  # fmt: skip
_ODD_VALUES: tuple[object, ...] = (None, True, False, "5", "", [], {}, [[]], [[1, 2]], {"0": 1}, "NaN")
ODD_KEYS = (
    "-0", "00", "01", "1.0", "1e0", "+1", " 1", "1 ", "", "a", "-1", "1234567890", "999999999", "1000000000", "\u0661",
    "second one", "0", "true", "boxes", "\u0000", "1\n", "\u00b3",
)  # fmt: skip
# Stands for a raw number, which `json.dumps` cannot write, until the object is written.
_PLACEHOLDER = "@raw@"


def _odd_values() -> SearchStrategy[Any]:
    """Return JSON values of any type but the right one."""
    # A copy each time, because a drawn value may be modified further.
    return st.sampled_from(_ODD_VALUES).map(deepcopy)


def _items_of(container: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) inside a JSON value, at any depth."""
    if not isinstance(container, dict | list):
        return []
    keys = list(container) if isinstance(container, dict) else range(len(container))
    return [item for key in keys for item in ((container, key), *_items_of(container[key]))]


def _spoil(draw: DrawFn, container: Any, key: Any) -> str:
    """Spoil the value at ``key``, or its container; return the raw number that replaces the placeholder, if any."""
    # Keys of a list are integers, those of an object are text.
    of_container = ["reverse", "append", "repeat"] if isinstance(key, int) else ["add", "add"]
    match draw(st.sampled_from(["number", "raw", "value", "drop", "wrap", "empty", *of_container])):
        case "number":
            container[key] = draw(st.sampled_from(ODD_NUMBERS))
        case "raw":
            container[key] = _PLACEHOLDER
            return draw(st.sampled_from(RAW_NUMBERS))
        case "value":
            container[key] = draw(_odd_values())
        case "drop":
            del container[key]
        case "wrap":
            container[key] = [container[key]]
        case "empty":
            container[key] = {} if isinstance(container[key], dict) else []
        case "reverse":
            container.reverse()
        case "append":
            container.append(draw(st.one_of(coordinates(), _odd_values())))
        case "repeat":
            container.insert(0, deepcopy(container[0]))
        case _:
            container[draw(st.sampled_from(ODD_KEYS))] = draw(box_values())
    return ""


@st.composite
def _spoiled(draw: DrawFn, kind: Kind) -> str:
    """Return a valid answer in which one to three values were replaced, dropped, added, reversed or wrapped."""
    value = json.loads(json.dumps(draw(values(kind))))
    raw = ""
    for _ in range(draw(st.integers(1, 3))):
        items = _items_of(value)
        if not items:
            break
        container, key = items[draw(st.integers(0, len(items) - 1))]
        raw = _spoil(draw, container, key) or raw
    return json.dumps(value).replace(f'"{_PLACEHOLDER}"', raw)


@st.composite
def _repeated_key(draw: DrawFn, kind: Kind) -> str:
    """Return an object that has a key twice, possibly with a wrong value once; other values as they are."""
    first, second = draw(values(kind)), draw(values(kind))
    if not (isinstance(first, dict) and first):
        return json.dumps(first)
    name = draw(st.sampled_from(list(first)))
    other = second.get(name)
    wrong = draw(st.sampled_from([other, None, "x", [1], [5, 2], {"-0": [0, 0, 9, 9]}, [-5, 0, 9, 9], []]))
    pairs = [*first.items(), (name, wrong)] if draw(st.booleans()) else [(name, wrong), *first.items()]
    return "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}"


def repairable(kind: Kind) -> SearchStrategy[str]:
    """Return texts with one to three faults that lenient rules repair."""
    faults: list[Callable[[str], str]] = [
        lambda text: f"```json\n{text}\n```",
        lambda text: f"```\n{text}```",
        lambda text: f"```json\n{text}",
        lambda text: f"```{text}```",
        lambda text: f"`{text}`",
        lambda text: re.sub(r'\{"boxes": (\[[^{]*\])\}', r"\1", text),
        lambda text: re.sub(r'\{"boxes": (\[[^{]*\])\}', r"[\1]", text),
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

    def with_faults(text: str, chosen: list[Callable[[str], str]]) -> str:
        for fault in chosen:
            text = fault(text)
        return text

    texts = values(kind).map(json.dumps)
    return st.builds(with_faults, texts, st.lists(st.sampled_from(faults), min_size=1, max_size=3))


PLAIN_MISSES: dict[Schema, list[str]] = {
    OptionLetter: [
        "A or B", "A, B", "Apple", "a dog", "I think B", "", " ", "AB", "7", "\u0410", "\uff21", "(A) or (B)", "\u00e9",
        "A. x B. y", "the", "answer", "A B", "b.", "```\nB\n```", "\u017f", "\u212a", "**A", "\\boxed{A", "\\boxed{}",
        "()", "A. B", "((A)", "((((((((A))))))))", "answer: answer: answer: answer: answer: answer: answer: answer: B",
        "(A. " + "x" * 600 + ")", "(A. " + "\u00e9" * 600 + ")", "**Answer:** B", "*x* y", "(A) a dog", "(A): A or B",
        "Not: B", "AB: C", "A. x, or B", "A: maybe", "A, B: x", "i.e. B", "B)", "A. (B)", "```B`", "Antwort: B",
        "``B``", "AA: B", "Answer", "**B", "\\(A\\) or \\(B\\)",
    ],
    Number: [
        "", " ", "12 cm", "50%", "1_000", "1,5", "12,34", "1,,000", "NaN", "inf", "-inf", "1e999", "-1e999",
        "0x10", "\u0663", "\uff11", "0." + "3" * 398, "0." + "3" * 399, "\u00b2", "1 000", "--1",
        "+-1", "e5", ".", "-", "1e", "1e5.5", "7" * 401, "x" * 401, "$5", "5\x00",
        "```\n42\n```", "```1,234```", "```7\n8```", "1/2", "1/0", "-2\u00bd", "\\frac{-1}{2}", "1.5 \u00d7 10\u00b3",
        "5 million", "5\u4e07", "5 cm or 6", "3-5 cm", "\u22125", "(5)", "5 cm" * 300,
    ],
    Text: ["", " ", "\n\x1c\u2003", "\x00", "\ud800", "x" * 100, " a "],
}  # fmt: skip

# Numbers and labels that few drawn answers have, in each of the schemas that are lists or single points.
JSON_MISSES: dict[Schema, list[str]] = {
    Detections: [
        '{"objects": [{"box": [-5, 0, 9, 1009], "label": "cat"}]}', '{"objects": [{"label": "cat"}]}',
        '{"objects": [{"box": [9, 0, 5, 9]}]}', '{"objects": [{"box": [0, 0, 9, 9], "label": null}]}',
        '{"objects": [{"box": [0, 0, 9, 9], "label": "\\ud800"}]}', '{"objects": [{"box": [0, 0, 9, 9], "name": "a"}]}',
        '{"objects": [{"box": [0, 0, 9, 9], "label": "\ud800"}]}', '{"objects": {"box": [0, 0, 9, 9]}}',
        '{"objects": [{"box": [0, 0, 9, 9], "label": "cat", "label": "dog"}]}', '{"objects": null}',
        '{"objects": [{"box": [9, 9], "box": [0, 0, 9, 9]}, {"box": [0, 0, 1e308, 9]}]}', '{"objects": [[0, 0, 9, 9]]}',
    ],
    PointSet: ['{"points": [[-1, 5]]}', '{"points": [[5, 1000.5]]}', '{"points": [5, 5]}', '{"points": [[5, 5, 5]]}'],
    ClickPoint: ['{"point": [5]}', '{"point": [[5, 5]]}', '{"point": [-0.0, 1000]}', '{"point": [5, 1001]}'],
    RotatedBox: [
        '{"corners": [[0, 0], [9, 9], [9, 0], [0, 9]]}', '{"corners": [[0, 0], [5, 5], [9, 9], [2, 2]]}',
        '{"corners": [[0, 0], [9, 0], [2, 2], [0, 9]]}', '{"corners": [[-9, 0], [9, 0], [9, 1009], [0, 9]]}',
        '{"box": [500, 400, 60, 40, 0]}', '{"box": [500, 400, 60, 40, -450]}', '{"box": [500, 400, 0, 40, 30]}',
        '{"box": [500, 400, 60, -1, 30]}', '{"box": [500, 400, 60, 40, 1e300]}', '{"box": [500, 400, 60, 40]}',
        '{"box": [500, 400, 60, 40, true]}', '{"box": [500, 400, 60, 40, 30], "corners": []}', '{"box": null}',
        '{"box": [1e308, 400, 1e308, 40, 45]}', '{"box": [0, 0, 60, 40, 45]}', '{"box": [5, 5, 1e-320, 1e-320, 1]}',
    ],
    TimeSpans: ['{"times": [[5, 2]]}', '{"times": [5, 2]}', '{"times": [[-1, 2]]}', '{"times": [[1, 2], [3]]}'],
    PointTrack: [
        '{"points": {"1": null, "-0": null}}', '{"points": {"-0": [5, 5]}}', '{"points": {}}', '{"points": {"1": [5]}}',
        '{"points": {"1": [5, 1001]}}', '{"points": {"1": [5, 5], "1": null}}', '{"points": {"\\u0031": [5, 5]}}',
        '{"points": {"01": null}}', '{"points": {"1": "null"}}', '{"points": [[5, 5]]}', '{"points": {"1": []}}',
    ],
    Order: [
        '{"order": []}', '{"order": ["A", "A"]}', '{"order": ["A", 1]}', '{"order": "AB"}', '{"order": ["\\ud800"]}',
        '{"order": ["A", null]}', '{"order": ["\ud800", "A"]}',
    ],
    LabeledDetections: [
        '{"objects": [{"box": [0, 0, 9, 9], "label": "cat"}, {"box": [0, 0, 9, 9]}]}',
        '{"objects": [{"box": [0, 0, 9, 9], "label": "cat"}, {"box": [0, 0, 9, 9], "label": " "}]}',
    ],
    PointTargets: [
        "{}", '{"points": [], "boxes": []}', '{"points": null, "boxes": [[0, 0, 9, 9]]}', '{"points": null}',
        '{"boxes": [[-5, 0, 9, 1009]]}', '{"boxes": [0, 0, 9, 9]}', '{"points": [[5, 5]], "boxes": null}',
        '{"points": [[-5, 5]]}',
    ],
    ClickTarget: ['{"box": [-5, 0, 9, 1009]}', '{"box": [9, 0, 5, 9]}', '{"box": [[0, 0, 9, 9]]}'],
    RatedImage: [
        '{"score": 6, "scale": [1, 5]}', '{"score": 3, "scale": [5, 1]}', '{"score": 3, "scale": [3, 3]}',
        '{"score": "3", "scale": [1, 5]}', '{"score": 3}', '{"score": 1e999, "scale": [1, 5]}',
    ],
    OrderedItems: ['{"order": ["A", "B", "A"]}', '{"order": []}', '{"order": ["A", "a"]}'],
}  # fmt: skip

MATH_MISSES = [
    "", " ", "$", "$$", "$16\\pi$ or maybe $4\\pi$", "\\frac{1}{", "\\frac{1}{0}", "0/0", "1 = 2 = 3", "x ==",
    "\\unknown{2}", "the answer is four", "1 or 2", "()", "\\boxed{}", "\\boxed{1}\\boxed{2}", "2^", "\u0661", "1,,2",
    "\ud800", "\x00", "50%", "3 cm",
]  # fmt: skip


def near_misses(kind: Kind) -> SearchStrategy[str]:
    """Return answer texts that look right and are mostly not: JSON with one to three faults, `A or B`, `12 cm`.

    Args:
        kind: A task's name, ours or the data set's, a task or a schema, which may be your own.

    Raises:
        ArgumentError: If ``kind`` is neither a task nor a schema.
        UnknownTaskError: If ``kind`` is text and not a task's name.
    """
    schema = schema_of(kind)
    if is_math(kind):
        return st.sampled_from(MATH_MISSES)
    if not is_json(kind):
        return st.sampled_from(
            [text for base, misses in PLAIN_MISSES.items() if issubclass(schema, base) for text in misses]
        )
    others = st.sampled_from([other for other in JSON_SCHEMAS if other is not schema]).flatmap(values).map(json.dumps)
    texts = [_spoiled(kind), _spoiled(kind), _repeated_key(kind), repairable(kind), others]
    if schema in JSON_SCHEMAS:
        texts.append(json_texts(objects_in(schema, -100.0, 1100.0)))
    if schema in JSON_MISSES:
        texts.append(st.sampled_from(JSON_MISSES[schema]))
    return st.one_of(texts)
