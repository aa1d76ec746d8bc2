"""Hooks of MkDocs: pages from outside of docs/, links that leave it, and the sections of llms.txt.

On GitHub a page links to files of the repository. The site includes those of `_outside`; a link to any other file, such
as a test, leads to the repository.
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
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parents[1]
# Folders and files whose paths are the same in the repository and on the site.
OUTSIDE = ("CONTRIBUTING.md", "CHANGELOG.md", "examples/", "schemas/")
# How much a page counts in a search: who looks for a code wants its meaning, and few want the internals.
BOOST = {"codes.md": 5, "internals/": 0.5, "CHANGELOG.md": 0.5}
_LINK = re.compile(r"(?<!`)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


# Before the plugin llmstxt, which reads the sections here.
@event_priority(100)
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what lies outside of docs/, and list the pages of the navigation for llms.txt."""
    for path, content in _outside():
        files.append(File.generated(config, path, content=content))
    pages = files.src_uris
    config.plugins["llmstxt"].config.sections = {
        # MkDocs reports a page that does not exist.
        title: [{page: _first_sentence(pages[page].content_string)} for page in _pages(items) if page in pages]
        for section in config.nav or []
        for title, items in section.items()
    }
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links of a page to where their files are on the site, or else in the repository; call doctests by name."""
    page.meta["search"] = {"boost": next((BOOST[name] for name in BOOST if page.file.src_uri.startswith(name)), 1)}

    def pointed(found: re.Match[str]) -> str:
        text, (path, hash_mark, anchor) = found[1], found[2].partition("#")
        if not path or "://" in path or path.startswith("mailto:"):
            return found[0]
        folder = posixpath.dirname(page.file.src_uri)
        is_outside = page.file.src_uri.startswith(OUTSIDE)
        target = posixpath.normpath(posixpath.join(folder if is_outside else f"docs/{folder}", path))
        inside = re.sub(r"\.ipynb$", ".md", target.removeprefix("docs/"))
        if inside in files.src_uris:
            return f"[{text}]({posixpath.relpath(inside, folder or '.')}{hash_mark}{anchor})"
        if not (ROOT / target).exists():
            return found[0]  # MkDocs reports it.
        return f"[{text}]({config.extra['repository']}/blob/main/{target}{hash_mark}{anchor})"

    parts = _FENCE.split(markdown.replace("```python\n>>> ", "```pycon\n>>> "))
    return "".join(part if part.startswith("```") else _LINK.sub(pointed, part) for part in parts)


def _outside() -> Iterator[tuple[str, str | bytes]]:
    """Yield path and content of what the site has from outside of docs/; a notebook as Markdown, with its pictures."""
    pages = [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "examples" / "README.md"]
    for path in (*pages, *sorted((ROOT / "schemas").glob("*.json"))):
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "examples" / "notebooks").glob("*.ipynb")):
        names = {"unique_key": path.stem, "output_files_dir": f"{path.stem}_files"}
        markdown, resources = MarkdownExporter().from_filename(str(path), resources=names)
        yield f"examples/notebooks/{path.stem}.md", markdown.replace("![png](", "![What the code above draws](")
        for name, picture in resources["outputs"].items():
            yield f"examples/notebooks/{name}", picture


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
