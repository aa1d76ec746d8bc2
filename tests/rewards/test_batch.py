"""RewardBatch: rows and summary."""

from __future__ import annotations

import json

import pytest

import onethinker_rewards as otr
from tests.rewards.cases import REFERENCES, wrap

BASE = [
    "task",
    "total",
    "accuracy",
    "normalized",
    "format",
    "structure",
    "failure",
    "format_fault",
    "repairs",
    "penalties",
]


def test_rows_have_the_same_keys_every_time() -> None:
    keys = BASE + [f"part/{part}" for part in dict.fromkeys(part for spec in otr.TASKS.values() for part in spec.parts)]
    for task, reference in REFERENCES.items():
        for response in (wrap(reference), "broken"):
            row = otr.score([response], [reference], task).to_rows()[0]
            assert list(row) == keys
            assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_summary_counts_codes_and_averages_numbers() -> None:
    reference = REFERENCES["spatial_grounding"]
    batch = otr.score(
        [wrap(reference), wrap("[]"), wrap("[]"), wrap('{"boxes": [-1, 100, 300, 400]}'), wrap("7")],
        [reference] * 4 + ["seven"],
        ["spatial_grounding"] * 4 + ["numerical"],
        on_bad_reference="skip",
    )
    summary = batch.summary()
    assert list(summary) == ["spatial_grounding", "numerical"]
    boxes = summary["spatial_grounding"]
    assert boxes["rows"] == 4
    assert boxes["format"] == pytest.approx(0.5)
    assert boxes["accuracy"] == pytest.approx(batch.accuracy[:4].mean())
    assert boxes["parts"] == {"box_iou": pytest.approx(batch.accuracy[:4].mean())}
    assert boxes["failures"] == {"not_an_object": 2}
    assert boxes["format_faults"] == {"not_an_object": 2}
    assert boxes["repairs"] == {"clipped": 1}
    assert summary["numerical"]["total"] is None
    assert summary["numerical"]["format"] == 1.0
    assert summary["numerical"]["failures"] == {"bad_reference": 1}
