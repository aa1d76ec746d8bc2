"""Answers that models wrote, and what each is worth: a reward, a code, or a warning about many of its kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from tests.rewards.cases import wrap

Case = dict[str, Any]
CASES: list[Case] = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "answers" / "structured_cases.jsonl").read_text("utf-8").splitlines()
]
# What is said of many rows in which the numbers are off as in this one; one row alone shows nothing.
WARNINGS = {
    "D07": "the answers look like 0…1, not like thousandths: in 20 rows of 20",
    "D09": "the answers look like per cent, not like thousandths: in 20 rows of 20",
    "D10": "the answers look like pixels, not like thousandths: in 20 rows of 20",
    "G23": "the times of the answers look like fractions of the clip, not like seconds: in 20 rows of 20",
}
OF_SCALE = [case for case in CASES if case["id"] in WARNINGS]


def case_id(case: Case) -> str:
    return f"{case['id']}-{case['rules']}"


def meets(batch: otr.RewardBatch, expected: float | str) -> bool:
    """Return whether the one row of a batch is as expected: a raw accuracy, a code, or little without a code."""
    if isinstance(expected, str) and expected.startswith("F:"):
        return batch.failure[0] is not None and expected[2:] in ("*", batch.failure[0])
    if isinstance(expected, str):
        most = {"0 with a warning": 0.0, "low, silently": 0.2}[expected]
        return batch.failure[0] is None and batch.format[0] == 1.0 and batch.accuracy[0] <= most
    return batch.failure[0] is None and batch.accuracy[0] == pytest.approx(expected)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_every_expectation_is_met(case: Case) -> None:
    """Where a case has several, any of them will do."""
    several = case["expected"] if isinstance(case["expected"], list) else [case["expected"]]
    batch = otr.score([case["response"]], [case["reference"]], case["task"], recipe=otr.Recipe(rules=case["rules"]))
    assert any(meets(batch, expected) for expected in several), (batch.failure[0], batch.accuracy[0])
    assert not [warning for warning in batch.warnings() if "look like" in warning]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_validate_says_the_same(case: Case) -> None:
    parsed = otr.parse(case["response"], case["task"], rules=case["rules"])
    found = otr.validate([case["response"]], case["task"], rules=case["rules"])
    assert [row["code"] for row in found.rows] == ([] if parsed.failure is None else [parsed.failure])
    assert all(row["message"] for row in found.rows)
    checked = otr.validate([case["reference"]], case["task"], part="reference")
    assert checked.rows == []


def test_all_that_expect_a_warning_are_there() -> None:
    expecting = {case["id"] for case in CASES if "0 with a warning" in str(case["expected"])}
    assert expecting | {"D10"} == WARNINGS.keys()


@pytest.mark.parametrize("case", OF_SCALE, ids=case_id)
def test_many_of_a_kind_give_the_warning(case: Case) -> None:
    """References moved a little each, and answers that are off by the factors of the case."""
    said, right = numbers_of(case["response"].partition("<answer>")[2].removesuffix("</answer>"))
    key, reference = numbers_of(case["reference"])
    assert said == key
    factors = [number / true for number, true in zip(right, reference, strict=True)]
    by = [reference[0] / 5 * (1 + 0.4 * (index % 2)) for index in range(len(reference))]
    moved = [[number + step * shift for number, shift in zip(reference, by, strict=True)] for step in range(20)]
    answers = [[number * factor for number, factor in zip(numbers, factors, strict=True)] for numbers in moved]
    batch = otr.score(
        [wrap(json.dumps({key: numbers})) for numbers in answers],
        [{key: numbers} for numbers in moved],
        case["task"],
        recipe=otr.Recipe(rules=case["rules"]),
    )
    assert batch.format.tolist() == [1.0] * 20
    (warning,) = batch.warnings()
    assert WARNINGS[case["id"]] in warning


def numbers_of(text: str) -> tuple[str, list[float]]:
    """Return the one key of an object, and the numbers under it."""
    ((key, numbers),) = json.loads(text).items()
    return key, numbers
