"""Our resources server: inside NeMo-Gym 0.7.0 where that is installed, and elsewhere on what stands in for it."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from onethinker_rewards.adapters.nemo_gym import make_reward
from tests.adapters import nemo_gym_stand_in
from tests.adapters.gym_requests import verify
from tests.adapters.judges import DownJudge
from tests.adapters.pages import block, versions
from tests.adapters.rows import shared_rows
from tests.waiting import wait_for

HAS_GYM = importlib.util.find_spec("nemo_gym") is not None
needs_gym = pytest.mark.skipif(not HAS_GYM, reason="nemo-gym is not installed here: it needs a newer Python")
GOOD = {"task": "numerical", "response": "<think>a</think><answer>7 cm</answer>", "reference": "7"}
OPEN_ENDED = {"task": "open_ended", "response": "<answer>A cat.</answer>", "reference": "A cat."}


@pytest.fixture(autouse=True)
def gym(monkeypatch: pytest.MonkeyPatch) -> None:
    if not HAS_GYM:
        nemo_gym_stand_in.install(monkeypatch)


def server(kind: type[Any], **entries: Any) -> Any:
    """Return a server with entries of its configuration."""
    kind_of_config = kind.model_fields["config"].annotation
    named = {"host": "127.0.0.1", "port": 8000, "entrypoint": "app.py", "domain": "other", "name": "onethinker"}
    client = None
    if HAS_GYM:
        from nemo_gym.server_utils import BaseServerConfig, ServerClient
        from omegaconf import OmegaConf

        head = BaseServerConfig(host="127.0.0.1", port=1)
        client = ServerClient(head_server_config=head, global_config_dict=OmegaConf.create({}))
    return kind(config=kind_of_config(**named, **entries), server_client=client)


def replies(made: Any, *bodies: dict[str, Any]) -> list[dict[str, Any]]:
    request = type(made).verify.__annotations__["body"]

    async def run() -> list[Any]:
        return await asyncio.gather(*(made.verify(request.model_validate(body)) for body in bodies))

    return [reply.model_dump() for reply in asyncio.run(run())]


def test_the_shared_rows_get_the_totals_of_score() -> None:
    rows = shared_rows()
    sent = [row | {"response": text} for row, text in zip(rows.mappings(), rows.responses, strict=True)]
    given = replies(server(make_reward()), *(verify(row) for row in sent))
    assert [reply["reward"] for reply in given] == rows.batch().total.tolist()
    assert [reply["format"] for reply in given] == rows.batch().format.tolist()


def test_the_row_comes_back_with_its_components() -> None:
    (reply,) = replies(server(make_reward()), verify(GOOD))
    assert reply["reference"] == "7"
    assert (reply["failure"], reply["accuracy"]) == ("not_a_number", 0.0)
    assert reply["reward_components"] == {"accuracy": 0.0, "format": 0.0, "structure": 0.0}


def test_the_configuration_names_the_recipe() -> None:
    (reply,) = replies(server(make_reward(), recipe="lenient"), verify(GOOD))
    assert reply["accuracy"] == 1.0
    (reply,) = replies(server(make_reward(recipe="lenient")), verify(GOOD))
    assert reply["accuracy"] == 1.0


def test_a_mistake_in_a_row_is_no_reward() -> None:
    from fastapi import HTTPException

    with pytest.raises(HTTPException) as caught:
        replies(server(make_reward()), verify(GOOD | {"task": "sudoku"}))
    assert caught.value.status_code == 422
    assert "unknown task" in caught.value.detail


def test_a_judge_that_fails_is_a_failure_of_the_judge() -> None:
    error = importlib.import_module("nemo_gym.judge").JudgeError
    with pytest.raises(error, match="judge_failed"):
        replies(server(make_reward(judge=DownJudge())), verify(OPEN_ENDED))


def test_the_lines_of_the_page_make_a_server() -> None:
    given: dict[str, Any] = {"__name__": "app"}
    exec(block("nemo-gym", "py"), given)
    (reply,) = replies(server(given["OneThinkerResourcesServer"]), verify(GOOD))
    assert reply["reward"] == 0.0
    assert "nemo-gym==0.7.0" in versions("nemo-gym")


@contextmanager
def over_http(made: Any) -> Generator[str]:
    import uvicorn

    running = uvicorn.Server(uvicorn.Config(made.setup_webserver(), port=0, log_config=None))
    thread = threading.Thread(target=running.run)
    thread.start()
    wait_for(lambda: running.started or not thread.is_alive())
    try:
        yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join()


def post(url: str, body: object) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@needs_gym
def test_nemo_gym_serves_it_over_http() -> None:
    with over_http(server(make_reward(judge=DownJudge()))) as url:
        status, reply = post(f"{url}/verify", verify(GOOD | {"reference": "7 cm", "task": "ocr"}, thinking="I read."))
        assert (status, reply["reward"], reply["mask_sample"]) == (200, 1.0, False)
        status, reply = post(f"{url}/verify", verify(OPEN_ENDED))
        assert (status, reply["mask_sample"], reply["failure_kind"]) == (200, True, "judge_failed")
        assert post(f"{url}/verify", verify(GOOD | {"reference": "one"}))[0] == 422


@needs_gym
def test_our_own_server_replies_what_nemo_gym_reads() -> None:
    from nemo_gym.base_resources_server import (
        BaseMultiRewardVerifyResponse,
        BaseSeedSessionResponse,
        BaseVerifyResponse,
        ResourcesCloseSessionResponse,
        ResourcesSeedSessionResponse,
        ReverifyMode,
    )
    from nemo_gym.config_types import AggregateMetrics

    from onethinker_rewards.adapters import RowScorer
    from onethinker_rewards.server import create_app

    class Plain:
        def setup_webserver(self) -> Any:
            return create_app(RowScorer(judge=DownJudge()))

    with over_http(Plain()) as url:
        reply = post(f"{url}/verify", verify(GOOD))[1]
        assert BaseMultiRewardVerifyResponse.model_validate(reply).reward == 0.0
        assert BaseVerifyResponse.model_validate(post(f"{url}/verify", verify(OPEN_ENDED))[1]).mask_sample
        metrics = post(f"{url}/aggregate_metrics", {"verify_responses": [reply]})[1]
        assert AggregateMetrics.model_validate(metrics).key_metrics["mean/reward"] == 0.0
        assert BaseSeedSessionResponse.model_validate(post(f"{url}/seed_session", {})[1])
        session = {"resources_session_id": "a", "episode_id": "e"}
        assert ResourcesSeedSessionResponse.model_validate(post(f"{url}/seed_session", session)[1])
        assert ResourcesCloseSessionResponse.model_validate(post(f"{url}/close_session", session)[1])
        with urllib.request.urlopen(f"{url}/reverify_mode") as mode:
            assert ReverifyMode(json.load(mode)) is ReverifyMode.STATELESS
