"""AReaL 1.0.4 calls our function: its own workflow and pool of processes, with a stand-in for the engine."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters.areal import make_reward
from tests.adapters.judges import OPEN_ENDED, SlowJudge
from tests.adapters.pages import block, versions
from tests.adapters.rows import framework, shared_rows
from tests.answers.dialect_cases import DIALECTS, dialect_settings, highest_totals, native_rows

framework("areal")

PATH = "onethinker_rewards.adapters.areal.reward_fn"


class Letters:
    """A tokenizer of characters."""

    pad_token_id = eos_token_id = 0

    def decode(self, ids: list[int]) -> str:
        return "".join(map(chr, ids))


class Engine:
    """Writes the response that stands in the prompt's row."""

    def __init__(self, response: str) -> None:
        self._ids = [ord(letter) for letter in response]

    async def agenerate(self, req: Any) -> Any:
        from areal.api import ModelResponse

        count = len(self._ids)
        return ModelResponse(
            input_tokens=req.input_ids,
            output_tokens=self._ids,
            output_logprobs=[0.0] * count,
            output_versions=[0] * count,
            stop_reason="stop",
        )


def workflow(reward: Any) -> Any:
    from areal.api.cli_args import GenerationHyperparameters
    from areal.workflow.rlvr import RLVRWorkflow

    return RLVRWorkflow(
        reward,
        GenerationHyperparameters(),
        Letters(),
        get_input_ids_fn=lambda prompt, *_: [ord(letter) for letter in prompt],
        data_extract_prompt_fn=lambda row: row["problem"],
    )


def rewards(reward: Any, responses: list[str], rows: list[dict[str, Any]]) -> list[float]:
    async def run() -> list[Any]:
        flow = workflow(reward)
        pairs = zip(responses, rows, strict=True)
        return await asyncio.gather(*(flow.arun_episode(Engine(text), {"problem": "?", **row}) for text, row in pairs))

    return [float(episode["rewards"]) for episode in asyncio.run(run())]


def test_the_shared_rows_get_the_totals_of_score() -> None:
    rows = shared_rows()
    assert rewards(PATH, rows.responses, rows.mappings()) == pytest.approx(rows.batch().total.tolist(), abs=1e-6)


def test_with_settings_of_ones_own() -> None:
    rows = shared_rows().take(range(16))
    got = rewards(make_reward(recipe="release"), rows.responses, rows.mappings())
    assert got == pytest.approx(rows.batch("release").total.tolist(), abs=1e-6)


@pytest.mark.parametrize("native", [False, True], ids=["our references", "native references"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_native_answers_earn_the_maximum(dialect: str, native: bool) -> None:
    rows = native_rows(dialect, native=native)
    reward = make_reward(**dialect_settings(dialect, native=native))
    got = rewards(reward, [row.pop("response") for row in rows], rows)
    assert got == pytest.approx(highest_totals(rows), abs=1e-6)


def test_an_error_of_ours_comes_out_of_the_episode() -> None:
    with pytest.raises(otr.BadReferenceError):
        rewards(PATH, ["<answer>1</answer>"], [{"task": "numerical", "reference": "one"}])


def test_areal_takes_0_for_what_comes_too_late() -> None:
    """The trap that the page tells of: this 0 is AReaL's own."""
    from areal.api.reward_api import AsyncRewardWrapper

    wrapper = AsyncRewardWrapper(make_reward(judge=SlowJudge(1.0)), timeout_seconds=0.2, max_retries=0)
    row = {**OPEN_ENDED, "prompt_ids": [], "completion_ids": []}
    response = "<think>a</think><answer>A cat.</answer>"
    assert asyncio.run(wrapper(prompt="", completions=response, **row)) == 0


def test_the_lines_of_the_page_name_what_areal_finds() -> None:
    from areal.utils.dynamic_import import import_from_string

    given: dict[str, Any] = {}
    exec(
        block("areal", "py"), {"trainer": SimpleNamespace(train=lambda **kwargs: given.update(kwargs)), "settings": {}}
    )
    assert import_from_string(given["workflow"]).__name__ == "VisionRLVRWorkflow"
    row = {"task": "numerical", "reference": "1"}
    assert rewards(given["workflow_kwargs"]["reward_fn"], ["<answer>1</answer>"], [row]) == [1.0]
    assert f"areal=={version('areal')}" in versions("areal")
