"""Rotated boxes: golden cases, the clipping oracle, the laws of an intersection over union, shapely."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.metrics import box_iou, rotated_box_iou
from tests import oracles_numeric as oracle

inf, nan, pi = math.inf, math.nan, math.pi
CLOSE = 1e-12

# Few distinct values make parallel, touching and coinciding edges common.
grid = st.tuples(
    st.integers(-2, 2).map(float),
    st.integers(-2, 2).map(float),
    st.integers(0, 4).map(float),
    st.integers(0, 4).map(float),
    st.integers(-8, 8).map(lambda eighth: eighth * pi / 4),
)
side = st.floats(0.01, 500)
fine = st.tuples(st.floats(0, 500), st.floats(0, 500), side, side, st.floats(-7, 7))
thin = st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(1, 2), st.floats(1e-6, 1e-3), st.floats(-4, 4))
boxes = grid | fine | thin


def iou(predicted: Any, reference: Any) -> float:
    (score,) = rotated_box_iou([list(predicted)], [list(reference)])
    return float(score)


SQUARE = [0, 0, 2, 2, 0]
GOLDEN = [
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


@pytest.mark.parametrize(("predicted", "reference", "expected"), GOLDEN)
def test_golden(predicted: list[float], reference: list[float], expected: float) -> None:
    assert iou(predicted, reference) == pytest.approx(expected, abs=1e-15, rel=1e-14, nan_ok=True)


@pytest.mark.parametrize("column", range(5))
@pytest.mark.parametrize("broken", ["predicted", "reference"])
def test_nan_in_is_nan_out(column: int, broken: str) -> None:
    pair = {"predicted": np.array([[0.0, 0, 1, 1, 0]] * 2), "reference": np.array([[50.0, 5, 0, 6, 0]] * 2)}
    pair[broken][0, column] = nan
    assert np.isnan(rotated_box_iou(**pair)).tolist() == [True, False]


@given(boxes, boxes)
def test_agrees_with_the_oracle(predicted: Any, reference: Any) -> None:
    # The oracle loses about the square of the distance over a thin box's area to rounding.
    areas = predicted[2] * predicted[3] + reference[2] * reference[3]
    reach = max(map(abs, (*predicted[:4], *reference[:4])))
    tolerance = CLOSE + 1e-14 * reach**2 / max(areas, 1e-300)
    assert iou(predicted, reference) == pytest.approx(oracle.rotated_box_iou(predicted, reference), abs=tolerance)


@given(boxes, boxes)
def test_symmetric(predicted: Any, reference: Any) -> None:
    assert iou(predicted, reference) == pytest.approx(iou(reference, predicted), abs=1e-9)


@given(boxes)
def test_identity(box: Any) -> None:
    assert iou(box, box) == pytest.approx(float(box[2] * box[3] > 0), abs=CLOSE)


@given(boxes, boxes)
def test_bounded(predicted: Any, reference: Any) -> None:
    assert 0.0 <= iou(predicted, reference) <= 1.0


@pytest.mark.parametrize("column", [2, 3])
def test_without_an_area_the_score_is_exactly_zero(column: int) -> None:
    # Many rows, since rounding leaves less than a tenth of the integrals above 0.
    predicted, reference = np.random.default_rng(0).uniform([-3, -3, 1, 1, -7], [3, 3, 5, 5, 7], (2, 1000, 5))
    predicted[:, column] = 0.0
    assert not rotated_box_iou(predicted, reference).any()
    assert not rotated_box_iou(reference, predicted).any()


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("angle", [1e-300, 1e-100, 1e-38, 1e-25, 1e-12, 1e-6])
def test_gradients_stay_finite_as_edges_become_parallel(angle: float, precision: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    # The second one's left edge lies at x = 0, where the difference of its ends keeps the smallest angle.
    rows = [[0.0, 0, 2, 2, angle], [1.0, 0, 2, 2, angle], [1000.0, 0, 2, 2, angle]]
    predicted = torch.tensor(rows, dtype=getattr(torch, precision), requires_grad=True)
    rotated_box_iou(predicted, torch.tensor([SQUARE] * 3, dtype=predicted.dtype)).sum().backward()
    assert bool(predicted.grad.isfinite().all())


@given(boxes, boxes, st.integers(-3, 3))
def test_half_turns_change_nothing(predicted: Any, reference: Any, half_turns: int) -> None:
    turned = (*predicted[:4], predicted[4] + half_turns * pi)
    assert iou(turned, reference) == pytest.approx(iou(predicted, reference), abs=1e-8)


@given(boxes, boxes)
def test_a_quarter_turn_with_swapped_sides_changes_nothing(predicted: Any, reference: Any) -> None:
    x, y, width, height, angle = reference
    assert iou(predicted, (x, y, height, width, angle + pi / 2)) == pytest.approx(iou(predicted, reference), abs=1e-8)


@given(grid, grid, st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_translation_changes_nothing(predicted: Any, reference: Any, right: int, down: int) -> None:
    moved = np.array([predicted, reference]) + np.array([right, down, 0, 0, 0])
    assert iou(*moved) == iou(predicted, reference)


@given(boxes, boxes, st.floats(-7, 7))
def test_turning_both_about_the_origin_changes_nothing(predicted: Any, reference: Any, angle: float) -> None:
    cos, sin = math.cos(angle), math.sin(angle)
    turned = [
        (x * cos - y * sin, x * sin + y * cos, width, height, own + angle)
        for x, y, width, height, own in (predicted, reference)
    ]
    assert iou(*turned) == pytest.approx(iou(predicted, reference), abs=1e-8)


@given(boxes, boxes, st.integers(-300, 300))
def test_scaling_changes_nothing(predicted: Any, reference: Any, power: int) -> None:
    scale = np.array([2.0**power] * 4 + [1.0])
    assert iou(predicted * scale, reference * scale) == iou(predicted, reference)


@given(boxes, st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted))
def test_monotone_as_a_box_inside_grows(box: Any, sizes: list[float]) -> None:
    x, y, width, height, angle = box
    small, large = (iou((x, y, size * width, size * height, angle), box) for size in sizes)
    assert large >= small - CLOSE


@given(grid, grid, st.integers(-4, 4))
def test_upright_boxes_agree_with_box_iou(predicted: Any, reference: Any, quarter_turns: int) -> None:
    upright = [
        [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        for x, y, width, height, _ in (predicted, reference)
    ]
    sides = predicted[2:4] if quarter_turns % 2 == 0 else predicted[3:1:-1]
    turned = (*predicted[:2], *sides, quarter_turns * pi / 2)
    expected = float(box_iou([upright[0]], [upright[1]])[0])
    assert iou(turned, (*reference[:4], 0.0)) == pytest.approx(expected, abs=CLOSE)


@given(st.floats(-1e-9, 1e-9), st.floats(-1e-9, 1e-9), st.floats(-1e-9, 1e-9))
def test_nearly_coinciding_edges_change_the_score_as_little(right: float, down: float, angle: float) -> None:
    assert iou((right, down, 2, 2, angle), SQUARE) == pytest.approx(1.0, abs=1e-8)


@pytest.mark.peer
def test_shapely_agrees() -> None:
    # In general position: where edges coincide but for rounding, shapely may find no intersection at all.
    shapely = pytest.importorskip("shapely")
    rng = np.random.default_rng(0)
    low, high = [0, 0, 1, 1, -7], [200, 200, 300, 300, 7]
    predicted, reference = rng.uniform(low, high, (2, 2000, 5))
    first, second = ([shapely.Polygon(oracle.corners(row)) for row in side.tolist()] for side in (predicted, reference))
    shared = shapely.area(shapely.intersection(first, second))
    expected = shared / (shapely.area(first) + shapely.area(second) - shared)
    np.testing.assert_allclose(rotated_box_iou(predicted, reference), expected, atol=CLOSE)


def test_the_longest_floats_of_numpy() -> None:
    boxes = np.array([[0, 0, 2, 2, 0.3]], dtype=np.longdouble)
    scores = rotated_box_iou(boxes, boxes)
    assert scores.dtype == np.longdouble
    assert scores.tolist() == [1.0]
