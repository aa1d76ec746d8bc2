"""The command ``serve``: what it refuses to start with. How it serves and ends is in tests/server."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from tests.cli.runs import run

TOKEN = "a-token-of-some-length"


def said(*options: str | Path) -> str:
    """Return the last line of what a refusal says."""
    done = run("serve", *options)
    assert done.exit_code == 2
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org"])
def test_another_address_needs_a_token(host: str) -> None:
    assert said("--host", host) == f"Error: --host {host} can be reached from other machines: give a --token-file too."


@pytest.mark.parametrize("content", ["short", f"{TOKEN}\nwith/slash/of/some/length", "ünïcödé-of-some-length"])
def test_tokens_that_no_path_can_carry(tmp_path: Path, content: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(content)
    number = content.count("\n") + 1
    assert said("--token-file", file) == (
        f"Error: {file}: token {number} is not of 16 or more letters, digits and . _ ~ -"
    )
    assert content.rsplit(maxsplit=1)[-1] not in said("--token-file", file)


def test_a_file_without_a_token(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("\n \n")
    assert said("--token-file", file) == f"Error: {file}: no token"
    file.write_bytes(b"\xff")
    assert said("--token-file", file).startswith(f"Error: {file}: ")


def test_an_address_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert said("--port", str(port)).startswith(f"Error: cannot listen on 127.0.0.1, port {port}: ")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--recipe", "papre"], "--recipe papre: there are paper"),
        (["--dialect", "klingon"], "klingon"),
        (["--table", "nowhere:TABLE"], "nowhere"),
        (["--workers", "0"], "0 is not in the range x>=1"),
        (["--deadline", "0"], "0.0 is not in the range x>0"),
    ],
)
def test_what_it_cannot_start_with(options: list[str], reason: str) -> None:
    assert reason in said(*options)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert said() == "Error: serve needs uvicorn: pip install 'onethinker-rewards[serve]'"
