"""Mask IoU and boundary F: cases by hand, textbook oracles, laws, kinds of arrays, vos-benchmark."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from onethinker_rewards import metrics
from onethinker_rewards.errors import ArgumentError
from tests import oracles_masks as oracle
from tests.metrics.test_arrays import KINDS, on_host

PEERS = Path(__file__).parents[2] / ".venv" / "peers"


def drawn(*rows: str) -> np.ndarray:
    return np.array([[pixel == "#" for pixel in row] for row in rows])


SQUARE = drawn("......", ".###..", ".###..", ".###..", "......", "......")
EMPTY, FULL = np.zeros_like(SQUARE), np.ones_like(SQUARE)
MOVED = np.roll(SQUARE, 1, axis=1)
CORNER = drawn("##....", "##....", "......", "......", "......", "......")
FAR = drawn("......", "......", "......", "......", "....##", "....##")

IOU = [
    pytest.param(SQUARE, SQUARE, 1.0, id="equal"),
    pytest.param(SQUARE, MOVED, 6 / 12, id="moved"),
    pytest.param(CORNER, FAR, 0.0, id="apart"),
    pytest.param(SQUARE, EMPTY, 0.0, id="one empty"),
    pytest.param(EMPTY, EMPTY, 0.0, id="both empty"),
    pytest.param(SQUARE, FULL, 9 / 36, id="inside"),
]
BOUNDARY = [
    pytest.param(SQUARE, SQUARE, 1.0, id="equal"),
    pytest.param(SQUARE, MOVED, 1.0, id="moved by the tolerance"),
    pytest.param(CORNER, FAR, 0.0, id="apart"),
    pytest.param(SQUARE, EMPTY, 0.0, id="nothing to find"),
    pytest.param(EMPTY, SQUARE, 0.0, id="nothing found"),
    pytest.param(EMPTY, EMPTY, 1.0, id="both empty"),
    pytest.param(FULL, FULL, 1.0, id="both full"),
    pytest.param(FULL, EMPTY, 1.0, id="full beside empty has no contour"),
    pytest.param(SQUARE, FULL, 0.0, id="full has no contour"),
]
# Under the release's rules, contours are inside the masks, and the border of the image ends them.
RELEASE_BOUNDARY = [
    pytest.param(SQUARE, SQUARE, 1.0, id="equal"),
    pytest.param(SQUARE, MOVED, 1.0, id="moved by the tolerance"),
    pytest.param(CORNER, FAR, 0.0, id="apart"),
    pytest.param(SQUARE, EMPTY, 0.0, id="nothing to find"),
    pytest.param(EMPTY, SQUARE, 0.0, id="nothing found"),
    pytest.param(EMPTY, EMPTY, 1.0, id="both empty"),
    pytest.param(FULL, FULL, 1.0, id="both full"),
    pytest.param(FULL, EMPTY, 0.0, id="full has a contour at the border"),
    # Of the square's 8 the 5 in the second row and column are a step from the border, of whose 20 those at 0 to 4 in
    # the first row and column are a step from the square.
    pytest.param(SQUARE, FULL, 2 * (5 / 8) * (9 / 20) / (5 / 8 + 9 / 20), id="full around a square"),
]


def alone(metric: Callable[..., Any], predicted: np.ndarray, reference: np.ndarray, **options: Any) -> float:
    return metric(predicted[None], reference[None], **options).item()


@pytest.mark.parametrize(("predicted", "reference", "expected"), IOU)
def test_mask_iou(predicted: np.ndarray, reference: np.ndarray, expected: float) -> None:
    assert alone(metrics.mask_iou, predicted, reference) == pytest.approx(expected)


def test_two_empty_masks_score_what_is_asked() -> None:
    assert alone(metrics.mask_iou, EMPTY, EMPTY, empty=1.0) == 1.0
    assert alone(metrics.mask_iou, SQUARE, EMPTY, empty=1.0) == 0.0


@pytest.mark.parametrize(("predicted", "reference", "expected"), BOUNDARY)
def test_boundary_f(predicted: np.ndarray, reference: np.ndarray, expected: float) -> None:
    assert alone(metrics.boundary_f, predicted, reference) == pytest.approx(expected)


@pytest.mark.parametrize(("predicted", "reference", "expected"), RELEASE_BOUNDARY)
def test_boundary_f_by_the_release(predicted: np.ndarray, reference: np.ndarray, expected: float) -> None:
    assert alone(metrics.boundary_f, predicted, reference, rules="release") == pytest.approx(expected)


def test_inner_contour_by_hand() -> None:
    """The pixels of the mask itself; a hole has its contour around it, and the image ends at its border."""
    mask = drawn("######", "######", "###.##", "######", "######", "######")
    expected = drawn("######", "#.####", "#.#.##", "#.####", "#....#", "######")
    assert oracle.inner_contour(mask) == [tuple(pixel) for pixel in np.argwhere(expected).tolist()]


def test_differs_boundary_f_is_that_of_davis() -> None:
    """F is that of DAVIS; the release's evaluation has wider squares, inner contours and the image's border."""
    assert alone(metrics.boundary_f, FULL, EMPTY) == 1.0
    assert alone(metrics.boundary_f, FULL, EMPTY, rules="release") == 0.0
    first, second = np.zeros((2, 12, 12), dtype=bool)
    first[5, 5] = second[7, 7] = True
    # DAVIS has four contour pixels around one, and of these one is less than two from the other's.
    assert alone(metrics.boundary_f, first, second, tolerance=2.0) == 0.25
    assert alone(metrics.boundary_f, first, second, tolerance=2.0, rules="release") == 1.0


@pytest.mark.parametrize(
    ("shape", "tolerance", "radius"),
    [
        pytest.param((480, 854), None, 7, id="rounded"),
        pytest.param((6, 6), None, 1, id="at least one"),
        pytest.param((6, 8), 0.24, 2, id="down"),
        pytest.param((6, 8), 0.26, 3, id="up"),
        pytest.param((6, 6), 2.9, 2, id="in pixels"),
    ],
)
def test_the_releases_radius(shape: tuple[int, int], tolerance: float | None, radius: int) -> None:
    """A point that far away, diagonally too, is matched, and one further is not."""
    first = np.zeros(shape, dtype=bool)
    first[0, 0] = True
    for offset in (radius, radius + 1):
        second = np.zeros(shape, dtype=bool)
        second[min(offset, shape[0] - 1), min(offset, shape[1] - 1)] = True
        score = alone(metrics.boundary_f, first, second, rules="release", tolerance=tolerance)
        assert score == float(offset == radius)


def test_contour_by_hand() -> None:
    """Pixels above and to the left of a shape are on its contour, its last row and column too."""
    expected = drawn("####..", "#..#..", "#..#..", "####..", "......", "......")
    assert oracle.contour(SQUARE) == [tuple(pixel) for pixel in np.argwhere(expected).tolist()]


@pytest.mark.parametrize(
    ("shape", "tolerance", "radius"),
    [
        ((480, 854), 0.008, 8),
        ((6, 6), 0.008, 1),
        ((6, 8), 0.5, 5),
        ((6, 8), 0.51, 6),
        ((6, 6), 1.0, 1),
        ((6, 6), 2.9, 2),
    ],
)
def test_the_radius_is_rounded_up_or_given(shape: tuple[int, int], tolerance: float, radius: int) -> None:
    """Two pixels that far apart are matched, and one further is not."""
    assert oracle.radius_of(shape, tolerance) == radius
    height, width = 40, 40
    if tolerance < 1:
        height, width = shape
    first = np.zeros((height, width), dtype=bool)
    first[: height // 2] = True
    for offset in (radius, radius + 1):
        second = np.zeros_like(first)
        second[: max(0, height // 2 - offset)] = True
        expected = oracle.boundary_f(first, second, radius) if width < 50 else float(offset == radius)
        assert alone(metrics.boundary_f, first, second, tolerance=tolerance) == pytest.approx(expected)


sides = st.tuples(st.integers(0, 9), st.integers(0, 9))
mask_pairs = sides.flatmap(lambda side: st.tuples(arrays(np.bool_, side), arrays(np.bool_, side)))


@given(pair=mask_pairs, empty=st.sampled_from([0.0, 1.0]))
def test_mask_iou_is_the_textbook(pair: tuple[np.ndarray, np.ndarray], empty: float) -> None:
    assert alone(metrics.mask_iou, *pair, empty=empty) == pytest.approx(oracle.mask_iou(*pair, empty))


@given(pair=mask_pairs, tolerance=st.sampled_from([0.008, 0.2, 0.3, 1.0, 2.0, 3.0]))
def test_boundary_f_is_the_textbook(pair: tuple[np.ndarray, np.ndarray], tolerance: float) -> None:
    radius = oracle.radius_of(pair[0].shape, tolerance)
    assert alone(metrics.boundary_f, *pair, tolerance=tolerance) == pytest.approx(oracle.boundary_f(*pair, radius))


@given(pair=mask_pairs, tolerance=st.sampled_from([None, 0.008, 0.2, 0.3, 1.0, 2.0, 3.0]))
def test_the_releases_boundary_f_is_the_textbook(pair: tuple[np.ndarray, np.ndarray], tolerance: float | None) -> None:
    radius = oracle.release_radius_of(pair[0].shape, 0.0075 if tolerance is None else tolerance)
    score = alone(metrics.boundary_f, *pair, tolerance=tolerance, rules="release")
    assert score == pytest.approx(oracle.release_boundary_f(*pair, radius))


release_boundary_f = partial(metrics.boundary_f, rules="release")

METRICS = [
    pytest.param(metrics.mask_iou, id="mask_iou"),
    pytest.param(metrics.boundary_f, id="boundary_f"),
    pytest.param(release_boundary_f, id="boundary_f by the release"),
]


@pytest.mark.parametrize("metric", METRICS)
@given(pair=mask_pairs)
def test_laws(metric: Callable[..., Any], pair: tuple[np.ndarray, np.ndarray]) -> None:
    """In range, symmetric, the same for transposed masks, and 1 for a mask with something on and itself."""
    predicted, reference = pair
    score = alone(metric, predicted, reference)
    assert 0.0 <= score <= 1.0
    assert score == pytest.approx(alone(metric, reference, predicted))
    assert alone(metric, predicted.T, reference.T) == pytest.approx(score)
    if predicted.any():
        assert alone(metric, predicted, predicted) == 1.0


@pytest.mark.parametrize("metric", METRICS)
@given(stack=st.integers(0, 4).flatmap(lambda n: arrays(np.bool_, (2, n, 5, 7))))
def test_a_batch_equals_its_rows(metric: Callable[..., Any], stack: np.ndarray) -> None:
    assert metric(*stack).tolist() == [alone(metric, *pair) for pair in zip(*stack, strict=True)]


@pytest.mark.parametrize("metric", METRICS)
def test_an_empty_batch(metric: Callable[..., Any]) -> None:
    assert metric([], []).shape == (0,)
    assert metric(np.zeros((0, 4, 5), dtype=bool), np.zeros((0, 4, 5), dtype=bool)).shape == (0,)


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_answers_in_kind(metric: Callable[..., Any], kind: Any) -> None:
    _, array = kind()
    rng = np.random.default_rng(0)
    predicted, reference = rng.random((2, 5, 20, 30)) < np.array([0.0, 0.02, 0.1, 0.5, 1.0])[:, None, None]
    scores = metric(array(predicted), array(reference))
    assert type(scores) is type(array(predicted))
    assert scores.device == array(predicted).device
    np.testing.assert_allclose(on_host(scores), metric(predicted, reference), rtol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_integers_are_on_where_they_are_not_zero(metric: Callable[..., Any]) -> None:
    labels = np.where(SQUARE, 7, 0)[None].astype(np.uint8)
    assert metric(labels, MOVED[None]).tolist() == metric(SQUARE[None], MOVED[None]).tolist()
    assert metric(SQUARE[None].tolist(), MOVED[None].tolist()).tolist() == metric(SQUARE[None], MOVED[None]).tolist()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("predicted", "reference", "message"),
    [
        pytest.param(SQUARE, SQUARE, "predicted must have the shape", id="one mask alone"),
        pytest.param(SQUARE[None], SQUARE[None, :3], "same shape", id="sizes"),
        pytest.param(SQUARE[None] * 0.5, SQUARE[None], "predicted must be boolean", id="probabilities"),
        pytest.param([SQUARE, SQUARE[:3]], SQUARE[None], "different sizes", id="ragged"),
        pytest.param("mask", SQUARE[None], "an array or a list", id="text"),
    ],
)
def test_mistakes_are_named(metric: Callable[..., Any], predicted: Any, reference: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        metric(predicted, reference)


def test_two_kinds_of_arrays() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    with pytest.raises(ArgumentError, match="one kind"):
        metrics.mask_iou(torch.zeros((1, 2, 2), dtype=torch.bool), np.zeros((1, 2, 2), dtype=bool))


@pytest.mark.parametrize("tolerance", [0.0, -1.0, float("nan"), float("inf")])
def test_a_tolerance_has_to_be_positive(tolerance: float) -> None:
    with pytest.raises(ArgumentError, match="tolerance"):
        metrics.boundary_f(SQUARE[None], SQUARE[None], tolerance=tolerance)


def test_there_are_two_sets_of_rules() -> None:
    with pytest.raises(ArgumentError, match="rules must be one of davis, release, got 'coco'"):
        metrics.boundary_f(SQUARE[None], SQUARE[None], rules="coco")  # type: ignore[arg-type]


def blobs(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return a few ellipses, some of them over the border."""
    y, x = np.indices(shape)
    mask = np.zeros(shape, dtype=bool)
    for _ in range(rng.integers(0, 4)):
        center, axes = rng.uniform(0, shape), rng.uniform(2, np.array(shape) / 3)
        mask |= ((y - center[0]) / axes[0]) ** 2 + ((x - center[1]) / axes[1]) ** 2 < 1
    return mask


def vos_benchmark() -> Any:
    if not (PEERS / "vos_benchmark").exists():
        pytest.skip("vos-benchmark is not installed: make test installs it")
    sys.path.append(str(PEERS))
    try:
        from vos_benchmark import evaluator
    finally:
        sys.path.remove(str(PEERS))
    return evaluator


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
def test_vos_benchmark_agrees() -> None:
    """J and F of 60 pairs in several sizes, empty masks and masks over the border included."""
    evaluator = vos_benchmark()
    rng = np.random.default_rng(3)
    for shape in ((40, 60), (120, 90), (241, 427)):
        for _ in range(20):
            predicted, reference = blobs(rng, shape), blobs(rng, shape)
            if not predicted.any() and not reference.any():
                continue
            theirs = evaluator.Evaluator()
            theirs.feed_frame(predicted.astype(np.uint8), reference.astype(np.uint8))
            assert alone(metrics.mask_iou, predicted, reference, empty=1.0) == theirs.object_iou[1][0]
            assert alone(metrics.boundary_f, predicted, reference) == pytest.approx(theirs.boundary_f[1][0], abs=1e-12)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_numpy_and_torch_agree_on_shapes(seed: int) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    rng = np.random.default_rng(seed)
    predicted, reference = (np.stack([blobs(rng, (50, 70)) for _ in range(3)]) for _ in range(2))
    for rules in ("davis", "release"):
        ours = metrics.boundary_f(predicted, reference, tolerance=3.0, rules=rules)
        other = metrics.boundary_f(torch.asarray(predicted), torch.asarray(reference), tolerance=3.0, rules=rules)
        np.testing.assert_allclose(other, ours, rtol=1e-6)
