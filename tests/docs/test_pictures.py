"""Figures of the docs: well-formed, readable on light and dark pages, and with the library's numbers."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from scripts.figures import COLORS, GRAY, IMAGES
from scripts.plot_metrics import CURVES, curve_figure, marked_values
from scripts.plot_tasks import drawing, earned, mask_iou

import onethinker_rewards as otr
from onethinker_rewards import metrics

DOCS = IMAGES.parent
# The picture of the README brings its own panel, in both colors; the icon of the site has no text.
FIGURES = sorted(path for path in IMAGES.glob("*.svg") if path.stem not in {"readme", "favicon"})
LIGHT, DARK = "#ffffff", "#1e2129"


def texts(path: Path) -> list[str]:
    """Return what is written in a figure."""
    return [found for node in ET.parse(path).iter() if (found := "".join(node.itertext()).strip())]


def luminance(color: str) -> float:
    """Return the relative luminance of WCAG 2."""
    shares = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    lower, higher = sorted((luminance(first), luminance(second)))
    return (higher + 0.05) / (lower + 0.05)


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_a_figure_is_well_formed_and_its_text_is_text(path: Path) -> None:
    assert ET.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert any(re.search(r"\d\.\d", text) for text in texts(path))


@pytest.mark.parametrize("color", [*COLORS, GRAY])
@pytest.mark.parametrize("background", [LIGHT, DARK])
def test_colors_can_be_read_on_both_backgrounds(color: str, background: str) -> None:
    assert contrast(color, background) >= 3.9


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_figures_have_no_background(path: Path) -> None:
    assert "fill: #ffffff" not in path.read_text(encoding="utf-8").partition("axes_1")[0]


@pytest.mark.parametrize("name", CURVES)
def test_curves_and_their_descriptions_have_the_same_values(name: str) -> None:
    drawn = "\n".join(texts(IMAGES / f"{name}.svg"))
    page = DOCS / "metrics" / f"{name.replace('_', '-')}.md"
    description = curve_figure(page)
    assert description in page.read_text(encoding="utf-8")
    for line, error, score in marked_values(name):
        assert {f"{score:.2f}", error} <= set(re.split(r"\n|: ", drawn))
        assert (f"{score:.2f} ({line})" if line else f"at {error}: {score:.2f}") in description


def test_marked_values_are_those_of_the_metrics() -> None:
    marked = {(line, error): score for name in CURVES for line, error, score in marked_values(name)}
    assert marked["side 200", "50 thousandths"] == metrics.box_iou([[0, 0, 200, 200]], [[50, 0, 250, 200]])[0]
    assert marked["10 s long", "1 second"] == metrics.temporal_iou([[0, 10]], [[1, 11]])[0]
    assert marked["", "50 thousandths"] == metrics.point_similarity([[[0, 0]]], [[[0, 50]]])[0]
    assert marked["", "1 second"] == metrics.time_proximity([0], [1])[0]
    assert marked["", "12 %"] == metrics.relative_accuracy([112], [100])[0]


@pytest.mark.parametrize("task", ["spatial_grounding", "tracking", "image_segmentation"])
def test_captions_of_tasks_have_what_the_answer_earns(task: str) -> None:
    page = DOCS / "tasks" / f"{task}.md"
    caption = drawing(page)
    assert caption in page.read_text(encoding="utf-8")
    found = earned(task)
    for name in (*otr.TASKS[task].parts, "total"):
        assert f"{found[name]:.2f}" in caption
    assert 0 < found["accuracy"] < otr.TASKS[task].maximum


def test_the_drawn_mask_is_scored() -> None:
    assert f"mask IoU {mask_iou():.2f}" in texts(IMAGES / "image_segmentation.svg")
