"""Asking judges: rows that need none wait for none, and rows that do wait for no other row."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.rewards import judging
from onethinker_rewards.tasks import JudgeRow, Verdict
from tests.rewards.cases import wrap
from tests.waiting import wait_for

ROW = JudgeRow(answer="a dog", reference="a cat")


class Gate:
    """A judge of single rows: each waits until its answer is let through."""

    def __init__(self) -> None:
        self.open: dict[str, asyncio.Event] = {}
        self.asked: list[JudgeRow] = []
        self.canceled = self.closed = 0

    async def judge(self, row: JudgeRow) -> Verdict:
        self.asked.append(row)
        try:
            while not row.answer.startswith("free"):
                await asyncio.sleep(0.001)
                if row.answer in self.open:
                    break
        except asyncio.CancelledError:
            self.canceled += 1
            raise
        return Verdict(score=0.25)

    def let(self, answer: str) -> None:
        self.open[answer] = asyncio.Event()

    async def aclose(self) -> None:
        self.closed += 1


def test_rows_without_a_judge_are_there_at_once_and_each_other_row_when_its_verdict_is() -> None:
    gate = Gate()
    with otr.Scorer(judge=gate) as scorer:
        submitted = scorer.submit(
            [wrap("slow"), wrap("B"), wrap("slower"), "no tags"],
            ["a", "B", "a", "a"],
            ["open_ended", "multiple_choice", "open_ended", "open_ended"],
            questions=["q", "q", "q", "q"],
        )
        assert submitted.rows == [1, 3]
        assert submitted.batch.total.tolist() == [2.0, 0.0]
        assert not any(future.done() for future in submitted.waiting.values())
        gate.let("slower")
        batch = submitted.waiting[2].result(10)
        assert batch.total.tolist() == [1.25]
        assert not submitted.waiting[0].done()
        gate.let("slow")
        assert submitted.waiting[0].result(10).parts["judge"].tolist() == [0.25]


def test_what_a_judge_is_told() -> None:
    gate = Gate()
    with otr.Scorer(judge=gate) as scorer:
        scorer.score([wrap("free")], ["a"], "open_ended", questions=["q"], images=["picture"], groups=[7])
    assert gate.asked == [JudgeRow(answer="free", reference="a", question="q", image="picture", group=7)]


def test_score_async_gives_what_score_gives() -> None:
    responses = [wrap("free"), wrap("B"), wrap("free too")]
    tasks = ["open_ended", "multiple_choice", "open_ended"]
    references: list[Any] = ["a", "B", otr.AnyOf(["a", "b"])]

    async def both() -> tuple[otr.RewardBatch, otr.RewardBatch]:
        with otr.Scorer(judge=Gate()) as scorer:
            return await scorer.score_async(responses, references, tasks), scorer.score(responses, references, tasks)

    first, second = asyncio.run(both())
    assert first.to_rows() == second.to_rows()
    assert first.total.tolist() == [1.25, 2.0, 1.25]


def test_score_async_needs_no_judge() -> None:
    batch = asyncio.run(otr.Scorer().score_async([wrap("B")], ["B"], "multiple_choice"))
    assert batch.total.tolist() == [2.0]


def test_the_event_loop_of_the_caller_goes_on() -> None:
    gate = Gate()

    async def main() -> list[float]:
        with otr.Scorer(judge=gate) as scorer:
            first = asyncio.create_task(scorer.score_async([wrap("x")], ["a"], "open_ended"))
            await scorer.score_async([wrap("free")], ["a"], "open_ended")
            assert not first.done()
            gate.let("x")
            return (await first).total.tolist()

    assert asyncio.run(main()) == [1.25]


def judge_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("onethinker-judge")}


def test_nothing_is_left_running_when_the_owner_ends() -> None:
    gate, before = Gate(), judge_threads()
    with otr.Scorer(judge=gate) as scorer:
        submitted = scorer.submit([wrap("x")], ["a"], "open_ended")
        while not gate.asked:
            pass
    assert gate.canceled == gate.closed == 1
    assert submitted.waiting[0].cancelled()
    assert judge_threads() <= before
    # Another batch starts anew.
    assert scorer.score([wrap("free")], ["a"], "open_ended").total.tolist() == [1.25]
    scorer.close()
    scorer.close()


def test_a_scorer_that_nobody_holds_ends_with_its_last_row() -> None:
    gate, before = Gate(), judge_threads()
    waiting = otr.Scorer(judge=gate).submit([wrap("x")], ["a"], "open_ended").waiting
    gate.let("x")
    assert waiting[0].result(10).total.tolist() == [1.25]
    wait_for(lambda: gate.closed == 1)
    wait_for(lambda: judge_threads() <= before)


def test_a_cancelled_caller_cancels_its_calls() -> None:
    gate = Gate()

    async def main() -> None:
        with otr.Scorer(judge=gate) as scorer:
            task = asyncio.create_task(scorer.score_async([wrap("x")], ["a"], "open_ended"))
            while not gate.asked:
                await asyncio.sleep(0.001)
            task.cancel()
            while not gate.canceled:
                await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(main(), 10))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (otr.JudgeError("cut", otr.FailureCode.JUDGE_CUT_OFF), "judge_cut_off"),
        (TimeoutError("late"), "judge_timeout"),
        (ConnectionRefusedError("nobody"), "judge_unreachable"),
    ],
)
def test_errors_of_each_kind_of_judge(error: Exception, code: str) -> None:
    class Row:
        async def judge(self, row: JudgeRow) -> Verdict:
            raise error

    class All(Row):
        async def judge_all(self, rows: Sequence[JudgeRow]) -> list[Verdict]:
            raise error

    async def function(*_: Any) -> list[float]:
        raise error

    for judge in (Row(), All(), function):
        with otr.Scorer(judge=judge) as scorer:
            batch = scorer.score([wrap("x")], ["a"], "open_ended")
        assert batch.failure == [code]
        assert math.isnan(batch.total[0])
        assert str(batch.details[0]).count(str(error))


def test_a_bug_in_a_judge_reaches_its_rows_alone() -> None:
    class Buggy:
        async def judge(self, row: JudgeRow) -> Verdict:
            if row.answer == "x":
                raise KeyError("a bug")
            return Verdict(score=1.0)

    with otr.Scorer(judge=Buggy()) as scorer:
        submitted = scorer.submit([wrap("x"), wrap("y")], ["a", "a"], "open_ended")
        with pytest.raises(KeyError, match="a bug"):
            submitted.waiting[0].result(10)
        assert submitted.waiting[1].result(10).total.tolist() == [2.0]


def test_a_coroutine_function_is_asked_row_by_row() -> None:
    asked: list[Any] = []

    async def judge(questions: Any, answers: Any, references: Any) -> list[float]:
        asked.append((questions, answers, references))
        return [0.5]

    class Callable:
        async def __call__(self, questions: Any, answers: Any, references: Any) -> list[float]:
            return await judge(questions, answers, references)

    for each in (judge, Callable()):
        asked.clear()
        with otr.Scorer(judge=each) as scorer:
            batch = scorer.score([wrap("x"), wrap("y")], ["a", "b"], "open_ended", questions=["q", "r"])
        assert batch.accuracy.tolist() == [0.5, 0.5]
        assert sorted(asked) == [(["q"], ["x"], ["a"]), (["r"], ["y"], ["b"])]


def test_verdicts_that_depend_on_each_other_come_from_one_call() -> None:
    class Grouped:
        async def judge(self, row: JudgeRow) -> Verdict:
            raise AssertionError

        async def judge_all(self, rows: Sequence[JudgeRow]) -> list[Verdict]:
            return [Verdict(score=index / len(rows)) for index in range(len(rows))]

    with otr.Scorer(judge=Grouped()) as scorer:
        batch = scorer.score([wrap("x"), wrap("y")], ["a", "b"], "open_ended")
    assert batch.accuracy.tolist() == [0.0, 0.5]


class Raw:
    """A judge whose scores are any numbers."""

    is_raw = True

    async def judge(self, row: JudgeRow) -> float:
        return -7.5


def test_raw_scores_have_no_maximum() -> None:
    with otr.Scorer(judge=Raw()) as scorer:
        batch = scorer.score([wrap("x"), "no tags"], ["a", "a"], "open_ended")
    assert batch.accuracy.tolist() == [-7.5, 0.0]
    assert batch.total.tolist() == [-6.5, 0.0]
    assert math.isnan(batch.normalized[0])


def test_raw_scores_cannot_be_divided_by_a_maximum() -> None:
    recipe = otr.Recipe(accuracy="normalized")
    with otr.Scorer(recipe, judge=Raw()) as scorer, pytest.raises(otr.ArgumentError, match="scores are raw"):
        scorer.score([wrap("x")], ["a"], "open_ended")


def test_a_score_outside_its_range_is_the_judges_mistake() -> None:
    class Wild:
        async def judge(self, row: JudgeRow) -> Verdict:
            return Verdict(score=1.5)

    with otr.Scorer(judge=Wild()) as scorer, pytest.raises(otr.ArgumentError, match=r"outside \[0, 1\]: 1.5"):
        scorer.score([wrap("x")], ["a"], "open_ended")


def test_the_best_of_several_references_where_a_judge_fails_for_one() -> None:
    class Some:
        async def judge(self, row: JudgeRow) -> float | None:
            return None if row.reference == "a" else 0.5

    with otr.Scorer(judge=Some()) as scorer:
        submitted = scorer.submit([wrap("x"), wrap("y")], [otr.AnyOf(["a", "b"]), otr.AnyOf(["a", "a"])], "open_ended")
        assert submitted.rows == []
        assert submitted.waiting[0].result(10).total.tolist() == [1.5]
        assert submitted.waiting[1].result(10).failure == ["judge_failed"]


def test_a_formula_of_your_own_may_ask_the_judge() -> None:
    def formula(predicted: Any, reference: Any, context: otr.Context) -> otr.Scores:
        import numpy as np

        zeros = np.zeros(len(predicted))
        return otr.Scores(zeros, to_judge={0: ROW, 1: ROW})

    recipe = otr.Recipe(formulas={"ocr": formula})
    with otr.Scorer(recipe, judge=lambda questions, answers, references: [0.5] * len(answers)) as scorer:
        batch = scorer.score([wrap("x"), "no tags"], ["a", "a"], "ocr")
    assert batch.accuracy.tolist() == [0.5, 0.0]
    with pytest.raises(otr.ArgumentError, match="names rows for a judge, and there is none"):
        otr.score([wrap("x"), wrap("y")], ["a", "a"], "ocr", recipe=recipe)


def test_what_is_no_judge() -> None:
    with pytest.raises(otr.ArgumentError, match="judge: expected a function"):
        otr.Scorer(judge="http://localhost")  # pyright: ignore[reportArgumentType]


def test_an_unknown_keyword() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'question'"):
        otr.Scorer().score([wrap("x")], ["a"], "ocr", question=["q"])  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(("score", "code"), [(None, None), (0.5, otr.FailureCode.JUDGE_FAILED), (math.nan, None)])
def test_a_verdict_has_a_score_or_a_code(score: float | None, code: otr.FailureCode | None) -> None:
    with pytest.raises(ValueError, match="a verdict has"):
        Verdict(score=score, code=code)


def test_a_fork_has_a_thread_of_its_own_and_waits_for_no_other() -> None:
    source = """
import os, sys
from onethinker_rewards.rewards.judging import JudgeRunner
from onethinker_rewards.tasks import JudgeRow
row = JudgeRow(answer="a", reference="b")
runner = JudgeRunner(lambda questions, answers, references: [0.5])
runner.submit([row])[0].result()
child = os.fork()
if child == 0:
    if len(sys.argv) > 1:
        assert runner.submit([row])[0].result(30).score == 0.5
    runner.close()
    sys.exit(3)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
assert runner.submit([row])[0].result(30).score == 0.5
sys.exit(code)
"""
    for more in ([], ["ask"]):
        assert subprocess.run([sys.executable, "-c", source, *more], timeout=60, check=False).returncode == 3


def test_a_thread_of_another_process_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    thread = judging._LoopThread()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(judging.os, "getpid", lambda: -1)
        thread.close(None)
    assert thread.run(asyncio.sleep(0, "still there")).result(10) == "still there"
    thread.close(None)


def test_many_threads_share_a_scorer() -> None:
    with otr.Scorer(judge=Gate()) as scorer:
        totals: list[float] = []

        def ask() -> None:
            for _ in range(20):
                totals.extend(scorer.score([wrap("free")] * 3, ["a"] * 3, "open_ended").total.tolist())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert totals == [1.25] * 480


def test_the_first_failure_of_each_kind_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        async def judge(self, row: JudgeRow) -> Verdict:
            if row.answer == "quoted":
                return Verdict(code=otr.FailureCode.JUDGE_UNREADABLE, reason="he wrote: quoted")
            raise ConnectionRefusedError("nobody there")

    with otr.Scorer(judge=Failing()) as scorer:
        scorer.score([wrap("x"), wrap("quoted"), wrap("y")], ["a"] * 3, "open_ended")
    messages = sorted(record.getMessage().partition(" (")[0] for record in caplog.records)
    assert messages == [
        "judge_unreachable, the judge's server could not be reached, or failed, in every attempt: nobody there",
        "judge_unreadable, the judge's reply has no readable verdict",
    ]


def test_a_judged_accuracy_is_divided_by_its_tasks_maximum() -> None:
    import numpy as np

    def formula(predicted: Any, reference: Any, context: otr.Context) -> otr.Scores:
        return otr.Scores(np.zeros(len(predicted)), to_judge={0: ROW})

    table = {"graded": otr.TaskSpec(name="graded", schema=otr.TASKS["ocr"].schema, accuracy=formula, maximum=2.0)}
    with otr.Scorer(table=table, judge=lambda questions, answers, references: [0.5]) as scorer:
        assert scorer.score([wrap("x")], ["a"], "graded").normalized.tolist() == [0.25]
