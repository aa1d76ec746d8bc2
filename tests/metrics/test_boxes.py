"""Boxes: golden cases, the oracle, the laws of an intersection over union, shapely."""

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

from onethinker_rewards.metrics import _boxes_numpy, box_iou, boxes, pairwise_box_iou
from onethinker_rewards.metrics._blocks import score_pairs, score_rows
from tests import oracles_numeric as oracle
from tests.metrics import box_peers

inf, nan = math.inf, math.nan

# Few distinct values make equal sides, touching and inverted boxes common.
grid = st.integers(0, 8).map(float)
fine = st.floats(0, 1000, width=32, allow_subnormal=False)

# What tells two ways of computing apart: infinities, areas that overflow or vanish, and the numbers between.
odd = st.sampled_from([0.0, -0.0, 1.0, 2.0, -1.0, 3e-162, 5e-324, 1e-23, 1e20, 1e160, -1e160, 1e300, inf, -inf, nan])


def rows(elements: st.SearchStrategy[float], count: int = 1) -> st.SearchStrategy[Any]:
    return hnp.arrays(np.float64, (count, 4), elements=elements)


GOLDEN = [
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


@pytest.mark.parametrize(("predicted", "reference", "expected"), GOLDEN)
def test_golden(predicted: list[float], reference: list[float], expected: float) -> None:
    (score,) = box_iou([predicted], [reference])
    assert score == pytest.approx(expected, abs=1e-15, nan_ok=True)


@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("broken", ["predicted", "reference"])
def test_nan_in_is_nan_out(column: int, broken: str) -> None:
    boxes = {"predicted": np.array([[0.0, 0, 1, 1]] * 2), "reference": np.array([[5.0, 5, 6, 6]] * 2)}
    boxes[broken][0, column] = nan
    assert np.isnan(box_iou(**boxes)).tolist() == [True, False]


@given(rows(grid) | rows(fine), rows(grid) | rows(fine))
def test_agrees_with_the_oracle(predicted: Any, reference: Any) -> None:
    expected = oracle.box_iou(predicted[0].tolist(), reference[0].tolist())
    assert box_iou(predicted, reference)[0] == pytest.approx(expected, rel=1e-12, abs=1e-300)


@given(rows(grid, 3), rows(grid, 3))
def test_symmetric(predicted: Any, reference: Any) -> None:
    assert np.array_equal(box_iou(predicted, reference), box_iou(reference, predicted))


@given(rows(fine))
def test_identity(box: Any) -> None:
    assert box_iou(box, box)[0] == float(box[0, 2] > box[0, 0] and box[0, 3] > box[0, 1])


@given(rows(st.floats(-1e150, 1e150)), rows(st.floats(-1e150, 1e150)))
def test_bounded(predicted: Any, reference: Any) -> None:
    assert 0.0 <= box_iou(predicted, reference)[0] <= 1.0


@given(rows(grid), rows(grid), st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_translation_changes_nothing(predicted: Any, reference: Any, right: int, down: int) -> None:
    shift = np.array([right, down, right, down])
    assert box_iou(predicted + shift, reference + shift)[0] == box_iou(predicted, reference)[0]


@given(rows(fine), rows(fine), st.integers(-20, 20), st.integers(-20, 20))
def test_scaling_an_axis_changes_nothing(predicted: Any, reference: Any, across: int, along: int) -> None:
    scale = 2.0 ** np.array([across, along, across, along])
    assert box_iou(predicted * scale, reference * scale)[0] == box_iou(predicted, reference)[0]


@given(rows(grid), rows(grid))
def test_swapping_the_axes_changes_nothing(predicted: Any, reference: Any) -> None:
    swapped = [1, 0, 3, 2]
    assert box_iou(predicted[:, swapped], reference[:, swapped])[0] == box_iou(predicted, reference)[0]


@given(st.lists(st.floats(0, 10), min_size=2, max_size=2).map(sorted), st.sampled_from(range(4)))
def test_monotone_as_a_side_moves_to_the_reference(steps: list[float], side: int) -> None:
    outwards = np.array([-1.0, -1, 1, 1])[side]
    boxes = np.array([[10.0, 10, 30, 30]] * 2)
    boxes[:, side] += outwards * np.array(steps)
    far, near = box_iou(boxes, np.array([[10.0, 10, 30, 30]] * 2))
    assert far >= near


@given(rows(grid, 5), rows(grid, 3))
def test_pairwise_equals_row_by_row(predicted: Any, reference: Any) -> None:
    scores = pairwise_box_iou(predicted, reference)
    expected = [[box_iou(row[None], column[None])[0] for column in reference] for row in predicted]
    assert scores.tolist() == expected


@pytest.mark.parametrize(("count", "others"), [(0, 3), (3, 0), (0, 0)])
def test_pairwise_with_nothing(count: int, others: int) -> None:
    assert pairwise_box_iou(np.zeros((count, 4)), np.zeros((others, 4))).shape == (count, others)


DTYPES = [np.float32, np.float64, np.longdouble]


@given(rows(odd, 3) | rows(grid, 3), rows(odd, 3) | rows(fine, 3), st.sampled_from(DTYPES))
def test_the_ways_of_numpy_equal_the_formula(predicted: Any, reference: Any, dtype: Any) -> None:
    with np.errstate(over="ignore"):
        predicted, reference = predicted.astype(dtype), reference.astype(dtype)
    expected = score_rows(boxes._iou, np, predicted, reference)
    many = np.resize(predicted, (_boxes_numpy.FEW + 2, 4)), np.resize(reference, (_boxes_numpy.FEW + 2, 4))
    crossed = score_pairs(boxes._iou, np, predicted, reference)
    np.testing.assert_array_equal(box_iou(predicted, reference), expected, strict=True)
    np.testing.assert_array_equal(box_iou(*many), np.resize(expected, len(many[0])), strict=True)
    np.testing.assert_array_equal(pairwise_box_iou(predicted, reference), crossed, strict=True)


@given(rows(odd, 3) | rows(grid, 3), rows(odd, 3) | rows(fine, 3))
def test_the_way_of_torch_equals_the_formula(predicted: Any, reference: Any) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    tensors = torch.asarray(predicted), torch.asarray(reference)
    expected = score_rows(boxes._iou, np, predicted, reference)
    crossed = score_pairs(boxes._iou, np, predicted, reference)
    np.testing.assert_array_equal(box_iou(*tensors).numpy(), expected, strict=True)
    np.testing.assert_array_equal(pairwise_box_iou(*tensors).numpy(), crossed, strict=True)


@given(rows(odd, 1), rows(odd, 1))
def test_a_box_that_is_no_number_spoils_no_other(predicted: Any, reference: Any) -> None:
    """What one row's infinities do to its block stays in the row."""
    rng = np.random.default_rng(0)
    first, second = np.sort(rng.uniform(0, 9, (2, _boxes_numpy.FEW + 2, 2, 2)), axis=2).reshape(2, -1, 4)
    expected = box_iou(first, second)
    first[7], second[7], expected[7] = predicted, reference, box_iou(predicted, reference)[0]
    np.testing.assert_array_equal(box_iou(first, second), expected)


@pytest.mark.parametrize("count", [_boxes_numpy.SCORES - 1, _boxes_numpy.SCORES, 2 * _boxes_numpy.SCORES + 3])
def test_long_batches_equal_the_formula(count: int) -> None:
    predicted, reference = np.random.default_rng(count).uniform(0, 9, (2, count, 4))
    np.testing.assert_array_equal(box_iou(predicted, reference), score_rows(boxes._iou, np, predicted, reference))


@pytest.mark.parametrize(("count", "others"), [(3, _boxes_numpy.SCORES + 1), (200, 100), (_boxes_numpy.SCORES + 1, 1)])
def test_many_pairs_equal_the_formula(count: int, others: int) -> None:
    rng = np.random.default_rng(count)
    predicted, reference = rng.uniform(0, 9, (count, 4)), rng.uniform(0, 9, (others, 4))
    np.testing.assert_array_equal(
        pairwise_box_iou(predicted, reference), score_pairs(boxes._iou, np, predicted, reference)
    )


def test_an_array_with_rules_of_its_own_keeps_them() -> None:
    masked = np.ma.masked_array([[0.0, 0, 2, 2], [0, 0, 1, 1]], mask=[[False] * 4, [True] * 4])
    assert box_iou(masked, np.array([[1.0, 0, 3, 2], [0, 0, 1, 1]])).tolist() == [pytest.approx(1 / 3), None]


def test_areas_of_zero_score_zero_where_subnormal_numbers_count_as_zero() -> None:
    torch = pytest.importorskip("torch")
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot")
    try:
        empty = np.ones((_boxes_numpy.FEW + 2, 4))
        assert not box_iou(empty[:1], empty[:1]).any()
        assert not box_iou(empty, empty).any()
        assert not pairwise_box_iou(empty[:3], empty[:2]).any()
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.peer
def test_shapely_agrees() -> None:
    shapely = pytest.importorskip("shapely")
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 1000, (2, 5000, 2, 2))
    predicted, reference = np.sort(corners, axis=2).reshape(2, 5000, 4)
    first, second = (shapely.box(*boxes.T) for boxes in (predicted, reference))
    expected = shapely.area(shapely.intersection(first, second)) / shapely.area(shapely.union(first, second))
    np.testing.assert_allclose(box_iou(predicted, reference), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.peer
def test_other_packages_agree() -> None:
    if not box_peers.installed():
        pytest.skip("pycocotools and others are not there: make .venv/.peers")
    command = [sys.executable, "-m", "tests.metrics.box_peers"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["pycocotools", "supervision", "torchmetrics", "torchvision"]
