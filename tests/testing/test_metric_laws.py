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
from onethinker_rewards.testing.metric_laws import smallest_example

POINTS = ("range", "identity", "symmetry", "shift_invariance", "batch_equals_rows", "empty_batch", "malformed")
EMPTY_SPANS = st.integers(0, 400).map(lambda eighths: np.full((1, 2), eighths / 8.0))
NUMBERS = st.integers(0, 400).map(lambda eighths: np.array([eighths / 8.0]))


def area(boxes: Any, *, clamped: bool = True) -> Any:
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.prod(np.maximum(sides, 0.0) if clamped else sides, axis=1)


def box_iou(predicted: Any, reference: Any) -> Any:
    """Return the textbook's intersection over union of boxes."""
    return generalized(predicted, reference)[0]


def giou(predicted: Any, reference: Any) -> Any:
    """Return the textbook's generalized intersection over union."""
    return generalized(predicted, reference)[1]


def unclamped_giou(predicted: Any, reference: Any) -> Any:
    """Return it with areas that keep the sign of their sides, as public rewards have it."""
    return generalized(predicted, reference, clamped=False)[1]


def generalized(predicted: Any, reference: Any, *, clamped: bool = True) -> tuple[Any, Any]:
    low, high = np.maximum(predicted[:, :2], reference[:, :2]), np.minimum(predicted[:, 2:], reference[:, 2:])
    shared = area(np.hstack([low, high]))
    union = area(predicted, clamped=clamped) + area(reference, clamped=clamped) - shared
    low, high = np.minimum(predicted[:, :2], reference[:, :2]), np.maximum(predicted[:, 2:], reference[:, 2:])
    hull = area(np.hstack([low, high]), clamped=clamped)
    return shared / union, shared / union - (hull - union) / hull


def unclipped(predicted: Any, reference: Any) -> Any:
    sides = np.minimum(predicted[:, 2:], reference[:, 2:]) - np.maximum(predicted[:, :2], reference[:, :2])
    shared = np.prod(sides, axis=1)
    return shared / (area(predicted) + area(reference) - shared)


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
    pytest.param("malformed", unclamped_giou, id="malformed: areas of inverted boxes"),
    pytest.param(
        "malformed",
        lambda p, r: box_iou(np.hstack([np.minimum(p[:, :2], p[:, 2:]), np.maximum(p[:, :2], p[:, 2:])]), r),
        id="malformed: corners are sorted",
    ),
    pytest.param("malformed", lambda p, r: box_iou(np.clip(p, 0, 1000), r), id="malformed: infinity is the border"),
    pytest.param("malformed", lambda p, r: box_iou(np.where(np.isnan(p), r, p), r), id="malformed: NaN is ignored"),
    pytest.param(
        "malformed",
        lambda p, r: box_iou(np.hstack([p[:, :2], np.maximum(p[:, 2:], p[:, :2] + 1)]), r),
        id="malformed: no side is shorter than a pixel",
    ),
]


def test_every_law_has_a_planted_fault() -> None:
    assert {fault.values[0] for fault in FAULTS} == set(LAWS)
    assert all(name == law.name for name, law in LAWS.items())


@pytest.mark.parametrize(("law", "metric"), FAULTS)
def test_a_planted_fault_is_caught(law: str, metric: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(LawViolation) as caught:
        check_laws(metric, testing.boxes(1), [law], minimum=-1.0 if metric is unclamped_giou else 0.0, examples=100)
    assert caught.value.law == law
    assert str(caught.value).startswith(f"{law}: {LAWS[law].statement}\n  predicted = [")
    assert len(caught.value.inputs["reference"]) <= 2


@pytest.mark.parametrize(
    ("metric", "rows", "laws"),
    [
        pytest.param(box_iou, testing.boxes(1), tuple(LAWS), id="the textbook"),
        pytest.param(metrics.box_iou, testing.boxes(1), tuple(LAWS), id="box_iou"),
        pytest.param(metrics.temporal_iou, testing.spans(1), tuple(LAWS), id="temporal_iou"),
        pytest.param(partial(metrics.point_similarity, sigma=50.0), testing.point_sets(1), POINTS, id="points"),
        pytest.param(metrics.rotated_box_iou, testing.boxes(1).map(lambda boxes: np.pad(boxes + 1, ((0, 0), (0, 1)))),
                     ("range", "identity", "symmetry", "batch_equals_rows", "empty_batch", "malformed"),
                     id="rotated_box_iou"),
        pytest.param(metrics.time_proximity, NUMBERS, POINTS, id="time_proximity"),
        pytest.param(metrics.relative_accuracy, NUMBERS, ("range", "identity", "malformed"), id="relative_accuracy"),
    ],
)  # fmt: skip
def test_our_metrics_keep_them(metric: Any, rows: Any, laws: tuple[str, ...]) -> None:
    check_laws(metric, rows, laws, examples=60)


def test_a_correct_generalized_iou_keeps_them_with_its_minimum() -> None:
    laws = [law for law in LAWS if law != "monotonicity"]
    check_laws(giou, testing.boxes(1), laws, minimum=-1.0, examples=60)


def test_an_inverted_reference_is_shown() -> None:
    with pytest.raises(LawViolation) as caught:
        check_laws(unclamped_giou, testing.boxes(1), minimum=-1.0, examples=60)
    assert caught.value.law == "malformed"
    (left, top, right, bottom), reference = caught.value.inputs["predicted"][0], caught.value.inputs["reference"][0]
    assert (left > right, top > bottom) == (True, True)
    assert caught.value.got == unclamped_giou(np.array([[left, top, right, bottom]]), reference[None])[0]
    assert caught.value.wanted <= 1e-5


def test_an_empty_answer_to_an_empty_event_is_right() -> None:
    check_laws(metrics.temporal_iou, testing.spans(1), ["identity", "malformed"], reference=EMPTY_SPANS, examples=60)
    with pytest.raises(LawViolation, match="malformed"):
        check_laws(lambda p, r: metrics.temporal_iou(np.sort(p), r), testing.spans(1), ["malformed"])


def test_nan_for_what_is_not_finite_is_allowed_and_for_the_rest_it_is_not() -> None:
    def nan_unless_ordered(predicted: Any, reference: Any) -> Any:
        return np.where((predicted[:, :2] < predicted[:, 2:]).all(axis=1), box_iou(predicted, reference), np.nan)

    def nan_unless_finite(predicted: Any, reference: Any) -> Any:
        return np.where(np.isfinite(predicted).all(axis=1), box_iou(predicted, reference), np.nan)

    check_laws(nan_unless_finite, testing.boxes(1), ["malformed"], examples=60)
    with pytest.raises(LawViolation, match="got nan, compared with"):
        check_laws(nan_unless_ordered, testing.boxes(1), ["malformed"])


def test_malformed_rows_of_another_form() -> None:
    def by_size(predicted: Any, reference: Any) -> Any:
        """Return the IoU of boxes that are given by corner, width and height."""
        corners = [np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]) for boxes in (predicted, reference)]
        return box_iou(np.hstack([np.sort(corners[0][:, ::2]), np.sort(corners[0][:, 1::2])])[:, [0, 2, 1, 3]],
                       corners[1])  # fmt: skip

    sized = testing.boxes(1).map(lambda boxes: np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]))
    check_laws(by_size, sized, ["identity", "malformed"], examples=60)

    def turned(boxes: Any) -> Any:
        return np.hstack([boxes[:, :2] + boxes[:, 2:], -boxes[:, 2:]])

    with pytest.raises(LawViolation, match="malformed"):
        check_laws(by_size, sized, ["malformed"], malformed=[turned], examples=60)


def test_references_of_another_form() -> None:
    """The honest miss is then a row far away."""
    centers = testing.point_sets(1, points=1).map(lambda points: points[:, 0])

    def holds(predicted: Any, reference: Any) -> Any:
        assert predicted.shape[1:] == (4,)
        inside = (predicted[:, :2] <= reference) & (reference <= predicted[:, 2:])
        return inside.all(axis=1).astype(float)

    def made_of_predicted(boxes: Any) -> Any:
        return boxes

    check_laws(holds, testing.boxes(1), ["range"], reference=centers, examples=50)
    # Infinite boxes hold every point.
    with pytest.raises(LawViolation, match="malformed"):
        check_laws(holds, testing.boxes(1), ["malformed"], reference=centers)
    with pytest.raises(LawViolation, match="malformed"):
        check_laws(holds, testing.boxes(1), ["malformed"], reference=centers, malformed=[made_of_predicted])


def test_malformed_needs_numbers() -> None:
    for rows in (testing.masks(1), st.just(["a"]), st.just(np.array([1]))):
        with pytest.raises(otr.ArgumentError, match="malformed needs arrays of floating-point numbers"):
            check_laws(lambda p, r: np.ones(len(p)), rows, ["malformed"])


def test_all_laws_that_do_not_hold_are_reported() -> None:
    with pytest.raises(LawViolation) as caught:
        check_laws(lambda p, r: 2.0 * box_iou(p, r)[::-1], testing.boxes(1), ["symmetry", "range", "identity"])
    first = caught.value
    assert [first.law, *(other.law for other in first.others)] == ["range", "identity"]
    title, range_block, identity_block = str(first).split("\n\n")
    assert title == "2 laws do not hold: range, identity"
    assert range_block.startswith("range: every score lies between")
    assert identity_block == str(first.others[0])
    assert str(pickle.loads(pickle.dumps(first))) == str(first)


def test_a_search_for_smaller_inputs_ends() -> None:
    tried: list[int] = []

    def large(number: int) -> bool:
        tried.append(number)
        return number > 123_456_789

    found = smallest_example(st.integers(0, 10**12), large, 100, most_shrinks=5)
    assert found is not None
    assert found > 123_456_789
    assert len(tried) - next(index for index, number in enumerate(tried) if number > 123_456_789) <= 6


def test_the_inputs_are_those_of_the_call() -> None:
    with pytest.raises(LawViolation) as caught:
        check_laws(lambda p, r: 0.5 * box_iou(p, r), testing.boxes(1), ["identity"])
    assert np.array_equal(caught.value.inputs["predicted"], caught.value.inputs["reference"])
    assert caught.value.other_inputs == {}
    with pytest.raises(LawViolation) as caught:
        check_laws(lambda p, r: box_iou(p, r) * (p[:, 0] > 0), testing.boxes(1), ["shift_invariance"])
    inputs, other = caught.value.inputs, caught.value.other_inputs
    for name in ("predicted", "reference"):
        assert np.array_equal(inputs[name], other[name] + inputs["shift"])
    assert f"compared with {caught.value.wanted} for\n    predicted = " in str(caught.value)


def test_of_a_batch_the_row_alone_is_shown() -> None:
    with pytest.raises(LawViolation) as caught:
        check_laws(lambda p, r: box_iou(p, r) * 0 + box_iou(p, r).mean(), testing.boxes(1), ["batch_equals_rows"])
    assert len(caught.value.inputs["predicted"]) == 2
    assert len(caught.value.other_inputs["predicted"]) == 1


@pytest.mark.parametrize(
    ("metric", "hint"),
    [
        pytest.param(giou, r"got -0\.\d+, below minimum 0\.0: if that is meant, give minimum=$", id="minimum"),
        pytest.param(lambda p, r: 5 * box_iou(p, r), r"got \d.*, above maximum 1\.0: .* give maximum=$", id="maximum"),
        pytest.param(lambda p, r: box_iou(p, r) * np.nan, r"got nan, compared with 0\.0$", id="NaN is never meant"),
    ],
)
def test_a_range_that_may_be_meant(metric: Any, hint: str) -> None:
    with pytest.raises(LawViolation, match=hint):
        check_laws(metric, testing.boxes(1), ["range"])


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


def test_a_shape_for_malformed_rows_is_named() -> None:
    with pytest.raises(LawViolation, match=r"malformed: .*\n(.*\n)+  got shape \(\), compared with shape \(1,\)"):
        check_laws(lambda p, r: box_iou(p, r).mean(), testing.boxes(1), ["malformed"])


def test_a_step_is_shown() -> None:
    with pytest.raises(LawViolation) as caught:
        check_laws(lambda p, r: 1 - box_iou(p, r), testing.boxes(1), ["monotonicity"])
    assert list(caught.value.inputs) == ["predicted", "reference", "step"]


# The first call only finds out whether it takes batches.
@pytest.mark.parametrize("calls", [2, 3, 4, 5])
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

    with pytest.raises(ZeroDivisionError) as caught:
        check_laws(broken, testing.boxes(1))
    assert caught.value.__notes__ == ["The metric was called with predicted [1, 4] and reference [1, 4]."]


def test_a_metric_of_one_row() -> None:
    def one_box(predicted: Any, reference: Any) -> float:
        return float(min(predicted[2], reference[2]) > max(predicted[0], reference[0]))

    with pytest.raises(otr.ArgumentError) as caught:
        check_laws(one_box, testing.boxes(1))
    assert str(caught.value) == (
        "metric: called with predicted [1, 4] and reference [1, 4] it raised IndexError: index 2 is out of bounds for "
        "axis 0 with size 1; it has to take a batch of rows, and return one score per row"
    )
    with pytest.raises(otr.ArgumentError, match="predicted a list of 1 and reference a list of 1 it raised TypeError"):
        check_laws(lambda p, r: p + 1, st.just(["a"]), ["range"])


def test_an_error_for_some_inputs_says_with_which_shapes() -> None:
    def no_empty_batch(predicted: Any, reference: Any) -> Any:
        if not len(predicted):
            raise ZeroDivisionError
        return box_iou(predicted, reference)

    with pytest.raises(ZeroDivisionError) as caught:
        check_laws(no_empty_batch, testing.boxes(1), ["empty_batch"])
    assert caught.value.__notes__[0] == "The metric was called with predicted [0, 4] and reference [0, 4]."


def test_a_violation_pickles() -> None:
    with pytest.raises(LawViolation) as caught:
        check_laws(unclipped, testing.boxes(1), ["range"])
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert (again.law, again.got) == ("range", caught.value.got)
