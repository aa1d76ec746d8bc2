"""Rows brought together by task, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.rewards.grouping import group_by_task
from onethinker_rewards.rewards.rows import TaskRows
from onethinker_rewards.tasks import Context
from tests.rewards.cases import wrap

NAMES = st.lists(st.sampled_from("abc"), max_size=12)


@given(names=NAMES)
def test_a_slice_holds_all_rows_of_its_task_in_their_order(names: list[str]) -> None:
    groups = group_by_task(names)
    rows = [str(row) for row in range(len(names))]
    arranged = groups.arrange(TaskRows(rows, rows, Context(questions=rows)))
    assert set(groups.places) == set(names)
    for name, place in groups.places.items():
        expected = [row for row, its in zip(rows, names, strict=True) if its == name]
        part = arranged.slice(place)
        assert part.responses == part.references == part.context.questions == expected
        assert [groups.row(position) for position in range(place.start, place.stop)] == list(map(int, expected))


@given(names=NAMES)
def test_back_undoes_the_order(names: list[str]) -> None:
    groups = group_by_task(names)
    back = groups.back()
    if back is None:
        assert len(set(names)) < 2
    else:
        assert np.array_equal(groups.order[back], np.arange(len(names)))  # type: ignore[index]


@pytest.mark.parametrize("places", [[], [2], [2, 0], [1, 1, 2]])
def test_any_rows_can_be_taken(places: list[int]) -> None:
    rows = TaskRows(["a", "b", "c"], ["d", "e", "f"], Context(questions=["g", "h", "i"]))
    taken = rows.take(np.array(places, dtype=np.int64))
    assert taken.responses == ["abc"[place] for place in places]
    assert taken.references == ["def"[place] for place in places]
    assert taken.context.questions == ["ghi"[place] for place in places]


def test_options_stay_with_their_rows() -> None:
    """A text that names an option of its own row's, among rows of other tasks and other options."""
    responses = [wrap("a cat"), wrap("7"), wrap("a dog"), wrap('{"time": [1, 2]}'), wrap("a cat")]
    references = ["A", "7", "A", '{"time": [1, 2]}', "B"]
    options = [["a cat", "a dog"], None, ["a dog", "a cat"], None, ["a cow", "a cat"]]
    tasks = ["multiple_choice", "numerical", "multiple_choice", "temporal_grounding", "multiple_choice"]
    assert otr.score(responses, references, tasks, options=options).accuracy.tolist() == [1.0] * 5
