"""The notebooks run without an error, and show what was saved with them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.rows import framework

framework("nbclient", "ipykernel", "matplotlib", target="test")
from scripts.notebooks import NOTEBOOKS, executed  # noqa: E402

# What the kernel's client warns of is for its makers.
pytestmark = pytest.mark.filterwarnings("ignore::Warning")
LARGEST = 300_000


def texts(notebook: Any) -> list[list[Any]]:
    """Return the texts that each cell shows; of a picture only that there is one."""
    shown = []
    for cell in notebook.cells:
        outputs: list[Any] = []
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            if output.output_type == "stream":
                outputs.append(output.text)
            else:
                outputs.append(
                    {kind: kind if kind.startswith("image/") else text for kind, text in output.data.items()}
                )
        shown.append(outputs)
    return shown


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_shows_what_was_saved(path: Path) -> None:
    """Where it does not: make generate."""
    import nbformat

    saved = nbformat.read(path, as_version=4)
    assert path.stat().st_size < LARGEST
    assert any(texts(saved))
    assert texts(executed(path)) == texts(saved)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_there_are_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["first_steps", "outputs_to_report"]
