"""The command ``report``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runs import lines, run
from tests.report.scored_rows import examples, photo, scored


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return scored(examples())


def written(path: Path, *rows: dict[str, Any] | str) -> Path:
    path.write_bytes(lines(*rows))
    return path


def test_a_report(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    photo(tmp_path / "a.jpg", 64, 48)
    file = written(tmp_path / "scored.jsonl", *(row | {"image": "a.jpg"} for row in rows))
    result = run("report", file, "--out", tmp_path / "report.html", "--rows", "5")
    assert result.exit_code == 0
    assert "spatial_grounding" in result.stderr
    assert f"report.html: 5 of {len(rows)} rows" in result.stderr
    html = (tmp_path / "report.html").read_text()
    assert "<title>Rewards: scored.jsonl</title>" in html
    assert "data:image/jpeg" in html


def test_the_seed_decides(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    file = written(tmp_path / "scored.jsonl", *rows * 5)

    def shown(seed: str) -> list[str]:
        out = tmp_path / "report.html"
        assert run("report", file, "--out", out, "--rows", "20", "--seed", seed).exit_code == 0
        return [line for line in out.read_text().splitlines() if 'class="row"' in line]

    assert shown("1") == shown("1") != shown("2")


def test_what_score_writes_can_be_reported(tmp_path: Path) -> None:
    file = written(tmp_path / "rows.jsonl", *examples(), "{broken")
    for name in ("scored.csv", "scored.parquet", "scored.jsonl"):
        assert run("score", file, "--out", tmp_path / name).exit_code == 2
        result = run("report", tmp_path / name, "--out", tmp_path / "report.html")
        assert result.exit_code == 2
        assert f"{len(examples())} rows; 1 row could not be used" in result.stderr
        assert "not JSON" in result.stderr


def test_two_files_and_standard_streams(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    (tmp_path / "a").mkdir()
    one, two = written(tmp_path / "scored.jsonl", *rows), written(tmp_path / "a" / "scored.jsonl", *rows, "broken")
    result = run("report", one, "--against", two, "--out", tmp_path / "report.html")
    assert result.exit_code == 2
    html = (tmp_path / "report.html").read_text()
    assert f"compared with <b>{two}</b>" in html
    piped = run("report", "-", "--out", "-", stdin=lines(*rows))
    assert piped.exit_code == 0
    assert piped.stdout.startswith("<!DOCTYPE html>")


def test_your_own_columns(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    renamed = [{"gold" if name == "reference" else name: cell for name, cell in row.items()} for row in rows[:5]]
    file = written(tmp_path / "scored.jsonl", *renamed)
    out = tmp_path / "report.html"
    assert run("report", file, "--out", out, "--column", "reference=gold", "--task", "ocr").exit_code == 0
    assert "<dt>reference</dt>" in "".join(json.loads(line[line.index(">") + 1 : -9])["html"] for line in _blocks(out))


def _blocks(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if 'class="row"' in line]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_is_written_to(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    file = written(tmp_path / "scored.jsonl", *rows[:2])
    result = run("report", file, "--out", "/dev/full")
    assert (result.exit_code, result.stderr) == (2, "Error: /dev/full: No space left on device\n")
    assert Path("/dev/full").is_char_device()


def test_mistakes_are_one_line(tmp_path: Path, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path / "scored.jsonl", *rows[:2])
    before = file.read_bytes()
    problems = (
        ([file, "--out", file], "is the input too"),
        ([file, "--out", tmp_path], "Is a directory"),
        ([file, "--out", tmp_path / "gone" / "report.html"], "No such file or directory"),
        ([tmp_path / "gone.jsonl"], "No such file or directory"),
        ([file, "--media-root", tmp_path / "gone"], "no such folder"),
        ([file, "--dialect", "x"], "--dialect x"),
        ([file, "--recipe", "release", "--dialect", "qwen3-vl"], "release"),
    )
    for options, said in problems:
        result = run("report", *options)
        assert result.exit_code == 2, options
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert "--against names FILE itself" in run("report", file, "--against", file).stderr
    assert file.read_bytes() == before
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.setattr("onethinker_rewards.cli.prepare.find_spec", lambda module: None)
    assert "pip install 'onethinker-rewards[report]'" in run("report", file).stderr
