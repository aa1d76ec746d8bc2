"""A vLLM server with a tiny model on a CPU, for as long as a test needs it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.trainer.run import commands, processes

# Seconds. Starting vLLM takes about a minute on two free cores.
_STARTING = 300


@contextmanager
def serve(model: Path, log: Path, *options: str) -> Iterator[str]:
    """Yield the address of a server that calls the model ``tiny``; it is gone in the end, with all that it started."""
    processes.adopt_orphans()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place = f"--model {model} --served-model-name tiny --port {port} --host 127.0.0.1 --enforce-eager"
    limits = "--max-model-len 2048 --max-num-seqs 8 --max-num-batched-tokens 2048 --dtype bfloat16"
    command = ["-m", "vllm.entrypoints.openai.api_server", *place.split(), *limits.split(), *options]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *command],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **commands.ENVIRONMENT},
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        processes.end_all()
        process.wait()
    assert not processes.descendants()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _STARTING
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise processes.CommandFailedError(f"vLLM does not serve\n{processes.last_words(log)}")
