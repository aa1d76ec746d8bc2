from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from tests.cli.runs import lines, rows_of, run

CASES = Path(__file__).parents[1] / "answers" / "structured_cases.jsonl"
THINK = "<think>Let me look.</think>"
CUT = '{"boxes": {"1": [0, 0, 9, 9], "2": [0, 0'

NO_RESPONSE = "no column 'response' or 'output' or 'completion' or 'prediction' for the response; there are:"
NAME_IT = "; name yours with --column response=NAME"


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
        {
            "row": 2, "task": "temporal_grounding", "code": "bad_order", "where": "time", "found": "[2,1]",
            "expected": "a start and an end with start <= end",
            "message": "time: found [2,1], expected a start and an end with start <= end",
        },
        {
            "row": 3, "task": "temporal_grounding", "code": "not_an_object", "where": "", "found": "[1,2]",
            "expected": 'an object with "time"', "message": 'found [1,2], expected an object with "time"',
        },
        {
            "row": 4, "task": "math", "code": "missing_answer", "where": "character 0", "found": "",
            "expected": "<answer>…</answer> after the thinking",
            "message": "character 0: found nothing, expected <answer>…</answer> after the thinking",
        },
    ]  # fmt: skip
    assert result.exit_code == 1
    shown = " ".join(result.stderr.split())
    assert "temporal_grounding 3 1 33.3 0 0.333 all 4 1 25.0 0 0.250" in shown
    assert shown.endswith("math missing_answer 1 100.0 4 temporal_grounding bad_order 1 33.3 2 not_an_object 1 33.3 3")


def test_a_row_is_called_what_it_calls_itself() -> None:
    rows = [span("[]") | columns for columns in ({"id": "a7"}, {"problem_id": 12}, {"id": None, "uid": 3.5})]
    result = run("validate", "-", stdin=lines(*rows))
    assert [row.get("id") for row in rows_of(result)] == ["a7", 12, None]
    assert [*rows_of(result)[0]] == ["row", "id", "task", "code", "where", "found", "expected", "message"]


FENCED = span('```json\n{"time": [1, 2]}\n```')


def test_codes_are_counted_over_all_tasks() -> None:
    rows = [*[span("[]")] * 7, FENCED, {"response": "<answer>7</answer>", "task": "numerical"}, FENCED]
    shown = " ".join(run("validate", "-", "--by", "code", stdin=lines(*rows)).stderr.split())
    assert "numerical 1 1 100.0 0 0.000 temporal_grounding 9 0 0.0 0 0.000 all 10 1 10.0 0 0.000" in shown
    assert (
        "all not_an_object 7 70.0 1, 2, 3, 4, 5, … invalid_json 2 20.0 8, 10 missing_think 1 10.0 format alone 9"
    ) in shown
    assert "lenient rules would read 2 of the 9 that are invalid, after" in shown
    assert shown.endswith("code_fence 2 22.2 8, 10")
    top = " ".join(run("validate", "-", "--by", "code", "--top", "1", stdin=lines(*rows)).stderr.split())
    assert "not_an_object" in top
    assert "missing_think" not in top


def test_all_counts_go_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "counts.json"
    run("validate", "-", "--summary", path, stdin=lines(FENCED, span('{"time": [1, 2]}'), "{"))
    counts = json.loads(path.read_text())
    task = {
        "rows": 2, "valid": 1, "format": 1, "repaired": 0, "repairable": 1,
        "failures": {"invalid_json": {"rows": 1, "examples": [1]}}, "format_faults": {}, "repairs": {},
        "lenient_repairs": {"code_fence": {"rows": 1, "examples": [1]}},
    }  # fmt: skip
    assert counts == {
        "part": "response", "rules": "strict", "all": task, "tasks": {"temporal_grounding": task}, "unreadable": 1
    }  # fmt: skip
    result = run("validate", "-", "--summary", tmp_path, stdin=lines(FENCED))
    assert (result.exit_code, result.stderr) == (2, f"Error: {tmp_path}: Is a directory\n")


def test_a_dialect_is_read_as_it_is_written() -> None:
    row = {"response": f'{THINK}<answer>[{{"bbox_2d": [1, 2, 3, 4]}}]</answer>', "task": "spatial_grounding"}
    assert run("validate", "-", "--dialect", "qwen3-vl", stdin=lines(row)).exit_code == 0
    unsaid = run("validate", "-", stdin=lines(row))
    assert (unsaid.exit_code, rows_of(unsaid)[0]["code"]) == (1, "not_an_object")


def test_every_case_of_the_structured_answers_is_checked() -> None:
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    for rules in ("strict", "lenient"):
        result = run("validate", CASES, "--rules", rules)
        found = {row["row"]: row for row in rows_of(result)}
        assert all(row["message"] and row["id"] == cases[row["row"] - 1]["id"] for row in found.values())
        for number, case in enumerate(cases, start=1):
            parsed = otr.parse(case["response"], case["task"], rules=rules)
            assert found.get(number, {}).get("code") == parsed.failure


def test_unreadable_input_wins_over_invalid_answers() -> None:
    rows: list[Any] = [span("[]"), "{", {"response": "x"}, {"response": "x", "task": "poetry"}, {"task": "math"}]
    result = run("validate", "-", stdin=lines(*rows))
    assert result.exit_code == 2
    assert [row.get("code") or row["error"] for row in rows_of(result)] == [
        "not_an_object",
        "not JSON: Expecting property name enclosed in double quotes (column 2)",
        (
            "no column 'task' or 'problem_type' or 'extra_info.task' for the task; there are: 'response'; "
            "name yours with --column task=NAME"
        ),
        f"'poetry' is no task; there are {', '.join(otr.TASKS)}",
        f"{NO_RESPONSE} 'task'{NAME_IT}",
    ]
    assert "1 answer checked, 1 invalid, strict rules; 4 rows could not be read" in result.stderr
    assert run("validate", "/no/such/file").exit_code == 2


def test_no_reference_is_needed_and_a_bad_one_is_no_fault() -> None:
    assert run("validate", "-", stdin=lines(span('{"time": [1, 2]}') | {"reference": "[]"})).exit_code == 0


def test_a_format_fault_leaves_the_answer_valid_and_shows_in_the_summary() -> None:
    row = {"response": "<answer>7</answer>", "task": "numerical"}
    result = run("validate", "-", stdin=lines(row))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "numerical 1 1 100.0 0 0.000" in " ".join(result.stderr.split())


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
    assert f"{task} 1 1 100.0 1 0.000" in " ".join(lenient.stderr.split())
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
            "error": f"{NO_RESPONSE} 'task', 'text'{NAME_IT}",
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
    assert "multiple_choice missing_think 1 100.0 format alone 1" in " ".join(result.stderr.split())


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
    assert default.endswith("multiple_choice text_outside_tags 1 100.0 format alone 1")
    assert mine.startswith("1 answer checked, 0 invalid, lenient rules")
    assert mine.endswith("multiple_choice 1 1 100.0 0 1.000")


@pytest.mark.parametrize("bare", [True, False])
def test_an_empty_cell_of_the_response_is_an_empty_response(tmp_path: Path, bare: bool) -> None:
    (tmp_path / "in.csv").write_text("response,answer,task\n,7,numerical\n")
    result = run("validate", tmp_path / "in.csv", *(["--bare"] if bare else []))
    # Without tags, the answer is checked where there is no response.
    assert [row["code"] for row in rows_of(result)] == ([] if bare else ["missing_answer"])
