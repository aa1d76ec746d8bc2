"""Records for inspect_ai: what a caller without ids is told. The command's tests show the records."""

from __future__ import annotations

import pytest

from onethinker_rewards import evaluation
from onethinker_rewards.adapters.inspect_scores import InspectScores
from onethinker_rewards.errors import ArgumentError

ROW = {"task": "multiple_choice", "reference": "B", "response": "<think>I see.</think><answer>B</answer>"}


def test_rows_of_evaluate_in_python() -> None:
    scores, records = InspectScores(), []
    evaluation.evaluate(
        [ROW | {"id": name} for name in (1, 2, 1)],
        each=lambda scored, row: records.append(scores.record(scored, row)),
    )
    assert [(record["id"], record["epoch"], record["value"]) for record in records if record is not None] == [
        ("1", 1, 1.0), ("2", 1, 1.0), ("1", 2, 1.0)
    ]  # fmt: skip


def test_a_row_without_an_id() -> None:
    with pytest.raises(ArgumentError, match="without an id"):
        InspectScores().record({"value": 1.0, "id": None}, ROW)


def test_a_row_without_a_score_has_no_record() -> None:
    assert InspectScores().record({"error": "no reference"}, ROW) is None
