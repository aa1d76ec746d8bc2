"""Waiting for a judge: rows asked for one by one, half of them open-ended, with a judge that needs two seconds.

"Ours" is what rows wait that need no judge, or that are not the straggler; the other is the judge's own time, which
they would wait if one call held up the next batch.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

from benchmarks.harness import Row
from onethinker_rewards.adapters import RowScorer
from onethinker_rewards.adapters.microbatch import batch_calls
from onethinker_rewards.tasks import JudgeRow, Verdict

ROWS = 64
EVERY = 0.1
JUDGE = 2.0
STRAGGLER = 10.0
MANY = 1000

_CHOICE = {"task": "multiple_choice", "reference": "B"}
_OPEN = {"task": "open_ended", "reference": "a bus", "question": "What is it?"}


class _Judge:
    """Needs its time for each row, more for a row that is called slow."""

    async def judge(self, row: JudgeRow) -> Verdict:
        await asyncio.sleep(STRAGGLER if row.answer == "slow" else JUDGE)
        return Verdict(score=0.5)


def _blocking(questions: list[Any], answers: list[Any], references: list[Any]) -> list[float]:
    time.sleep(JUDGE)
    return [0.5] * len(answers)


def _answer(text: str) -> str:
    return f"<think>I look.</think><answer>{text}</answer>"


async def _waits(judge: Any, calls: list[tuple[str, dict[str, str]]], every: float) -> list[float]:
    """Return the seconds that each call takes, begun one after the other."""
    scorer = RowScorer(judge=judge)
    batcher = batch_calls(scorer)

    async def one(call: tuple[str, dict[str, str]], delay: float) -> float:
        await asyncio.sleep(delay)
        since = time.perf_counter()
        await batcher(call)
        return time.perf_counter() - since

    try:
        return await asyncio.gather(*(one(call, index * every) for index, call in enumerate(calls)))
    finally:
        batcher.close()
        scorer.close()


def run() -> list[Row]:
    """Measure rows without a judge, rows with a straggler among them, and many rows at once."""
    mixed = [(_answer("B"), _CHOICE) if index % 2 else (_answer(f"bus {index}"), _OPEN) for index in range(ROWS)]
    table: list[Row] = []
    for name, judge in {"asynchronous": _Judge(), "blocking": _blocking}.items():
        waits = asyncio.run(_waits(judge, mixed, EVERY))
        rules, judged = statistics.median(waits[1::2]), statistics.median(waits[::2])
        note = f"{rules * 1e3:.1f} ms, at most {max(waits[1::2]) * 1e3:.1f}; judged rows {judged:.2f} s"
        table.append(Row(f"a choice beside judged rows, {name} judge", rules, "its 2 s", JUDGE, note))
    one = [(_answer("slow" if index == 3 else f"bus {index}"), _OPEN) for index in range(20)]
    others = asyncio.run(_waits(_Judge(), one, EVERY))
    others.pop(3)
    note = f"the slowest of the other 19 takes {max(others):.2f} s"
    table.append(Row("a judged row after a straggler", statistics.median(others), "its 10 s", STRAGGLER, note))
    since = time.perf_counter()
    asyncio.run(_waits(_Judge(), [(_answer(f"bus {index}"), _OPEN) for index in range(MANY)], 0.0))
    table.append(Row(f"{MANY:,} judged rows at once", time.perf_counter() - since, "one row", JUDGE))
    return table
