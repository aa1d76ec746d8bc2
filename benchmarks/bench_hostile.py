"""Reading a megabyte of what breaks parsers, beside a megabyte of honest text read in the same way."""

from __future__ import annotations

import onethinker_rewards as otr
from benchmarks.harness import Row, best_of

SIZE = 1_000_000
PIECES = {
    "<": "<",
    "<think>": "<think>",
    "</think>": "</think>",
    "<answer>": "<answer>",
    "spaces": " ",
    "digits": "9",
    "backslashes": "\\",
    "brackets": "[",
    "round brackets": "(",
    "braces": '{"a":',
    "quotes": '"',
    "commas": ",",
    "commas and spaces": ", ",
    "end tokens": "<|im_end|> ",
    "labels": "A. ",
    "stars": "**",
    "the": "the ",
    "NUL": "\x00",
}
TASKS = ("multiple_choice", "math", "tracking")
# With the usual limits an answer of a megabyte, and such a track, would be turned away unread.
LIMITS = otr.Limits(answer_characters=10 * SIZE, track_boxes=SIZE)


def filled(piece: str, size: int = SIZE) -> str:
    """Return ``size`` characters of ``piece`` again and again."""
    return (piece * (size // len(piece) + 1))[:size]


def honest(task: str) -> str:
    """Return an answer of some megabyte as a diligent model might give it."""
    if task == "tracking":
        frames = (f'"{second}": [{second % 900}, 200.5, {second % 900 + 100}, 400.5]' for second in range(SIZE // 32))
        return f'{{"boxes": {{{", ".join(frames)}}}}}'
    words = filled("the red car turns left at the second crossing, ")
    return f"B. {words}" if task == "multiple_choice" else words


def read(task: str, answer: str) -> float:
    response = f"<think>I look.</think><answer>{answer}</answer>"
    return best_of(lambda: otr.parse(response, task, rules="lenient", limits=LIMITS), repeat=3) / len(response)


def think(thought: str) -> float:
    response = f"<think>{thought}</think><answer>B</answer>"
    return best_of(lambda: otr.parse(response, "multiple_choice", limits=LIMITS), repeat=3) / len(response)


def run() -> list[Row]:
    """Measure what a megabyte costs in the thinking, and in the answer of several tasks under lenient rules."""
    against = "honest text"
    plain = think(filled("the red car turns left at the second crossing, "))
    rows = [
        Row(f"thinking: {name}", think(filled(piece)) * SIZE, against, plain * SIZE) for name, piece in PIECES.items()
    ]
    for task in TASKS:
        plain = read(task, honest(task))
        for name, piece in PIECES.items():
            rows.append(Row(f"{task}: {name}", read(task, filled(piece)) * SIZE, against, plain * SIZE))
        nested = "(" * (SIZE // 2) + "A" + ")" * (SIZE // 2)
        rows.append(Row(f"{task}: nested brackets", read(task, nested) * SIZE, against, plain * SIZE))
    return rows
