"""`validate`: which answers are not in their schema, and what lenient rules would read."""

from __future__ import annotations

from typing import Any

import pytest

import onethinker_rewards as otr
from tests.rewards.cases import ANSWERS, REFERENCES, wrap

FENCED = wrap('```json\n{"time": [1, 2]}\n```')
TIMES = [wrap('{"time": [1, 2]}'), FENCED, wrap('{"time": [1, "8"]}'), '<answer>{"time": [1, 2]}</answer>']


def test_invalid_rows_have_a_place_and_the_summary_counts_all() -> None:
    found = otr.validate(TIMES, "temporal grounding")
    assert found.rows == [
        {
            "row": 1, "task": "temporal_grounding", "code": "invalid_json", "where": "character 0",
            "found": '```json⏎{"time": [1, 2]}⏎```', "expected": "JSON",
            "message": 'character 0: found ```json⏎{"time": [1, 2]}⏎```, expected JSON',
        },
        {
            "row": 2, "task": "temporal_grounding", "code": "wrong_type", "where": "time.1", "found": '"8"',
            "expected": "a valid number", "message": 'time.1: found "8", expected a valid number',
        },
    ]  # fmt: skip
    counts = found.summary.all
    assert (counts.rows, counts.valid, counts.format, counts.repaired, counts.repairable) == (4, 2, 1, 0, 1)
    assert [(kind, code, count.rows, count.examples) for kind, code, count in counts.of_kind("format", "lenient")] == [
        ("format", "missing_think", 1, [3]),
        ("lenient", "code_fence", 1, [1]),
    ]
    assert repr(found) == (
        "Validation of 4 answers, strict rules: 2 invalid\n"
        "  temporal_grounding: 4 rows, 2 invalid, invalid_json 1, wrong_type 1, missing_think 1\n"
        "  lenient rules would read 1 of those that are invalid"
    )
    valid = otr.validate([TIMES[0]], "temporal_grounding")
    assert repr(valid) == ("Validation of 1 answer, strict rules: 0 invalid\n  temporal_grounding: 1 rows, 0 invalid")


def test_lenient_rules_repair_and_would_repair_nothing_more() -> None:
    found = otr.validate(TIMES, "temporal_grounding", rules="lenient")
    assert [row["row"] for row in found.rows] == [2]
    assert found.summary.to_dict()["all"] == {
        "rows": 4, "valid": 3, "format": 1, "repaired": 1, "repairable": 0,
        "failures": {"wrong_type": {"rows": 1, "examples": [2]}},
        "format_faults": {
            "invalid_json": {"rows": 1, "examples": [1]}, "missing_think": {"rows": 1, "examples": [3]}
        },
        "repairs": {"code_fence": {"rows": 1, "examples": [1]}},
        "lenient_repairs": {},
    }  # fmt: skip


@pytest.mark.parametrize("recipe", ["paper", "lenient", "release"])
def test_right_answers_of_all_tasks_are_valid(recipe: str) -> None:
    tasks = [task for task in ANSWERS if recipe != "release" or task in otr.RECIPES["release"].tasks]
    answers = [ANSWERS[task] for task in tasks]
    assert otr.validate([wrap(answer) for answer in answers], tasks, recipe=recipe).rows == []
    assert otr.validate(answers, tasks, part="answer", recipe=recipe).rows == []
    references = otr.validate([REFERENCES[task] for task in tasks], tasks, part="reference", recipe=recipe)
    assert references.rows == []
    assert list(references.summary.tasks) == tasks


def test_summaries_of_parts_add_up_to_that_of_all() -> None:
    responses, tasks = [*TIMES, wrap("12 cm")], ["temporal_grounding"] * 4 + ["numerical"]
    parts = [
        otr.validate(responses[rows], tasks[rows], numbers=range(5)[rows]).summary
        for rows in (slice(3, 5), slice(0, 3))
    ]
    parts[0].merge(parts[1])
    whole = otr.validate(responses, tasks).summary
    assert parts[0].to_dict() == whole.to_dict()
    assert (whole.all.rows, whole.all.valid, whole.all.repairable) == (5, 2, 2)


def test_rows_are_those_of_score() -> None:
    responses = [*TIMES, "nothing", wrap('{"time": [3, 2]}')]
    batch = otr.score(responses, ['{"time": [1, 2]}'] * len(responses), "temporal_grounding")
    answers = otr.validate(responses, "temporal_grounding").answers
    assert answers.failure == batch.failure
    assert answers.format_fault == batch.format_fault
    assert answers.details == batch.faults


def test_references_are_read_as_score_reads_them() -> None:
    texts, tasks = ["\\frac12 or", "1", "\\frac12", "[]"], ["math", "numerical", "math", "tracking"]
    found = otr.validate(texts, tasks, part="reference", sizes=[None, None, None, (10, 10)])
    assert [(row["row"], row["code"]) for row in found.rows] == [(0, "unreadable_math"), (3, "not_an_object")]
    assert found.rows[0]["message"] == "found \\frac12 or, expected a reference that can be compared with answers"
    with pytest.raises(otr.BadReferenceError, match="row 0"):
        otr.score([wrap("1")], texts[:1], "math")


def test_the_release_refuses_only_what_is_no_json() -> None:
    found = otr.validate([wrap("{"), wrap('{"time": "soon"}')], "temporal_grounding", recipe="release")
    assert [(row["row"], row["code"], row["message"]) for row in found.rows] == [
        (0, "invalid_json", otr.FailureCode.INVALID_JSON.meaning)
    ]


def test_options_dialect_sizes_and_own_tables() -> None:
    choices = otr.validate([wrap("cat"), wrap("cow")], "multiple_choice", options=[["dog", "cat"], None])
    assert [row["row"] for row in choices.rows] == [1]
    native = wrap('[{"bbox_2d": [64, 48, 192, 144], "label": "cat"}]')
    assert otr.validate([native], "spatial_grounding", dialect="qwen2.5-vl", sizes=[(640, 480)]).rows == []
    items = otr.validate(['[{"bbox_2d": [6, 4, 9, 8]}]'], "spatial_grounding", part="reference", dialect="qwen3-vl")
    assert items.rows == []
    table = {"place": otr.TASKS["spatial_grounding"]}
    assert otr.validate([wrap('{"boxes": [1, 2, 3, 4]}')], "place", table=table).rows == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tasks": ["math"]}, "tasks has 1 rows, responses has 2"),
        ({"sizes": [None]}, "sizes has 1 rows, responses has 2"),
        ({"options": [None]}, "options has 1 rows, responses has 2"),
        ({"part": "think"}, "part is one of response, answer, reference, not 'think'"),
        ({"dialect": "klingon"}, "no dialect 'klingon'"),
        ({"responses": "B"}, "responses is one str"),
        ({"tasks": "spatial_grounding", "dialect": "qwen2.5-vl"}, "give the size of the image"),
    ],
)
def test_wrong_arguments_are_errors(arguments: dict[str, Any], message: str) -> None:
    boxes = wrap('[{"bbox_2d": [1, 2, 3, 4]}]')
    with pytest.raises(otr.ArgumentError, match=message):
        otr.validate(**({"responses": [boxes, boxes], "tasks": "math"} | arguments))
    with pytest.raises(otr.UnknownTaskError):
        otr.validate(["B"], "poetry")
