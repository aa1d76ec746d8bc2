"""The command ``explain``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from tests.cli.runs import GOOD, good, lines, run

CASES = Path(__file__).parents[1] / "answers" / "structured_cases.jsonl"
BOX = '{"boxes": [100, 100, 300, 300]}'


def span(answer: str, **columns: Any) -> dict[str, Any]:
    response = f"<think>a</think><answer>{answer}</answer>"
    return {"response": response, "task": "temporal_grounding", "reference": '{"time": [1, 2]}'} | columns


def titles(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("row ")]


def test_one_response() -> None:
    response = "<answer>12 cm</answer>"
    result = run("explain", "--task", "numerical", "--response", response, "--reference", "12")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == otr.explain(response, "numerical", "12") + "\n"
    alone = run("explain", "--task", "numerical", "--response", response)
    assert alone.stdout == otr.explain(response, "numerical") + "\n"


def test_options_dialect_and_size() -> None:
    choice = run("explain", "--task", "multiple_choice", "--response", "<think>a</think><answer>cat</answer>",
                 "--reference", "B", "--option", "dog", "--option", "cat")  # fmt: skip
    assert "total      2.00" in choice.stdout
    native = '<think>a</think><answer>[{"bbox_2d": [64, 48, 192, 144]}]</answer>'
    arguments = ["explain", "--task", "spatial_grounding", "--response", native, "--reference", BOX]
    pixels = [*arguments, "--dialect", "qwen2.5-vl"]
    assert "total      2.00" in run(*pixels, "--size", "640x480").stdout
    missing = run(*pixels)
    assert missing.exit_code == 2
    assert missing.stderr == "Error: the dialect qwen2.5-vl writes pixels: give the size of the image\n"


def test_rows_with_a_code_or_with_any_fault() -> None:
    rows = lines(GOOD, span("[]"), span('{"time": [1, "2"]}'), span('{"time": [1, 2]}', response="x"), span("[]"))
    every = run("explain", "-", stdin=rows)
    assert titles(every.stdout) == ["row 2", "row 3", "row 4", "row 5"]
    assert (every.exit_code, every.stderr) == (0, "4 rows with a fault\n")
    some = run("explain", "-", "--code", "not_an_object", stdin=rows)
    assert titles(some.stdout) == ["row 2", "row 5"]
    assert some.stderr == "2 rows with not_an_object\n"
    assert titles(run("explain", "-", "--limit", "1", stdin=rows).stdout) == ["row 2"]
    first = some.stdout.split("\n\n")[0]
    assert first == "row 2\n" + otr.explain(span("[]")["response"], "temporal_grounding", '{"time": [1, 2]}')


def test_codes_of_the_comparison_and_of_repairs() -> None:
    rows = lines(
        good(task="math", response="<think>a</think><answer>\\frac{1</answer>", reference="2"),
        good(task="math", reference="\\frac{1"),
        {"task": "spatial_grounding", "response": '<think>a</think><answer>{"boxes": [-1, 2, 3, 4]}</answer>'},
    )
    assert titles(run("explain", "-", "--code", "unreadable_math", stdin=rows).stdout) == ["row 1"]
    assert titles(run("explain", "-", "--code", "bad_reference", stdin=rows).stdout) == ["row 2"]
    clipped = run("explain", "-", "--code", "clipped", stdin=rows)
    assert titles(clipped.stdout) == ["row 3"]
    assert "total" not in clipped.stdout
    assert titles(run("explain", "-", stdin=rows).stdout) == ["row 1", "row 2"]


def test_rows_that_cannot_be_used() -> None:
    result = run("explain", "-", stdin=lines("{", {"response": "x"}, span("[]")))
    assert result.exit_code == 2
    assert titles(result.stdout) == ["row 3"]
    assert result.stderr.splitlines()[0].startswith("row 1: not JSON")
    assert result.stderr.splitlines()[1].startswith("row 2: no column 'task'")


def test_a_row_that_score_could_not_use_keeps_its_reason() -> None:
    result = run("explain", "-", stdin=lines({"row": 2, "error": "unknown task 'poetry'"}))
    assert "row 1: unknown task 'poetry'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give a FILE, or --response with --task."),
        (["a.jsonl", "--response", "x"], "Give a FILE or --response, not both."),
        (["--response", "x"], "--response needs --task."),
        (["--response", "x", "--task", "poetry"], "--task: 'poetry' is no task"),
        (["--response", "x", "--task", "math", "--size", "640"], "--size 640: expected WIDTHxHEIGHT"),
        (["a.jsonl", "--code", "wrong"], "Invalid value for '--code'"),
        (["/no/such/file"], "/no/such/file: No such file"),
        (["-", "--dialect", "qwen2.5-vl"], "row 1: the dialect qwen2.5-vl writes pixels: no column 'size'"),
        (["-", "--recipe", "release", "--dialect", "qwen3-vl"], "release compares texts as they are"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str) -> None:
    native = {"task": "spatial_grounding", "response": '<think>a</think><answer>[{"bbox_2d": [1, 2, 3, 4]}]</answer>'}
    result = run("explain", *arguments, stdin=lines(native))
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_every_case_of_the_structured_answers() -> None:
    result = run("explain", CASES, "--limit", "1000")
    assert result.exit_code == 0
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    batch = otr.score([case["response"] for case in cases], [case["reference"] for case in cases],
                      [case["task"] for case in cases])  # fmt: skip
    assert titles(result.stdout) == [
        f"row {row}" for row, fault in enumerate(batch.format_fault, start=1) if fault or batch.failure[row - 1]
    ]
    assert max(map(len, result.stdout.splitlines())) <= 100
