"""Rewards in the signatures of trainers are called as the trainers call them."""

from __future__ import annotations

import asyncio
import inspect
import math
from functools import partial, wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.hacks import FORMS, Signature, Verdict, as_reward, load_reward, play, read_tricks, signature_of

ROWS = (["It is B.", "It is C."], ["B", "B"], ["multiple_choice", "ocr"])
RIGHT = [1.0, 0.0]


def exact(response: str, reference: str) -> float:
    return float(reference in response)


def batch(responses: list[str], references: list[str], tasks: list[str]) -> list[float]:
    return [exact(*row) for row in zip(responses, references, strict=True)]


def texts(completions: list[str], solution: list[str], **kwargs: Any) -> list[float]:
    return [exact(*row) for row in zip(map(str.strip, completions), solution, strict=True)]


def messages(prompts: Any, completions: Any, answer: list[str], **kwargs: Any) -> list[float]:
    assert kwargs["trainer_state"] is None
    kwargs["log_metric"]("mine", 1.0)
    return [exact(completion[-1]["content"], text) for completion, text in zip(completions, answer, strict=True)]


def compute_score(data_source: str, solution_str: str, ground_truth: str, extra_info: Any = None) -> dict[str, float]:
    assert extra_info["task"] == data_source
    return {"score": exact(solution_str, ground_truth), "acc": 7.0}


def of_two(solution_str: str, ground_truth: str, method: str = "strict") -> float:
    return exact(solution_str, ground_truth)


def easyr1(reward_inputs: list[dict[str, Any]]) -> list[dict[str, float]]:
    return [{"overall": exact(row["response"], row["ground_truth"]), "format": 7.0} for row in reward_inputs]


def reward_func(queries: list[str], prompts: list[str], labels: list[str]) -> dict[str, Any]:
    assert prompts == ["", ""]
    return {"rewards": [exact(*row) for row in zip(queries, labels, strict=True)], "scores": [7.0, 7.0]}


def verifier(completion: Any, answer: str, info: Any, state: Any) -> float:
    assert state["answer"] == answer
    assert info["task"] in ROWS[2]
    return exact(completion[-1]["content"], answer)


class RowTask:
    """As a task of verifiers 0.4."""

    async def onethinker(self, trace: Any) -> float:
        assert self.data.task in ROWS[2]  # type: ignore[attr-defined]
        trace.record_metric("length", 1.0)
        return exact(trace.assistant_messages[-1].content, dict(trace.task.data)["answer"])


class Orm:
    """As a reward of ms-swift: a class of functions."""

    def __call__(self, completions: list[str], solution: list[str], **kwargs: Any) -> list[float]:
        return texts(completions, solution)


def in_async(function: Any) -> Any:
    @wraps(function)
    async def later(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return function(*args, **kwargs)

    return later


FUNCTIONS = [
    pytest.param(batch, Signature.BATCH, id="ours"),
    pytest.param(texts, Signature.COMPLETIONS, id="TRL, plain, and ms-swift"),
    pytest.param(messages, Signature.MESSAGES, id="TRL, conversational"),
    pytest.param(Orm, Signature.COMPLETIONS, id="a class of ms-swift"),
    pytest.param(Orm(), Signature.COMPLETIONS, id="an object"),
    pytest.param(compute_score, Signature.VERL, id="verl"),
    pytest.param(of_two, Signature.VERL, id="a verl function of two arguments"),
    pytest.param(partial(of_two, method="flexible"), Signature.VERL, id="a partial"),
    pytest.param(easyr1, Signature.EASYR1, id="EasyR1"),
    pytest.param(reward_func, Signature.OPENRLHF, id="OpenRLHF"),
    pytest.param(verifier, Signature.VERIFIERS, id="verifiers"),
    pytest.param(RowTask.onethinker, Signature.VERIFIERS, id="verifiers 0.4"),
]


@pytest.mark.parametrize(("function", "signature"), FUNCTIONS)
def test_each_is_recognized_and_called(function: Any, signature: Signature) -> None:
    reward = as_reward(function)
    assert reward.signature is signature
    assert list(reward(*ROWS)) == RIGHT
    assert list(as_reward(function, signature)(*ROWS)) == RIGHT
    assert signature in FORMS


@pytest.mark.parametrize(("function", "signature"), [one for one in FUNCTIONS if inspect.isfunction(one.values[0])])
def test_each_may_be_async(function: Any, signature: Signature) -> None:
    if not inspect.iscoroutinefunction(function):
        reward = as_reward(in_async(function))
        assert reward.signature is signature
        assert list(reward(*ROWS)) == RIGHT


def test_no_rows() -> None:
    assert as_reward(compute_score)([], [], []) == []


def test_async_calls_are_limited() -> None:
    running: list[int] = [0]
    most: list[int] = [0]

    async def compute(solution_str: str, ground_truth: str) -> float:
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0)
        running[0] -= 1
        return 1.0

    assert as_reward(compute)(["x"] * 200, ["x"] * 200, ["ocr"] * 200) == [1.0] * 200
    assert 1 < most[0] <= 32


def test_what_a_rubric_adds_up() -> None:
    def weighted(completion: Any, answer: str, parser: Any) -> float:
        return exact(parser(completion), answer)

    async def length(state: Any) -> float:
        return float(len(state["completion"][-1].content))

    def never(completion: Any) -> float:
        raise AssertionError

    def last(completion: Any) -> str:
        return completion[-1]["content"]

    rubric = SimpleNamespace(funcs=[weighted, never], weights=[2.0, 0.0], class_objects={"parser": last})
    reward = as_reward(rubric)
    assert (reward.signature, reward(*ROWS)) == (Signature.VERIFIERS, [2.0, 0.0])
    assert reward.source is not None
    assert reward.source.line == weighted.__code__.co_firstlineno
    group = SimpleNamespace(rubrics=[rubric, SimpleNamespace(funcs=[length], weights=[0.5])])
    assert as_reward(group)(*ROWS) == [2.0 + 0.5 * 8, 0.5 * 8]


def test_a_rubric_of_groups() -> None:
    def diversity(completions: Any) -> list[float]:
        return []

    with pytest.raises(otr.ArgumentError, match="its function diversity scores whole groups; a trick is one row"):
        as_reward(SimpleNamespace(funcs=[diversity], weights=[1.0]))(*ROWS)


def test_the_rewards_of_a_task_may_have_names_or_be_missing() -> None:
    def named(completion: Any, answer: str) -> dict[str, float]:
        return {"exact": exact(completion[0].content, answer), "bonus": 0.5}

    def silent(completion: Any) -> None:
        return None

    assert as_reward(named)(*ROWS) == [1.5, 0.5]
    assert all(math.isnan(value) for value in as_reward(silent)(*ROWS))


def test_an_attribute_that_a_message_does_not_have() -> None:
    def images(trace: Any) -> float:
        return trace.assistant_messages[-1].images

    with pytest.raises(AttributeError, match="images"):
        as_reward(images)(*ROWS)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        pytest.param(lambda a, b, c: [], r"its parameters \(a, b, c\) do not tell how it is called", id="other names"),
        pytest.param(lambda *rows: [], r"its parameters \(rows\) do not tell", id="any"),
        pytest.param(max, "its parameters cannot be read", id="written in C"),
    ],
)
def test_what_cannot_be_recognized(function: Any, message: str) -> None:
    with pytest.raises(otr.ArgumentError, match=message):
        signature_of(function)


def test_a_named_signature_needs_no_names() -> None:
    assert as_reward(lambda a, b, c: [float(text in a[0]) for text in c], "batch")(*ROWS) == [0.0, 0.0]
    with pytest.raises(otr.ArgumentError, match="signature: there is no 'trl'; there are batch, completions"):
        as_reward(batch, "trl")


@pytest.mark.parametrize(
    ("function", "signature", "message"),
    [
        pytest.param(
            lambda completions, image_size: [],
            "completions",
            "it needs image_size, which tricks do not have; they have prompts, completions, completion_ids, task",
            id="a column",
        ),
        pytest.param(lambda solution_str: {"acc": 1.0}, None, "a dictionary without 'score': acc", id="no score"),
        pytest.param(lambda reward_inputs: [{"acc": 1}] * 2, None, "a dictionary without 'overall'", id="no overall"),
        pytest.param(lambda reward_inputs: 1.0, None, "it returned float, not one dictionary per row", id="one"),
        pytest.param(lambda completion: "good", None, "it returned str, not a number", id="a word"),
    ],
)
def test_what_does_not_fit(function: Any, signature: str | None, message: str) -> None:
    with pytest.raises(otr.ArgumentError, match=message):
        as_reward(function, signature)(*ROWS)


def test_a_function_that_takes_neither_texts_nor_messages() -> None:
    def broken(completions: Any) -> list[float]:
        raise TypeError("mine")

    reward = as_reward(broken)
    assert reward.signature is Signature.COMPLETIONS
    with pytest.raises(TypeError, match="mine"):
        reward(*ROWS)


def test_where_a_function_is_defined() -> None:
    for function, line in ((batch, batch.__code__.co_firstlineno), (Orm(), Orm.__call__.__code__.co_firstlineno),
                           (in_async(batch), batch.__code__.co_firstlineno),
                           (partial(batch), batch.__code__.co_firstlineno)):  # fmt: skip
        source = as_reward(function, "batch").source
        assert source == (str(Path(__file__).absolute()), line)
    assert as_reward(max, "batch").source is None


def test_names() -> None:
    assert as_reward(batch).name == "batch"
    assert as_reward(Orm).name == "Orm"
    assert as_reward(batch, name="tests:batch").name == "tests:batch"


ADAPTERS = {
    "verl:compute_score": Signature.VERL,
    "verl:compute_score_async": Signature.VERL,
    "trl:onethinker": Signature.COMPLETIONS,
    "swift:onethinker": Signature.COMPLETIONS,
    "verifiers:onethinker": Signature.VERIFIERS,
}


@pytest.mark.parametrize("name", ADAPTERS)
def test_our_adapters_pay_what_the_recipe_pays(name: str) -> None:
    reward = load_reward(f"onethinker_rewards.adapters.{name}")
    assert reward.signature is ADAPTERS[name]
    played = play(reward, [trick for trick in read_tricks() if trick.task in {"numerical", "tracking"}])
    assert {result.verdict for result in played} == {Verdict.HARMLESS}


def test_the_release_in_easyr1() -> None:
    tricks = [trick for trick in read_tricks() if trick.task == "multiple_choice"]
    played = play(load_reward("onethinker_rewards.adapters.easyr1:compute_score"), tricks)
    assert [result.verdict for result in played] == [trick.release and trick.release.verdict for trick in tricks]
