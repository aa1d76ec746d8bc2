"""verifiers 0.4.0 runs rollouts with our reward: its own agent, interception server and scoring; a stand-in writes."""

from __future__ import annotations

import asyncio
import json
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.adapters.pages import block, versions
from tests.adapters.rows import framework, shared_rows
from tests.answers.dialect_cases import DIALECTS, dialect_settings, highest_totals, native_rows

framework("verifiers")

PLUGIN = "onethinker_rows"


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plugins are found by the name of a package at the top."""
    from tests.adapters import verifiers_plugin

    monkeypatch.setitem(sys.modules, PLUGIN, verifiers_plugin)


def agent() -> Any:
    import verifiers.v1 as vf

    config = {"model": "rows", "harness": {"id": PLUGIN}, "runtime": {"type": "subprocess"}}
    return vf.Agent(vf.AgentConfig.model_validate(config))


def taskset() -> Any:
    import verifiers.v1 as vf

    from tests.adapters.verifiers_plugin import RowTaskset

    return RowTaskset(vf.TasksetConfig(id=PLUGIN))


def rollouts(tasks: list[Any], client: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setattr("verifiers.v1.interception.server.resolve_client", lambda _: client)

    async def run() -> list[Any]:
        gate = asyncio.Semaphore(16)

        async def one(player: Any, task: Any) -> Any:
            async with gate:
                return await player.run(task)

        async with agent() as player:
            return await asyncio.gather(*(one(player, task) for task in tasks))

    return asyncio.run(run())


def test_the_shared_rows_get_the_totals_of_score(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.adapters.verifiers_plugin import RowClient

    rows = shared_rows()
    traces = rollouts(list(taskset()), RowClient(rows.responses), monkeypatch)
    assert [trace.errors for trace in traces] == [[]] * len(rows)
    assert [trace.reward for trace in traces] == rows.batch().total.tolist()
    assert [trace.metrics["format"] for trace in traces] == rows.batch().format.tolist()


def test_a_file_of_rows_is_a_taskset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By its id and the file's path, as the command of the page takes them."""
    import verifiers.v1 as vf

    from tests.adapters.verifiers_plugin import RowClient

    rows = shared_rows()
    file = tmp_path / "rows.jsonl"
    lines = [json.dumps({"prompt": str(number), **row}) for number, row in enumerate(rows.mappings())]
    file.write_text("\n".join(lines))
    module = ModuleType("my_rows")
    exec(block("verifiers", "py", 2, of=2), module.__dict__)
    monkeypatch.setitem(sys.modules, "my_rows", module)
    flags = block("verifiers", "sh", 2, of=2).split()[1:]
    assert flags == ["my-rows", "--env.taskset.path", "rows.jsonl"]
    config = vf.taskset_config_type("my-rows").model_validate({"id": "my-rows", "path": str(file)})
    traces = rollouts(list(vf.load_taskset(config)), RowClient(rows.responses), monkeypatch)
    assert [trace.reward for trace in traces] == rows.batch().total.tolist()


@pytest.mark.parametrize("native", [False, True], ids=["our references", "native references"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_native_answers_earn_the_maximum(dialect: str, native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.adapters.verifiers_plugin import RowClient, native_tasks

    rows = native_rows(dialect, native=native)
    client = RowClient([row["response"] for row in rows])
    traces = rollouts(native_tasks(rows, **dialect_settings(dialect, native=native)), client, monkeypatch)
    assert [trace.reward for trace in traces] == pytest.approx(highest_totals(rows), abs=1e-6)


def test_thinking_that_the_server_takes_out_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.adapters.verifiers_plugin import RowClient

    client = RowClient(["<answer>B</answer>"], ["It barks."])
    (trace,) = rollouts(list(taskset().take(1)), client, monkeypatch)
    assert trace.reward == 2.0


def test_an_error_of_ours_is_on_the_trace(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The trap that the page tells of: the reward reads 0, and only ``ok`` and ``errors`` say that there is none."""
    from tests.adapters.verifiers_plugin import RowClient

    (task,) = taskset().take(1)
    bad = task.with_data(problem_type="sudoku")
    (trace,) = rollouts([bad], RowClient(["<answer>B</answer>"]), monkeypatch)
    assert not trace.ok
    assert trace.rewards == {"onethinker": None}
    assert trace.reward == 0
    assert "unknown task" in trace.last_error.message
    assert any(record.name == "onethinker_rewards.adapters.verifiers" for record in caplog.records)


def test_a_reward_given_by_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    import verifiers.v1 as vf

    from tests.adapters.verifiers_plugin import RowClient, RowData

    config = vf.TaskConfig.model_validate(
        {"rewards": {"thinker": {"fn": "onethinker_rewards.adapters.verifiers:onethinker", "weight": 0.5}}}
    )
    row = {"problem_type": "numerical", "data_type": "image", "solution": "1", "prompt": "0"}
    task = vf.Task[RowData](RowData(**row), config)
    (trace,) = rollouts([task], RowClient(["<think>a</think><answer>1</answer>"]), monkeypatch)
    assert trace.reward == 1.0


def test_the_lines_of_the_page_score(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.adapters.verifiers_plugin import RowClient

    given: dict[str, Any] = {}
    exec(block("verifiers", "py", 1, of=2), given)
    data = given["RowData"](prompt="0", problem_type="multiple choice", data_type="image", solution="B")
    client = RowClient(["<think>It barks.</think><answer>B</answer>"])
    (trace,) = rollouts([given["RowTask"](data)], client, monkeypatch)
    assert trace.reward == 2.0
    assert f"verifiers=={version('verifiers')}" in versions("verifiers")


def test_the_command_of_the_page_gives_a_reward() -> None:
    import verifiers.v1 as vf
    from pydantic_config import cli

    _, _, flag, path = block("verifiers", "sh", 1, of=2).split()
    config = cli(vf.TaskConfig, args=["--" + flag.removeprefix("--env.taskset.task."), path])
    assert config.rewards["onethinker"].fn == path
