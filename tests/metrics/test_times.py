"""Time proximity: golden cases, the oracle, laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics import time_proximity
from tests import oracles_numeric as oracle

inf, nan = math.inf, math.nan

seconds = st.floats(0, 100)

GOLDEN = [
    pytest.param(4, 4, 1.0, 1.0, id="same"),
    pytest.param(5, 4, 1.0, math.exp(-0.5), id="one-sigma-late"),
    pytest.param(3, 4, 1.0, math.exp(-0.5), id="one-sigma-early"),
    pytest.param(6, 4, 1.0, math.exp(-2), id="two-sigma"),
    pytest.param(6, 4, 2.0, math.exp(-0.5), id="wider"),
    pytest.param(1e9, 0, 1.0, 0.0, id="far"),
    pytest.param(1e300, 0, 1e-300, 0.0, id="overflows"),
    pytest.param(inf, 0, 1.0, 0.0, id="infinitely-far"),
    pytest.param(inf, inf, 1.0, nan, id="infinite-both"),
    pytest.param(nan, 0, 1.0, nan, id="nan-predicted"),
    pytest.param(0, nan, 1.0, nan, id="nan-reference"),
]


@pytest.mark.parametrize(("predicted", "reference", "sigma", "expected"), GOLDEN)
def test_golden(predicted: float, reference: float, sigma: float, expected: float) -> None:
    (score,) = time_proximity([predicted], [reference], sigma=sigma)
    assert score == pytest.approx(expected, rel=1e-15, abs=0, nan_ok=True)


def test_sigma_is_one_second_by_default() -> None:
    assert time_proximity([5.0], [4.0])[0] == time_proximity([5.0], [4.0], sigma=1.0)[0]


@pytest.mark.parametrize("sigma", [0.0, -1.0, nan, inf])
def test_sigma_must_be_positive_and_finite(sigma: float) -> None:
    with pytest.raises(ArgumentError, match="sigma must be positive and finite"):
        time_proximity([1.0], [1.0], sigma=sigma)


@given(seconds, seconds, st.floats(0.1, 10))
def test_agrees_with_the_oracle(predicted: float, reference: float, sigma: float) -> None:
    expected = oracle.time_proximity(predicted, reference, sigma)
    assert time_proximity([predicted], [reference], sigma=sigma)[0] == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(seconds, seconds)
def test_symmetric(predicted: float, reference: float) -> None:
    assert time_proximity([predicted], [reference])[0] == time_proximity([reference], [predicted])[0]


@given(st.lists(seconds, min_size=2, max_size=2).map(sorted))
def test_monotone_in_the_distance(distances: list[float]) -> None:
    near, far = time_proximity(distances, [0.0, 0.0])
    assert 1.0 >= near >= far >= 0.0


@given(st.integers(0, 100), st.integers(0, 100), st.integers(-1000, 1000))
def test_translation_changes_nothing(predicted: int, reference: int, shift: int) -> None:
    scores = time_proximity(np.array([predicted, predicted + shift]), np.array([reference, reference + shift]))
    assert scores[0] == scores[1]
