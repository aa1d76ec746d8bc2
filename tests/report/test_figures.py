"""Figures for papers."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.report import reward_curves, reward_distribution
from tests.report.scored_rows import examples, scored


def test_distributions_by_task() -> None:
    rows = examples()[:15]
    columns: list[Any] = [[row[name] for row in rows] for name in ("response", "reference", "task")]
    batch = otr.score(*columns)
    figure = reward_distribution(batch)
    assert [panel.get_title().partition(" ")[0] for panel in figure.axes] == list(dict.fromkeys(batch.tasks))
    heights = [sum(bar.get_height() for bar in panel.patches) for panel in figure.axes]
    assert heights == pytest.approx([1.0] * len(heights))


def test_a_part() -> None:
    figure = reward_distribution(scored(examples()), "part/word_accuracy")
    assert [panel.get_title() for panel in figure.axes] == ["ocr (n = 3)"]


def test_curves_by_task() -> None:
    rows = [{"task": "ocr", "step": step, "total": float(step)} for step in (3, 1, 2)]
    (panel,) = reward_curves(rows).axes
    assert panel.lines[0].get_xydata().tolist() == [[1, 1], [2, 2], [3, 3]]  # type: ignore[union-attr]


def test_what_there_is_no_figure_of(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(otr.ArgumentError, match="no row has total and a step"):
        reward_curves([{"task": "ocr", "total": 1.0}])
    with pytest.raises(otr.ArgumentError, match="no row has part/x"):
        reward_distribution([{"task": "ocr", "total": 1.0}], "part/x")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(otr.OneThinkerRewardsError, match="pip install matplotlib"):
        reward_distribution([{"task": "ocr", "total": 1.0}])
