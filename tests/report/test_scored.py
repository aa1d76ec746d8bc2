"""Rows of scored files: JSON, CSV, and what is no scored row."""

from __future__ import annotations

from typing import Any

import pytest

from onethinker_rewards.adapters import Columns
from onethinker_rewards.report.scored import RowReader, ScoredRow

READER = RowReader(Columns(), None, None)
ROW: dict[str, Any] = {"response": "<answer>B</answer>", "reference": "B", "task": "multiple choice", "total": 1.5}


def read(**columns: Any) -> ScoredRow:
    found = READER.read(7, ROW | columns)
    assert isinstance(found, ScoredRow)
    return found


def test_a_row() -> None:
    row = read(failure=None, format_fault="missing_think", repairs=["clipped"], penalties=["repetition"])
    assert (row.number, row.task, row.total, row.references) == (7, "multiple_choice", 1.5, ("B",))
    assert row.faults == ("missing_think",)
    assert row.codes == ("missing_think", "clipped", "repetition")


def test_a_row_of_csv() -> None:
    row = read(
        total="0.5", failure="", format_fault="", repairs='["clipped"]', **{"part/rouge": "0.25"}, accuracy="0.5"
    )
    assert (row.total, row.codes) == (0.5, ("clipped",))
    assert row.terms() == [("accuracy", 0.5), ("rouge", 0.25)]
    assert READER.size(read(width="640", height="480")) == (640, 480)
    assert READER.size(read()) is None


def test_an_empty_response_is_a_response() -> None:
    assert read(response=None).response == ""


def test_several_references() -> None:
    assert read(references=["B", "C"]).references == ("B", "C")
    assert read(references='["B", "C"]').references == ("B", "C")
    assert read(reference="[broken", references=None).references == ("[broken",)
    assert read(reference=None).references == ()
    assert read(references="[broken").references == ("B",)


def test_a_task_for_all_rows() -> None:
    reader = RowReader(Columns(), "ocr", None)
    found = [reader.read(1, {"response": "", "total": 0, "task": "poetry"}) for _ in range(2)]
    assert [row.task for row in found if isinstance(row, ScoredRow)] == ["ocr", "ocr"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"row": 3, "error": "not JSON"}, "not JSON"),
        (ROW | {"row": 3, "error": "not JSON", "total": None, "failure": None}, "not JSON"),
        (ROW | {"row": 3, "error": "mine"}, None),
        ({"task": "ocr"}, "no response"),
        (ROW | {"response": ["B"]}, "the response is not text"),
        ({name: cell for name, cell in ROW.items() if name != "total"}, "no total; the command score writes it"),
        (ROW | {"task": 3}, "no task"),
        (ROW | {"failure": "<script>"}, "'<script>' is no code that scoring gives"),
        (ROW | {"repairs": "[7"}, None),
    ],
)
def test_what_is_no_scored_row(row: dict[str, Any], reason: str | None) -> None:
    found = READER.read(1, row)
    assert found == reason if reason else isinstance(found, ScoredRow)


def test_an_unknown_task_is_named() -> None:
    found = READER.read(1, ROW | {"task": "poetry", "data_type": "image"})
    assert isinstance(found, str)
    assert "poetry" in found
