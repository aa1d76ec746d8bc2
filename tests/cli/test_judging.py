"""``score --judge``, ``rejudge`` and ``calibrate``, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runs import GOOD, lines, rows_of, run
from tests.judges.stub_server import chat, polar, stub_server
from tests.judges.teacher import Reply

OPEN = {"response": "<think>a</think><answer>a red bus</answer>", "reference": "a bus", "task": "open_ended"}


def yes_to_red(request: Mapping[str, Any], number: int) -> Reply:
    return chat("It is right.\nyes" if "red" in json.dumps(request) else "no")


def test_open_ended_rows_get_the_judges_score() -> None:
    rows = lines(OPEN | {"question": "What is it?"}, GOOD, OPEN | {"response": "<think>a</think><answer>x</answer>"})
    with stub_server(yes_to_red) as server:
        options = ["--judge", server.url, "--judge-model", "m", "--judge-option", "timeout=5"]
        result = run("score", "-", *options, stdin=rows)
        assert [row["total"] for row in rows_of(result)] == [2.0, 2.0, 1.0]
        assert [row["part/judge"] for row in rows_of(result)] == [1.0, None, 0.0]
        assert "judge: rows 2, calls 2, tokens_in 200, tokens_out 20" in result.stderr
        assert "What is it?" in json.dumps(server.asked)
        # In two processes.
        again = run("score", "-", *options, "--workers", "2", stdin=rows)
        assert [row["total"] for row in rows_of(again)] == [2.0, 2.0, 1.0]


def test_rows_that_the_judge_failed_are_judged_again(tmp_path: Path) -> None:
    scored, whole = tmp_path / "scored.jsonl", tmp_path / "all.jsonl"
    rows = lines(OPEN, GOOD, {"response": "x"}, OPEN | {"response": "no tags", "note": "kept"})
    options = ["--judge-model", "m", "--judge-option", "tries=1"]
    with stub_server(Reply(400)) as server:
        result = run("score", "-", "--judge", server.url, *options, "--out", scored, stdin=rows)
        assert "judge_refused=1" in result.stderr.replace("\n", "")
        assert result.exit_code == 2
    first, good, bad, wrong = map(json.loads, scored.read_text("utf-8").splitlines())
    assert (first["total"], first["failure"]) == (None, "judge_refused")
    with stub_server(yes_to_red) as server:
        result = run("rejudge", scored, "--judge", server.url, *options, "--out", whole)
        assert len(server.asked) == 1
    assert [json.loads(line) for line in whole.read_text("utf-8").splitlines()] == [
        first | {"total": 2.0, "accuracy": 1.0, "normalized": 1.0, "part/judge": 1.0, "failure": None},
        good,
        {"row": 3, "error": bad["error"]},
        wrong,
    ]
    assert result.exit_code == 2


def test_rejudge_needs_what_score_writes() -> None:
    with stub_server(chat("yes")) as server:
        result = run("rejudge", "-", "--judge", server.url, "--judge-model", "m", stdin=lines(OPEN, "{"))
    assert [row["error"] for row in rows_of(result)] == [
        "no columns failure, total and task: FILE has to be what score wrote",
        "not JSON: Expecting property name enclosed in double quotes (column 2)",
    ]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--judge-model", "m"], "need --judge."),
        (["--judge", "localhost"], "--judge: url: 'localhost' is no http or https URL"),
        (["--judge", "http://h/v1"], "--judge: model: the name that the server knows it by is missing"),
        (["--judge", "http://h/v1", "--judge-option", "x"], "--judge-option x: expected NAME=VALUE"),
        (
            ["--judge", "http://h/v1", "--judge-option", "sample=3"],
            "ChatJudge has no 'sample'; did you mean 'samples'?",
        ),
        (["--judge", "http://h/v1", "--judge-option", "qqqq=3"], "Error: --judge: ChatJudge has no 'qqqq'"),
    ],
)
def test_options_that_do_not_fit(options: list[str], why: str) -> None:
    result = run("score", "-", *options, stdin=lines(OPEN))
    assert result.exit_code == 2
    assert why in " ".join(result.stderr.split())
    assert result.stdout == ""


@pytest.mark.parametrize("command", ["rejudge", "calibrate"])
def test_commands_that_need_a_judge(command: str) -> None:
    assert "Missing option '--judge'" in run(command, "-", stdin=lines(OPEN)).stderr


def test_a_reward_model_is_checked_before_anything_is_scored() -> None:
    with stub_server(polar) as server:
        result = run("score", "-", "--judge", server.root, stdin=lines(OPEN))
        assert 0 < rows_of(result)[0]["part/judge"] < 1
        assert "test" not in result.stderr
    result = run("score", "-", "--judge", server.root, "--judge-option", "timeout=2", stdin=lines(OPEN))
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: --judge: ")
    assert result.stderr.count("\n") == 1


def test_the_key_comes_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret")
    with stub_server(chat("yes")) as server:
        options = ["--judge", server.url, "--judge-model", "m", "--judge-key-variable", "MY_KEY"]
        run("score", "-", *options, stdin=lines(OPEN))
        assert server.headers["Authorization"] == "Bearer secret"


LABELED = [
    {"response": "a red bus", "reference": "a bus", "label": 1},
    {"response": "<think>x</think><answer>a red car</answer>", "reference": "a bus", "label": "no"},
    {"response": "a dog", "reference": "a bus", "label": 0.0},
    {"response": "a dog", "reference": "a bus", "label": "perhaps"},
]


def test_calibration(tmp_path: Path) -> None:
    scores = tmp_path / "scores.jsonl"
    with stub_server(yes_to_red) as server:
        options = ["--judge", server.url, "--judge-model", "m"]
        result = run("calibrate", "-", *options, "--swap", "--scores", scores, stdin=lines(*LABELED, "{"))
        assert result.exit_code == 2
        assert 'row 4: label: expected a number, or yes or no, got "perhaps"' in result.stderr
        shown = {line[:17].strip(): line[18:25].strip() for line in result.stdout.splitlines()[1:]}
        assert shown["accuracy"] == "0.667"
        assert shown["position bias"] == "0.000"
        assert "drift" not in shown
        assert [json.loads(line)["score"] for line in scores.read_text().splitlines()] == [1.0, 1.0, 0.0]
        later = run("calibrate", "-", *options, "--earlier", scores, stdin=lines(*LABELED[:3]))
        assert later.exit_code == 0
        assert "drift               0.000" in later.stdout
        wrong = run("calibrate", "-", *options, "--earlier", scores, stdin=lines(*LABELED[:2]))
        assert "expected 2 rows with a score, as --scores writes them" in wrong.stderr
