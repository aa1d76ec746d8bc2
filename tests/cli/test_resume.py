"""A run that is killed at any moment and taken up again gives what an uninterrupted one gives."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from onethinker_rewards.cli import outputs, table_reader
from tests.cli.runs import good, lines, run
from tests.waiting import LONGEST, wait_for

FORMS = pytest.mark.parametrize("name", ["out.jsonl", "out.parquet", "out.csv"])


class KilledError(BaseException):
    """The end of the process, as far as a test can have it without one."""


def rows(number: int) -> bytes:
    """Return rows of which some are broken, some fail, and lengths differ."""
    kinds = [good(), "{", good(response="B", note="x" * 50), good(options=["dog", "cat"]), "", good(task="ocr")]
    return lines(*[kinds[row % len(kinds)] for row in range(number)])


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An input that goes through in three chunks."""
    monkeypatch.setattr(table_reader, "CHUNK_ROWS", 6)
    path = tmp_path / "in.jsonl"
    path.write_bytes(rows(20))
    return path


def killed_at(patch: pytest.MonkeyPatch, moment: int) -> None:
    """Let a run end at the moment-th of all it does to the disk: before, in the middle of, or after it."""
    moments = count()
    write, replace = outputs.write_all, Path.replace

    def writing(file: Any, name: str, blob: bytes) -> None:
        if threading.current_thread() is not threading.main_thread():
            # An answer that comes in; its thread cannot end the process.
            write(file, name, blob)
            return
        if next(moments) == moment:
            raise KilledError
        if next(moments) == moment:
            file.write(blob[: len(blob) // 2])
            raise KilledError
        write(file, name, blob)
        if next(moments) == moment:
            raise KilledError

    def replacing(path: Path, target: Any) -> None:
        if next(moments) == moment:
            raise KilledError
        replace(path, target)
        if next(moments) == moment:
            raise KilledError

    patch.setattr(outputs, "write_all", writing)
    patch.setattr(Path, "replace", replacing)


@FORMS
def test_whenever_it_is_killed_nothing_is_lost_or_repeated(source: Path, name: str) -> None:
    expected = source.parent / "expected" / name
    expected.parent.mkdir()
    whole = run("score", source, "--out", expected)
    for moment in count():
        folder = source.parent / str(moment)
        folder.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            killed_at(patch, moment)
            try:
                run("score", source, "--out", folder / name)
                break
            except KilledError:
                pass
        resumed = run("score", source, "--out", folder / name, "--resume")
        assert (folder / name).read_bytes() == expected.read_bytes()
        assert {path.name for path in folder.iterdir()} == {name}
        # The summary is over the rows of both runs.
        assert resumed.stderr.splitlines()[-4:] == whole.stderr.splitlines()[-4:]
        assert resumed.exit_code == whole.exit_code == 2
    assert moment >= 9


@FORMS
def test_it_may_be_killed_again_and_again(source: Path, name: str) -> None:
    expected, out = source.parent / f"expected-{name}", source.parent / name
    run("score", source, "--out", expected)
    for moment in (4, 1, 4, 0):
        with pytest.MonkeyPatch.context() as patch:
            killed_at(patch, moment)
            with pytest.raises(KilledError):
                run("score", source, "--out", out, "--resume")
    run("score", source, "--out", out, "--resume")
    assert out.read_bytes() == expected.read_bytes()


@pytest.mark.parametrize("kept", [0, 1, 5, 15])
def test_as_many_rows_are_skipped_as_the_output_has_and_a_torn_line_is_dropped(source: Path, kept: int) -> None:
    whole = run("score", source).stdout.splitlines(keepends=True)
    out = source.parent / "out.jsonl"
    out.write_text("".join(whole[:kept]) + '{"response": "<thi')
    run("score", source, "--out", out, "--resume")
    assert out.read_text() == "".join(whole)


def test_a_run_that_is_finished_stays_as_it_is(source: Path) -> None:
    out = source.parent / "out.jsonl"
    first = run("score", source, "--out", out)
    written = out.read_bytes()
    again = run("score", source, "--out", out, "--resume")
    assert out.read_bytes() == written
    assert again.stderr.splitlines()[-4:] == first.stderr.splitlines()[-4:]


def test_without_resume_a_run_starts_anew(source: Path) -> None:
    out = source.parent / "out.jsonl"
    out.write_text("old\n")
    run("score", source, "--out", out)
    assert out.read_text() == run("score", source).stdout


def test_what_cannot_be_gone_on_with_is_one_line(source: Path) -> None:
    out = source.parent / "out.jsonl"
    out.write_text("a text\n")
    result = run("score", source, "--out", out, "--resume")
    assert result.stderr.startswith(f"Error: {out}: line 1: not JSON")
    assert result.exit_code == 2
    assert out.read_text() == "a text\n"
    assert run("score", source, "--resume").stderr == "Error: --resume needs an --out that is a file\n"


def test_an_unfinished_table_is_not_lost_without_a_word(source: Path) -> None:
    out = source.parent / "out.parquet"
    with pytest.MonkeyPatch.context() as patch:
        killed_at(patch, 5)
        with pytest.raises(KilledError):
            run("score", source, "--out", out)
    again = run("score", source, "--out", out)
    assert again.stderr == (
        f"Error: {out}.unfinished: has rows of a run that was not finished; add --resume, or remove the file\n"
    )
    other = run("score", source, "--out", out, "--recipe", "release", "--resume")
    assert "is of a run with other options" in other.stderr
    assert run("score", source, "--out", out, "--resume").exit_code == 2
    assert out.exists()


@FORMS
def test_the_input_is_never_overwritten(source: Path, name: str) -> None:
    link = source.parent / name
    link.symlink_to(source)
    result = run("score", source, "--out", link)
    assert (result.exit_code, result.stderr) == (2, f"Error: {link}: is the input too; write to another file\n")
    assert source.read_bytes() == rows(20)


def test_a_link_is_followed(source: Path) -> None:
    target, link = source.parent / "there.parquet", source.parent / "out.parquet"
    link.symlink_to(target)
    run("score", source, "--out", link)
    assert link.is_symlink()
    assert target.is_file()


@pytest.mark.parametrize("name", ["out.gz", "out.jsonl.zst", "out.XZ"])
def test_a_name_that_asks_for_compression_is_refused(source: Path, name: str) -> None:
    result = run("score", source, "--out", source.parent / name)
    assert result.exit_code == 2
    assert "cannot be written compressed; pack it on the way: … | " in result.stderr


# Chunks are small, and each takes a moment, so that a run does not end before it is killed.
PROGRAM = """
import sys, time
from onethinker_rewards.cli import main, outputs, table_reader
table_reader.CHUNK_ROWS = 64
write = outputs.write_all
def slow(*arguments):
    time.sleep(0.02)
    write(*arguments)
outputs.write_all = slow
if __name__ == "__main__":
    main(sys.argv[1:])
"""


@pytest.mark.parametrize(("name", "workers"), [("out.jsonl", 2), ("out.parquet", 1)])
def test_a_killed_process_can_be_resumed(tmp_path: Path, name: str, workers: int) -> None:
    source, target, expected = tmp_path / "in.jsonl", tmp_path / name, tmp_path / f"expected-{name}"
    source.write_bytes(rows(12_000))
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), "score", str(source), "--workers", str(workers), "--resume", "--out"]
    rng = random.Random(workers)
    growing = tmp_path / (name if name.endswith("jsonl") else f"{name}.unfinished")
    for part in (1, 2):
        with subprocess.Popen([*command, str(target)], stderr=subprocess.DEVNULL) as running:
            enough = part * rng.randrange(100_000, 200_000)
            wait_for(lambda enough=enough: growing.exists() and growing.stat().st_size >= enough)
            running.send_signal(signal.SIGKILL)
        assert running.returncode == -signal.SIGKILL
    subprocess.run([*command, str(target)], check=False, stderr=subprocess.DEVNULL, timeout=LONGEST)
    run("score", source, "--out", expected)
    if name.endswith("jsonl"):
        assert target.read_bytes() == expected.read_bytes()
    else:
        import pyarrow.parquet as pq

        assert pq.read_table(target).equals(pq.read_table(expected))
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "program.py", name, f"expected-{name}"}


@pytest.mark.parametrize("line", ['{"response": "x"}', '{"task": ["x"]}', '{"task": "x", "total": "high"}'])
def test_an_output_of_something_else_is_not_gone_on_with(source: Path, line: str) -> None:
    out = source.with_name("out.jsonl")
    out.write_text(f"{line}\n")
    result = run("score", source, "--out", out, "--resume")
    assert result.exit_code == 2
    assert "line 1: it has no rewards of this command" in result.stderr
    assert out.read_text() == f"{line}\n"


@pytest.mark.parametrize("content", [b"\x05" + b"\0" * 15 + b"hello", b"of another version"])
def test_an_unfinished_file_of_something_else_is_kept(source: Path, content: bytes) -> None:
    out = source.with_name("out.parquet")
    unfinished = source.with_name("out.parquet.unfinished")
    unfinished.write_bytes(content)
    result = run("score", source, "--out", out, "--resume")
    assert result.exit_code == 2
    assert "is not of a run of this version" in result.stderr
    assert unfinished.read_bytes() == content


def test_a_device_is_written_to_and_not_replaced(source: Path) -> None:
    pipe = source.with_name("out.csv")
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        result = run("score", source, "--out", pipe)
        written, _ = reader.communicate(timeout=LONGEST)
    assert result.exit_code == 2  # for rows that are broken
    assert written.startswith(b"response,")
    assert pipe.is_fifo()
