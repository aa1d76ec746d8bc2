"""Option letters and numbers: reading 1,024 answers and comparing them, tags apart, beside the released code's way."""

from __future__ import annotations

import random

import numpy as np

import onethinker_rewards as otr
from benchmarks.harness import Row, best_of
from onethinker_rewards.tasks import Context, released

COUNT = 1024
SPELLINGS = ("{}", "{}", "{}", "{}", "({})", "{}.", "{}. the second one", "**{}**")


def _answers(rng: random.Random) -> dict[str, tuple[list[str], list[str]]]:
    letters = [rng.choice("ABCD") for _ in range(COUNT)]
    numbers = [f"{rng.uniform(1, 500):.2f}" for _ in range(COUNT)]
    near = [f"{float(number) + rng.choice((0, 0, 0.004, 0.01, 3)):.3f}" for number in numbers]
    return {
        "multiple_choice": ([rng.choice(SPELLINGS).format(rng.choice("ABCD")) for _ in letters], letters),
        "numerical": (near, numbers),
    }


def _ours(task: str, predicted: list[str], reference: list[str]) -> object:
    spec = otr.TASKS[task]
    return spec.accuracy(spec.read(predicted).columns, spec.read(reference).columns, Context())


def _theirs(task: str, predicted: list[str], reference: list[str]) -> object:
    return np.array([result.accuracy for result in getattr(released, task)(predicted, predicted, reference, Context())])


def run() -> list[Row]:
    """Measure both kinds."""
    rows: list[Row] = []
    for task, (predicted, reference) in _answers(random.Random(0)).items():
        ours = best_of(lambda t=task, p=predicted, r=reference: _ours(t, p, r))
        theirs = best_of(lambda t=task, p=predicted, r=reference: _theirs(t, p, r))
        rows.append(Row(task, ours, "the release's formula", theirs, note=f"{ours / COUNT * 1e6:.2f} µs a row"))
    return rows
