"""Which column holds what."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import Columns, MissingColumnError
from onethinker_rewards.adapters.columns import Inputs, columns_of
from tests.adapters.rows import shared_rows

TASK = {"task": ["ocr", "math"]}


def test_the_data_sets_own_names_need_no_word() -> None:
    rows = shared_rows()
    inputs = Columns().take({**rows.columns("answer"), "problem": ["?"] * len(rows)}, rows=len(rows))
    assert inputs == Inputs(rows.references, rows.tasks, ["?"] * len(rows), rows.options, None)


@pytest.mark.parametrize("name", ["reference", "solution", "answer", "ground_truth"])
def test_reference_has_four_names(name: str) -> None:
    assert Columns().take({**TASK, name: ["a", "b"]}, rows=2).references == ["a", "b"]


def test_the_first_name_counts() -> None:
    columns = {"ground_truth": ["4", "4"], "answer": ["3", "3"], "solution": ["2", "2"], "reference": ["1", "1"]}
    assert Columns().take({**TASK, **columns}, rows=2).references == ["1", "1"]


@pytest.mark.parametrize("empty", [None, math.nan, [], (), np.array([])], ids=["none", "nan", "list", "tuple", "array"])
def test_an_empty_value_gives_way_to_the_next_column(empty: object) -> None:
    columns = {**TASK, "reference": [empty, "b"], "solution": ["a", "c"]}
    assert Columns().take(columns, rows=2).references == ["a", "b"]


def test_a_list_of_references_goes_before_a_single_one() -> None:
    several = [["a", "b"], None]
    given = {**TASK, "references": several, "answer": [None, {"a": 1}]}
    assert Columns().take(given, rows=2).references == [otr.AnyOf(["a", "b"]), {"a": 1}]
    assert Columns().take({**TASK, "references": [["a"], ["b"]]}, rows=2).references == [
        otr.AnyOf(["a"]),
        otr.AnyOf(["b"]),
    ]
    named = {**TASK, "references": [["x"], ["y"]], "gold": ["a", "b"]}
    assert Columns(reference="gold").take(named, rows=2).references == ["a", "b"]
    both = Columns(reference="gold", references="references").take(named, rows=2)
    assert both.references == [otr.AnyOf(["x"]), otr.AnyOf(["y"])]


def test_a_name_of_ones_own() -> None:
    columns = Columns(task="kind", reference=("gold", "silver"), options="choices", question="q", images="pictures")
    given = {"kind": ["ocr"], "silver": ["a"], "choices": [np.array(["x", "y"])], "q": ["?"], "pictures": [b"png"]}
    assert columns.take(given, rows=1) == Inputs(["a"], ["ocr"], ["?"], [["x", "y"]], [b"png"])


@pytest.mark.parametrize(
    ("columns", "given", "message"),
    [
        (Columns(), {}, "no column 'task' or 'problem_type' or 'extra_info.task' for the task; there are: none"),
        (
            Columns(reference="gold"),
            {**TASK, "x": [1, 2]},
            "no column 'gold' for the reference; there are: 'task', 'x'",
        ),
        (Columns(options="choices"), {**TASK, "answer": ["a", "b"]}, "no column 'choices' for the options"),
    ],
    ids=["task", "reference", "an option named alone"],
)
def test_a_missing_column_names_it_and_those_present(columns: Columns, given: dict, message: str) -> None:
    with pytest.raises(MissingColumnError) as raised:
        columns.take(given, rows=2)
    assert message in str(raised.value)
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)
    assert isinstance(raised.value, otr.ArgumentError)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({**TASK, "answer": ["a"]}, "column 'answer' has 1 rows, responses has 2"),
        ({**TASK, "answer": ["a"] * 3}, "column 'answer' has 3 rows, responses has 2"),
        ({"task": "ocr", "answer": ["a", "b"]}, "column 'task' is one str; give one value a row"),
        ({**TASK, "answer": ["a", None]}, "no reference in row 1"),
        ({**TASK, "references": [["a"], "b"]}, "references: expected a list, got str in row 1"),
        ({**TASK, "references": [["a"], []]}, "no reference in row 1"),
        ({**TASK, "answer": ["a", "b"], "question": ["?", 1]}, "question: expected str, got int in row 1"),
        ({**TASK, "answer": ["a", "b"], "options": ["ab", None]}, "options: expected a list of str, got 'ab' in row 0"),
        ({**TASK, "answer": ["a", "b"], "options": [None, [1]]}, "options: expected a list of str, got [1] in row 1"),
        ({**TASK, "answer": ["a", "b"], "options": [None, 7]}, "options: expected a list of str, got 7 in row 1"),
    ],
    ids=[
        "short",
        "long",
        "one text",
        "empty",
        "references text",
        "references empty",
        "question",
        "options text",
        "options numbers",
        "options number",
    ],
)
def test_a_wrong_value_names_column_and_row(given: dict, message: str) -> None:
    with pytest.raises(otr.ArgumentError) as raised:
        Columns().take(given, rows=2)
    assert message in str(raised.value)


def test_many_rows_are_counted() -> None:
    with pytest.raises(otr.ArgumentError, match="no reference in rows 0, 1, 2, 3, 4 and 3 more"):
        Columns().take({"task": ["ocr"] * 8, "answer": [None] * 8}, rows=8)


def test_unknown_tasks_name_all_rows() -> None:
    given = {"task": ["dance", "ocr", "segmentation"], "data_type": ["video", 5, None], "answer": ["a"] * 3}
    with pytest.raises(otr.UnknownTaskError) as raised:
        Columns().take(given, rows=3)
    assert raised.value.rows == (0, 2)
    assert "needs the data type image or video" in raised.value.reasons[1]


def test_a_table_of_ones_own_has_tasks_of_ones_own() -> None:
    table = {**otr.TASKS, "dance": otr.TASKS["ocr"]}
    assert Columns().take({"task": ["dance"], "answer": ["a"]}, rows=1, table=table).tasks == ["dance"]


def test_optional_columns_that_no_row_fills_are_none() -> None:
    given = {**TASK, "answer": ["a", "b"], "options": [[], None], "images": [None, None]}
    assert Columns().take(given, rows=2) == Inputs(["a", "b"], ["ocr", "math"])


def test_rows_are_columns() -> None:
    rows = shared_rows()
    expected = Columns().take(rows.columns(), rows=len(rows))
    assert Columns().take(columns_of(rows.mappings()), rows=len(rows)) == expected
    assert Columns().tasks(rows.columns(), rows=len(rows)) == expected.tasks
    assert columns_of([{"a": 1}, {"b": 2}]) == {"a": [1, None], "b": [None, 2]}


def test_groups_are_apart_by_source() -> None:
    given = {"problem_id": [1, 1, 2], "data_source": ["a", "b", "b"]}
    assert Columns().groups(given, rows=3) == [("a", 1), ("b", 1), ("b", 2)]
    assert Columns().groups({"uid": ["x", "y"]}, rows=2) == ["x", "y"]
    with pytest.raises(MissingColumnError, match="'group' or 'uid' or 'problem_id' for the group"):
        Columns().groups({}, rows=1)
    with pytest.raises(otr.ArgumentError, match="no group in row 1"):
        Columns().groups({"uid": ["x", None]}, rows=2)
