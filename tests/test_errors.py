"""Errors name their rows, and survive the way between processes."""

from __future__ import annotations

import pickle

import pytest

from onethinker_rewards.errors import (
    ArgumentError,
    BadImageError,
    BadReferenceError,
    JudgeError,
    OneThinkerRewardsError,
    UnknownTaskError,
)


@pytest.mark.parametrize("kind", [ArgumentError, BadReferenceError, BadImageError, UnknownTaskError, JudgeError])
def test_one_base(kind: type[Exception]) -> None:
    assert issubclass(kind, OneThinkerRewardsError)
    assert issubclass(kind, ValueError) == (kind is not JudgeError)


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        pytest.param([], "unreadable reference: why 0", id="no row"),
        pytest.param([3], "unreadable reference in row 3: why 0", id="one"),
        pytest.param([3, 9], "unreadable reference in row 3: why 0; row 9: why 1", id="two"),
        pytest.param(
            [1, 2, 3, 4, 5],
            "unreadable reference in row 1: why 0; row 2: why 1; row 3: why 2; row 4: why 3; row 5: why 4",
            id="as many as are shown",
        ),
        pytest.param(
            [1, 2, 3, 4, 5, 6, 7],
            "unreadable reference in row 1: why 0; row 2: why 1; row 3: why 2; row 4: why 3; row 5: why 4; "
            "and 2 more rows",
            id="more than are shown",
        ),
    ],
)
def test_rows_and_reasons(rows: list[int], shown: str) -> None:
    reasons = [f"why {place}" for place in range(max(1, len(rows)))]
    error = BadReferenceError(rows, reasons)
    assert (error.rows, error.reasons) == (tuple(rows), tuple(reasons))
    assert str(error) == shown


@pytest.mark.parametrize("kind", [BadReferenceError, BadImageError, UnknownTaskError])
def test_pickling_keeps_every_field(kind: type[BadReferenceError]) -> None:
    error = kind([1, 2], ["a", "b"])
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.rows, again.reasons, str(again)) == (error.rows, error.reasons, str(error))


def test_one_reason_for_many_rows_is_said_once() -> None:
    assert str(BadReferenceError([0, 4], ["why"] * 2)) == "unreadable reference in rows 0, 4: why"
    many = BadReferenceError(range(9), ["why"] * 9)
    assert str(many) == "unreadable reference in rows 0, 1, 2, 3, 4 and 4 more: why"
    assert many.reasons == ("why",) * 9


def test_subjects() -> None:
    assert str(UnknownTaskError([0], ["'juggling' is no task"])) == "unknown task in row 0: 'juggling' is no task"
