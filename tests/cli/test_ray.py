"""Ray Data, on a Ray of this machine: the rows, their order and their errors are those of the local engine."""

from __future__ import annotations

import gzip
import importlib
import json
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.outputs import ChunkResult
from onethinker_rewards.cli.samples import RowReader
from onethinker_rewards.cli.score import ScoreJob
from onethinker_rewards.cli.table_reader import Chunk, open_table
from tests.cli.runs import GOOD, good, lines, run
from tests.cli.test_resume import KilledError, killed_at
from tests.cli.test_score import children
from tests.waiting import LONGEST, wait_for_the_end_of

pytestmark = [
    pytest.mark.slow,
    # Ray touches its own deprecated settings, and leaves pipes and files to the garbage collector.
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\."),
    pytest.mark.filterwarnings(r"ignore::FutureWarning:ray\."),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SUM = good(task="math", reference="3", response="<think>1 + 2</think><answer>$2 + 1$</answer>")
ROWS = lines(*[GOOD, "{", SUM, "", good(response="B", options=["a", "b"]), good(task="ocr"), "é" * 50] * 30)


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    """Set an end, whatever Ray does."""

    def late(*_: object) -> None:
        pytest.fail("Ray took too long")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(2 * int(LONGEST))
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_bytes(ROWS)
    return path


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    import ray

    import onethinker_rewards.cli.ray_engine  # noqa: F401 - tells Ray not to report its use

    # Other tests of this process may have left theirs.
    ray.shutdown()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_a_local_ray_gives_what_this_process_gives_and_leaves_nobody_behind(tmp_path: Path, source: Path) -> None:
    expected = run("score", source, "--out", tmp_path / "expected.jsonl")
    code = "import sys; from onethinker_rewards.cli import main; main(sys.argv[1:])"
    command = [
        sys.executable,
        "-c",
        code,
        "score",
        str(source),
        "--engine",
        "ray",
        "--out",
        str(tmp_path / "out.jsonl"),
    ]
    below: set[int] = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        while running.poll() is None:
            below |= children(running.pid)
            time.sleep(0.05)
        said, warned = running.communicate()
    assert (running.returncode, said) == (2, b"")
    # A line in between may say how far a slow run is.
    assert warned.decode().splitlines()[-5:] == expected.stderr.splitlines()[-5:]
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "expected.jsonl").read_bytes()
    assert len(below) > 3
    wait_for_the_end_of(*below)


def test_it_starts_and_ends_a_ray_of_its_own(source: Path) -> None:
    import ray

    ray.shutdown()
    assert run("score", source, "--engine", "ray").stdout_bytes == run("score", source).stdout_bytes
    assert not ray.is_initialized()


def without_progress(said: str) -> list[str]:
    """Return the lines but for those of progress, which a slow run has."""
    return [line for line in said.splitlines() if not line.endswith(" a second")]


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(("form", "out"), [("jsonl", "parquet"), ("parquet", "parquet"), ("parquet", "jsonl")])
def test_parquet_goes_both_ways(tmp_path: Path, source: Path, form: str, out: str) -> None:
    if form == "parquet":
        table = pa.Table.from_pylist([GOOD, SUM, GOOD | {"response": None}, GOOD] * 5)
        source = tmp_path / "in.parquet"
        pq.write_table(table, source, row_group_size=7)
    expected, found = tmp_path / f"expected.{out}", tmp_path / f"out.{out}"
    local = run("score", source, "--out", expected)
    result = run("score", source, "--out", found, "--engine", "ray", "--workers", "1")
    assert without_progress(result.stderr) == without_progress(local.stderr)
    assert result.exit_code == local.exit_code == 2
    if out == "jsonl":
        assert found.read_bytes() == expected.read_bytes()
    else:
        assert pq.read_table(found).equals(pq.read_table(expected))


@pytest.mark.usefixtures("cluster")
def test_either_engine_goes_on_where_the_other_was_killed(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    # Several chunks, of which some are written when it is killed.
    source.write_bytes(ROWS * 24)
    whole, out = run("score", source), tmp_path / "out.jsonl"
    for first, second in (["--engine", "ray"], []), ([], ["--engine", "ray"]):
        with monkeypatch.context() as patch:
            killed_at(patch, 7)
            with pytest.raises(KilledError):
                run("score", source, "--out", out, *first)
        resumed = run("score", source, "--out", out, "--resume", *second)
        assert out.read_bytes() == whole.stdout_bytes
        assert resumed.stderr.splitlines()[-4:] == whole.stderr.splitlines()[-4:]
    assert ray.is_initialized()


@pytest.mark.usefixtures("cluster")
def test_an_empty_file_is_fine(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").touch()
    result = run("score", tmp_path / "in.jsonl", "--engine", "ray")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "0 rows scored, recipe paper\n")


def _fails(chunk: Chunk) -> ChunkResult:
    raise ZeroDivisionError("a bug")


@pytest.mark.usefixtures("cluster")
def test_what_fails_over_there_is_one_line_here(source: Path) -> None:
    from onethinker_rewards.cli.ray_engine import ray_engine

    with (
        open_table(str(source)) as table,
        closing(ray_engine(_fails, None, ())(table, 0)) as results,
        pytest.raises(CliError) as raised,
    ):
        next(results)
    assert raised.value.message == "Ray: ZeroDivisionError: a bug; its logs say more"


def test_standard_input_is_refused() -> None:
    result = run("score", "-", "--engine", "ray", stdin=lines(GOOD))
    said = "Error: <stdin>: Ray reads files only, at a path that all machines share\n"
    assert (result.exit_code, result.stderr) == (2, said)


def test_what_is_sent_there_can_be_done_here(source: Path) -> None:
    from onethinker_rewards.cli.ray_engine import process_chunks, read_chunks

    sent = list(read_chunks(None, str(source), 5, ()))
    results = [row for one in sent for row in process_chunks(one, ScoreJob("paper", RowReader()))]
    blobs = [line for row in results for blob in row["result"] for line in pickle.loads(blob).parts["rows"]]
    assert b"".join(blobs) == b"".join(run("score", source).stdout_bytes.splitlines(keepends=True)[5:])


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("name", ["in.json", "in.csv", "in.jsonl.gz"])
def test_any_format_is_read_there(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    contents = {
        "in.json": json.dumps([GOOD] * 3).encode(),
        "in.csv": b"response,reference,task\n,B,multiple_choice\n",
        "in.jsonl.gz": gzip.compress(lines(GOOD, "{")),
    }
    path.write_bytes(contents[name])
    assert run("score", path, "--engine", "ray").stdout_bytes == run("score", path).stdout_bytes


@pytest.mark.usefixtures("cluster")
def test_what_cannot_be_read_there_is_one_line(tmp_path: Path) -> None:
    packed = gzip.compress(random.Random(0).randbytes(200_000).hex().encode())
    path = tmp_path / "in.jsonl"
    path.write_bytes(packed[: len(packed) * 3 // 4])
    result = run("score", path, "--engine", "ray")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {path}: Compressed file ended")


def test_a_module_without_ray_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "onethinker_rewards.cli.ray_engine", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(CliError, match="--engine ray needs Ray"):
        importlib.import_module("onethinker_rewards.cli.ray_engine")


def test_without_ray_one_line_names_the_extra(source: Path) -> None:
    code = "import sys; sys.modules['ray'] = None; from onethinker_rewards.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "score", str(source), "--engine", "ray", "--out", f"{source}.out"]
    done = subprocess.run(command, capture_output=True, timeout=LONGEST, check=False)
    assert done.returncode == 2
    assert done.stderr == b"Error: --engine ray needs Ray: pip install 'onethinker-rewards[ray]'\n"
    assert not Path(f"{source}.out").exists()
