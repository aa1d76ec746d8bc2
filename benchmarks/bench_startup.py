"""The start of a process: the import, a first score and the command line, against Python and NumPy alone.

Each is a process, timed by the clock from start to end, in turns; the start of the interpreter is in all of them. Files
are read from the cache of the system, and modules are compiled already.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from benchmarks.harness import Row, best_of_both

NUMPY = ("-c", "import numpy")
SCORE = "import onethinker_rewards as otr; otr.score(['<think>x</think><answer>B</answer>'], ['B'], 'multiple_choice')"
PROGRAMS = {
    "import onethinker_rewards": ("-c", "import onethinker_rewards"),
    "import and score one letter": ("-c", SCORE),
    "onethinker-rewards --help": ("-m", "onethinker_rewards", "--help"),
    "onethinker-rewards schema ocr": ("-m", "onethinker_rewards", "schema", "ocr"),
    "onethinker-rewards demo": ("-m", "onethinker_rewards", "demo"),
}


def run() -> list[Row]:
    """Return two rows for each program: against Python that does nothing, and against NumPy's import."""
    with tempfile.TemporaryDirectory() as compiled:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = compiled
        return [
            row
            for name, program in PROGRAMS.items()
            for row in (
                against(name, program, "python -c pass", ("-c", "pass"), environment),
                against(name, program, "import numpy", NUMPY, environment),
            )
        ]


def against(name: str, ours: Sequence[str], other_name: str, theirs: Sequence[str], environment: dict[str, str]) -> Row:
    def start(arguments: Sequence[str]) -> None:
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, env=environment, check=True)

    start(ours)
    start(theirs)
    ours_s, theirs_s = best_of_both(lambda: start(ours), lambda: start(theirs))
    return Row(name, ours_s, other_name, theirs_s)
