"""Hostile text: what breaks parsers, and what takes them long."""

from __future__ import annotations

from itertools import islice, product

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

_DEEP = 100_000
_MEGABYTE = 1_000_000
# By name, which is what hypothesis prints.
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
    "10,001 boxes": '{"boxes": {' + ", ".join(f'"{second}": [0, 0, 9, 9]' for second in range(10_001)) + "}}",
    "half a track": '{{"boxes"' + "]" * 5,
}
"""Responses that are hard to read, by name: empty, nested deeply, odd characters, huge numbers."""

# A megabyte each, and two that exceed the limits: far more than any model writes.
LONG = {
    "an answer of two megabytes": f"<think>x</think><answer>{'x ' * _MEGABYTE}</answer>",
    "five megabytes of thinking": f"<think>{'x' * 5 * _MEGABYTE}</think><answer>B</answer>",
    "a megabyte of different words": " ".join(
        "".join(letters) for letters in islice(product("bcdfghilmnoprstu", repeat=5), _MEGABYTE // 6)
    ),
    "a megabyte of words like table": " ".join(
        "tab" + "".join(letters) for letters in islice(product("bcdfghijklmnopqrstuw", repeat=4), _MEGABYTE // 8)
    ),
} | {
    name: piece * (_MEGABYTE // len(piece))
    for name, piece in {
        "megabyte of <": "<",
        "megabyte of >": ">",
        "megabyte of slashes": " / ",
        "megabyte of <think>": "<think>",
        "megabyte of </think>": "</think>",
        "megabyte of <answer>": "<answer>",
        "megabyte of </answer>": "</answer>",
        "megabyte of empty answers": "<answer></answer>",
        "megabyte of end tokens": "</s>",
        "megabyte of spaces": " ",
        "megabyte of lines": "\n",
        "megabyte of digits": "9",
        "megabyte of back-slashes": "\\",
        "megabyte of quotes": "'",
        "megabyte of brackets": "[",
        "megabyte of closed brackets": "]",
        "megabyte of braces": "{",
        "megabyte of commas": ",}",
        "megabyte of dollars": "$",
        "megabyte of stars": "*",
        "megabyte of fences": "```",
        "megabyte of labels": "A. ",
        "megabyte of boxes": "\\boxed{",
        "megabyte of keys": '{"boxes":',
        "megabyte of exponents": "1e",
        "megabyte of letters": "a ",
        "megabyte of vowels": "aeb",
        "megabyte of NUL": "\x00",
        "megabyte of accents": "\u0301",
        "megabyte of right-to-left marks": "\u202e",
        "megabyte of surrogates": "\ud800",
        "megabyte of zero-width spaces": "\u200b",
        "megabyte of capital I with a dot": "\u0130",
    }.items()
}


def hostile_text(*, long: bool = False) -> SearchStrategy[str]:
    """Return texts that a reader has to survive, quickly.

    Deep nesting, lone surrogates, NUL, marks that reverse the direction of writing, huge numbers, unbalanced brackets.

    Args:
        long: Whether to include texts of a megabyte.
    """
    texts = {**HOSTILE, **LONG} if long else HOSTILE
    # Drawn by name, so that what hypothesis prints stays short.
    return st.sampled_from(list(texts)).map(texts.__getitem__)
