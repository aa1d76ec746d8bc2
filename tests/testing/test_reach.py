"""The strategies reach every branch of what reads a response, but for what no response decides."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.testing.reading import NOT_THE_MODEL
from tests.waiting import LONGEST


def test_every_branch_of_reading(tmp_path: Path) -> None:
    """In a process of its own, which imports what is looked at while it is looked at."""
    command = [sys.executable, "-m", "tests.testing.reading", str(tmp_path)]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, check=True, timeout=2 * LONGEST
    )
    assert json.loads(done.stdout) == NOT_THE_MODEL
