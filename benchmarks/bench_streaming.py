"""The ``score`` command from start to end: does a row of a large file cost what a row of a small one costs?

STREAMING_ROWS=100000 makes the large file smaller than its million rows. The start of the process, measured on one
group of rows, is left out of the cost of a row: it would flatter the large file. Costs are processor time of all
processes, which other work on the machine hardly touches; rows a second are by the clock.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from pathlib import Path

from benchmarks.harness import Row, Spent, least, spend
from benchmarks.rollouts import GROUP, JSON_TASKS, reference, rollout

SMALL = 10_000
LARGE = int(os.environ.get("STREAMING_ROWS", "1000000"))
REPEAT = 5
TASKS = ("multiple_choice", "numerical", *(task for task in JSON_TASKS if "track" not in task and "spatio" not in task))
RUNS = {
    "JSONL, 1 process": ("out.jsonl", 1),
    "JSONL, 2 workers": ("out.jsonl", 2),
    "JSONL to Parquet, 1 process": ("out.parquet", 1),
}


def run() -> list[Row]:
    """Measure both files in turn, so that what else the machine does hits both."""
    with tempfile.TemporaryDirectory() as folder:
        one, small, large = (Path(folder, name) for name in ("one.jsonl", "small.jsonl", "large.jsonl"))
        group, rows = _rows()[:GROUP], "".join(_rows())
        one.write_text("".join(group), encoding="utf-8")
        small.write_text(rows, encoding="utf-8")
        with large.open("w", encoding="utf-8") as file:
            file.writelines(rows for _ in range(LARGE // SMALL))
        return [_row(name, one, small, large, *how) for name, how in RUNS.items()]


def _row(name: str, one: Path, small: Path, large: Path, out: str, workers: int) -> Row:
    start, little = (least(_spend(file, out, workers) for _ in range(REPEAT)) for file in (one, small))
    much = _spend(large, out, workers)
    cost_s, small_s = (much.cpu_s - start.cpu_s) / LARGE, (little.cpu_s - start.cpu_s) / SMALL
    note = (
        f"{LARGE / (much.wall_s - start.wall_s):,.0f} rows a second after a start of {start.wall_s:.2f} s; "
        f"largest process {much.peak / 1e6:.0f} MB against {little.peak / 1e6:.0f} MB"
    )
    return Row(f"a row of {LARGE:,}: {name}", cost_s, f"a row of {SMALL:,}", small_s, note)


def _spend(source: Path, out: str, workers: int) -> Spent:
    target = source.with_name(out)
    spent = spend("score", source, "--workers", str(workers), "--out", target)
    target.unlink()
    return spent


def _rows() -> list[str]:
    rng = random.Random(0)
    rows: list[str] = []
    for group in range(SMALL // GROUP):
        task = TASKS[group % len(TASKS)]
        right = reference(task, rng)
        for _ in range(GROUP):
            answer = rollout(right, rng)
            rows.append(_line(group, task, _text(right), _text(answer)))
    return rows


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _line(group: int, task: str, right: str, answer: str) -> str:
    response = f"<think>{'It moves left. ' * 5}</think><answer>{answer}</answer>"
    return json.dumps({"id": group, "task": task, "reference": right, "response": response}) + "\n"
