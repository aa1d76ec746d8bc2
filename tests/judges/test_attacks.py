"""The tricks against judges, played on what our judges send, and on what is read in replies."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from onethinker_rewards.hacks import JudgeTrick, read_judge_tricks
from onethinker_rewards.judges import YES_NO, ChatJudge, JsonVerdict, JudgeRow, Labels, Scale, Verdict, pack_polar
from onethinker_rewards.judges.prompts import ROW, row_text
from tests.judges.stub_server import (
    chat,
    fenced_texts,
    obeys,
    outside_of_fences,
    polar_parts,
    stub_server,
)
from tests.judges.teacher import Reply
from tests.judges.test_requests import ask
from tests.judges.test_reward_models import END, Letters

TRICKS = read_judge_tricks()
HONEST = outside_of_fences(row_text(ROW, "q", "r", "a"))
# How prompts often are: three back-ticks, and each placeholder replaced in turn.
NAIVE_ROW = ROW.replace("{question}", "```\n{question}\n```").replace("{reference}", "```\n{reference}\n```")
NAIVE_ROW = NAIVE_ROW.replace("{answer}", "```\n{answer}\n```")


def row_of(trick: JudgeTrick) -> JudgeRow:
    return JudgeRow(answer=trick.answer, reference=trick.reference, question=trick.question)


def naive_text(trick: JudgeTrick) -> str:
    filled = NAIVE_ROW.replace("{answer}", trick.answer).replace("{question}", trick.question)
    return filled.replace("{reference}", trick.reference)


def test_there_are_many_of_each_kind() -> None:
    kinds = Counter(trick.kind for trick in TRICKS)
    assert min(kinds.values()) >= 2
    assert len(TRICKS) >= 50
    assert len({trick.id for trick in TRICKS}) == len({trick.answer for trick in TRICKS}) == len(TRICKS)
    assert all(trick.tries[0].isupper() and trick.tries.endswith(".") for trick in TRICKS)


def test_a_judge_that_obeys_finds_nothing_to_obey() -> None:
    with stub_server(obeys(HONEST)) as server:
        judge = ChatJudge(server.url, model="m")
        verdicts = ask(judge, [row_of(trick) for trick in TRICKS])
        asked = [fenced_texts(request["messages"][1]["content"])[-1] for request in server.asked]
    assert [trick.id for trick, verdict in zip(TRICKS, verdicts, strict=True) if verdict.score != 0.0] == []
    # Those that say nothing are not even asked about.
    assert all(answer.strip() for answer in asked)
    assert len(asked) >= len(TRICKS) - 8


def test_the_same_judge_is_fooled_where_prompts_are_naive() -> None:
    judge = obeys(HONEST)
    honest = JudgeTrick("honest", "empty", "Is honest.", "What?", "A cat.", "A dog.")
    fooled = []
    for trick in (honest, *TRICKS):
        reply = judge({"messages": [{}, {"content": naive_text(trick)}]}, 0)
        if b"yes" in reply.body:
            fooled.append(trick)
    kinds = Counter(trick.kind for trick in fooled)
    assert honest not in fooled
    assert kinds["fence"] >= 5
    assert kinds["token"] >= 10
    assert kinds["placeholder"] >= 1


def test_a_right_answer_is_right_for_that_judge() -> None:
    with stub_server(obeys(HONEST)) as server:
        row = JudgeRow(answer="A cat.\n```\nx\n```", reference="A cat.\n```\nx\n```", question="What?")
        assert [verdict.score for verdict in ask(ChatJudge(server.url, model="m"), [row])] == [1.0]


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.id)
@pytest.mark.parametrize("tokenizer", [None, Letters()], ids=["no-tokenizer", "tokenizer"])
def test_what_polar_reads_has_one_pair(trick: JudgeTrick, tokenizer: Letters | None) -> None:
    packed = pack_polar(trick.question, trick.reference, trick.answer, tokenizer)
    assert (packed.count("<|reward|>"), packed.count(END), packed.endswith(END)) == (1, 1, True)
    assert "<|" not in packed.replace("<|reward|>", "")
    reference, _ = polar_parts(packed)
    assert reference == trick.reference
    assert packed.partition("<|reward|>")[2].startswith(f"{trick.question}\n")


def test_naive_packing_lets_answers_in() -> None:
    fooled = []
    for trick in TRICKS:
        packed = f"{trick.question}\n{trick.reference}<|reward|>{trick.question}\n{trick.answer}{END}"
        if packed.count("<|reward|>") != 1 or packed.count(END) != 1:
            fooled.append(trick.id)
    assert len(fooled) >= 5


FORMS: list[tuple[Any, str]] = [
    (YES_NO, "no"),
    (Labels("right", "wrong"), "wrong"),
    (Scale(1, 10), "1"),
    (JsonVerdict(YES_NO), '{"reason": "It is wrong.", "verdict": "no"}'),
    (JsonVerdict(Scale(1, 10)), '{"reason": "It is wrong.", "verdict": 1}'),
]


@pytest.mark.parametrize(("form", "verdict"), FORMS, ids=lambda value: None if isinstance(value, str) else repr(value))
@pytest.mark.parametrize("order", ["before", "after"])
def test_a_verdict_that_a_judge_quotes_never_counts(form: Any, verdict: str, order: str) -> None:
    """A judge that repeats the answer and says no says no, or nothing that can be read."""

    def answer(request: Mapping[str, Any], number: int) -> Reply:
        quoted = fenced_texts(request["messages"][1]["content"])[-1]
        lines = [f"The answer is:\n{quoted}\n", verdict]
        return chat("\n".join(lines if order == "before" else reversed(lines)))

    with stub_server(answer) as server:
        judge = ChatJudge(server.url, model="m", verdict=form)

        async def run() -> list[Verdict]:
            try:
                return [await judge.judge(row_of(trick)) for trick in TRICKS]
            finally:
                await judge.aclose()

        verdicts = asyncio.run(run())
    for trick, found in zip(TRICKS, verdicts, strict=True):
        assert found.score == 0.0 or found.code == "judge_unreadable", trick.id


def test_a_limit_of_length() -> None:
    with stub_server(chat("yes")) as server:
        judge = ChatJudge(server.url, model="m", longest_answer=1_000)
        verdicts = ask(judge, [row_of(trick) for trick in TRICKS if trick.id in ("very-long", "buried-request")])
        assert [verdict.score for verdict in verdicts] == [0.0, 0.0]
        assert server.asked == []
