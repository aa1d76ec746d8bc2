"""How many of the hand-judged pairs come out right, ours beside math-verify: ``python -m benchmarks.math_pairs``."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from onethinker_rewards.metrics import MathVerdict, compare_math, release_math_equal

PAIRS = Path(__file__).parents[1] / "tests" / "metrics" / "math_pairs.tsv"


def main() -> None:
    with PAIRS.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    ours = [verdict is MathVerdict.EQUAL for verdict in compare_math(*_columns(rows, str))]
    raw = release_math_equal(*_columns(rows, str)).tolist()
    wrapped = release_math_equal(*_columns(rows, _in_dollars)).tolist()
    print("| kind | pairs | ours | math-verify, as written | math-verify, between dollars |\n|---|---|---|---|---|")
    for kind in dict.fromkeys(row["kind"] for row in rows):
        print(_line(kind, [row["kind"] == kind for row in rows], rows, ours, raw, wrapped))
    print(_line("all", [True] * len(rows), rows, ours, raw, wrapped))
    print(
        _line("different, taken for equal", [row["verdict"] == "different" for row in rows], rows, ours, raw, wrapped)
    )


def _columns(rows: list[dict[str, str]], wrap: Callable[[str], str]) -> tuple[list[str], list[str]]:
    return [wrap(row["predicted"]) for row in rows], [wrap(row["reference"]) for row in rows]


def _in_dollars(text: str) -> str:
    return f"${text.replace('$', '')}$"


def _line(name: str, chosen: list[bool], rows: list[dict[str, str]], *columns: list[bool]) -> str:
    """Count what is right, or in the last line what is wrong."""
    wrong = name.startswith("different")
    expected = [row["verdict"] == "equal" for row in rows]
    counts = [
        sum((equal == right) != wrong for equal, right, use in zip(column, expected, chosen, strict=True) if use)
        for column in columns
    ]
    return "| " + " | ".join(map(str, [name, sum(chosen), *counts])) + " |"


if __name__ == "__main__":
    main()
