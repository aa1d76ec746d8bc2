"""The examples that need no framework run and print what they say."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.adapters.rows import framework
from tests.examples.running import EXAMPLES, run


def test_the_loop_learns_from_rewards(tmp_path: Path) -> None:
    framework("torch", target="test")
    lines = run("torch_loop.py", "--steps", "60", cwd=tmp_path).splitlines()
    first, last = (dict(re.findall(r"(\w+) (\d\.\d\d)", line)) for line in (lines[0], lines[-1]))
    assert float(last["total"]) > float(first["total"]) + 0.4
    assert {task: last[task] > first[task] for task in ("multiple_choice", "numerical", "temporal_grounding")} == {
        "multiple_choice": True,
        "numerical": True,
        "temporal_grounding": True,
    }


def test_the_loop_computes_in_half_precision(tmp_path: Path) -> None:
    framework("torch", target="test")
    assert "step   1  total" in run("torch_loop.py", "--steps", "2", "--dtype", "bfloat16", cwd=tmp_path)


def test_invalid_answers_are_named(tmp_path: Path) -> None:
    printed = run("validate_json.py", cwd=tmp_path, code=1)
    assert printed.startswith("Validation of 9 answers, strict rules: 5 invalid\n")
    assert 'row 4 door-2, temporal_grounding: wrong_type: time.1: found "9.5", expected a valid number' in printed
    assert printed.count("\nrow ") == 5


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ('[{"task": "ocr", "response": "<think>.</think><answer>a</answer>"}]', 0, "0 invalid"),
        ('[{"task": "poetry", "response": ""}]', 2, "unknown task in row 0"),
        ('[{"task": "ocr"}]', 2, "row 0: expected an object with task and response"),
        ('{"task": "ocr"}', 2, "expected an array of objects, not dict"),
        ("[", 2, "Expecting value"),
        (None, 2, "No such file"),
    ],
    ids=["valid", "unknown task", "no response", "an object", "no JSON", "no file"],
)
def test_the_exit_code_says_what_was_found(tmp_path: Path, content: str | None, code: int, said: str) -> None:
    if content is not None:
        (tmp_path / "rows.json").write_text(content, encoding="utf-8")
    printed = run("validate_json.py", "rows.json", cwd=tmp_path, code=code)
    assert said in printed
    assert "Traceback" not in printed


def test_laws_find_the_bugs_of_a_metric(tmp_path: Path) -> None:
    printed = run("property_test_metric.py", cwd=tmp_path)
    assert "first_iou breaks the law range" in printed
    assert "second_iou breaks the law malformed" in printed
    assert "third_iou keeps the laws" in printed


@pytest.mark.slow
def test_the_tests_of_a_metric_pass(tmp_path: Path) -> None:
    (tmp_path / "test_metric.py").write_text((EXAMPLES / "property_test_metric.py").read_text("utf-8"), "utf-8")
    assert "2 passed" in run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_metric.py", cwd=tmp_path)


def test_a_task_of_your_own_is_rewarded(tmp_path: Path) -> None:
    printed = run("own_task.py", cwd=tmp_path)
    assert 'For example: <answer>{"hour": 3, "minute": 40}</answer>' in printed
    assert " 1.50       0.50                " in printed
    assert "hour: found 23, expected a number less than or equal to 12" in printed


def test_the_command_takes_the_table_of_the_example(tmp_path: Path) -> None:
    row = {
        "task": "clock",
        "response": '<think>.</think><answer>{"hour": 12, "minute": 10}</answer>',
        "reference": {"hour": 11, "minute": 55},
    }
    (tmp_path / "rows.jsonl").write_text(json.dumps(row), encoding="utf-8")
    command = [sys.executable, "-m", "onethinker_rewards", "score", "rows.jsonl", "--table", "own_task:TABLE"]
    search = os.pathsep.join([str(EXAMPLES), os.environ.get("PYTHONPATH", "")])
    run(*command, "--out", "scored.jsonl", cwd=tmp_path, PYTHONPATH=search)
    assert json.loads((tmp_path / "scored.jsonl").read_text("utf-8"))["total"] == 1.5


def test_every_example_is_listed() -> None:
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    files = [path for path in EXAMPLES.rglob("*") if path.suffix in {".py", ".sh", ".ipynb", ".json"}]
    assert len(files) >= 11
    assert [path.name for path in files if f"]({path.relative_to(EXAMPLES)})" not in listed] == []
