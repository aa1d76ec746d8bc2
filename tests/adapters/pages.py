"""What a framework's page shows, for the tests that run it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def page(name: str) -> str:
    return (ROOT / "docs" / "how-to" / "frameworks" / f"{name}.md").read_text(encoding="utf-8")


def block(name: str, language: str, number: int = 1, of: int = 1) -> str:
    """Return one of the blocks of this language on the page, which has so many of them."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", page(name), re.DOTALL | re.MULTILINE)
    assert len(found) == of
    return found[number - 1]


def versions(name: str) -> set[str]:
    """Return what the page says that it was run with."""
    return set(re.findall(r"`([\w-]+==[\w.]+)`", page(name)))


def pinned(environment: str) -> set[str]:
    """Return what an environment of the Makefile is made of."""
    files = (ROOT / "requirements" / f"{environment}.txt", ROOT / "constraints.txt")
    return {line for file in files for line in file.read_text(encoding="utf-8").splitlines() if "==" in line}
