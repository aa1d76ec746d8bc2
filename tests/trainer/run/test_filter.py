"""The command filter against vLLM with a tiny Qwen3-VL on a CPU: images and frames, killed and resumed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.trainer.filter import THRESHOLDS
from tests.adapters.rows import framework
from tests.rewards.cases import REFERENCES
from tests.trainer.examples import OF_VIDEOS, draw, example_row, write_array
from tests.trainer.run import dataset

framework("vllm", "httpx2", "transformers", target="test-trainer")
pytestmark = [pytest.mark.filterwarnings("ignore::Warning"), pytest.mark.slow]

# Seconds. The rows take about a minute on two free cores.
LONGEST = 300
ROWS = 24
SAMPLES = 8
AT_ONCE = 4


class Between(ThreadingHTTPServer):
    """Stands before vLLM and hands everything on, so that a test sees what was asked and what was answered.

    Attributes:
        asked: Numbers of the rows asked about, in the order in which they came.
        answered: Of those that vLLM answered, with status 200.
        statuses: Of all replies.
    """

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = behind
        self.asked: list[int] = []
        self.answered: list[int] = []
        self.statuses: Counter[int] = Counter()
        self.texts: list[str] = []
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: who asked was killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Between

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        number = _number(json.loads(body))
        with self.server.lock:
            self.server.asked.append(number)
        request = urllib.request.Request(
            self.server.behind + self.path, body, {"Content-Type": self.headers["Content-Type"]}
        )
        try:
            with urllib.request.urlopen(request, timeout=LONGEST) as reply:
                status, said = reply.status, reply.read()
        except urllib.error.HTTPError as error:
            status, said = error.code, error.read()
        with self.server.lock:
            self.server.statuses[status] += 1
            self.server.texts.append(said.decode())
            if status == 200:
                self.server.answered.append(number)
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base
        """Write no log."""


def _number(request: dict[str, Any]) -> int:
    text = "".join(part.get("text", "") for part in request["messages"][0]["content"])
    return int(text.split("Question ")[1].split(" ")[0])


def rows() -> list[dict[str, Any]]:
    """Return rows of all tasks, numbered through; videos are folders of frames."""
    tasks = list(dataset.WRONG)
    frames = {"videos": ["frames"]}
    return [
        example_row(task, problem=f"Question {number} about it.", **(frames if task in OF_VIDEOS else {}))
        for number, task in enumerate(tasks * (ROWS // len(tasks)))
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows, pictures, and a model that has never learned anything."""
    from tests.trainer.run import tiny_model

    made = tmp_path_factory.mktemp("filter")
    draw(made)
    write_array(made / "in.json", rows())
    tiny_model.save_model(made / "model", [row["problem"] for row in rows()], dataset.words())
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Between]:
    """vLLM behind something that counts; gone in the end, with all that it started."""
    from tests.trainer.run.serving import serve

    local = ["--allowed-local-media-path", str(folder), "--trust-request-mm-kwargs"]
    with serve(folder / "model", folder / "vllm.log", *local) as url, between(url) as made:
        yield made


@contextmanager
def between(behind: str) -> Iterator[Between]:
    with Between(behind) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def command(folder: Path, server: Between, *more: str, source: str = "in.json", out: str = "kept.jsonl") -> list[str]:
    """Return the arguments of Python: answers are drawn from right and wrong ones, so the model needs no schooling."""
    from tests.rewards.cases import wrap

    answers = [wrap(one, dataset.THINK) for task in dataset.WRONG for one in (REFERENCES[task], dataset.WRONG[task])]
    options = {
        "--out": folder / out,
        "--endpoint": f"http://127.0.0.1:{server.server_address[1]}/v1",
        "--model": "tiny",
        "--samples": SAMPLES,
        "--max-tokens": 300,
        "--concurrency": AT_ONCE,
        "--timeout": LONGEST,
        "--body": json.dumps({"structured_outputs": {"choice": answers}}),
    }
    named = [str(one) for pair in options.items() for one in pair]
    return ["-m", "onethinker_rewards", "filter", str(folder / source), *named, *more]


def decoded(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def kept_rows(spool: Path) -> set[int]:
    """Return the rows, counted from 0, whose answers a spool has: those that are done, and answers that came early."""
    whole, begin, done = spool.read_bytes(), 0, 0
    early: set[int] = set()
    while (end := whole.find(b"\n", begin)) >= 0:
        frame = json.loads(whole[begin:end])
        begin = end + 1 + sum(frame["lengths"].values())
        done += frame["summary"]["rows"]
        early |= {int(row) - 1 for row in frame.get("answers", {})}
    return early | set(range(done))


@pytest.fixture(scope="module")
def killed(folder: Path, server: Between) -> set[int]:
    """Kill the command once it has a third of its answers, resume it to its end; return the rows noted at the kill."""
    sides = ["--rejected", str(folder / "rejected.jsonl"), "--answers", str(folder / "answers.jsonl"), "--frames"]
    begun = subprocess.Popen([sys.executable, *command(folder, server, *sides)], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + LONGEST
        while len(server.answered) < ROWS // 3:
            assert begun.poll() is None
            assert time.monotonic() < until, server.texts[-1:]
            time.sleep(0.01)
    finally:
        begun.send_signal(signal.SIGKILL)
        begun.wait()
    noted = kept_rows(folder / "kept.jsonl.unfinished")
    before = len(server.asked)
    done = subprocess.run(
        [sys.executable, *command(folder, server, *sides, "--resume")],
        capture_output=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode() + server.texts[-1][:2000]
    assert not noted & set(server.asked[before:])
    return noted


def test_it_was_killed_on_the_way(killed: set[int]) -> None:
    assert 0 < len(killed) < ROWS


def test_nothing_is_asked_twice_but_what_was_under_way(server: Between, killed: set[int]) -> None:
    asked = Counter(server.asked)
    assert set(asked) == set(range(ROWS))
    assert len(server.asked) <= ROWS + AT_ONCE
    assert all(asked[number] == 1 for number in killed)
    assert set(server.statuses) == {200}


def test_every_row_is_there_once_with_all_of_its_answers(folder: Path, killed: set[int]) -> None:
    answers = decoded(folder / "answers.jsonl")
    assert [row["problem"] for row in answers] == [row["problem"] for row in rows()]
    assert {len(row["responses"]) for row in answers} == {SAMPLES}
    kept = [row["row"] for row in decoded(folder / "kept.jsonl")]
    rejected = [row["row"] for row in decoded(folder / "rejected.jsonl")]
    assert sorted(kept + rejected) == list(range(1, ROWS + 1))
    assert (folder / "kept.bad.jsonl").read_bytes() == b""


def test_what_is_kept_is_right(folder: Path, killed: set[int]) -> None:
    kept = decoded(folder / "kept.jsonl")
    assert kept
    for row in kept:
        (score,) = otr.score([row["response"]], [row["answer"]], row["task"]).to_rows()
        assert (score["normalized"], score["format"]) == (row["normalized"], 1.0)
        assert score["normalized"] >= THRESHOLDS[row["task"]].least


def test_it_is_ready_to_be_prepared(folder: Path, killed: set[int]) -> None:
    from tests.cli.runs import run

    ready = folder / "sft.parquet"
    done = run(
        "prepare", folder / "kept.jsonl", "--out", ready, "--stage", "sft", "--frames", "--check-media", "readable"
    )
    assert done.exit_code == 0, done.stderr


def test_nothing_is_left_behind(folder: Path, killed: set[int]) -> None:
    assert not [path.name for path in folder.iterdir() if path.suffix in (".unfinished", ".tmp")]


@pytest.mark.parametrize("carrier", ["data", "file"])
def test_a_video_is_read(folder: Path, server: Between, killed: set[int], carrier: str) -> None:
    write_array(folder / "video.json", [example_row("tracking", problem="Question 99 about it.")])
    options = ["--media", carrier, "--threshold", "tracking=0"]
    done = subprocess.run(
        [sys.executable, *command(folder, server, *options, source="video.json", out="video.jsonl")],
        capture_output=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode() + server.texts[-1][:2000]
    assert server.answered[-1] == 99


def test_what_it_refuses_is_said(folder: Path, server: Between, killed: set[int]) -> None:
    """A prompt longer than the model's context is a bad row, and its reason is vLLM's own."""
    write_array(folder / "long.json", [example_row("ocr", problem="Question 100 about it. " + "word " * 5000)])
    done = subprocess.run(
        [sys.executable, *command(folder, server, source="long.json", out="long.jsonl")],
        capture_output=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 2
    (bad,) = decoded(folder / "long.bad.jsonl")
    assert bad["fault"] == "endpoint"
    assert bad["error"].startswith("400 ")
    assert "2048" in bad["error"]
    assert server.asked.count(100) == 1
