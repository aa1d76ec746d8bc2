"""``POST /score`` of ``onethinker-rewards serve`` against `score` in process, on batches of 64 short rows.

The server is a process of its own, with one event loop. Several clients ask it at the same time, as a trainer's workers
do, each over one connection; their bodies are ready. `score` gets the same batches one after the other, and its result
is turned into rows, as the server's is. The bound is twice the time of `score`.
"""

from __future__ import annotations

import http.client
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import orjson

import onethinker_rewards as otr
from benchmarks.harness import Row, best_of_both
from benchmarks.rollouts import GROUP, Rows, reference, rollout

BATCH = 64
BATCHES = 64
TASKS = ("multiple_choice", "numerical", "temporal_grounding", "spatial_grounding")


@contextmanager
def server(*options: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run ``serve``; give its process and its address, ``host:port``."""
    arguments = [sys.executable, "-m", "onethinker_rewards", "serve", "--port", "0", *options]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            said = process.stderr.readline().decode()
            yield process, urlsplit(said.split()[2].rstrip(",")).netloc
        finally:
            process.terminate()


def short_rows(count: int, seed: int = 0) -> Rows:
    """Return responses of some twenty words, references and tasks."""
    rng = random.Random(seed)
    rows: list[tuple[str, str, str]] = []
    for number in range(count // GROUP):
        task = TASKS[number % len(TASKS)]
        right = reference(task, rng)
        for _ in range(GROUP):
            answer = rollout(right, rng)
            text = answer if isinstance(answer, str) else orjson.dumps(answer).decode()
            thinking = "I look at the picture and think about where it is. " * 2
            rows.append((f"<think>{thinking}</think><answer>{text}</answer>", orjson.dumps(right).decode(), task))
    rng.shuffle(rows)
    responses, references, tasks = zip(*rows, strict=True)
    return list(responses), [text.strip('"') for text in references], list(tasks)


def body(rows: Rows) -> bytes:
    """Return what asks for the rewards of rows."""
    names = ("response", "reference", "task")
    return orjson.dumps({"rows": [dict(zip(names, row, strict=True)) for row in zip(*rows, strict=True)]})


class Client:
    """A connection that stays open."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address)

    def ask(self, sent: bytes) -> int:
        """Return the number of rows in the reply."""
        self._connection.request("POST", "/score", sent)
        reply = self._connection.getresponse()
        content = reply.read()
        if reply.status != 200:
            raise RuntimeError(content.decode())
        return content.count(b'"total"')


def _row(name: str, address: str, clients: int) -> Row:
    batches = [short_rows(BATCH, seed) for seed in range(BATCHES)]
    bodies = [body(rows) for rows in batches]
    askers = [Client(address) for _ in range(clients)]

    def ask_some(number: int) -> None:
        for sent in bodies[number::clients]:
            assert askers[number].ask(sent) == BATCH

    def in_process() -> None:
        for rows in batches:
            otr.score(*rows).to_rows()

    with ThreadPoolExecutor(clients) as pool:
        ours, theirs = best_of_both(lambda: [*pool.map(ask_some, range(clients))], in_process)
    rows = BATCH * BATCHES
    note = f"{rows / ours:,.0f} rows a second against {rows / theirs:,.0f}; {ours / theirs:.2f} of the time"
    return Row(name, ours / BATCHES, "`score`, to rows", theirs / BATCHES, note)


def run() -> list[Row]:
    """Measure with one client and with several."""
    with server() as (_, address):
        return [
            _row(f"/score, {BATCH} short rows, {clients} clients at a time", address, clients) for clients in (1, 4, 16)
        ]
