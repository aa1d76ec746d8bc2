"""mIoU and acc@t of boxes: cases by hand, a textbook oracle, exact merging, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation import BoxScores, BoxTotals
from tests import oracles_numeric as oracle
from tests.evaluation.totals import assert_mergeable, assert_options_must_agree

Row = tuple[list[float] | None, list[float]]

CASES = [
    pytest.param([0, 0, 10, 10], [0, 0, 10, 10], {}, 1.0, id="equal"),
    pytest.param([0, 0, 10, 10], [0, 0, 10, 20], {}, 0.5, id="half"),
    pytest.param([0, 0, 10, 10], [10, 0, 20, 10], {}, 0.0, id="touching"),
    pytest.param([10, 10, 0, 0], [0, 0, 10, 10], {}, 0.0, id="swapped corners are no area"),
    pytest.param([5, 5, 5, 5], [5, 5, 5, 5], {}, 0.0, id="no area on either side"),
    pytest.param(None, [0, 0, 10, 10], {}, 0.0, id="not read"),
    pytest.param([0, 0, 1e-7, 1e-7], [0, 0, 1e-7, 1e-7], {}, 1.0, id="tiny"),
    pytest.param([0, 0, 1e-7, 1e-7], [0, 0, 1e-7, 1e-7], {"rules": "release"}, 0.0, id="the release counts it as none"),
]


def totals_of(rows: Any, **options: Any) -> BoxTotals:
    totals = BoxTotals(**options)
    totals.update([predicted for predicted, _ in rows], [reference for _, reference in rows])
    return totals


@pytest.mark.parametrize(("predicted", "reference", "options", "expected"), CASES)
def test_miou_of_one_box(predicted: Any, reference: Any, options: Any, expected: float) -> None:
    assert totals_of([(predicted, reference)], **options).result().miou == expected


def test_a_tie_counts() -> None:
    half = [([0, 0, 10, 10], [0, 0, 10, 20]), (None, [0, 0, 10, 20])]
    assert totals_of(half, thresholds=(0.3, 0.5, 0.7)).result() == BoxScores(0.25, {0.3: 0.5, 0.5: 0.5, 0.7: 0.0}, 2)
    assert totals_of(half).result().to_dict() == {"mIoU": 0.25, "acc@0.5": 0.5}


boxes = st.lists(st.integers(0, 8).map(float), min_size=4, max_size=4)
lists = st.lists(st.tuples(st.none() | boxes, boxes), max_size=8)


@given(rows=lists.filter(bool), rules=st.sampled_from(["official", "release"]))
def test_scores_are_the_textbook(rows: list[Row], rules: Any) -> None:
    ious = [0.0 if box is None else oracle.box_iou(box, reference) for box, reference in rows]
    result = totals_of(rows, rules=rules, thresholds=(0.31,)).result()
    assert result.miou == pytest.approx(sum(ious) / len(ious), abs=1e-12)
    assert result.accuracy[0.31] == pytest.approx(sum(iou >= 0.31 for iou in ious) / len(ious))


@given(rows=lists, cut=st.integers(0, 8), order=st.randoms())
def test_batches_order_and_processes_do_not_matter(rows: list[Row], cut: int, order: Any) -> None:
    assert_mergeable(totals_of, rows, cut, order)


def test_a_mistake_is_named_and_nothing_is_counted() -> None:
    totals = totals_of([])
    with pytest.raises(ArgumentError, match="reference, row 1: expected 4 finite numbers, got None"):
        totals.update([[0, 0, 1, 1]] * 2, [[0, 0, 1, 1], None])
    assert totals == BoxTotals()


@pytest.mark.parametrize("options", [{"rules": "release"}, {"thresholds": (0.3,)}], ids=str)
def test_totals_of_other_rules_cannot_be_merged(options: dict[str, Any]) -> None:
    assert_options_must_agree(BoxTotals(), BoxTotals(**options), f"{next(iter(options))}=.* cannot be merged")


def test_nothing_has_no_score() -> None:
    with pytest.raises(ArgumentError, match="no box was counted"):
        BoxTotals().result()
