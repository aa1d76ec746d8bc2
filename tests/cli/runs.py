"""Running commands in this process, and rows to run them on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from onethinker_rewards.cli import main

GOOD = {"response": "<think>It barks.</think><answer>B</answer>", "reference": "B", "task": "multiple_choice"}


def run(*args: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args], input=stdin, catch_exceptions=False)


def lines(*rows: dict[str, Any] | str) -> bytes:
    """Return JSON Lines; a str is a line as it is."""
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()


def rows_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def good(**columns: Any) -> dict[str, Any]:
    """Return a sound row with some columns changed; None takes one out."""
    return {name: value for name, value in (GOOD | columns).items() if value is not None}
