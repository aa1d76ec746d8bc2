"""Write what is generated: ``python -m scripts.generate [FOLDER]``.

Whole files: `schemas/`, and pictures in `docs/images/`. Blocks of the docs: what is between
``<!-- generated: NAME -->`` and ``<!-- /generated -->``, where NAME is a function of `scripts.tables`,
`scripts.hack_tables`, `scripts.plot_metrics` or `scripts.plot_tasks`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.draw_readme import picture
from scripts.hack_tables import HACK_BLOCKS
from scripts.plot_metrics import curve_figure, draw_all_curves
from scripts.plot_tasks import draw_all_tasks, drawing
from scripts.tables import BLOCKS

from onethinker_rewards.cli.schema import write_schemas

__all__ = ["ROOT", "write"]

ROOT = Path(__file__).resolve().parents[1]

_BLOCKS = BLOCKS | HACK_BLOCKS | {"curves": curve_figure, "drawing": drawing}

_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def write(folder: Path) -> None:
    """Write every generated file below ``folder``; the text around blocks is that of the repository."""
    write_schemas(folder / "schemas")
    draw_all_curves(folder / "docs" / "images")
    draw_all_tasks(folder / "docs" / "images")
    (folder / "docs" / "images" / "readme.svg").write_text(picture(), encoding="utf-8", newline="\n")
    for path, text in _pages():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")


def _pages() -> Iterator[tuple[Path, str]]:
    """Yield each page that holds a generated block: its path in the repository and its new text."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if _BLOCK.search(text):
            yield page.relative_to(ROOT), _filled(text, page)


def _filled(text: str, page: Path) -> str:
    # A function, not a string: back-slashes in a table are no group references.
    return _BLOCK.sub(lambda found: f"{found[1]}\n{_BLOCKS[found[2]](page)}\n\n{found[3]}", text)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
