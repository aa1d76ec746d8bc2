"""The exact values of trees of numbers."""

from __future__ import annotations

from fractions import Fraction

import pytest

from onethinker_rewards.metrics.math.parser import parse
from onethinker_rewards.metrics.math.tree import rational


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("0^{0}", None, id="zero to the power zero"),
        pytest.param("0^{-1}", None, id="zero to a negative power"),
        pytest.param("2^{-2}", Fraction(1, 4), id="negative power"),
        pytest.param("2^{1/2}", None, id="root"),
        pytest.param("2^{2000}", None, id="large exponent"),
        pytest.param(r"(10^{1000})^{1000}", None, id="large power"),
        pytest.param("1/0", None, id="division by zero"),
        pytest.param("+".join(["10^{999}"] * 20), None, id="too many digits in all"),
        pytest.param("1e9999", None, id="large exponent of a decimal"),
        pytest.param("-(1/2)", Fraction(-1, 2), id="negative"),
    ],
)
def test_rational(text: str, value: Fraction | None) -> None:
    assert rational(parse(text)) == value
