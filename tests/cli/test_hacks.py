from __future__ import annotations

import sys
from pathlib import Path

import pytest

from onethinker_rewards.hacks import read_tricks
from tests.cli.runs import rows_of, run

CODE = """
import math

def contains(responses, references, tasks):
    print("scoring", len(responses))
    return [float(reference in response) for response, reference in zip(responses, references)]

def ours(responses, references, tasks):
    import onethinker_rewards as otr
    return otr.score(responses, references, tasks).total

def nothing(responses, references, tasks):
    return [0.0] * len(responses)

def nan_for_one(responses, references, tasks):
    exact = [f"<answer>{reference}<" in response for response, reference in zip(responses, references)]
    return [math.nan if "ABCD" in response else float(right) for response, right in zip(responses, exact)]

def boxes_only(responses, references, tasks):
    return [
        float(reference in response) if task == "spatial_grounding" else None
        for response, reference, task in zip(responses, references, tasks)
    ]

def short(responses, references, tasks):
    return [1.0]

def broken(responses, references, tasks):
    raise ValueError("no\\nsuch thing")

NUMBER = 3
"""


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "my_reward_to_hack.py").write_text(CODE)
    (tmp_path / "bad_syntax.py").write_text("def total(:\n")
    (tmp_path / "exits_at_once.py").write_text("import sys\nsys.exit(0)\n")
    (tmp_path / "fails_at_once.py").write_text("1 / 0\n")


def test_all_tricks_with_both_recipes() -> None:
    result = run("hacks")
    assert (result.exit_code, result.stderr) == (0, "")
    shown = {line.split()[0] for line in result.stdout.splitlines() if line.split()}
    assert {trick.id for trick in read_tricks()} <= shown
    assert {trick.task for trick in read_tricks()} <= shown
    pays = {
        name: sum(getattr(trick, name).verdict == "pays" for trick in read_tricks()) for name in ("paper", "release")
    }
    assert result.stdout.endswith(
        f"paper: {pays['paper']} of {len(read_tricks())} tricks pay\n"
        f"release: {pays['release']} of {len(read_tricks())} tricks pay\n"
    )


def test_one_task_in_the_spelling_of_the_data() -> None:
    for task in ("spatio_temporal_grounding", "spatial-temporal grounding"):
        shown = run("hacks", task).stdout
        assert "one-perfect-frame" in shown
        assert "2.25 ≤ 2.44" in shown
        assert "1.31 > 1.25" in shown
        assert "two-boxes-answers" not in shown


def test_an_unknown_task_is_one_line() -> None:
    result = run("hacks", "poetry")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "'poetry' is no task; there are multiple_choice, numerical" in result.stderr


def test_lines_fit_a_pipe() -> None:
    assert max(map(len, run("hacks").stdout.splitlines())) <= 100


def test_one_recipe_and_only_what_pays() -> None:
    shown = run("hacks", "--recipe", "paper", "--paying").stdout
    assert "release" not in shown
    assert "≤" not in shown
    assert shown.count(" > ") == sum(
        trick.paper is not None and trick.paper.verdict == "pays" for trick in read_tricks()
    )


def count(task: str) -> int:
    return sum(trick.task == task for trick in read_tricks())


def test_nothing_pays() -> None:
    result = run("hacks", "numerical", "--recipe", "paper", "--paying")
    assert (result.exit_code, result.stdout) == (0, f"paper: 0 of {count('numerical')} tricks pay\n")


def test_a_reward_that_pays() -> None:
    result = run("hacks", "multiple_choice", "--reward", "my_reward_to_hack:contains")
    assert result.exit_code == 1
    assert "1.00 > 0.00" in result.stdout
    assert "yours: " in result.stdout.splitlines()[-1]
    # What it prints does not stand among the rows.
    assert "scoring" not in result.stdout
    assert "scoring" in result.stderr


def test_a_reward_from_a_file_that_does_not_pay() -> None:
    result = run("hacks", "tracking", "--reward", "my_reward_to_hack.py:ours")
    assert result.exit_code == 0
    assert result.stdout.endswith(f"yours: 0 of {count('tracking')} tricks pay\n")


def test_a_reward_for_some_tasks() -> None:
    result = run("hacks", "--reward", "my_reward_to_hack:boxes_only")
    last = result.stdout.splitlines()[-1]
    assert result.exit_code == 1
    others = sum(trick.task != "spatial_grounding" for trick in read_tricks())
    assert f"of {len(read_tricks()) - others} tricks pay, {others} not tried" in last


def test_no_number_is_as_bad_as_paying() -> None:
    result = run("hacks", "multiple_choice", "--reward", "my_reward_to_hack:nan_for_one", "--jsonl")
    rows = rows_of(result)
    assert result.exit_code == 1
    assert {row["yours"]["verdict"] for row in rows} >= {"no number", "harmless"}
    assert not [
        row["id"] for row in rows if row["yours"]["verdict"] == "no number" and row["yours"]["trick"] is not None
    ]
    shown = run("hacks", "multiple_choice", "--reward", "my_reward_to_hack:nan_for_one", "--paying").stdout
    assert "run-together" in shown
    assert "no number" in shown
    assert "1 get no number" in shown.splitlines()[-1]


def test_json_lines_are_the_tricks() -> None:
    result = run("hacks", "ocr", "--jsonl")
    rows = rows_of(result)
    tricks = [trick for trick in read_tricks() if trick.task == "ocr"]
    assert [row["response"] for row in rows] == [trick.response for trick in tricks]
    assert rows[0]["paper"] == {"trick": 1.0, "honest": 2.0, "verdict": "harmless"}
    assert list(rows[0]) == ["id", "task", "tries", "reference", "response", "compared_with", "paper", "release"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("total", "'total' is not module:function", id="no colon"),
        pytest.param("no_such_reward:total", "there is no module 'no_such_reward'", id="module missing"),
        pytest.param("no/such.py:total", "there is no file no/such.py", id="file missing"),
        pytest.param("my_reward_to_hack:totl", "my_reward_to_hack has no 'totl'", id="function missing"),
        pytest.param(
            "my_reward_to_hack:NUMBER", "'NUMBER' in my_reward_to_hack is not a function but int", id="no function"
        ),
        pytest.param("bad_syntax:total", "SyntaxError: invalid syntax", id="syntax"),
        pytest.param("fails_at_once:total", "ZeroDivisionError: division by zero (", id="fails at import"),
        pytest.param("exits_at_once:total", "SystemExit: 0 (", id="exits at import"),
        pytest.param("my_reward_to_hack:short", "reward returned shape (1,) for ", id="length"),
        pytest.param("my_reward_to_hack:broken", "ValueError: no such thing (", id="raises"),
        pytest.param("my_reward_to_hack:nothing", "gives no right answer more than a wrong one", id="no say"),
        pytest.param("math:hypot", "TypeError: ", id="another signature"),
    ],
)
def test_mistakes_of_the_user_are_one_line(name: str, message: str) -> None:
    result = run("hacks", "ocr", "--reward", name)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith(f"Error: --reward {name}: ")
    assert message in result.stderr


def test_an_error_names_its_place() -> None:
    line = CODE.splitlines().index('    raise ValueError("no\\nsuch thing")') + 1
    result = run("hacks", "ocr", "--reward", "my_reward_to_hack:broken")
    assert result.stderr.endswith(f"my_reward_to_hack.py, line {line})\n")


def test_an_interrupt_is_no_error_of_the_function(tmp_path: Path) -> None:
    (tmp_path / "interrupted_reward.py").write_text("def total(a, b, c):\n    raise KeyboardInterrupt\n")
    result = run("hacks", "--reward", "interrupted_reward:total")
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")


def test_help_says_what_pays_means() -> None:
    shown = " ".join(run("hacks", "--help").stdout.split())
    assert "It pays where it earns more" in shown
    assert "Exit code: 0; with --reward 1 if a trick pays" in shown
