from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.cli.demo import read_examples
from onethinker_rewards.rewards import wording
from tests.cli.runs import rows_of, run

# Keyed by (task, number within it): total, and the failure or format fault.
EXPECTED = {
    "multiple_choice": [
        (2, None),
        (2, None),
        (0, "no_option_letter"),
        (0, "several_answers"),
        (1, "text_outside_tags"),
    ],
    "numerical": [(2, None), (0, "not_a_number"), (1, None)],
    "regression": [(2, None), (1.8, None), (1, None), (0, "not_a_number")],
    "math": [(2, None), (1, None), (1, "unreadable_math"), (0, "unclosed_answer")],
    "ocr": [(2, None), (1 + 5 / 6, None), (0, "missing_answer")],
    "open_ended": [(1.66, None), (1.14, None), (0, "empty_answer")],
    "temporal_grounding": [(1.875, None), (1.5, None), (0, "bad_order"), (0, "missing_answer")],
    "spatial_grounding": [(1.959, None), (1.375, None), (0, "bad_order"), (5 / 3, None), (0, "invalid_json")],
    "spatio_temporal_grounding": [(2.711, None), (2.2, None), (0, "missing_key")],
    "tracking": [(1.818, None), (0, "unclosed_answer"), (0, "bad_frame_key")],
    "image_segmentation": [(3.88, None), (2, None), (0, "wrong_length"), (0, "unknown_key")],
    "detection": [(1.78, None), (1, None)],
    "pointing": [(1.803, None), (0, "out_of_range")],
    "gui_click": [(2, None), (1, None)],
    "rotated_box": [(2, None), (0, "bad_order")],
    "temporal_segments": [(5 / 3, None), (4 / 3, None)],
    "point_tracking": [(2, None), (1.5, None)],
    "image_quality": [(1.8, None), (1, None)],
    "ordering": [(5 / 3, None), (1, None)],
    "video_segmentation": [(4.84, None), (4.011, None), (0, "invalid_json"), (4, "missing_think")],
}


@pytest.fixture(scope="module")
def page() -> str:
    result = run("demo", "--all")
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


@pytest.fixture(scope="module")
def scored() -> list[dict[str, Any]]:
    return rows_of(run("score", str(files("onethinker_rewards.cli") / "examples.jsonl")))


def test_the_examples_are_a_file_that_score_reads(scored: list[dict[str, Any]]) -> None:
    assert all("error" not in row for row in scored)
    assert 55 <= len(scored) <= 65
    assert list(dict.fromkeys(row["task"] for row in scored)) == list(otr.TASKS)


def test_every_example_gets_what_its_note_says(scored: list[dict[str, Any]]) -> None:
    for task, expected in EXPECTED.items():
        rows = [row for row in scored if row["task"] == task]
        assert [row["failure"] or row["format_fault"] for row in rows] == [code for _, code in expected], task
        assert [row["total"] for row in rows] == pytest.approx([total for total, _ in expected], abs=0.006), task


def test_thinking_has_a_realistic_length() -> None:
    for row in read_examples():
        thinking = re.match(r".*?<think>(.*)</think>", row.row.columns["response"], re.DOTALL)
        if thinking is not None:
            assert 100 <= len(thinking[1].split()) <= 250, row.row.columns["note"]


def test_no_two_examples_share_their_thinking() -> None:
    thoughts = [row.row.columns["response"].split("</think>")[0] for row in read_examples()]
    assert len(set(thoughts)) == len(thoughts)


def test_every_task_question_reference_and_note_is_shown(page: str) -> None:
    flat = " ".join(page.split())
    for row in read_examples():
        for column in ("task", "question", "reference", "note"):
            assert " ".join(row.row.columns[column].split())[:80] in flat, row.row.columns[column]


def test_every_code_is_shown_with_its_meaning(page: str, scored: list[dict[str, Any]]) -> None:
    flat = " ".join(page.split())
    found = {row[name] for row in scored for name in ("failure", "format_fault")} - {None}
    assert len(found) >= 15
    for code in found:
        assert f"{code}: {otr.FailureCode(code).meaning}" in flat
    for code in ("clipped", "code_fence", "truncated_track", "closed_answer", "repeated_points"):
        assert f"{code}: {otr.RepairCode(code).meaning}" in flat


def test_every_total_is_a_sum_that_is_shown(page: str, scored: list[dict[str, Any]]) -> None:
    flat = " ".join(page.split())
    for row in scored:
        assert wording.rewards_in_words(row) in flat
    assert flat.count(" total ") >= len(scored)


def test_the_page_is_plain_text_of_80_columns(page: str) -> None:
    assert max(map(len, page.splitlines())) <= 80
    assert "\x1b" not in page
    assert page.startswith("onethinker_rewards compares what a model wrote with a reference")
    assert page.rstrip().endswith("# batch.total")
    assert "onethinker-rewards score answers.jsonl --out scored.jsonl" in page


def test_without_a_task_it_fits_on_a_screen() -> None:
    result = run("demo")
    lines = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(lines) <= 48
    assert max(map(len, lines)) <= 80
    assert [line.split(":")[0] for line in lines if line[:1].islower() and ": accuracy from" in line] == [
        "multiple_choice",
        "temporal_grounding",
        "spatial_grounding",
    ]
    assert '1.96 = 0.96 + 1.00  <answer>{"boxes": [105, 200, 300, 495]}</answer>' in result.stdout
    (advantages,) = (line.split()[1:] for line in lines if line.strip().startswith("advantage"))
    assert sum(map(float, advantages)) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("task", ["math", "temporal grounding"])
def test_one_task(task: str) -> None:
    shown = run("demo", task).stdout
    assert otr.task_name(task) + ": accuracy from 0 to 1" in shown
    assert shown.count(": accuracy from 0 to") == 1
    assert "how to answer" in shown


def test_no_task() -> None:
    assert "'mahjong' is no task" in run("demo", "mahjong").stderr


@pytest.mark.parametrize(
    ("arguments", "name", "rows"),
    [
        (["--html"], "demo.html", 61),
        (["math", "--html"], "demo.html", 4),
        (["--html", "math.html", "math"], "math.html", 4),
    ],
    ids=["all", "one task", "a file"],
)
def test_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], name: str, rows: int) -> None:
    pytest.importorskip("jinja2")
    monkeypatch.chdir(tmp_path)
    result = run("demo", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{name}: {rows} rows; open it in a browser\n"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    page = (tmp_path / name).read_text(encoding="utf-8")
    assert "unreadable_math" in page
    assert ("spatial_grounding" in page) == (rows > 4)


def test_a_report_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jinja2")
    lost = tmp_path / "lost" / "demo.html"
    result = run("demo", "--html", str(lost))
    assert (result.exit_code, result.stderr) == (2, f"Error: {lost}: No such file or directory\n")
    result = run("demo", "--html", "math")
    assert result.stderr.splitlines()[-1] == (
        "Error: --html math: the name of a report ends in .html; TASK goes before the option."
    )
    monkeypatch.setattr("onethinker_rewards.cli.prepare.find_spec", lambda name: None)
    result = run("demo", "--html", str(tmp_path / "demo.html"))
    said = "Error: this needs jinja2 and pillow: pip install 'onethinker-rewards[report]'\n"
    assert (result.exit_code, result.stderr) == (2, said)
