"""The ``prepare`` command from start to end: does a row of a large file cost what a row of a small one costs?

PREPARE_ROWS=100000 makes the large file smaller than its 200,000 rows. The files are JSON arrays, as the data sets have
them. Beside it, what finding the rows costs alone, against decoding the file as a whole.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

from tests.trainer.examples import rl_rows

from benchmarks.harness import Row, Spent, least, spend
from onethinker_rewards.cli.table_reader import open_table

SMALL = 20_000
LARGE = int(os.environ.get("PREPARE_ROWS", "200000"))
REPEAT = 3


def run() -> list[Row]:
    """Measure both files in turn, so that what else the machine does hits both."""
    with tempfile.TemporaryDirectory() as folder:
        one, small, large = (_file(Path(folder, f"{rows}.json"), rows) for rows in (1, SMALL, LARGE))
        return [*(_row(one, small, large, workers) for workers in (1, 2)), _finding(small)]


def _row(one: Path, small: Path, large: Path, workers: int) -> Row:
    start, little = (least(_spend(file, workers) for _ in range(REPEAT)) for file in (one, small))
    much = _spend(large, workers)
    cost_s, small_s = (much.cpu_s - start.cpu_s) / LARGE, (little.cpu_s - start.cpu_s) / SMALL
    note = (
        f"{LARGE / (much.wall_s - start.wall_s):,.0f} rows a second after a start of {start.wall_s:.2f} s; "
        f"largest process {much.peak / 1e6:.0f} MB against {little.peak / 1e6:.0f} MB"
    )
    name = f"a row of {LARGE:,}: {workers} process{'es' if workers > 1 else ''}"
    return Row(name, cost_s, f"a row of {SMALL:,}", small_s, note)


def _finding(small: Path) -> Row:
    since = time.perf_counter()
    with open_table(str(small)) as table:
        deque(table.chunks(), maxlen=0)
    found = time.perf_counter()
    json.loads(small.read_bytes())
    return Row(
        f"finding {SMALL:,} rows in an array",
        found - since,
        "json.loads of the whole file",
        time.perf_counter() - found,
        f"{small.stat().st_size / 1e6:.0f} MB",
    )


def _spend(source: Path, workers: int) -> Spent:
    target = source.with_suffix(".parquet")
    spent = spend("prepare", source, "--out", target, "--workers", str(workers))
    target.unlink()
    return spent


def _file(path: Path, rows: int) -> Path:
    examples = rl_rows()
    with path.open("w", encoding="utf-8") as file:
        file.write("[\n")
        for number in range(rows):
            row: dict[str, Any] = examples[number % len(examples)] | {"problem_id": number // 3}
            row["problem"] += f" Look at number {number}, and say what there is to see in it. " * 4
            file.write(("," if number else "") + json.dumps(row, indent=2))
        file.write("\n]\n")
    return path
