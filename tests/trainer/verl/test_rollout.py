"""What vLLM is asked with where a row has a video, on a stand-in for verl's loop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from onethinker_rewards.trainer import verl as package
from onethinker_rewards.trainer.verl.batch import response_seed
from tests.adapters.rows import framework
from tests.trainer.verl.stand_ins import Template

framework("hydra", target="test")

VIDEO = [{"role": "user", "content": [{"type": "video", "video": "a"}, {"type": "text", "text": "When?"}]}]
IMAGE = [{"role": "user", "content": [{"type": "image", "image": "a"}]}, {"role": "user", "content": "Who?"}]


@pytest.mark.parametrize("processor", [Template(), None])
def test_a_video_is_one_placeholder_for_vllm_and_expanded_for_the_actor(verl: Any, processor: Any) -> None:
    done = asyncio.run(verl.rollout.SingleTurn(processor).run({}, raw_prompt=VIDEO, uid="u"))
    assert done.asked == {"prompt_ids": [ord("V")], "video_data": ["a"], "sampling_params": {}}
    assert (done.prompt_ids, done.uid) == ([1, 2, 3], "u")


def test_an_image_is_sent_as_verl_does(verl: Any) -> None:
    done = asyncio.run(verl.rollout.SingleTurn(Template()).run({}, raw_prompt=IMAGE, uid="u"))
    assert (done.asked["prompt_ids"], done.asked["sampling_params"]) == ([1, 2, 3], {})


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("messages", [VIDEO, IMAGE], ids=["video", "image"])
def test_with_a_seed_each_response_has_its_own(verl: Any, messages: Any, seed: int) -> None:
    shared = {"temperature": 1.0}
    loop = verl.rollout.SingleTurn(Template(), seed)
    row = {"index": 1, "extra_info": {}, "global_steps": 2}
    asked = [
        asyncio.run(loop.run(shared, raw_prompt=messages, uid="u", session_id=session, **row)).asked
        for session in range(2)
    ]
    assert [one["sampling_params"] for one in asked] == [
        {"temperature": 1.0, "seed": response_seed(seed, row | {"session_id": session})} for session in range(2)
    ]
    assert shared == {"temperature": 1.0}


def test_verls_workers_find_our_loop(verl: Any) -> None:
    (loop,) = yaml.safe_load(Path(package.__path__[0], "rollout.yaml").read_text(encoding="utf-8"))
    assert loop == {"name": "onethinker", "_target_": f"{verl.rollout.__name__}.SingleTurn"}
