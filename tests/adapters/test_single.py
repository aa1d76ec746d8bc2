"""Calls of one row, and totals where no reward may be missing."""

from __future__ import annotations

import math
import pickle

import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import RowScorer
from onethinker_rewards.adapters.gather import gather_calls, whole_totals


def test_calls_are_answered_each_with_its_own_row() -> None:
    gather = gather_calls(RowScorer())
    rows = [{"task": "numerical", "reference": str(number)} for number in range(3)]
    calls = [gather.submit((f"<think>a</think><answer>{number}</answer>", row)) for number, row in enumerate(rows)]
    assert [call.result()["total"] for call in calls] == [2.0, 2.0, 2.0]


def test_a_bad_reference_costs_its_caller_alone() -> None:
    gather = gather_calls(RowScorer())
    good = gather.submit(("<answer>1</answer>", {"task": "numerical", "reference": "1"}))
    bad = gather.submit(("<answer>1</answer>", {"task": "numerical", "reference": "one"}))
    assert good.result()["accuracy"] == 1.0
    with pytest.raises(otr.BadReferenceError):
        bad.result()


def test_pickles() -> None:
    gather = pickle.loads(pickle.dumps(gather_calls(RowScorer(recipe="release"))))
    row = gather.submit(("<answer>1</answer>", {"task": "numerical", "reference": "1"})).result()
    assert row["total"] == pytest.approx(0.9)


def test_totals_are_numbers() -> None:
    assert whole_totals([{"total": 2}, {"total": 0.5}]) == [2.0, 0.5]
    assert whole_totals([]) == []


@pytest.mark.parametrize(
    ("missing", "named"), [((1,), "row 1,"), (range(7), "row 0, 1, 2, 3, 4 and 2 more,")], ids=["one", "many"]
)
def test_a_missing_total_is_an_error_that_names_its_rows(missing: range, named: str) -> None:
    rows = [{"total": math.nan if place in missing else 1.0} for place in range(9)]
    with pytest.raises(otr.JudgeError, match=named):
        whole_totals(rows)
