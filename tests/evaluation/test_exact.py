"""Means without rounding, against fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.evaluation.overlaps import ExactMean

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(numbers=st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=20))
def test_the_mean_is_rounded_once(numbers: list[float]) -> None:
    mean = ExactMean()
    mean.add(numbers)
    assert mean.value == float(sum(map(Fraction, numbers)) / len(numbers))


@given(numbers=st.lists(finite, max_size=20), cut=st.integers(0, 20), seed=st.randoms())
def test_order_and_batches_do_not_matter(numbers: list[float], cut: int, seed: Any) -> None:
    whole, first, second = ExactMean(), ExactMean(), ExactMean()
    whole.add(numbers)
    seed.shuffle(numbers)
    first.add(numbers[:cut])
    second.add(numbers[cut:])
    first.merge(second)
    assert first == whole


def test_a_mean_that_floats_get_wrong() -> None:
    mean = ExactMean()
    mean.add([1e300, 1.0, -1e300, 5e-324])
    assert mean.value == 0.25
