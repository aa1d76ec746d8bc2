"""Run an example as its reader would: in a process of its own, from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


def run(*command: str | Path, cwd: Path, code: int = 0, timeout: float = 300, **environment: str) -> str:
    """Run a command, check its exit code, and return what it printed, errors too where it has to fail.

    A name that ends in .py is an example.
    """
    words = [str(word) for word in command]
    if words[0].endswith(".py"):
        words = [sys.executable, str(EXAMPLES / words[0]), *words[1:]]
    done = subprocess.run(
        words, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + (done.stderr if code else "")
