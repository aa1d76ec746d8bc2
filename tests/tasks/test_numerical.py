"""Numbers: rounding to the reference's decimals, exactly, however close to the middle."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onethinker_rewards as otr
from tests.rewards.cases import wrap


def right(answer: str, reference: str) -> bool:
    return bool(otr.score([wrap(answer)], [reference], "numerical").accuracy[0] == 1.0)


def oracle(answer: str, reference: str) -> bool:
    """Return what the rule says, in Decimal alone."""
    with localcontext(prec=2000, rounding=ROUND_HALF_EVEN):
        decimals = max(2, -int(Decimal(reference).as_tuple().exponent))
        step = Decimal(10) ** -min(decimals, 400)
        return Decimal(answer).quantize(step) == Decimal(reference).quantize(step)


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        pytest.param("3.14159", "3.14", True, id="rounds to the reference"),
        pytest.param("3.145", "3.14", True, id="half to even, down"),
        pytest.param("3.155", "3.16", True, id="half to even, up"),
        pytest.param("3.145", "3.15", False, id="half to even, not up"),
        pytest.param("3.1450000000000000001", "3.15", True, id="more than half by less than a double can tell"),
        pytest.param("3.1449999999999999999", "3.14", True, id="less than half by less than a double can tell"),
        pytest.param("80", "80.0", True, id="two decimals at least"),
        pytest.param("80.004", "80", True, id="less than half a hundredth"),
        pytest.param("80.006", "80", False, id="more than half a hundredth"),
        pytest.param("0.12345", "0.12344", False, id="as many decimals as the reference has"),
        pytest.param("0.123444", "0.12344", True, id="rounds to five decimals"),
        pytest.param("1.234500001", "1.234", False, id="just past the middle"),
        pytest.param("1.234499999", "1.234", True, id="just before the middle"),
        pytest.param("1e-3", "0.001", True, id="exponent"),
        pytest.param("0.0014", "1e-3", True, id="decimals of an exponent"),
        pytest.param("0.0016", "1e-3", False, id="decimals of an exponent, too far"),
        pytest.param("-0", "0", True, id="negative zero"),
        pytest.param("-0.004", "0.004", False, id="sign"),
        pytest.param("1e300", "1e300", True, id="huge"),
        pytest.param("1e300", "1.0000000000000001e300", False, id="huge, not the same"),
        pytest.param("9007199254740993", "9007199254740992", False, id="beyond the whole numbers of a double"),
        pytest.param("0", "1e-5000", True, id="a reference that is 0 to any decimal that counts"),
        pytest.param("0e99999999999999999999", "0", True, id="an exponent beyond Decimal"),
        pytest.param("0.004", "0e99999999999999999999", True, id="a reference with an exponent beyond Decimal"),
        pytest.param("1e-99999999999999999999", "0", True, id="a tiny number beyond Decimal"),
    ],
)
def test_rounding(answer: str, reference: str, expected: bool) -> None:
    assert right(answer, reference) is expected


decimals = st.decimals(-1000, 1000, places=3) | st.decimals(-10, 10, places=6) | st.integers(-999, 999).map(Decimal)


@settings(max_examples=500)
@given(reference=decimals, steps=st.integers(-3, 3), tiny=st.sampled_from(["0", "1e-15", "-1e-15", "1e-9"]))
def test_the_fast_way_equals_decimal_around_the_middle(reference: Decimal, steps: int, tiny: str) -> None:
    places = max(2, -int(reference.as_tuple().exponent))
    answer = reference + steps * Decimal(5).scaleb(-places - 1) + Decimal(tiny)
    assert right(f"{answer:f}", f"{reference:f}") is oracle(f"{answer:f}", f"{reference:f}")


@given(answer=decimals, reference=decimals)
def test_the_fast_way_equals_decimal_anywhere(answer: Decimal, reference: Decimal) -> None:
    assert right(f"{answer:f}", f"{reference:f}") is oracle(f"{answer:f}", f"{reference:f}")
