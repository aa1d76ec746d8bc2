"""Several processes that work on one file; what they make of it comes out in the order of the file."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from onethinker_rewards.cli.files import Refused
from onethinker_rewards.cli.sources import Source
from onethinker_rewards.cli.stream import Engine
from onethinker_rewards.cli.work import Done, Job, Place, Work

__all__ = ["crew", "serve"]

# Work that is read and not written yet, by worker: one in hand, one in wait.
_AHEAD = 2
# Workers to a core: a few wait for a disk while others work, more only take memory.
_TO_A_CORE = 4
_ENDED = "a worker process ended: killed, out of memory, or for the reason above; --resume goes on from here"


def crew(job: Job, count: int) -> Engine:
    """Return an engine of this many processes: fresh interpreters, gone when it ends, however it ends.

    Raises:
        Refused: If there would be many more of them than this machine can have at work.
    """
    cores = os.cpu_count() or 1
    if count > _TO_A_CORE * cores:
        raise Refused(f"--workers {count}: this machine has {cores} cores; give {_TO_A_CORE * cores} at most")

    def engine(source: Source, start: Place) -> Generator[Done]:
        with _workers(job, count) as workers, ThreadPoolExecutor(count) as threads:
            idle: queue.SimpleQueue[Connection[Any, Any]] = queue.SimpleQueue()
            for worker in workers:
                idle.put(worker)
            waiting: deque[Future[Done]] = deque()
            try:
                for work in source.works(start):
                    waiting.append(threads.submit(_ask, idle, work))
                    if len(waiting) >= _AHEAD * count:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                # After an error what waits is of no use, and what runs must not be waited for.
                threads.shutdown(wait=False, cancel_futures=True)
                for worker in workers:
                    workers[worker].kill()

    return engine


def serve(connection: Connection[Any, Any], job: Job) -> None:
    """Do one work after the other until the other end is closed: the life of a worker."""
    threading.Thread(target=end_with_owner, daemon=True).start()
    while True:
        try:
            work = connection.recv()
        except EOFError:
            return
        connection.send(job(work))


def end_with_owner() -> None:
    """End this process when the one that started it has ended, in the middle of a work too."""
    owner = multiprocessing.parent_process()
    if owner is not None:
        wait([owner.sentinel])
        os._exit(1)


def _ask(idle: queue.SimpleQueue[Connection[Any, Any]], work: Work) -> Done:
    worker = idle.get()
    try:
        worker.send(work)
        done = worker.recv()
    except (EOFError, OSError):
        # Others wait for one too.
        idle.put(worker)
        raise Refused(_ENDED) from None
    idle.put(worker)
    return done


@contextmanager
def _workers(job: Job, count: int) -> Generator[dict[Connection[Any, Any], BaseProcess]]:
    # Never a fork: this process has threads, and libraries that do not go with one.
    context = multiprocessing.get_context("spawn")
    workers: dict[Connection[Any, Any], BaseProcess] = {}
    try:
        with _interrupts_held():
            for _ in range(count):
                ours, theirs = context.Pipe()
                process = context.Process(target=serve, args=(theirs, job), daemon=True)
                process.start()
                theirs.close()
                workers[ours] = process
        yield workers
    finally:
        for connection, process in workers.items():
            process.kill()
            process.join()
            process.close()
            connection.close()


@contextmanager
def _interrupts_held() -> Generator[None]:
    """Start processes that the terminal's Ctrl-C does not reach: they inherit what is held. The owner decides."""
    if not hasattr(signal, "pthread_sigmask"):  # pragma: no cover: a platform without signals to hold
        yield
        return
    # Or the start of the first process starts it, and it lets go of what is held here.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
