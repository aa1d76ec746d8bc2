"""Hooks of MkDocs: pages from outside of docs/, links that leave it, and the sections of llms.txt.

On GitHub a page links to the files of the repository. The site includes `CONTRIBUTING.md`, `CHANGELOG.md` and the JSON
Schemas; a link to any other file, such as a test, leads to the repository if its address is known, and is plain text
otherwise.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md")
_LINK = re.compile(r"(?<!`)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


# Before the plugin llmstxt, which reads the sections here.
@event_priority(100)
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what lies outside of docs/, and list the pages of the navigation for llms.txt."""
    for path in [*(ROOT / page for page in PAGES), *sorted((ROOT / "schemas").glob("*.json"))]:
        files.append(File.generated(config, str(path.relative_to(ROOT)), content=path.read_text(encoding="utf-8")))
    config.plugins["llmstxt"].config.sections = {
        title: [{page: _first_sentence(files.src_uris[page].content_string)} for page in _pages(items)]
        for section in config.nav or []
        for title, items in section.items()
    }
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links of a page to where their files are on the site, or else in the repository; call doctests by name."""

    def pointed(found: re.Match[str]) -> str:
        text, (path, hash_mark, anchor) = found[1], found[2].partition("#")
        if not path or "://" in path or path.startswith("mailto:"):
            return found[0]
        folder = posixpath.dirname(page.file.src_uri)
        target = posixpath.normpath(posixpath.join("" if page.file.src_uri in PAGES else f"docs/{folder}", path))
        inside = target.removeprefix("docs/")
        if inside in files.src_uris:
            return f"[{text}]({posixpath.relpath(inside, folder or '.')}{hash_mark}{anchor})"
        if not (ROOT / target).exists():
            return found[0]  # MkDocs reports it.
        return f"[{text}]({config.repo_url}/blob/main/{target}{hash_mark}{anchor})" if config.repo_url else text

    parts = _FENCE.split(markdown.replace("```python\n>>> ", "```pycon\n>>> "))
    return "".join(part if part.startswith("```") else _LINK.sub(pointed, part) for part in parts)


def _pages(items: list[Any]) -> Iterator[str]:
    """Yield the pages of a section of the navigation, in its order."""
    for item in items:
        value = next(iter(item.values())) if isinstance(item, dict) else item
        yield from [value] if isinstance(value, str) else _pages(value)


def _first_sentence(text: str) -> str:
    """Return the sentence that a page begins with, without links; empty if it begins with anything else."""
    lead = text.split("\n\n")[1]
    if lead.startswith(("    ", "```", "|", "<!--", "#")):
        return ""
    return re.split(r"(?<=[.?!]) (?=[A-Z])", _LINK.sub(r"\1", " ".join(lead.split())))[0].rstrip(":")
