"""What may be wrong with a model's name."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from huggingface_hub import constants

from onethinker_rewards.trainer.config import read_config
from onethinker_rewards.trainer.preflight import hub_faults

UNKNOWN = "not a folder, not in the cache here, and Hugging Face cannot be asked for it: "
ANSWERS = {
    "some/model": (200, {}, b'{"id": "some/model"}'),
    "nobody/nothing": (404, {"X-Error-Code": "RepoNotFound"}, b"{}"),
    "not/yours": (401, {"X-Error-Code": "RepoNotFound"}, b"{}"),
    "behind/terms": (403, {"X-Error-Code": "GatedRepo"}, b"{}"),
    "out/of-order": (502, {}, b"{}"),
}


class Hub(BaseHTTPRequestHandler):
    """As much of Hugging Face as the check asks for."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        _, is_model, name = self.path.partition("/api/models/")
        # Some versions of the client also ask for things of their own.
        status, headers, body = ANSWERS[name] if is_model else (404, {}, b"{}")
        if is_model:
            self.asked.append(name)
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """Stand in for Hugging Face, with an empty cache, and list what it is asked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Hub, "asked", [])
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with HTTPServer(("127.0.0.1", 0), Hub) as server:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield Hub.asked
        server.shutdown()
        thread.join()


def faults(name: str, config: str = "h800-4x8") -> list[str]:
    key = "model.path" if config.startswith("sft") else "actor_rollout_ref.model.path"
    run = read_config(config, [f"{key}={name}"])
    return [fault.removeprefix(f"{key}: ") for fault in hub_faults(run.options, run.verl)]


@pytest.mark.parametrize("config", ["h800-4x8", "sft-h800-4x8"])
def test_a_model_that_is_there(asked: list[str], config: str) -> None:
    assert faults("some/model", config) == []
    assert asked == ["some/model"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobody/nothing", "not a folder, and not on Hugging Face, or not for you: a folder starts with / or . or ~"),
        ("not/yours", "not a folder, and not on Hugging Face, or not for you: a folder starts with / or . or ~"),
        ("behind/terms", "Hugging Face wants you to accept its terms and to log in first"),
        ("a/b/c", f"{UNKNOWN}Repo id must be in the form 'repo_name' or 'namespace/repo_name': 'a/b/c'."),
    ],
)
def test_a_name_that_cannot_be_had(asked: list[str], name: str, said: str) -> None:
    (found,) = faults(name)
    assert found.startswith(f"{name}: {said}")


def test_an_answer_that_is_none(asked: list[str]) -> None:
    (said,) = faults("out/of-order")
    assert said.startswith(f"out/of-order: {UNKNOWN}")
    assert "502" in said
    assert "\n" not in said


def test_a_machine_without_a_network_says_so_at_once(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def resolve(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(constants, "ENDPOINT", "http://no.such.host.invalid")
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(time, "sleep", waited.append)
    (said,) = faults("some/model")
    assert "cannot be asked for it: " in said
    assert sum(waited) < 30
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    (said,) = faults("some/model")
    assert "HF_HUB_OFFLINE" in said


def test_what_is_in_the_cache_needs_no_network(asked: list[str], tmp_path: Path) -> None:
    commit = "0" * 40
    folder = tmp_path / "cache" / "models--nobody--nothing"
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "snapshots" / commit / "config.json").write_text("{}")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)
    assert faults("nobody/nothing") == []
    assert asked == []


@pytest.mark.parametrize("name", ["./nobody/nothing", "/nobody/nothing", "~/nothing", "hdfs://nobody/nothing"])
def test_what_is_no_name_needs_no_network(asked: list[str], name: str) -> None:
    assert faults(name) == []
    assert asked == []


def test_a_folder_that_looks_like_a_name(asked: list[str], tmp_path: Path) -> None:
    (tmp_path / "nobody" / "nothing").mkdir(parents=True)
    assert faults("nobody/nothing") == ["nobody/nothing: a folder starts with / or . or ~: write ./nobody/nothing"]
    assert asked == []
