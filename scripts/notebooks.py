"""Run the notebooks of the examples and save them with what they show: ``python -m scripts.notebooks``."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

__all__ = ["NOTEBOOKS", "executed"]

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


def executed(path: Path) -> nbformat.NotebookNode:
    """Return a notebook as a new run of all its cells leaves it; an error in a cell is raised."""
    notebook = nbformat.read(path, as_version=4)
    # Times and versions of the run would change the file each time.
    client = NotebookClient(notebook, timeout=120, record_timing=False, resources={"metadata": {"path": path.parent}})
    client.execute()
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


if __name__ == "__main__":
    for file in NOTEBOOKS:
        nbformat.write(executed(file), file)
