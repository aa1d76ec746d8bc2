"""Many calls, one batch."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import subprocess
import sys
import threading
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import RowScorer, microbatch
from onethinker_rewards.adapters.microbatch import MicroBatcher, _call_if_alive, batch_calls
from tests.waiting import LONGEST as SOON


class Batches:
    """Doubles items and remembers which came together; waits for ``go`` where one is given."""

    def __init__(self, go: threading.Event | None = None) -> None:
        self.seen: list[list[int]] = []
        self.go = go
        self.began = threading.Event()

    def __call__(self, items: list[int]) -> list[int | BaseException]:
        self.seen.append(items)
        self.began.set()
        assert self.go is None or self.go.wait(SOON)
        return [ValueError(f"odd {item}") if item % 2 else 2 * item for item in items]


@pytest.fixture
def all_there(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let batches linger until this is set, however long that takes."""
    there = threading.Event()

    def linger(seconds: float) -> None:
        assert seconds == 0.002
        assert there.wait(SOON)

    monkeypatch.setattr(microbatch, "time", SimpleNamespace(sleep=linger))
    return there


def test_calls_of_a_loop_are_one_batch(all_there: threading.Event) -> None:
    batches = Batches()

    async def run() -> list[int]:
        batcher: MicroBatcher[int, int] = MicroBatcher(batches)
        calls = [asyncio.ensure_future(batcher(item)) for item in range(0, 400, 2)]
        await asyncio.sleep(0)
        all_there.set()
        return await asyncio.gather(*calls)

    assert asyncio.run(run()) == list(range(0, 800, 4))
    assert batches.seen == [list(range(0, 400, 2))]


def test_the_next_batch_collects_while_one_is_scored() -> None:
    go = threading.Event()
    batches = Batches(go)
    batcher: MicroBatcher[int, int] = MicroBatcher(batches, linger=0.0)
    first = batcher.submit(2)
    assert batches.began.wait(SOON)
    others = [batcher.submit(item) for item in (4, 6, 8)]
    go.set()
    assert [future.result(SOON) for future in (first, *others)] == [4, 8, 12, 16]
    assert batches.seen == [[2], [4, 6, 8]]


def test_a_batch_is_started_once(all_there: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    batcher: MicroBatcher[int, int] = MicroBatcher(Batches())
    started: list[int] = []
    start = batcher._start
    monkeypatch.setattr(batcher, "_start", lambda: started.append(1) or start())
    futures = [batcher.submit(item) for item in (2, 4, 6)]
    all_there.set()
    assert [future.result(SOON) for future in futures] == [4, 8, 12]
    batcher.submit(8).result(SOON)
    assert started == [1, 1]


def test_a_batch_has_a_largest_size(all_there: threading.Event) -> None:
    batches = Batches()
    batcher: MicroBatcher[int, int] = MicroBatcher(batches, max_size=3)
    futures = [batcher.submit(item) for item in range(0, 14, 2)]
    all_there.set()
    assert [future.result(SOON) for future in futures] == list(range(0, 28, 4))
    assert [len(batch) for batch in batches.seen] == [3, 3, 1]


def test_several_loops_and_threads_share_batches() -> None:
    batches = Batches()
    batcher: MicroBatcher[int, int] = MicroBatcher(batches)

    def loop(start: int) -> list[int]:
        async def run() -> list[int]:
            return await asyncio.gather(*(batcher(start + 2 * item) for item in range(50)))

        return asyncio.run(run())

    def thread(start: int) -> list[int]:
        return [future.result(SOON) for future in [batcher.submit(start + 2 * item) for item in range(50)]]

    with ThreadPoolExecutor(6) as threads:
        done = [threads.submit(way, 1000 * index) for index, way in enumerate([loop, thread] * 3)]
    for index, results in enumerate(done):
        assert results.result(SOON) == [2 * (1000 * index + 2 * item) for item in range(50)]
    assert sum(map(len, batches.seen)) == 300


def test_an_item_that_fails_costs_no_others_result(all_there: threading.Event) -> None:
    batcher: MicroBatcher[int, int] = MicroBatcher(Batches())

    async def run() -> list[int | BaseException]:
        calls = [asyncio.ensure_future(batcher(item)) for item in (2, 3, 4)]
        await asyncio.sleep(0)
        all_there.set()
        return await asyncio.gather(*calls, return_exceptions=True)

    good, bad, fine = asyncio.run(run())
    assert (good, fine) == (4, 8)
    assert isinstance(bad, ValueError)
    assert str(bad) == "odd 3"


def test_a_bug_reaches_every_caller(all_there: threading.Event) -> None:
    batcher: MicroBatcher[int, int] = MicroBatcher(lambda items: [1 // 0 for _ in items])
    futures = [batcher.submit(item) for item in range(3)]
    all_there.set()
    assert [type(future.exception(SOON)) for future in futures] == [ZeroDivisionError] * 3
    # And the next batch is scored all the same.
    assert isinstance(batcher.submit(1).exception(SOON), ZeroDivisionError)


def test_results_have_to_be_as_many_as_items() -> None:
    batcher: MicroBatcher[int, int] = MicroBatcher(lambda items: [*items, 0])
    with pytest.raises(otr.ArgumentError, match="2 results for 1 items"):
        batcher.submit(1).result(SOON)


def test_a_lone_call_waits_for_no_other() -> None:
    batches = Batches()
    batcher: MicroBatcher[int, int] = MicroBatcher(batches, max_size=100)
    assert [batcher.submit(item).result(SOON) for item in (2, 4)] == [4, 8]
    assert batches.seen == [[2], [4]]


def test_who_is_canceled_takes_the_item_along() -> None:
    go = threading.Event()
    batches = Batches(go)
    batcher: MicroBatcher[int, int] = MicroBatcher(batches, linger=0.0)

    async def run() -> int:
        first = asyncio.create_task(batcher(2))
        await asyncio.to_thread(batches.began.wait, SOON)
        second, third = asyncio.create_task(batcher(4)), asyncio.create_task(batcher(6))
        await asyncio.sleep(0)
        second.cancel()
        first.cancel()
        await asyncio.sleep(0)
        go.set()
        return await third

    assert asyncio.run(run()) == 12
    assert batches.seen == [[2], [6]]


def test_all_canceled_is_no_batch(all_there: threading.Event) -> None:
    batches = Batches()
    batcher: MicroBatcher[int, int] = MicroBatcher(batches)
    future = batcher.submit(2)
    assert future.cancel()
    other = batcher.submit(4)
    all_there.set()
    assert other.result(SOON) == 8
    all_there.clear()
    lone = batcher.submit(6)
    assert lone.cancel()
    all_there.set()
    batcher.close()
    assert batches.seen == [[4]]


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_loop_that_closes_leaves_nothing_behind() -> None:
    go = threading.Event()
    batches = Batches(go)
    batcher: MicroBatcher[int, int] = MicroBatcher(batches, linger=0.0)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(batcher(2), 0.05))
    go.set()
    assert asyncio.run(batcher(4)) == 8


def test_a_loop_closed_with_a_call_in_flight_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    go = threading.Event()
    batches = Batches(go)
    batcher: MicroBatcher[int, int] = MicroBatcher(batches, linger=0.0)
    loop = asyncio.new_event_loop()

    async def start() -> asyncio.Task[int]:
        task = asyncio.ensure_future(batcher(2))
        await asyncio.sleep(0)
        return task

    task = loop.run_until_complete(start())
    assert batches.began.wait(SOON)
    other = batcher.submit(4)
    loop.close()
    go.set()
    assert other.result(SOON) == 8
    assert not task.done()
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    del task
    gc.collect()
    assert not caplog.records


def test_a_closed_batcher_answers_at_once() -> None:
    batcher: MicroBatcher[int, int] = MicroBatcher(Batches())
    assert batcher.submit(2).result(SOON) == 4
    batcher.close()
    with pytest.raises(RuntimeError, match="shutdown"):
        batcher.submit(2).result(SOON)


def test_waiting_calls_are_answered_when_the_batcher_closes_meanwhile() -> None:
    go = threading.Event()
    batches = Batches(go)
    batcher: MicroBatcher[int, int] = MicroBatcher(batches, linger=0.0)
    batcher.submit(2)
    assert batches.began.wait(SOON)
    waiting = batcher.submit(4)
    batcher._executor.shutdown(wait=False)
    go.set()
    assert isinstance(waiting.exception(SOON), RuntimeError)


def test_a_copy_is_fresh() -> None:
    batcher: MicroBatcher[float, float] = MicroBatcher(sorted, linger=0.01, max_size=5)
    batcher.submit(1.0).result(SOON)
    copy = pickle.loads(pickle.dumps(batcher))
    assert copy.submit(3.0).result(SOON) == 3.0
    assert (copy._linger, copy._max_size) == (0.01, 5)


def test_a_fork_begins_anew_what_is_still_there() -> None:
    go = threading.Event()
    batches = Batches(go)
    batcher: MicroBatcher[int, int] = MicroBatcher(batches, linger=0.0)
    batcher.submit(2)
    assert batches.began.wait(SOON)
    _call_if_alive(weakref.WeakMethod(batcher._reset))
    go.set()
    assert batcher.submit(4).result(SOON) == 8
    reference = weakref.WeakMethod(MicroBatcher[int, int](batches)._reset)
    gc.collect()
    assert reference() is None
    _call_if_alive(reference)


# Python and, where another test has imported it, JAX warn of forks beside threads.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:os.fork:RuntimeWarning")
def test_a_forked_process_scores_too() -> None:
    go = threading.Event()
    batches = Batches(go)
    batcher: MicroBatcher[int, int] = MicroBatcher(batches, linger=0.0)
    held: Future[int] = batcher.submit(2)
    assert batches.began.wait(SOON)
    child = os.fork()
    if child == 0:
        batches.go = None
        os._exit(batcher.submit(21 * 2).result(SOON) - 42)
    go.set()
    assert held.result(SOON) == 4
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42


def test_the_interpreter_ends_with_calls_in_flight() -> None:
    code = (
        "import asyncio\n"
        "from onethinker_rewards.adapters.microbatch import MicroBatcher\n"
        "batcher = MicroBatcher(lambda items: items)\n"
        "async def main():\n"
        "    asyncio.ensure_future(batcher(1))\n"
        "    await asyncio.sleep(0)\n"
        "asyncio.run(main())\n"
        "batcher.submit(2)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=SOON)
    assert (done.returncode, done.stderr) == (0, "")


def test_calls_are_answered_each_with_its_own_row() -> None:
    batcher = batch_calls(RowScorer())
    rows = [{"task": "numerical", "reference": str(number)} for number in range(3)]
    calls = [batcher.submit((f"<think>a</think><answer>{number}</answer>", row)) for number, row in enumerate(rows)]
    assert [call.result()["total"] for call in calls] == [2.0, 2.0, 2.0]


def test_a_bad_reference_costs_its_caller_alone() -> None:
    batcher = batch_calls(RowScorer())
    good = batcher.submit(("<answer>1</answer>", {"task": "numerical", "reference": "1"}))
    bad = batcher.submit(("<answer>1</answer>", {"task": "numerical", "reference": "one"}))
    assert good.result()["accuracy"] == 1.0
    with pytest.raises(otr.BadReferenceError):
        bad.result()


def test_a_batcher_of_calls_pickles() -> None:
    batcher = pickle.loads(pickle.dumps(batch_calls(RowScorer(recipe="release"))))
    row = batcher.submit(("<answer>1</answer>", {"task": "numerical", "reference": "1"})).result()
    assert row["total"] == pytest.approx(0.9)
