"""The rules of equality, with and without algebra behind them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onethinker_rewards.metrics import compare_math
from onethinker_rewards.metrics.math import algebra, equality
from tests.metrics.test_math_compare import Nobody

numbers = st.one_of(
    st.integers(-30, 30).map(str),
    st.tuples(st.integers(-9, 9), st.integers(1, 9)).map(lambda ab: rf"\frac{{{ab[0]}}}{{{ab[1]}}}"),
    st.tuples(st.integers(-9, 9), st.integers(1, 9)).map(lambda ab: f"{ab[0]}/{ab[1]}"),
    st.decimals(-9, 9, places=2).map(str),
    st.sampled_from(["0.333333", "0.666667", "-0.142857", "1e2", "25%", r"2^{-2}", "1 1/2", r"0.\overline{3}"]),
)
shapes = st.sampled_from(
    ["{}", "x={}", "{} cm", r"\{{{}, 1\}}", "({}, 2)", "${}$", r"\boxed{{{}}}", "{} or 1", "[{}, 7)"]
)
answers = st.tuples(shapes, numbers).map(lambda filled: filled[0].format(filled[1]))


@given(answers, answers)
@settings(max_examples=300)
def test_the_result_does_not_depend_on_the_path(predicted: str, reference: str) -> None:
    (cheap,) = compare_math([predicted], [reference], pool=Nobody())
    with pytest.MonkeyPatch.context() as patched:
        # All numbers go through sympy instead of fractions.
        patched.setattr(equality, "_is_equal_value", lambda left, right, answer: answer("equal", left, right))
        assert algebra.verdict(predicted, reference) == cheap
    assert algebra.verdict(predicted, reference) == cheap


@given(answers, answers)
def test_symmetric_among_plain_answers(predicted: str, reference: str) -> None:
    forwards, backwards = compare_math([predicted, reference], [reference, predicted], pool=Nobody())
    # Only a name or a unit is asked of one side and not of the other.
    if "=" not in predicted + reference:
        assert forwards == backwards
