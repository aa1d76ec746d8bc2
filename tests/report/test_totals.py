"""Running sums: means, distributions and curves by task, in memory that does not grow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.report.totals import Buckets, Totals, number, totals_of
from tests.report.scored_rows import examples, scored


@pytest.mark.parametrize(
    ("cell", "value"),
    [(1, 1.0), (0.5, 0.5), ("1.25", 1.25), (" 3 ", 3.0), (True, None), (None, None), ([1], None), ("B", None),
     ("", None), (float("nan"), None), (float("inf"), None), ("nan", None), (10**400, None), (1e300, None)],
)  # fmt: skip
def test_what_is_a_number(cell: object, value: float | None) -> None:
    assert number(cell) == value


def test_a_value_belongs_to_the_bucket_that_begins_at_it() -> None:
    buckets = Buckets(0.05, 100)
    for value in (0.15, 0.3, 0.35, 1.0):
        buckets.add(value, 1.0)
    assert [round(bucket.start, 6) for bucket in buckets] == [0.15, 0.3, 0.35, 1.0]


@given(st.lists(st.tuples(st.floats(-1e12, 1e12), st.floats(-5, 5)), min_size=1, max_size=60))
def test_buckets_stay_few_and_keep_the_sums(pairs: list[tuple[float, float]]) -> None:
    buckets = Buckets(0.05, 8)
    for at, value in pairs:
        buckets.add(at, value)
    for found in (list(buckets), buckets.widened(5)):
        assert len(found) <= 8
        assert sum(bucket.count for bucket in found) == len(pairs)
        assert sum(bucket.count * bucket.mean for bucket in found) == pytest.approx(sum(value for _, value in pairs))


def test_widened_buckets_have_no_gaps() -> None:
    buckets = Buckets(1.0, 10)
    buckets.add(0, 1.0)
    buckets.add(3, 1.0)
    assert [(bucket.start, bucket.count) for bucket in buckets.widened(10)] == [(0, 1), (1, 0), (2, 0), (3, 1)]
    assert Buckets(1.0, 10).widened(10) == []


def test_means_equal_those_of_the_batch() -> None:
    rows = examples()
    batch = otr.score(
        [row["response"] for row in rows], [row["reference"] for row in rows], [row["task"] for row in rows]
    )
    totals, summary = totals_of(batch), batch.summary()
    assert totals.rows == len(rows)
    for task, its in totals.tasks.items():
        for name in ("total", "accuracy", "format"):
            assert its.means[name].value == pytest.approx(summary[task][name])
        for part, mean in summary[task]["parts"].items():
            assert its.means[f"part/{part}"].value == pytest.approx(mean)
        assert sum(bucket.count for bucket in its.distribution("total")) == its.rows
        assert its.distribution("part/none") == []


def test_codes_and_curves() -> None:
    totals = Totals()
    totals.add({"task": "ocr", "total": 1.0, "global_step": 3}, ("clipped",))
    totals.add({"task": "ocr", "total": 0.0, "step": 3}, ("empty_answer",), failed=True)
    totals.add({"task": "math", "total": None, "step": "5"}, ("empty_answer",), failed=True)
    assert totals.codes == {"empty_answer": 2, "clipped": 1}
    assert [(bucket.start, bucket.mean) for bucket in totals.tasks["ocr"].curves["total"]] == [(3.0, 0.5)]
    assert totals.tasks["math"].curves == totals.tasks["math"].means == {}
    assert (totals.tasks["ocr"].failed, totals.rows) == (1, 3)


def test_reasons_are_few() -> None:
    totals = Totals()
    for index in range(10):
        totals.reject(index, "no total")
    assert totals.invalid == 10
    assert totals.reasons == [f"row {index}: no total" for index in range(5)]


def test_rows_without_a_task_are_an_error() -> None:
    assert totals_of(iter(scored(examples()[:2]))).rows == 2
    with pytest.raises(otr.ArgumentError, match="row 0: no task"):
        totals_of([{"total": 1.0}])
