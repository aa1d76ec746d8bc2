"""One-to-one assignment: golden cases, every assignment tried, laws, kinds of arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics import matched_f1, pairwise_box_iou
from onethinker_rewards.metrics.matching import matched_sums, pair_blocks
from tests import oracles_numeric as oracle
from tests.metrics.test_arrays import KINDS, on_host

nan = math.nan
FEW = settings().max_examples // 2
# Few distinct values make equal sums common.
shares = st.sampled_from([0.0, 0.25, 0.5, 1.0]) | st.floats(0, 1)


@st.composite
def matrices(draw: st.DrawFn, most: int = 4) -> Any:
    count, others = draw(st.integers(0, most)), draw(st.integers(0, most))
    values = draw(st.lists(shares, min_size=count * others, max_size=count * others))
    return np.array(values, dtype=np.float64).reshape(count, others)


GOLDEN = [
    pytest.param(np.zeros((0, 0)), 1.0, id="nothing of nothing"),
    pytest.param(np.zeros((3, 0)), 0.0, id="junk alone"),
    pytest.param(np.zeros((0, 3)), 0.0, id="misses alone"),
    pytest.param([[0.7]], 0.7, id="one of one"),
    pytest.param([[1, 0], [0, 1]], 1.0, id="both"),
    pytest.param([[0, 1], [1, 0]], 1.0, id="in another order"),
    pytest.param([[1.0], [1.0]], 2 / 3, id="a copy"),
    pytest.param([[1.0], [0.0]], 2 / 3, id="junk"),
    pytest.param([[1.0, 0.0]], 2 / 3, id="a miss"),
    pytest.param([[0.9, 0.8], [0.8, 0.0]], 0.8, id="the best of the first would cost more"),
    pytest.param([[nan, 0.0], [0.0, 1.0]], nan, id="not a number"),
    pytest.param([[nan]], nan, id="one that is no number"),
]


@pytest.mark.parametrize(("scores", "expected"), GOLDEN)
def test_golden(scores: Any, expected: float) -> None:
    assert matched_f1([scores])[0] == pytest.approx(expected, nan_ok=True)


@given(st.lists(matrices(), max_size=5))
@settings(max_examples=FEW)
def test_every_assignment_tried(scores: list[Any]) -> None:
    """In one batch of ragged rows."""
    expected = [oracle.matched_f1(matrix.tolist(), matrix.shape[1]) for matrix in scores]
    f1 = matched_f1(scores)
    assert f1.shape == (len(scores),)
    assert f1.tolist() == pytest.approx(expected, abs=1e-12)


@given(matrices(), st.randoms(use_true_random=False))
@settings(max_examples=FEW)
def test_order_and_sides_do_not_matter(scores: Any, random: Any) -> None:
    rows, columns = (random.sample(range(size), size) for size in scores.shape)
    mixed = scores[rows][:, columns]
    assert matched_f1([mixed])[0] == pytest.approx(matched_f1([scores])[0], abs=1e-12)
    assert matched_f1([scores.T])[0] == pytest.approx(matched_f1([scores])[0], abs=1e-12)


@given(matrices())
@settings(max_examples=FEW)
def test_within_0_and_1_and_what_is_added_for_nothing_costs(scores: Any) -> None:
    f1 = matched_f1([scores])[0]
    assert 0.0 <= f1 <= 1.0
    junk = np.vstack([scores, np.zeros((1, scores.shape[1]))])
    assert matched_f1([junk])[0] <= f1
    # The smallest floats have no smaller ones that are not 0.
    assert matched_f1([junk])[0] < f1 or f1 < 1e-300


@given(matrices().filter(lambda scores: scores.size > 0), st.data())
@settings(max_examples=FEW)
def test_a_higher_score_never_costs(scores: Any, data: st.DataObject) -> None:
    place = tuple(data.draw(st.integers(0, size - 1)) for size in scores.shape)
    higher = scores.copy()
    higher[place] = data.draw(st.floats(float(scores[place]), 1.0))
    assert matched_f1([higher])[0] >= matched_f1([scores])[0] - 1e-12


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype float64:UserWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_answers_in_kind(kind: Any, precision: str) -> None:
    namespace, array = kind()
    dtype = array(0.0, dtype=getattr(namespace, precision)).dtype
    scores = [array([[0.5, 0.0], [1.0, 0.75]], dtype=dtype), array([[0.5]], dtype=dtype)]
    f1 = matched_f1(scores)
    assert type(f1) is type(scores[0])
    assert (f1.dtype, f1.device) == (dtype, scores[0].device)
    assert on_host(f1).tolist() == pytest.approx([1.25 / 2, 0.5])


def test_lists_and_arrays_may_be_mixed() -> None:
    f1 = matched_f1([[], [[1.0]], np.array([[1]], dtype=np.int64), np.zeros((2, 0), dtype=np.float32)])
    assert f1.tolist() == [1.0, 1.0, 1.0, 0.0]
    assert matched_f1([]).shape == (0,)
    assert matched_f1([[[]]]).tolist() == [0.0]


def test_tensors_with_a_gradient() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    scores = torch.tensor([[0.5]], requires_grad=True)
    assert matched_f1([scores]).tolist() == [0.5]
    assert not matched_f1([scores]).requires_grad


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        pytest.param([1.0, 0.5], r"scores, row 1: expected an \[n, m\] matrix, got the shape \[2\]", id="one axis"),
        pytest.param(np.zeros((1, 2, 3)), r"got the shape \[1, 2, 3\]", id="three axes"),
        pytest.param([[1.0], [1.0, 2.0]], r"scores, row 1: expected an \[n, m\] matrix, got \[\[", id="ragged"),
        pytest.param([["a"]], r"scores, row 1: expected an \[n, m\] matrix", id="text"),
        pytest.param(0.5, r"got the shape \[\]", id="a number"),
    ],
)
def test_the_shape_is_checked(scores: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        matched_f1([[[1.0]], scores])


def test_boxes() -> None:
    right = np.array([[0, 0, 10, 10], [50, 50, 60, 60]])
    junk = np.array([[200, 200, 210, 210]] * 4)
    scores = [pairwise_box_iou(boxes, right) for boxes in (right[::-1], np.vstack([right, junk]), right[:1], junk)]
    assert matched_f1(scores).tolist() == pytest.approx([1.0, 0.5, 2 / 3, 0.0])


# What tasks assign with: ragged rows, those of a shape together.


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=8))
@settings(max_examples=FEW)
def test_blocks_hold_each_row_of_pairs_once(lengths: list[tuple[int, int]]) -> None:
    starts, ref_starts = (np.cumsum([0, *(length[side] for length in lengths)]) for side in (0, 1))
    seen: dict[int, tuple[list[int], list[int]]] = {}
    for rows, objects, ref_objects in pair_blocks(starts, ref_starts):
        for row, these, others in zip(rows.tolist(), objects.tolist(), ref_objects.tolist(), strict=True):
            assert row not in seen
            seen[row] = these, others
    assert seen.keys() == {row for row, length in enumerate(lengths) if all(length)}
    for row, (these, others) in seen.items():
        assert these == list(range(starts[row], starts[row + 1]))
        assert others == list(range(ref_starts[row], ref_starts[row + 1]))


def test_blocks_of_more_pairs_than_are_scored_at_once() -> None:
    starts = np.arange(0, 100 * 60, 60)
    blocks = list(pair_blocks(starts, starts))
    assert len(blocks) > 1
    assert sorted(row for rows, _, _ in blocks for row in rows.tolist()) == list(range(99))
    assert {objects.shape[1] for _, objects, _ in blocks} == {60}


@given(matrices().filter(lambda scores: scores.size > 0))
@settings(max_examples=FEW)
def test_sums_of_several_matrices(scores: Any) -> None:
    both = np.stack([scores, scores[::-1]])
    expected = [oracle.matched_sum(matrix.tolist()) for matrix in both]
    assert matched_sums(both).tolist() == pytest.approx(expected, abs=1e-12)
