"""Where a run writes: nothing that is not its own is lost, whatever it is called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.runs import GOOD, lines, run
from tests.waiting import LONGEST

COMMAND = [sys.executable, "-m", "onethinker_rewards", "score"]
ROWS = lines(GOOD) * 3


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("resume", [[], ["--resume"]], ids=["anew", "resumed"])
@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("a.parquet.rows", "a.parquet"),
        ("a.parquet.tmp", "a.parquet"),
        ("a.parquet.progress", "a.parquet"),
        ("b.jsonl.progress", "b.jsonl"),
        ("b.jsonl.progress.tmp", "b.jsonl"),
    ],
)
def test_an_input_that_is_called_like_a_file_of_ours_is_kept(
    tmp_path: Path, source: str, out: str, resume: list[str]
) -> None:
    (tmp_path / source).write_bytes(ROWS)
    result = run("score", tmp_path / source, "--out", tmp_path / out, *resume)
    said = f"Error: {tmp_path / source}: is the input, and would be lost; write to another file than {tmp_path / out}\n"
    assert (result.exit_code, result.stderr) == (2, said)
    assert files(tmp_path) == {source: ROWS}


@pytest.mark.parametrize("content", [ROWS, b"x", b"{}"])
@pytest.mark.parametrize("stdin", [None, ROWS], ids=["file", "stream"])
@pytest.mark.parametrize("side", ["rows", "tmp", "progress", "progress.tmp"])
def test_a_file_of_someone_else_is_not_overwritten(
    tmp_path: Path, side: str, stdin: bytes | None, content: bytes
) -> None:
    (tmp_path / "in.jsonl").write_bytes(ROWS)
    other = tmp_path / f"out.parquet.{side}"
    other.write_bytes(content)
    result = run("score", "-" if stdin else tmp_path / "in.jsonl", "--out", tmp_path / "out.parquet", stdin=stdin)
    assert other.read_bytes() == content
    if stdin and side != "tmp":
        # Nothing of that name is needed.
        assert result.exit_code == 0
        return
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert result.stderr.startswith(f"Error: {other}: is no")
    assert result.stderr.endswith("and would be lost; remove it, or write to another file\n")
    assert files(tmp_path).keys() == {"in.jsonl", other.name}


def test_a_run_that_cannot_be_taken_up_leaves_no_journal_of_another(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl.progress").write_bytes(b'{"input": {"size": 1')
    assert run("score", "-", "--out", tmp_path / "out.jsonl", stdin=ROWS).exit_code == 0
    assert files(tmp_path).keys() == {"out.jsonl"}


def test_a_finished_table_is_not_resumed_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(ROWS)
    run("score", tmp_path / "in.jsonl", "--out", tmp_path / "out.parquet")
    before = files(tmp_path)
    result = run("score", tmp_path / "in.jsonl", "--out", tmp_path / "out.parquet", "--resume")
    assert (result.exit_code, "has rows and no journal" in result.stderr) == (2, True)
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl"])
@pytest.mark.parametrize("there", [True, False], ids=["there", "dangling"])
def test_a_link_is_followed(tmp_path: Path, name: str, there: bool) -> None:
    (tmp_path / "in.jsonl").write_bytes(ROWS)
    (tmp_path / "far").mkdir()
    far, near = tmp_path / "far" / name, tmp_path / name
    if there:
        far.write_text("old")
    near.symlink_to(far)
    assert run("score", tmp_path / "in.jsonl", "--out", near).exit_code == 0
    assert near.is_symlink()
    assert run("score", near).exit_code == 0
    assert {path.name for path in (tmp_path / "far").iterdir()} == {name}


def test_a_table_that_cannot_be_written_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "ParquetWriter", full)
    result = run("score", "-", "--out", tmp_path / "out.parquet", stdin=ROWS)
    assert (result.exit_code, result.stderr) == (2, f"Error: {tmp_path}/out.parquet: No space left on device\n")
    assert files(tmp_path) == {}


def test_no_room_for_rows_is_one_line(tmp_path: Path) -> None:
    result = run("score", "-", "--out", tmp_path / "none" / "out.parquet", stdin=ROWS)
    said = f"Error: {tmp_path}/none/out.parquet: No such file or directory\n"
    assert (result.exit_code, result.stderr) == (2, said)


@pytest.mark.skipif(os.name != "posix", reason="needs names of open files")
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_other_names_of_standard_output_add_to_it(tmp_path: Path, name: str) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"before\n")
    with log.open("ab") as target:
        done = subprocess.run(
            [*COMMAND, "-", "--out", name],
            input=ROWS,
            stdout=target,
            stderr=subprocess.PIPE,
            timeout=LONGEST,
            check=False,
        )
    assert done.returncode == 0
    assert log.read_bytes().startswith(b"before\n{")
    assert {path.name for path in tmp_path.iterdir()} == {"log"}


@pytest.mark.parametrize(
    ("name", "pack"), [("o.jsonl.gz", "gzip"), ("o.parquet.GZ", "gzip"), ("o.jsonl.zst", "zstd"), ("o.xz", "xz")]
)
def test_a_name_that_promises_compression_is_refused(tmp_path: Path, name: str, pack: str) -> None:
    result = run("score", "-", "--out", tmp_path / name, stdin=ROWS)
    said = (
        f"{tmp_path / name}: cannot be written compressed; pack it on the way: onethinker-rewards score … | {pack} > "
    )
    assert (result.exit_code, result.stderr) == (2, f"Error: {said}{tmp_path / name}\n")
    assert files(tmp_path) == {}
