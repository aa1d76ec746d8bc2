"""Generalized IoU of boxes, and the IoU of polygons: golden cases, oracles, laws, kinds of arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics import box_iou, generalized_box_iou, polygon_iou, rotated_box_iou
from onethinker_rewards.testing import boxes, check_laws
from onethinker_rewards.testing.valid import corner_values
from tests import oracles_numeric as oracle
from tests.metrics.test_arrays import KINDS, on_host
from tests.metrics.test_iou import box_fine, box_grid, box_rows

inf, nan = math.inf, math.nan
FEW = settings().max_examples // 2

GENERALIZED = [
    pytest.param([0, 0, 2, 2], [0, 0, 2, 2], 1.0, id="identical"),
    pytest.param([0, 0, 2, 2], [1, 0, 3, 2], 1 / 3, id="side by side"),
    pytest.param([0, 0, 2, 2], [1, 1, 3, 3], 1 / 7 - 2 / 9, id="shifted in both"),
    pytest.param([1, 1, 2, 2], [0, 0, 4, 4], 1 / 16, id="contained"),
    pytest.param([0, 0, 1, 1], [1, 0, 2, 1], 0.0, id="touching edge"),
    pytest.param([0, 0, 1, 1], [1, 1, 2, 2], -0.5, id="touching corner"),
    pytest.param([0, 0, 1, 1], [3, 0, 4, 1], -0.5, id="apart"),
    pytest.param([0, 0, 1, 1], [999, 0, 1000, 1], -0.998, id="far apart"),
    pytest.param([1, 1, 1, 1], [1, 1, 1, 1], 0.0, id="points, equal"),
    pytest.param([0, 0, 0, 0], [1, 1, 1, 1], -1.0, id="points apart"),
    pytest.param([1, 1, 1, 1], [0, 0, 4, 4], 0.0, id="a point inside"),
    pytest.param([0, 0, 0, 9], [0, 0, 0, 9], 0.0, id="lines, equal"),
    pytest.param([2, 2, 0, 0], [2, 2, 0, 0], 0.0, id="inverted, equal"),
    pytest.param([2, 0, 0, 2], [0, 0, 2, 2], 0.0, id="inverted"),
    pytest.param([0, 0, inf, 1], [0, 0, inf, 1], nan, id="infinite"),
]


@pytest.mark.parametrize(("predicted", "reference", "expected"), GENERALIZED)
def test_generalized_golden(predicted: list[float], reference: list[float], expected: float) -> None:
    assert generalized_box_iou([predicted], [reference])[0] == pytest.approx(expected, abs=1e-15, nan_ok=True)


@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("broken", ["predicted", "reference"])
def test_generalized_nan_in_is_nan_out(column: int, broken: str) -> None:
    pair = {"predicted": np.array([[0.0, 0, 1, 1]] * 2), "reference": np.array([[5.0, 5, 6, 6]] * 2)}
    pair[broken][0, column] = nan
    assert np.isnan(generalized_box_iou(**pair)).tolist() == [True, False]


@given(box_rows(box_grid, 3) | box_rows(box_fine, 3), box_rows(box_grid, 3) | box_rows(box_fine, 3))
@settings(max_examples=FEW)
def test_generalized_agrees_with_the_oracle(predicted: Any, reference: Any) -> None:
    expected = [oracle.generalized_box_iou(*pair) for pair in zip(predicted.tolist(), reference.tolist(), strict=True)]
    assert generalized_box_iou(predicted, reference).tolist() == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(box_rows(box_grid, 3), box_rows(box_grid, 3))
@settings(max_examples=FEW)
def test_generalized_is_never_more_than_the_iou(predicted: Any, reference: Any) -> None:
    scores = generalized_box_iou(predicted, reference)
    assert (scores <= box_iou(predicted, reference) + 1e-15).all()
    assert np.array_equal(scores, generalized_box_iou(reference, predicted))


def test_generalized_keeps_the_laws() -> None:
    """But monotonicity: moving the four sides each by a share of their way may make the hull emptier first."""
    laws = ["range", "identity", "symmetry", "shift_invariance", "scale_invariance", "batch_equals_rows", "empty_batch"]
    check_laws(generalized_box_iou, boxes(1), laws, minimum=-1.0, examples=60)


@pytest.mark.peer
def test_generalized_torchvision_agrees() -> None:
    ops = pytest.importorskip("torchvision.ops", reason="torchvision is not installed")
    torch = pytest.importorskip("torch", reason="torch is not installed")
    corners = np.random.default_rng(0).uniform(0, 1000, (2, 200, 2, 2))
    predicted, reference = map(torch.asarray, np.sort(corners, axis=2).reshape(2, 200, 4))
    torch.testing.assert_close(
        generalized_box_iou(predicted, reference), ops.generalized_box_iou(predicted, reference).diagonal()
    )


# Polygons.

SQUARE = [(0, 0), (2, 0), (2, 2), (0, 2)]
POLYGONS = [
    pytest.param(SQUARE, SQUARE, 1.0, id="identical"),
    pytest.param(SQUARE, SQUARE[::-1], 1.0, id="in the other direction"),
    pytest.param(SQUARE[2:] + SQUARE[:2], SQUARE, 1.0, id="from another corner"),
    pytest.param([*SQUARE, SQUARE[0]], SQUARE, 1.0, id="closed"),
    pytest.param([(0, 0), (1, 0), (2, 0), (2, 2), (0, 2)], SQUARE, 1.0, id="a corner on an edge"),
    pytest.param([(0, 0), (2, 0), (0, 2)], SQUARE, 0.5, id="half"),
    pytest.param([(1, 0), (3, 0), (3, 2), (1, 2)], SQUARE, 1 / 3, id="shifted"),
    pytest.param([(2, 0), (4, 0), (4, 2), (2, 2)], SQUARE, 0.0, id="touching"),
    pytest.param([(9, 0), (11, 0), (11, 2)], SQUARE, 0.0, id="apart"),
    pytest.param([(0, 0), (2, 0), (2, 2), (1, 1)], SQUARE, 0.5, id="a corner on a diagonal"),
    pytest.param([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)], SQUARE, 0.75, id="concave"),
    pytest.param([(0, 0), (2, 2), (2, 0), (0, 2)], SQUARE, 0.0, id="crosses itself"),
    pytest.param([(0, 0), (2, 0)], SQUARE, 0.0, id="two corners"),
    pytest.param([], SQUARE, 0.0, id="no corner"),
    pytest.param([(0, 0), (1, 1), (2, 2)], [(0, 0), (1, 1), (2, 2)], 0.0, id="no area on either side"),
    pytest.param([(0, 0), (nan, 0), (2, 2)], SQUARE, nan, id="not a number"),
    pytest.param([(0, 0), (inf, 0), (2, 2)], SQUARE, nan, id="infinite"),
]


@pytest.mark.parametrize(("predicted", "reference", "expected"), POLYGONS)
def test_polygon_golden(predicted: Any, reference: Any, expected: float) -> None:
    assert polygon_iou([predicted], [reference])[0] == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert polygon_iou([reference], [predicted])[0] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_polygons_of_different_lengths_in_one_batch() -> None:
    cases = [case.values for case in POLYGONS]
    scores = polygon_iou([case[0] for case in cases], [case[1] for case in cases])
    assert scores.tolist() == pytest.approx([case[2] for case in cases], abs=1e-12, nan_ok=True)
    assert polygon_iou([], []).shape == (0,)
    assert polygon_iou(np.zeros((0, 4, 2)), np.zeros((0, 4, 2))).shape == (0,)


convex = corner_values(0.0, 100.0).map(lambda corners: [(float(x), float(y)) for x, y in corners])


@given(convex, convex)
@settings(max_examples=FEW)
def test_convex_polygons_agree_with_clipping(predicted: Any, reference: Any) -> None:
    # Clipping loses areas of a rounding error of the coordinates.
    assume(min(oracle._area(predicted), oracle._area(reference)) > 1e-3)
    expected = oracle.convex_iou(predicted, reference)
    assert polygon_iou([predicted], [reference])[0] == pytest.approx(expected, abs=1e-6)


@st.composite
def stars(draw: st.DrawFn) -> list[tuple[float, float]]:
    """Return corners at ascending angles and any distances around a center: simple, and mostly concave."""
    count = draw(st.integers(3, 8))
    x, y = draw(st.integers(40, 60)), draw(st.integers(40, 60))
    far = [draw(st.integers(5, 40)) for _ in range(count)]
    turns = [2 * math.pi * step / count for step in range(count)]
    return [(x + r * math.cos(turn), y + r * math.sin(turn)) for r, turn in zip(far, turns, strict=True)]


@given(stars(), stars())
@settings(max_examples=20)
def test_concave_polygons_agree_with_a_grid_of_points(predicted: Any, reference: Any) -> None:
    expected = oracle.sampled_iou(predicted, reference, 0.0, 100.0, 100)
    assume(min(oracle._area(predicted), oracle._area(reference)) > 100)
    assert polygon_iou([predicted], [reference])[0] == pytest.approx(expected, abs=0.05)


odd = st.floats() | st.sampled_from([0.0, 1.0, 2.0, 1e308, -1e308, 5e-324, 1e-160, 1e160])
odd_polygons = st.lists(st.tuples(odd, odd), max_size=6)


@given(odd_polygons, odd_polygons)
@example([(0.0, 0.0), (0.0, 1.0), (-5e293, -1e308), (-2.0, -1e308)], [])
def test_any_float_gives_no_warning_and_nothing_beyond_one(predicted: Any, reference: Any) -> None:
    scores = polygon_iou([predicted, predicted], [reference, predicted])
    assert np.all(np.isnan(scores) | ((scores >= 0) & (scores <= 1)))


@given(stars(), st.integers(0, 7), st.booleans())
@settings(max_examples=FEW)
def test_direction_and_first_corner_do_not_matter(polygon: Any, first: int, turned: bool) -> None:
    other = [*polygon[first:], *polygon[:first]][:: -1 if turned else 1]
    assert polygon_iou([other], [polygon])[0] == pytest.approx(1.0, abs=1e-9)


def test_rotated_boxes_agree() -> None:
    rows = np.random.default_rng(0).uniform([0, 0, 1, 1, -7], [200, 200, 300, 300, 7], (2, 100, 5))
    corners = [[oracle.corners(row) for row in side.tolist()] for side in rows]
    np.testing.assert_allclose(polygon_iou(*corners), rotated_box_iou(*rows), atol=1e-9)


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype float64:UserWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_polygons_answer_in_kind(kind: Any, precision: str) -> None:
    namespace, array = kind()
    dtype = array(0.0, dtype=getattr(namespace, precision)).dtype
    square, shifted = array([SQUARE], dtype=dtype), array([[(x + 1, y) for x, y in SQUARE]], dtype=dtype)
    for sides in ((square, shifted), ([SQUARE], shifted), (square, [[(x + 1, y) for x, y in SQUARE]])):
        scores = polygon_iou(*sides)
        assert type(scores) is type(square)
        assert (scores.dtype, scores.device) == (dtype, square.device)
        assert on_host(scores).tolist() == pytest.approx([1 / 3])


def test_polygons_with_a_gradient_have_none_in_their_scores() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    square = torch.tensor([SQUARE], dtype=torch.float32, requires_grad=True)
    assert not polygon_iou(square, square).requires_grad
    assert polygon_iou(list(square), [SQUARE]).tolist() == [1.0]


@pytest.mark.parametrize(
    ("predicted", "message"),
    [
        pytest.param([SQUARE, SQUARE], "predicted has 2 rows and reference has 1", id="lengths"),
        pytest.param([[(0, 0, 0), (1, 1, 1)]], r"predicted, row 0: expected \[K, 2\] corners, got", id="triples"),
        pytest.param([[0, 1, 2]], r"predicted, row 0: expected \[K, 2\] corners, got \[0, 1, 2\]", id="numbers"),
        pytest.param([5], r"predicted, row 0: expected \[K, 2\] corners, got 5", id="one number"),
        pytest.param([["ab", "cd"]], r"predicted, row 0: expected \[K, 2\] corners", id="text"),
        pytest.param([[(0, 0), (1,)]], r"predicted, row 0: expected \[K, 2\] corners", id="ragged"),
    ],
)
def test_polygons_are_checked(predicted: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        polygon_iou(predicted, [SQUARE])
