"""Several processes: the order of the file, an end for all of them, and what is said when one is lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from onethinker_rewards.cli import crew as module
from onethinker_rewards.cli import lines as lines_module
from onethinker_rewards.cli.crew import crew, end_with_owner, serve
from onethinker_rewards.cli.files import Refused
from onethinker_rewards.cli.lines import Lines, LinesSource
from onethinker_rewards.cli.work import Job, Place
from tests.cli.jobs import DieAt, FailAt, echo
from tests.cli.runs import GOOD, good, lines, run
from tests.waiting import LONGEST, is_running, wait_for, wait_for_the_end_of

ROWS = 2000
# Each worker does one work and then none, until it may.
PROGRAM = """
import sys
from itertools import count
from pathlib import Path
from time import sleep
from onethinker_rewards.cli import lines, main, scoring
score_rows, works, held = scoring._score_rows, count(), Path(__file__).with_name("held")

def one_work(*rows):
    while next(works) and held.exists():
        sleep(0.01)
    return score_rows(*rows)

lines.CHUNK_ROWS, scoring._score_rows = 200, one_work
if __name__ == "__main__":
    main(sys.argv[1:])
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(lines_module, "CHUNK_ROWS", 2)
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"{}\n" * 19)
    with path.open("rb") as file:
        yield LinesSource(file, str(path), str(path))


def children(pid: int) -> set[int]:
    """Return all processes below one."""
    try:
        direct = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return set()
    return {*direct, *(below for child in direct for below in children(child))}


def test_what_comes_out_is_in_the_order_of_the_file(source: LinesSource) -> None:
    with closing(crew(echo, 2)(source, Place())) as done:
        found = list(done)
    assert [one.end.number for one in found] == [3, 5, 7, 9, 11, 13, 15, 17, 19, 20]
    assert [one.rows for one in found] == [2] * 9 + [1]
    pids = {int(one.blob) for one in found}
    assert os.getpid() not in pids
    wait_for_the_end_of(*pids)


def test_what_is_read_ahead_is_bounded(source: LinesSource, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0

    def counted(start: Place) -> Iterator[Lines]:
        nonlocal taken
        for work in LinesSource.works(source, start):
            taken += 1
            yield work

    monkeypatch.setattr(source, "works", counted)
    with closing(crew(echo, 2)(source, Place())) as done:
        for number, _ in enumerate(done, start=1):
            assert taken == min(number + 3, 10)


def test_it_goes_on_from_any_place(source: LinesSource) -> None:
    with closing(crew(echo, 2)(source, Place(9, 4))) as done:
        assert [one.end.number for one in done] == [6, 8, 10, 12, 14, 16, 18, 20]


@pytest.mark.parametrize("job", [DieAt(7), FailAt(7)], ids=["killed", "bug"])
def test_a_lost_worker_is_an_error_after_the_rows_before(source: LinesSource, job: Job, capfd: Any) -> None:
    with closing(crew(job, 2)(source, Place())) as done:
        before = list(islice(done, 3))
        with pytest.raises(Refused, match="a worker process ended"):
            next(done)
    assert [one.end.number for one in before] == [3, 5, 7]
    wait_for_the_end_of(*(int(one.blob) for one in before))
    assert ("ZeroDivisionError: a bug" in capfd.readouterr().err) == isinstance(job, FailAt)


def test_who_stops_early_leaves_nobody_behind(source: LinesSource) -> None:
    with closing(crew(echo, 2)(source, Place())) as done:
        pid = int(next(done).blob)
    wait_for_the_end_of(pid)


def test_workers_give_what_one_process_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "CHUNK_ROWS", 5)
    source = tmp_path / "in.jsonl"
    sum_up = good(task="math", reference="3", response="<think>1 + 2</think><answer>$2 + 1$</answer>")
    source.write_bytes(lines(*[GOOD, "{", sum_up, good(response="B"), good(task="ocr")] * 4))
    one, two = run("score", source), run("score", source, "--workers", "2")
    assert two.stdout_bytes == one.stdout_bytes
    assert two.stderr == one.stderr
    assert two.exit_code == one.exit_code == 2


@pytest.mark.parametrize("workers", ["0", "-1", "x"])
def test_there_is_one_worker_at_least(workers: str) -> None:
    assert "Invalid value for '--workers'" in run("score", "-", "--workers", workers).stderr


@pytest.mark.parametrize("cores", [1, 6, None])
def test_many_more_workers_than_cores_are_refused(monkeypatch: pytest.MonkeyPatch, cores: int | None) -> None:
    monkeypatch.setattr(module.os, "cpu_count", lambda: cores)
    monkeypatch.setattr(module.multiprocessing, "get_context", None)
    most = 4 * (cores or 1)
    crew(echo, most)
    result = run("score", "-", "--workers", str(most + 1), stdin=lines(GOOD))
    said = f"Error: --workers {most + 1}: this machine has {cores or 1} cores; give {most} at most\n"
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", said)


def test_one_worker_is_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "crew", None)
    assert run("score", "-", "--workers", "1", stdin=lines(GOOD)).exit_code == 0


def at_work(folder: Path, act: Callable[[subprocess.Popen[bytes], set[int]], None]) -> tuple[int, bytes]:
    """Start a long run with two workers, do something to it when both are at work, and wait for the end of all."""
    source, out, program = folder / "in.jsonl", folder / "out.jsonl", folder / "program.py"
    source.write_bytes(lines(GOOD) * ROWS)
    program.write_text(PROGRAM)
    (folder / "held").touch()
    command = [sys.executable, str(program), "score", str(source), "--workers", "2", "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, process_group=0) as running:
        wait_for(lambda: running.poll() is not None or (out.exists() and out.stat().st_size))
        below = children(running.pid)
        # Beside the workers there is Python's own keeper of shared resources.
        assert len(below) == 3
        act(running, below)
        _, said = running.communicate(timeout=LONGEST)
    wait_for_the_end_of(*below)
    return running.returncode, said


def test_an_interrupt_ends_them_all_with_one_line(tmp_path: Path) -> None:
    def interrupt(running: subprocess.Popen[bytes], below: set[int]) -> None:
        for pid in below:
            status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            held = int(status["SigBlk"], 16) | int(status["SigIgn"], 16)
            assert held >> (signal.SIGINT - 1) & 1
        # As a terminal does it: to the whole group.
        os.killpg(running.pid, signal.SIGINT)

    assert at_work(tmp_path, interrupt) == (130, b"Interrupted.\n")


def test_workers_end_with_an_owner_that_is_killed(tmp_path: Path) -> None:
    code, _ = at_work(tmp_path, lambda running, _: running.kill())
    assert code == -signal.SIGKILL


SLEEPY = """
import sys
from onethinker_rewards.cli.crew import crew
from onethinker_rewards.cli.lines import LinesSource
from onethinker_rewards.cli.work import Place
from tests.cli.jobs import sleep
if __name__ == "__main__":
    next(crew(sleep, 1)(LinesSource(open(sys.argv[1], "rb"), "in", "in"), Place()))
"""


def test_workers_end_with_their_owner_in_the_middle_of_a_work_too(tmp_path: Path) -> None:
    source, program = tmp_path / "in.jsonl", tmp_path / "program.py"
    source.write_bytes(b"{}\n")
    program.write_text(SLEEPY)
    command = [sys.executable, str(program), str(source)]
    path = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"asleep\n"
        below = children(running.pid)
        assert len(below) == 2
        running.kill()
        try:
            wait_for_the_end_of(*below)
        finally:
            for pid in filter(is_running, below):
                os.kill(pid, signal.SIGKILL)


def test_a_killed_worker_is_one_line_and_the_run_can_be_resumed(tmp_path: Path) -> None:
    def kill_one(_: subprocess.Popen[bytes], below: set[int]) -> None:
        workers = [pid for pid in below if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(workers[0], signal.SIGKILL)
        # It is missed when its turn comes, after the other one's.
        (tmp_path / "held").unlink()

    code, said = at_work(tmp_path, kill_one)
    assert (code, len(said.splitlines())) == (2, 1)
    assert b"Error: a worker process ended: killed, out of memory" in said
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    resumed = run("score", source, "--out", out, "--resume")
    assert resumed.stderr.splitlines()[0] == f"{ROWS:,} rows scored, recipe paper"
    assert out.read_bytes().count(b"\n") == ROWS


def served(job: Job, *works: Lines) -> list[bytes]:
    """Let a worker's life run in a thread."""
    ours, theirs = multiprocessing.Pipe()
    life = Thread(target=serve, args=(theirs, job))
    life.start()
    blobs = [_asked(ours, work) for work in works]
    ours.close()
    life.join(timeout=LONGEST)
    assert not life.is_alive()
    return blobs


def _asked(connection: Connection[Any, Any], work: Lines) -> bytes:
    connection.send(work)
    return connection.recv().blob


def test_a_worker_does_one_work_after_the_other_until_nobody_asks() -> None:
    assert served(echo, *[Lines(Place(), Place(), [b"{}\n"])] * 2) == [b"%d\n" % os.getpid()] * 2


def test_a_worker_ends_with_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    reading, writing = multiprocessing.Pipe(duplex=False)

    class Owner:
        sentinel = reading

    monkeypatch.setattr(module.os, "_exit", codes.append)
    monkeypatch.setattr(module.multiprocessing, "parent_process", Owner)
    writing.close()
    end_with_owner()
    assert codes == [1]
    reading.close()
