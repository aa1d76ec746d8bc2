"""What holds for every numeric metric: kinds of arrays, dtypes, shapes, batches, gradients."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards import metrics
from onethinker_rewards.errors import ArgumentError


class Metric(NamedTuple):
    score: Callable[..., Any]
    row: tuple[int, ...]
    differentiable: bool = True
    lowest: float = 0.0


BOXES = Metric(metrics.box_iou, (4,))
ROWS = [
    pytest.param(BOXES, id="box_iou"),
    pytest.param(Metric(metrics.generalized_box_iou, (4,), lowest=-1.0), id="generalized_box_iou"),
    pytest.param(Metric(metrics.temporal_iou, (2,)), id="temporal_iou"),
    pytest.param(Metric(metrics.relative_accuracy, (), differentiable=False), id="relative_accuracy"),
    pytest.param(Metric(metrics.point_similarity, (3, 2)), id="point_similarity"),
    pytest.param(Metric(metrics.point_similarity, (4, 2)), id="point_similarity-4"),
    pytest.param(Metric(metrics.time_proximity, ()), id="time_proximity"),
    pytest.param(Metric(metrics.rotated_box_iou, (5,)), id="rotated_box_iou"),
]
PAIRS = [
    pytest.param(Metric(metrics.pairwise_box_iou, (4,)), id="pairwise_box_iou"),
    pytest.param(Metric(metrics.pairwise_temporal_iou, (2,)), id="pairwise_temporal_iou"),
]
ALL = [*ROWS, *PAIRS]
DIFFERENTIABLE = [param for param in ALL if param.values[0].differentiable]


def torch_kind() -> tuple[Any, Any]:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    return torch, torch.asarray


def cuda_kind() -> tuple[Any, Any]:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    return torch, lambda values, **kw: torch.asarray(values, device="cuda", **kw)


def jax_kind() -> tuple[Any, Any]:
    numpy = pytest.importorskip("jax.numpy", reason="jax is not installed")
    return numpy, numpy.asarray


def strict_kind() -> tuple[Any, Any]:
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
    return strict, strict.asarray


KINDS = [
    pytest.param(lambda: (np, np.asarray), id="numpy"),
    pytest.param(torch_kind, id="torch"),
    pytest.param(cuda_kind, id="torch-cuda", marks=pytest.mark.gpu),
    pytest.param(jax_kind, id="jax"),
    pytest.param(strict_kind, id="strict"),
]


def on_host(scores: Any) -> Any:
    return np.asarray(scores.cpu() if hasattr(scores, "cpu") else scores)


def sample(metric: Metric, count: int = 6, seed: int = 0) -> tuple[Any, Any]:
    """Return rows with something in common, so that no score is 0 for all."""
    rng = np.random.default_rng(seed)
    first = np.sort(rng.uniform(1, 9, (count, *metric.row)), axis=-1) if metric.row else rng.uniform(1, 9, count)
    return first, first + rng.uniform(0, 0.5, first.shape)


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype float64:UserWarning")
@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_answers_in_kind(metric: Metric, kind: Any, precision: str) -> None:
    namespace, array = kind()
    dtype = array(0.0, dtype=getattr(namespace, precision)).dtype  # JAX has float64 only where it is switched on
    predicted, reference = sample(metric)
    ours = array(predicted, dtype=dtype), array(reference, dtype=dtype)
    scores = metric.score(*ours)
    assert type(scores) is type(ours[0])
    assert scores.dtype == dtype
    assert scores.device == ours[0].device
    tolerance = 1e-12 if "64" in str(dtype) else 1e-5
    np.testing.assert_allclose(on_host(scores), metric.score(predicted, reference), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("metric", ALL)
def test_jax_compiles_it(metric: Metric) -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    predicted, reference = sample(metric)
    scores = jax.jit(metric.score)(jax.numpy.asarray(predicted), jax.numpy.asarray(reference))
    np.testing.assert_allclose(scores, metric.score(predicted, reference), rtol=1e-5, atol=1e-5)


# array-api-compat keeps what it found out about a class.
@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`:UserWarning")
@pytest.mark.parametrize("count", [6, 2049])
@pytest.mark.parametrize("metric", ALL)
def test_pytorch_compiles_it_whole(metric: Metric, count: int) -> None:
    """Without a break in the graph, and so without a look at values."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.compiler.reset()
    predicted, reference = map(torch.asarray, sample(metric, count))
    if metric in (param.values[0] for param in PAIRS):
        reference = reference[:6]
    compiled = torch.compile(metric.score, fullgraph=True, backend="eager")
    expected = metric.score(predicted, reference)
    torch.testing.assert_close(compiled(predicted, reference), expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision_computes_in_single(metric: Metric, half: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    predicted, reference = (torch.asarray(rows).to(getattr(torch, half)) for rows in sample(metric))
    scores = metric.score(predicted, reference)
    assert scores.dtype == torch.float32
    assert torch.equal(scores, metric.score(predicted.float(), reference.float()))


def test_a_whole_image_fits_half_precision() -> None:
    boxes = np.array([[0, 0, 1000, 1000]], dtype=np.float16)
    assert metrics.box_iou(boxes, boxes) == np.ones(1, dtype=np.float32)


@pytest.mark.parametrize("metric", ALL)
def test_integers_compute_in_the_default_float(metric: Metric) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    predicted, reference = (rows.round().astype(np.int64) for rows in sample(metric))
    scores = metric.score(predicted, reference)
    assert scores.dtype == np.float64
    assert np.array_equal(scores, metric.score(predicted.astype(float), reference.astype(float)))
    assert metric.score(torch.asarray(predicted), torch.asarray(reference)).dtype == torch.get_default_dtype()
    unsigned = predicted.astype(np.uint8), reference.astype(np.uint8)
    assert np.array_equal(metric.score(*unsigned), scores)


@pytest.mark.parametrize("metric", ALL)
def test_mixed_precisions_compute_in_the_wider(metric: Metric) -> None:
    predicted, reference = sample(metric)
    assert metric.score(predicted.astype(np.float32), reference).dtype == np.float64
    assert metric.score(predicted, reference.astype(np.float16)).dtype == np.float64


@pytest.mark.parametrize("metric", ALL)
def test_lists_are_float64(metric: Metric) -> None:
    predicted, reference = (rows.round() for rows in sample(metric))
    whole = predicted.astype(int).tolist(), tuple(reference.astype(int).tolist())
    scores = metric.score(*whole)
    assert scores.dtype == np.float64
    assert np.array_equal(scores, metric.score(predicted, reference))
    assert metric.score(whole[0], reference.astype(np.float32)).dtype == np.float64


@pytest.mark.parametrize("metric", ALL)
def test_a_list_beside_a_tensor_becomes_one(metric: Metric) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    predicted, reference = sample(metric)
    scores = metric.score(predicted.tolist(), torch.asarray(reference, dtype=torch.float32))
    assert isinstance(scores, torch.Tensor)
    assert scores.dtype == torch.float32
    np.testing.assert_allclose(scores, metric.score(predicted, reference), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("metric", ROWS)
def test_empty_batch(metric: Metric) -> None:
    for nothing in (np.zeros((0, *metric.row)), []):
        assert metric.score(nothing, nothing).shape == (0,)


@pytest.mark.parametrize("metric", PAIRS)
def test_empty_pairs(metric: Metric) -> None:
    rows = np.zeros((3, *metric.row))
    assert metric.score([], []).shape == (0, 0)
    assert metric.score(rows, []).shape == (3, 0)
    assert metric.score([], rows).shape == (0, 3)


@pytest.mark.parametrize("metric", ROWS)
def test_a_batch_equals_its_rows(metric: Metric) -> None:
    predicted, reference = sample(metric)
    rows = [metric.score(predicted[i : i + 1], reference[i : i + 1])[0] for i in range(len(predicted))]
    np.testing.assert_allclose(metric.score(predicted, reference), rows, rtol=1e-15)


@pytest.mark.parametrize("metric", ROWS)
def test_shuffling_rows_shuffles_scores(metric: Metric) -> None:
    predicted, reference = sample(metric)
    order = [3, 0, 5, 1, 4, 2]
    shuffled = metric.score(predicted[order], reference[order])
    np.testing.assert_allclose(shuffled, metric.score(predicted, reference)[order], rtol=1e-15)


@pytest.mark.parametrize("metric", ROWS)
@pytest.mark.parametrize("count", [2048, 2049, 4103])
def test_many_rows_equal_their_halves(metric: Metric, count: int) -> None:
    predicted, reference = sample(metric, count)
    half = count // 2
    halves = [metric.score(predicted[part], reference[part]) for part in (slice(half), slice(half, None))]
    np.testing.assert_allclose(metric.score(predicted, reference), np.concatenate(halves), rtol=1e-14)


@pytest.mark.parametrize("metric", PAIRS)
@pytest.mark.parametrize("count", [40, 70])
@pytest.mark.parametrize("others", [70, 2049])
def test_many_pairs_equal_their_rows(metric: Metric, count: int, others: int) -> None:
    predicted, reference = sample(metric, count)[0], sample(metric, others, seed=1)[1]
    by_row = [metric.score(row[None], reference[i : i + 1])[0, 0] for i, row in enumerate(predicted[:40])]
    scores = metric.score(predicted, reference)
    assert scores.shape == (count, others)
    assert scores.diagonal()[:40].tolist() == by_row


@pytest.mark.parametrize("metric", ROWS)
def test_many_tensor_rows_stay_a_tensor(metric: Metric) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    rows = torch.ones((2049, *metric.row))
    assert isinstance(metric.score(rows, rows), torch.Tensor)


@pytest.mark.parametrize("metric", ALL)
def test_tensors_equal_their_rows(metric: Metric) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    predicted, reference = map(torch.asarray, sample(metric, count=7))
    pairwise = metric in (param.values[0] for param in PAIRS)
    rows = [metric.score(predicted[i : i + 1], reference if pairwise else reference[i : i + 1]) for i in range(7)]
    torch.testing.assert_close(metric.score(predicted, reference), torch.concat(rows), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("metric", PAIRS)
def test_the_shape_of_many_pairs(metric: Metric, kind: str) -> None:
    array = pytest.importorskip(kind, reason=f"{kind} is not installed").asarray
    for count, others in ((256, 8), (257, 8), (2, 2049), (2049, 0)):
        predicted, reference = sample(metric, count)[0], sample(metric, others, seed=1)[1]
        assert metric.score(array(predicted), array(reference)).shape == (count, others)


@pytest.mark.parametrize("metric", ALL)
def test_arguments_stay_as_they_are(metric: Metric) -> None:
    predicted, reference = sample(metric)
    for rows in (predicted, reference):
        rows.setflags(write=False)
    metric.score(predicted, reference)


@pytest.mark.parametrize("metric", ALL)
def test_strides_and_byte_order_do_not_matter(metric: Metric) -> None:
    predicted, reference = sample(metric)
    strided = np.repeat(predicted, 2, axis=0)[::2], np.asfortranarray(reference)
    expected = metric.score(predicted, reference)
    np.testing.assert_allclose(metric.score(*strided), expected, rtol=1e-15)
    np.testing.assert_allclose(metric.score(predicted.astype(">f8"), reference.astype(">f8")), expected, rtol=1e-15)


@pytest.mark.parametrize("metric", DIFFERENTIABLE)
@pytest.mark.parametrize("case", ["sample", "equal", "apart", "zero"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_gradients_are_finite(metric: Metric, case: str, precision: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    predicted, reference = sample(metric)
    cases = {
        "sample": (predicted, reference),
        "equal": (predicted, predicted),
        "apart": (predicted, predicted + 1000),
        "zero": (0 * predicted, 0 * predicted),
    }
    leaves = [torch.tensor(rows, dtype=getattr(torch, precision), requires_grad=True) for rows in cases[case]]
    metric.score(*leaves).sum().backward()
    assert all(bool(leaf.grad.isfinite().all()) for leaf in leaves)
    assert case != "sample" or all(bool(leaf.grad.any()) for leaf in leaves)


@pytest.mark.parametrize("metric", DIFFERENTIABLE)
def test_gradients_are_the_slopes(metric: Metric) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    leaves = [torch.tensor(rows, requires_grad=True) for rows in sample(metric, count=3)]
    assert torch.autograd.gradcheck(metric.score, leaves)


@given(st.lists(st.tuples(*[st.floats()] * 4), min_size=1, max_size=4), st.sampled_from([p.values[0] for p in ALL]))
def test_any_float_gives_no_warning_and_nothing_beyond_one(values: list[tuple[float, ...]], metric: Metric) -> None:
    numbers = np.resize(np.array(values), (3, *metric.row))
    scores = metric.score(numbers, numbers[::-1])
    assert np.all(np.isnan(scores) | ((scores >= metric.lowest) & (scores <= 1)))


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("broken", ["predicted", "reference"])
def test_the_shape_is_checked(metric: Metric, broken: str) -> None:
    right = np.zeros((2, *metric.row))
    for shape in ((), (2, *metric.row, 3), (2, 7), metric.row or (2, 1)):
        with pytest.raises(ArgumentError, match=rf"^{broken} must have the shape \[N"):
            metric.score(**{"predicted": right, "reference": right, broken: np.zeros(shape)})


@pytest.mark.parametrize("metric", ALL)
def test_the_shape_is_checked_where_both_are_wrong(metric: Metric) -> None:
    for shape in ((), (2, *metric.row, 3), (2, 7)):
        with pytest.raises(ArgumentError, match=r"^predicted must have the shape \[N"):
            metric.score(np.zeros(shape), np.zeros(shape))


@pytest.mark.parametrize("metric", ROWS)
def test_the_lengths_are_checked(metric: Metric) -> None:
    with pytest.raises(ArgumentError, match=r"^predicted .*2.*3"):
        metric.score(np.zeros((2, *metric.row)), np.zeros((3, *metric.row)))


@pytest.mark.parametrize("broken", ["predicted", "reference"])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(np.zeros((1, 4), dtype=complex), "must hold real numbers, got complex128", id="complex"),
        pytest.param(np.zeros((1, 4), dtype=bool), "must hold real numbers, got bool", id="booleans"),
        pytest.param(np.array([["0", "0", "1", "1"]]), "must hold real numbers, got <U1", id="text"),
        pytest.param([["0", "0", "1", "1"]], "must hold numbers, got <U1", id="listed-text"),
        pytest.param([[True, True, True, True]], "must hold numbers, got bool", id="listed-booleans"),
        pytest.param([[None, 0, 1, 1]], "must hold numbers, got object", id="listed-none"),
        pytest.param([[0, 0, 1, 1], [0, 0]], "is ragged", id="ragged"),
        pytest.param({"x": 0}, "must be an array or a list of numbers, got builtins.dict", id="dictionary"),
        pytest.param(None, "must be an array or a list of numbers, got builtins.NoneType", id="none"),
        pytest.param("0011", "must be an array or a list of numbers, got builtins.str", id="string"),
    ],
)
def test_the_values_are_checked(values: Any, message: str, broken: str) -> None:
    for other in ([[0, 0, 1, 1]], np.zeros((1, 4))):
        with pytest.raises(ArgumentError, match=f"^{broken} {message}"):
            metrics.box_iou(**{"predicted": other, "reference": other, broken: values})


def test_the_kinds_are_checked() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    with pytest.raises(ArgumentError, match=r"of one kind, got numpy\.ndarray and torch\.Tensor"):
        metrics.box_iou(np.zeros((1, 4)), torch.zeros((1, 4)))


@pytest.mark.parametrize("again", [False, True])
def test_the_devices_are_checked(again: bool) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    here, there = torch.zeros((1, 4)), torch.zeros((1, 4), device="meta")
    if again:
        metrics.box_iou(here, here)
    with pytest.raises(ArgumentError, match="predicted is on cpu and reference on meta"):
        metrics.box_iou(here, there)


@pytest.mark.parametrize("metric", [metrics.box_iou, metrics.mask_iou])
def test_a_list_of_tensors_is_no_array(metric: Callable[..., Any]) -> None:
    """Made one by NumPy, they would leave their device and their gradients."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    boxes = [torch.tensor([0.0, 0.0, 1.0, 1.0], requires_grad=True)]
    with pytest.raises(ArgumentError, match=r"predicted is a list of torch\.Tensor: stack them into one array"):
        metric(boxes, boxes)


def test_tensors_stay_where_they_are() -> None:
    """On the meta device there are no values: reading one, or copying it to the host, would fail."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    for metric in (param.values[0] for param in ALL):
        rows = torch.zeros((3, *metric.row), device="meta")
        assert metric.score(rows, rows).device.type == "meta"


def test_numpy_needs_neither_torch_nor_scipy() -> None:
    code = (
        "import sys; from onethinker_rewards import metrics;"
        "metrics.box_iou([[0, 0, 1, 1]], [[0, 0, 1, 1]]); metrics.point_similarity([[[0, 0]]], [[[0, 0]]]);"
        "print(*sorted({'torch', 'scipy', 'shapely', 'jax'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ""
