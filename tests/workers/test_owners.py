"""Where a pool may be used from, and what becomes of its processes when their owner ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import LONGEST, wait_for, wait_for_the_end_of

ROOT = Path(__file__).parents[2]
HEAD = "from onethinker_rewards.workers import Pool, shared_pool\n"
GCD = "[o.value for o in shared_pool().run('math:gcd', [(4, 6)], timeout=100.0)]"


def run(script: str, tmp_path: Path) -> str:
    path = tmp_path / "script.py"
    path.write_text(HEAD + script)
    done = subprocess.run(
        [sys.executable, "-W", "error", path], capture_output=True, text=True, timeout=LONGEST, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(f"print({GCD})", id="unguarded script"),
        pytest.param(
            f"import threading\nt = threading.Thread(target=lambda: print({GCD}))\nt.start()\nt.join()",
            id="thread",
        ),
        pytest.param(f"import asyncio\nasync def main():\n    print({GCD})\nasyncio.run(main())", id="event loop"),
        pytest.param(
            "import asyncio\nasync def main():\n"
            f"    print(await asyncio.to_thread(lambda: {GCD}))\nasyncio.run(main())",
            id="thread of an event loop",
        ),
        pytest.param(
            "import multiprocessing as mp\n"
            f"def work(_):\n    assert mp.current_process().daemon\n    return {GCD}\n"
            "with mp.get_context('fork').Pool(1) as outer:\n    print(outer.map(work, [0])[0])",
            id="daemonic worker of another pool",
        ),
        pytest.param(
            f"import os\n{GCD}\n"
            "pid = os.fork()\n"
            f"if pid == 0:\n    print({GCD}, flush=True)\n    os._exit(0)\n"
            f"assert {GCD} == [2]\n"
            "assert os.waitpid(pid, 0)[1] == 0",
            id="fork of a process whose pool is at work",
        ),
        pytest.param(f"print(eval({GCD!r}))", id="evaluated, as notebooks do"),
    ],
)
def test_usable_from(script: str, tmp_path: Path) -> None:
    assert run(script, tmp_path) == "[2]\n"


RAY_ACTOR = """
import ray

@ray.remote(num_cpus=0)
class Actor:
    def score(self):
        import onethinker_rewards as otr
        rows = [r"<think>a</think><answer>\\sqrt{8}</answer>", "<think>a</think><answer>3</answer>"]
        return otr.score(rows, [r"2\\sqrt{2}"] * 2, "math").accuracy.tolist()

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
print(ray.get(Actor.remote().score.remote(), timeout=200))
ray.shutdown()
"""


@pytest.mark.slow
def test_usable_from_a_ray_actor(tmp_path: Path) -> None:
    """Ray runs its actors off the main thread of a process of its own."""
    path = tmp_path / "actor.py"
    path.write_text(RAY_ACTOR)
    done = subprocess.run(
        [sys.executable, path],
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[1.0, 0.0]\n"


def test_a_fork_has_processes_of_its_own(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "pid = lambda: shared_pool().run('os:getpid', [()], timeout=100.0)[0].value\n"
        "first = pid()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    assert pid() != first\n"
        "    sys.exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert pid() in (first, pid())\n"
        "os.kill(first, 0)\n"
    )
    run(script, tmp_path)


OWNER = HEAD + (
    "import sys\n"
    "workers = Pool(size=1)\n"
    "print(workers.run('os:getpid', [()], timeout=100.0)[0].value, flush=True)\n"
    "{work}\n"
)


@pytest.mark.parametrize(
    ("work", "end"),
    [
        pytest.param("", None, id="ends by itself"),
        pytest.param("import os; os._exit(1)", None, id="ends without cleaning up"),
        pytest.param("sys.stdin.read()", signal.SIGKILL, id="killed while its worker is idle"),
        pytest.param("workers.run(TASKS + 'sleep', [(BEGUN,)], timeout=600.0)", signal.SIGKILL, id="killed in a sleep"),
        pytest.param(
            "workers.run(TASKS + 'hold_the_interpreter', [(BEGUN,)], timeout=1.0)",
            signal.SIGKILL,
            id="killed in a call that holds the interpreter",
        ),
    ],
)
def test_no_process_is_left_behind(work: str, end: int | None, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    names = f"TASKS, BEGUN = 'tests.workers.tasks:', {str(begun)!r}\n"
    command = [sys.executable, "-c", names + OWNER.replace("{work}", work)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as owner:
        worker = int(owner.stdout.readline())
        if end is not None:
            wait_for(lambda: begun.exists() or "BEGUN" not in work)
            owner.send_signal(end)
        owner.wait(timeout=LONGEST)
    wait_for_the_end_of(worker)
