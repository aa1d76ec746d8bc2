"""Draw how metrics fall with the error, and print the marked values: ``python -m scripts.plot_metrics``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from numpy.typing import ArrayLike, NDArray
from scripts.figures import COLORS, GRAY, IMAGES, STYLES, image, label, save_svg, style

from onethinker_rewards import metrics

__all__ = ["CURVES", "curve_figure", "draw_all_curves", "marked_values"]

Values = NDArray[np.float64]

# Where the object lies does not matter: moving both boxes, or both spans, changes no value.
CENTER = 500.0
SAMPLES = 241
# A little room above a score of 1.
TOP = 1.05


@dataclass(frozen=True)
class Curves:
    """One figure.

    Attributes:
        title: What the figure shows.
        error: Label of the horizontal axis.
        score: Label of the vertical axis.
        limit: The largest error that is drawn.
        lines: One function from errors to scores for each line, by its label.
        marked: Errors whose scores are written into the figure, by their names.
    """

    title: str
    error: str
    score: str
    limit: float
    lines: Mapping[str, Callable[[Values], Values]]
    marked: Mapping[str, float]


def shifted_box(side: float) -> Callable[[Values], Values]:
    """Return the IoU of a square box and the same box moved to the right."""
    box = np.array([CENTER, CENTER, CENTER + side, CENTER + side])

    def score(shifts: Values) -> Values:
        return metrics.box_iou(box + shifts[:, None] * [1, 0, 1, 0], np.tile(box, (len(shifts), 1)))

    return score


def shifted_span(length: float) -> Callable[[Values], Values]:
    """Return the IoU of a time span and the same span, later."""
    span = np.array([CENTER, CENTER + length])

    def score(shifts: Values) -> Values:
        return metrics.temporal_iou(span + shifts[:, None], np.tile(span, (len(shifts), 1)))

    return score


def distant_points(distances: Values) -> Values:
    """Return the similarity of two points at these distances."""
    points = np.stack((distances, np.zeros_like(distances)), axis=-1)[:, None]
    return metrics.point_similarity(points, np.zeros_like(points))


def distant_times(seconds: Values) -> Values:
    """Return the proximity of two moments."""
    return metrics.time_proximity(seconds, np.zeros_like(seconds))


def wrong_number(percent: Values) -> Values:
    """Return the relative accuracy of a number that is too large by so many per cent."""
    return metrics.relative_accuracy(100 + percent, np.full_like(percent, 100))


CURVES: dict[str, Curves] = {
    "box_iou": Curves(
        title="The IoU of a square box and the same box shifted sideways",
        error="shift in thousandths of the image's width",
        score="IoU",
        limit=95,
        lines={f"side {side}": shifted_box(side) for side in (800, 400, 200, 100)},
        marked={"50 thousandths": 50},
    ),
    "temporal_iou": Curves(
        title="The temporal IoU of a time span and the same span shifted",
        error="shift in seconds",
        score="temporal IoU",
        limit=4,
        lines={f"{length} s long": shifted_span(length) for length in (30, 10, 5, 2)},
        marked={"1 second": 1},
    ),
    "point_similarity": Curves(
        title="The similarity of two sets of points by their mean distance, with σ = 50",
        error="mean distance in thousandths",
        score="G(d)",
        limit=200,
        lines={"": distant_points},
        marked={f"{distance} thousandths": distance for distance in (25, 50, 100, 150)},
    ),
    "time_proximity": Curves(
        title="The proximity of two times, with σ = 1 s",
        error="distance in seconds",
        score="G(t)",
        limit=4,
        lines={"": distant_times},
        marked={"half a second": 0.5, "1 second": 1, "2 seconds": 2, "3 seconds": 3},
    ),
    "relative_accuracy": Curves(
        title="The mean relative accuracy of a number that is too large",
        error="error in % of the reference",
        score="MRA",
        limit=60,
        lines={"": wrong_number},
        marked={f"{percent} %": percent for percent in (5, 12, 25, 50)},
    ),
}


def score_at(curve: Callable[[Values], Values], errors: ArrayLike) -> Values:
    """Return the scores of some errors."""
    return curve(np.asarray(errors, dtype=np.float64))


def marked_values(name: str) -> list[tuple[str, str, float]]:
    """Return each marked point of a figure: its line, its error, its score."""
    curves = CURVES[name]
    return [
        (line, error, float(score_at(curve, [value])[0]))
        for line, curve in curves.lines.items()
        for error, value in curves.marked.items()
    ]


def draw_curves(name: str, folder: Path) -> None:
    """Draw one figure: its lines, and the marked points with their scores."""
    curves = CURVES[name]
    figure, axis = plt.subplots(figsize=(6, 2.8))
    axis.set(xlabel=curves.error, ylabel=curves.score, xlim=(0, curves.limit), ylim=(0, TOP))
    errors = np.linspace(0, curves.limit, SAMPLES)
    for (line, curve), color, dashes in zip(curves.lines.items(), COLORS, STYLES, strict=False):
        scores = curve(errors)
        axis.plot(errors, scores, color=color, linestyle=dashes, linewidth=1.8)
        label(axis, line, (errors[-1], scores[-1]), color, va="center")
        mark(axis, curves, curve, color)
    if len(curves.lines) > 1:
        ((error, value),) = curves.marked.items()
        axis.axvline(value, color=GRAY, linewidth=0.8, alpha=0.6)
        label(axis, error, (value, TOP), xytext=(0, 3), ha="center")
    save_svg(figure, folder / f"{name}.svg")


def mark(axis: plt.Axes, curves: Curves, curve: Callable[[Values], Values], color: str) -> None:
    """Draw the marked points of a line, each with its score; a line alone in its figure names the errors too."""
    for (error, value), score in zip(curves.marked.items(), score_at(curve, list(curves.marked.values())), strict=True):
        axis.plot(value, score, marker="o", markersize=5, color=color, clip_on=False)
        text = f"{score:.2f}" if len(curves.lines) > 1 else f"{error}: {score:.2f}"
        label(axis, text, (value, score), color, xytext=(5, 4))


def curve_figure(page: Path) -> str:
    """Return the figure of a metric's page with its caption; the description has the marked values."""
    name = page.stem.replace("-", "_")
    values: dict[str, list[str]] = {}
    for line, error, score in marked_values(name):
        values.setdefault(error, []).append(f"{score:.2f} ({line})" if line else f"{score:.2f}")
    marks = "; ".join(f"at {error}: {', '.join(scores)}" for error, scores in values.items())
    title = CURVES[name].title
    return f"{image(page, name, f'{title}; {marks}')}\n\n{title}."


def draw_all_curves(folder: Path) -> None:
    """Draw one figure a metric."""
    with style():
        for name in CURVES:
            draw_curves(name, folder)


if __name__ == "__main__":
    draw_all_curves(IMAGES)
    for figure_name in CURVES:
        print(curve_figure(IMAGES / figure_name))
