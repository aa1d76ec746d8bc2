"""What reaches a formula besides answers and references: how far training is, and which rows form a group."""

from __future__ import annotations

import math
from collections.abc import Hashable
from fractions import Fraction
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.answers import Number
from tests.rewards.cases import wrap

pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")
torch = pytest.importorskip("torch")

SEEN: list[otr.Context] = []


def formula(predicted: Any, reference: Any, context: otr.Context) -> otr.Scores:
    SEEN.append(context)
    return otr.Scores(np.zeros(len(predicted)))


TABLE = {name: otr.TaskSpec(name=name, schema=Number, accuracy=formula) for name in ("apples", "pears")}


def contexts(tasks: list[str] | str, count: int = 3, answer: str = "1", **options: Any) -> list[otr.Context]:
    """Return the context that each task's formula got, in alphabetical order of the tasks."""
    SEEN.clear()
    otr.score([wrap(answer)] * count, ["1"] * count, tasks, table=TABLE, **options)
    with otr.Scorer(table=TABLE) as scorer:
        scorer.score([wrap(answer)] * count, ["1"] * count, tasks, **options)
    first, second = SEEN[: len(SEEN) // 2], SEEN[len(SEEN) // 2 :]
    assert [context.groups for context in first] == [context.groups for context in second]
    assert [context.progress for context in first] == [context.progress for context in second]
    return first


@pytest.mark.parametrize("progress", [None, 0, 0.25, 1, 1.0, np.float32(0.5), np.float64(1.0), Fraction(1, 3)])
def test_progress_reaches_the_formula(progress: Any) -> None:
    assert [context.progress for context in contexts("apples", progress=progress)] == [progress]


@pytest.mark.parametrize("progress", [-0.01, 1.01, 50, math.nan, math.inf, "0.5", True, [0.5], np.array([0.5])])
def test_progress_is_a_number_from_0_to_1(progress: Any) -> None:
    with pytest.raises(otr.ArgumentError, match="progress is a number from 0 to 1, not"):
        otr.score([], [], [], progress=progress)


def test_without_them_a_formula_gets_none() -> None:
    (context,) = contexts("apples")
    assert (context.groups, context.progress) == (None, None)


UUIDS = [UUID(int=1), UUID(int=1), UUID(int=2)]


@pytest.mark.parametrize(
    ("groups", "ids"),
    [
        (["a", "a", "b"], ["a", "a", "b"]),
        ((1, 1, 2), [1, 1, 2]),
        ([("set", 1), ("set", 1), None], [("set", 1), ("set", 1), None]),
        (UUIDS, UUIDS),
        (np.array([1, 1, 2]), [1, 1, 2]),
        (np.array(["a", "a", "b"]), ["a", "a", "b"]),
        (torch.tensor([1, 1, 2]), [1, 1, 2]),
        (pd.Series(["a", "a", "b"], index=[2, 1, 0]), ["a", "a", "b"]),
        (pa.chunked_array([[1, 1], [2]]), [1, 1, 2]),
        ((number // 2 for number in range(3)), [0, 0, 1]),
    ],
)
def test_groups_are_one_hashable_id_a_row(groups: Any, ids: list[Hashable]) -> None:
    SEEN.clear()
    otr.score([wrap("1")] * 3, ["1"] * 3, "apples", table=TABLE, groups=groups)
    assert [context.groups for context in SEEN] == [ids]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a", "a"], "groups has 2 rows, responses has 3"),
        ("aab", "groups is one str"),
        ({"a", "b", "c"}, "groups: expected a list"),
        (7, "groups: expected a list"),
        ([["a"], ["a"], ["b"]], "groups: ids must be hashable"),
        (np.zeros((3, 2)), "groups: ids must be hashable"),
        (torch.zeros((3, 2)), "groups: ids must be hashable"),
    ],
)
def test_what_is_not_one_id_a_row_is_refused(groups: Any, message: str) -> None:
    with pytest.raises(otr.ArgumentError, match=message):
        otr.score([wrap("1")] * 3, ["1"] * 3, "apples", table=TABLE, groups=groups)


def test_each_formula_gets_the_groups_of_its_rows() -> None:
    apples, pears = contexts(["apples", "pears", "apples"], groups=["a", "b", "c"])
    assert (apples.groups, pears.groups) == (["a", "c"], ["b"])


def test_where_nothing_could_be_read_there_are_no_groups() -> None:
    (context,) = contexts("apples", answer="one", groups=[1, 1, 2])
    assert context.groups == []


@given(st.lists(st.tuples(st.sampled_from(["apples", "pears"]), st.integers(0, 3)), min_size=1, max_size=12))
def test_groups_stay_with_their_rows(rows: list[tuple[str, int]]) -> None:
    SEEN.clear()
    tasks, groups = [task for task, _ in rows], [group for _, group in rows]
    otr.score([wrap("1")] * len(rows), ["1"] * len(rows), tasks, table=TABLE, groups=groups)
    expected = [[group for task, group in rows if task == name] for name in sorted(set(tasks))]
    assert [context.groups for context in SEEN] == expected


def test_they_change_no_reward_of_ours() -> None:
    responses, references, tasks = (
        [wrap("B"), wrap("3.1"), "x"],
        ["B", "3", "A"],
        ["multiple_choice", "regression", "ocr"],
    )
    plain = otr.score(responses, references, tasks)
    given_all = otr.score(responses, references, tasks, groups=[1, 1, 2], progress=0.5)
    assert given_all.to_rows() == plain.to_rows()
