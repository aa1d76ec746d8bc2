"""Mean relative accuracy: golden cases at each tolerance, the exact oracle, laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.metrics import relative_accuracy
from tests import oracles_numeric as oracle

inf, nan = math.inf, math.nan

quarters = st.integers(-4000, 4000).map(lambda quarter: quarter / 4)

GOLDEN = [
    pytest.param(100, 100, 1.0, id="exact"),
    pytest.param(104, 100, 1.0, id="below-5-percent"),
    pytest.param(105, 100, 0.9, id="5-percent-is-not-below-5"),
    pytest.param(95, 100, 0.9, id="5-percent-under"),
    pytest.param(112, 100, 0.8, id="12-percent"),
    pytest.param(149, 100, 0.1, id="below-50-percent"),
    pytest.param(150, 100, 0.0, id="50-percent"),
    pytest.param(51, 100, 0.1, id="below-50-percent-under"),
    pytest.param(1e6, 100, 0.0, id="far"),
    pytest.param(-100, 100, 0.0, id="opposite-sign"),
    pytest.param(-104, -100, 1.0, id="negative-reference"),
    pytest.param(-105, -100, 0.9, id="negative-reference-at-5-percent"),
    pytest.param(0, 0, 1.0, id="zero"),
    pytest.param(-0.0, 0.0, 1.0, id="negative-zero"),
    pytest.param(0.001, 0, 0.0, id="zero-missed"),
    pytest.param(0, 100, 0.0, id="zero-predicted"),
    pytest.param(1e306, 1.01e306, 1.0, id="huge"),
    pytest.param(5e-324, 5e-324, 1.0, id="smallest"),
    pytest.param(nan, 1, nan, id="nan-predicted"),
    pytest.param(1, nan, nan, id="nan-reference"),
    pytest.param(nan, 0, nan, id="nan-beside-zero"),
    pytest.param(inf, 1, 0.0, id="infinite-predicted"),
    pytest.param(1, inf, 0.0, id="infinite-reference"),
    pytest.param(inf, inf, nan, id="infinite-both"),
    pytest.param(-inf, inf, 0.0, id="infinite-opposite"),
]


@pytest.mark.parametrize(("predicted", "reference", "expected"), GOLDEN)
def test_golden(predicted: float, reference: float, expected: float) -> None:
    (score,) = relative_accuracy([predicted], [reference])
    assert score == pytest.approx(expected, abs=1e-15, nan_ok=True)


@given(quarters, quarters)
def test_agrees_with_the_oracle(predicted: float, reference: float) -> None:
    assert relative_accuracy([predicted], [reference])[0] == oracle.relative_accuracy(predicted, reference)


@given(st.integers(1, 200), st.integers(0, 10))
def test_agrees_with_the_oracle_at_each_tolerance(twentieth: int, step: int) -> None:
    reference, predicted = 20 * twentieth, (20 + step) * twentieth
    assert relative_accuracy([predicted], [reference])[0] == oracle.relative_accuracy(predicted, reference)
    assert relative_accuracy([predicted], [reference])[0] == min(10 - step, 10) / 10 if step else 1.0


@given(quarters, quarters, st.integers(-30, 30))
def test_scaling_changes_nothing(predicted: float, reference: float, power: int) -> None:
    scale = 2.0**power
    first, second = relative_accuracy([predicted, predicted * scale], [reference, reference * scale])
    assert first == second


@given(quarters, quarters)
def test_turning_both_signs_changes_nothing(predicted: float, reference: float) -> None:
    first, second = relative_accuracy([predicted, -predicted], [reference, -reference])
    assert first == second


@given(quarters, st.lists(st.integers(0, 4000), min_size=2, max_size=2).map(sorted))
def test_monotone_in_the_error(reference: float, errors: list[int]) -> None:
    near, far = relative_accuracy([reference + error / 4 for error in errors], [reference, reference])
    assert near >= far


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_bounded_in_tenths(predicted: float, reference: float) -> None:
    (score,) = relative_accuracy([predicted], [reference])
    assert score in np.arange(11) / 10
