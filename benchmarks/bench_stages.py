"""Where the time of scoring goes: 1,024 rows of one task, stage by stage; the ratio is the whole over the stage."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

import onethinker_rewards as otr
from benchmarks.harness import Row, best_of_both
from benchmarks.rollouts import make_rows
from onethinker_rewards.answers import Answers, Reader, ReadOptions

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


def _stages(spec: otr.TaskSpec, responses: list[str], references: list[str]) -> dict[str, Callable[[], object]]:
    reader, how, rows = Reader(), ReadOptions(), np.arange(len(responses))
    distinct = [reader.bare_reference(text) for text in dict.fromkeys(references)]
    answers = reader.find(responses, how)
    everything = Answers.of_texts([reader.bare_reference(text) for text in references])
    predicted = reader.read(answers, rows, spec.schema, how)
    reference = reader.read_references(everything, spec.schema, how)
    context = otr.Context(constants=spec.constants)
    return {
        "find the answer between its tags": lambda: reader.find(responses, how),
        "read the answers into arrays": lambda: reader.read(answers, rows, spec.schema, how),
        "read each distinct reference": lambda: reader.read_references(Answers.of_texts(distinct), spec.schema, how),
        "compare": lambda: spec.accuracy(predicted, reference, context),
    }


def run() -> list[Row]:
    """Measure the stages of each task beside the whole; what is left over is the rest."""
    table: list[Row] = []
    for task in SHOWN:
        responses, references, tasks = make_rows((task,), COUNT)
        spent: list[float] = []
        for name, stage in _stages(otr.TASKS[task], responses, references).items():
            seconds, whole = best_of_both(stage, partial(otr.score, responses, references, tasks), repeat=5)
            spent.append(seconds / whole)
            note = f"{seconds / COUNT * 1e6:.2f} µs a row, {spent[-1]:.0%} of the whole"
            table.append(Row(f"{task}: {name}", seconds, "the whole of score", whole, note=note))
        # Stages that run again and again are warmer than within the whole: together they may take as long.
        rest = max(1e-3, 1.0 - float(np.sum(spent))) * whole
        note = f"{rest / COUNT * 1e6:.2f} µs a row: argument checks, grouping by task, totals and codes"
        table.append(Row(f"{task}: the rest", rest, "the whole of score", whole, note=note))
    return table
