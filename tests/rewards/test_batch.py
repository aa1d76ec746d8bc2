"""RewardBatch: rows and summary."""

from __future__ import annotations

import json
import sys

import numpy as np
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


def mixed() -> otr.RewardBatch:
    reference = REFERENCES["spatial_grounding"]
    responses = [wrap(reference), wrap("[]"), "<answer>7</answer>", wrap("7")]
    references = [reference, reference, "7", "seven"]
    tasks = ["spatial_grounding", "spatial_grounding", "numerical", "numerical"]
    return otr.score(responses, references, tasks, on_bad_reference="skip")


def test_a_row_by_its_index() -> None:
    batch = mixed()
    expected = [{**row, "detail": detail} for row, detail in zip(batch.to_rows(), batch.details, strict=True)]
    assert [*batch] == expected
    assert [batch[row] for row in range(len(batch))] == expected
    assert batch[-1] == expected[-1]
    assert batch[np.int64(2)] == expected[2]
    assert batch[1:] == expected[1:]
    assert batch[::-2] == expected[::-2]
    assert batch[9:] == []
    assert batch[1]["detail"].found == "[]"
    with pytest.raises(IndexError):
        batch[4]
    with pytest.raises(TypeError):
        batch["accuracy"]  # type: ignore[call-overload]


def test_a_table_of_pandas() -> None:
    pytest.importorskip("pandas")
    frame = mixed().to_pandas()
    assert [*frame.columns] == [*mixed().to_rows()[0], "detail"]
    assert frame["accuracy"].tolist()[:3] == [1.0, 0.0, 1.0]
    assert frame["failure"].tolist()[1] == "not_an_object"
    assert "found []" in frame["detail"][1]


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(otr.OneThinkerRewardsError, match="to_pandas needs pandas: pip install pandas"):
        mixed().to_pandas()


def test_a_table_for_notebooks() -> None:
    html = mixed()._repr_html_()
    assert html.count("<tr>") == 3
    assert (
        "<td>spatial_grounding</td><td>2</td><td>1</td><td>0.5</td><td>0.5</td><td>1</td><td>not_an_object</td>" in html
    )
    table = {"<b>": otr.TASKS["ocr"]}
    html = otr.score(["a"] * 16, ["a"] * 16, "<b>", table=table)._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert "<p>the format is 0 because 16 of 16 responses lack &lt;think&gt; or &lt;answer&gt;" in html


def test_a_batch_of_no_rows() -> None:
    batch = otr.score([], [], "ocr")
    assert (batch.warnings(), [*batch], batch[:]) == ([], [], [])
    pytest.importorskip("pandas")
    assert len(batch.to_pandas()) == 0


def test_missing_tags_give_one_hint() -> None:
    good, bad = [wrap("7")], ["<answer>7</answer>"]
    hint = "the format is 0 because 19 of 20 responses lack <think> or <answer>; does the prompt ask for them, "
    assert otr.score(good + bad * 19, ["7"] * 20, "numerical").warnings() == [hint + "as otr.prompt does?"]
    assert otr.score(good * 2 + bad * 18, ["7"] * 20, "numerical").warnings() == []
    assert otr.score(bad * 15, ["7"] * 15, "numerical").warnings() == []


def test_warnings_of_a_task_are_in_its_summary() -> None:
    batch = otr.score([wrap('{"boxes": [0, 0, 5, 5]}')], ['{"boxes": [-5, 0, 5, 5]}'], "spatial_grounding")
    assert batch.summary()["spatial_grounding"]["warnings"] == batch.warnings()
    assert len(batch.warnings()) == 1
