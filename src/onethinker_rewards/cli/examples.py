"""The rows that ship with the package: the same kind of file that ``score`` reads."""

from __future__ import annotations

from importlib.resources import files

from onethinker_rewards.cli.rows import Row, read_rows

__all__ = ["read_examples"]


def read_examples() -> list[Row]:
    """Return some 40 answers to all tasks; beside what is scored, a ``question`` and a ``note`` on what to see."""
    lines = files("onethinker_rewards.cli").joinpath("examples.jsonl").read_bytes().splitlines()
    return [row for row in read_rows(lines) if isinstance(row, Row)]
