"""The strategies reach every branch that reads a response, except where no response can."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.testing.reading import NOT_THE_MODEL
from tests.waiting import LONGEST


def test_every_branch_of_reading(tmp_path: Path) -> None:
    """In a separate process, which imports the measured files while coverage is measured."""
    command = [sys.executable, "-m", "tests.testing.reading", str(tmp_path)]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, check=True, timeout=2 * LONGEST
    )
    assert json.loads(done.stdout) == NOT_THE_MODEL
