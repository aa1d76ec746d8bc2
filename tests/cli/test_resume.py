"""A run that is killed at any moment and taken up again gives what an uninterrupted one gives."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from onethinker_rewards.cli import journal, output
from onethinker_rewards.cli import lines as lines_module
from onethinker_rewards.cli.files import write_bytes
from tests.cli.runs import good, lines, run
from tests.waiting import LONGEST, wait_for

FORMS = pytest.mark.parametrize("out", ["out.jsonl", "out.parquet"])


class Killed(BaseException):
    """The end of the process, as far as it can be had without one."""


def rows(number: int) -> bytes:
    """Return rows of which some are broken, some fail, and lengths differ."""
    kinds = [good(), "{", good(response="B", note="x" * 50), good(options=["dog", "cat"]), "", good(task="ocr")]
    return lines(*[kinds[row % len(kinds)] for row in range(number)])


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An input that goes through in three works, with a note after each of them."""
    monkeypatch.setattr(lines_module, "CHUNK_ROWS", 7)
    monkeypatch.setattr(journal, "KEEP_EVERY", 0.0)
    source = tmp_path / "in.jsonl"
    source.write_bytes(rows(20))
    return source


def killed_at(monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    """Let a run end at the moment-th of all it does to the disk: before, in the middle of, or after it."""
    moments = count()

    def around(act: Callable[..., Any]) -> Callable[..., Any]:
        def acted(*args: Any, **kwargs: Any) -> Any:
            if next(moments) == moment:
                raise Killed
            result = act(*args, **kwargs)
            if next(moments) == moment:
                raise Killed
            return result

        return acted

    def torn(target: Any, name: str, blob: bytes) -> None:
        if next(moments) == moment:
            write_bytes(target, name, blob[: len(blob) // 2])
            raise Killed
        write_bytes(target, name, blob)

    monkeypatch.setattr(output, "write_bytes", around(torn))
    for name in ("replace", "unlink"):
        monkeypatch.setattr(Path, name, around(getattr(Path, name)))
    monkeypatch.setattr(os, "fsync", around(os.fsync))


@FORMS
def test_whenever_it_is_killed_nothing_is_lost_or_repeated(small: Path, out: str) -> None:
    expected = small.parent / "expected" / out
    expected.parent.mkdir()
    whole = run("score", small, "--out", expected)
    assert files(expected.parent).keys() == {out}
    for moment in count():
        folder = small.parent / str(moment)
        folder.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            killed_at(patch, moment)
            try:
                run("score", small, "--out", folder / out)
                break
            except Killed:
                pass
        resumed = run("score", small, "--out", folder / out, "--resume")
        if "has rows and no journal" in resumed.stderr:
            # It was killed after its end.
            assert not (folder / f"{out}.progress").exists()
        else:
            assert resumed.stderr.splitlines()[-4:] == whole.stderr.splitlines()[-4:]
            assert resumed.exit_code == whole.exit_code == 2
            assert not (folder / f"{out}.progress").exists()
        assert (folder / out).read_bytes() == expected.read_bytes()
    assert moment > 25


def test_it_may_be_killed_again_and_again(small: Path) -> None:
    expected, out = small.parent / "expected.jsonl", small.parent / "out.jsonl"
    whole = run("score", small, "--out", expected)
    # After a work; in the middle of a row; before it is on the disk; before the note is; after a work.
    for moment in (14, 5, 8, 10, 14):
        with pytest.MonkeyPatch.context() as patch:
            killed_at(patch, moment)
            with pytest.raises(Killed):
                run("score", small, "--out", out, "--resume")
    resumed = run("score", small, "--out", out, "--resume")
    assert out.read_bytes() == expected.read_bytes()
    assert resumed.stderr.splitlines()[-4:] == whole.stderr.splitlines()[-4:]


def test_a_run_without_resume_starts_anew(small: Path) -> None:
    out = small.parent / "out.jsonl"
    begun(small, out)
    assert run("score", small, "--out", out).exit_code == 2
    assert out.read_bytes() == run("score", small).stdout_bytes
    assert not out.with_name("out.jsonl.progress").exists()


def begun(source: Path, out: Path) -> None:
    """Leave behind what a run that was killed after its first work leaves."""
    with pytest.MonkeyPatch.context() as patch:
        killed_at(patch, 14)
        with pytest.raises(Killed):
            run("score", source, "--out", out)
    assert out.stat().st_size
    assert json.loads(out.with_name(f"{out.name}.progress").read_bytes())["progress"]["rows"] > 0


def grow(source: Path, out: Path) -> None:
    with source.open("ab") as file:
        file.write(b"{}\n")


def touch(source: Path, out: Path) -> None:
    os.utime(source, ns=(0, 0))


def rewrite(source: Path, out: Path) -> None:
    times = source.stat()
    source.write_bytes(source.read_bytes().replace(b"barks", b"howls"))
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))


def spoil(source: Path, out: Path) -> None:
    out.with_name("out.jsonl.progress").write_text("[]")


def retype(source: Path, out: Path) -> None:
    path = out.with_name("out.jsonl.progress")
    kept = json.loads(path.read_bytes())
    kept["progress"]["tallies"] = []
    path.write_text(json.dumps(kept))


def count_wrongly(source: Path, out: Path) -> None:
    path = out.with_name("out.jsonl.progress")
    kept = json.loads(path.read_bytes())
    kept["progress"]["place"] = [-1, "x"]
    path.write_text(json.dumps(kept))


def cut(source: Path, out: Path) -> None:
    os.truncate(out, 10)


def lose(source: Path, out: Path) -> None:
    out.with_name("out.jsonl.progress").unlink()


def bury(source: Path, out: Path) -> None:
    lose(source, out)
    out.with_name("out.jsonl.progress").mkdir()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(grow, "begun with another input, or the input has changed; without --resume", id="grown"),
        pytest.param(touch, "begun with another input, or the input has changed", id="of-another-time"),
        pytest.param(rewrite, "begun with another input, or the input has changed", id="other-content"),
        pytest.param(spoil, "out.jsonl.progress: is no journal of a run", id="no-journal"),
        pytest.param(retype, "out.jsonl.progress: is no journal of a run", id="of-other-types"),
        pytest.param(count_wrongly, "out.jsonl.progress: is no journal of a run", id="of-no-place"),
        pytest.param(cut, "out.jsonl.progress: rows it counts are gone; without --resume", id="output-cut"),
        pytest.param(lose, "out.jsonl: has rows and no journal: finished, or not begun by this", id="journal-lost"),
        pytest.param(bury, "out.jsonl.progress: Is a directory", id="journal-unreadable"),
    ],
)
def test_what_does_not_go_with_its_journal_is_refused(
    small: Path, change: Callable[[Path, Path], None], why: str
) -> None:
    out = small.parent / "out.jsonl"
    begun(small, out)
    change(small, out)
    before = out.read_bytes()
    result = run("score", small, "--out", out, "--resume")
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
    assert why in result.stderr
    assert out.read_bytes() == before


def test_another_recipe_is_another_run(small: Path) -> None:
    out = small.parent / "out.jsonl"
    begun(small, out)
    result = run("score", small, "--out", out, "--resume", "--recipe", "release")
    assert result.exit_code == 2
    assert "out.jsonl.progress: the run was begun with other options or another version" in result.stderr


def test_a_journal_that_cannot_be_written_is_one_line(small: Path) -> None:
    out = small.parent / "out.jsonl"
    out.with_name("out.jsonl.progress.tmp").mkdir()
    result = run("score", small, "--out", out)
    assert (result.exit_code, result.stderr) == (2, f"Error: {out}.progress.tmp: Is a directory\n")


def test_a_first_run_may_say_resume_too(small: Path) -> None:
    out = small.parent / "out.jsonl"
    assert run("score", small, "--out", out, "--resume").exit_code == 2
    assert out.read_bytes() == run("score", small).stdout_bytes


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["-", "--out", "{tmp}/out"], id="standard-input"),
        pytest.param(["{tmp}/in.jsonl"], id="standard-output"),
        pytest.param(["{tmp}/in.jsonl", "--out", os.devnull], id="no-file"),
    ],
)
def test_streams_cannot_be_resumed(small: Path, arguments: list[str]) -> None:
    result = run("score", *[one.format(tmp=small.parent) for one in arguments], "--resume", stdin=rows(3))
    assert (result.exit_code, result.stderr) == (2, "Error: --resume needs an input and an --out that are files\n")


def test_notes_are_taken_now_and_then(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEEP_EVERY", 60.0)
    kept: list[int] = []
    keep = journal.Journal.keep
    monkeypatch.setattr(
        journal.Journal, "keep", lambda self, progress: (kept.append(progress.rows), keep(self, progress))[1]
    )
    run("score", small, "--out", small.parent / "out.jsonl")
    assert kept == [0, 17]


def test_rows_are_on_the_disk_before_a_note_counts_them(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def seen(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", seen)
    run("score", small, "--out", small.parent / "out.jsonl")
    note = "out.jsonl.progress.tmp"
    assert synced == [note, *["out.jsonl", note] * 4]


# The last rows have to wait, as long as they are held: so a run does not end before it is killed.
PROGRAM = """
import sys
from pathlib import Path
from time import sleep
from onethinker_rewards.cli import journal, lines, main, scoring
score_rows, held = scoring._score_rows, Path(__file__).with_name("held")

def score(rows, *more):
    while rows[-1].number > 3500 and held.exists():
        sleep(0.01)
    return score_rows(rows, *more)

journal.KEEP_EVERY, lines.CHUNK_ROWS, scoring._score_rows = 0.0, 64, score
if __name__ == "__main__":
    main(sys.argv[1:])
"""


@pytest.mark.parametrize(("out", "workers"), [("out.jsonl", 2), ("out.parquet", 1)])
def test_a_killed_process_can_be_resumed(tmp_path: Path, out: str, workers: int) -> None:
    source, target, expected = tmp_path / "in.jsonl", tmp_path / out, tmp_path / f"expected-{out}"
    source.write_bytes(rows(4000))
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), "score", str(source), "--workers", str(workers), "--resume", "--out"]
    rng = random.Random(workers)
    growing = tmp_path / (out if out.endswith("jsonl") else f"{out}.rows")
    held = tmp_path / "held"
    held.touch()
    for part in (1, 2):
        with subprocess.Popen([*command, str(target)], stderr=subprocess.DEVNULL) as running:
            enough = part * rng.randrange(100_000, 200_000)
            wait_for(lambda enough=enough: growing.exists() and growing.stat().st_size >= enough)
            running.send_signal(signal.SIGKILL)
        assert running.returncode == -signal.SIGKILL
        assert target.with_name(f"{out}.progress").exists()
    held.unlink()
    subprocess.run([*command, str(target)], check=False, stderr=subprocess.DEVNULL, timeout=LONGEST)
    subprocess.run([*command, str(expected)], check=False, stderr=subprocess.DEVNULL, timeout=LONGEST)
    assert target.read_bytes() == expected.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "program.py", out, f"expected-{out}"}


def test_standard_input_may_be_a_file_that_was_read_from(tmp_path: Path) -> None:
    """The offset of a note counts from where reading began, and another beginning is another input."""
    source, out, program = tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "program.py"
    # Longer than rows are: a shorter one would be skipped as the rest of a row.
    heading = b"a heading" * 1000 + b"\n"
    source.write_bytes(heading + rows(1000))
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), "score", "-", "--resume", "--out"]

    def resumed(target: Path, begin: int, size: int | None) -> subprocess.CompletedProcess[bytes]:
        with source.open("rb") as file:
            file.seek(begin)
            limits = (
                {} if size is None else {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size,) * 2)}
            )
            return subprocess.run([*command, str(target)], stdin=file, capture_output=True, check=False, **limits)

    resumed(tmp_path / "expected.jsonl", len(heading), None)
    assert resumed(out, len(heading), 100_000).returncode == 2
    assert 0 < out.stat().st_size <= 100_000
    assert b"begun with another input" in resumed(out, 0, None).stderr
    resumed(out, len(heading), None)
    assert out.read_bytes() == (tmp_path / "expected.jsonl").read_bytes()
