"""Every Python block of README and docs runs and shows what it gives; a page is one namespace."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def python_lines(text: str) -> str:
    """Return the Python blocks of a page on the lines where they stand, all else blank."""
    lines = [""] * (text.count("\n") + 1)
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        code = block[1].splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines) + "\n"


def with_examples() -> list[Path]:
    return [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", with_examples(), ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_show_what_they_give(page: Path) -> None:
    code = python_lines(page.read_text(encoding="utf-8"))
    examples = doctest.DocTestParser().get_doctest(code, {}, page.name, str(page), 0)
    assert examples.examples, "a Python block needs at least one >>> line"
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(examples, out=report.append)
    assert not report, "".join(report)


def test_every_block_is_an_example() -> None:
    bare = [
        f"{page.relative_to(ROOT)}: {block[1].splitlines()[0]}"
        for page in PAGES
        for block in BLOCK.finditer(page.read_text(encoding="utf-8"))
        if not block[1].startswith(">>> ")
    ]
    assert not bare


def test_a_wrong_output_is_seen() -> None:
    code = python_lines("Text.\n\n```python\n>>> 1 + 1\n3\n```\n\nMore text.\n")
    examples = doctest.DocTestParser().get_doctest(code, {}, "page", "page", 0)
    assert doctest.DocTestRunner(verbose=False).run(examples, out=lambda _: None).failed == 1
    assert examples.examples[0].lineno == 3
