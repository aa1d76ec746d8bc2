"""Where the time of scoring goes: 1,024 rows of one task, stage by stage; the ratio is the whole over the stage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import onethinker_rewards as otr
from benchmarks.harness import Row, best_of_both
from benchmarks.rollouts import make_rows
from onethinker_rewards.parsing import DEFAULT_LIMITS, find_answers
from onethinker_rewards.rewards.references import (
    References,
    check_references,
    distinct_references,
    read_references,
)
from onethinker_rewards.rewards.rows import TaskRows
from onethinker_rewards.schemas import OptionLetter
from onethinker_rewards.tasks import Context, TaskSpec

COUNT = 1024
SHOWN = (
    "temporal_grounding",
    "spatial_grounding",
    "spatio_temporal_grounding",
    "tracking",
    "image_segmentation",
    "multiple_choice",
    "numerical",
)


def _stages(spec: TaskSpec, responses: list[str], references: list[str]) -> dict[str, Callable[[], object]]:
    rows = TaskRows(responses, references, Context())

    def read_distinct() -> References:
        distinct = distinct_references(rows)
        return check_references(spec, rows, distinct, read_references(spec, distinct, DEFAULT_LIMITS))

    right = read_distinct()
    alike = spec.schema is OptionLetter
    answers = find_answers(responses, alike=alike).answers
    predicted = spec.read(answers).columns
    return {
        "find the answer between its tags": lambda: find_answers(responses, alike=alike),
        "read the answers into arrays": lambda: spec.read(answers),
        "read each distinct reference": read_distinct,
        "compare": lambda: spec.accuracy(predicted, right.columns.take(right.place), Context()),
    }


def run() -> list[Row]:
    """Measure the stages of each task beside the whole; what is left over is the rest."""
    table: list[Row] = []
    for task in SHOWN:
        responses, references, tasks = make_rows((task,), COUNT)
        spent: list[float] = []
        for stage, one in _stages(otr.TASKS[task], responses, references).items():
            seconds, whole = best_of_both(one, lambda r=responses, f=references, t=tasks: otr.score(r, f, t), repeat=5)
            spent.append(seconds / whole)
            note = f"{seconds / COUNT * 1e6:.2f} µs a row, {spent[-1]:.0%} of the whole"
            table.append(Row(f"{task}: {stage}", seconds, "the whole of score", whole, note=note))
        # Stages that run again and again are warmer than within the whole: together they may take as long.
        rest = max(1e-3, 1.0 - float(np.sum(spent))) * whole
        note = f"{rest / COUNT * 1e6:.2f} µs a row: argument checks, grouping by task, totals and codes"
        table.append(Row(f"{task}: the rest", rest, "the whole of score", whole, note=note))
    return table
