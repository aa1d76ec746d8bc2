"""Point sets and moments: golden cases, the oracle over all pairings, laws, SciPy's assignment."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics import point_similarity, time_proximity
from tests import oracles_numeric as oracle

inf, nan = math.inf, math.nan
ONE_SIGMA = math.exp(-0.5)

# Few distinct coordinates make equal points and equally good pairings common.
grid = st.integers(0, 3).map(lambda step: 20.0 * step)
fine = st.floats(0, 1000)


def pair(elements: st.SearchStrategy[float], most: int, rows: int = 1) -> st.SearchStrategy[Any]:
    """Generate predicted and reference together, ``[2, rows, K, 2]``."""
    counts = st.integers(1, most)
    return counts.flatmap(lambda count: hnp.arrays(np.float64, (2, rows, count, 2), elements=elements))


GOLDEN = [
    pytest.param([[3, 4]], [[3, 4]], 1.0, id="one-same"),
    pytest.param([[30, 40]], [[0, 0]], ONE_SIGMA, id="one-at-one-sigma"),
    pytest.param([[0, 0], [9, 9]], [[9, 9], [0, 0]], 1.0, id="two-swapped"),
    pytest.param([[0, 0], [0, 0]], [[0, 0], [100, 0]], ONE_SIGMA, id="two-mean-not-sum"),
    pytest.param([[0, 0], [10, 0]], [[10, 0], [20, 0]], math.exp(-(10**2) / 5000), id="two-best-not-nearest-first"),
    pytest.param([[0, 0], [50, 0], [90, 9]], [[90, 9], [0, 0], [50, 0]], 1.0, id="three-rotated"),
    pytest.param([[0, 0], [50, 0], [90, 9]], [[50, 0], [0, 0], [90, 9]], 1.0, id="three-swapped"),
    pytest.param([[0, 0]] * 3, [[150, 0], [0, 0], [0, 0]], ONE_SIGMA, id="three-repeated-is-not-one-to-one"),
    pytest.param([[1, 1], [2, 2], [3, 3], [4, 4]], [[4, 4], [3, 3], [2, 2], [1, 1]], 1.0, id="four-reversed"),
    pytest.param([[0, 0]] * 4, [[200, 0], [0, 0], [0, 0], [0, 0]], ONE_SIGMA, id="four-one-astray"),
    pytest.param([[k, 0] for k in range(5)], [[k, 50] for k in (3, 1, 4, 0, 2)], ONE_SIGMA, id="five-moved"),
    pytest.param([[k, 0] for k in range(7)], [[k, 0] for k in reversed(range(7))], 1.0, id="seven-reversed"),
    pytest.param([[1e9, 0]], [[0, 0]], 0.0, id="far"),
    pytest.param([[1e300, 0]], [[0, 0]], 0.0, id="distance-overflows"),
    pytest.param([[1e300, 0], [0, 0]], [[0, 0], [1e300, 0]], 1.0, id="overflow-avoided-by-the-pairing"),
    pytest.param([[inf, 0], [0, 0]], [[0, 0], [1, 0]], 0.0, id="infinitely-far"),
    pytest.param([[inf, 0], [0, 0]], [[inf, 0], [0, 0]], nan, id="infinite-both"),
    pytest.param([[0, 0], [nan, 0]], [[0, 0], [1, 0]], nan, id="nan-predicted"),
    pytest.param([[0, 0], [1, 0]], [[0, nan], [1, 0]], nan, id="nan-reference"),
    pytest.param([[inf, 0], *[[0, 0]] * 4], [[0, 0]] * 5, 0.0, id="five-infinitely-far"),
    pytest.param([[inf, 0], *[[0, 0]] * 4], [[inf, 0], *[[0, 0]] * 4], nan, id="five-infinite-both"),
    pytest.param([[nan, 0], *[[0, 0]] * 4], [[0, 0]] * 5, nan, id="five-nan-predicted"),
    pytest.param([[0, 0]] * 5, [[0, nan], *[[0, 0]] * 4], nan, id="five-nan-reference"),
    pytest.param([[1e300, 0], *[[0, 0]] * 4], [*[[0, 0]] * 4, [1e300, 0]], 1.0, id="five-overflow-avoided"),
    pytest.param([[k, 0] for k in range(9)], [[k, 0] for k in reversed(range(9))], 1.0, id="nine-reversed"),
    pytest.param([[inf, 0], *[[0, 0]] * 8], [[0, 0]] * 9, 0.0, id="nine-infinitely-far"),
    pytest.param([[inf, 0], *[[0, 0]] * 8], [[inf, 0], *[[0, 0]] * 8], nan, id="nine-infinite-both"),
    pytest.param([[nan, 0], *[[0, 0]] * 8], [[0, 0]] * 9, nan, id="nine-nan-predicted"),
    pytest.param([[0, 0]] * 9, [[0, nan], *[[0, 0]] * 8], nan, id="nine-nan-reference"),
    pytest.param([[1e300, 0], *[[0, 0]] * 8], [*[[0, 0]] * 8, [1e300, 0]], 1.0, id="nine-overflow-avoided"),
]


@pytest.mark.parametrize(("predicted", "reference", "expected"), GOLDEN)
def test_golden(predicted: Any, reference: Any, expected: float) -> None:
    (score,) = point_similarity([predicted], [reference], sigma=50.0)
    assert score == pytest.approx(expected, rel=1e-14, abs=0, nan_ok=True)


def test_sigma_is_fifty_by_default() -> None:
    assert point_similarity([[[50, 0]]], [[[0, 0]]])[0] == pytest.approx(ONE_SIGMA)


@pytest.mark.parametrize("sigma", [0.0, -50.0, nan, inf])
def test_sigma_must_be_positive_and_finite(sigma: float) -> None:
    with pytest.raises(ArgumentError, match="sigma must be positive and finite"):
        point_similarity([[[1, 1]]], [[[1, 1]]], sigma=sigma)


def test_no_points_score_nothing() -> None:
    assert point_similarity(np.zeros((2, 0, 2)), np.zeros((2, 0, 2))).tolist() == [0.0, 0.0]
    assert point_similarity([[], []], [[], []]).tolist() == [0.0, 0.0]
    assert point_similarity([[], []], np.zeros((2, 0, 2))).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("count", [0, 3, 6, 9])
def test_no_rows(count: int) -> None:
    assert point_similarity(np.zeros((0, count, 2)), np.zeros((0, count, 2))).shape == (0,)


def test_as_many_points_and_rows_are_needed() -> None:
    with pytest.raises(ArgumentError, match=r"as many rows and points a row, got \[1, 3, 2\] and \[1, 2, 2\]"):
        point_similarity(np.zeros((1, 3, 2)), np.zeros((1, 2, 2)))
    with pytest.raises(ArgumentError, match=r"got \[1, 3, 2\] and \[2, 3, 2\]"):
        point_similarity(np.zeros((1, 3, 2)), np.zeros((2, 3, 2)))


@pytest.mark.parametrize("shape", [(3, 2), (1, 3, 3), (1, 1, 3, 2), ()])
@pytest.mark.parametrize("broken", ["predicted", "reference"])
def test_the_shape_is_rows_points_and_two(shape: tuple[int, ...], broken: str) -> None:
    sets = {"predicted": np.zeros((1, 3, 2)), "reference": np.zeros((1, 3, 2)), broken: np.zeros(shape)}
    with pytest.raises(ArgumentError, match=rf"{broken} must have the shape \[N, K, 2\]"):
        point_similarity(**sets)


@pytest.mark.parametrize("count", [5, 8])
def test_tensors_of_many_points_are_paired_as_well(count: int) -> None:
    torch = pytest.importorskip("torch")
    predicted, reference = np.random.default_rng(count).uniform(0, 100, (2, 20, count, 2))
    scores = point_similarity(torch.asarray(predicted), torch.asarray(reference))
    np.testing.assert_allclose(scores.numpy(), point_similarity(predicted, reference), rtol=1e-12)


def test_very_many_points_need_numpy() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(ArgumentError, match="must be NumPy arrays or have 8 points a row at most, got 9"):
        point_similarity(torch.zeros((1, 9, 2)), torch.zeros((1, 9, 2)))


@pytest.mark.parametrize("count", [5, 9])
def test_many_points_keep_single_precision(count: int) -> None:
    points = np.ones((2, count, 2), dtype=np.float32)
    assert point_similarity(points, points).dtype == np.float32


@given(pair(grid, 6) | pair(fine, 4), st.sampled_from([20.0, 50.0, 300.0]))
def test_agrees_with_the_oracle(points: Any, sigma: float) -> None:
    predicted, reference = points
    expected = oracle.point_similarity(predicted[0].tolist(), reference[0].tolist(), sigma)
    assert point_similarity(predicted, reference, sigma=sigma)[0] == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(pair(grid, 6, rows=2))
def test_symmetric(points: Any) -> None:
    np.testing.assert_allclose(
        point_similarity(points[0], points[1]), point_similarity(points[1], points[0]), rtol=1e-12
    )


@given(pair(fine, 6), st.randoms(use_true_random=False))
def test_the_order_of_the_points_changes_nothing(points: Any, random: Any) -> None:
    predicted, reference = points
    order = random.sample(range(predicted.shape[1]), predicted.shape[1])
    before, after = point_similarity(predicted, reference), point_similarity(predicted[:, order], reference)
    np.testing.assert_allclose(before, after, rtol=1e-9, atol=1e-300)
    assert point_similarity(predicted, predicted[:, order])[0] == 1.0


@given(pair(grid, 6), st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_translation_changes_nothing(points: Any, right: int, down: int) -> None:
    moved = points + np.array([right, down])
    assert point_similarity(*moved)[0] == point_similarity(*points)[0]


@given(pair(fine, 6), st.integers(-10, 10))
def test_scaling_with_sigma_changes_nothing(points: Any, power: int) -> None:
    scale = 2.0**power
    scaled = point_similarity(*(points * scale), sigma=50.0 * scale)
    np.testing.assert_allclose(scaled, point_similarity(*points), rtol=1e-12, atol=1e-300)


@given(pair(st.floats(-1e300, 1e300), 6))
def test_bounded(points: Any) -> None:
    assert 0.0 <= point_similarity(*points)[0] <= 1.0


@given(st.lists(st.floats(0, 500), min_size=2, max_size=2).map(sorted), st.integers(1, 6))
def test_monotone_as_one_point_moves_away(distances: list[float], count: int) -> None:
    reference = np.zeros((2, count, 2))
    predicted = reference.copy()
    predicted[:, 0, 0] = distances
    near, far = point_similarity(predicted, reference)
    assert near >= far


@pytest.mark.peer
@pytest.mark.parametrize("count", [1, 2, 3, 4, 8, 12])
def test_scipy_agrees(count: int) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    spatial = pytest.importorskip("scipy.spatial.distance")
    predicted, reference = np.random.default_rng(count).uniform(0, 200, (2, 300, count, 2))
    costs = [spatial.cdist(first, second) for first, second in zip(predicted, reference, strict=True)]
    means = np.array([cost[optimize.linear_sum_assignment(cost)].mean() for cost in costs])
    np.testing.assert_allclose(point_similarity(predicted, reference), np.exp(-(means**2) / 5000), rtol=1e-12)


seconds = st.floats(0, 100)

TIME_GOLDEN = [
    pytest.param(4, 4, 1.0, 1.0, id="same"),
    pytest.param(5, 4, 1.0, math.exp(-0.5), id="one-sigma-late"),
    pytest.param(3, 4, 1.0, math.exp(-0.5), id="one-sigma-early"),
    pytest.param(6, 4, 1.0, math.exp(-2), id="two-sigma"),
    pytest.param(6, 4, 2.0, math.exp(-0.5), id="wider"),
    pytest.param(1e9, 0, 1.0, 0.0, id="far"),
    pytest.param(1e300, 0, 1e-300, 0.0, id="overflows"),
    pytest.param(inf, 0, 1.0, 0.0, id="infinitely-far"),
    pytest.param(inf, inf, 1.0, nan, id="infinite-both"),
    pytest.param(nan, 0, 1.0, nan, id="nan-predicted"),
    pytest.param(0, nan, 1.0, nan, id="nan-reference"),
]


@pytest.mark.parametrize(("predicted", "reference", "sigma", "expected"), TIME_GOLDEN)
def test_time_golden(predicted: float, reference: float, sigma: float, expected: float) -> None:
    (score,) = time_proximity([predicted], [reference], sigma=sigma)
    assert score == pytest.approx(expected, rel=1e-15, abs=0, nan_ok=True)


def test_time_sigma_is_one_second_by_default() -> None:
    assert time_proximity([5.0], [4.0])[0] == time_proximity([5.0], [4.0], sigma=1.0)[0]


@pytest.mark.parametrize("sigma", [0.0, -1.0, nan, inf])
def test_time_sigma_must_be_positive_and_finite(sigma: float) -> None:
    with pytest.raises(ArgumentError, match="sigma must be positive and finite"):
        time_proximity([1.0], [1.0], sigma=sigma)


@given(seconds, seconds, st.floats(0.1, 10))
def test_time_agrees_with_the_oracle(predicted: float, reference: float, sigma: float) -> None:
    expected = oracle.time_proximity(predicted, reference, sigma)
    assert time_proximity([predicted], [reference], sigma=sigma)[0] == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(seconds, seconds)
def test_time_symmetric(predicted: float, reference: float) -> None:
    assert time_proximity([predicted], [reference])[0] == time_proximity([reference], [predicted])[0]


@given(st.lists(seconds, min_size=2, max_size=2).map(sorted))
def test_time_monotone_in_the_distance(distances: list[float]) -> None:
    near, far = time_proximity(distances, [0.0, 0.0])
    assert 1.0 >= near >= far >= 0.0


@given(st.integers(0, 100), st.integers(0, 100), st.integers(-1000, 1000))
def test_time_translation_changes_nothing(predicted: int, reference: int, shift: int) -> None:
    scores = time_proximity(np.array([predicted, predicted + shift]), np.array([reference, reference + shift]))
    assert scores[0] == scores[1]
