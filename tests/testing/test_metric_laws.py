"""Laws of metrics: ours keep them, and each planted fault is caught by its law, on a small input."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards import metrics, testing
from onethinker_rewards.testing import LAWS, LawViolation, check_laws

POINTS = ("range", "identity", "symmetry", "shift_invariance", "batch_equals_rows", "empty_batch")


def box_iou(predicted: Any, reference: Any) -> Any:
    """Return the textbook's intersection over union of boxes."""
    sides = np.minimum(predicted[:, 2:], reference[:, 2:]) - np.maximum(predicted[:, :2], reference[:, :2])
    shared = np.prod(np.maximum(sides, 0.0), axis=1)
    area = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (predicted, reference)]
    return shared / (area[0] + area[1] - shared)


def unclipped(predicted: Any, reference: Any) -> Any:
    sides = np.minimum(predicted[:, 2:], reference[:, 2:]) - np.maximum(predicted[:, :2], reference[:, :2])
    shared = np.prod(sides, axis=1)
    area = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (predicted, reference)]
    return shared / (area[0] + area[1] - shared)


def center_distance(predicted: Any, reference: Any) -> Any:
    return np.exp(-np.abs(predicted - reference).sum(axis=1) / 100.0)


def with_pixels(predicted: Any, reference: Any) -> Any:
    """Count both borders as inside, as the old data sets of pixels do."""
    return box_iou(predicted + np.array([0, 0, 1, 1]), reference + np.array([0, 0, 1, 1]))


FAULTS: list[Any] = [
    pytest.param("range", unclipped, id="range: sides that are not clipped at 0"),
    pytest.param(
        "range",
        lambda p, r: np.where(box_iou(p, r) > 0, box_iou(p, r), np.nan),
        id="range: NaN where nothing is shared",
    ),
    pytest.param("identity", lambda p, r: 0.5 * box_iou(p, r), id="identity: never the maximum"),
    pytest.param("symmetry", lambda p, r: box_iou(p, r) * (p[:, 2] >= r[:, 2]), id="symmetry: one side counts more"),
    pytest.param("shift_invariance", lambda p, r: box_iou(p, r) * (p[:, 0] > 0), id="shift: the position counts"),
    pytest.param("scale_invariance", with_pixels, id="scale: a border of a pixel"),
    pytest.param("scale_invariance", center_distance, id="scale: an absolute distance"),
    pytest.param("monotonicity", lambda p, r: 1 - box_iou(p, r), id="monotonicity: the wrong way"),
    pytest.param("batch_equals_rows", lambda p, r: box_iou(p, r) * 0 + box_iou(p, r).mean(), id="batch: a mean of all"),
    pytest.param("batch_equals_rows", lambda p, r: box_iou(p, r[::-1]), id="batch: rows out of order"),
    pytest.param("batch_equals_rows", lambda p, r: box_iou(p, r)[:1], id="batch: a shape that is not [N]"),
    pytest.param("empty_batch", lambda p, r: box_iou(p, r) if len(p) else np.zeros(1), id="empty: one score for none"),
]


def test_every_law_has_a_planted_fault() -> None:
    assert {fault.values[0] for fault in FAULTS} == set(LAWS)
    assert all(name == law.name for name, law in LAWS.items())


@pytest.mark.parametrize(("law", "metric"), FAULTS)
def test_a_planted_fault_is_caught(law: str, metric: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(LawViolation) as caught:
        check_laws(metric, testing.boxes(1), [law], examples=100)
    assert caught.value.law == law
    assert str(caught.value).startswith(f"{law}: {LAWS[law].statement}\n  predicted = [[")
    assert len(caught.value.inputs["reference"]) <= 2


@pytest.mark.parametrize(
    ("metric", "rows", "laws"),
    [
        pytest.param(box_iou, testing.boxes(1), tuple(LAWS), id="the textbook"),
        pytest.param(metrics.box_iou, testing.boxes(1), tuple(LAWS), id="box_iou"),
        pytest.param(metrics.temporal_iou, testing.spans(1), tuple(LAWS), id="temporal_iou"),
        pytest.param(partial(metrics.point_similarity, sigma=50.0), testing.point_sets(1), POINTS, id="points"),
        pytest.param(metrics.rotated_box_iou, testing.boxes(1).map(lambda boxes: np.pad(boxes + 1, ((0, 0), (0, 1)))),
                     ("range", "identity", "symmetry", "batch_equals_rows", "empty_batch"), id="rotated_box_iou"),
    ],
)  # fmt: skip
def test_our_metrics_keep_them(metric: Any, rows: Any, laws: tuple[str, ...]) -> None:
    check_laws(metric, rows, laws, examples=60)


def test_texts() -> None:
    words = st.lists(st.sampled_from("abc"), min_size=2, max_size=5).map(lambda some: [" ".join(some)])
    check_laws(metrics.rouge, words, ["range", "identity", "symmetry", "batch_equals_rows", "empty_batch"], examples=60)
    with pytest.raises(LawViolation, match="identity: a reference scores the maximum against itself"):
        check_laws(metrics.word_error_rate, words, ["identity"])
    with pytest.raises(LawViolation, match="symmetry"):
        check_laws(metrics.word_error_rate, words, ["symmetry"])


def test_masks() -> None:
    def mask_iou(predicted: Any, reference: Any) -> Any:
        shared, either = (predicted & reference).sum(axis=(1, 2)), (predicted | reference).sum(axis=(1, 2))
        return np.where(either > 0, shared / np.maximum(either, 1), 1.0)

    check_laws(mask_iou, testing.masks(1), ["range", "identity", "symmetry", "batch_equals_rows", "empty_batch"])


def test_long_texts_are_no_warning() -> None:
    """hypothesis warned of their length, and where warnings are errors that came in place of the violation."""
    with pytest.raises(LawViolation, match="range"):
        check_laws(lambda p, r: np.full(len(p), 2.0), st.just(["x" * 40_000]), ["range"], examples=2)


def test_the_counterexample_is_the_smallest() -> None:
    with pytest.raises(LawViolation) as caught:
        check_laws(lambda p, r: 2.0 * p[:, 1], testing.spans(1), ["empty_batch", "range"])
    assert caught.value.inputs["predicted"].round(3).tolist() == [[0.0, 0.6]]
    assert (round(caught.value.got, 3), caught.value.wanted) == (1.2, 1.0)


def test_references_from_elsewhere_and_another_range() -> None:
    unit = testing.boxes(1, high=1.0)
    check_laws(lambda p, r: 5.0 * box_iou(p, r), unit, ["range", "identity"], maximum=5.0, examples=50)
    with pytest.raises(LawViolation, match="range"):
        check_laws(lambda p, r: r[:, 2] / 100.0, unit, ["range"], reference=testing.boxes(1))
    check_laws(lambda p, r: r[:, 2] / 100.0, unit, ["range"], reference=unit, examples=50)
    check_laws(lambda p, r: box_iou(p, r) - 1.0, unit, ["range"], minimum=-1.0, maximum=0.0, examples=50)


def test_tolerance() -> None:
    check_laws(lambda p, r: box_iou(p, r) + 1e-4, testing.boxes(1), ["range"], tolerance=1e-3, examples=50)
    with pytest.raises(LawViolation):
        check_laws(lambda p, r: box_iou(p, r) + 1e-4, testing.boxes(1), ["range"], tolerance=1e-5)


def test_shapes_are_named() -> None:
    with pytest.raises(LawViolation, match=r"got shape \(1,\), compared with shape \(0,\)"):
        check_laws(lambda p, r: np.ones(max(1, len(p))), testing.boxes(1), ["empty_batch"])


def test_a_step_is_shown() -> None:
    with pytest.raises(LawViolation) as caught:
        check_laws(lambda p, r: 1 - box_iou(p, r), testing.boxes(1), ["monotonicity"])
    assert list(caught.value.inputs) == ["predicted", "reference", "step"]


@pytest.mark.parametrize("calls", [1, 2, 3, 4, 5])
def test_a_metric_that_gives_other_numbers_each_time(calls: int) -> None:
    count = iter(range(10**6))

    def moody(predicted: Any, reference: Any) -> Any:
        return np.full(len(predicted), 2.0 if next(count) < calls else 0.0)

    with pytest.raises(AssertionError, match="it gives other scores for the same inputs"):
        check_laws(moody, testing.boxes(1), ["range"])


def test_no_such_law() -> None:
    with pytest.raises(otr.ArgumentError, match="laws: there is no law 'justice'; there are range, identity"):
        check_laws(box_iou, testing.boxes(1), ["justice"])


def test_an_error_of_the_metric_is_its_own() -> None:
    def broken(predicted: Any, reference: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check_laws(broken, testing.boxes(1))


def test_a_violation_pickles() -> None:
    with pytest.raises(LawViolation) as caught:
        check_laws(unclipped, testing.boxes(1), ["range"])
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert (again.law, again.got) == ("range", caught.value.got)
