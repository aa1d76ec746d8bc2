"""A task checks itself: its fields when it is made, its example at first use, its formula's scores in every batch."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

import onethinker_rewards as otr
from onethinker_rewards.answers import Number, NumberColumns, Text
from onethinker_rewards.rewards import RECIPES
from onethinker_rewards.tasks import Context
from tests.rewards.cases import wrap


class Depth(BaseModel):
    """How far away something is."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
    meters: float


def closeness(predicted: NumberColumns, reference: NumberColumns, context: Context) -> otr.Scores:
    score = np.exp(-np.abs(predicted.values - reference.values))
    return otr.Scores(score, {"closeness": score})


SPEC = otr.TaskSpec(name="depth", schema=Number, accuracy=closeness, parts=("closeness",), example="2.5")


def score(spec: otr.TaskSpec, answer: str = "2", reference: str = "2", **options: Any) -> otr.RewardBatch:
    return otr.score([wrap(answer)], [reference], "depth", table={"depth": spec}, **options)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "a task's name is a text, not ''"),
        ({"name": 7}, "a task's name is a text, not 7"),
        ({"schema": dict}, "depth: schema is a class that derives from pydantic.BaseModel, not <class 'dict'>"),
        ({"schema": dict[str, int]}, "depth: schema is a class .* not dict"),
        ({"schema": None}, "depth: schema is a class .* not None"),
        ({"schema": Depth(meters=1.0)}, "depth: schema is a class .* not Depth"),
        ({"reference_schema": float}, "depth: reference_schema is a class .* not <class 'float'>"),
        ({"accuracy": "closeness"}, "depth: accuracy is a function, not 'closeness'"),
        ({"parts": "closeness"}, "depth: parts are a tuple of names, not 'closeness'"),
        ({"parts": None}, "depth: parts are a tuple of names, not None"),
        ({"constants": 50.0}, "depth: constants are a mapping from names to numbers, not 50.0"),
        ({"parts": (1,)}, r"depth: parts are a tuple of names, not \(1,\)"),
        ({"maximum": 0}, "depth: maximum must be positive and finite, got 0"),
        ({"maximum": -1.0}, "depth: maximum must be positive"),
        ({"maximum": math.nan}, "depth: maximum must be positive and finite, got nan"),
        ({"maximum": math.inf}, "depth: maximum must be positive and finite, got inf"),
        ({"maximum": "4"}, "depth: maximum must be positive and finite, got '4'"),
        ({"constants": {"sigma": math.nan}}, "depth: the constant sigma is a finite number, not nan"),
        ({"constants": {"sigma": "50"}}, "depth: the constant sigma is a finite number, not '50'"),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused_when_the_task_is_made(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(otr.ArgumentError, match=message):
        replace(SPEC, **fields)


@pytest.mark.parametrize("parts", [("closeness",), ["closeness"]])
def test_parts_may_be_a_list(parts: Any) -> None:
    assert score(replace(SPEC, parts=parts)).parts["closeness"].tolist() == [1.0]


USES: dict[str, Callable[[otr.TaskSpec], object]] = {
    "score": score,
    "parse": lambda spec: otr.parse(wrap("2"), "depth", table={"depth": spec}),
    "parse_answer": lambda spec: otr.parse_answer("2", "depth", table={"depth": spec}),
    "parse_reference": lambda spec: otr.parse_reference("2", "depth", table={"depth": spec}),
    "prompt": lambda spec: otr.prompt("depth", "How far?", table={"depth": spec}),
    "answer_pattern": lambda spec: otr.answer_pattern("depth", table={"depth": spec}),
    "json_schema": lambda spec: otr.json_schema("depth", table={"depth": spec}),
    "response_grammar": lambda spec: otr.response_grammar("depth", engine="xgrammar", table={"depth": spec}),
}


@pytest.mark.parametrize("use", USES)
def test_the_example_is_read_at_the_first_use_of_any_kind(use: str) -> None:
    USES[use](SPEC)
    wrong = replace(SPEC, example="nonsense")
    for _ in range(2):
        with pytest.raises(
            otr.ArgumentError, match="depth: its example is not a right answer: not_a_number for 'nonse"
        ):
            USES[use](wrong)


@pytest.mark.parametrize(
    ("task", "example", "code"),
    [
        ("temporal_grounding", '{"time": [8, 3]}', "bad_order"),
        ("spatial_grounding", '{"boxes": [0, 0, 9, 1009]}', "clipped"),
        ("numerical", "12 cm", "not_a_number"),
        ("multiple_choice", "A or B", "no_option_letter"),
    ],
)
def test_the_example_has_to_be_right_by_strict_rules(task: str, example: str, code: str) -> None:
    table = {task: replace(otr.TASKS[task], example=example)}
    with pytest.raises(otr.ArgumentError, match=f"{task}: its example is not a right answer: {code} for"):
        otr.prompt(task, "Where?", table=table)


def test_a_task_without_an_example_has_none_to_check() -> None:
    assert score(replace(SPEC, example="")).accuracy.tolist() == [1.0]


def test_only_the_first_use_reads_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = replace(SPEC)
    score(spec)
    monkeypatch.setattr("onethinker_rewards.tasks.spec.read_answer", None)
    score(spec)
    with pytest.raises(TypeError):
        score(replace(spec))


@pytest.mark.parametrize("name", [*RECIPES])
def test_our_own_tasks_keep_every_check(name: str) -> None:
    for spec in {**otr.TASKS, **RECIPES[name].tasks}.values():
        spec.check_example()
        assert pickle.loads(pickle.dumps(replace(otr.TASKS["ocr"]))).name == "ocr"


@pytest.mark.parametrize("answer", ["2", "unreadable"])
@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((), "gave the part 'closeness', which is not among its parts"),
        (("nearness",), "gave the part 'closeness', which is not among its parts"),
        (("closeness", "sign"), "did not give the part 'sign', which is among its parts"),
    ],
)
def test_a_formula_gives_the_parts_that_its_task_declares(parts: tuple[str, ...], message: str, answer: str) -> None:
    with pytest.raises(otr.ArgumentError, match=f"the formula of depth {message}"):
        score(replace(SPEC, parts=parts), answer)


def test_a_formula_of_a_recipe_has_parts_of_its_own() -> None:
    def formula(predicted: Any, reference: Any, context: Context) -> otr.Scores:
        return otr.Scores(np.ones(1), {"other": np.ones(1)})

    batch = score(SPEC, recipe=otr.Recipe(formulas={"depth": formula}))
    assert batch.parts["other"].tolist() == [1.0]
    assert np.isnan(batch.parts["closeness"]).all()


@pytest.mark.parametrize("answer", ["2", "unreadable"])
def test_a_single_nan_is_a_part_that_does_not_apply(answer: str) -> None:
    def formula(predicted: Any, reference: Any, context: Context) -> otr.Scores:
        return otr.Scores(np.ones(len(predicted)), {"closeness": np.ones(len(predicted)), "judge": math.nan})  # type: ignore[dict-item]

    batch = score(replace(SPEC, parts=("closeness", "judge"), accuracy=formula), answer)
    assert batch.parts["closeness"].tolist() == [float(answer == "2")]
    assert np.isnan(batch.parts["judge"]).all()


def constant(accuracy: float) -> otr.TaskSpec:
    return replace(SPEC, parts=(), accuracy=lambda predicted, reference, context: otr.Scores(np.full(1, accuracy)))


@pytest.mark.parametrize("accuracy", [7.0, -0.1, 1.0 + 1e-6, -1e-6])
def test_an_accuracy_outside_its_range_is_the_formulas_mistake(accuracy: float) -> None:
    message = rf"the formula of depth gave the accuracy {accuracy}, outside 0 to its maximum 1, for the reference '2'"
    with pytest.raises(otr.ArgumentError, match=message):
        score(constant(accuracy))


@pytest.mark.parametrize("accuracy", [1.0 + 1e-10, -1e-10, 1.0, 0.0])
def test_rounding_may_take_an_accuracy_a_little_outside(accuracy: float) -> None:
    assert score(constant(accuracy)).accuracy.tolist() == [accuracy]


def test_the_row_outside_is_named_by_its_reference() -> None:
    spec = replace(SPEC, parts=(), accuracy=lambda *_: otr.Scores(np.array([1.0, 3.0, 9.0])))
    with pytest.raises(otr.ArgumentError, match=r"gave the accuracy 3\.0, outside 0 to its maximum 1, .* '4'"):
        otr.score([wrap("2")] * 3, ["3", "4", "5"], "depth", table={"depth": spec})


def test_a_recipes_formula_has_the_same_range() -> None:
    recipe = otr.Recipe(formulas={"depth": lambda *_: otr.Scores(np.full(1, 2.0))})
    with pytest.raises(otr.ArgumentError, match="outside 0 to its maximum 1"):
        score(SPEC, recipe=recipe)
    assert score(replace(SPEC, maximum=2), recipe=recipe).normalized.tolist() == [1.0]


@pytest.mark.parametrize(
    "scores",
    [
        otr.Scores(np.full(1, 7.0), failures={0: otr.FailureCode.UNREADABLE_MATH}),
        otr.Scores(np.full(1, 7.0), bad_references={0: "broken"}),
    ],
)
def test_a_row_that_the_formula_refuses_may_have_any_accuracy(scores: otr.Scores) -> None:
    batch = score(replace(SPEC, parts=(), accuracy=lambda *_: scores), on_bad_reference="skip")
    assert batch.failure[0] is not None


class TestWithoutMaximum:
    def test_accuracy_has_no_upper_end_and_normalized_no_value(self) -> None:
        batch = score(replace(constant(700.0), maximum=None))
        assert batch.total.tolist() == [701.0]
        assert np.isnan(batch.normalized).all()
        assert batch.to_rows()[0]["normalized"] is None
        assert score(replace(constant(-5.0), maximum=None)).accuracy.tolist() == [-5.0]

    def test_it_has_to_be_finite(self) -> None:
        with pytest.raises(otr.ArgumentError, match="gave the accuracy inf, not finite, for the reference '2'"):
            score(replace(constant(math.inf), maximum=None))

    def test_a_recipe_cannot_normalize_it(self) -> None:
        with pytest.raises(otr.ArgumentError, match="depth has no maximum, and the recipe halves divides accuracies"):
            score(replace(constant(1.0), maximum=None), recipe=otr.Recipe(name="halves", accuracy="normalized"))

    def test_it_prints(self) -> None:
        assert "maximum=None" in repr(replace(SPEC, maximum=None))


def test_constants_come_from_the_recipe() -> None:
    def formula(predicted: Any, reference: Any, context: Context) -> otr.Scores:
        return otr.Scores(np.full(1, context.constants["level"]))

    spec = replace(SPEC, parts=(), accuracy=formula, constants={"level": 0.25})
    assert score(spec).accuracy.tolist() == [0.25]
    assert score(spec, recipe=otr.Recipe(constants={"level": 0.5})).accuracy.tolist() == [0.5]


@given(st.lists(st.tuples(st.floats(-3, 3), st.booleans()), min_size=1, max_size=8))
def test_the_check_of_the_range_is_that_of_each_row(rows: list[tuple[float, bool]]) -> None:
    accuracies = np.array([accuracy for accuracy, _ in rows])
    spec = otr.TaskSpec(
        name="depth", schema=Text, maximum=2.0, accuracy=lambda predicted, *_: otr.Scores(accuracies[: len(predicted)])
    )
    fits = all(-1e-9 <= accuracy <= 2.0 + 1e-9 for accuracy, is_valid in rows if is_valid)
    responses = [wrap("x") if is_valid else "unreadable" for _, is_valid in rows]
    try:
        batch = otr.score(responses, ["x"] * len(rows), "depth", table={"depth": spec})
    except otr.ArgumentError:
        assert not fits
    else:
        assert fits
        assert batch.accuracy.tolist() == [accuracy if is_valid else 0.0 for accuracy, is_valid in rows]
