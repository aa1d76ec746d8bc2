"""What callers hand over: columns of tables, misspelt choices, things that are no lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards.tasks.release import RELEASE_TASKS
from tests.rewards.cases import ANSWERS, REFERENCES, wrap

pa = pytest.importorskip("pyarrow")

OPTIONS = [["dog", "cat"], ["cat", "dog"], ["bird", "ant"]]


class Labeled:
    """A column as tables have them after they were sorted: rows go by labels, not by position."""

    def __init__(self, values: list[Any], labels: list[int]) -> None:
        self._values = dict(zip(labels, values, strict=True))

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Any:
        return iter(self._values.values())

    def __getitem__(self, label: int) -> Any:
        return self._values[label]


@pytest.mark.parametrize("labels", [[2, 0, 1], [5, 6, 9]])
def test_columns_go_by_place(labels: list[int]) -> None:
    responses, references = [wrap("dog"), wrap("dog"), wrap("1")], ["A", "B", "1"]
    tasks = ["multiple_choice", "multiple_choice", "numerical"]
    options = Labeled(OPTIONS, labels)
    assert otr.score(responses, references, tasks, options=options).total.tolist() == [2.0] * 3  # type: ignore[arg-type]


def test_a_judge_gets_the_questions_of_its_rows() -> None:
    asked: list[Any] = []

    def judge(questions: Any, answers: Any, references: Any) -> list[float]:
        asked.extend(zip(questions, answers, strict=True))
        return [1.0] * len(answers)

    questions = Labeled(["q0", "q1", "q2"], [1, 2, 0])
    responses, tasks = [wrap("a"), wrap("7"), wrap("c")], ["open_ended", "numerical", "open_ended"]
    with otr.Scorer(judge=judge) as scorer:
        scorer.score(responses, ["a", "7", "c"], tasks, questions=questions)  # type: ignore[arg-type]
    assert asked == [("q0", "a"), ("q2", "c")]


@pytest.mark.parametrize(
    "listed",
    [
        pytest.param(tuple, id="tuple"),
        pytest.param(iter, id="iterator"),
        pytest.param(np.array, id="array of str"),
        pytest.param(lambda values: np.array(values, dtype=object), id="array of objects"),
        pytest.param(pa.array, id="pyarrow"),
        pytest.param(lambda values: pa.chunked_array([values[:1], values[1:]]), id="pyarrow, chunked"),
    ],
)
def test_every_kind_of_column(listed: Callable[[list[str]], Any]) -> None:
    responses, references = [wrap('{"time": [1, 2]}'), wrap("7")], ['{"time": [1, 2]}', "7"]
    tasks = ["temporal_grounding", "numerical"]
    batch = otr.score(listed(responses), listed(references), listed(tasks))
    assert batch.total.tolist() == [2.0, 2.0]
    assert batch.tasks == tasks


@pytest.mark.parametrize(
    "options",
    [
        pytest.param([np.array(texts, dtype=object) for texts in OPTIONS], id="arrays"),
        pytest.param(np.array(OPTIONS), id="one array"),
        pytest.param(pa.array(OPTIONS), id="pyarrow"),
        pytest.param(tuple(map(tuple, OPTIONS)), id="tuples"),
    ],
)
def test_every_kind_of_options(options: Any) -> None:
    responses, references = [wrap("dog"), wrap("dog"), wrap("A")], ["A", "B", "A"]
    assert otr.score(responses, references, "multiple_choice", options=options).accuracy.tolist() == [1.0] * 3


def test_a_prompt_takes_an_array_of_options() -> None:
    question = ("multiple_choice", "What is it?")
    assert otr.prompt(*question, np.array(["dog", "cat"])) == otr.prompt(*question, ["dog", "cat"])  # type: ignore[arg-type]


@pytest.mark.parametrize("none", [None, float("nan")])
def test_rows_without_options(none: Any) -> None:
    batch = otr.score([wrap("A"), wrap("dog")], ["A", "A"], "multiple_choice", options=[none, OPTIONS[0]])
    assert batch.accuracy.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "wrong", ["dog", b"dog", {"A": "dog"}, {"dog", "cat"}, frozenset({"dog"}), [1, 2], 7, ["dog", None]]
)
def test_options_that_are_no_list_of_texts(wrong: Any) -> None:
    with pytest.raises(otr.ArgumentError, match=r"options: expected a list of str, got .* in row 1$"):
        otr.score([wrap("A")] * 2, ["A"] * 2, "multiple_choice", options=[None, wrong])
    with pytest.raises(otr.ArgumentError, match=r"options: expected a list of str, got [^ ]*"):
        otr.prompt("multiple_choice", "What is it?", wrong)


TOO_MANY = [f"option {index}" for index in range(27)]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: otr.score([wrap("A")], ["A"], "multiple_choice", options=[TOO_MANY]), id="score"),
        pytest.param(lambda: otr.prompt("multiple_choice", "What is it?", TOO_MANY), id="prompt"),
        pytest.param(lambda: otr.answer_pattern("multiple_choice", TOO_MANY), id="pattern"),
        pytest.param(
            lambda: otr.response_grammar("multiple_choice", engine="xgrammar", options=TOO_MANY), id="grammar"
        ),
    ],
)
def test_more_options_than_letters(call: Callable[[], object]) -> None:
    with pytest.raises(otr.ArgumentError, match="options: at most 26, one for each letter, not 27"):
        call()


def test_as_many_options_as_letters() -> None:
    options = TOO_MANY[:26]
    assert otr.score([wrap("option 25")], ["Z"], "multiple_choice", options=[options]).accuracy.tolist() == [1.0]
    assert "\nZ. option 25\n" in otr.prompt("multiple_choice", "What is it?", options)
    assert otr.answer_pattern("multiple_choice", options) == "[A-Z]"


@pytest.mark.parametrize(
    ("task", "recipe"), [*((task, "paper") for task in REFERENCES), *((task, "release") for task in RELEASE_TASKS)]
)
def test_texts_of_numpy(task: str, recipe: str) -> None:
    response, reference = wrap(ANSWERS[task]), REFERENCES[task]
    plain = otr.score([response], [reference], task, recipe=recipe)
    given = otr.score([np.str_(response)], np.array([reference]), [np.str_(task)], recipe=recipe)
    assert given.to_rows() == plain.to_rows()


class Named(str):
    """A text that does not print as it reads, as a member of an enumeration does."""

    __slots__ = ()

    def __str__(self) -> str:
        return "Named.CAT"


def test_texts_that_print_otherwise() -> None:
    assert otr.score([wrap("a cat")], [Named("a cat")], "ocr").accuracy.tolist() == [1.0]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("responses", None, "responses: expected a list with one value a row, got NoneType"),
        ("responses", b"a", "responses is one bytes; give a list with one str a row"),
        ("references", {"a": 1}, "references: expected a list with one value a row, got dict"),
        ("tasks", None, "tasks: expected a list with one value a row, got NoneType"),
        ("tasks", [None], "tasks, row 0: expected str, got NoneType"),
        ("references", {"a"}, "references: expected a list with one value a row, got set"),
        ("images", 7, "images: expected a list with one value a row, got int"),
        ("recipe", {}, "no recipe {}; there are paper, lenient, release"),
        ("on_bad_reference", "ignore", "on_bad_reference is one of raise, skip, not 'ignore'"),
        ("on_bad_reference", None, "on_bad_reference is one of raise, skip, not None"),
    ],
)
def test_what_is_none_of_it(name: str, value: Any, message: str) -> None:
    given: dict[str, Any] = {"responses": [wrap("a")], "references": ["a"], "tasks": "ocr", name: value}
    with pytest.raises(otr.ArgumentError) as raised:
        otr.score(**given)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: otr.parse("a", "ocr", think="pre"), "think is one of required, prefilled, none, not 'pre'"),
        (lambda: otr.parse("a", "ocr", rules="loose"), "rules is one of strict, lenient, not 'loose'"),
        (lambda: otr.parse_answer("a", "ocr", rules="loose"), "rules is one of strict, lenient, not 'loose'"),
        (lambda: otr.parse("a", "ocr", recipe="loose"), "no recipe 'loose'; there are paper, lenient, release"),
        (lambda: otr.parse_answer("a", "ocr", recipe="loose"), "no recipe 'loose'; there are paper, lenient, release"),
        (lambda: otr.parse(None, "ocr"), "response: expected str, got NoneType"),
        (lambda: otr.parse_answer(5, "ocr"), "text: expected str, got int"),
        (
            lambda: otr.parse_reference(None, "ocr"),
            "reference: expected text, a number, a list, a mapping, a pydantic model or AnyOf, got NoneType",
        ),
        (lambda: otr.parse("a", None), "task: expected str, got NoneType"),
        (lambda: otr.task_name(None, "image"), "problem_type: expected str, got NoneType"),
    ],
)
def test_reading_one_row(call: Callable[[], object], message: str) -> None:
    with pytest.raises(otr.ArgumentError) as raised:
        call()
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "metric", ["rouge", "rouge_reward", "word_error_rate", "character_error_rate", "math_equal", "compare_math"]
)
def test_metrics_of_texts_take_lists(metric: str) -> None:
    """A text alone would be compared letter by letter."""
    compare = getattr(otr.metrics, metric)
    for predicted, reference, message in [
        ("12", ["1", "2"], "predicted is one str; give a list with one str a row"),
        (["1", "2"], "12", "reference is one str; give a list with one str a row"),
        (["1", None], ["1", "2"], "predicted, row 1: expected str, got NoneType"),
        (["1"], ["1", "2"], "predicted has 1 rows, reference has 2"),
    ]:
        with pytest.raises(otr.ArgumentError) as raised:
            compare(predicted, reference)
        assert str(raised.value) == message


@pytest.mark.parametrize("timeout", [None, 0, -1.0, float("inf"), float("nan"), "5"])
def test_deadlines_are_positive(timeout: Any) -> None:
    for compare in (otr.metrics.math_equal, otr.metrics.compare_math, otr.metrics.release_math_equal):
        with pytest.raises(otr.ArgumentError, match="timeout must be positive and finite, got "):
            compare(["1"], ["1"], timeout=timeout)
