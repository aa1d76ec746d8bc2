"""Blends, and scores within a group."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.judges import Blend, JudgeRow, RowJudge, Verdict, grouped
from tests.judges.stub_server import chat, stub_server
from tests.judges.test_requests import ask_one, chat_judge


@dataclass(eq=False)
class Known:
    """A judge that has a score for each answer, which is a number, or fails."""

    is_raw: bool = False
    closed: list[int] = field(default_factory=list)

    async def judge(self, row: JudgeRow) -> Verdict:
        await asyncio.sleep(0)
        if row.answer == "?":
            return Verdict(code=otr.FailureCode.JUDGE_TIMEOUT)
        return Verdict(score=float(row.answer), reason=f"it is {row.answer}")

    async def aclose(self) -> None:
        self.closed.append(1)


class Plain:
    async def judge(self, row: JudgeRow) -> Verdict:
        return Verdict(score=1.0)


def verdict_of(judge: Any, answer: str, reference: str = "0.5") -> Verdict:
    return asyncio.run(judge.judge(JudgeRow(answer=answer, reference=reference)))


def test_a_weighted_mean() -> None:
    blend = Blend({Known(): 3.0, Plain(): 1.0})
    assert verdict_of(blend, "0.5") == Verdict(score=0.625, reason="it is 0.5 | ")


def test_with_rouge() -> None:
    blend = Blend({"rouge": 0.2, Known(): 0.8})
    assert verdict_of(blend, "0.5").score == pytest.approx(0.2 * 1.0 + 0.8 * 0.5)
    rouge = otr.metrics.rouge_reward(["0.25"], ["0.5"]).item()
    assert verdict_of(blend, "0.25").score == pytest.approx(0.2 * rouge + 0.8 * 0.25)


def test_a_failed_judge_fails_the_blend() -> None:
    assert verdict_of(Blend({"rouge": 0.9, Plain(): 0.1, Known(): 0.1}), "?").code == "judge_timeout"


@pytest.mark.parametrize(
    "weights",
    [{}, {"rouge": 1.0}, {"bleu": 0.5, Plain(): 0.5}, {Plain(): 0.0}, {Plain(): math.inf}, {Known(is_raw=True): 1.0}],
)
def test_blends_that_cannot_be(weights: Any) -> None:
    with pytest.raises(otr.ArgumentError):
        Blend(weights)


def test_judges_are_closed_and_counted() -> None:
    known, plain = Known(), Plain()
    blend = Blend({known: 1.0, plain: 1.0})
    asyncio.run(blend.aclose())
    assert known.closed == [1]
    assert blend.log_items() == {}
    with stub_server(chat("yes")) as server:
        one, two = chat_judge(server.url), chat_judge(server.url, max_tokens=9)
        blend = Blend({one: 1.0, two: 1.0})
        assert ask_one(blend).score == 1.0
        items = blend.log_items("j")
    assert (items["j/0/rows"], items["j/1/rows"]) == (1.0, 1.0)
    assert "j/rows" in grouped(one).log_items("j")


def within(groups: Sequence[Any], answers: Sequence[str]) -> list[Verdict]:
    rows = [JudgeRow(answer=answer, reference="", group=group) for group, answer in zip(groups, answers, strict=True)]
    return asyncio.run(grouped(Known(is_raw=True)).judge_all(rows))


def test_the_release_on_polars_example() -> None:
    """The raw scores of POLAR's README and what the released code makes of them."""
    raw = ["0.05", "-2.0", "-6.7", "-7.1", "-7.1", "-8.5", "-10.8"]
    scores = [verdict.score for verdict in within([1] * 7, raw)]
    assert np.round(scores, 2).tolist() == [1.0, 0.81, 0.38, 0.34, 0.34, 0.21, 0.0]


def release(scores: Sequence[float]) -> list[float]:
    """The released code: z-scores, then their min-max; all 1 without a deviation."""
    deviation = np.std(scores)
    if deviation == 0:
        return [1.0] * len(scores)
    standard = (np.array(scores) - np.mean(scores)) / deviation
    return ((standard - standard.min()) / (standard.max() - standard.min())).tolist()


@given(st.lists(st.integers(-50, 50).map(lambda number: number / 8), min_size=1, max_size=9))
def test_within_a_group_it_is_the_release(raw: list[float]) -> None:
    scores = [verdict.score for verdict in within([1] * len(raw), list(map(str, raw)))]
    if np.ptp(raw) > 0 or len(raw) == 1:
        assert scores == pytest.approx(release(raw))
    else:
        # Differs: in the release rounding may make all of them 0.
        assert scores == [1.0] * len(raw)


def test_groups_are_apart_and_failures_stay_out() -> None:
    verdicts = within(["a", "b", "a", "b", "a", "c"], ["1", "10", "3", "20", "?", "-9"])
    assert [verdict.score for verdict in verdicts] == [0.0, 0.0, 1.0, 1.0, None, 1.0]
    assert verdicts[4].code == "judge_timeout"


def test_alone_any_answer_is_right() -> None:
    row = JudgeRow(answer="-99", reference="", group=7)
    assert asyncio.run(grouped(Known()).judge(row)).score == 1.0


def test_groups_are_needed() -> None:
    with pytest.raises(otr.JudgeError, match="groups"):
        within([None], ["1"])


def test_they_are_row_judges() -> None:
    assert isinstance(grouped(Known()), RowJudge)
    assert isinstance(Blend({Known(): 1.0}), RowJudge)
    assert repr(grouped(Plain())).startswith("grouped(")
