"""Figures for papers, with matplotlib."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from onethinker_rewards.errors import ArgumentError, OneThinkerRewardsError
from onethinker_rewards.report.totals import part_title, totals_of
from onethinker_rewards.rewards import RewardBatch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT, _COLUMNS = 2.8, 2.1, 3


def reward_distribution(rows: RewardBatch | Iterable[Mapping[str, Any]], name: str = "total") -> Figure:
    """Return histograms of a number, one a task, with the mean as a line.

    Args:
        rows: A batch, or rows as `RewardBatch.to_rows` and the command ``score`` have them.
        name: ``total``, or a part such as ``part/box_iou``; tasks without it are left out.

    Raises:
        ArgumentError: If no row has the number.
        OneThinkerRewardsError: If matplotlib is not installed.
    """
    tasks = {task: its for task, its in totals_of(rows).tasks.items() if name in its.values}
    figure, panels = _panels(tasks, name)
    for panel, (task, its) in zip(panels, tasks.items(), strict=False):
        bars = its.distribution(name)
        shares = [bar.count / its.means[name].count for bar in bars]
        panel.bar([bar.start for bar in bars], shares, [bar.end - bar.start for bar in bars], align="edge")
        panel.axvline(its.means[name].value, color="black", linewidth=0.8, linestyle="--")
        panel.set_title(f"{task} (n = {its.means[name].count:,})", fontsize=8)
        panel.set_xlabel(part_title(name), fontsize=8)
    return figure


def reward_curves(rows: Iterable[Mapping[str, Any]], name: str = "total") -> Figure:
    """Return the mean of a number over steps, one panel a task.

    Args:
        rows: Rows as the command ``score`` writes them, each with a ``step``.
        name: ``total``, ``accuracy`` or ``format``.

    Raises:
        ArgumentError: If no row has the number and a step.
        OneThinkerRewardsError: If matplotlib is not installed.
    """
    tasks = {task: its for task, its in totals_of(rows).tasks.items() if name in its.curves}
    figure, panels = _panels(tasks, f"{name} and a step")
    for panel, (task, its) in zip(panels, tasks.items(), strict=False):
        points = list(its.curves[name])
        panel.plot([point.start for point in points], [point.mean for point in points])
        panel.set_title(task, fontsize=8)
        panel.set_xlabel("step", fontsize=8)
        panel.set_ylabel(name, fontsize=8)
    return figure


def _panels(tasks: Mapping[str, Any], wanted: str) -> tuple[Figure, Any]:
    """Return a figure with a panel a task."""
    if not tasks:
        raise ArgumentError(f"no row has {wanted}")
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - only figures need it
    except ImportError:
        raise OneThinkerRewardsError("figures need matplotlib: pip install matplotlib") from None
    columns = min(_COLUMNS, len(tasks))
    lines = math.ceil(len(tasks) / columns)
    figure = Figure((columns * _WIDTH, lines * _HEIGHT), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for panel in panels[len(tasks) :]:
        panel.remove()
    return figure, panels
