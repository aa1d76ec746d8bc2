"""Accuracy and MRA of answers in text: each rule by hand, oracles, exact merging, what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.errors import ArgumentError, BadReferenceError, UnknownTaskError
from onethinker_rewards.evaluation import AnswerTotals, relative_accuracy
from tests.evaluation.totals import assert_mergeable, assert_options_must_agree


def answered(answer: str) -> str:
    return f"<think>So it is.</think><answer>{answer}</answer>"


def scored(rules: Any, response: str, reference: str, task: str, options: Any = None) -> float:
    totals = AnswerTotals(rules=rules)
    totals.update([response], [reference], task, options=[options])
    return totals.result().accuracy


CASES = [
    pytest.param("paper", "A", "A", "multiple_choice", 0.0, id="paper: without tags"),
    pytest.param("paper", answered("A"), "A", "multiple_choice", 1.0, id="paper: a letter"),
    pytest.param("paper", answered("22"), "20", "regression", 0.8, id="paper: MRA"),
    pytest.param("release", answered("Apple"), "A", "multiple_choice", 1.0, id="release: first character"),
    pytest.param("release", answered("(A)"), "A", "multiple_choice", 0.0, id="release: a bracket"),
    pytest.param("release", "a dog", "<answer>A</answer>", "multiple choice", 1.0, id="release: whole response"),
    pytest.param("release", "", "", "multiple_choice", 1.0, id="release: nothing for nothing"),
    pytest.param("release", "?", "?", "multiple_choice", 0.0, id="release: no letter"),
    pytest.param("release", "0.004", "0", "numerical", 1.0, id="release: two decimals"),
    pytest.param("release", "1e999", "1e999", "numerical", 1.0, id="release: infinity"),
    pytest.param("release", "12 cm", "12", "numerical", 0.0, id="release: a unit"),
    pytest.param("release", answered("21"), "20", "regression", 1.0, id="release: MRA at 5 %"),
    pytest.param("release", answered("0"), "0", "regression", 0.0, id="release: MRA of 0"),
    pytest.param("release", answered("$\\frac{1}{2}$"), "$0.5$", "math", 1.0, id="release: mathematics"),
    pytest.param("release", answered("x"), "$0.5$", "math", 0.0, id="release: other mathematics"),
    pytest.param("release", answered("a cat"), "a dog", "OCR", 0.5, id="release: words"),
    pytest.param("release", answered("a b c d"), "a", "ocr", 0.0, id="release: more wrong words than words"),
    pytest.param("release", answered("a cat"), "a cat", "open-ended", 1.0, id="release: ROUGE"),
    pytest.param("vsi-bench", answered("b. left"), "B", "multiple_choice", 1.0, id="vsi-bench: first word"),
    pytest.param("vsi-bench", "(B)", "B", "multiple_choice", 0.0, id="vsi-bench: a bracket"),
    pytest.param("vsi-bench", "<think>4</think>22", "20", "regression", 0.9, id="vsi-bench: MRA, after the thinking"),
    pytest.param("vsi-bench", "two", "2", "regression", 0.0, id="vsi-bench: a word"),
]


@pytest.mark.parametrize(("rules", "response", "reference", "task", "expected"), CASES)
def test_score_of_one_answer(rules: Any, response: str, reference: str, task: str, expected: float) -> None:
    assert scored(rules, response, reference, task) == pytest.approx(expected, abs=1e-12)


WITH_OPTIONS = [
    pytest.param("mmmu", answered("It must be (B)"), "B", ["red", "blue"], 1.0, id="mmmu: letter"),
    pytest.param("mmmu", answered("blue"), "B", ["red", "blue"], 0.0, id="mmmu: no guess"),
    pytest.param("mmmu", answered("It is 12.50 dollars"), "12.5", None, 1.0, id="mmmu: open"),
    pytest.param("mathvista", answered("(B)"), "B", ["red", "blue"], 1.0, id="mathvista: letter of the reference"),
    pytest.param("mathvista", answered("blau"), "blue", ["red", "blue"], 1.0, id="mathvista: nearest"),
    pytest.param("mathvista", answered(""), "red", ["red", "blue"], 0.0, id="mathvista: nothing is wrong"),
    pytest.param("mathvista", answered("3.9"), "3", None, 1.0, id="mathvista: integer"),
    pytest.param("mathvista", answered("1.4551"), "1.46", None, 1.0, id="mathvista: decimals of the reference"),
    pytest.param("mathvista", answered("none"), "1.46", None, 0.0, id="mathvista: no number"),
    pytest.param("mathvista", answered("cat"), "cat", None, 1.0, id="mathvista: text"),
]


@pytest.mark.parametrize(("rules", "response", "reference", "options", "expected"), WITH_OPTIONS)
def test_score_with_options(rules: Any, response: str, reference: str, options: Any, expected: float) -> None:
    assert scored(rules, response, reference, "multiple_choice", options) == expected


def test_why_answers_could_not_be_read() -> None:
    totals = AnswerTotals()
    totals.update(["B", answered("B"), answered("12 cm")], ["B", "B", "12"], ["multiple_choice"] * 2 + ["numerical"])
    assert totals.result().unreadable == {"missing_answer": 1, "not_a_number": 1}
    for rules, reference, task, options, code in [
        ("release", "1", "numerical", None, "not_a_number"),
        ("vsi-bench", "1", "regression", None, "not_a_number"),
        ("mmmu", "A", "multiple_choice", ["red", "blue"], "no_option_letter"),
        ("mathvista", "1", "numerical", None, "not_a_number"),
    ]:
        totals = AnswerTotals(rules=rules)
        totals.update([answered("x")], [reference], task, options=[options])
        assert totals.result().unreadable == {code: 1}


def test_strict_and_lenient_in_two_columns() -> None:
    totals = AnswerTotals()
    totals.update([answered("12 cm"), answered("12")], ["12", "12"], "numerical")
    assert totals.result().to_dict() == {"accuracy": 0.5, "lenient accuracy": 1.0}
    release = AnswerTotals(rules="release")
    release.update([answered("12 cm"), answered("12")], ["12", "12"], "numerical")
    assert release.result().to_dict() == {"accuracy": 0.5}


def test_types_of_questions() -> None:
    """Three levels of direction are one type, and types weigh alike."""
    types = ["object_rel_direction_easy", "object_rel_direction_hard", "object_counting", "object_counting"]
    tasks = ["multiple_choice"] * 2 + ["regression"] * 2
    totals = AnswerTotals(rules="vsi-bench")
    totals.update(["A", "B", "5", "5"], ["A", "A", "5", "5"], tasks, types=types)
    result = totals.result()
    assert result.types == {types[0]: 1.0, types[1]: 0.0, types[2]: 1.0}
    assert (result.accuracy, result.mean_of_types) == (0.75, 0.75)
    others = AnswerTotals(rules="vsi-bench")
    others.update(["A", "B"], ["A", "A"], "multiple_choice", types=["route", "order"])
    assert others.result().mean_of_types == 0.5


RELATIVE = [
    pytest.param(20, 20, (1.0, 1.0, 1.0), id="equal"),
    pytest.param(21, 20, (0.9, 1.0, 1.0), id="5 %"),
    pytest.param(22, 20, (0.8, 0.8, 0.9), id="10 %"),
    pytest.param(30, 20, (0.0, 0.0, 0.1), id="50 %"),
    pytest.param(5, 4, (0.5, 0.5, 0.6), id="25 %"),
    pytest.param(32, 20, (0.0, 0.0, 0.0), id="60 %"),
    pytest.param(-20, -20, (1.0, 1.0, 1.0), id="negative"),
    pytest.param(0, 0, (1.0, 0.0, 1.0), id="0 for 0"),
    pytest.param(1, 0, (0.0, 0.0, 0.0), id="1 for 0"),
    pytest.param(1e-13, 1e-13, (1.0, 0.0, 1.0), id="hardly more than 0"),
    pytest.param(float("inf"), 20, (0.0, 0.0, 0.0), id="infinite"),
]


@pytest.mark.parametrize(("predicted", "reference", "expected"), RELATIVE)
def test_relative_accuracy(predicted: float, reference: float, expected: tuple[float, ...]) -> None:
    found = [relative_accuracy([predicted], [reference], rules).item() for rules in ("paper", "release", "vsi-bench")]
    assert tuple(found) == pytest.approx(expected, abs=1e-12)


@given(st.integers(-100, 100), st.integers(1, 100), st.sampled_from(["paper", "release", "vsi-bench"]))
def test_relative_accuracy_is_the_textbook_where_no_tolerance_is_met(
    predicted: int, reference: int, rules: Any
) -> None:
    error = Fraction(abs(predicted - reference), reference)
    found = relative_accuracy([predicted], [reference], rules).item()
    expected = [sum(error < Fraction(k, 20) for k in range(1, 11)), sum(error <= Fraction(k, 20) for k in range(1, 11))]
    assert expected[0] / 10 - 1e-12 <= found <= expected[1] / 10 + 1e-12


rows = st.lists(
    st.tuples(
        st.sampled_from([answered("A"), answered("(B)"), "B", answered("12"), answered("12 cm"), ""]),
        st.sampled_from([("A", "multiple_choice"), ("12", "numerical"), ("11", "regression")]),
        st.sampled_from([None, "easy", "hard"]),
    ),
    max_size=6,
)


def totals_of(part: Any, rules: Any) -> AnswerTotals:
    totals = AnswerTotals(rules=rules)
    responses, pairs, types = ([row[side] for row in part] for side in range(3))
    totals.update(responses, [reference for reference, _ in pairs], [task for _, task in pairs], types=types)
    return totals


@given(part=rows, cut=st.integers(0, 6), order=st.randoms(), rules=st.sampled_from(["paper", "release", "vsi-bench"]))
def test_batches_order_and_processes_do_not_matter(part: Any, cut: int, order: Any, rules: Any) -> None:
    assert_mergeable(lambda some: totals_of(some, rules), part, cut, order)


@given(part=rows.filter(bool))
def test_paper_rules_are_the_rewards(part: Any) -> None:
    responses, references, tasks = [row[0] for row in part], [row[1][0] for row in part], [row[1][1] for row in part]
    result = totals_of(part, "paper").result()
    assert result.accuracy == pytest.approx(otr.score(responses, references, tasks).accuracy.mean(), abs=1e-12)
    lenient = otr.score(responses, references, tasks, recipe="lenient").accuracy.mean()
    assert result.lenient == pytest.approx(lenient, abs=1e-12)


BAD = [
    pytest.param((["A"], [], "multiple_choice"), {}, ArgumentError, "references has 0 rows", id="references"),
    pytest.param((["A"], ["A"], ["ocr"] * 2), {}, ArgumentError, "tasks has 2 rows", id="tasks"),
    pytest.param((["A"], ["A"], "ocr"), {"options": []}, ArgumentError, "options has 0 rows", id="options"),
    pytest.param((["A"], ["A"], "ocr"), {"types": []}, ArgumentError, "types has 0 rows", id="types"),
    pytest.param((["A"], ["A"], "tracking"), {}, ArgumentError, "tracking has no answer in text", id="boxes"),
    pytest.param((["A"], ["A"], "chess"), {}, UnknownTaskError, "chess", id="unknown task"),
    pytest.param((["1"], ["x"], "numerical"), {}, BadReferenceError, "unreadable reference", id="reference"),
]


@pytest.mark.parametrize(("columns", "options", "error", "message"), BAD)
def test_mistakes_are_named_and_nothing_is_counted(columns: Any, options: Any, error: Any, message: str) -> None:
    totals = AnswerTotals()
    with pytest.raises(error, match=message):
        totals.update(*columns, **options)
    assert totals == AnswerTotals()


def test_rules_must_agree_and_have_a_name() -> None:
    assert_options_must_agree(AnswerTotals(), AnswerTotals(rules="mmmu"), "rules='paper' and rules='mmmu'")
    with pytest.raises(ArgumentError, match="rules is one of paper, release, vsi-bench, mmmu, mathvista"):
        AnswerTotals(rules="official")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="rules is one of paper, release, vsi-bench"):
        relative_accuracy([1], [1], "mmmu")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="1 numbers and 2 references"):
        relative_accuracy([1], [1, 2], "release")
    with pytest.raises(ArgumentError, match="no answer was counted"):
        AnswerTotals().result()
