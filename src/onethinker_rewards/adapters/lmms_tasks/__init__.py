"""Tasks for lmms-eval, whose rows are OneThinker's evaluation files and whose scores are those of `evaluation`."""

from __future__ import annotations

from pathlib import Path

__all__ = ["FOLDER", "task_names"]

FOLDER = Path(__file__).resolve().parent


def task_names() -> list[str]:
    """Return the names of the tasks, as lmms-eval's ``--tasks`` takes them."""
    return sorted(f"onethinker_{path.stem}" for path in FOLDER.glob("*.yaml"))
