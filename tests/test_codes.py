"""The closed lists of codes."""

from __future__ import annotations

import json
import pickle

import pytest

from onethinker_rewards.codes import FailureCode, PenaltyCode, RepairCode

CODES = [*FailureCode, *RepairCode, *PenaltyCode]


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_its_string(code: FailureCode | RepairCode | PenaltyCode) -> None:
    """It compares, hashes, prints and is written as its value, and says what it means."""
    assert code == code.value == str(code) == f"{code}"
    assert {code.value: 1}[code] == 1
    assert json.dumps(code) == f'"{code.value}"'
    assert type(code)(code.value) is code
    assert pickle.loads(pickle.dumps(code)) is code
    assert code.value == code.name.lower()
    assert code.meaning
    assert code.example


def test_codes_are_distinct() -> None:
    assert len({code.value for code in CODES}) == len(CODES)
    assert len({code.meaning for code in CODES}) == len(CODES)


def test_there_are_no_others() -> None:
    with pytest.raises(ValueError, match="no_such_code"):
        FailureCode("no_such_code")
