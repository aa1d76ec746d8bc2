"""``prepare``: the rows of a data set to verl's Parquet, bad rows beside them."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from onethinker_rewards.cli import arrays, journal
from onethinker_rewards.cli import prepare as prepare_module
from onethinker_rewards.trainer.data import MediaRules, Rules, schema_of
from tests.cli.runs import good, lines, run
from tests.cli.test_resume import Killed, files, killed_at
from tests.rewards.cases import REFERENCES, wrap
from tests.trainer.examples import draw, example_row, rl_rows, sft_rows, write_array

BAD_ROWS: list[Any] = [
    example_row("tracking", answer="<answer>x</answer>"),
    3,
    example_row("ocr", problem_type="poetry"),
    example_row("ocr", images="a.png"),
    example_row("ocr", problem="<video>"),
]
FAULTS = ["reference", "not_json", "task", "columns", "placeholders"]


def mixed() -> list[Any]:
    """Return sound rows with bad ones in between."""
    rows: list[Any] = rl_rows()
    for place, row in enumerate(BAD_ROWS):
        rows.insert(3 * place, row)
    return rows


def rows_of(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def bad_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.with_suffix(".bad.jsonl").read_bytes().splitlines()]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An array of sound and bad rows that goes through in several works, with a note after each of them."""
    monkeypatch.setattr(arrays, "CHUNK_ROWS", 7)
    monkeypatch.setattr(journal, "KEEP_EVERY", 0.0)
    return write_array(tmp_path / "in.json", mixed())


def test_every_row_is_written_and_counted(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    done = run("prepare", write_array(tmp_path / "in.json", rl_rows()), "--out", out)
    assert (done.exit_code, done.stdout) == (0, "")
    assert [row["extra_info"]["index"] for row in rows_of(out)] == list(range(1, len(rl_rows()) + 1))
    assert {row["ability"] for row in rows_of(out)} == set(REFERENCES)
    assert files(tmp_path).keys() == {"in.json", "out.parquet", "out.bad.jsonl"}
    assert bad_of(out) == []
    said = done.stderr.splitlines()
    assert said[0] == f"{len(rl_rows())} rows written to {out}"
    assert said[1].split() == ["task", "rows", "images", "videos"]
    assert ["math", "3", "3", "0"] in [line.split() for line in said]


def test_bad_rows_stand_beside_and_cost_nobody_else(tmp_path: Path) -> None:
    out, sound = tmp_path / "out.parquet", tmp_path / "sound.parquet"
    source = write_array(tmp_path / "in.json", mixed())
    done = run("prepare", source, "--out", out)
    run("prepare", write_array(tmp_path / "sound.json", rl_rows()), "--out", sound)
    assert done.exit_code == 2

    def without_numbers(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"extra_info": row["extra_info"] | {"index": 0, "group": ""}}

    assert list(map(without_numbers, rows_of(out))) == list(map(without_numbers, rows_of(sound)))
    bad = bad_of(out)
    assert [row["row"] for row in bad] == [1, 4, 7, 10, 13]
    assert [row["fault"] for row in bad] == FAULTS
    assert [row.get("columns") for row in bad] == [row if isinstance(row, dict) else None for row in BAD_ROWS]
    said = done.stderr.splitlines()
    assert said[:5] == [f"{source}: row {row['row']}: {row['error']}" for row in bad]
    assert said[6] == f"5 bad rows written to {tmp_path / 'out.bad.jsonl'}: " + ", ".join(f"{one} 1" for one in FAULTS)


def test_what_fails_may_be_mended_and_prepared_again(tmp_path: Path) -> None:
    """The side file has the rows whole."""
    out = tmp_path / "out.parquet"
    run("prepare", write_array(tmp_path / "in.json", mixed()), "--out", out)
    mended = [row["columns"] | {"problem_type": "OCR", "answer": "x"} for row in bad_of(out) if row["fault"] == "task"]
    assert run("prepare", write_array(tmp_path / "in.json", mended), "--out", out).exit_code == 0


@pytest.mark.parametrize("stage", ["rl", "sft"])
def test_all_row_groups_have_one_schema(tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "CHUNK_ROWS", 1)
    monkeypatch.setattr("onethinker_rewards.cli.parquet._GROUP_ROWS", 3)
    out = tmp_path / "out.parquet"
    rows = rl_rows() if stage == "rl" else sft_rows()
    assert run("prepare", write_array(tmp_path / "in.json", rows), "--out", out, "--stage", stage).exit_code == 0
    file = pq.ParquetFile(out)
    assert file.num_row_groups > 3
    expected: Any = schema_of(Rules(stage=stage))  # type: ignore[arg-type]
    assert file.schema_arrow.equals(expected)
    empty = run("prepare", write_array(tmp_path / "in.json", []), "--out", out, "--stage", stage)
    assert empty.exit_code == 0
    assert pq.read_schema(out).equals(expected)
    assert "0 rows written" in empty.stderr


def test_any_form_of_the_input_gives_the_same(tmp_path: Path) -> None:
    rows, out = rl_rows(), tmp_path / "out.parquet"
    (tmp_path / "in.jsonl").write_bytes(lines(*rows))
    table = pa.Table.from_pylist([{name: row.get(name) for name in rows[0]} for row in rows[:15]])
    pq.write_table(table, tmp_path / "in.parquet")
    run("prepare", write_array(tmp_path / "in.json", rows), "--out", out)
    expected = rows_of(out)
    for source in ("in.jsonl", "in.parquet"):
        done = run("prepare", tmp_path / source, "--out", out)
        assert done.exit_code == 0, done.stderr
        assert rows_of(out) == expected[: None if source == "in.jsonl" else 15]
    root = ["--media-root", tmp_path]
    assert run("prepare", "-", "--out", out, *root, stdin=lines(*rows)).exit_code == 0
    assert rows_of(out) == expected


def test_standard_input_starts_paths_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("prepare", "-", "--out", "out.parquet", stdin=lines(example_row("ocr"))).exit_code == 0
    assert rows_of(tmp_path / "out.parquet")[0]["images"][0]["image"] == str(tmp_path / "images" / "red.png")


def test_options_say_how_large_the_model_sees_it(tmp_path: Path) -> None:
    out, source = tmp_path / "out.parquet", write_array(tmp_path / "in.json", rl_rows())
    limits = "--image-pixels 5000 --video-pixels 6000 --fps 1.5 --max-frames 9".split()
    assert run("prepare", source, "--out", out, *limits).exit_code == 0
    images, videos = zip(*[(row["images"], row["videos"]) for row in rows_of(out)], strict=True)
    assert {one["max_pixels"] for some in images for one in some} == {5000}
    assert {(one["max_pixels"], one["fps"], one["max_frames"]) for some in videos for one in some} == {(6000, 1.5, 9)}


def test_media_are_checked_when_asked(tmp_path: Path) -> None:
    draw(tmp_path)
    (tmp_path / "images" / "blue.jpg").write_bytes(b"no image")
    (tmp_path / "videos" / "moving.mp4").unlink()
    out, source = tmp_path / "out.parquet", write_array(tmp_path / "in.json", rl_rows())
    assert run("prepare", source, "--out", out).exit_code == 0
    rows = len(rl_rows())
    moving = sum("videos/moving.mp4" in (*row.get("videos", []), row.get("path", "")[2:]) for row in rl_rows())
    for check, missed in (("presence", moving), ("readable", moving + 1)):
        done = run("prepare", source, "--out", out, "--check-media", check)
        assert done.exit_code == 2
        assert f"{missed} bad rows written to {tmp_path / 'out.bad.jsonl'}: media {missed}" in done.stderr
        assert len(rows_of(out)) == rows - missed
        assert {row["fault"] for row in bad_of(out)} == {"media"}
        assert f"row 7: {tmp_path / 'videos' / 'moving.mp4'}: no such file" in done.stderr


def test_frames_are_written_as_lists(tmp_path: Path) -> None:
    draw(tmp_path)
    out = tmp_path / "out.parquet"
    rows = [example_row("tracking", videos=["frames"]), example_row("ocr"), example_row("tracking")]
    done = run("prepare", write_array(tmp_path / "in.json", rows), "--out", out, "--frames")
    assert done.exit_code == 2
    assert "row 3: " in done.stderr
    assert [len(one["video"]) for row in rows_of(out) for one in row["videos"]] == [12]
    assert pq.read_schema(out).equals(schema_of(Rules(media=MediaRules(frames=True))))


def test_rows_to_fine_tune_on(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    rows = [*sft_rows(), example_row("ocr", response="STOP"), example_row("ocr")]
    done = run("prepare", write_array(tmp_path / "in.json", rows), "--out", out, "--stage", "sft")
    assert done.exit_code == 2
    assert "2 bad rows" in done.stderr
    assert [row["fault"] for row in bad_of(out)] == ["response", "columns"]
    written = rows_of(out)
    assert [row["messages"][-1]["role"] for row in written] == ["assistant"] * len(sft_rows())
    assert written[0]["messages"][-1]["content"] == wrap(REFERENCES["multiple_choice"])
    assert ["(no", "task)", "1", "1", "0"] in [line.split() for line in done.stderr.splitlines()]


@pytest.mark.slow
def test_several_processes_give_the_same_file(small: Path) -> None:
    one, two = small.parent / "one.parquet", small.parent / "two.parquet"
    alone, together = run("prepare", small, "--out", one), run("prepare", small, "--out", two, "--workers", 2)
    assert two.read_bytes() == one.read_bytes()
    assert bad_of(two) == bad_of(one)
    assert together.stderr.replace("two.", "one.") == alone.stderr
    assert together.exit_code == alone.exit_code == 2


def test_whenever_it_is_killed_nothing_is_lost_or_repeated(small: Path) -> None:
    (small.parent / "expected").mkdir()
    expected = small.parent / "expected" / "out.parquet"
    whole = run("prepare", small, "--out", expected)
    for moment in count():
        folder = small.parent / str(moment)
        folder.mkdir()
        command = ["prepare", small, "--out", folder / "out.parquet"]
        with pytest.MonkeyPatch.context() as patch:
            killed_at(patch, moment)
            try:
                run(*command)
                break
            except Killed:
                pass
        resumed = run(*command, "--resume")
        if "has rows and no journal" not in resumed.stderr:
            assert resumed.exit_code == whole.exit_code == 2
            assert resumed.stderr.splitlines()[-16:] == [
                line.replace(str(expected.parent), str(folder)) for line in whole.stderr.splitlines()[-16:]
            ]
        assert (folder / "out.parquet").read_bytes() == expected.read_bytes()
        assert bad_of(folder / "out.parquet") == bad_of(expected)
        assert not {"out.parquet.progress", "out.bad.jsonl.tmp"} & files(folder).keys()
    assert moment > 20


def test_other_options_are_another_run(small: Path) -> None:
    out = small.parent / "out.parquet"
    with pytest.MonkeyPatch.context() as patch:
        killed_at(patch, 14)
        with pytest.raises(Killed):
            run("prepare", small, "--out", out)
    for options in (["--fps", "1"], ["--stage", "sft"], ["--bad", small.parent / "other.jsonl"], ["--frames"]):
        done = run("prepare", small, "--out", out, "--resume", *options)
        assert done.exit_code == 2
        assert "the run was begun with other options or another version" in done.stderr
    assert run("prepare", small, "--out", out, "--resume").exit_code == 2
    assert len(rows_of(out)) == len(rl_rows())


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--out", "{tmp}/out.jsonl"], "{tmp}/out.jsonl: verl reads Parquet; give a name that ends in .parquet"),
        (["--out", "-"], "-: verl reads Parquet; give a name that ends in .parquet"),
        (["--media-root", "{tmp}/gone"], "{tmp}/gone: no such folder"),
        (["--media-root", "{tmp}/in.json"], "{tmp}/in.json: no such folder"),
        (["--bad", "{tmp}/in.json"], "{tmp}/in.json: is the input too; write to another file"),
        (["--bad", "{tmp}/out.parquet"], "{tmp}/out.parquet: is the output too; write bad rows to another file"),
        (["--bad", "{tmp}/gone/bad"], "{tmp}/gone/bad: cannot be written: no such folder, or a folder itself"),
        (["--bad", "{tmp}"], "{tmp}: cannot be written: no such folder, or a folder itself"),
        (["--out", "{tmp}/gone/a.parquet", "--bad", "{tmp}/b"], "{tmp}/gone/a.parquet.rows: No such file or directory"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, options: list[str], why: str) -> None:
    source = write_array(tmp_path / "in.json", rl_rows())
    before = source.read_bytes()
    filled = [one.format(tmp=tmp_path) for one in options]
    done = run("prepare", source, *([] if "--out" in options else ["--out", tmp_path / "out.parquet"]), *filled)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"Error: {why.format(tmp=tmp_path)}\n"
    assert source.read_bytes() == before
    assert files(tmp_path).keys() == {"in.json"}


def test_a_file_that_is_missing_is_one_line(tmp_path: Path) -> None:
    done = run("prepare", tmp_path / "gone.json", "--out", tmp_path / "out.parquet")
    assert (done.exit_code, done.stderr) == (2, f"Error: {tmp_path / 'gone.json'}: No such file or directory\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("missing", "options", "why"),
    [
        ({"pyarrow"}, [], "this needs pyarrow: pip install 'onethinker-rewards[prepare]'"),
        ({"PIL", "av"}, ["--check-media", "readable"], "this needs pillow and av: pip install"),
    ],
)
def test_what_is_not_installed_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: set[str], options: list[str], why: str
) -> None:
    monkeypatch.setattr(prepare_module, "find_spec", lambda name: None if name in missing else object())
    source = write_array(tmp_path / "in.json", rl_rows())
    done = run("prepare", source, "--out", tmp_path / "out.parquet", *options)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {why}")
    assert len(done.stderr.splitlines()) == 1
    presence = run("prepare", source, "--out", tmp_path / "out.parquet", "--check-media", "presence")
    assert ("this needs" in presence.stderr) is ("pyarrow" in missing)


def test_other_commands_read_arrays_too(tmp_path: Path) -> None:
    source = write_array(tmp_path / "in.json", [good(), good(response="B"), "x"])
    done = run("score", source)
    assert [json.loads(line).get("total") for line in done.stdout.splitlines()] == [2.0, 0.0, None]
    assert done.exit_code == 2
    rows = [row for row in rl_rows() if "answer" in row]
    assert run("validate", write_array(source, rows), "--bare").exit_code == 0
