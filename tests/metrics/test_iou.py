"""Boxes, spans and rotated boxes: golden cases, the oracle, the laws of an intersection over union, shapely."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from onethinker_rewards.metrics import (
    box_iou,
    pairwise_box_iou,
    pairwise_temporal_iou,
    rotated_box_iou,
    temporal_iou,
)
from tests import oracles_numeric as oracle
from tests.metrics import box_peers

inf, nan, pi = math.inf, math.nan, math.pi
CLOSE = 1e-12

# Few distinct values make equal sides, touching and inverted boxes common.
box_grid = st.integers(0, 8).map(float)
box_fine = st.floats(0, 1000, width=32, allow_subnormal=False)

# What tells two ways of computing apart: infinities, areas that overflow or vanish, and the numbers between.
odd = st.sampled_from([0.0, -0.0, 1.0, 2.0, -1.0, 3e-162, 5e-324, 1e-23, 1e20, 1e160, -1e160, 1e300, inf, -inf, nan])


def box_rows(elements: st.SearchStrategy[float], count: int = 1) -> st.SearchStrategy[Any]:
    return hnp.arrays(np.float64, (count, 4), elements=elements)


BOX_GOLDEN = [
    pytest.param([0, 0, 2, 2], [0, 0, 2, 2], 1.0, id="identical"),
    pytest.param([0, 0, 2, 2], [1, 0, 3, 2], 1 / 3, id="shifted-in-x"),
    pytest.param([0, 0, 2, 2], [0, 1, 2, 3], 1 / 3, id="shifted-in-y"),
    pytest.param([0, 0, 3, 5], [1, 2, 4, 7], 6 / 24, id="shifted-in-both"),
    pytest.param([1, 1, 2, 2], [0, 0, 4, 4], 1 / 16, id="contained"),
    pytest.param([0, 0, 1, 1], [1, 0, 2, 1], 0.0, id="touching-edge"),
    pytest.param([0, 0, 1, 1], [1, 1, 2, 2], 0.0, id="touching-corner"),
    pytest.param([0, 0, 1, 1], [5, 0, 6, 1], 0.0, id="apart-in-x"),
    pytest.param([0, 0, 1, 1], [5, 5, 6, 6], 0.0, id="apart-in-both"),
    pytest.param([2, 0, 0, 2], [0, 0, 2, 2], 0.0, id="inverted-x"),
    pytest.param([0, 2, 2, 0], [0, 0, 2, 2], 0.0, id="inverted-y"),
    pytest.param([2, 2, 0, 0], [0, 0, 2, 2], 0.0, id="inverted-both"),
    pytest.param([0, 0, 2, 2], [2, 2, 0, 0], 0.0, id="inverted-reference"),
    pytest.param([2, 2, 0, 0], [2, 2, 0, 0], 0.0, id="inverted-equal"),
    pytest.param([1, 1, 1, 1], [1, 1, 1, 1], 0.0, id="point-equal"),
    pytest.param([1, 0, 1, 9], [1, 0, 1, 9], 0.0, id="line-equal"),
    pytest.param([1, 1, 1, 1], [0, 0, 4, 4], 0.0, id="point-inside"),
    pytest.param([0, 0, 1000, 1000], [0, 0, 1000, 500], 0.5, id="whole-image"),
    pytest.param([-4, -4, -2, -2], [-3, -4, -1, -2], 1 / 3, id="negative"),
    pytest.param([0, 0, 2e150, 2e150], [1e150, 0, 3e150, 2e150], 1 / 3, id="huge"),
    pytest.param([0, 0, 2e-150, 2e-150], [1e-150, 0, 3e-150, 2e-150], 1 / 3, id="tiny"),
    pytest.param([0, 0, 1e200, 1e200], [0, 0, 1e200, 1e200], nan, id="area-overflows"),
    pytest.param([0, 0, inf, inf], [0, 0, 1, 1], 0.0, id="infinite-beside-finite"),
    pytest.param([0, 0, inf, inf], [0, 0, inf, inf], nan, id="infinite-beside-infinite"),
    pytest.param([inf, 0, inf, 1], [0, 0, 1, 1], nan, id="infinitely-far"),
]


@pytest.mark.parametrize(("predicted", "reference", "expected"), BOX_GOLDEN)
def test_box_golden(predicted: list[float], reference: list[float], expected: float) -> None:
    (score,) = box_iou([predicted], [reference])
    assert score == pytest.approx(expected, abs=1e-15, nan_ok=True)


@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("broken", ["predicted", "reference"])
def test_box_nan_in_is_nan_out(column: int, broken: str) -> None:
    boxes = {"predicted": np.array([[0.0, 0, 1, 1]] * 2), "reference": np.array([[5.0, 5, 6, 6]] * 2)}
    boxes[broken][0, column] = nan
    assert np.isnan(box_iou(**boxes)).tolist() == [True, False]


@given(box_rows(box_grid) | box_rows(box_fine), box_rows(box_grid) | box_rows(box_fine))
def test_box_agrees_with_the_oracle(predicted: Any, reference: Any) -> None:
    expected = oracle.box_iou(predicted[0].tolist(), reference[0].tolist())
    assert box_iou(predicted, reference)[0] == pytest.approx(expected, rel=1e-12, abs=1e-300)


@given(box_rows(box_grid, 3), box_rows(box_grid, 3))
def test_box_symmetric(predicted: Any, reference: Any) -> None:
    assert np.array_equal(box_iou(predicted, reference), box_iou(reference, predicted))


@given(box_rows(box_fine))
def test_box_identity(box: Any) -> None:
    assert box_iou(box, box)[0] == float(box[0, 2] > box[0, 0] and box[0, 3] > box[0, 1])


@given(box_rows(st.floats(-1e150, 1e150)), box_rows(st.floats(-1e150, 1e150)))
def test_box_bounded(predicted: Any, reference: Any) -> None:
    assert 0.0 <= box_iou(predicted, reference)[0] <= 1.0


@given(box_rows(box_grid), box_rows(box_grid), st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_box_translation_changes_nothing(predicted: Any, reference: Any, right: int, down: int) -> None:
    shift = np.array([right, down, right, down])
    assert box_iou(predicted + shift, reference + shift)[0] == box_iou(predicted, reference)[0]


@given(box_rows(box_fine), box_rows(box_fine), st.integers(-20, 20), st.integers(-20, 20))
def test_box_scaling_an_axis_changes_nothing(predicted: Any, reference: Any, across: int, along: int) -> None:
    scale = 2.0 ** np.array([across, along, across, along])
    assert box_iou(predicted * scale, reference * scale)[0] == box_iou(predicted, reference)[0]


@given(box_rows(box_grid), box_rows(box_grid))
def test_box_swapping_the_axes_changes_nothing(predicted: Any, reference: Any) -> None:
    swapped = [1, 0, 3, 2]
    assert box_iou(predicted[:, swapped], reference[:, swapped])[0] == box_iou(predicted, reference)[0]


@given(st.lists(st.floats(0, 10), min_size=2, max_size=2).map(sorted), st.sampled_from(range(4)))
def test_box_monotone_as_a_side_moves_to_the_reference(steps: list[float], side: int) -> None:
    outwards = np.array([-1.0, -1, 1, 1])[side]
    boxes = np.array([[10.0, 10, 30, 30]] * 2)
    boxes[:, side] += outwards * np.array(steps)
    far, near = box_iou(boxes, np.array([[10.0, 10, 30, 30]] * 2))
    assert far >= near


@given(box_rows(box_grid, 5), box_rows(box_grid, 3))
def test_box_pairwise_equals_row_by_row(predicted: Any, reference: Any) -> None:
    scores = pairwise_box_iou(predicted, reference)
    expected = [[box_iou(row[None], column[None])[0] for column in reference] for row in predicted]
    assert scores.tolist() == expected


@pytest.mark.parametrize(("count", "others"), [(0, 3), (3, 0), (0, 0)])
def test_box_pairwise_with_nothing(count: int, others: int) -> None:
    assert pairwise_box_iou(np.zeros((count, 4)), np.zeros((others, 4))).shape == (count, others)


DTYPES = [np.float32, np.float64, np.longdouble]


@given(box_rows(odd, 3) | box_rows(box_grid, 3), box_rows(odd, 3) | box_rows(box_fine, 3), st.sampled_from(DTYPES))
def test_box_odd_numbers_score_alike_in_batches_and_pairs(predicted: Any, reference: Any, dtype: Any) -> None:
    with np.errstate(over="ignore"):
        predicted, reference = predicted.astype(dtype), reference.astype(dtype)
    expected = np.concatenate([box_iou(predicted[i : i + 1], reference[i : i + 1]) for i in range(3)])
    many = np.resize(predicted, (514, 4)), np.resize(reference, (514, 4))
    pairs = box_iou(np.repeat(predicted, 3, axis=0), np.tile(reference, (3, 1))).reshape(3, 3)
    np.testing.assert_array_equal(box_iou(predicted, reference), expected, strict=True)
    np.testing.assert_array_equal(box_iou(*many), np.resize(expected, 514), strict=True)
    np.testing.assert_array_equal(pairwise_box_iou(predicted, reference), pairs, strict=True)


@given(box_rows(odd, 3) | box_rows(box_grid, 3), box_rows(odd, 3) | box_rows(box_fine, 3))
def test_box_odd_numbers_score_alike_in_torch_and_numpy(predicted: Any, reference: Any) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    tensors = torch.asarray(predicted), torch.asarray(reference)
    scores, pairs = box_iou(predicted, reference), pairwise_box_iou(predicted, reference)
    np.testing.assert_array_equal(box_iou(*tensors).numpy(), scores, strict=True)
    np.testing.assert_array_equal(pairwise_box_iou(*tensors).numpy(), pairs, strict=True)


@given(box_rows(odd, 1), box_rows(odd, 1))
def test_box_that_is_no_number_changes_no_other(predicted: Any, reference: Any) -> None:
    rng = np.random.default_rng(0)
    first, second = np.sort(rng.uniform(0, 9, (2, 514, 2, 2)), axis=2).reshape(2, -1, 4)
    expected = box_iou(first, second)
    first[7], second[7], expected[7] = predicted, reference, box_iou(predicted, reference)[0]
    np.testing.assert_array_equal(box_iou(first, second), expected)


@pytest.mark.parametrize("count", [16_383, 16_384, 32_771])
def test_box_long_batches_agree_with_the_oracle(count: int) -> None:
    predicted, reference = np.random.default_rng(count).uniform(0, 9, (2, count, 4))
    expected = [oracle.box_iou(*pair) for pair in zip(predicted.tolist(), reference.tolist(), strict=True)]
    np.testing.assert_allclose(box_iou(predicted, reference), expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(("count", "others"), [(3, 16_385), (200, 100), (16_385, 1)])
def test_box_many_pairs_equal_their_rows(count: int, others: int) -> None:
    rng = np.random.default_rng(count)
    predicted, reference = rng.uniform(0, 9, (count, 4)), rng.uniform(0, 9, (others, 4))
    rows = box_iou(np.repeat(predicted, others, axis=0), np.tile(reference, (count, 1)))
    np.testing.assert_array_equal(pairwise_box_iou(predicted, reference), rows.reshape(count, others))


def test_box_masked_arrays_stay_masked() -> None:
    masked = np.ma.masked_array([[0.0, 0, 2, 2], [0, 0, 1, 1]], mask=[[False] * 4, [True] * 4])
    assert box_iou(masked, np.array([[1.0, 0, 3, 2], [0, 0, 1, 1]])).tolist() == [pytest.approx(1 / 3), None]


def test_box_areas_of_zero_score_zero_where_subnormal_numbers_count_as_zero() -> None:
    torch = pytest.importorskip("torch")
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot")
    try:
        empty = np.ones((514, 4))
        assert not box_iou(empty[:1], empty[:1]).any()
        assert not box_iou(empty, empty).any()
        assert not pairwise_box_iou(empty[:3], empty[:2]).any()
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.peer
def test_box_shapely_agrees() -> None:
    shapely = pytest.importorskip("shapely")
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 1000, (2, 5000, 2, 2))
    predicted, reference = np.sort(corners, axis=2).reshape(2, 5000, 4)
    first, second = (shapely.box(*boxes.T) for boxes in (predicted, reference))
    expected = shapely.area(shapely.intersection(first, second)) / shapely.area(shapely.union(first, second))
    np.testing.assert_allclose(box_iou(predicted, reference), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.peer
def test_box_other_packages_agree() -> None:
    if not box_peers.installed():
        pytest.skip("pycocotools and others are not there: make .venv/.peers")
    command = [sys.executable, "-m", "tests.metrics.box_peers"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["pycocotools", "supervision", "torchmetrics", "torchvision"]


# Few distinct values make equal ends, moments and inverted spans common.
span_grid = st.integers(0, 5).map(float)
span_fine = st.floats(0, 3600, width=32, allow_subnormal=False)


def span_rows(elements: st.SearchStrategy[float], count: int = 1) -> st.SearchStrategy[Any]:
    return hnp.arrays(np.float64, (count, 2), elements=elements)


SPAN_GOLDEN = [
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


@pytest.mark.parametrize(("predicted", "reference", "expected"), SPAN_GOLDEN)
def test_span_golden(predicted: list[float], reference: list[float], expected: float) -> None:
    (score,) = temporal_iou([predicted], [reference])
    assert score == pytest.approx(expected, abs=1e-15, nan_ok=True)


def test_differs_equal_moments_score_one() -> None:
    """Two equal spans of length 0 score 1; the release scores them 0."""
    assert temporal_iou([[3, 3]], [[3, 3]])[0] == 1.0


@pytest.mark.parametrize("column", range(2))
@pytest.mark.parametrize("broken", ["predicted", "reference"])
def test_span_nan_in_is_nan_out(column: int, broken: str) -> None:
    spans = {"predicted": np.array([[0.0, 0]] * 2), "reference": np.array([[5.0, 6]] * 2)}
    spans[broken][0, column] = nan
    assert np.isnan(temporal_iou(**spans)).tolist() == [True, False]


@given(span_rows(span_grid) | span_rows(span_fine), span_rows(span_grid) | span_rows(span_fine))
def test_span_agrees_with_the_oracle(predicted: Any, reference: Any) -> None:
    expected = oracle.temporal_iou(predicted[0].tolist(), reference[0].tolist())
    assert temporal_iou(predicted, reference)[0] == pytest.approx(expected, rel=1e-12, abs=1e-300)


@given(span_rows(span_grid, 3), span_rows(span_grid, 3))
def test_span_symmetric(predicted: Any, reference: Any) -> None:
    assert np.array_equal(temporal_iou(predicted, reference), temporal_iou(reference, predicted))


@given(span_rows(span_fine))
def test_span_identity(span: Any) -> None:
    assert temporal_iou(span, span)[0] == 1.0


@given(span_rows(st.floats(-1e300, 1e300)), span_rows(st.floats(-1e300, 1e300)))
def test_span_bounded(predicted: Any, reference: Any) -> None:
    assert 0.0 <= temporal_iou(predicted, reference)[0] <= 1.0


@given(span_rows(span_grid), span_rows(span_grid), st.integers(-1000, 1000))
def test_span_translation_changes_nothing(predicted: Any, reference: Any, seconds: int) -> None:
    assert temporal_iou(predicted + seconds, reference + seconds)[0] == temporal_iou(predicted, reference)[0]


@given(span_rows(span_fine), span_rows(span_fine), st.integers(-20, 20))
def test_span_scaling_changes_nothing(predicted: Any, reference: Any, power: int) -> None:
    scale = 2.0**power
    assert temporal_iou(predicted * scale, reference * scale)[0] == temporal_iou(predicted, reference)[0]


@given(st.lists(st.floats(0, 20), min_size=2, max_size=2).map(sorted))
def test_span_monotone_as_a_span_moves_away(shifts: list[float]) -> None:
    spans = np.array([[10.0, 20.0]] * 2) + np.array(shifts)[:, None]
    near, far = temporal_iou(spans, np.array([[10.0, 20.0]] * 2))
    assert near >= far


@given(span_rows(span_grid, 5), span_rows(span_grid, 3))
def test_span_pairwise_equals_row_by_row(predicted: Any, reference: Any) -> None:
    scores = pairwise_temporal_iou(predicted, reference)
    expected = [[temporal_iou(row[None], column[None])[0] for column in reference] for row in predicted]
    assert scores.tolist() == expected


# Few distinct values make parallel, touching and coinciding edges common.
rotated_grid = st.tuples(
    st.integers(-2, 2).map(float),
    st.integers(-2, 2).map(float),
    st.integers(0, 4).map(float),
    st.integers(0, 4).map(float),
    st.integers(-8, 8).map(lambda eighth: eighth * pi / 4),
)
side = st.floats(0.01, 500)
rotated_fine = st.tuples(st.floats(0, 500), st.floats(0, 500), side, side, st.floats(-7, 7))
rotated_thin = st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(1, 2), st.floats(1e-6, 1e-3), st.floats(-4, 4))
rotated_boxes = rotated_grid | rotated_fine | rotated_thin


def rotated_iou(predicted: Any, reference: Any) -> float:
    (score,) = rotated_box_iou([list(predicted)], [list(reference)])
    return float(score)


SQUARE = [0, 0, 2, 2, 0]
ROTATED_GOLDEN = [
    pytest.param(SQUARE, SQUARE, 1.0, id="identical"),
    pytest.param([1, 2, 3, 4, 0.3], [1, 2, 3, 4, 0.3], 1.0, id="identical-turned"),
    pytest.param([1, 0, 2, 2, 0], SQUARE, 1 / 3, id="shifted"),
    pytest.param([1, 1, 2, 2, 0], SQUARE, 1 / 7, id="shifted-in-both"),
    pytest.param([0, 0, 2, 2, pi / 4], SQUARE, math.sqrt(0.5), id="eighth-turn"),
    pytest.param([0, 0, 2, 2, pi / 2], SQUARE, 1.0, id="quarter-turn-of-a-square"),
    pytest.param([0, 0, 4, 1, pi / 2], [0, 0, 4, 1, 0], 1 / 7, id="cross"),
    pytest.param([0, 0, 4, 1, pi / 2], [0, 0, 1, 4, 0], 1.0, id="quarter-turn-swaps-the-sides"),
    pytest.param([0, 0, 4, 1, 0.5], [0, 0, 4, 1, 0.5 + pi], 1.0, id="half-turn"),
    pytest.param([0, 0, 4, 1, pi / 6], [0, 0, 4, 1, -pi / 6], 2 / math.sqrt(3) / (8 - 2 / math.sqrt(3)), id="saltire"),
    pytest.param([1.5, 0, 1, 1, pi / 4], [0, 0, 8, 8, 0], 1 / 64, id="contained"),
    pytest.param([0, 0, 8, 8, 0], [1.5, 0, 1, 1, pi / 4], 1 / 64, id="containing"),
    pytest.param([-1, 1, 1.5, 9e-4, 1], [-1, 1, 2, 9e-4, 1], 0.75, id="thin-on-the-same-line"),
    pytest.param([2, 0, 2, 2, 0], SQUARE, 0.0, id="touching-edge"),
    pytest.param([2, 2, 2, 2, 0], SQUARE, 0.0, id="touching-corner"),
    pytest.param([1 + math.sqrt(2), 0, 2, 2, pi / 4], SQUARE, 0.0, id="touching-edge-by-corner"),
    pytest.param([60, 0, 100, 1, 0], [0, 0, 1, 1, 0], 0.0, id="long-and-apart"),
    pytest.param([50, 0, 100, 1, 0], [0, 0, 1, 1, 0], 0.5 / 100.5, id="wide"),
    pytest.param([0, 50, 1, 100, 0], [0, 0, 1, 1, 0], 0.5 / 100.5, id="tall"),
    pytest.param([0, 0, 1, 1, 0], [50, 0, 100, 1, 0], 0.5 / 100.5, id="wide-reference"),
    pytest.param([0, 0, 1, 1, 0], [0, 50, 1, 100, 0], 0.5 / 100.5, id="tall-reference"),
    pytest.param([9, 0, 2, 2, 1], SQUARE, 0.0, id="apart-in-x"),
    pytest.param([0, -9, 2, 2, 1], SQUARE, 0.0, id="apart-in-y"),
    pytest.param([1.9, 1.9, 2, 2, pi / 4], SQUARE, 0.0, id="apart-though-bounds-overlap"),
    pytest.param([1e300, -1e300, 2, 2, 1], SQUARE, 0.0, id="very-far"),
    pytest.param([0, 0, 0, 2, 0], SQUARE, 0.0, id="no-width"),
    pytest.param([0, 0, 2, 0, 0.5], SQUARE, 0.0, id="no-height"),
    pytest.param([0, 0, 0, 0, 0], [0, 0, 0, 0, 0], 0.0, id="points-equal"),
    pytest.param([0, 0, 2, 0, 1], [0, 0, 2, 0, 1], 0.0, id="lines-equal"),
    pytest.param([0, 0, -2, 2, 0], SQUARE, 0.0, id="negative-width"),
    pytest.param([0, 0, -2, -2, 0], SQUARE, 0.0, id="negative-sides"),
    pytest.param([0, 0, -2, -2, 0], [0, 0, -2, -2, 0], 0.0, id="negative-sides-equal"),
    pytest.param([1e200, 0, 2e200, 2e200, 0], [0, 0, 2e200, 2e200, 0], 1 / 3, id="huge"),
    pytest.param([1e-200, 0, 2e-200, 2e-200, 0], [0, 0, 2e-200, 2e-200, 0], 1 / 3, id="tiny"),
    pytest.param([0, 0, 2, 2, inf], SQUARE, nan, id="infinite-angle"),
    pytest.param([0, 0, inf, 2, 0], SQUARE, nan, id="infinite-side"),
    pytest.param([inf, 0, 2, 2, 0], SQUARE, nan, id="infinitely-far"),
]


@pytest.mark.parametrize(("predicted", "reference", "expected"), ROTATED_GOLDEN)
def test_rotated_golden(predicted: list[float], reference: list[float], expected: float) -> None:
    assert rotated_iou(predicted, reference) == pytest.approx(expected, abs=1e-15, rel=1e-14, nan_ok=True)


@pytest.mark.parametrize("column", range(5))
@pytest.mark.parametrize("broken", ["predicted", "reference"])
def test_rotated_nan_in_is_nan_out(column: int, broken: str) -> None:
    pair = {"predicted": np.array([[0.0, 0, 1, 1, 0]] * 2), "reference": np.array([[50.0, 5, 0, 6, 0]] * 2)}
    pair[broken][0, column] = nan
    assert np.isnan(rotated_box_iou(**pair)).tolist() == [True, False]


@given(rotated_boxes, rotated_boxes)
def test_rotated_agrees_with_the_oracle(predicted: Any, reference: Any) -> None:
    # The oracle loses about the square of the distance over a thin box's area to rounding.
    areas = predicted[2] * predicted[3] + reference[2] * reference[3]
    reach = max(map(abs, (*predicted[:4], *reference[:4])))
    tolerance = CLOSE + 1e-14 * reach**2 / max(areas, 1e-300)
    assert rotated_iou(predicted, reference) == pytest.approx(
        oracle.rotated_box_iou(predicted, reference), abs=tolerance
    )


@given(rotated_boxes, rotated_boxes)
def test_rotated_symmetric(predicted: Any, reference: Any) -> None:
    assert rotated_iou(predicted, reference) == pytest.approx(rotated_iou(reference, predicted), abs=1e-9)


@given(rotated_boxes)
def test_rotated_identity(box: Any) -> None:
    assert rotated_iou(box, box) == pytest.approx(float(box[2] * box[3] > 0), abs=CLOSE)


@given(rotated_boxes, rotated_boxes)
def test_rotated_bounded(predicted: Any, reference: Any) -> None:
    assert 0.0 <= rotated_iou(predicted, reference) <= 1.0


@pytest.mark.parametrize("column", [2, 3])
def test_rotated_without_an_area_the_score_is_exactly_zero(column: int) -> None:
    # Many rows, since rounding leaves less than a tenth of the integrals above 0.
    predicted, reference = np.random.default_rng(0).uniform([-3, -3, 1, 1, -7], [3, 3, 5, 5, 7], (2, 1000, 5))
    predicted[:, column] = 0.0
    assert not rotated_box_iou(predicted, reference).any()
    assert not rotated_box_iou(reference, predicted).any()


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("angle", [1e-300, 1e-100, 1e-38, 1e-25, 1e-12, 1e-6])
def test_rotated_gradients_stay_finite_as_edges_become_parallel(angle: float, precision: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    # The second one's left edge lies at x = 0, where the difference of its ends keeps the smallest angle.
    rows = [[0.0, 0, 2, 2, angle], [1.0, 0, 2, 2, angle], [1000.0, 0, 2, 2, angle]]
    predicted = torch.tensor(rows, dtype=getattr(torch, precision), requires_grad=True)
    rotated_box_iou(predicted, torch.tensor([SQUARE] * 3, dtype=predicted.dtype)).sum().backward()
    assert bool(predicted.grad.isfinite().all())


@given(rotated_boxes, rotated_boxes, st.integers(-3, 3))
def test_rotated_half_turns_change_nothing(predicted: Any, reference: Any, half_turns: int) -> None:
    turned = (*predicted[:4], predicted[4] + half_turns * pi)
    assert rotated_iou(turned, reference) == pytest.approx(rotated_iou(predicted, reference), abs=1e-8)


@given(rotated_boxes, rotated_boxes)
def test_rotated_a_quarter_turn_with_swapped_sides_changes_nothing(predicted: Any, reference: Any) -> None:
    x, y, width, height, angle = reference
    assert rotated_iou(predicted, (x, y, height, width, angle + pi / 2)) == pytest.approx(
        rotated_iou(predicted, reference), abs=1e-8
    )


@given(rotated_grid, rotated_grid, st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_rotated_translation_changes_nothing(predicted: Any, reference: Any, right: int, down: int) -> None:
    moved = np.array([predicted, reference]) + np.array([right, down, 0, 0, 0])
    assert rotated_iou(*moved) == rotated_iou(predicted, reference)


@given(rotated_boxes, rotated_boxes, st.floats(-7, 7))
def test_rotated_turning_both_about_the_origin_changes_nothing(predicted: Any, reference: Any, angle: float) -> None:
    cos, sin = math.cos(angle), math.sin(angle)
    turned = [
        (x * cos - y * sin, x * sin + y * cos, width, height, own + angle)
        for x, y, width, height, own in (predicted, reference)
    ]
    assert rotated_iou(*turned) == pytest.approx(rotated_iou(predicted, reference), abs=1e-8)


@given(rotated_boxes, rotated_boxes, st.integers(-300, 300))
def test_rotated_scaling_changes_nothing(predicted: Any, reference: Any, power: int) -> None:
    scale = np.array([2.0**power] * 4 + [1.0])
    assert rotated_iou(predicted * scale, reference * scale) == rotated_iou(predicted, reference)


@given(rotated_boxes, st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted))
def test_rotated_monotone_as_a_box_inside_grows(box: Any, sizes: list[float]) -> None:
    x, y, width, height, angle = box
    small, large = (rotated_iou((x, y, size * width, size * height, angle), box) for size in sizes)
    assert large >= small - CLOSE


@given(rotated_grid, rotated_grid, st.integers(-4, 4))
def test_rotated_upright_boxes_agree_with_box_iou(predicted: Any, reference: Any, quarter_turns: int) -> None:
    upright = [
        [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        for x, y, width, height, _ in (predicted, reference)
    ]
    sides = predicted[2:4] if quarter_turns % 2 == 0 else predicted[3:1:-1]
    turned = (*predicted[:2], *sides, quarter_turns * pi / 2)
    expected = float(box_iou([upright[0]], [upright[1]])[0])
    assert rotated_iou(turned, (*reference[:4], 0.0)) == pytest.approx(expected, abs=CLOSE)


@given(st.floats(-1e-9, 1e-9), st.floats(-1e-9, 1e-9), st.floats(-1e-9, 1e-9))
def test_rotated_nearly_coinciding_edges_change_the_score_as_little(right: float, down: float, angle: float) -> None:
    assert rotated_iou((right, down, 2, 2, angle), SQUARE) == pytest.approx(1.0, abs=1e-8)


@pytest.mark.peer
def test_rotated_shapely_agrees() -> None:
    # In general position: where edges coincide but for rounding, shapely may find no intersection at all.
    shapely = pytest.importorskip("shapely")
    rng = np.random.default_rng(0)
    low, high = [0, 0, 1, 1, -7], [200, 200, 300, 300, 7]
    predicted, reference = rng.uniform(low, high, (2, 2000, 5))
    first, second = ([shapely.Polygon(oracle.corners(row)) for row in side.tolist()] for side in (predicted, reference))
    shared = shapely.area(shapely.intersection(first, second))
    expected = shared / (shapely.area(first) + shapely.area(second) - shared)
    np.testing.assert_allclose(rotated_box_iou(predicted, reference), expected, atol=CLOSE)


def test_rotated_the_longest_floats_of_numpy() -> None:
    boxes = np.array([[0, 0, 2, 2, 0.3]], dtype=np.longdouble)
    scores = rotated_box_iou(boxes, boxes)
    assert scores.dtype == np.longdouble
    assert scores.tolist() == [1.0]
