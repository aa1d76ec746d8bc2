"""Spans: golden cases, the oracle, the laws of an intersection over union."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from onethinker_rewards.metrics import pairwise_temporal_iou, temporal_iou
from tests import oracles_numeric as oracle

inf, nan = math.inf, math.nan

# Few distinct values make equal ends, moments and inverted spans common.
grid = st.integers(0, 5).map(float)
fine = st.floats(0, 3600, width=32, allow_subnormal=False)


def rows(elements: st.SearchStrategy[float], count: int = 1) -> st.SearchStrategy[Any]:
    return hnp.arrays(np.float64, (count, 2), elements=elements)


GOLDEN = [
    pytest.param([0, 2], [0, 2], 1.0, id="identical"),
    pytest.param([0, 2], [1, 3], 1 / 3, id="overlapping"),
    pytest.param([1, 3], [0, 2], 1 / 3, id="overlapping-later"),
    pytest.param([1, 2], [0, 4], 0.25, id="contained"),
    pytest.param([0, 1], [1, 2], 0.0, id="touching"),
    pytest.param([0, 1], [5, 7], 0.0, id="apart"),
    pytest.param([3, 3], [3, 3], 1.0, id="same-moment"),
    pytest.param([3, 3], [4, 4], 0.0, id="other-moment"),
    pytest.param([0, 0], [0, 4], 0.0, id="moment-at-the-start"),
    pytest.param([4, 4], [0, 4], 0.0, id="moment-at-the-end"),
    pytest.param([2, 2], [0, 4], 0.0, id="moment-inside"),
    pytest.param([4, 0], [0, 4], 0.0, id="inverted"),
    pytest.param([0, 4], [4, 0], 0.0, id="inverted-reference"),
    pytest.param([4, 0], [4, 0], 1.0, id="inverted-equal"),
    pytest.param([4, 0], [3, 0], 0.0, id="inverted-same-end"),
    pytest.param([4, 0], [4, 1], 0.0, id="inverted-same-start"),
    pytest.param([1e300, 3e300], [2e300, 4e300], 1 / 3, id="huge"),
    pytest.param([0, inf], [0, 4], 0.0, id="infinite-beside-finite"),
    pytest.param([0, inf], [0, inf], nan, id="infinite-beside-infinite"),
    pytest.param([inf, inf], [0, 4], nan, id="infinitely-far"),
]


@pytest.mark.parametrize(("predicted", "reference", "expected"), GOLDEN)
def test_golden(predicted: list[float], reference: list[float], expected: float) -> None:
    (score,) = temporal_iou([predicted], [reference])
    assert score == pytest.approx(expected, abs=1e-15, nan_ok=True)


def test_differs_equal_moments_score_one() -> None:
    """Two equal spans of length 0 score 1; the release scores them 0."""
    assert temporal_iou([[3, 3]], [[3, 3]])[0] == 1.0


@pytest.mark.parametrize("column", range(2))
@pytest.mark.parametrize("broken", ["predicted", "reference"])
def test_nan_in_is_nan_out(column: int, broken: str) -> None:
    spans = {"predicted": np.array([[0.0, 0]] * 2), "reference": np.array([[5.0, 6]] * 2)}
    spans[broken][0, column] = nan
    assert np.isnan(temporal_iou(**spans)).tolist() == [True, False]


@given(rows(grid) | rows(fine), rows(grid) | rows(fine))
def test_agrees_with_the_oracle(predicted: Any, reference: Any) -> None:
    expected = oracle.temporal_iou(predicted[0].tolist(), reference[0].tolist())
    assert temporal_iou(predicted, reference)[0] == pytest.approx(expected, rel=1e-12, abs=1e-300)


@given(rows(grid, 3), rows(grid, 3))
def test_symmetric(predicted: Any, reference: Any) -> None:
    assert np.array_equal(temporal_iou(predicted, reference), temporal_iou(reference, predicted))


@given(rows(fine))
def test_identity(span: Any) -> None:
    assert temporal_iou(span, span)[0] == 1.0


@given(rows(st.floats(-1e300, 1e300)), rows(st.floats(-1e300, 1e300)))
def test_bounded(predicted: Any, reference: Any) -> None:
    assert 0.0 <= temporal_iou(predicted, reference)[0] <= 1.0


@given(rows(grid), rows(grid), st.integers(-1000, 1000))
def test_translation_changes_nothing(predicted: Any, reference: Any, seconds: int) -> None:
    assert temporal_iou(predicted + seconds, reference + seconds)[0] == temporal_iou(predicted, reference)[0]


@given(rows(fine), rows(fine), st.integers(-20, 20))
def test_scaling_changes_nothing(predicted: Any, reference: Any, power: int) -> None:
    scale = 2.0**power
    assert temporal_iou(predicted * scale, reference * scale)[0] == temporal_iou(predicted, reference)[0]


@given(st.lists(st.floats(0, 20), min_size=2, max_size=2).map(sorted))
def test_monotone_as_a_span_moves_away(shifts: list[float]) -> None:
    spans = np.array([[10.0, 20.0]] * 2) + np.array(shifts)[:, None]
    near, far = temporal_iou(spans, np.array([[10.0, 20.0]] * 2))
    assert near >= far


@given(rows(grid, 5), rows(grid, 3))
def test_pairwise_equals_row_by_row(predicted: Any, reference: Any) -> None:
    scores = pairwise_temporal_iou(predicted, reference)
    expected = [[temporal_iou(row[None], column[None])[0] for column in reference] for row in predicted]
    assert scores.tolist() == expected
