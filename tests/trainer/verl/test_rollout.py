"""What vLLM is asked with where a row has a video, on a stand-in for verl's loop."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from onethinker_rewards.trainer.verl import rollout
from onethinker_rewards.trainer.verl.determinism import response_seed
from tests.trainer.verl.stand_ins import module

VIDEO = [{"role": "user", "content": [{"type": "video", "video": "a"}, {"type": "text", "text": "When?"}]}]
IMAGE = [{"role": "user", "content": [{"type": "image", "image": "a"}]}, {"role": "user", "content": "Who?"}]


class Server:
    async def generate(self, **request: Any) -> dict[str, Any]:
        return request


class Template:
    """A template that says what it was called with, and codes of its text."""

    def apply_chat_template(self, messages: list[Any], **settings: Any) -> str:
        assert settings == {"add_generation_prompt": True, "tokenize": False, "enable_thinking": True}
        return "V" * len(messages)

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        assert not add_special_tokens
        return [ord(letter) for letter in text]


class StockLoop:
    def __init__(self, processor: Any, config: Any = None) -> None:
        self.config = config or {}
        self.server_manager = Server()
        self.processor = processor
        self.tokenizer = Template()
        self.apply_chat_template_kwargs = {"enable_thinking": True}

    async def run(self, sampling_params: dict[str, Any], *, raw_prompt: Any, uid: str, **_: Any) -> Any:
        asked = await self.server_manager.generate(
            prompt_ids=[1, 2, 3], video_data=["a"], sampling_params=sampling_params
        )
        return SimpleNamespace(asked=asked, prompt_ids=[1, 2, 3], uid=uid)


@pytest.fixture(autouse=True)
def verls_loop(monkeypatch: pytest.MonkeyPatch) -> Any:
    name = "verl.experimental.agent_loop.single_turn_agent_loop"
    monkeypatch.setitem(sys.modules, name, module(name, SingleTurnAgentLoop=StockLoop))
    rollout.make_loop.cache_clear()
    yield
    rollout.make_loop.cache_clear()


@pytest.mark.parametrize("processor", [Template(), None])
def test_a_video_is_one_placeholder_for_vllm_and_expanded_for_the_actor(processor: Any) -> None:
    done = asyncio.run(rollout.SingleTurn(processor).run({}, raw_prompt=VIDEO, uid="u"))
    assert done.asked == {"prompt_ids": [ord("V")], "video_data": ["a"], "sampling_params": {}}
    assert (done.prompt_ids, done.uid) == ([1, 2, 3], "u")


def test_an_image_is_sent_as_verl_does() -> None:
    done = asyncio.run(rollout.SingleTurn(Template()).run({}, raw_prompt=IMAGE, uid="u"))
    assert done.asked["prompt_ids"] == [1, 2, 3]


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("messages", [VIDEO, IMAGE], ids=["video", "image"])
def test_with_a_seed_each_response_has_its_own(messages: Any, seed: int) -> None:
    shared = {"temperature": 1.0}
    loop = rollout.SingleTurn(Template(), {"onethinker": {"seed": seed}})
    row = {"index": 1, "extra_info": {}, "global_steps": 2}
    asked = [
        asyncio.run(loop.run(shared, raw_prompt=messages, uid="u", session_id=session, **row)).asked
        for session in range(2)
    ]
    assert [one["sampling_params"] for one in asked] == [
        {"temperature": 1.0, "seed": response_seed(seed, row | {"session_id": session})} for session in range(2)
    ]
    assert shared == {"temperature": 1.0}


@pytest.mark.parametrize("config", [{}, {"onethinker": None}, {"onethinker": {"seed": None}}])
def test_without_a_seed_vllm_is_asked_as_verl_does(config: Any) -> None:
    done = asyncio.run(rollout.SingleTurn(Template(), config).run({}, raw_prompt=IMAGE, uid="u"))
    assert done.asked["sampling_params"] == {}


def test_the_file_names_our_loop() -> None:
    assert f"_target_: {rollout.__name__}.SingleTurn" in rollout.LOOPS.read_text("utf-8")


def test_there_is_nothing_else_in_it() -> None:
    with pytest.raises(AttributeError, match="Unknown"):
        _ = rollout.Unknown
