"""gIoU and cIoU: cases by hand, a plain loop, exact merging, run lengths without painting, pycocotools."""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation import ImageScores, ImageTotals, ciou, encode_mask, giou, mask_overlaps
from tests import oracles_masks as oracle
from tests.evaluation.masks import batches, blob, peer, row

Batch = list[tuple[np.ndarray, np.ndarray]]

HALF = row(1, 1, 0, 0), row(0, 1, 0, 0)
EQUAL = row(1, 1, 1, 1), row(1, 1, 1, 1)
APART = row(1, 0, 0, 0), row(0, 0, 0, 1)
NOTHING = row(0, 0, 0, 0), row(0, 0, 0, 0)

CASES = [
    pytest.param([HALF], 0.0, 1 / 2, 1 / 2, id="one image"),
    pytest.param([HALF, EQUAL], 0.0, 3 / 4, 5 / 6, id="large objects weigh more in cIoU"),
    pytest.param([HALF, APART], 0.0, 1 / 4, 1 / 4, id="apart"),
    pytest.param([HALF, NOTHING], 0.0, 1 / 4, 1 / 2, id="nothing on, as in the release"),
    pytest.param([HALF, NOTHING], 1.0, 3 / 4, 1 / 2, id="nothing on, as in LISA"),
    pytest.param([NOTHING], 1.0, 1.0, 0.0, id="nothing on anywhere"),
    pytest.param([(row(0, 0), row(0, 1))], 1.0, 0.0, 0.0, id="not found"),
    pytest.param([(row(0, 1), row(0, 0))], 1.0, 0.0, 0.0, id="nothing to find"),
    pytest.param([(row(1), row(1)), HALF], 0.0, 3 / 4, 2 / 3, id="images of several sizes"),
]


def sides(batch: Batch) -> tuple[list[Any], list[Any]]:
    return [ours for ours, _ in batch], [theirs for _, theirs in batch]


def totals_of(batch: Batch, empty: float = 0.0) -> ImageTotals:
    totals = ImageTotals(empty=empty)
    totals.update(*sides(batch))
    return totals


@pytest.mark.parametrize(("batch", "empty", "generalized", "cumulative"), CASES)
def test_giou_and_ciou(batch: Batch, empty: float, generalized: float, cumulative: float) -> None:
    result = totals_of(batch, empty).result()
    assert result == ImageScores(generalized, cumulative, len(batch))
    assert result.to_dict() == {"gIoU": generalized, "cIoU": cumulative}
    assert giou(*sides(batch), empty=empty) == generalized
    assert ciou(*sides(batch)) == cumulative


def in_kinds(masks: list[Any], kinds: list[int]) -> list[Any]:
    """Return masks as arrays, compressed or listed run lengths, or nested lists of numbers."""
    writers = [
        lambda mask: mask,
        encode_mask,
        lambda mask: {"size": [*mask.shape], "counts": oracle.runs(mask)},
        lambda mask: mask.astype(np.uint8) * 3,
    ]
    return [writers[kind](mask) for mask, kind in zip(masks, kinds, strict=False)]


kinds = st.one_of(
    st.lists(st.integers(0, 3), min_size=8, max_size=8), st.lists(st.integers(1, 2), min_size=8, max_size=8)
)


@given(batch=batches, ours=kinds, theirs=kinds)
def test_overlaps_are_a_plain_loop(batch: Batch, ours: list[int], theirs: list[int]) -> None:
    """Whatever masks are written as; where all are run lengths they are never painted."""
    overlaps = mask_overlaps(in_kinds(sides(batch)[0], ours), in_kinds(sides(batch)[1], theirs))
    assert overlaps.intersections.tolist() == [int((mask & other).sum()) for mask, other in batch]
    assert overlaps.unions.tolist() == [int((mask | other).sum()) for mask, other in batch]
    assert overlaps.intersections.dtype == overlaps.unions.dtype == np.int64


@given(batch=batches.filter(bool), empty=st.sampled_from([0.0, 1.0]))
def test_scores_are_the_textbook(batch: Batch, empty: float) -> None:
    result = totals_of(batch, empty).result()
    images = [Fraction(oracle.mask_iou(*pair, empty)) for pair in batch]
    union = sum(int((mask | other).sum()) for mask, other in batch)
    assert result.giou == float(sum(images) / len(images))
    assert result.ciou == (sum(int((mask & other).sum()) for mask, other in batch) / union if union else 0.0)
    assert result.images == len(batch)


@given(batch=batches, cut=st.integers(0, 8), order=st.randoms())
def test_batches_order_and_processes_do_not_matter(batch: Batch, cut: int, order: Any) -> None:
    """Totals that other processes counted, in another order, are equal to the bit."""
    whole = totals_of(batch)
    order.shuffle(batch)
    merged = totals_of(batch[:cut])
    merged.merge(pickle.loads(pickle.dumps(totals_of(batch[cut:]))))
    assert merged == whole


@given(batch=batches.filter(bool))
def test_laws(batch: Batch) -> None:
    """In range, symmetric, the same for transposed masks, and 1 for a mask with something on and itself."""
    result = totals_of(batch).result()
    assert 0.0 <= result.giou <= 1.0
    assert 0.0 <= result.ciou <= 1.0
    assert totals_of([(theirs, ours) for ours, theirs in batch]).result() == result
    assert totals_of([(ours.T, theirs.T) for ours, theirs in batch]).result() == result
    on = [(ours, ours) for ours, _ in batch if ours.any()]
    assert not on or totals_of(on).result() == ImageScores(1.0, 1.0, len(on))


def test_precision_counts_from_a_threshold_on() -> None:
    totals = ImageTotals(thresholds=(0.5, 0.6))
    totals.update(*sides([HALF, EQUAL]))
    assert totals.result().to_dict() == {"gIoU": 3 / 4, "cIoU": 5 / 6, "P@0.5": 1.0, "P@0.6": 0.5}
    with pytest.raises(ArgumentError, match=r"thresholds=\(0.5, 0.6\) and thresholds=\(\) cannot be merged"):
        totals.merge(ImageTotals())


def test_no_mask_is_an_empty_one() -> None:
    assert giou([None, row(1, 0)], [row(1, 1), encode_mask(row(1, 0))]) == 0.5
    assert ciou([None, row(1, 0)], [row(1, 1), row(1, 0)]) == 1 / 3
    assert giou([None], [row(0, 0)], empty=1.0) == 1.0


def test_stacks_of_masks() -> None:
    stack = np.stack([HALF[0], EQUAL[0]]), np.stack([HALF[1], EQUAL[1]])
    assert giou(*stack) == 3 / 4


BAD = [
    pytest.param([row(1)], [], "1 predicted masks and 0 references", id="lengths"),
    pytest.param(
        [row(1), row(1)], [row(1), row(1, 0)], "pair 1: predicted is 1 by 1 and its reference 1 by 2", id="sizes"
    ),
    pytest.param(
        [encode_mask(row(1, 0)), encode_mask(row(1, 1))],
        [encode_mask(row(1, 1)), encode_mask(row(1, 1).T)],
        "pair 1: predicted is 1 by 2 and its reference 2 by 1",
        id="sizes of run lengths",
    ),
    pytest.param([row(1)], [None], "pair 0: a mask must be boolean", id="no reference"),
    pytest.param([row(1), np.ones((2, 2)) / 2], [row(1)] * 2, "pair 1: a mask must be boolean", id="probabilities"),
    pytest.param([row(1)[0]], [row(1)], "pair 0: a mask must have the shape", id="one dimension"),
    pytest.param([{"size": [1, 1], "counts": "2"}], [encode_mask(row(1))], "predicted: counts hold 2", id="bad runs"),
    pytest.param(
        [encode_mask(row(1))] * 2,
        [encode_mask(row(1)), {"size": [1, 1], "counts": "2"}],
        "reference: mask 1: counts hold 2",
        id="bad runs in a batch",
    ),
]


@pytest.mark.parametrize(("predicted", "reference", "message"), BAD)
def test_mistakes_are_named_and_nothing_is_counted(predicted: Any, reference: Any, message: str) -> None:
    totals = totals_of([HALF])
    with pytest.raises(ArgumentError, match=message):
        totals.update(predicted, reference)
    assert totals == totals_of([HALF])


def test_totals_of_other_rules_cannot_be_merged() -> None:
    with pytest.raises(ArgumentError, match=r"empty=0\.0 and empty=1\.0"):
        ImageTotals().merge(ImageTotals(empty=1.0))


def test_nothing_has_no_score() -> None:
    with pytest.raises(ArgumentError, match="no image was counted"):
        ImageTotals().result()


def test_large_runs_do_not_overflow() -> None:
    """A thousand masks of 8192 by 8192 on one line."""
    full = {"size": [8192, 8192], "counts": [0, 1 << 26]}
    half = {"size": [8192, 8192], "counts": [1 << 25, 1 << 25]}
    overlaps = mask_overlaps([full] * 1000, [half] * 1000)
    assert overlaps.intersections.tolist() == [1 << 25] * 1000
    assert overlaps.unions.tolist() == [1 << 26] * 1000


@pytest.mark.peer
def test_pycocotools_agrees() -> None:
    with peer("pycocotools"):
        from pycocotools import mask as coco
    rng = np.random.default_rng(1)
    pairs = [(blob(rng, (120, 90)), blob(rng, (120, 90))) for _ in range(60)]
    ours, theirs = ([encode_mask(mask) for mask in side] for side in sides(pairs))
    expected = [coco.iou([mask], [other], [0]).item() for mask, other in zip(ours, theirs, strict=True)]
    assert mask_overlaps(ours, theirs).iou(0.0) == expected
    assert giou(ours, theirs) == pytest.approx(np.mean(expected), abs=1e-15)
