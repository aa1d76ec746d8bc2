"""Recipes: thinking, weights, normalized accuracy, formulas of one's own, lenient reading, limits."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

import onethinker_rewards as otr
from onethinker_rewards.tasks import Context, Scores
from tests.rewards.cases import REFERENCES, wrap

PAPER = otr.RECIPES["paper"]


@pytest.mark.parametrize(
    ("think", "response", "fault"),
    [
        pytest.param("required", "<think>a</think><answer>B</answer>", None, id="required"),
        pytest.param("required", "a</think><answer>B</answer>", "missing_think", id="required, not opened"),
        pytest.param("prefilled", "a</think><answer>B</answer>", None, id="prefilled"),
        pytest.param("prefilled", "\n</think>\n<answer>B</answer>\n", None, id="prefilled, empty"),
        pytest.param("prefilled", "<think>a</think><answer>B</answer>", "several_thinks", id="prefilled, opened again"),
        pytest.param("prefilled", "<answer>B</answer>", "missing_think", id="prefilled, not closed"),
        pytest.param("none", "<answer>B</answer>", None, id="none"),
        pytest.param("none", "<think>a</think><answer>B</answer>", "text_outside_tags", id="none, but thinks"),
    ],
)
def test_thinking(think: str, response: str, fault: str | None) -> None:
    batch = otr.score([response], ["B"], "multiple_choice", recipe=otr.Recipe(think=think))
    assert batch.accuracy[0] == 1.0
    assert batch.format_fault[0] == fault


def test_weights_and_normalized_accuracy() -> None:
    reference = REFERENCES["video_segmentation"]
    recipe = otr.Recipe(name="mine", accuracy="normalized", accuracy_weight=0.8, format_weight=0.2)
    batch = otr.score([wrap(reference)], [reference], "video_segmentation", recipe=recipe)
    assert (batch.accuracy[0], batch.normalized[0], batch.total[0]) == pytest.approx((4.0, 1.0, 1.0))
    assert batch.recipe == "mine"


def test_a_formula_of_ones_own() -> None:
    """A recipe replaces one task's formula and leaves the others alone."""

    def within_one(predicted: object, reference: object, context: Context) -> Scores:
        near = (np.abs(predicted.values - reference.values) <= 1.0).astype(float)  # type: ignore[attr-defined]
        return Scores(near, {"within_one": near})

    recipe = replace(PAPER, name="near", formulas={"numerical": within_one})
    batch = otr.score([wrap("3.9"), wrap("3.9")], ["3.14", "3.14"], ["numerical", "regression"], recipe=recipe)
    assert batch.accuracy[0] == 1.0
    assert batch.accuracy[1] < 1.0
    assert batch.parts["within_one"][0] == 1.0
    assert np.isnan(batch.parts["within_one"][1])


def test_a_formula_may_refuse_a_reference_while_it_compares() -> None:
    def never(predicted: object, reference: object, context: Context) -> Scores:
        return Scores(np.zeros(3), {}, {2: otr.FailureCode.BAD_REFERENCE})

    recipe = replace(PAPER, formulas={"ocr": never})
    with pytest.raises(otr.BadReferenceError, match="row 2: bad_reference for ocr: 'c'"):
        otr.score([wrap("a"), "no tags", wrap("c")], ["a", "b", "c"], "ocr", recipe=recipe)


@pytest.mark.parametrize("field", ["rules", "think", "accuracy"])
def test_a_recipe_refuses_what_it_does_not_know(field: str) -> None:
    with pytest.raises(otr.ArgumentError, match=f"{field} is one of"):
        otr.Recipe(**{field: "loose"})


def test_recipes_are_read_only() -> None:
    with pytest.raises(TypeError):
        otr.RECIPES["mine"] = PAPER  # type: ignore[index]
    with pytest.raises(TypeError):
        otr.TASKS["mine"] = otr.TASKS["ocr"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("task", "response", "repairs", "fault"),
    [
        pytest.param(
            "spatial_grounding",
            wrap('```json\n[{"bbox_2d": [100, 100, 300, 400], "label": "dog"}]\n```'),
            ("code_fence", "unwrapped_list", "renamed_key", "dropped_label"),
            "invalid_json",
            id="as Qwen writes boxes",
        ),
        pytest.param(
            "tracking",
            '<think>a</think><answer>{"boxes": {"1": [100, 100, 300, 400], "2": [110, 100, 310, 400], "3": [1,',
            ("closed_answer", "truncated_track"),
            "unclosed_answer",
            id="cut off at the token limit",
        ),
        pytest.param(
            "spatial_grounding",
            '<think>a</think><answer>{"boxes": [100, 100, 300, 400]}',
            ("closed_answer",),
            "unclosed_answer",
            id="only the closing tag is missing",
        ),
    ],
)
def test_lenient_rules_save_the_accuracy_and_not_the_format(
    task: str, response: str, repairs: tuple[str, ...], fault: str
) -> None:
    lenient = otr.score([response], [REFERENCES[task]], task, recipe=otr.Recipe(rules="lenient"))
    assert lenient.accuracy[0] == 1.0
    assert (lenient.failure[0], lenient.format_fault[0], lenient.repairs[0]) == (None, fault, repairs)
    strict = otr.score([response], [REFERENCES[task]], task)
    assert (strict.accuracy[0], strict.failure[0], strict.repairs[0]) == (0.0, fault, ())
    parsed = otr.parse(response, task, rules="lenient")
    assert (parsed.failure, parsed.format_fault, parsed.repairs) == (None, fault, repairs)


@pytest.mark.parametrize("task", ["numerical", "ocr", "multiple_choice", "spatial_grounding"])
def test_lenient_rules_do_not_guess_what_was_cut_off(task: str) -> None:
    """An unclosed text may have lost its end, and a box its last digits: "1" of "12" is another number."""
    response = wrap(REFERENCES[task])[: -len("</answer>")].removesuffix("]}")
    batch = otr.score([response], [REFERENCES[task]], task, recipe=otr.Recipe(rules="lenient"))
    assert (batch.accuracy[0], batch.failure[0]) == (0.0, "unclosed_answer")
    assert otr.parse(response, task, rules="lenient").failure == "unclosed_answer"


def test_limits_have_codes() -> None:
    limits = otr.Limits(response_characters=200, answer_characters=60, track_boxes=2, number_characters=5)
    recipe = otr.Recipe(limits=limits)
    box = '"{}": [1, 2, 3, 4]'.format
    three = "{" + '"boxes": {' + ", ".join(map(box, (1, 2, 3))) + "}}"
    rows = [
        ("ocr", wrap("x" * 200), "response_too_long"),
        ("ocr", wrap("x" * 61), "answer_too_long"),
        ("tracking", wrap(three.replace(" ", "")), "too_many_boxes"),
        ("numerical", wrap("3.1415"), "too_many_digits"),
    ]
    references = [REFERENCES["ocr"], REFERENCES["ocr"], '{"boxes":{"1":[1,2,3,4]}}', "3.1"]
    batch = otr.score([row[1] for row in rows], references, [row[0] for row in rows], recipe=recipe)
    assert batch.failure == [row[2] for row in rows]


@pytest.mark.parametrize("failed", [0, 1])
@pytest.mark.parametrize("kind", [lambda values: values[0], list, lambda values: np.array(values, dtype=np.float32)])
def test_a_formula_may_give_any_numbers(kind: Any, failed: int) -> None:
    """Whether all rows were read or only some, what a formula gives becomes float64, a number standing for all."""
    count = 2 + failed
    recipe = otr.Recipe(formulas={"numerical": lambda predicted, reference, context: Scores(kind([0.5] * count), {})})
    responses = ["<think>a</think><answer>1</answer>"] * 2 + ["nothing"] * failed
    batch = otr.score(responses, ["1"] * len(responses), "numerical", recipe=recipe)
    assert batch.accuracy.dtype == np.float64
    assert batch.accuracy.tolist() == [0.5, 0.5] + [0.0] * failed


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"accuracy_weight": float("nan")}, "accuracy_weight is a finite number, not nan"),
        ({"format_weight": "1"}, "format_weight is a finite number, not '1'"),
    ],
)
def test_recipes_that_are_none(given: dict[str, Any], message: str) -> None:
    with pytest.raises(otr.ArgumentError) as raised:
        otr.Recipe(**given)
    assert str(raised.value) == message


@pytest.mark.parametrize(("key", "meant"), [("OCR", "ocr"), ("numericl", "numerical")])
def test_a_formula_for_no_task_is_not_dropped(key: str, meant: str) -> None:
    recipe = otr.Recipe(formulas={key: otr.TASKS[meant].accuracy})
    with pytest.raises(otr.ArgumentError, match=rf"formulas: '{key}' is no task; did you mean {meant}\?"):
        otr.score([wrap("7")], ["7"], meant, recipe=recipe)


ONE = np.ones(1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (ONE, "gave ndarray, not Scores"),
        (Scores(np.ones(2)), "gave accuracy of shape [2] for 1 rows"),
        (Scores(ONE, {"half": np.ones(2)}), "gave half of shape [2] for 1 rows"),
        (Scores(np.array([math.nan])), "gave the accuracy nan, outside 0 to its maximum 1, for the reference '7'"),
        (Scores(np.array([math.inf])), "gave the accuracy inf, outside 0 to its maximum 1, for the reference '7'"),
    ],
)
def test_a_formula_that_breaks_its_contract(given: Any, message: str) -> None:
    for recipe in (
        otr.Recipe(formulas={"numerical": lambda *_: given}),
        otr.Recipe(tasks={"numerical": replace(otr.TASKS["numerical"], accuracy=lambda *_: given)}),
    ):
        with pytest.raises(otr.ArgumentError) as raised:
            otr.score([wrap("7")], ["7"], "numerical", recipe=recipe)
        assert str(raised.value) == f"the formula of numerical {message}"


def test_a_row_whose_reference_a_formula_refuses_may_have_any_accuracy() -> None:
    given = Scores(np.array([math.nan, 1.0]), {}, bad_references={0: "no mask"})
    recipe = otr.Recipe(formulas={"numerical": lambda *_: given})
    batch = otr.score([wrap("7")] * 2, ["7"] * 2, "numerical", recipe=recipe, on_bad_reference="skip")
    assert batch.failure == ["bad_reference", None]


def test_a_row_that_a_formula_fails_may_have_any_accuracy() -> None:
    given = Scores(np.array([math.nan, 1.0]), {}, {0: otr.FailureCode.JUDGE_FAILED})
    recipe = otr.Recipe(formulas={"numerical": lambda *_: given})
    batch = otr.score([wrap("7")] * 2, ["7"] * 2, "numerical", recipe=recipe)
    assert batch.failure == ["judge_failed", None]


def points_moved_by(distance: float, recipe: otr.Recipe) -> float:
    reference = '{"boxes": [0, 0, 9, 9], "positive_points": [[100, 100], [300, 300], [500, 500]], '
    reference += '"negative_points": [[0, 0], [0, 9], [9, 0]]}'
    moved = reference.replace("[100, 100]", f"[{100 + 3 * distance}, 100]")
    batch = otr.score([wrap(moved)], [reference], "image_segmentation", recipe=recipe)
    return batch.parts["positive_points"].item()


def test_constants_are_the_tasks_own_unless_a_recipe_sets_them() -> None:
    assert points_moved_by(20.0, PAPER) == pytest.approx(math.exp(-(20**2) / (2 * 50**2)))
    sharp = otr.Recipe(constants={"point_sigma": 10.0})
    assert points_moved_by(20.0, sharp) == pytest.approx(math.exp(-(20**2) / (2 * 10**2)))


def test_constants_that_are_none() -> None:
    with pytest.raises(otr.ArgumentError, match="point_sigma is a finite number, not nan"):
        otr.Recipe(constants={"point_sigma": math.nan})
    recipe = otr.Recipe(constants={"sigma": 10.0})
    for table in ({}, {"math": otr.TASKS["math"]}):
        with pytest.raises(otr.ArgumentError, match=r"constants: no task has 'sigma'; no task has any$"):
            otr.score([], [], [], recipe=recipe, table=table)
    there_are = "there are nfkc, point_sigma, time_sigma"
    with pytest.raises(otr.ArgumentError, match=f"constants: no task has 'sigma'; {there_are}"):
        otr.score([wrap("B")], ["B"], "multiple_choice", recipe=recipe)


def test_the_structure_of_the_release_in_another_recipe() -> None:
    """It is paid for the form of the answer, where the format is 1."""
    recipe = otr.Recipe(name="paid", structure=otr.RECIPES["release"].structure)
    reference = '{"boxes": {"1": [0, 0, 9, 9], "2": [0, 0, 9, 9]}}'
    half = '{"boxes": {"1": [0, 0, 9, 9]}}'
    responses = [wrap(reference), wrap(half), reference, wrap("no"), f"Sure. {wrap(reference)}"]
    batch = otr.score(responses, [reference] * 5, "tracking", recipe=recipe)
    assert batch.structure.tolist() == [0.5, 0.375, 0.0, 0.0, 0.0]
    assert batch.total.tolist() == [2.5, 0.5 + 1.0 + 0.375, 0.0, 0.0, 1.0]


def test_the_structure_of_the_release_pays_nothing_for_what_it_does_not_know() -> None:
    class Counts(BaseModel):
        count: int

    spec = otr.TaskSpec(name="counting", schema=Counts, accuracy=lambda p, r, context: Scores(np.ones(len(p))))
    recipe = otr.Recipe(structure=otr.RECIPES["release"].structure)
    batch = otr.score([wrap('{"count": 3}')], ['{"count": 3}'], "counting", recipe=recipe, table={"counting": spec})
    assert (batch.accuracy.item(), batch.structure.item()) == (1.0, 0.0)


def test_the_reader_of_the_release_gives_texts_to_a_formula() -> None:
    def same_length(predicted: Any, reference: Any, context: Context) -> Scores:
        return Scores(np.array([len(a) == len(b) for a, b in zip(predicted.texts, reference.texts, strict=True)]))

    reader = otr.RECIPES["release"].reader
    recipe = otr.Recipe(name="texts", reader=reader, formulas={"tracking": same_length})
    batch = otr.score(["[1, 2]", "<answer>{ }</answer>"], ['{"a":1}', '{"":1}'], "tracking", recipe=recipe)
    assert batch.accuracy.tolist() == [0.0, 0.0]
    assert otr.score(["[1,2,3]"], ['{"a":1}'], "tracking", recipe=recipe).accuracy.tolist() == [1.0]
    with pytest.raises(otr.ArgumentError, match="the recipe texts has no formula for 'ocr'"):
        otr.score(["a"], ["a"], "ocr", recipe=recipe)


def test_a_formula_knows_which_rows_are_real() -> None:
    """Every row is there; those that could not be read hold a value that stands for nothing."""
    seen: list[Any] = []

    def formula(predicted: Any, reference: Any, context: Context) -> Scores:
        seen.append((predicted.spans.tolist(), reference.spans.tolist(), context.valid, context.questions))
        return Scores(np.full(len(predicted), math.nan if len(predicted) < 3 else 0.5))

    recipe = otr.Recipe(formulas={"temporal_grounding": formula})
    spans = [wrap('{"time": [3, 8]}'), "none", wrap('{"time": [4, 9]}')]
    references = ['{"time": [1, 2]}', '{"time": [1, 2]}', "[]"]
    batch = otr.score(
        spans, references, "temporal_grounding", recipe=recipe, questions=["a", "b", "c"], on_bad_reference="skip"
    )
    ((predicted, reference, valid, questions),) = seen
    assert (predicted[0], predicted[2], reference[:2]) == ([3.0, 8.0], [4.0, 9.0], [[1.0, 2.0]] * 2)
    assert (valid.tolist(), questions) == ([True, False, False], ["a", "b", "c"])
    assert batch.accuracy.tolist()[:2] == [0.5, 0.0]
    assert batch.failure == [None, "missing_answer", "bad_reference"]


def test_a_formula_with_nothing_to_compare_gets_no_rows() -> None:
    sizes: list[int] = []

    def formula(predicted: Any, reference: Any, context: Context) -> Scores:
        sizes.append(len(predicted))
        return Scores(np.zeros(len(predicted)), {"part": np.zeros(len(predicted))})

    batch = otr.score(["none", "no"], ["1", "2"], "numerical", recipe=otr.Recipe(formulas={"numerical": formula}))
    assert sizes == [0]
    assert batch.parts["part"].tolist() == [0.0, 0.0]


def test_a_formula_that_breaks_its_contract_is_told_with_nothing_to_compare_too() -> None:
    recipe = otr.Recipe(formulas={"numerical": lambda *_: ONE})
    with pytest.raises(otr.ArgumentError, match="the formula of numerical gave ndarray, not Scores"):
        otr.score(["none"], ["7"], "numerical", recipe=recipe)


def test_a_table_may_call_a_task_by_another_name_under_the_release() -> None:
    table = {"mc": otr.TASKS["multiple_choice"]}
    batch = otr.score([wrap("A")], ["A"], "mc", recipe="release", table=table)
    assert batch.total.item() == pytest.approx(1.5)


def test_parse_knows_the_tasks_of_a_recipe() -> None:
    class Counts(BaseModel):
        count: int

    spec = otr.TaskSpec(name="counting", schema=Counts, accuracy=lambda p, r, context: Scores(np.ones(len(p))))
    recipe = otr.Recipe(tasks={"counting": spec})
    assert otr.parse(wrap('{"count": 3}'), "counting", recipe=recipe).answer == Counts(count=3)
    assert otr.parse_answer('{"count": 3}', "counting", recipe=recipe).answer == Counts(count=3)


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_differs_points_of_nan_score_zero(number: str) -> None:
    """Points whose distance is NaN score 0; the release's reward is NaN then."""
    points = f'"positive_points": [["{number}", 1], [2, 2], [3, 3]], "negative_points": [[1, 1], [2, 2], [3, 3]]'
    text = f'{{"time": 1, "boxes": [0, 0, 10, 10], {points}}}'
    batch = otr.score([wrap(text)] * 2, [text] * 2, ["image_segmentation", "video_segmentation"], recipe="release")
    assert batch.accuracy.tolist() == pytest.approx([0.75, 0.8])
    assert batch.parts["positive_points"].tolist() == [0.0, 0.0]


def test_the_largest_numbers_are_compared_without_a_warning() -> None:
    assert otr.score([wrap("1e308")] * 2, ["1.7e308", "1e308"], "numerical").accuracy.tolist() == [0.0, 1.0]


def test_end_tokens_of_a_recipe_replace_the_usual_ones() -> None:
    recipe = otr.Recipe(end_tokens=["<stop>", "<x><stop>"])
    texts = [wrap("B") + end for end in ("<stop>", "<x><stop>", " <stop>\n<x><stop>", "<|im_end|>", "", "<x>")]
    batch = otr.score(texts, ["B"] * 6, "multiple_choice", recipe=recipe)
    assert batch.format.tolist() == [1.0, 1.0, 1.0, 0.0, 1.0, 0.0]
    for text, fault in zip(texts, batch.format_fault, strict=True):
        assert otr.parse(text, "multiple_choice", recipe=recipe).format_fault == fault
    none = otr.score(texts, ["B"] * 6, "multiple_choice", recipe=otr.Recipe(end_tokens=()))
    assert none.format.tolist() == [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("tokens", ["<stop>", [""], [" "], [5], [None]])
def test_end_tokens_are_texts(tokens: Any) -> None:
    with pytest.raises(otr.ArgumentError, match="end_tokens is a sequence of texts that are not blank"):
        otr.Recipe(end_tokens=tokens)
