"""The whole flow: batches, mixed tasks, failures, bad references, limits, hostile text."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.rewards.result import RewardBatch
from onethinker_rewards.tasks.release import RELEASE_TASKS
from tests.rewards.cases import ANSWERS, REFERENCES, wrap

TASKS = list(otr.TASKS)
GOLDEN = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "golden" / "release_rewards.jsonl").read_text().splitlines()
]
# Every eleventh row: all tasks, all kinds of damage, quick enough to score row by row.
MIXED = GOLDEN[::11]
MIXED_ARGUMENTS = (
    [row["response"] for row in MIXED],
    [row["ground_truth"] for row in MIXED],
    [otr.task_name(row["problem_type"], row["data_type"]) for row in MIXED],
)


def same_rows(left: RewardBatch, right: RewardBatch, order: list[int]) -> None:
    """Check that row k of ``left`` is row order[k] of ``right``, in every field."""
    ours, theirs = left.to_rows(), right.to_rows()
    assert [ours[row] for row in range(len(left))] == [theirs[row] for row in order]


@pytest.mark.parametrize("task", TASKS)
def test_the_reference_itself_scores_the_maximum(task: str) -> None:
    reference = REFERENCES[task]
    batch = otr.score([wrap(ANSWERS[task])], [f"<answer>{reference}</answer>"], task)
    assert batch.accuracy[0] == pytest.approx(otr.TASKS[task].maximum)
    assert batch.normalized[0] == pytest.approx(1.0)
    assert batch.total[0] == pytest.approx(otr.TASKS[task].maximum + 1.0)
    assert (batch.format[0], batch.structure[0]) == (1.0, 0.0)
    assert (batch.failure[0], batch.format_fault[0], batch.repairs[0]) == (None, None, ())


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    "response", ["", "no tags", "<think>x</think>", "<answer></answer>", "<think>x</think><answer>"]
)
def test_no_answer_scores_nothing(task: str, response: str) -> None:
    batch = otr.score([response], [REFERENCES[task]], task)
    assert (batch.total[0], batch.accuracy[0], batch.format[0]) == (0.0, 0.0, 0.0)
    assert batch.failure[0] is not None
    assert batch.format_fault[0] is not None


@pytest.mark.parametrize("recipe", ["paper", "release"])
def test_a_batch_equals_its_rows(recipe: str) -> None:
    whole = otr.score(*MIXED_ARGUMENTS, recipe=recipe)
    responses, references, tasks = MIXED_ARGUMENTS
    rows = [
        otr.score([responses[row]], [references[row]], [tasks[row]], recipe=recipe).to_rows()[0]
        for row in range(len(tasks))
    ]
    assert whole.to_rows() == rows


@pytest.mark.parametrize("recipe", ["paper", "release"])
def test_shuffling_rows_shuffles_scores(recipe: str) -> None:
    order = np.random.default_rng(0).permutation(len(MIXED)).tolist()
    shuffled = [[column[row] for row in order] for column in MIXED_ARGUMENTS]
    same_rows(otr.score(*shuffled, recipe=recipe), otr.score(*MIXED_ARGUMENTS, recipe=recipe), order)


def test_one_label_stands_for_all_rows() -> None:
    batch = otr.score([wrap("B"), wrap("C")], ["B", "B"], "multiple choice")
    assert batch.tasks == ["multiple_choice"] * 2
    assert batch.total.tolist() == [2.0, 1.0]


def test_an_empty_batch() -> None:
    for tasks in ("ocr", []):
        batch = otr.score([], [], tasks)
        assert len(batch) == 0
        assert batch.to_rows() == []
        assert batch.summary() == {}


@pytest.mark.parametrize("task", TASKS)
def test_accuracy_survives_a_missing_format(task: str) -> None:
    response = f"So: <answer>{ANSWERS[task]}</answer>"
    batch = otr.score([response], [REFERENCES[task]], task)
    assert batch.accuracy[0] == pytest.approx(otr.TASKS[task].maximum)
    assert (batch.format[0], batch.failure[0], batch.format_fault[0]) == (0.0, None, "missing_think")


def test_formulas_by_hand() -> None:
    """Each grounding task once, with numbers small enough to check on paper."""
    temporal = otr.score([wrap('{"time": [10, 20]}')], ['{"time": [15, 30]}'], "temporal_grounding")
    assert temporal.accuracy[0] == pytest.approx(5 / 20)
    spatial = otr.score([wrap('{"boxes": [0, 0, 10, 10]}')], ['{"boxes": [5, 0, 15, 10]}'], "spatial_grounding")
    assert spatial.accuracy[0] == pytest.approx(50 / 150)
    track = otr.score(
        [wrap('{"boxes": {"1": [0, 0, 10, 10], "3": [0, 0, 10, 10], "9": [0, 0, 1, 1]}}')],
        ['{"boxes": {"1": [5, 0, 15, 10], "2": [0, 0, 10, 10], "3": [0, 0, 10, 10]}}'],
        "tracking",
    )
    assert track.accuracy[0] == pytest.approx((1 / 3 + 0 + 1) / 3)
    tube = otr.score(
        [wrap('{"time": [1, 3], "boxes": {"1": [0, 0, 10, 10], "2": [0, 0, 10, 10]}}')],
        ['{"time": [2, 4], "boxes": {"2": [5, 0, 15, 10], "4": [0, 0, 10, 10]}}'],
        "spatio_temporal_grounding",
    )
    assert tube.parts["temporal_iou"][0] == pytest.approx(1 / 3)
    assert tube.parts["box_iou"][0] == pytest.approx((1 / 3 + 0) / 2)
    assert tube.accuracy[0] == pytest.approx(1 / 3 + 1 / 6)
    assert tube.normalized[0] == pytest.approx((1 / 3 + 1 / 6) / 2)


def test_segmentation_by_hand() -> None:
    reference = (
        '{"time": 5, "boxes": [0, 0, 100, 100], "positive_points": [[0, 0], [100, 0], [0, 100]], '
        '"negative_points": [[500, 500], [600, 500], [500, 600]]}'
    )
    # Positive points in another order and each 30 to the right; negative points as they are; a second late.
    answer = (
        '{"time": 6, "boxes": [50, 0, 150, 100], "positive_points": [[30, 100], [30, 0], [130, 0]], '
        '"negative_points": [[500, 600], [500, 500], [600, 500]]}'
    )
    parts = otr.score([wrap(answer)], [reference], "video_segmentation").parts
    assert parts["box_iou"][0] == pytest.approx(1 / 3)
    assert parts["positive_points"][0] == pytest.approx(math.exp(-(30**2) / (2 * 50**2)))
    assert parts["negative_points"][0] == pytest.approx(1.0)
    assert parts["time_proximity"][0] == pytest.approx(math.exp(-0.5))
    total = otr.score([wrap(answer)], [reference], "video_segmentation").accuracy[0]
    assert total == pytest.approx(sum(parts[name][0] for name in otr.TASKS["video_segmentation"].parts))


def test_parts_of_other_tasks_are_nan_and_of_failed_rows_zero() -> None:
    reference = REFERENCES["spatio_temporal_grounding"]
    batch = otr.score(
        [wrap(reference), wrap("[]"), wrap("B")],
        [reference, reference, "B"],
        ["spatio_temporal_grounding", "spatio_temporal_grounding", "multiple_choice"],
    )
    assert batch.parts["temporal_iou"].tolist()[:2] == [1.0, 0.0]
    assert math.isnan(batch.parts["temporal_iou"][2])
    assert math.isnan(batch.parts["option_match"][0])
    assert set(batch.parts) == {part for spec in otr.TASKS.values() for part in spec.parts}


@pytest.mark.parametrize(
    "task", [task for task in TASKS if task not in {"multiple_choice", "ocr", "open_ended", "math"}]
)
def test_bad_references_are_named_all_at_once(task: str) -> None:
    good, bad = REFERENCES[task], "nonsense"
    with pytest.raises(otr.BadReferenceError, match=f"{task}: 'nonsense'") as caught:
        otr.score([wrap(good)] * 4, [good, bad, good, bad], task)
    assert caught.value.rows == (1, 3)


def test_bad_references_of_several_tasks_are_named_in_order() -> None:
    with pytest.raises(otr.BadReferenceError) as caught:
        otr.score([wrap("1")] * 4, ["x", "B", "", "[]"], ["numerical", "multiple_choice", "ocr", "tracking"])
    assert caught.value.rows == (0, 2, 3)


def test_bad_references_can_be_skipped() -> None:
    batch = otr.score([wrap("1"), wrap("2")], ["1", "two"], "numerical", on_bad_reference="skip")
    assert batch.total[0] == 2.0
    assert math.isnan(batch.total[1])
    assert math.isnan(batch.accuracy[1])
    assert math.isnan(batch.parts["number_match"][1])
    assert batch.failure == [None, "bad_reference"]
    assert batch.to_rows()[1]["total"] is None


def test_a_faulty_answer_beside_a_bad_reference_is_the_references_fault() -> None:
    batch = otr.score(["no answer"], ["two"], "numerical", on_bad_reference="skip")
    assert batch.failure == ["bad_reference"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param((["a"], ["a", "b"], "ocr"), "references has 2 rows, responses has 1", id="references"),
        pytest.param((["a"], ["a"], ["ocr", "ocr"]), "tasks has 2 rows", id="tasks"),
        pytest.param(("a", ["a"], "ocr"), "responses is one str", id="a str for responses"),
        pytest.param((["a"], "a", "ocr"), "references is one str", id="a str for references"),
        pytest.param((["a", None], ["a", "b"], "ocr"), "responses, row 1: expected str, got NoneType", id="None"),
        pytest.param((["a"], [None], "numerical"), "references, row 0: expected text, a number", id="no reference"),
        pytest.param((["a"], ["a"], [None]), "tasks, row 0: expected str, got NoneType", id="task None"),
    ],
)
def test_arguments_that_do_not_fit(arguments: tuple, message: str) -> None:
    with pytest.raises(otr.ArgumentError, match=message):
        otr.score(*arguments)


@pytest.mark.parametrize("name", ["questions", "options", "images"])
def test_extra_columns_have_a_row_each(name: str) -> None:
    with pytest.raises(otr.ArgumentError, match=f"{name} has 2 rows"):
        otr.score([wrap("B")], ["B"], "multiple_choice", **{name: ["x", "y"]})


@pytest.mark.parametrize("error", [TypeError("theirs"), AttributeError("theirs")])
def test_a_formulas_own_error_goes_through(error: Exception) -> None:
    """Whatever it is: no row is to blame for it."""

    def broken(predicted: object, reference: object, context: object) -> None:
        raise error

    recipe = otr.Recipe(formulas={"numerical": broken})  # type: ignore[dict-item]
    with pytest.raises(type(error), match="theirs"):
        otr.score([wrap("7")], ["7"], "numerical", recipe=recipe)


def test_an_unknown_recipe() -> None:
    with pytest.raises(otr.ArgumentError, match="no recipe 'best'; there are paper, lenient, release"):
        otr.score([], [], "ocr", recipe="best")


def test_str_subclasses_are_texts() -> None:
    class Token(str):
        __slots__ = ()

    assert otr.score([Token(wrap("B"))], [Token("B")], "multiple_choice").total[0] == 2.0


HOSTILE = {
    "lone surrogate": wrap("\ud800"),
    "surrogate in json": wrap('{"boxes": [1, 2, 3, "\ud83d"]}'),
    "NUL": wrap("\x00\x00"),
    "brackets": wrap("[" * 100_000),
    "objects": wrap('{"boxes":' * 100_000),
    "ten megabytes": wrap("9" * 10_000_000),
    "one megabyte of digits": wrap("7" * 999_999),
    "open tags": "<think>" * 100_000,
    "answer tags": "<answer>" * 100_000,
    "closing tags": "</answer>" * 100_000,
    "less-than signs": "<" * 1_000_000,
    "spaces": " " * 1_000_000,
    "spaces and slashes": " / " * 300_000,
    "end tokens": wrap("B") + "</s>" * 200_000,
    "backslashes": wrap("\\" * 100_000),
    "combining marks": wrap("e" + "\u0301" * 100_000),
    "direction marks": wrap("\u202eB\u202c"),
    "nested think": "<think>" * 1000 + "</think>" * 1000 + "<answer>B</answer>",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("recipe", ["paper", "release"])
def test_hostile_text_raises_nothing(name: str, recipe: str) -> None:
    tasks = [task for task in (TASKS if recipe == "paper" else RELEASE_TASKS) if task != "math"]
    batch = otr.score([HOSTILE[name]] * len(tasks), [REFERENCES[task] for task in tasks], tasks, recipe=recipe)
    assert not np.isnan(batch.total).any()
    assert (batch.accuracy <= 1.0).all()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("lone surrogate", "not_a_number"),
        ("ten megabytes", "response_too_long"),
        ("one megabyte of digits", "too_many_digits"),
        ("open tags", "missing_answer"),
        ("answer tags", "several_answers"),
        ("spaces", "missing_answer"),
    ],
)
def test_hostile_text_has_a_code(name: str, code: str) -> None:
    assert otr.score([HOSTILE[name]], ["1"], "numerical").failure == [code]


fragments = st.lists(
    st.sampled_from(
        [
            "<think>",
            "</think>",
            "<answer>",
            "</answer>",
            " ",
            "\n",
            "B",
            "3.5",
            "<",
            "/",
            "{",
            "}",
            '"time"',
            ":",
            "[1, 2]",
            *list(REFERENCES.values()),
        ]
    )
    | st.text(max_size=8),
    max_size=10,
).map("".join)


@settings(max_examples=200)
@given(response=fragments, task=st.sampled_from([task for task in TASKS if task != "math"]))
def test_any_text_gets_a_number_in_range(response: str, task: str) -> None:
    for recipe, most in (("paper", otr.TASKS[task].maximum + 1.0), ("release", 1.5)):
        if recipe == "release" and task not in RELEASE_TASKS:
            continue
        batch = otr.score([response], [REFERENCES[task]], task, recipe=recipe)
        assert 0.0 <= batch.total[0] <= most + 1e-12
        assert (batch.failure[0] is None) or batch.accuracy[0] == 0.0
        assert (batch.format_fault[0] is None) == (batch.format[0] == 1.0)


@settings(max_examples=200)
@given(response=fragments, task=st.sampled_from([task for task in TASKS if task != "math"]))
def test_score_and_parse_agree(response: str, task: str) -> None:
    batch = otr.score([response], [REFERENCES[task]], task)
    parsed = otr.parse(response, task)
    assert (batch.failure[0], batch.format_fault[0], batch.repairs[0]) == (
        parsed.failure,
        parsed.format_fault,
        parsed.repairs,
    )


def test_references_and_answers_that_are_read_together_keep_their_own_faults() -> None:
    """A broken reference, one that is clipped, a broken answer and a clipped one, in any order."""
    good, clipped, broken = '{"time": [1, 2]}', '{"boxes": [0, 0, 500, 1001]}', '{"boxes": [9, 9, 1, 1]}'
    batch = otr.score(
        [wrap(broken), wrap(clipped), wrap(clipped), "no tags", wrap(good)],
        [clipped, clipped, broken, clipped, good],
        ["spatial_grounding"] * 4 + ["temporal_grounding"],
        on_bad_reference="skip",
    )
    assert batch.failure == ["bad_order", None, "bad_reference", "missing_answer", None]
    assert batch.repairs == [(), ("clipped",), ("clipped",), (), ()]
    assert batch.accuracy.tolist()[:2] == [0.0, 1.0]
    assert batch.accuracy.tolist()[3:] == [0.0, 1.0]
