"""Which answers are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.trainer.filtering import THRESHOLDS, Candidate, Judged, Keep, Rule, judge
from onethinker_rewards.trainer.filtering.judging import BELOW
from tests.rewards.cases import wrap

LEAST = {task: threshold.least for task, threshold in THRESHOLDS.items()}
RIGHT, WRONG, BARE = wrap("B"), wrap("C"), "<answer>B</answer>"
LONG = wrap("B", "I looked at it for a long time.")


def candidate(responses: Sequence[str], task: str = "multiple_choice", reference: str = "B", **more: Any) -> Candidate:
    return Candidate(1, {}, task, reference, more.get("options"), list(responses))


def judged(*candidates: Candidate, keep: Keep = "best", **thresholds: float) -> list[Judged]:
    with otr.Scorer() as scorer:
        return judge(candidates, scorer, Rule(thresholds=LEAST | thresholds, keep=keep))


@pytest.mark.parametrize(
    ("responses", "keep", "kept"),
    [
        pytest.param([WRONG, LONG, RIGHT], "best", [2], id="the-shortest-of-equals"),
        pytest.param([WRONG, LONG, RIGHT], "first", [1], id="the-first"),
        pytest.param([LONG, WRONG, RIGHT], "all", [0, 2], id="all"),
        pytest.param([LONG, RIGHT, LONG, RIGHT], "all", [0, 1], id="equal-texts-once"),
        pytest.param([RIGHT, RIGHT], "best", [0], id="the-first-of-equals"),
        pytest.param([WRONG, BARE], "best", [], id="none"),
        pytest.param([WRONG, BARE], "all", [], id="none-of-all"),
    ],
)
def test_what_is_kept(responses: list[str], keep: Keep, kept: list[int]) -> None:
    assert judged(candidate(responses), keep=keep)[0].kept == kept


def test_the_most_accurate_is_best_before_the_shortest() -> None:
    (one,) = judged(candidate([wrap("108"), wrap("100", "It is just a hundred."), wrap("92")], "regression", "100"))
    assert one.kept == [1]


def test_codes_say_why() -> None:
    (one,) = judged(candidate([RIGHT, WRONG, BARE, "?", wrap("A or B")]))
    assert one.codes == [None, BELOW, "missing_think", "missing_answer", "no_option_letter"]
    assert [row["normalized"] for row in one.rewards] == [1.0, 0.0, 1.0, 0.0, 0.0]


def test_a_threshold_that_is_just_reached_is_reached() -> None:
    half = candidate([wrap('{"time": [0, 5]}')], "temporal_grounding", '{"time": [0, 10]}')
    assert judged(half)[0].kept == [0]
    assert judged(half, temporal_grounding=math.nextafter(0.5, 1))[0].codes == [BELOW]


def test_a_wrong_format_never_passes() -> None:
    assert judged(candidate([BARE]), multiple_choice=0.0)[0].kept == []
    assert judged(candidate([WRONG]), multiple_choice=0.0)[0].kept == [0]


def test_rows_do_not_touch_each_other() -> None:
    rows = [
        candidate([RIGHT]),
        candidate([WRONG, wrap("A. dog")], reference="A", options=["dog", "cat"]),
        candidate([wrap("7"), wrap("8")], "numerical", "8"),
    ]
    together = judged(*rows)
    assert together == [one for row in rows for one in judged(row)]
    assert [one.kept for one in together] == [[0], [1], [1]]
    assert judged() == []


def test_where_there_is_no_number_nothing_is_kept() -> None:
    def judge_of_nothing(*_: Any) -> list[None]:
        return [None]

    with otr.Scorer(judge=judge_of_nothing) as scorer:
        (one,) = judge(
            [candidate([wrap("x")], "open_ended", "x")], scorer, Rule(thresholds=LEAST | {"open_ended": 0.0})
        )
    assert (one.kept, one.codes) == ([], ["judge_failed"])


@given(st.lists(st.sampled_from([RIGHT, WRONG, BARE, LONG, "?"]), min_size=1, max_size=6))
def test_the_ways_to_keep_agree(responses: list[str]) -> None:
    best, first, every = (judged(candidate(responses), keep=keep)[0] for keep in ("best", "first", "all"))
    passing = [place for place, code in enumerate(every.codes) if code is None]
    assert first.kept == passing[:1]
    assert every.kept == [place for place in passing if responses.index(responses[place]) == place]
    assert set(best.kept) <= set(every.kept)
    assert len(best.kept) == min(len(passing), 1)
    assert all(len(responses[best.kept[0]]) <= len(responses[place]) for place in passing)
