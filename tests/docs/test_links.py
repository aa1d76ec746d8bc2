"""No dead links: files, anchors in our pages, and the tests that pages name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
CODE = re.compile(r"^```.*?^```$|(`+)[^`].*?\1", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# The README is the page of a package index too, so it names files of the repository in full.
REPOSITORY = re.compile(
    r"https://(?:github\.com/onethinker-rewards/onethinker_rewards/blob|"
    r"raw\.githubusercontent\.com/onethinker-rewards/onethinker_rewards)/main/([^#)\s]+)(?:#([^)\s]+))?"
)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def prose(page: Path) -> str:
    return CODE.sub("`code`", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and most renderers make them."""
    headings = HEADING.findall(
        re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> list[str]:
    dead: list[str] = []
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    assert not dead_links(page)


def test_dead_links_are_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A title, here\n[a](#a-title-here) [b](#b) [c](c.md) [d](page.md#d) `[e](e.md)`\n[f](https://f)")
    assert dead_links(page) == ["#b", "c.md", "page.md#d"]


def test_pages_name_tests_that_exist() -> None:
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))}
    tests = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert named - tests == set()


def test_every_page_is_reached_from_the_index() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    waiting += [ROOT / found[1] for found in REPOSITORY.finditer(prose(ROOT / "README.md"))]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md" and page.exists():
            reached.add(page)
            links = (link.partition("#")[0] for link in LINK.findall(prose(page)) if "://" not in link)
            waiting += [(page.parent / link).resolve() for link in links if link]
    assert set(PAGES) - reached == set()
