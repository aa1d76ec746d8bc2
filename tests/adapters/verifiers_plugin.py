"""A harness for verifiers that talks to the model from inside the test's process, and a task with our reward.

verifiers' own harnesses start a program in an environment that they install; this one makes the same calls to the same
interception server.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from onethinker_rewards.adapters.verifiers import make_reward
from tests.adapters.rows import shared_rows

# Doctests are looked for in every file here, where verifiers is installed and where it is not.
vf = pytest.importorskip("verifiers.v1", reason="verifiers is not installed here: make test-frameworks")
httpx = pytest.importorskip("httpx")

__all__ = ["DirectHarness", "RowTaskset"]


class RowData(vf.TaskData):
    problem_type: str
    data_type: str
    solution: str
    options: list[str] | None = None


class RowTask(vf.Task[RowData]):
    onethinker = vf.reward(weight=1.0)(make_reward())


class RowTaskset(vf.Taskset[RowTask]):
    """The shared rows; the prompt is a row's number."""

    def load(self) -> Any:
        for number, row in enumerate(shared_rows().mappings()):
            fields = {name: row[name] for name in ("problem_type", "data_type", "solution", "options")}
            yield RowTask(RowData(prompt=str(number), **fields), self.config.task)


class NativeData(vf.TaskData):
    task: str
    reference: str
    size: list[float] | None = None


def native_tasks(rows: list[dict[str, Any]], **settings: Any) -> list[Any]:
    """Return rows as tasks whose reward has settings of its own; the prompt is a row's number."""

    class NativeTask(vf.Task[NativeData]):
        onethinker = vf.reward(weight=1.0)(make_reward(**settings))

    return [
        NativeTask(NativeData(prompt=str(number), **{name: row[name] for name in ("task", "reference", "size")}))
        for number, row in enumerate(rows)
    ]


class DirectHarness(vf.Harness[vf.HarnessConfig]):
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self,
        ctx: vf.ModelContext,
        trace: vf.Trace,
        runtime: vf.Runtime,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: vf.TaskData,
    ) -> vf.ProgramResult:
        body = {"model": ctx.model, "messages": [{"role": "user", "content": data.prompt}]}
        async with httpx.AsyncClient(timeout=60) as client:
            answer = await client.post(
                f"{endpoint.rstrip('/')}/chat/completions", json=body, headers={"Authorization": f"Bearer {secret}"}
            )
        answer.raise_for_status()
        return vf.ProgramResult(exit_code=0, stdout=json.dumps(answer.json()), stderr="")


class RowClient(vf.Client):
    """A model that knows what to write to each row."""

    def __init__(self, responses: list[str], reasoning: list[str | None] | None = None) -> None:
        self._responses = responses
        self._reasoning = reasoning or [None] * len(responses)

    async def get_response(self, dialect: Any, body: dict[str, Any], sampling: Any, **_: Any) -> vf.Response:
        number = int(body["messages"][-1]["content"])
        message = {"role": "assistant", "content": self._responses[number]}
        if self._reasoning[number] is not None:
            message["reasoning_content"] = self._reasoning[number]
        raw = {
            "id": str(number),
            "object": "chat.completion",
            "created": 0,
            "model": "rows",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
        response = dialect.parse_response(dialect.validate_response(raw))
        response.raw = raw
        return response
