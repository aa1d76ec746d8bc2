"""The strategies reach every branch of what reads a response, but for what no response decides."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# What a caller decides: limits, a schema of their own, the options of a question.
NOT_THE_MODEL = {
    "read.py": {"_plain", "_validated"},
    "limits.py": {"Limits.__post_init__"},
    "text.py": {"named_option"},
}
# The files that decide what one response says.
READING = ("limits.py", "read.py", "release.py", "repairs.py", "tags.py", "text.py")


def unreached(folder: Path) -> dict[str, set[str]]:
    """Return the functions of these files with a branch that nothing drawn reaches, by file."""
    root = Path(__file__).parents[2]
    settings = folder / "settings"
    included = ",".join(f"*/onethinker_rewards/answers/{name}" for name in READING)
    settings.write_text(f"[run]\nbranch = true\ndata_file = {folder / 'data'}\ninclude = {included}\n")
    coverage = [sys.executable, "-m", "coverage"]
    run = [*coverage, "run", f"--rcfile={settings}", "-m", "tests.testing.reading"]
    subprocess.run(run, cwd=root, check=True, timeout=600)
    report = folder / "report.json"
    shown = [*coverage, "json", f"--rcfile={settings}", "--quiet", "-o", str(report)]
    subprocess.run(shown, cwd=root, check=True, timeout=60)
    files = json.loads(report.read_text("utf-8"))["files"]
    assert len(files) == len(READING)
    return {
        Path(name).name: {
            function for function, one in file["functions"].items() if one["missing_lines"] or one["missing_branches"]
        }
        for name, file in files.items()
    }


@pytest.mark.slow
def test_every_branch_of_reading(tmp_path: Path) -> None:
    found = unreached(tmp_path)
    assert {name: functions for name, functions in found.items() if functions} == NOT_THE_MODEL
