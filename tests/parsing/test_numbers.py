"""Plain numbers: the grammar as a table, and against a regular expression."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards import testing
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.parsing import Limits, plain_number, without_thousands
from onethinker_rewards.testing import sound

NO = FailureCode.NOT_A_NUMBER
LONG = FailureCode.TOO_MANY_DIGITS

NAMED = {
    # Signs, points, exponents.
    "5": 5.0, "-5": -5.0, "+3": 3.0, "0": 0.0, "007": 7.0, "-0": -0.0, "3.14": 3.14, "-.5": -0.5, ".5": 0.5, "5.": 5.0,
    "+.5": 0.5, "1e3": 1000.0, "1E3": 1000.0, "1e+3": 1000.0, "1.5e-3": 0.0015, "5.e1": 50.0, ".5e1": 5.0,
    "1e308": 1e308, "1e-400": 0.0, "-1e-400": -0.0, "9007199254740993": 9007199254740992.0,
    # Commas between thousands.
    "1,234": 1234.0, "12,345": 12345.0, "123,456": 123456.0, "1,234,567": 1234567.0, "-1,234.5": -1234.5,
    "+1,234": 1234.0,
    "1,234.": 1234.0, "1,234e2": 123400.0,
    "1,5": NO, "12,34": NO, "0,123": NO,
    "012,345": NO, "1,2345": NO, "1234,567": NO, "1,,234": NO, ",123": NO, "1,234,": NO, "1,234,5": NO,
    "1.5,000": NO, "1,234.5,678": NO, ",": NO, "1,23e4": NO, "1 234": NO, "1.234,5": NO, "1e1,000": NO,
    # Not numbers.
    "": NO, "abc": NO, "12 cm": NO, "50%": NO, "$5": NO, "1_000": NO, "1__0": NO, "NaN": NO, "nan": NO, "inf": NO,
    "-inf": NO, "Infinity": NO, "1e999": NO, "-1e999": NO, "1.8e308": NO, "0x10": NO, "1e": NO, "e5": NO, "1e5.5": NO,
    ".": NO,
    "-": NO, "+": NO, "--1": NO, "+-1": NO, "- 1": NO, "1-2": NO, "1.2.3": NO, "3/4": NO, "1+1": NO, "(5)": NO,
    "5!": NO,
    " 5": NO, "5 ": NO, "5\n": NO, "5\x00": NO, "\ud800": NO, "\ufeff5": NO, "5j": NO, "1e5L": NO, "None": NO,
    "True": NO,
    # Digits of other scripts, which Python's float takes.
    "\u0663": NO, "\uff15": NO, "\u00b2": NO, "1\u0663": NO, "\u0663.5": NO, "1,\u0662\u0663\u0664": NO,
    "\u2212" + "5": NO,
    # Lengths.
    "1" * 400: NO, "0" * 399 + "7": 7.0, "0." + "1" * 398: 1 / 9, "1" * 401: LONG, "0" * 401: LONG,
    "-" + "1" * 400: LONG,
    "0." + "1" * 399: LONG, "1" + ",234" * 100: LONG, "x" * 401: NO, "12 cm" * 100: NO, "1_" * 300: NO,
    "9" * 10**6: LONG,
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [pytest.param(*case, id=ascii(case[0])[:30]) for case in NAMED.items()])
def test_grammar(text: str, expected: float | FailureCode) -> None:
    number = plain_number(text)
    if isinstance(expected, FailureCode):
        assert number is expected
    else:
        assert isinstance(number, float)
        assert number == pytest.approx(expected, rel=1e-15)
        assert math.copysign(1.0, number) == math.copysign(1.0, expected)


GRAMMAR = re.compile(
    r"[+-]?(?:(?:[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII
)


@given(text=st.one_of(st.text("0123456789,.-+eE_", max_size=12), sound.number_texts(),
                      testing.damaged(sound.number_texts())))  # fmt: skip
def test_oracle(text: str) -> None:
    number = plain_number(text)
    if GRAMMAR.fullmatch(text) and math.isfinite(float(text.replace(",", ""))):
        assert number == float(text.replace(",", ""))
    else:
        assert number is NO


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_comes_back(value: float) -> None:
    assert plain_number(repr(value)) == value


@given(value=st.integers(-(10**15), 10**15))
def test_thousands(value: int) -> None:
    assert plain_number(f"{value:,}") == value
    assert without_thousands(f"{value:,}") == str(value)


def test_without_thousands() -> None:
    assert without_thousands("12 cm") == "12 cm"
    assert without_thousands("1,2") is None


@pytest.mark.parametrize("text", ["12345", "-1234", "1,234", "1e100"])
def test_limit_is_the_last_allowed(text: str) -> None:
    assert isinstance(plain_number(text, limits=Limits(number_characters=len(text))), float)
    assert plain_number(text, limits=Limits(number_characters=len(text) - 1)) is LONG
