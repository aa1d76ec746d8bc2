"""``prepare``: the rows of a data set to verl's Parquet, bad rows beside them."""

from __future__ import annotations

import gzip
import json
import random
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from onethinker_rewards.cli import prepare as prepare_module
from onethinker_rewards.cli import table_reader
from onethinker_rewards.trainer.data import Rules, schema_of
from onethinker_rewards.trainer.media import MediaRules
from tests.cli.runs import lines, run
from tests.cli.test_resume import KilledError, killed_at
from tests.rewards.cases import REFERENCES, answer_to, wrap
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
    for index, row in enumerate(BAD_ROWS):
        rows.insert(3 * index, row)
    return rows


def rows_of(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def bad_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.with_suffix(".bad.jsonl").read_bytes().splitlines()]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An array of sound and bad rows that goes through in several chunks."""
    monkeypatch.setattr(table_reader, "CHUNK_ROWS", 7)
    return write_array(tmp_path / "in.json", mixed())


def test_every_row_is_written_and_counted(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    done = run("prepare", write_array(tmp_path / "in.json", rl_rows()), "--out", out)
    assert (done.exit_code, done.stdout) == (0, "")
    assert [row["extra_info"]["index"] for row in rows_of(out)] == list(range(1, len(rl_rows()) + 1))
    assert {row["ability"] for row in rows_of(out)} == set(REFERENCES)
    assert names(tmp_path) == {"in.json", "out.parquet", "out.bad.jsonl"}
    assert bad_of(out) == []
    said = done.stderr.splitlines()
    assert said[0] == f"{len(rl_rows())} rows written to {out}"
    assert said[1].split() == ["task", "rows", "images", "videos"]
    assert ["math", "3", "3", "0"] in [line.split() for line in said]


def test_bad_rows_go_to_a_side_file_and_cost_no_others(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    source = write_array(tmp_path / "in.json", mixed())
    done = run("prepare", source, "--out", out)
    assert done.exit_code == 2
    assert [row["extra_info"]["index"] for row in rows_of(out)] == [
        index + 1 for index, row in enumerate(mixed()) if row not in BAD_ROWS
    ]
    bad = bad_of(out)
    assert [row["row"] for row in bad] == [1, 4, 7, 10, 13]
    assert [row["fault"] for row in bad] == FAULTS
    assert [row.get("columns") for row in bad] == [row if isinstance(row, dict) else None for row in BAD_ROWS]
    said = done.stderr.splitlines()
    assert said[:5] == [f"{source}: row {row['row']}: {row['error']}" for row in bad]
    assert said[6] == f"5 bad rows written to {tmp_path / 'out.bad.jsonl'}: " + ", ".join(f"{one} 1" for one in FAULTS)
    # The side file has the rows whole: they can be mended and prepared again.
    mended = [row["columns"] | {"problem_type": "OCR", "answer": "x"} for row in bad if row["fault"] == "task"]
    assert run("prepare", write_array(tmp_path / "in.json", mended), "--out", out).exit_code == 0


def test_rows_that_lack_the_same_columns_are_one_line_that_names_all(tmp_path: Path) -> None:
    source = write_array(tmp_path / "in.json", [{"id": number, "text": "x"} for number in range(30)])
    done = run("prepare", source, "--out", tmp_path / "out.parquet")
    assert done.stderr.splitlines()[0] == (
        f"{source}: 30 rows from row 1: no column 'question' or 'problem' for the question, no column 'task' or "
        "'problem_type' for the task, no column 'reference' or 'solution' or 'answer' or 'ground_truth' for the "
        "reference; there are: 'id', 'text'"
    )
    assert done.stderr.count("no column 'question'") == 1


def test_columns_may_have_other_names_and_all_rows_one_task(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    source = write_array(tmp_path / "in.json", [{"ask": "What is 8 times 10?", "gold": 80}])
    options = ["--column", "question=ask", "--column", "reference=gold", "--task", "math"]
    done = run("prepare", source, "--out", out, *options)
    assert done.exit_code == 0, done.stderr
    (row,) = rows_of(out)
    assert (row["ability"], row["reward_model"]["ground_truth"], row["extra_info"]["question"]) == (
        "math",
        "80",
        "What is 8 times 10?",
    )


def test_own_tasks_are_prepared_with_their_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_tasks.py").write_text(
        "from dataclasses import replace\n"
        "from onethinker_rewards import TASKS\n"
        "TABLE = {'reading': replace(TASKS['ocr'], name='reading', instruction='Read it to me.')}\n"
    )
    source = write_array(tmp_path / "in.json", [{"problem": "?", "answer": "x", "task": "reading"}])
    done = run("prepare", source, "--out", tmp_path / "out.parquet", "--table", "own_tasks:TABLE")
    assert done.exit_code == 0, done.stderr
    (row,) = rows_of(tmp_path / "out.parquet")
    assert row["ability"] == "reading"
    assert "Read it to me." in row["prompt"][0]["content"]


@pytest.mark.parametrize("name", ["answered.jsonl", "answered.parquet"])
def test_score_takes_what_is_written(tmp_path: Path, name: str) -> None:
    """Rows with a response column are scored, with options and tasks where `prepare` has put them."""
    out, answered = tmp_path / "out.parquet", tmp_path / name
    options = example_row("multiple_choice", options=["dog", "cat"], answer="B")
    run("prepare", write_array(tmp_path / "in.json", [*rl_rows(), options]), "--out", out)
    prepared = rows_of(out)
    texts = [wrap(answer_to(row["reward_model"]["ground_truth"])) for row in prepared[:-1]] + [wrap("cat")]
    rows = [row | {"response": text} for row, text in zip(prepared, texts, strict=True)]
    if name.endswith(".parquet"):
        pq.write_table(pq.read_table(out).append_column("response", pa.array(texts)), answered)
    else:
        answered.write_bytes(lines(*rows))
    done = run("score", answered)
    scored = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0, done.stderr
    assert [row["normalized"] for row in scored] == [1.0] * len(rows)
    assert [row["task"] for row in scored] == [row["ability"] for row in prepared]


def test_score_takes_what_is_written_to_fine_tune_on(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    rows = [row for row in sft_rows() if "answer" in row and "response" in row]
    run("prepare", write_array(tmp_path / "in.json", rows), "--out", out, "--stage", "sft")
    done = run("score", out)
    assert done.exit_code == 0, done.stderr
    assert [json.loads(line)["normalized"] for line in done.stdout.splitlines()] == [1.0] * len(rows)


def test_references_that_are_objects_survive_parquet(tmp_path: Path) -> None:
    """Arrow gives all objects of a column the keys of all others, with null."""
    tasks = ["temporal_grounding", "spatial_grounding", "image_segmentation", "tracking", "video_segmentation"]
    rows = [example_row(task, answer=json.loads(REFERENCES[task]), options=None) for task in tasks]
    pq.write_table(pa.Table.from_pylist(rows[:3]), tmp_path / "in.parquet")
    write_array(tmp_path / "in.json", [*rows, example_row("numerical", answer=7), example_row("ocr", answer=0.5)])
    for name, expected in (("in.parquet", rows[:3]), ("in.json", rows)):
        done = run("prepare", tmp_path / name, "--out", tmp_path / "out.parquet")
        assert done.exit_code == 0, done.stderr
        truths = [row["reward_model"]["ground_truth"] for row in rows_of(tmp_path / "out.parquet")]
        assert [json.loads(truth) for truth in truths[: len(expected)]] == [row["answer"] for row in expected]
    assert truths[-2:] == ["7", "0.5"]


def test_rows_of_video_r1_are_read(tmp_path: Path) -> None:
    row = {
        "problem_id": 2, "problem": "Where does it go?", "data_type": "video", "problem_type": "free-form",
        "options": [], "process": "<think>It rolls.</think>", "solution": "<answer>Left</answer>",
        "path": "./CLEVRER/video_10016.mp4", "data_source": "CLEVRER",
    }  # fmt: skip
    source, out = write_array(tmp_path / "in.json", [row]), tmp_path / "out.parquet"
    assert run("prepare", source, "--out", out).exit_code == 0
    assert rows_of(out)[0]["ability"] == "open_ended"
    assert run("prepare", source, "--out", out, "--stage", "sft").exit_code == 0
    assert rows_of(out)[0]["messages"][1]["content"] == "<think>It rolls.</think>\n<answer>Left</answer>"


@pytest.mark.parametrize("stage", ["rl", "sft"])
def test_all_files_of_a_stage_have_one_schema(tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_reader, "CHUNK_ROWS", 1)
    out = tmp_path / "out.parquet"
    rows = rl_rows() if stage == "rl" else sft_rows()
    expected: Any = schema_of(Rules(stage=stage))  # type: ignore[arg-type]
    for some in (rows, []):
        done = run("prepare", write_array(tmp_path / "in.json", some), "--out", out, "--stage", stage)
        assert done.exit_code == 0
        assert pq.read_schema(out).equals(expected)
        assert f"{len(some)} rows written" in done.stderr


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
    assert run("prepare", "-", "--out", out, "--media-root", tmp_path, stdin=lines(*rows)).exit_code == 0
    assert rows_of(out) == expected


def test_paths_of_standard_input_start_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("prepare", "-", "--out", "out.parquet", stdin=lines(example_row("ocr"))).exit_code == 0
    assert rows_of(tmp_path / "out.parquet")[0]["images"][0]["image"] == str(tmp_path / "images" / "red.png")


def test_options_say_how_large_the_model_sees_it(tmp_path: Path) -> None:
    out, source = tmp_path / "out.parquet", write_array(tmp_path / "in.json", rl_rows())
    limits = "--image-pixels 5000 --video-pixels 6000 --fps 1.5 --max-frames 9".split()
    assert run("prepare", source, "--out", out, *limits).exit_code == 0
    images, videos = zip(*[(row["images"], row["videos"]) for row in rows_of(out)], strict=True)
    assert {image["max_pixels"] for some in images for image in some} == {5000}
    assert {(video["max_pixels"], video["fps"], video["max_frames"]) for some in videos for video in some} == {
        (6000, 1.5, 9)
    }


def test_media_are_checked_when_asked(tmp_path: Path) -> None:
    draw(tmp_path)
    (tmp_path / "images" / "blue.jpg").write_bytes(b"no image")
    (tmp_path / "videos" / "moving.mp4").unlink()
    out, source = tmp_path / "out.parquet", write_array(tmp_path / "in.json", rl_rows())
    assert run("prepare", source, "--out", out).exit_code == 0
    moving = sum("videos/moving.mp4" in (*row.get("videos", []), row.get("path", "")[2:]) for row in rl_rows())
    for check, missed in (("presence", moving), ("readable", moving + 1)):
        done = run("prepare", source, "--out", out, "--check-media", check)
        assert done.exit_code == 2
        assert f"{missed} bad rows written to {tmp_path / 'out.bad.jsonl'}: media {missed}" in done.stderr
        assert {row["fault"] for row in bad_of(out)} == {"media"}
        assert f"rows from row 7: {tmp_path / 'videos' / 'moving.mp4'}: no such file" in done.stderr


def test_frames_are_written_as_lists(tmp_path: Path) -> None:
    draw(tmp_path)
    out = tmp_path / "out.parquet"
    rows = [example_row("tracking", videos=["frames"]), example_row("ocr"), example_row("tracking")]
    done = run("prepare", write_array(tmp_path / "in.json", rows), "--out", out, "--frames")
    assert done.exit_code == 2
    assert "row 3: " in done.stderr
    assert [len(video["video"]) for row in rows_of(out) for video in row["videos"]] == [12]
    assert pq.read_schema(out).equals(schema_of(Rules(media=MediaRules(frames=True))))


def test_rows_to_fine_tune_on(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    rows = [*sft_rows(), example_row("ocr", response="STOP"), example_row("ocr")]
    done = run("prepare", write_array(tmp_path / "in.json", rows), "--out", out, "--stage", "sft")
    assert done.exit_code == 2
    assert [row["fault"] for row in bad_of(out)] == ["response", "columns"]
    written = rows_of(out)
    assert [row["messages"][-1]["role"] for row in written] == ["assistant"] * len(sft_rows())
    assert ["(no", "task)", "1", "1", "0"] in [line.split() for line in done.stderr.splitlines()]


def test_the_end_tokens_are_the_recipe_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.py").write_text('import onethinker_rewards as otr\nMINE = otr.Recipe(end_tokens=("<|mine|>",))\n')
    monkeypatch.chdir(tmp_path)
    out, text = tmp_path / "out.parquet", wrap(REFERENCES["ocr"])
    source = write_array(tmp_path / "in.json", [example_row("ocr", response=f"{text}<|mine|>")])
    assert run("prepare", source, "--out", out, "--stage", "sft").exit_code == 2
    assert run("prepare", source, "--out", out, "--stage", "sft", "--recipe", "own.py:MINE").exit_code == 0
    assert [row["response"] for row in rows_of(out)] == [text]


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
            except KilledError:
                pass
        resumed = run(*command, "--resume")
        assert resumed.exit_code == whole.exit_code == 2
        assert resumed.stderr.splitlines()[-14:] == [
            line.replace(str(expected.parent), str(folder)) for line in whole.stderr.splitlines()[-14:]
        ]
        assert (folder / "out.parquet").read_bytes() == expected.read_bytes()
        assert bad_of(folder / "out.parquet") == bad_of(expected)
        assert names(folder) == {"out.parquet", "out.bad.jsonl"}
    assert moment > 12


def test_other_options_are_another_run(small: Path) -> None:
    out = small.parent / "out.parquet"
    with pytest.MonkeyPatch.context() as patch:
        killed_at(patch, 8)
        with pytest.raises(KilledError):
            run("prepare", small, "--out", out)
    for options in (["--fps", "1"], ["--stage", "sft"], ["--frames"], ["--task", "ocr"]):
        done = run("prepare", small, "--out", out, "--resume", *options)
        assert done.exit_code == 2
        assert "is of a run with other options" in done.stderr
    assert "add --resume" in run("prepare", small, "--out", out).stderr
    assert run("prepare", small, "--out", out, "--resume").exit_code == 2
    assert len(rows_of(out)) == len(rl_rows())


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--out", "{tmp}/out.jsonl"], "{tmp}/out.jsonl: verl reads Parquet; give a name that ends in .parquet"),
        (["--out", "-"], "-: verl reads Parquet; give a name that ends in .parquet"),
        (["--media-root", "{tmp}/gone"], "{tmp}/gone: no such folder"),
        (["--bad", "{tmp}/in.json"], "{tmp}/in.json: is the input too; write to another file"),
        (["--bad", "{tmp}/out.parquet"], "{tmp}/out.parquet: two outputs have the same name"),
        (["--bad", "{tmp}/gone/bad"], "{tmp}/gone/bad: No such file or directory"),
        (["--bad", "{tmp}"], "{tmp}: Is a directory"),
        (["--out", "{tmp}/gone/a.parquet", "--bad", "{tmp}/b"], "{tmp}/gone/a.parquet: No such file or directory"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, options: list[str], why: str) -> None:
    source = write_array(tmp_path / "in.json", rl_rows())
    before = source.read_bytes()
    filled = [option.format(tmp=tmp_path) for option in options]
    done = run("prepare", source, *([] if "--out" in options else ["--out", tmp_path / "out.parquet"]), *filled)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"Error: {why.format(tmp=tmp_path)}\n"
    assert source.read_bytes() == before
    assert names(tmp_path) == {"in.json"}


def test_a_file_that_is_missing_is_one_line(tmp_path: Path) -> None:
    done = run("prepare", tmp_path / "gone.json", "--out", tmp_path / "out.parquet")
    assert (done.exit_code, done.stderr) == (2, f"Error: {tmp_path / 'gone.json'}: No such file or directory\n")
    assert not list(tmp_path.iterdir())


def test_a_run_that_ends_before_its_first_rows_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "in.json"
    # Torn behind what is read when the file is opened.
    packed = gzip.compress(b'[{"": "' + random.Random(0).randbytes(200_000).hex().encode())
    source.write_bytes(packed[: len(packed) * 3 // 4])
    assert run("prepare", source, "--out", tmp_path / "out.parquet").exit_code == 2
    assert names(tmp_path) == {"in.json"}


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
    done = run("prepare", write_array(tmp_path / "in.json", rl_rows()), "--out", tmp_path / "out.parquet", *options)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {why}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("rate", ["nan", "inf"])
def test_a_frame_rate_is_finite(tmp_path: Path, rate: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines({}))
    result = run("prepare", path, "--out", tmp_path / "out.parquet", "--fps", rate)
    assert result.exit_code == 2
    assert f"{rate} is not a finite number" in result.stderr
