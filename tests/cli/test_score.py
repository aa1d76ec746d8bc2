from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from rich.console import Console

import onethinker_rewards as otr
from onethinker_rewards.cli import commands, scoring
from onethinker_rewards.cli import lines as lines_module
from onethinker_rewards.cli import output as output_module
from onethinker_rewards.cli import stream as stream_module
from onethinker_rewards.cli.files import lines_of, write_bytes
from onethinker_rewards.cli.lines import Lines
from onethinker_rewards.cli.scoring import ScoreJob
from onethinker_rewards.cli.watch import Watch
from onethinker_rewards.cli.work import Place
from tests.cli.runs import GOOD, good, lines, rows_of, run

THINK = "<think>Let me look.</think>"


def error_of(row: dict[str, Any] | str) -> str:
    """Score a row between two sound ones and return its error; the others must not suffer."""
    result = run("score", "-", stdin=lines(GOOD, row, GOOD))
    first, second, third = rows_of(result)
    assert first == third
    assert first["total"] == 2.0
    assert second.keys() == {"row", "error"}
    assert second["row"] == 2
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0] == f"<stdin>: row 2: {second['error']}"
    return str(second["error"])


@pytest.mark.parametrize(
    ("row", "error"),
    [
        pytest.param("{", "not JSON: Expecting property name enclosed in double quotes (column 2)", id="not-json"),
        pytest.param("[]", "not a JSON object", id="not-an-object"),
        pytest.param(good(response=None), "no response; there are: 'reference', 'task'", id="no-response"),
        pytest.param(good(response=["B"]), "response is no text but a list", id="response-is-a-list"),
        pytest.param(
            good(reference=None, x=None, label=1),
            "no reference or solution or answer or ground_truth; there are: 'response', 'task', 'label'",
            id="no-reference",
        ),
        pytest.param(good(reference=3), 'reference is no text but a number: write "3"', id="reference-is-a-number"),
        pytest.param(good(reference=0.5), 'reference is no text but a number: write "0.5"', id="reference-is-half"),
        pytest.param(
            good(reference=10**60), f'reference is no text but a number: write "1{"0" * 39}…"', id="reference-is-long"
        ),
        pytest.param(good(reference=float("inf")), "reference is no text but a number", id="reference-has-no-end"),
        pytest.param(
            good(reference=True),
            'reference is no text but a truth value: write "true"',
            id="reference-is-true",
        ),
        pytest.param(good(reference={"box": [1]}), "reference is no text but an object", id="reference-is-an-object"),
        pytest.param(good(task=None), "no task or problem_type; there are: 'response', 'reference'", id="no-task"),
        pytest.param(
            good(task="poetry"),
            f"unknown task: 'poetry' is no task; there are {', '.join(otr.TASKS)}",
            id="unknown-task",
        ),
        pytest.param(good(task="orc"), "unknown task: 'orc' is no task; did you mean ocr?", id="misspelt-task"),
        pytest.param(good(task=7), 'task is no text but a number: write "7"', id="task-is-a-number"),
        pytest.param(
            good(task=None, problem_type="segmentation"),
            "unknown task: 'segmentation' needs the data type image or video, not None; or write image_segmentation or "
            "video_segmentation",
            id="segmentation-of-what",
        ),
        pytest.param(good(options="A, B"), "options is no list of texts but a text", id="options-is-text"),
        pytest.param(
            good(options=["dog", 3]),
            'options is no list of texts; in it is a number: write "3"',
            id="an-option-is-a-number",
        ),
        pytest.param(
            good(task="numerical", reference="12 cm"),
            "unreadable reference: not_a_number for numerical: '12 cm'",
            id="unreadable-reference",
        ),
        pytest.param(
            good(task="tracking", reference='{"boxes": {}}'),
            "unreadable reference: empty_track for tracking: '{\"boxes\": {}}'",
            id="reference-against-the-schema",
        ),
    ],
)
def test_a_row_that_cannot_be_scored_stands_in_its_place(row: dict[str, Any] | str, error: str) -> None:
    assert error_of(row) == error


def test_a_lone_row_with_a_bad_reference_is_an_error_too() -> None:
    result = run(
        "score", "-", stdin=lines(good(task="numerical", reference="x"), good(task="numerical", reference="y"))
    )
    assert [row["row"] for row in rows_of(result)] == [1, 2]
    assert rows_of(result)[1]["error"].endswith("'y'")
    assert result.stderr.splitlines()[2:] == ["0 rows scored, recipe paper; 2 could not be"]


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"reference": "B", "solution": "A", "answer": "A", "ground_truth": "A"}, id="reference"),
        pytest.param({"solution": "B", "answer": "A", "ground_truth": "A"}, id="solution"),
        pytest.param({"answer": "B", "ground_truth": "A"}, id="answer"),
        pytest.param({"ground_truth": "B"}, id="ground_truth"),
        pytest.param({"reference": None, "solution": "<answer>B</answer>"}, id="null-is-absent"),
    ],
)
def test_the_first_reference_that_is_there_counts(columns: dict[str, Any]) -> None:
    row = {"response": f"{THINK}<answer>B</answer>", "task": "multiple_choice"} | columns
    (scored,) = rows_of(run("score", "-", stdin=lines(row)))
    assert scored["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("columns", "task"),
    [
        pytest.param({"task": "ocr", "problem_type": "math"}, "ocr", id="task-before-problem-type"),
        pytest.param({"problem_type": "OCR", "data_type": "image"}, "ocr", id="the-data-set's-spelling"),
        pytest.param({"problem_type": "multiple choice", "data_type": 3}, "multiple_choice", id="odd-data-type"),
        pytest.param({"task": None, "problem_type": "open-ended", "data_type": "video"}, "open_ended", id="null-task"),
    ],
)
def test_the_task_goes_by_either_name(columns: dict[str, Any], task: str) -> None:
    (scored,) = rows_of(run("score", "-", stdin=lines({"response": "", "reference": "B"} | columns)))
    assert scored["task"] == task


def test_segmentation_takes_the_data_type() -> None:
    row = {"response": "", "problem_type": "segmentation", "solution": otr.TASKS["video_segmentation"].example}
    (scored,) = rows_of(run("score", "-", stdin=lines(row | {"data_type": "video"})))
    assert scored["task"] == "video_segmentation"
    (scored,) = rows_of(run("score", "-", stdin=lines(row | {"data_type": "image"})))
    assert "unreadable reference: unknown_key for image_segmentation" in scored["error"]


def test_an_option_s_text_is_its_letter() -> None:
    row = good(response=f"{THINK}<answer>cat</answer>")
    (without,) = rows_of(run("score", "-", stdin=lines(row)))
    (given,) = rows_of(run("score", "-", stdin=lines(row | {"options": ["dog", "cat"]})))
    assert (without["failure"], given["accuracy"]) == ("no_option_letter", 1.0)
    (empty,) = rows_of(run("score", "-", stdin=lines(good(options=[]))))
    assert empty["accuracy"] == 1.0


def test_input_columns_are_kept_and_ours_win() -> None:
    row = good(problem_id=7, total="mine", loss=float("nan"), data=[{"x": None}])
    (scored,) = rows_of(run("score", "-", stdin=lines(row)))
    assert (scored["problem_id"], scored["data"], scored["loss"]) == (7, [{"x": None}], None)
    assert scored["total"] == 2.0
    assert scored["response"] == GOOD["response"]


def test_rows_equal_the_library_s_own() -> None:
    rows = [GOOD, good(response="B"), good(task="regression", reference="2", response=f"{THINK}<answer>2.1</answer>")]
    scored = rows_of(run("score", "-", stdin=lines(*rows)))
    columns = ([row[name] for row in rows] for name in ("response", "reference", "task"))
    assert scored == [row | ours for row, ours in zip(rows, otr.score(*columns).to_rows(), strict=True)]


def test_recipe_release_gives_the_released_numbers() -> None:
    (row,) = rows_of(run("score", "-", "--recipe", "release", stdin=lines(good(response="B"))))
    assert (row["accuracy"], row["format"]) == (1.0, 0.0)
    assert row["total"] == pytest.approx(0.9)
    assert run("score", "-", "--recipe", "poem", stdin=b"").exit_code == 2


def test_lone_surrogates_are_read_and_written_back() -> None:
    response = '"<think>\\udc00</think><answer>\\ud800 x</answer>"'
    line = f'{{"response": {response}, "reference": "x", "task": "ocr", "id": "\\ud83d"}}'
    result = run("score", "-", stdin=lines(line))
    assert result.exit_code == 0
    (row,) = rows_of(result)
    assert row["response"] == "<think>\udc00</think><answer>\ud800 x</answer>"
    assert (row["id"], row["accuracy"]) == ("\ud83d", 0.0)


def test_rows_are_numbered_by_line_from_1() -> None:
    result = run("score", "-", stdin=b"\n\n{\n" + lines(GOOD) + b"\n{")
    assert [row.get("row") for row in rows_of(result)] == [3, None, 6]


def test_the_summary_has_a_line_a_task_with_means_and_the_commonest_failures() -> None:
    bad = [good(response=f"{THINK}<answer>{text}</answer>") for text in ("A or B", "dog", "A")]
    late = good(response=f"Well. {THINK}<answer>B</answer>")
    result = run("score", "-", stdin=lines(GOOD, *bad, late, good(task="ocr")))
    said = [line.split() for line in result.stderr.splitlines()]
    assert said[3] == ["multiple_choice", "5", "0.800", "0.400", "0.400", "no_option_letter=2,", "text_outside_tags=1"]
    assert said[4] == ["ocr", "1", "2.000", "1.000", "1.000"]
    assert result.stderr.splitlines()[0] == "6 rows scored, recipe paper"
    assert result.exit_code == 0


def test_only_the_commonest_codes_are_shown() -> None:
    texts = [
        "<answer>B</answer>",
        "B",
        "",
        f"{THINK}<answer></answer>",
        f"{THINK}<answer>dog</answer>",
        f"{THINK}<answer>B",
    ]
    result = run("score", "-", stdin=lines(*[good(response=text) for text in texts]))
    assert "missing_answer=2" in result.stderr
    assert ", 2 more" in " ".join(result.stderr.split())
    assert len(re.findall(r"[a-z_]+=\d", result.stderr)) == 3


@pytest.mark.parametrize("terminal", [True, False])
def test_rows_on_a_terminal_leave_no_room_for_a_bar(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    class Target(io.BytesIO):
        def isatty(self) -> bool:
            return terminal

    bars: list[bool] = []

    class Seen(Watch):
        def __init__(self, name: str, console: Console, *, bar: bool, **how: Any) -> None:
            bars.append(bar)
            super().__init__(name, console, bar=bar, **how)

    monkeypatch.setattr(output_module, "_opened", lambda *_, **__: Target())
    monkeypatch.setattr(stream_module, "Watch", Seen)
    run("score", "-", stdin=lines(GOOD))
    assert bars == [not terminal]


def test_broken_rows_beyond_twenty_are_summed_up() -> None:
    result = run("score", "-", stdin=b"{\n" * 1023)
    said = result.stderr.splitlines()
    assert [line.startswith(f"<stdin>: row {row}: ") for row, line in enumerate(said[:20], start=1)] == [True] * 20
    assert said[20] == "<stdin>: 1,003 more rows that could not be used; see the output"
    assert said[21:] == ["0 rows scored, recipe paper; 1,023 could not be"]
    assert len(rows_of(result)) == 1023


def test_an_empty_file_is_fine(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    result = run("score", tmp_path / "empty.jsonl")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "0 rows scored, recipe paper\n")


def test_out_takes_the_rows(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(lines(GOOD, "{"))
    result = run("score", source, "--out", out)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{source}: row 2: not JSON" in result.stderr
    assert out.read_text() == run("score", source).stdout


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(lines(GOOD))
    (tmp_path / "link.jsonl").symlink_to(source)
    for out in (source, tmp_path / "link.jsonl"):
        result = run("score", source, "--out", out)
        assert (result.exit_code, result.stderr) == (2, f"Error: {out}: is the input too; write to another file\n")
    assert source.read_bytes() == lines(GOOD)


def test_standard_input_may_go_into_a_file_that_exists(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("old")
    assert run("score", "-", "--out", tmp_path / "out.jsonl", stdin=lines(GOOD)).exit_code == 0
    assert json.loads((tmp_path / "out.jsonl").read_bytes())["total"] == 2.0


def test_a_missing_input_does_not_empty_the_output(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("old")
    result = run("score", tmp_path / "none.jsonl", "--out", out)
    assert (result.exit_code, result.stderr) == (2, f"Error: {tmp_path}/none.jsonl: No such file or directory\n")
    assert out.read_text() == "old"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        pytest.param(["{tmp}"], "{tmp}: Is a directory", id="directory"),
        pytest.param(["a\0b"], "a\0b: embedded null byte", id="no-path-at-all"),
        pytest.param(
            ["{tmp}/in", "--out", "{tmp}/no/out"], "{tmp}/no/out: No such file or directory", id="out-nowhere"
        ),
        pytest.param(["{tmp}/in", "--out", "{tmp}"], "{tmp}: Is a directory", id="out-is-a-directory"),
    ],
)
def test_what_cannot_be_opened_is_one_line_and_exit_code_2(tmp_path: Path, arguments: list[str], why: str) -> None:
    (tmp_path / "in").write_bytes(lines(GOOD))
    result = run("score", *[argument.format(tmp=tmp_path) for argument in arguments])
    assert (result.exit_code, result.stderr) == (2, f"Error: {why.format(tmp=tmp_path)}\n")


def test_a_long_file_goes_through_in_chunks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is read and not yet written never exceeds a chunk, and the summary is over all of them."""
    count, read, written, most = 10_000, 0, 0, 0

    def watched_lines(source: IO[bytes], name: str) -> Iterator[bytes]:
        nonlocal read, most
        for line in source:
            read += 1
            most = max(most, read - written)
            yield line

    def watched_write(target: IO[bytes], name: str, blob: bytes) -> None:
        nonlocal written
        written += blob.count(b"\n")
        write_bytes(target, name, blob)

    monkeypatch.setattr(lines_module, "lines_of", watched_lines)
    monkeypatch.setattr(output_module, "write_bytes", watched_write)
    rows = [good(id=row, response=GOOD["response"] if row % 4 else "B") for row in range(count)]
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(lines(*rows))
    result = run("score", source, "--out", out)
    assert (read, written, most) == (count, count, 4096)
    scored = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert [row["id"] for row in scored] == list(range(count))
    assert "multiple_choice 10,000 1.500 0.750 0.750 missing_answer=2,500" in " ".join(result.stderr.split())


class _Failing:
    """Standard input of which the second line cannot be read."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __iter__(self) -> Iterator[bytes]:
        yield lines(GOOD)
        raise self.error


def test_reading_that_fails_on_the_way_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    source: Any = _Failing(OSError(5, "Input/output error"))
    monkeypatch.setattr(lines_module, "lines_of", lambda _, name: lines_of(source, name))
    result = run("score", "-")
    assert (result.exit_code, result.stderr) == (2, "Error: <stdin>: Input/output error\n")


def test_an_interrupt_is_one_line_and_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    source: Any = _Failing(KeyboardInterrupt())
    monkeypatch.setattr(lines_module, "lines_of", lambda _, name: lines_of(source, name))
    result = run("score", "-")
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")


def test_a_reader_that_has_gone_is_no_line_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise BrokenPipeError

    dropped: list[object] = []
    monkeypatch.setattr(output_module, "write_bytes", gone)
    monkeypatch.setattr(commands, "drop", dropped.append)
    result = run("score", "-", stdin=lines(GOOD))
    assert (result.exit_code, result.stderr, len(dropped)) == (141, "", 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(lines(GOOD))
    result = run("score", tmp_path / "in", "--out", "/dev/full")
    assert (result.exit_code, result.stderr) == (2, "Error: /dev/full: No space left on device\n")


def test_a_pipe_without_a_reader_fails_once(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe, pytest.raises(BrokenPipeError):
        write_bytes(pipe, "-", b"x")


@pytest.mark.parametrize(("alone", "workers"), [(True, None), (False, 1)])
def test_processes_beside_each_other_have_one_for_mathematics_each(
    monkeypatch: pytest.MonkeyPatch, alone: bool, workers: int | None
) -> None:
    asked: list[int | None] = []
    monkeypatch.setattr(scoring, "_scorer", lambda recipe, count: asked.append(count) or otr.Scorer(recipe))
    work = Lines(Place(), Place(4, 2), [lines(GOOD)])
    assert ScoreJob("paper", alone=alone)(work).rows == 1
    assert asked == [workers]


@pytest.mark.parametrize(
    ("pack", "unpack"),
    [(gzip.compress, "gunzip -c"), (bz2.compress, "bunzip2 -c"), (lzma.compress, "xz -dc")],
    ids=["gzip", "bzip2", "xz"],
)
@pytest.mark.parametrize("name", ["in.jsonl.gz", "in.jsonl"])
def test_a_compressed_input_is_one_line(tmp_path: Path, pack: Any, unpack: str, name: str) -> None:
    source = tmp_path / name
    source.write_bytes(pack(lines(GOOD)))
    result = run("score", source)
    said = f"Error: {source}: is compressed; unpack it on the way: {unpack} {source} | onethinker-rewards score -\n"
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", said)


def test_what_is_there_is_named_as_far_as_a_line_goes() -> None:
    row = {"x" * 100: 1, "two\nlines": 2} | {f"c{number}": number for number in range(1500)}
    said = f"no response; there are: '{'x' * 40}…', 'two\\nlines', 'c0', 'c1', 'c2', 'c3', 'c4', 'c5', and 1,494 more"
    assert error_of(row) == said
    assert error_of({"response": None}) == "no response; there is no other column"


def test_wide_integers_keep_their_digits() -> None:
    wide = 340282366920938463463374607431768211455
    columns = {"problem_id": wide, "deep": [{"a": [-wide, 1.5]}], "plain": 2**63, "large": 1e300}
    (scored,) = rows_of(run("score", "-", stdin=lines(good(**columns))))
    assert {name: scored[name] for name in columns} == columns
    assert scored["total"] == 2.0
