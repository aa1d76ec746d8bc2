"""The reward of verifiers, called as `verifiers/v1/task.py` of 0.4.0 calls it."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict

import onethinker_rewards as otr
from onethinker_rewards.adapters.verifiers import make_reward, make_taskset, onethinker, response_of
from tests.adapters.judges import OPEN_ENDED, DownJudge
from tests.adapters.rows import shared_rows

Part = TypeVar("Part")
Other = TypeVar("Other")


@dataclass
class Message:
    content: str | None
    reasoning_content: str | None = None


@dataclass
class Trace:
    """What the reward touches of `verifiers/v1/trace.py:Trace`."""

    data: dict[str, Any]
    assistant_messages: list[Message]
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def task(self) -> SimpleNamespace:
        # The data is a pydantic model, which iterates over its fields.
        return SimpleNamespace(data=self.data.items())

    def record_metrics(self, values: dict[str, float]) -> None:
        self.metrics.update({name: float(value) for name, value in values.items()})


def score(traces: list[Trace], reward: Any = onethinker) -> list[float]:
    async def run() -> list[float]:
        return await asyncio.gather(*(reward(None, trace) for trace in traces))

    return asyncio.run(run())


def test_the_shared_rows_get_the_totals_of_score() -> None:
    rows = shared_rows()
    traces = [Trace(row, [Message(text)]) for text, row in zip(rows.responses, rows.mappings(), strict=True)]
    batch = rows.batch()
    assert score(traces) == batch.total.tolist()
    assert [trace.metrics["format"] for trace in traces] == batch.format.tolist()
    assert [trace.metrics["accuracy"] for trace in traces] == batch.accuracy.tolist()


def test_it_is_a_coroutine_function_of_a_task_and_a_trace() -> None:
    assert inspect.iscoroutinefunction(onethinker)
    assert list(inspect.signature(onethinker).parameters) == ["self", "trace"]


@pytest.mark.parametrize(
    ("messages", "response"),
    [
        pytest.param([], "", id="nothing written"),
        pytest.param([Message("a"), Message("b")], "b", id="the last turn"),
        pytest.param([Message(None)], "", id="no text"),
        pytest.param([Message("<answer>b</answer>", "a")], "<think>a</think><answer>b</answer>", id="thinking apart"),
        pytest.param([Message("<think>a</think>b", "")], "<think>a</think>b", id="thinking in the text"),
    ],
)
def test_the_response_is_the_last_turn_with_its_thinking(messages: list[Message], response: str) -> None:
    assert response_of(Trace({}, messages)) == response


def test_an_error_is_raised_and_logged_and_costs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> list[Any]:
        good = Trace({"task": "numerical", "reference": "1"}, [Message("<answer>1</answer>")])
        bad = Trace({"task": "numerical", "reference": "one"}, [Message("<answer>1</answer>")])
        return await asyncio.gather(*(onethinker(None, trace) for trace in (good, bad)), return_exceptions=True)

    total, error = asyncio.run(run())
    assert total == 1.0
    assert isinstance(error, otr.BadReferenceError)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "unreadable reference in row 0" in caplog.text


def test_a_judge_that_fails_is_an_error() -> None:
    with pytest.raises(otr.JudgeError):
        score([Trace(OPEN_ENDED, [Message("<answer>A cat.</answer>")])], make_reward(judge=DownJudge()))


class StandIn:
    """The classes of `verifiers/v1` that a taskset is made of, as far as it uses them."""

    class TaskData(BaseModel):
        model_config = ConfigDict(frozen=True)
        prompt: str | list[Any] | None = None
        image: str | None = None

    class Task(Generic[Part]):
        def __init__(self, data: Any, config: Any) -> None:
            self.data = data

    class TasksetConfig(BaseModel):
        task: Any = None

    class Taskset(Generic[Part, Other]):
        def __init__(self, config: Any) -> None:
            self.config = config

    @staticmethod
    def reward(weight: float) -> Any:
        return lambda function: function


def taskset(path: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> list[Any]:
    """Return the tasks of a file."""
    monkeypatch.setitem(sys.modules, "verifiers", SimpleNamespace(v1=StandIn))
    monkeypatch.setitem(sys.modules, "verifiers.v1", StandIn)
    made = make_taskset(**settings)
    return [*made(SimpleNamespace(path=path, task=None)).load()]


def test_a_row_without_a_prompt_is_asked_by_its_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"task": "multiple_choice", "reference": "B", "question": "Which?", "options": ["a cat", "a dog"]},
        {"task": "numerical", "reference": "7", "prompt": "How many?", "image": "a.png"},
        {"task": "spatial_grounding", "reference": "[1, 2, 3, 4]", "question": "Where?"},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    first, second, third = taskset(file, monkeypatch, recipe=otr.Recipe(dialect="qwen3-vl"))
    assert first.data.prompt == otr.prompt("multiple_choice", "Which?", ["a cat", "a dog"])
    assert second.data.prompt == "How many?"
    assert second.data.image is None
    assert third.data.prompt == otr.prompt("spatial_grounding", "Where?", dialect="qwen3-vl")
    assert dict(third.data)["reference"] == "[1, 2, 3, 4]"
    named = taskset(file, monkeypatch, dialect="internvl")[2]
    assert named.data.prompt == otr.prompt("spatial_grounding", "Where?", dialect="internvl")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1]", "Expected `object`"),
        ("{", "truncated"),
        ('{"task": "sudoku", "reference": "1", "question": "?"}', "unknown task"),
        ('{"task": "ocr", "reference": "1"}', "neither a prompt nor a question"),
    ],
)
def test_a_line_that_is_no_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, reason: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(f'{{"prompt": "?"}}\n{line}\n')
    with pytest.raises(otr.ArgumentError, match=reason) as caught:
        taskset(file, monkeypatch)
    assert str(caught.value).startswith(f"{file}, line 2: ")
