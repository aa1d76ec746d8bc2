from __future__ import annotations

import runpy
import sys

import pytest

from tests.cli.runs import run


def test_help_names_every_command() -> None:
    shown = run("--help").stdout
    names = [line.split()[0] for line in shown.splitlines() if line.startswith("  ") and line.endswith(".")]
    assert {"score", "validate", "schema", "demo"} <= set(names)
    assert "Start with: onethinker-rewards demo" in shown


@pytest.mark.parametrize("command", ["score", "validate", "schema", "demo"])
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
