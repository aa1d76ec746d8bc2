from __future__ import annotations

import runpy
import sys

import pytest

import onethinker_rewards as otr
from tests.cli.runs import run


def test_help_names_every_command() -> None:
    shown = run("--help").stdout
    names = [line.split()[0] for line in shown.splitlines() if line.startswith("  ") and line.endswith(".")]
    assert {"score", "validate", "schema", "demo"} <= set(names)
    assert "Start with: onethinker-rewards demo" in shown


@pytest.mark.parametrize("command", ["score", "validate", "schema", "prompt", "demo"])
def test_each_command_has_a_help(command: str) -> None:
    result = run(command, "-h")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {command} [OPTIONS]")


def test_an_unknown_command_is_a_usage_error() -> None:
    result = run("judge")
    assert result.exit_code == 2
    assert "No such command 'judge'" in result.stderr


def test_the_module_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["__main__.py", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("onethinker_rewards", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("onethinker-rewards, version ")


def test_prompt_is_the_library_s_own() -> None:
    result = run("prompt", "multiple choice", "What is it?", "--option", "a dog", "--option", "a cat")
    assert result.exit_code == 0
    assert result.stdout == otr.prompt("multiple_choice", "What is it?", ["a dog", "a cat"]) + "\n"


@pytest.mark.parametrize("command", ["prompt", "schema", "hacks"])
def test_an_unknown_task_is_one_line_that_names_the_tasks_once(command: str) -> None:
    result = run(command, "mcq", *(["What?"] if command == "prompt" else []))
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.count("open_ended") == 1


def test_an_option_too_many_is_one_line() -> None:
    result = run("prompt", "ocr", "What?", "--option", "x")
    assert result.exit_code in (0, 2)
    assert "Traceback" not in result.stderr


def test_a_misspelled_command_has_a_suggestion() -> None:
    result = run("scor", "-")
    assert result.exit_code == 2
    assert "No such command 'scor'. Did you mean 'score'?" in result.stderr.replace("\n", " ")
