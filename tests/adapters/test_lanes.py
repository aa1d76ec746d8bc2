"""Rows that need no judge wait for none, whatever a framework asks one by one; a straggler delays itself alone."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import RowScorer, verl
from onethinker_rewards.adapters.microbatch import batch_calls
from onethinker_rewards.tasks import JudgeRow, Verdict
from tests.judges.stub_server import chat, stub_server
from tests.rewards.cases import wrap
from tests.waiting import LONGEST

CHOICE = {"task": "multiple_choice", "reference": "B"}
OPEN = {"task": "open_ended", "reference": "a bus", "question": "What is it?"}


class Straggling:
    """Lets all rows through but those that are called slow, until it is told to."""

    def __init__(self) -> None:
        self.go = False
        self.rows: list[str] = []

    async def judge(self, row: JudgeRow) -> Verdict:
        self.rows.append(row.answer)
        while row.answer == "slow" and not self.go:
            await asyncio.sleep(0.001)
        return Verdict(score=0.5)

    def log_items(self) -> dict[str, float]:
        return {"judge/rows": float(len(self.rows))}


def test_calls_resolve_one_by_one() -> None:
    judge = Straggling()
    scorer = RowScorer(judge=judge)
    batcher = batch_calls(scorer)

    async def main() -> list[float]:
        slow = asyncio.create_task(batcher((wrap("slow"), OPEN)))
        others = [batcher((wrap(f"a bus {number}"), OPEN)) for number in range(8)]
        others += [batcher((wrap("B"), CHOICE)) for _ in range(8)]
        totals = [info["total"] for info in await asyncio.gather(*others)]
        assert not slow.done()
        judge.go = True
        return [*totals, (await slow)["total"]]

    assert asyncio.run(asyncio.wait_for(main(), LONGEST)) == [1.5] * 8 + [2.0] * 8 + [1.5]
    assert scorer.counts == {"judge/rows": 9.0}
    batcher.close()
    scorer.close()


def test_an_error_of_one_caller_is_its_own() -> None:
    batcher = batch_calls(RowScorer(judge=Straggling()))
    good, bad = batcher.submit((wrap("a bus"), OPEN)), batcher.submit((wrap("B"), CHOICE | {"reference": ""}))
    assert good.result(LONGEST)["total"] == 1.5
    with pytest.raises(otr.BadReferenceError):
        bad.result(LONGEST)


def test_a_bug_in_a_judge_reaches_its_callers() -> None:
    class Buggy:
        async def judge(self, row: JudgeRow) -> Verdict:
            raise KeyError("a bug")

    batcher = batch_calls(RowScorer(judge=Buggy()))
    with pytest.raises(KeyError, match="a bug"):
        batcher.submit((wrap("a bus"), OPEN)).result(LONGEST)


def test_callers_learn_that_the_scorer_was_closed() -> None:
    judge = Straggling()
    scorer = RowScorer(judge=judge)
    batcher = batch_calls(scorer)
    waiting = batcher.submit((wrap("slow"), OPEN))
    while not judge.rows:
        pass
    scorer.close()
    with pytest.raises(otr.JudgeError, match="the scorer was closed"):
        waiting.result(LONGEST)


def test_a_judge_of_settings_is_asked_where_verl_says() -> None:
    """The address of verl's reward server takes its place in the judge's URL."""
    settings = {"url": "http://reward_router_address/v1", "model": "m"}
    with stub_server(chat("yes")) as server:
        address = server.root.removeprefix("http://")
        sync = pickle.loads(pickle.dumps(verl.make_reward(judge=settings)))
        info = sync("open_ended", wrap("a bus"), "a car", {}, reward_router_address=address)
        assert info["score"] == 2.0
        score = verl.make_async_reward(judge=settings)
        assert asyncio.run(score("open_ended", wrap("a"), "a car", {}, reward_router_address=address))["score"] == 2.0
        assert len(server.asked) == 2


def test_a_judge_that_has_an_address_keeps_it() -> None:
    scorer = RowScorer(judge=Straggling())
    assert scorer.with_recipe(None, judge_address="10.0.0.1:80") is scorer


def test_the_judge_of_a_recipe() -> None:
    recipe = otr.Recipe(judge=Straggling())
    assert RowScorer(recipe).score([wrap("a")], {"task": ["open_ended"], "reference": ["b"]}).total.tolist() == [1.5]
    assert otr.score([wrap("a")], ["b"], "open_ended", recipe=recipe).total.tolist() == [1.5]
    assert otr.Scorer(recipe).score([wrap("a")], ["b"], "open_ended").total.tolist() == [1.5]


def test_trainers_get_none_where_there_is_no_number() -> None:
    from onethinker_rewards.adapters.trl import make_reward

    def fails(*_: Any) -> list[float]:
        raise otr.JudgeError("cut", otr.FailureCode.JUDGE_CUT_OFF)

    reward = make_reward(judge=fails)
    metrics: dict[str, float] = {}
    values = reward([wrap("a"), wrap("B")], task=["open_ended", "multiple_choice"], reference=["b", "B"],
                    log_metric=metrics.__setitem__)  # fmt: skip
    assert values == [None, 2.0]
    assert metrics["onethinker/open_ended/failure/judge_cut_off"] == 1.0
