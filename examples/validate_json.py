"""Validate a file of JSON: which answers are not in their task's schema, and where each one is wrong.

    pip install onethinker-rewards
    python examples/validate_json.py
    python examples/validate_json.py mine.json --rules lenient

The file is an array of objects with `task` and `response`; an `id` is shown where there is one. Printed are the counts
by task and code, and a line for each invalid row: its place in the answer, what was found there and what was expected.
The exit code is 0 if all answers are valid, 1 if some are not, 2 if the file cannot be read, so that a script can stop
on it. No references are needed. `examples/answers.json`, the default, has five faults.

The command `onethinker-rewards validate FILE` does the same for JSON Lines, CSV and Parquet too.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import onethinker_rewards as otr


def read_rows(file: Path) -> list[dict[str, Any]]:
    """Return the rows of a file, or end the program with one line that says what is wrong with it."""
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fail(f"{file}: {error}")
    if not isinstance(rows, list):
        fail(f"{file}: expected an array of objects, not {type(rows).__name__}")
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or not {"task", "response"} <= set(row):
            fail(f"{file}, row {number}: expected an object with task and response")
    return rows


def fail(message: str) -> NoReturn:
    """Print a message to standard error and exit with code 2."""
    print(message, file=sys.stderr)
    sys.exit(2)


def main() -> None:
    """Validate the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, nargs="?", default=Path(__file__).with_name("answers.json"))
    parser.add_argument("--rules", choices=["strict", "lenient"], default="strict")
    parser.add_argument("--dialect", default="onethinker", help="how the model writes boxes, points and times")
    given = parser.parse_args()

    rows = read_rows(given.file)
    try:
        found = otr.validate(
            [row["response"] for row in rows],
            [row["task"] for row in rows],
            rules=given.rules,
            dialect=given.dialect,
        )
    except otr.OneThinkerRewardsError as error:  # an unknown task, a dialect in pixels: the message names the rows
        fail(f"{given.file}: {error}")
    print(found)
    for fault in found.rows:
        name = rows[fault["row"]].get("id", "")
        print(f"row {fault['row']} {name}, {fault['task']}: {fault['code']}: {fault['message']}")
    sys.exit(1 if found.rows else 0)


if __name__ == "__main__":
    main()
