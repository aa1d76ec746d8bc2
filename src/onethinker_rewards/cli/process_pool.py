"""Several processes that work on one table: fresh interpreters, gone when the run ends, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import wait

from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.outputs import ChunkResult
from onethinker_rewards.cli.pipeline import Job
from onethinker_rewards.cli.table_reader import Chunk


def run_in_processes(job: Job, workers: int, chunks: Iterator[Chunk]) -> Generator[ChunkResult]:
    """Yield what a job makes of each chunk, in order, from so many processes."""
    # Never a fork: this process has threads.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_owner)
    waiting: deque[Future[ChunkResult]] = deque()
    try:
        for chunk in chunks:
            with _sigint_blocked():
                waiting.append(pool.submit(job, chunk))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        reason = "killed, out of memory, or for the reason above; --resume goes on from here"
        raise CliError(f"a worker process ended: {reason}") from None
    finally:
        # After an error nobody waits for what they have in hand.
        for process in multiprocessing.active_children():
            process.kill()
        pool.shutdown(wait=False, cancel_futures=True)


def _end_with_owner() -> None:
    """Let this process end when its owner ends, however it ends."""
    owner = multiprocessing.parent_process()

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os._exit(1)

    if owner is not None:
        threading.Thread(target=watch, args=(owner.sentinel,), daemon=True).start()


@contextmanager
def _sigint_blocked() -> Generator[None]:
    """Start processes that the terminal's Ctrl-C does not reach, because they inherit the mask; the owner decides.

    In the owner a Ctrl-C waits until they are started: one that is half started would end with a traceback.
    """
    # Its start would unblock what is blocked here.
    resource_tracker.ensure_running()
    waiting: list[int] = []
    in_main_thread = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, lambda number, _: waiting.append(number)) if in_main_thread else None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if in_main_thread:
            signal.signal(signal.SIGINT, handler)
        if waiting:
            signal.raise_signal(signal.SIGINT)
