"""mIoU and R@t of spans: cases by hand, a textbook oracle, exact merging, what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation import SpanScores, SpanTotals
from tests.evaluation.totals import assert_mergeable, assert_options_must_agree

Row = tuple[list[float] | None, list[float], str]

CASES = [
    pytest.param([0, 5], [0, 10], {}, 0.5, id="half"),
    pytest.param([0, 10], [20, 30], {}, 0.0, id="apart"),
    pytest.param([0, 10], [10, 20], {}, 0.0, id="touching"),
    pytest.param([10, 0], [0, 10], {}, 0.0, id="inverted"),
    pytest.param([3, 3], [3, 3], {}, 0.0, id="two equal moments"),
    pytest.param(None, [0, 10], {}, 0.0, id="not read"),
    pytest.param([0, 1e-13], [0, 1e-13], {}, 1.0, id="hardly a moment"),
    pytest.param([0, 1e-13], [0, 1e-13], {"rules": "release"}, 0.0, id="the release counts it as none"),
    pytest.param([0, 1e-12], [0, 1e-12], {"rules": "release"}, 0.0, id="at the bound of the release"),
    pytest.param([0, 10**300], [0, 10**300], {}, 1.0, id="long"),
    pytest.param([-1.7e308, 1.7e308], [-1.7e308, 1.7e308], {}, 0.0, id="too long for a float"),
]


def totals_of(rows: Any, **options: Any) -> SpanTotals:
    totals = SpanTotals(**options)
    predicted, reference, videos = ([row[side] for row in rows] for side in range(3))
    totals.update(predicted, reference, videos if options.get("mean") == "video" else None)
    return totals


@pytest.mark.parametrize(("predicted", "reference", "options", "expected"), CASES)
def test_miou_of_one_span(predicted: Any, reference: Any, options: Any, expected: float) -> None:
    assert totals_of([(predicted, reference, "v")], **options).result().miou == expected


def test_a_tie_counts_unless_strict() -> None:
    half = [([0, 5], [0, 10], "v")]
    assert totals_of(half).result().recall == {0.3: 1.0, 0.5: 1.0, 0.7: 0.0}
    assert totals_of(half, strict=True).result().recall == {0.3: 1.0, 0.5: 0.0, 0.7: 0.0}


def test_the_union_runs_from_the_first_start_to_the_last_end() -> None:
    """In doubles the sum of the lengths decides this tie in another way; within videos it is what counts."""
    row = [8.1, 11.1], [5.8, 11.8], "v"
    assert totals_of([row]).result().miou == 3.0 / 6.000000000000001
    assert totals_of([row], mean="video").result().miou == 3.0 / (3.0 + 6.000000000000001 - 3.0)
    assert totals_of([row], mean="video", rules="release").result().miou == 3.0 / 6.000000000000001


def test_videos_weigh_alike() -> None:
    rows = [([0, 10], [0, 10], "a"), ([0, 5], [0, 10], "a"), ([0, 1], [0, 10], "b")]
    expected = SpanScores(pytest.approx((0.75 + 0.1) / 2), {0.3: 0.5, 0.5: 0.5, 0.7: 0.25}, 3, 2)
    assert totals_of(rows, mean="video").result() == expected
    assert totals_of(rows).result() == SpanScores(pytest.approx(1.6 / 3), {0.3: 2 / 3, 0.5: 2 / 3, 0.7: 1 / 3}, 3)


def test_names() -> None:
    names = totals_of([([0, 5], [0, 10], "v")], thresholds=(0.5, 0.75)).result().to_dict()
    assert names == {"mIoU": 0.5, "R@0.5": 1.0, "R@0.75": 0.0}


times = st.floats(-5, 30).map(lambda time: round(time, 1))
spans = st.lists(times, min_size=2, max_size=2)
lists = st.lists(st.tuples(st.none() | spans, spans, st.sampled_from("abc")), max_size=8)


def textbook(predicted: list[float] | None, reference: list[float]) -> Fraction:
    (start, end), (ref_start, ref_end) = (map(Fraction, span) for span in (predicted or [0, 0], reference))
    shared = min(end, ref_end) - max(start, ref_start)
    return shared / (max(end, ref_end) - min(start, ref_start)) if shared > 0 else Fraction(0)


@given(rows=lists.filter(bool), rules=st.sampled_from(["official", "release"]))
def test_scores_are_the_textbook(rows: list[Row], rules: Any) -> None:
    ious = [textbook(predicted, reference) for predicted, reference, _ in rows]
    result = totals_of(rows, rules=rules, thresholds=(0.31,)).result()
    assert result.miou == pytest.approx(float(sum(ious) / len(ious)), abs=1e-12)
    assert result.recall[0.31] == pytest.approx(sum(iou >= 0.31 for iou in ious) / len(ious))
    assert result.rows == len(rows)


@given(rows=lists.filter(bool))
def test_means_of_videos_are_the_textbook(rows: list[Row]) -> None:
    names = {video for *_, video in rows}
    of_videos = [[textbook(*row[:2]) for row in rows if row[2] == video] for video in names]
    result = totals_of(rows, mean="video").result()
    assert result.miou == pytest.approx(float(sum(sum(ious) / len(ious) for ious in of_videos) / len(names)), abs=1e-12)
    assert (result.rows, result.videos) == (len(rows), len(names))


@given(rows=lists, cut=st.integers(0, 8), order=st.randoms(), mean=st.sampled_from(["row", "video"]))
def test_batches_order_and_processes_do_not_matter(rows: list[Row], cut: int, order: Any, mean: Any) -> None:
    assert_mergeable(lambda part: totals_of(part, mean=mean), rows, cut, order)


def test_arrays_are_rows_too() -> None:
    totals = SpanTotals()
    totals.update(np.array([[0, 5]]), np.array([[0.0, 10.0]]))
    totals.update([np.array([0, 5]), (np.int64(0), np.float64(5))], [(0, 10), [0, 10]])
    assert totals.result().miou == 0.5


BAD = [
    pytest.param([[0, 1]], [], None, "1 predictions and 0 references", id="lengths"),
    pytest.param([[0, 1], [0, 1, 2]], [[0, 1]] * 2, None, "predicted, row 1: expected 2 finite numbers", id="width"),
    pytest.param([[0, 1]], [None], None, "reference, row 0: expected 2 finite numbers, got None", id="no reference"),
    pytest.param([["0", "1"]], [[0, 1]], None, "predicted, row 0", id="text"),
    pytest.param([[True, False]], [[0, 1]], None, "predicted, row 0", id="booleans"),
    pytest.param([[0, float("nan")]], [[0, 1]], None, "predicted, row 0", id="NaN"),
    pytest.param([[0, 10**400]], [[0, 1]], None, "predicted, row 0", id="no float is as large"),
    pytest.param([[0, 1]], np.array([[0, np.inf]]), None, "reference, row 0", id="infinite"),
    pytest.param([[0, 1]], [[0, 1]], ["a"], 'videos are needed for mean="video" alone', id="videos"),
]


@pytest.mark.parametrize(("predicted", "reference", "videos", "message"), BAD)
def test_mistakes_are_named_and_nothing_is_counted(predicted: Any, reference: Any, videos: Any, message: str) -> None:
    totals = totals_of([([0, 5], [0, 10], "v")])
    with pytest.raises(ArgumentError, match=message):
        totals.update(predicted, reference, videos)
    assert totals == totals_of([([0, 5], [0, 10], "v")])


def test_every_row_has_a_video() -> None:
    with pytest.raises(ArgumentError, match="1 references and 2 videos"):
        SpanTotals(mean="video").update([[0, 1]], [[0, 1]], ["a", "b"])


@pytest.mark.parametrize(
    "options", [{"rules": "release"}, {"mean": "video"}, {"thresholds": (0.5,)}, {"strict": True}], ids=str
)
def test_totals_of_other_rules_cannot_be_merged(options: dict[str, Any]) -> None:
    assert_options_must_agree(SpanTotals(), SpanTotals(**options), f"{next(iter(options))}=.* cannot be merged")


def test_nothing_has_no_score() -> None:
    totals = SpanTotals()
    totals.update([], [])
    with pytest.raises(ArgumentError, match="no span was counted"):
        totals.result()


@pytest.mark.parametrize("options", [{"rules": "paper"}, {"mean": "all"}], ids=str)
def test_unknown_rules(options: Any) -> None:
    with pytest.raises(ArgumentError, match="is one of"):
        SpanTotals(**options)
