"""An interrupt ends a run wherever it falls, and one that nobody wants does not."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from onethinker_rewards.cli import lines as lines_module
from onethinker_rewards.cli import scoring
from onethinker_rewards.cli.interrupts import interruptible
from tests.cli.runs import GOOD, lines, run
from tests.waiting import LONGEST, wait_for


class Loser:
    """Is interrupted in its finalizer, where Python drops what is raised."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)
        # Here it is raised.
        time.sleep(0)


def lose(what: Callable[[], object]) -> None:
    """Make an object that goes at once, and wait for what it has lost, a moment at a time."""
    what()
    wait_for(lambda: False)


def test_an_interrupt_that_a_finalizer_drops_is_raised_again() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        lose(Loser)


def test_dropped_again_it_is_raised_again() -> None:
    class Twice:
        def __del__(self) -> None:
            lose(Loser)

    with pytest.raises(KeyboardInterrupt), interruptible():
        lose(Twice)


def test_one_that_other_code_catches_is_found_between_two_works() -> None:
    with interruptible() as interrupts:
        interrupts.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_it_does_not_come_twice() -> None:
    """Or it would interrupt the clearing up."""
    with interruptible() as interrupts:
        Loser()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        time.sleep(0.2)


def test_handlers_are_as_before() -> None:
    before = signal.getsignal(signal.SIGINT), sys.unraisablehook
    with interruptible():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert (signal.getsignal(signal.SIGINT), sys.unraisablehook) == before


def test_other_errors_of_finalizers_are_reported_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    class Faulty:
        def __del__(self) -> None:
            raise ZeroDivisionError

    seen: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: seen.append(what.exc_type))
    with interruptible():
        Faulty()
    assert seen == [ZeroDivisionError]


def test_who_ignores_interrupts_goes_on_ignoring_them() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible() as interrupts:
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            signal.raise_signal(signal.SIGINT)
            interrupts.check()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_changes_nothing() -> None:
    found: list[object] = []

    def life() -> None:
        with interruptible():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=life)
    thread.start()
    thread.join(timeout=LONGEST)
    assert found == [signal.default_int_handler]


def test_a_run_whose_interrupt_is_dropped_ends_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def score_rows(*_: object) -> list[dict[str, object]]:
        Loser()
        return [{"total": 1.0}]

    monkeypatch.setattr(lines_module, "CHUNK_ROWS", 1)
    monkeypatch.setattr(scoring, "_score_rows", score_rows)
    (tmp_path / "in.jsonl").write_bytes(lines(GOOD) * 5)
    result = run("score", tmp_path / "in.jsonl", "--out", tmp_path / "out.jsonl")
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_job_in_the_background_is_deaf_to_interrupts(tmp_path: Path, workers: str) -> None:
    count = 30_000
    (tmp_path / "in.jsonl").write_bytes(lines(GOOD) * count)
    command = [sys.executable, "-m", "onethinker_rewards", "score", str(tmp_path / "in.jsonl"), "--workers", workers]
    # A shell without job control starts its background jobs deaf.
    with subprocess.Popen(
        ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline().startswith(b'{"response"')
        running.send_signal(signal.SIGINT)
        assert running.stdout.read().count(b"\n") == count - 1
        assert running.stderr.read().startswith(b"30,000 rows scored")
    assert running.returncode == 0
