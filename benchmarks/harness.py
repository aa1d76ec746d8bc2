"""What every benchmark shares: one measured pair a row, one table a topic."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import distributions, version
from pathlib import Path

PACKAGES = ("numpy", "scipy", "shapely", "torch", "jiwer", "rouge-score", "math-verify")

# Runs a command and prints what it took. A process of its own, because on Linux the peak of a child begins with that of
# the process that started it, and this one has torch and more in it.
METER = """
import json, os, sys, time
nowhere = os.open(os.devnull, os.O_WRONLY)
since = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, nowhere, 1)])
_, status, used = os.wait4(child, 0)
wall_s = time.perf_counter() - since
code = os.waitstatus_to_exitcode(status)
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps([code, wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * unit]))
"""


@dataclass(frozen=True)
class Spent:
    """What a command took: time by the clock and of its processors, and the most bytes of its largest process."""

    wall_s: float
    cpu_s: float
    peak: int


@dataclass(frozen=True)
class Row:
    """Our time and another's for the same work, both measured in one run."""

    name: str
    ours_s: float
    against: str
    against_s: float
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times longer the other one takes."""
        return self.against_s / self.ours_s


def best_of(fn: Callable[[], object], repeat: int = 5, at_least_s: float = 0.02) -> float:
    """Return the seconds of one call: the best of ``repeat`` rounds, each long enough to time."""
    calls, spent = 1, _seconds(fn, 1)
    while spent < at_least_s:
        calls = max(2 * calls, int(calls * at_least_s / max(spent, 1e-9)))
        spent = _seconds(fn, calls)
    rounds = [spent, *(_seconds(fn, calls) for _ in range(repeat - 1))]
    return min(rounds) / calls


def best_of_both(
    ours: Callable[[], object], theirs: Callable[[], object], repeat: int = 9, at_least_s: float = 0.02
) -> tuple[float, float]:
    """Return the seconds of one call of each, as `best_of` does, in turns: what slows the machine slows both."""
    rounds = [(best_of(ours, 1, at_least_s), best_of(theirs, 1, at_least_s)) for _ in range(repeat)]
    return min(first for first, _ in rounds), min(second for _, second in rounds)


def spend(*arguments: str | Path) -> Spent:
    """Run the command line with these arguments, and return what it and the processes that it started took.

    Raises:
        RuntimeError: If it failed.
    """
    command = [sys.executable, "-m", "onethinker_rewards", *map(str, arguments)]
    meter = [sys.executable, "-I", "-S", "-c", METER, *command]
    done = subprocess.run(meter, capture_output=True, text=True, check=True)
    code, *spent = json.loads(done.stdout)
    if code != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {code}\n{done.stderr}")
    return Spent(*spent)


def least(runs: Iterable[Spent]) -> Spent:
    """Return the least time of several runs of one command, and the most memory."""
    walls, cpus, peaks = zip(*((run.wall_s, run.cpu_s, run.peak) for run in runs), strict=True)
    return Spent(min(walls), min(cpus), max(peaks))


def machine(
    packages: Iterable[str] = ("numpy", "scipy", "shapely", "torch", "jiwer", "rouge-score", "math-verify"),
) -> str:
    """Return one line with the processor, the interpreter and the versions of ``packages`` and of the peers."""
    versions = {name: version(name) for name in packages} | apart()
    listed = ", ".join(f"{name} {number}" for name, number in versions.items())
    return f"{_processor()}, {os.cpu_count()} cores; Python {platform.python_version()}; {listed}"


def apart() -> dict[str, str]:
    """Return the versions of the peers that are installed apart, by ``make .venv/.peers``."""
    found = distributions(path=[str(Path(sys.prefix) / "peers")])
    return dict(sorted((package.metadata["Name"], package.version) for package in found))


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table; a ratio above 1 means that ours is faster."""
    head = "| what | ours | against | its time | ratio | note |\n|---|---|---|---|---|---|"
    lines = (
        f"| {row.name} | {_readable(row.ours_s)} | {row.against} | {_readable(row.against_s)} "
        f"| {row.ratio:.2f} | {row.note} |"
        for row in rows
    )
    return "\n".join([head, *lines])


def _seconds(fn: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        fn()
    return time.perf_counter() - start


def _readable(seconds: float) -> str:
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if seconds < limit:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s"


def _processor() -> str:
    # platform.processor() is empty on most Linux systems.
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
