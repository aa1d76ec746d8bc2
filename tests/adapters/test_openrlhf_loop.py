"""OpenRLHF 0.11.2 calls our file: its own executor, with a stand-in for the engine that generates."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from onethinker_rewards.adapters import openrlhf as adapter
from tests.adapters.pages import page, versions
from tests.adapters.rows import framework, shared_rows
from tests.answers.dialect_cases import DIALECTS, dialect_settings, highest_totals, native_rows

framework("openrlhf")

PROMPT = "<|im_start|>user\nWhere is it?<|im_end|>\n<|im_start|>assistant\n"


class Letters:
    """A tokenizer of characters."""

    def __call__(self, text: str, **_: Any) -> dict[str, Any]:
        import torch

        return {"input_ids": torch.tensor([[ord(letter) for letter in text]])}

    def decode(self, ids: list[int], **_: Any) -> str:
        return "".join(map(chr, ids))


class Engine:
    """Writes one response, whatever it is asked."""

    def __init__(self, response: str) -> None:
        self._response = response + "<|im_end|>"

    async def generate(self, *_: Any, **__: Any) -> Any:
        ids = [ord(letter) for letter in self._response]
        return SimpleNamespace(outputs=[SimpleNamespace(token_ids=ids, finish_reason="stop", logprobs=None)])


async def rollouts(path: str, responses: list[str], labels: list[str]) -> list[dict[str, Any]]:
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    executor = SingleTurnAgentExecutor(path)
    sampling = SimpleNamespace(max_tokens=None, logprobs=None)
    return await asyncio.gather(
        *(
            executor.execute(PROMPT, label, sampling, 100_000, Letters(), Engine(response))
            for response, label in zip(responses, labels, strict=True)
        )
    )


@pytest.fixture
def own_file(tmp_path: Path) -> str:
    path = tmp_path / "my_reward.py"
    path.write_text("from onethinker_rewards.adapters.openrlhf import make_reward\nreward_func = make_reward()\n")
    return str(path)


def test_the_shared_rows_get_the_totals_of_score() -> None:
    rows = shared_rows()
    labels = [json.dumps(row) for row in rows.mappings()]
    outputs = asyncio.run(rollouts(str(adapter.__file__), rows.responses, labels))
    batch = rows.batch()
    assert [output["reward"].item() for output in outputs] == pytest.approx(batch.total.tolist(), abs=1e-6)
    assert [output["scores"].item() for output in outputs] == pytest.approx(batch.normalized.tolist(), abs=1e-6)


@pytest.mark.parametrize("native", [False, True], ids=["our references", "native references"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_native_answers_earn_the_maximum(dialect: str, native: bool, tmp_path: Path) -> None:
    path, rows = tmp_path / "my_reward.py", native_rows(dialect, native=native)
    settings = ", ".join(f"{name}={value!r}" for name, value in dialect_settings(dialect, native=native).items())
    path.write_text(
        f"from onethinker_rewards.adapters.openrlhf import make_reward\nreward_func = make_reward({settings})\n"
    )
    responses = [row.pop("response") for row in rows]
    outputs = asyncio.run(rollouts(str(path), responses, [json.dumps(row) for row in rows]))
    assert [output["reward"].item() for output in outputs] == pytest.approx(highest_totals(rows), abs=1e-6)


@pytest.mark.parametrize("token", ["", "/t/a-token-of-some-length"])
def test_its_client_gets_the_totals_of_score_from_our_server(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    framework("starlette", "uvicorn", "prometheus_client")
    from tests.server.serving import TOKEN, running

    rows = shared_rows()
    labels = [json.dumps(row) for row in rows.mappings()]
    with running(tokens=[TOKEN] if token else []) as url:
        outputs = asyncio.run(rollouts(f"{url}{token}/get_reward", rows.responses, labels))
    batch, joined = rows.batch(), experience(outputs, monkeypatch)
    assert joined.rewards.flatten().tolist() == pytest.approx(batch.total.tolist(), abs=1e-6)
    assert joined.scores.flatten().tolist() == pytest.approx(batch.normalized.tolist(), abs=1e-6)
    assert joined.info["onethinker_format"].flatten().tolist() == batch.format.tolist()


def experience(outputs: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return OpenRLHF's own experience of rollouts."""
    # What generates imports vLLM; making experiences does not use it.
    for name in ("vllm", "vllm.inputs", "vllm.utils"):
        monkeypatch.setitem(sys.modules, name, MagicMock())
    from openrlhf.trainer.ppo_utils.experience import Experience
    from openrlhf.trainer.ppo_utils.samples_generator import SamplesGenerator

    made = [SamplesGenerator._process_response_into_experience(None, output, max_len=100_000) for output in outputs]
    return Experience.concat_experiences(made, 0)


def test_what_comes_back_is_what_the_experience_takes(own_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = shared_rows().take([0, 8, 16])
    outputs = asyncio.run(rollouts(own_file, rows.responses, [json.dumps(row) for row in rows.mappings()]))
    joined = experience(outputs, monkeypatch)
    assert joined.rewards.tolist() == pytest.approx(rows.batch().total.tolist())
    assert joined.info["onethinker_format"].flatten().tolist() == [1.0, 1.0, 1.0]


def test_an_error_of_ours_leaves_no_reward_and_is_in_the_log(own_file: str, caplog: pytest.LogCaptureFixture) -> None:
    bad = json.dumps({"task": "numerical", "reference": "one"})
    (output,) = asyncio.run(rollouts(own_file, ["<answer>1</answer>"], [bad]))
    assert output["reward"] is None
    (record,) = [record for record in caplog.records if record.name.startswith("onethinker_rewards")]
    assert record.levelno == logging.ERROR
    assert "unreadable reference in row 0" in caplog.text


def test_the_options_of_the_page_exist() -> None:
    import openrlhf

    command = Path(openrlhf.__file__).parent / "cli" / "train_ppo_ray.py"
    known = set(re.findall(r'"(--[\w.]+)"', command.read_text(encoding="utf-8")))
    named = set(re.findall(r"--[a-z]+\.[\w.]*\w", page("openrlhf")))
    assert named
    assert named <= known
    assert f"openrlhf=={version('openrlhf')}" in versions("openrlhf")
