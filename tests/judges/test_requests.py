"""How judges ask: bounded, before a deadline, again where that helps, once for equal questions, and nothing remains."""

from __future__ import annotations

import asyncio
import math
import pickle
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.judges import ChatJudge, JudgeRow, PolarJudge, RowJudge, Scale, Verdict, base, connection
from onethinker_rewards.judges.cache import VerdictCache
from onethinker_rewards.judges.concurrency import SingleFlight, all_of
from onethinker_rewards.judges.verdicts import NoVerdictError
from tests.judges.stub_server import StubServer, chat, json_reply, polar, pooled, stub_server
from tests.judges.teacher import Reply, refusal
from tests.waiting import LONGEST, wait_for

ROW = JudgeRow(answer="A bus.", reference="A red bus.", question="What is it?")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_WAIT", 0.001)


def rows(count: int) -> list[JudgeRow]:
    return [JudgeRow(answer=f"Answer {number}.", reference="A bus.", question="What is it?") for number in range(count)]


def ask(judge: Any, asked: Sequence[JudgeRow] = (ROW,)) -> list[Verdict]:
    """Return the verdicts on rows that are judged at the same time."""

    async def run() -> list[Verdict]:
        try:
            return await asyncio.gather(*(judge.judge(row) for row in asked))
        finally:
            await judge.aclose()

    return asyncio.run(run())


def chat_judge(url: str, **settings: Any) -> ChatJudge:
    return ChatJudge(url, model="m", **settings)


def ask_one(judge: Any) -> Verdict:
    (verdict,) = ask(judge)
    return verdict


def test_a_thousand_rows_stay_within_the_bound() -> None:
    with stub_server(lambda request, number: Reply(body=chat("yes").body, delay=0.002)) as server:
        verdicts = ask(chat_judge(server.url, concurrency=16), rows(1_000))
        assert server.most_open <= 16
        assert server.at_once <= 16
    assert {verdict.score for verdict in verdicts} == {1.0}
    assert len(server.asked) == 1_000


def test_nothing_is_open_after_the_end() -> None:
    def tasks() -> int:
        return len(asyncio.all_tasks())

    async def run(server: StubServer, cache: Path) -> None:
        async with chat_judge(server.url, cache=cache) as judge:
            await judge.judge(ROW)
            assert server.open_now == 1
        await judge.aclose()
        assert tasks() == 1

    with stub_server(chat("yes")) as server:
        before = threading.active_count()
        asyncio.run(run(server, Path(":memory:")))
        wait_for(lambda: server.open_now == 0)
        wait_for(lambda: threading.active_count() <= before)


def test_one_loop_after_another() -> None:
    with stub_server(chat("yes")) as server:
        judge = chat_judge(server.url)
        assert [ask_one(judge).score for _ in range(2)] == [1.0, 1.0]
    assert judge.counts.rows == 2


def test_a_loop_that_ended_without_a_word_is_left_behind() -> None:
    with stub_server(chat("yes")) as server:
        judge = chat_judge(server.url)

        async def leave() -> None:
            await judge.judge(ROW)
            await judge._open().http.aclose()

        asyncio.run(leave())
        assert ask_one(judge).score == 1.0


def test_settings_are_pickled_and_nothing_else() -> None:
    with stub_server(polar) as server:
        judge = PolarJudge(server.root, width=2.0, key="k")
        assert ask_one(judge).score is not None
        copy = pickle.loads(pickle.dumps(judge))
        assert (copy.width, copy.key, copy.counts.rows) == (2.0, "k", 0)
        # The server that the copy finds may be another: it is checked.
        asked = len(server.asked)
        assert ask_one(copy) == ask_one(judge)
        assert len(server.asked) == asked + 4
    assert isinstance(judge, RowJudge)


def test_the_key_goes_along_and_is_never_shown() -> None:
    with stub_server(chat("yes")) as server:
        judge = chat_judge(server.url, key="secret")
        ask(judge)
    assert server.headers["Authorization"] == "Bearer secret"
    assert repr(judge) == f"ChatJudge('{server.url}', model='m')"


def test_it_prints_its_settings() -> None:
    judge = PolarJudge("http://h/pooling", width=2.0, tries=1, body={"x": 1}, start_check=False)
    assert repr(judge) == "PolarJudge('http://h', tries=1, body={'x': 1}, width=2.0, start_check=False)"
    assert "verdict=Scale(lowest=1, highest=10)" in repr(chat_judge("http://h/v1", verdict=Scale()))


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "localhost:8000"},
        {"url": "http://a b/v1"},
        {"url": "http://[v1"},
        {"url": "http://h:0/v1"},
        {"concurrency": 0},
        {"tries": 0},
        {"timeout": 0.0},
        {"timeout": math.nan},
        {"prices": (1.0,)},
        {"prices": (1.0, -1.0)},
        {"samples": 0},
        {"max_tokens": 0},
        {"row": "{question}"},
        {"model": None},
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(otr.ArgumentError):
        ChatJudge(**({"url": "http://h/v1", "model": "m"} | settings))


@pytest.mark.parametrize(
    ("bad", "tries", "code"),
    [
        pytest.param(Reply(500), 4, "judge_unreachable", id="broken"),
        pytest.param(refusal(429, "slow down", Retry_After="0.001"), 4, "judge_unreachable", id="too-many"),
        pytest.param(Reply(408), 4, "judge_unreachable", id="too-slow"),
        pytest.param(Reply(drop=True), 4, "judge_unreachable", id="closes"),
        pytest.param(Reply(body=b'{"choices', drop=True), 4, "judge_unreachable", id="closes-in-the-middle"),
        pytest.param(Reply(body=b"<html>Busy</html>"), 4, "judge_unreadable", id="no-json"),
        pytest.param(json_reply({"choices": []}), 4, "judge_unreadable", id="no-choice"),
        pytest.param(Reply(body=b"\xff"), 4, "judge_unreadable", id="no-utf-8"),
        pytest.param(refusal(400, "bad request"), 1, "judge_refused", id="refused"),
        pytest.param(refusal(401), 1, "judge_refused", id="no-key"),
        pytest.param(Reply(302, headers={"Location": "/x"}), 1, "judge_refused", id="elsewhere"),
        pytest.param(
            refusal(400, "This model's maximum context length is 2048 tokens."), 1, "judge_too_long", id="too-long"
        ),
    ],
)
def test_what_fails_and_how_often_it_is_asked(bad: Reply, tries: int, code: str) -> None:
    with stub_server(bad) as server:
        judge = chat_judge(server.url)
        verdict = ask_one(judge)
        assert (verdict.score, verdict.code) == (None, code)
        assert verdict.reason.startswith(f"{server.url}/chat/completions: ")
        assert len(server.asked) == tries
    assert judge.log_items()[f"judge/failures/{code}"] == 1.0


def test_it_is_asked_again_until_it_answers() -> None:
    replies = [Reply(500), Reply(drop=True), refusal(429, "wait", Retry_After="0.01"), chat("yes")]
    with stub_server(lambda request, number: replies[number]) as server:
        judge = chat_judge(server.url)
        assert ask_one(judge).score == 1.0
    assert (judge.counts.rows, judge.counts.calls) == (1, 4)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    verdict = ask_one(chat_judge(f"http://127.0.0.1:{port}/v1", tries=1))
    assert verdict.code == "judge_unreachable"
    assert "no answer after 1 attempt: ConnectError" in verdict.reason


def test_a_deadline_for_all_attempts() -> None:
    replies = [Reply(500), Reply(delay=LONGEST)]
    with stub_server(lambda request, number: replies[number]) as server:
        verdict = ask_one(chat_judge(server.url, timeout=1.5))
    assert verdict.code == "judge_timeout"
    assert verdict.reason.endswith("not done after 1.5 s; before that 500")


def test_a_deadline_without_any_reply() -> None:
    with stub_server(Reply(delay=LONGEST)) as server:
        assert ask_one(chat_judge(server.url, timeout=0.1)).reason.endswith("not done after 0.1 s")


def test_waiting_for_its_turn_is_not_counted() -> None:
    with stub_server(lambda request, number: Reply(body=chat("yes").body, delay=0.05)) as server:
        verdicts = ask(chat_judge(server.url, concurrency=1, timeout=2.0), rows(50))
    assert {verdict.score for verdict in verdicts} == {1.0}


def test_a_reply_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_REPLY_BYTES", 1_000)
    with stub_server(Reply(body=b"x" * 2_000)) as server:
        verdict = ask_one(chat_judge(server.url, tries=1))
    assert verdict.reason.endswith("more than 1,000 bytes")


def test_it_waits_between_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(connection, "FIRST_WAIT", 1.0)
    monkeypatch.setattr(base.anyio, "sleep", sleep)
    replies = [Reply(500), Reply(500), refusal(429, "wait", Retry_After="30"), Reply(500)]
    with stub_server(lambda request, number: replies[number]) as server:
        ask(chat_judge(server.url))
    first, second, third = waits
    assert 0.5 <= first <= 1.0 <= second <= 2.0
    assert third == 30.0


class Clock:
    """Replaces the module `time`: it moves when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moving = Clock()
    monkeypatch.setattr(connection, "time", moving)
    return moving


def test_a_server_that_is_gone_is_not_asked_and_found_again(clock: Clock) -> None:
    is_there = threading.Event()

    async def run(server: StubServer) -> None:
        judge = chat_judge(server.url, tries=1, concurrency=4)
        verdicts = [await judge.judge(row) for row in rows(10)]
        assert {verdict.code for verdict in verdicts} == {"judge_unreachable"}
        assert len(server.asked) == 8
        assert "no answer to 8 requests in a row" in verdicts[-1].reason
        clock.now += base.PROBE_AFTER
        # One of those that come at the same time asks, and the others still do not.
        verdicts = await asyncio.gather(*(judge.judge(row) for row in rows(4)))
        assert {verdict.code for verdict in verdicts} == {"judge_unreachable"}
        assert len(server.asked) == 9
        is_there.set()
        clock.now += base.PROBE_AFTER
        assert [(await judge.judge(row)).score for row in rows(3)] == [1.0] * 3
        await judge.aclose()

    with stub_server(lambda request, number: chat("yes") if is_there.is_set() else Reply(500, delay=0.01)) as server:
        asyncio.run(run(server))


def test_a_server_that_never_answers_is_gone_too() -> None:
    async def run(server: StubServer) -> list[Verdict]:
        judge = chat_judge(server.url, timeout=0.01, concurrency=1)
        verdicts = [await judge.judge(row) for row in rows(10)]
        await judge.aclose()
        return verdicts

    with stub_server(Reply(delay=LONGEST)) as server:
        verdicts = asyncio.run(run(server))
    assert [verdict.code for verdict in verdicts] == ["judge_timeout"] * 8 + ["judge_unreachable"] * 2


def test_equal_questions_share_a_call() -> None:
    with stub_server(lambda request, number: Reply(body=chat("no").body, delay=0.1)) as server:
        judge = chat_judge(server.url)
        verdicts = ask(judge, [ROW] * 8)
        assert len(server.asked) == 1
    assert [verdict.score for verdict in verdicts] == [0.0] * 8
    assert (judge.counts.shared, judge.counts.calls) == (7, 1)


def test_equal_questions_share_a_failure() -> None:
    with stub_server(lambda request, number: Reply(400, delay=0.1)) as server:
        assert {verdict.code for verdict in ask(chat_judge(server.url), [ROW] * 4)} == {"judge_refused"}
        assert len(server.asked) == 1


def test_who_waits_takes_over_from_who_is_canceled() -> None:
    started = asyncio.Event

    async def run() -> list[str]:
        flights, begun, never = SingleFlight(), started(), started()

        async def stuck() -> str:
            begun.set()
            await never.wait()
            return "stuck"

        async def quick() -> str:
            await asyncio.sleep(0.01)
            return "quick"

        first = asyncio.ensure_future(flights.do("key", stuck))
        await begun.wait()
        others = [asyncio.ensure_future(flights.do("key", quick, lambda: joined.append(1))) for _ in range(3)]
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return list(await asyncio.gather(*others))

    joined: list[int] = []
    assert asyncio.run(run()) == ["quick"] * 3
    assert len(joined) == 3


def test_an_error_of_one_of_several_comes_alone() -> None:
    async def broken() -> str:
        raise otr.JudgeError("why")

    async def unjudged() -> str:
        raise NoVerdictError(otr.FailureCode.JUDGE_FAILED, "x")

    async def fine() -> str:
        return "fine"

    found = asyncio.run(all_of([fine, unjudged]))
    assert found[0] == "fine"
    assert isinstance(found[1], NoVerdictError)
    with pytest.raises(otr.JudgeError, match="why"):
        asyncio.run(all_of([fine, broken]))


def test_verdicts_are_kept_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "verdicts.sqlite"
    replies = [chat("maybe"), chat("yes"), chat("no")]
    with stub_server(lambda request, number: replies[number]) as server:
        # An answer without a verdict is asked for again another time.
        assert ask_one(chat_judge(server.url, cache=file)).code == "judge_unreadable"
        assert ask_one(chat_judge(server.url, cache=file)).score == 1.0
        again = chat_judge(server.url, cache=file)
        assert ask_one(again) == Verdict(score=1.0, reason="yes")
        assert len(server.asked) == 2
        # Another model is another question.
        assert ask_one(ChatJudge(server.url, model="other", cache=file)).score == 0.0
    assert (again.counts.cached, again.counts.calls) == (1, 0)


def test_what_a_server_said_before_is_no_check_of_it(tmp_path: Path) -> None:
    with stub_server(polar) as server:
        for _ in range(2):
            judge = PolarJudge(server.root, cache=tmp_path / "c")
            assert ask_one(judge).score is not None
        assert len(server.asked) == 3 + 2
    assert judge.counts.cached == 1


def test_several_processes_share_a_cache(tmp_path: Path) -> None:
    file = tmp_path / "c"
    program = (
        "import sys; from onethinker_rewards.judges.cache import VerdictCache; c = VerdictCache(sys.argv[1])\n"
        "for n in range(200): c.put(f'{sys.argv[2]}-{n}', 'yes')\nc.close()"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, str(file), name]) for name in "ab"]
    assert [process.wait(LONGEST) for process in processes] == [0, 0]
    cache = VerdictCache(file)
    assert all(cache.get(f"{name}-{number}") == "yes" for name in "ab" for number in range(200))
    assert cache.get("d-0") is None
    cache.put("odd", "\ud800")
    assert cache.get("odd") == "?"
    cache.close()


@pytest.mark.parametrize("content", [b"no database, but a text that is long enough " * 40, None])
def test_a_file_that_is_no_cache(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "c" if content else tmp_path / "nowhere" / "c"
    if content:
        file.write_bytes(content)
    with pytest.raises(otr.ArgumentError, match=r"^cache /"):
        ask(chat_judge("http://127.0.0.1:1/v1", cache=file))


def test_a_cache_that_breaks_later(tmp_path: Path) -> None:
    cache = VerdictCache(tmp_path / "c")
    with sqlite3.connect(tmp_path / "c") as other:
        other.execute("DROP TABLE verdicts")
    other.close()
    with pytest.raises(otr.ArgumentError, match="no such table"):
        cache.get("x")
    cache.close()


def test_counts_and_cost() -> None:
    with stub_server(lambda request, number: chat("yes", tokens=(1_000, 100))) as server:
        judge = chat_judge(server.url, prices=(2.0, 10.0))
        ask(judge, rows(3))
    items = judge.log_items("reward/judge")
    assert items.pop("reward/judge/seconds") > 0
    assert items == {
        "reward/judge/rows": 3.0,
        "reward/judge/calls": 3.0,
        "reward/judge/cached": 0.0,
        "reward/judge/shared": 0.0,
        "reward/judge/tokens_in": 3_000.0,
        "reward/judge/tokens_out": 300.0,
        "reward/judge/cost": pytest.approx(0.009),
    }


def test_more_keys_win_and_none_takes_one_out() -> None:
    with stub_server(chat("yes")) as server:
        ask(chat_judge(server.url, body={"temperature": None, "max_tokens": 9, "top_k": 1}))
    (asked,) = server.asked
    assert "temperature" not in asked
    assert (asked["max_tokens"], asked["top_k"]) == (9, 1)


def test_without_an_http_client_the_extra_is_named() -> None:
    program = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name in ('httpx2', 'anyio') else find(name, *a)\n"
        "import onethinker_rewards as otr; print(otr.judges.Labels('yes', 'no'))\n"
        "assert not {'httpx2', 'anyio', 'torch'} & set(sys.modules)\n"
        "otr.judges.PolarJudge"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=LONGEST
    )
    assert found.stdout == "Labels('yes', 'no')\n"
    said = "ImportError: PolarJudge needs anyio and httpx2: pip install 'onethinker-rewards[judge]'"
    assert found.stderr.splitlines()[-1] == said


def test_the_extra_is_named_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onethinker_rewards.judges.find_spec", lambda name: None if name == "httpx2" else name)
    with pytest.raises(ImportError, match="ChatJudge needs httpx2: pip install"):
        _ = otr.judges.ChatJudge


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match="Oracle"):
        _ = otr.judges.Oracle


def test_a_pooled_reply_is_one() -> None:
    with stub_server(pooled(1.5)) as server:
        assert ask_one(PolarJudge(server.root, raw=True, start_check=False)) == Verdict(score=1.5, reason="1.5")
