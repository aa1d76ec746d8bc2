"""The command ``codes``."""

from __future__ import annotations

import pytest

from onethinker_rewards.codes import FailureCode, PenaltyCode, RepairCode
from tests.cli.runs import run


def test_all_codes_are_listed_with_their_meaning() -> None:
    result = run("codes")
    assert result.exit_code == 0
    listed = " ".join(result.stdout.split())
    for code in [*FailureCode, *RepairCode, *PenaltyCode]:
        assert f"{code} {code.meaning}" in listed
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.mark.parametrize(
    ("code", "costs"),
    [
        (FailureCode.WRONG_TYPE, "accuracy, format"),
        (FailureCode.MISSING_THINK, "format"),
        (FailureCode.MATH_TIMEOUT, "accuracy"),
        (FailureCode.JUDGE_FAILED, "the total: NaN"),
        (RepairCode.CLIPPED, "nothing"),
        (RepairCode.CODE_FENCE, "format"),
        (PenaltyCode.REPETITION, "a part of the total, which the recipe sets"),
    ],
)
def test_one_code_is_explained(code: FailureCode, costs: str) -> None:
    explained = run("codes", code).stdout.splitlines()
    assert explained[:2] == [f"means    {code.meaning}", f"costs    {costs}"]
    assert "\n".join(explained[2:]) == f"example  {code.example}"


def test_an_unknown_code_is_one_line() -> None:
    assert run("codes", "wrong_typ").stderr == "Error: wrong_typ is not a code; did you mean wrong_type?\n"
    result = run("codes", "x")
    assert (result.exit_code, result.stderr) == (2, "Error: x is not a code; `codes` lists them\n")
