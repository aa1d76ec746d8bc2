"""An application over real HTTP: uvicorn in a thread, on a port that is free."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2
import uvicorn

from onethinker_rewards.adapters import RowScorer
from onethinker_rewards.server import ServerSettings, bind, create_app
from tests.waiting import wait_for

TOKEN = "a-token-of-some-length"
GOOD = {"task": "numerical", "response": "<think>Seven.</think><answer>7</answer>", "reference": "7.0"}
OPEN_ENDED = {"task": "open_ended", "response": "<answer>A cat.</answer>", "reference": "A cat.", "question": "What?"}


@contextmanager
def running(scorer: RowScorer | None = None, **settings: Any) -> Generator[str]:
    """Serve in a thread; give the address."""
    config = uvicorn.Config(
        create_app(scorer, ServerSettings(**settings)), log_config=None, access_log=False, timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    listener = bind("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    wait_for(lambda: server.started or not thread.is_alive())
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def post(url: str, body: object, **options: Any) -> httpx2.Response:
    return httpx2.post(url, json=body, timeout=60, **options)


def label(row: Mapping[str, Any]) -> str:
    """Return the columns of a row as the text that OpenRLHF and slime carry."""
    return json.dumps({name: value for name, value in row.items() if name != "response"})


def openrlhf(rows: Sequence[Mapping[str, Any]], prompt: str = "<|user|>How many?<|assistant|>") -> dict[str, Any]:
    """Return what OpenRLHF posts."""
    return {
        "query": [prompt + row["response"] for row in rows],
        "prompts": [prompt] * len(rows),
        "labels": [label(row) for row in rows],
    }


def slime(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what slime and miles post."""
    return {"prompt": "How many?", "response": row["response"], "label": label(row)}
