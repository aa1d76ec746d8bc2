"""The recipe `release` equals the released code, number for number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards.tasks.release import RELEASE_TASKS

GOLDEN = Path(__file__).parents[1] / "golden" / "release_rewards.jsonl"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
LABELS = [otr.task_name(row["problem_type"], row["data_type"]) for row in ROWS]


@pytest.mark.parametrize("task", list(RELEASE_TASKS))
def test_every_number_of_every_row_is_equal(task: str) -> None:
    rows = [row for row, label in zip(ROWS, LABELS, strict=True) if label == task]
    assert len(rows) == 200
    batch = otr.score([row["response"] for row in rows], [row["ground_truth"] for row in rows], task, recipe="release")
    for ours, theirs in [
        (batch.total, "overall"),
        (batch.accuracy, "accuracy"),
        (batch.format, "format"),
        (batch.structure, "structure_reward"),
    ]:
        expected = np.array([row["expected"][theirs] for row in rows])
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6, err_msg=theirs)


def test_paper_gives_every_golden_row_a_number_in_range() -> None:
    batch = otr.score([row["response"] for row in ROWS], [row["ground_truth"] for row in ROWS], LABELS)
    maximum = np.array([otr.TASKS[label].maximum for label in LABELS])
    assert not np.isnan(batch.total).any()
    assert ((batch.accuracy >= 0) & (batch.accuracy <= maximum)).all()
    assert ((batch.normalized >= 0) & (batch.normalized <= 1)).all()
    assert set(batch.format.tolist()) <= {0.0, 1.0}
