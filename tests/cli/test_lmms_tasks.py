"""The command ``lmms-tasks``."""

from __future__ import annotations

from pathlib import Path

from tests.cli.runs import run


def test_names_and_folder() -> None:
    names = run("lmms-tasks").stdout.split()
    folder = Path(run("lmms-tasks", "--path").stdout.strip())
    assert {f"onethinker_{path.stem}" for path in folder.glob("*.yaml")} == {*names}
    assert "onethinker_temporal_grounding" in names
    assert run("lmms-task").exit_code == 2
