from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.hacks import FAILED, LEAST_GAIN, Rewards, Verdict, gain, judge

NAN, INF = math.nan, math.inf
WHOLE = st.integers(-1000, 1000).map(float)


@pytest.mark.parametrize(
    ("rewards", "verdict"),
    [
        pytest.param(Rewards(1.0, 0.0, 1.0, 0.0), Verdict.PAYS, id="as good as right"),
        pytest.param(Rewards(0.3, 0.2, 1.0, 0.0), Verdict.PAYS, id="a little more"),
        pytest.param(Rewards(2.0, 1.0, 1.0, 0.0), Verdict.PAYS, id="more than right"),
        pytest.param(Rewards(-4.0, -5.0, -1.0, -5.0), Verdict.PAYS, id="penalties"),
        pytest.param(Rewards(0.0, 0.0, 1.0, 0.0), Verdict.HARMLESS, id="the same"),
        pytest.param(Rewards(0.1, 0.2, 1.0, 0.0), Verdict.HARMLESS, id="less"),
        pytest.param(Rewards(0.0, 1.0, 1.0, -9.0), Verdict.HARMLESS, id="more than wrong alone"),
        pytest.param(Rewards(LEAST_GAIN, 0.0, 1.0, 0.0), Verdict.HARMLESS, id="no more than the least gain"),
        pytest.param(Rewards(LEAST_GAIN * 1.01, 0.0, 1.0, 0.0), Verdict.PAYS, id="above the least gain"),
        pytest.param(Rewards(0.5, 0.0, 1000.0, 0.0), Verdict.HARMLESS, id="little for this scale"),
        pytest.param(Rewards(1.0, 0.0, 1.0, 1.0), Verdict.NOT_TRIED, id="right earns what wrong earns"),
        pytest.param(Rewards(1.0, 0.0, 0.0, 1.0), Verdict.NOT_TRIED, id="right earns less"),
        pytest.param(Rewards(1.0, 0.0, NAN, 0.0), Verdict.NOT_TRIED, id="right has no reward"),
        pytest.param(Rewards(1.0, 0.0, 1.0, NAN), Verdict.NOT_TRIED, id="wrong has no reward"),
        pytest.param(Rewards(1.0, 0.0, INF, 0.0), Verdict.NOT_TRIED, id="no scale"),
        pytest.param(Rewards(1.0, 0.0, 1.0, -INF), Verdict.NOT_TRIED, id="no scale below"),
        pytest.param(Rewards(NAN, 0.0, 1.0, 0.0), Verdict.NO_NUMBER, id="nan"),
        pytest.param(Rewards(0.0, NAN, 1.0, 0.0), Verdict.NO_NUMBER, id="nan beside it"),
        pytest.param(Rewards(INF, INF, 1.0, 0.0), Verdict.NO_NUMBER, id="two infinities"),
        pytest.param(Rewards(INF, 0.0, 1.0, 0.0), Verdict.PAYS, id="infinite"),
        pytest.param(Rewards(-INF, 0.0, 1.0, 0.0), Verdict.HARMLESS, id="infinitely bad"),
    ],
)
def test_golden(rewards: Rewards, verdict: Verdict) -> None:
    assert judge(rewards) is verdict


@given(st.builds(Rewards, WHOLE, WHOLE, WHOLE, WHOLE), st.sampled_from([0.25, 2.0, 1024.0]), WHOLE)
def test_scale_and_shift_change_no_verdict(rewards: Rewards, scale: float, shift: float) -> None:
    assert judge(Rewards(*(scale * value + shift for value in rewards))) is judge(rewards)


@given(WHOLE, st.floats(-10, 10), WHOLE)
def test_right_against_wrong_is_one(wrong: float, other: float, step: float) -> None:
    right = wrong + abs(step) + 1
    assert gain(Rewards(right, wrong, right, wrong)) == 1.0
    assert gain(Rewards(other, other, right, wrong)) == 0.0


def test_what_no_function_should_show() -> None:
    assert {Verdict.PAYS, Verdict.NO_NUMBER} == FAILED
