"""The ``filter`` command from start to end: what a row costs where its answers are there, and where they are asked for.

FILTER_ROWS=2000 makes files smaller than their 10,000 rows, each with an image and four answers. The endpoint is a
process beside it that says the same to everybody, at once or after 200 ms: what is measured is our side. Answers that
are there are held against ``score`` on the same ones, asking against the same client that sends as many requests and
does nothing else.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.rewards.cases import REFERENCES, wrap
from tests.trainer.examples import draw, example_row

from benchmarks.harness import Row, Spent, spend

ROWS = int(os.environ.get("FILTER_ROWS", "10000"))
ANSWERS = 4
CONCURRENCY = 64
DELAY_S = 0.2
TASKS = ("multiple_choice", "numerical", "regression", "ocr", "spatial_grounding")
THOUGHT = "I look at the picture, and go through what there is to see in it. " * 20


def run() -> list[Row]:
    """Measure a file with answers, and one without at both endpoints."""
    with tempfile.TemporaryDirectory() as name:
        folder = draw(Path(name))
        return [_answered(folder), *(_asked(folder, delay) for delay in (0.0, DELAY_S))]


def _answered(folder: Path) -> Row:
    rows = _file(folder / "answered.jsonl", answers=True)
    with (folder / "flat.jsonl").open("w", encoding="utf-8") as flat:
        for row in map(json.loads, rows.read_text("utf-8").splitlines()):
            for response in row["responses"]:
                flat.write(json.dumps(row | {"response": response, "responses": None}) + "\n")
    empty = _file(folder / "one.jsonl", answers=True, rows=1)
    start, start_score = _spend("filter", empty), _spend("score", empty.with_name("flat-one.jsonl"))
    ours, theirs = _spend("filter", rows), _spend("score", folder / "flat.jsonl")
    note = f"{ROWS / (ours.wall_s - start.wall_s):,.0f} rows a second, {ours.peak / 1e6:.0f} MB"
    against = (theirs.cpu_s - start_score.cpu_s) / ROWS
    return Row(f"a row with {ANSWERS} answers, processor", (ours.cpu_s - start.cpu_s) / ROWS, "score", against, note)


def _asked(folder: Path, delay: float) -> Row:
    rows, one = _file(folder / "asked.jsonl", answers=False), _file(folder / "one.jsonl", answers=False, rows=1)
    with _endpoint(delay) as url:
        how = ["--endpoint", url, "--model", "m", "--samples", str(ANSWERS), "--concurrency", str(CONCURRENCY)]
        start, ours = _spend("filter", one, *how), _spend("filter", rows, *how)
        bare_s = _bare(url, ROWS) - _bare(url, 1)
    wall_s, cpu_s = ours.wall_s - start.wall_s, ours.cpu_s - start.cpu_s
    note = (
        f"{ROWS / wall_s:,.0f} rows a second, {1e6 * cpu_s / ROWS:,.0f} µs of processor a row, {ours.peak / 1e6:.0f} MB"
    )
    name = f"asking about a row, {CONCURRENCY} at a time, {1000 * delay:.0f} ms each"
    return Row(name, wall_s / ROWS, "the client alone", bare_s / ROWS, note)


def _bare(url: str, rows: int) -> float:
    since = time.perf_counter()
    code = f"from benchmarks.bench_filter import send; send({url!r}, {rows})"
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - since


def send(url: str, rows: int) -> None:
    """Send as many requests as a file has rows, as many at a time as the command does, and read the replies."""
    import httpx2

    limits = httpx2.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)

    async def one(client: httpx2.AsyncClient, left: Iterator[int]) -> None:
        for _ in left:
            (await client.post(url, content=b"{}" * 500)).json()

    async def every() -> None:
        async with httpx2.AsyncClient(limits=limits, timeout=60) as client:
            left = iter(range(rows))
            await asyncio.gather(*(one(client, left) for _ in range(CONCURRENCY)))

    asyncio.run(every())


def _file(path: Path, *, answers: bool, rows: int = ROWS) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            task = TASKS[number % len(TASKS)]
            row: dict[str, Any] = example_row(task, problem=f"Question {number}?", problem_id=number)
            if answers:
                row["responses"] = [wrap(REFERENCES[task], f"{THOUGHT}{number}.{answer}") for answer in range(ANSWERS)]
            file.write(json.dumps(row) + "\n")
    if answers and rows == 1:
        path.with_name("flat-one.jsonl").write_text(json.dumps(row | {"response": row["responses"][0]}) + "\n")
    return path


def _spend(command: str, source: Path, *more: str) -> Spent:
    target = source.with_suffix(f".{command}.jsonl")
    spent = spend(command, source, "--out", target, *more)
    target.unlink()
    return spent


@contextmanager
def _endpoint(delay: float) -> Iterator[str]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, delay), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/v1"
    finally:
        process.kill()
        process.join()


def _serve(connection: Connection, delay: float) -> None:
    """Read requests by their length and send one reply, on as many connections as come."""
    answers = [{"message": {"content": wrap("B", THOUGHT)}}] * ANSWERS
    body = json.dumps({"choices": answers}).encode()
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
                await asyncio.sleep(delay)
                writer.write(reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
        connection.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())
