from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from tests.cli.runs import lines, rows_of, run

THINK = "<think>Let me look.</think>"
CUT = '{"boxes": {"1": [0, 0, 9, 9], "2": [0, 0'

NO_RESPONSE = "no column 'response' or 'output' or 'completion' or 'prediction' for the response; there are:"


def span(answer: str) -> dict[str, Any]:
    return {"response": f"{THINK}<answer>{answer}</answer>", "task": "temporal_grounding"}


def test_valid_answers_are_silent_and_fine() -> None:
    result = run("validate", "-", stdin=lines(span('{"time": [1, 2]}')))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines()[0] == "1 answer checked, 0 invalid, strict rules"


def test_each_invalid_row_has_its_code_and_why() -> None:
    rows = [span('{"time": [1, 2]}'), span('{"time": [2, 1]}'), span("[1, 2]"), {"response": "", "task": "math"}]
    result = run("validate", "-", stdin=lines(*rows))
    assert rows_of(result) == [
        {"row": 2, "code": "bad_order", "why": "x1 < x2, y1 < y2 or start ≤ end does not hold"},
        {"row": 3, "code": "not_an_object", "why": "JSON, but not an object"},
        {"row": 4, "code": "missing_answer", "why": "no `<answer>` after the thinking"},
    ]
    assert result.exit_code == 1
    assert "temporal_grounding 3 1 0 0.333 bad_order=1, not_an_object=1" in " ".join(result.stderr.split())


def test_unreadable_input_wins_over_invalid_answers() -> None:
    rows: list[Any] = [span("[]"), "{", {"response": "x"}, {"response": "x", "task": "poetry"}, {"task": "math"}]
    result = run("validate", "-", stdin=lines(*rows))
    assert result.exit_code == 2
    assert [row.get("code") or row["error"] for row in rows_of(result)] == [
        "not_an_object",
        "not JSON: Expecting property name enclosed in double quotes (column 2)",
        "no column 'task' or 'problem_type' or 'extra_info.task' for the task; there are: 'response'",
        f"'poetry' is no task; there are {', '.join(otr.TASKS)}",
        f"{NO_RESPONSE} 'task'",
    ]
    assert "1 answer checked, 1 invalid, strict rules; 4 rows could not be read" in result.stderr
    assert run("validate", "/no/such/file").exit_code == 2


def test_no_reference_is_needed_and_a_bad_one_is_no_fault() -> None:
    assert run("validate", "-", stdin=lines(span('{"time": [1, 2]}') | {"reference": "[]"})).exit_code == 0


def test_a_format_fault_leaves_the_answer_valid_and_shows_in_the_summary() -> None:
    row = {"response": "<answer>7</answer>", "task": "numerical"}
    result = run("validate", "-", stdin=lines(row))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "numerical 1 1 0 0.000 missing_think=1" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("response", "task"),
    [
        pytest.param(f'{THINK}<answer>```json\n{{"time": [1, 2]}}\n```</answer>', "temporal_grounding", id="fence"),
        pytest.param(f"{THINK}<answer>{CUT}", "tracking", id="cut-off"),
    ],
)
def test_lenient_rules_repair(response: str, task: str) -> None:
    row = lines({"response": response, "task": task})
    assert run("validate", "-", stdin=row).exit_code == 1
    lenient = run("validate", "-", "--rules", "lenient", stdin=row)
    assert lenient.exit_code == 0
    assert f"{task} 1 1 1 0.000" in " ".join(lenient.stderr.split())
    assert run("validate", "-", "--rules", "release", stdin=row).exit_code == 2


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        pytest.param({"response": '{"time": [1, 2]}'}, None, id="response"),
        pytest.param({"response": "<answer>{}</answer>"}, "invalid_json", id="tags-in-a-bare-response"),
        pytest.param({"answer": '{"time": [2, 1]}'}, "bad_order", id="answer"),
        pytest.param({"answer": '<answer>{"time": [1, 2]}</answer>'}, None, id="answer-as-data-sets-have-it"),
        pytest.param({"response": "{}", "answer": '{"time": [1, 2]}'}, "missing_key", id="response-before-answer"),
    ],
)
def test_bare_answers(columns: dict[str, Any], code: str | None) -> None:
    result = run("validate", "-", "--bare", stdin=lines({"task": "temporal_grounding"} | columns))
    assert [row["code"] for row in rows_of(result)] == ([code] if code else [])
    assert result.exit_code == (1 if code else 0)
    assert "format" not in result.stderr


@pytest.mark.parametrize("name", ["reference", "solution", "answer"])
def test_bare_references_are_checked_by_any_of_their_names(name: str) -> None:
    result = run("validate", "-", "--bare", stdin=lines({"task": "numerical", name: "<answer>12 cm</answer>"}))
    assert [row["code"] for row in rows_of(result)] == ["not_a_number"]


def test_bare_without_any_text_is_unreadable_input() -> None:
    result = run("validate", "-", "--bare", stdin=lines({"task": "math", "text": "1"}))
    assert rows_of(result) == [
        {
            "row": 1,
            "error": f"{NO_RESPONSE} 'task', 'text'",
        }
    ]


@pytest.mark.parametrize("bare", [True, False])
def test_an_option_s_text_is_valid_where_the_options_are_known(bare: bool) -> None:
    text = "cat" if bare else f"{THINK}<answer>cat</answer>"
    row = {"response": text, "task": "multiple_choice"}
    rows = lines(row, row | {"options": ["dog", "cat"]}, row | {"options": ["dog", "cow"]})
    result = run("validate", "-", *(["--bare"] if bare else []), stdin=rows)
    assert [found["row"] for found in rows_of(result)] == [1, 3]


def test_options_leave_a_format_fault_in_place() -> None:
    row = {"response": "<answer>cat</answer>", "task": "multiple_choice", "options": ["dog", "cat"]}
    result = run("validate", "-", stdin=lines(row))
    assert "multiple_choice 1 1 0 0.000 missing_think=1" in " ".join(result.stderr.split())


def test_references_are_checked_before_a_run() -> None:
    rows = [
        {"task": "numerical", "solution": "12 cm"},
        {"task": "math", "answer": "\\frac12"},
        {"task": "tracking", "reference": {"boxes": {}}},
        {"task": "ocr"},
    ]
    result = run("validate", "-", "--references", stdin=lines(*rows))
    assert [(row["row"], row.get("code")) for row in rows_of(result)] == [
        (1, "not_a_number"), (3, "empty_track"), (4, None),
    ]  # fmt: skip
    assert "3 references checked, 2 invalid; 1 row could not be read" in result.stderr
    assert result.exit_code == 2
    assert run("validate", "-", "--references", stdin=lines(rows[1])).exit_code == 0


def test_the_end_tokens_and_rules_are_the_recipe_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(
        'import onethinker_rewards as otr\nMINE = otr.Recipe(end_tokens=("<|mine|>",), rules="lenient")\n'
    )
    monkeypatch.chdir(tmp_path)
    row = {"response": f"{THINK}<answer>cat</answer><|mine|>", "task": "multiple_choice", "options": ["dog", "cat"]}
    default = " ".join(run("validate", "-", stdin=lines(row)).stderr.split())
    mine = " ".join(run("validate", "-", "--recipe", "mine.py:MINE", stdin=lines(row)).stderr.split())
    assert default.startswith("1 answer checked, 0 invalid, strict rules")
    assert "multiple_choice 1 1 0 0.000 text_outside_tags=1" in default
    assert mine.startswith("1 answer checked, 0 invalid, lenient rules")
    assert mine.endswith("multiple_choice 1 1 0 1.000")


@pytest.mark.parametrize("bare", [True, False])
def test_an_empty_cell_of_the_response_is_an_empty_response(tmp_path: Path, bare: bool) -> None:
    (tmp_path / "in.csv").write_text("response,answer,task\n,7,numerical\n")
    result = run("validate", tmp_path / "in.csv", *(["--bare"] if bare else []))
    # Without tags, the answer is checked where there is no response.
    assert [row["code"] for row in rows_of(result)] == ([] if bare else ["missing_answer"])
