"""What all figures of the docs share: colors that can be read on white and on dark pages, and files that do not change.

A page is light or dark, and a picture cannot know which. So backgrounds are transparent, and every color has a contrast
of 4 with white and with the dark background of the site: more is not possible with both at once. Lines differ in style
and carry their labels, so that no meaning depends on a color.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

__all__ = ["COLORS", "GRAY", "IMAGES", "STYLES", "image", "label", "save_svg", "style"]

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"

# Blue, orange, green, purple.
COLORS = ("#2a7fe1", "#c8630b", "#24905a", "#9e63d8")
GRAY = "#7a7f89"
STYLES = ("-", "--", "-.", ":")

_SETTINGS: dict[str, Any] = {
    "font.size": 10,
    "text.color": GRAY,
    "axes.edgecolor": GRAY,
    "axes.labelcolor": GRAY,
    "xtick.color": GRAY,
    "ytick.color": GRAY,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRAY,
    "grid.alpha": 0.25,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    # Text stays text, so that it can be searched and read aloud; ids depend on the content alone.
    "svg.fonttype": "none",
    "svg.hashsalt": "onethinker",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw with the settings that all figures share, whatever the user's own are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def label(axis: plt.Axes, text: str, at: tuple[float, float], color: str = GRAY, **options: Any) -> None:
    """Write text at a point of the data, moved by ``xytext`` points."""
    axis.annotate(text, at, **{"textcoords": "offset points", "xytext": (6, 0), "color": color, **options})


def image(page: Path, name: str, description: str) -> str:
    """Return Markdown that shows a figure on a page, with a description for those who cannot see it."""
    return f"![{description}]({os.path.relpath(IMAGES, page.parent)}/{name}.svg)"


def save_svg(figure: plt.Figure, path: Path) -> None:
    """Write the same bytes for the same figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    plt.close(figure)
