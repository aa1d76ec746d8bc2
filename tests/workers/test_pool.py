from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.workers import Outcome, Pool, Status, WorkerError, pool, shared_pool
from tests.waiting import LONGEST, wait_for, wait_for_the_end_of

TASKS = "tests.workers.tasks"
# Seconds for what takes none, and longer than anything that a test waits for.
PLENTY, FOR_EVER = 60.0, 2 * LONGEST


@pytest.fixture(scope="module")
def two() -> Pool:
    with Pool(size=2) as workers:
        yield workers


def values(outcomes: list[Outcome]) -> list[object]:
    return [outcome.value for outcome in outcomes]


def test_values_come_in_the_order_of_the_items(two: Pool) -> None:
    outcomes = two.run("math:gcd", [(6 * index, 4 * index) for index in range(500)], timeout=PLENTY)
    assert values(outcomes) == [2 * index for index in range(500)]
    assert {outcome.status for outcome in outcomes} == {Status.DONE}


def test_no_items(two: Pool) -> None:
    assert two.run("math:gcd", [], timeout=PLENTY) == []


def test_any_text_goes_through(two: Pool) -> None:
    texts = ["", "\ud800", "\n\x00", "é", "x" * 1_000_000]
    assert values(two.run("builtins:str", [(text,) for text in texts], timeout=PLENTY)) == texts


def test_a_pair_past_its_deadline_costs_itself_alone(two: Pool) -> None:
    items = [(0.0,), (FOR_EVER,)] + [(0.0,)] * 20
    start = time.monotonic()
    # As long as the others may take on a machine that is busy with other things.
    outcomes = two.run("time:sleep", items, timeout=3.0)
    assert [outcome.status for outcome in outcomes] == [Status.DONE, Status.TIMEOUT] + [Status.DONE] * 20
    assert time.monotonic() - start < FOR_EVER
    assert values(two.run("math:gcd", [(4, 6)], timeout=PLENTY)) == [2]


def test_a_call_that_holds_the_interpreter_is_killed(two: Pool) -> None:
    outcomes = two.run(f"{TASKS}:hold_the_interpreter", [()], timeout=0.4)
    assert outcomes == [Outcome(Status.TIMEOUT)]


@pytest.mark.parametrize(
    ("function", "item"),
    [
        pytest.param("die", (), id="the process ends"),
        pytest.param("grow", (1 << 40,), id="memory"),
        pytest.param("descend", (0,), id="stack"),
    ],
)
def test_what_runs_out_of_resources(two: Pool, function: str, item: tuple[object, ...]) -> None:
    assert two.run(f"{TASKS}:{function}", [item], timeout=PLENTY) == [Outcome(Status.EXHAUSTED)]
    assert values(two.run("math:gcd", [(4, 6)], timeout=PLENTY)) == [2]


def test_a_process_that_has_grown_is_replaced() -> None:
    with Pool(size=1, memory_limit=1 << 30) as workers:
        before, _ = values(workers.run(f"{TASKS}:process_after", [(0,), (0,)], timeout=PLENTY))
        assert values(workers.run(f"{TASKS}:grow", [(1 << 29,), (7,)], timeout=PLENTY)) == [1 << 29, 7]
        (after,) = values(workers.run(f"{TASKS}:process_after", [(0,)], timeout=PLENTY))
    assert before != after


def test_the_deadline_of_the_batch(two: Pool) -> None:
    start = time.monotonic()
    outcomes = two.run("time:sleep", [(0,)] + [(FOR_EVER,)] * 5, timeout=FOR_EVER, batch_timeout=1.0)
    assert time.monotonic() - start < FOR_EVER
    assert [outcome.status for outcome in outcomes[1:]] == [Status.TIMEOUT] * 5


def test_the_deadline_of_the_batch_covers_waiting_for_others(tmp_path: Path) -> None:
    begun, over = tmp_path / "begun", tmp_path / "over"
    work = (f"{TASKS}:wait_for", [(str(begun), str(over))])
    with Pool(size=1) as workers:
        other = threading.Thread(target=workers.run, args=work, kwargs={"timeout": FOR_EVER})
        other.start()
        wait_for(begun.exists)
        outcomes = workers.run("math:gcd", [(4, 6)], timeout=PLENTY, batch_timeout=0.1)
        over.touch()
        other.join()
    assert outcomes == [Outcome(Status.TIMEOUT)]


def test_threads_share_the_processes(two: Pool) -> None:
    found: dict[int, list[object]] = {}

    def work(number: int) -> None:
        found[number] = values(two.run("math:gcd", [(number, 0)] * 40, timeout=PLENTY))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [number] * 40 for number in range(1, 7)}
    assert len(two._processes) <= 2


def test_a_bug_is_raised_with_its_traceback(two: Pool) -> None:
    with pytest.raises(WorkerError, match=r"(?s)operator:pow failed.*TypeError"):
        two.run("operator:pow", [(1, "x")], timeout=PLENTY)
    assert values(two.run("math:gcd", [(4, 6)], timeout=PLENTY)) == [2]


def test_what_libraries_print_is_lost(two: Pool) -> None:
    assert values(two.run(f"{TASKS}:print_much", [()], timeout=PLENTY)) == ["quiet"]


def test_the_main_program_is_not_imported(two: Pool) -> None:
    assert values(two.run(f"{TASKS}:main_file", [()], timeout=PLENTY)) == [""]


def test_a_module_that_only_this_process_can_find(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "only_here.py").write_text("def double(x):\n    return 2 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    with Pool(size=1) as workers:
        assert values(workers.run("only_here:double", [(4,)], timeout=PLENTY)) == [8]


def test_a_process_killed_while_idle_is_replaced() -> None:
    with Pool(size=1) as workers:
        (pid,) = values(workers.run(f"{TASKS}:process_after", [(0,)], timeout=PLENTY))
        os.kill(pid, 9)
        wait_for_the_end_of(pid)
        assert values(workers.run("math:gcd", [(4, 6)], timeout=PLENTY)) == [2]


def test_a_process_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onethinker_rewards.workers.process._START", "raise SystemExit('no such thing')")
    with Pool(size=1) as workers, pytest.raises(WorkerError, match="could not be started:\nno such thing"):
        workers.run("math:gcd", [(4, 6)], timeout=PLENTY)


def test_processes_that_end_while_they_import(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ends_at_once.py").write_text("import os\nos._exit(1)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(pool, "_UNEXPLAINED_DEATHS", 1)
    with Pool(size=1) as workers, pytest.raises(WorkerError, match="end while they import"):
        workers.run("ends_at_once:x", [()], timeout=PLENTY)


def test_an_import_that_takes_too_long(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sleeps.py").write_text(f"import time\ntime.sleep({FOR_EVER})\n")
    monkeypatch.syspath_prepend(tmp_path)
    with Pool(size=1) as workers:
        workers.run("math:gcd", [(4, 6)], timeout=PLENTY)
        monkeypatch.setattr(pool, "_START_TIMEOUT", 0.2)
        with pytest.raises(WorkerError, match="was not ready"):
            workers.run("sleeps:x", [()], timeout=PLENTY)


def test_close_ends_the_processes_and_run_starts_others() -> None:
    workers = Pool(size=1)
    (first,) = values(workers.run(f"{TASKS}:process_after", [(0,)], timeout=PLENTY))
    workers.close()
    workers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    assert values(workers.run("math:gcd", [(4, 6)], timeout=PLENTY)) == [2]
    workers.close()


def test_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Pool().size == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    assert pool._usable_cores() == os.cpu_count()
    with pytest.raises(ArgumentError, match="size"):
        Pool(size=0)


def test_one_shared_pool() -> None:
    assert shared_pool() is shared_pool()


def test_a_forked_child_lets_go_of_its_parents_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    with Pool(size=1) as workers:
        (pid,) = values(workers.run(f"{TASKS}:process_after", [(0,)], timeout=PLENTY))
        monkeypatch.setattr(pool, "_pools", [workers])
        pool._forget_all()
        assert workers._processes == set()
        # What the child of a fork closes ends the process here, where it has no other owner.
        assert os.waitpid(pid, 0)[0] == pid
        assert values(workers.run("math:gcd", [(4, 6)], timeout=PLENTY)) == [2]


def test_the_terminals_interrupt_does_not_reach_a_process(two: Pool) -> None:
    (pid,) = values(two.run(f"{TASKS}:process_after", [(0,)], timeout=PLENTY))
    assert os.getsid(pid) != os.getsid(0)
