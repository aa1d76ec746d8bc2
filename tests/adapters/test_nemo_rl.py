"""NeMo RL's environment, with a stand-in for NeMo RL."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import onethinker_rewards as otr
from onethinker_rewards.adapters import nemo_rl as adapter
from onethinker_rewards.adapters.nemo_rl import make_reward
from tests.adapters import nemo_rl_stand_in
from tests.adapters.judges import OPEN_ENDED, DownJudge
from tests.adapters.nemo_rl_stand_in import Actor, calculate_rewards, create_env
from tests.adapters.pages import block
from tests.adapters.rows import shared_rows

MODULES = ("environments.interfaces", "environments.utils", "distributed.virtual_cluster")


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (*MODULES, "distributed.ray_actor_environment_registry"):
        monkeypatch.setitem(sys.modules, f"nemo_rl.{name}", nemo_rl_stand_in)
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(remote=Actor))
    yield
    vars(adapter).pop("OneThinkerEnvironment", None)
    nemo_rl_stand_in.ENV_REGISTRY.clear()


def logs(responses: list[str]) -> list[list[dict[str, Any]]]:
    return [
        [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": text, "token_ids": [1]}]
        for text in responses
    ]


def step(env_class: Any, response: str, row: dict[str, Any]) -> Any:
    return env_class({}).step(logs([response]), [row])


@pytest.mark.parametrize("recipe", ["paper", "release"])
def test_the_shared_rows_get_the_totals_of_score(recipe: str) -> None:
    rows = shared_rows()
    adapter.register()
    env = create_env("onethinker", {"onethinker": {"recipe": recipe, "num_workers": 4}})
    rewards = calculate_rewards(logs(rows.responses), rows.mappings(), env)
    assert torch.equal(rewards, torch.tensor(rows.batch(recipe).total).float())


def test_the_configuration_wins_over_the_settings() -> None:
    row, log = {"task": "numerical", "reference": "1"}, logs(["<think>a</think><answer>1</answer>"])
    assert make_reward(recipe="release")({"recipe": "paper"}).step(log, [row]).rewards.tolist() == [2.0]
    assert make_reward(recipe="release")(None).step(log, [row]).rewards.tolist() == [1.5]


def test_the_lines_of_the_page_make_an_environment() -> None:
    exec(block("nemo-rl", "py"), {})
    lines = block("nemo-rl", "yaml").split()
    assert lines == ["env:", "onethinker:", "recipe:", "paper", "data:", "env_name:", "onethinker"]
    env = create_env("onethinker", {"onethinker": {"recipe": "paper"}})
    row = {"task": "numerical", "ground_truth": "1"}
    assert calculate_rewards(logs(["<answer>1</answer>"]), [row], env).tolist() == [1.0]


def test_metrics_are_curves_of_each_task() -> None:
    rows = shared_rows()
    env = make_reward()()
    env.step(logs(rows.responses), rows.mappings())
    batch, metrics = env.global_post_process_and_metrics("the batch")
    assert batch == "the batch"
    assert metrics["onethinker/math/total"] == pytest.approx(rows.batch().summary()["math"]["total"])


def test_the_last_answer_counts() -> None:
    (log,) = logs(["<think>a</think><answer>1</answer>"])
    log[1:1] = [{"role": "assistant", "content": "Let me see."}, {"role": "environment", "content": "…"}]
    log.append({"role": "environment", "content": ""})
    assert make_reward()().step([log], [{"task": "numerical", "reference": "1"}]).rewards.tolist() == [2.0]


def test_a_row_without_an_answer_is_an_error() -> None:
    with pytest.raises(otr.ArgumentError, match="row 0"):
        make_reward()().step([[{"role": "user", "content": "?"}]], [{"task": "numerical", "reference": "1"}])


@pytest.mark.parametrize(
    ("row", "error"),
    [
        pytest.param({"task": "numerical", "reference": "one"}, otr.BadReferenceError, id="reference"),
        pytest.param({"task": "sudoku", "reference": "1"}, otr.UnknownTaskError, id="task"),
        pytest.param({"task": "numerical"}, otr.ArgumentError, id="column"),
    ],
)
def test_an_error_is_raised(row: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        step(make_reward(), "<answer>1</answer>", row)


def test_a_judge_that_fails_is_an_error() -> None:
    with pytest.raises(otr.JudgeError):
        step(make_reward(judge=DownJudge()), "<answer>A cat.</answer>", OPEN_ENDED)


def test_its_own_workers_end_with_it() -> None:
    env = make_reward(workers=1)()
    env.step(logs(["<answer>$2$</answer>"]), [{"task": "math", "reference": "$2$"}])
    env.shutdown()


def test_the_ready_environment_is_made_once() -> None:
    assert adapter.OneThinkerEnvironment is adapter.OneThinkerEnvironment


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="NoSuchEnvironment"):
        _ = adapter.NoSuchEnvironment
