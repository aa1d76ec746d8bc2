"""``score``: every row in its place with its rewards, or with the reason why there are none."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.cli import process_pool, table_reader
from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.outputs import write_all
from tests.cli.runs import GOOD, good, lines, rows_of, run
from tests.waiting import LONGEST, wait_for

NO_RESPONSE = "no column 'response' or 'output' or 'completion' or 'prediction' for the response; there are:"
NAME_IT = "; name yours with --column response=NAME"
NO_TASK = "no column 'task' or 'problem_type' or 'extra_info.task' for the task; there are:"
NOT_A_REFERENCE = "reference: expected text, a number, a list or an object, got"
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
        pytest.param(good(response=None), f"{NO_RESPONSE} 'reference', 'task'{NAME_IT}", id="no-response"),
        pytest.param(good(response=["B"]), "response: expected text, got a list", id="response-is-a-list"),
        pytest.param(
            good(reference=None, x=None, label=1),
            "no column 'reference' or 'solution' or 'answer' or 'ground_truth' or 'reward_model.ground_truth' for the "
            "reference; there are: 'response', 'task', 'label'; name yours with --column reference=NAME",
            id="no-reference",
        ),
        pytest.param(good(reference=float("inf")), f"{NOT_A_REFERENCE} a number", id="reference-has-no-end"),
        pytest.param(good(reference=True), f"{NOT_A_REFERENCE} a truth value", id="reference-is-true"),
        pytest.param(
            good(task=None), f"{NO_TASK} 'response', 'reference'; name yours with --column task=NAME", id="no-task"
        ),
        pytest.param(
            good(task="poetry"),
            f"'poetry' is no task; there are {', '.join(otr.TASKS)}",
            id="unknown-task",
        ),
        pytest.param(good(task="orc"), "'orc' is no task; did you mean ocr?", id="misspelt-task"),
        pytest.param(good(task=7), "task: expected text, got a number", id="task-is-a-number"),
        pytest.param(
            good(task=None, problem_type="segmentation"),
            "'segmentation' needs the data type image or video, not None; or write image_segmentation or "
            "video_segmentation",
            id="segmentation-of-what",
        ),
        pytest.param(good(options="A, B"), "options: expected a list of texts, got text", id="options-is-text"),
        pytest.param(
            good(options=["dog", 3]),
            "options: expected a list of texts, it holds a number",
            id="an-option-is-a-number",
        ),
        pytest.param(
            good(task="numerical", reference="12 cm"),
            "unreadable reference: not_a_number for numerical: '12 cm' (found 12 cm, expected one number)",
            id="unreadable-reference",
        ),
        pytest.param(
            good(task="tracking", reference='{"boxes": {}}'),
            "unreadable reference: empty_track for tracking: '{\"boxes\": {}}' "
            "(boxes: found {}, expected at least 1 item)",
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
    assert rows_of(result)[1]["error"].endswith("'y' (found y, expected one number)")
    assert result.stderr.splitlines()[2:] == ["0 rows scored, recipe paper; 2 could not be scored"]


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


def test_each_reason_is_printed_once_a_chunk_and_later_rows_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_reader, "CHUNK_ROWS", 4)
    result = run("score", "-", stdin=lines("{", GOOD, "[]", "[]", *["[]"] * 5))
    assert result.stderr.splitlines()[:4] == [
        "<stdin>: row 1: not JSON: Expecting property name enclosed in double quotes (column 2)",
        "<stdin>: 2 rows from row 3: not a JSON object",
        "<stdin>: 5 more rows like row 3: not a JSON object",
        "1 row scored, recipe paper; 8 could not be scored",
    ]
    assert len(rows_of(result)) == 9


def test_a_column_that_all_rows_lack_is_one_line() -> None:
    result = run("score", "-", stdin=lines(*[{"id": 1, "text": "B"}] * 50))
    assert result.stderr.splitlines() == [
        f"<stdin>: 50 rows from row 1: {NO_RESPONSE} 'id', 'text'{NAME_IT}",
        "0 rows scored, recipe paper; 50 could not be scored",
    ]


def test_reasons_beyond_twenty_are_in_the_output_only() -> None:
    rows = [good(task=f"poem {number}") for number in range(30)]
    result = run("score", "-", stdin=lines(*rows))
    assert len(result.stderr.splitlines()) == 22
    assert result.stderr.splitlines()[20] == "<stdin>: other reasons are in the output only"
    assert len(rows_of(result)) == 30


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
    for content in (lines(GOOD), gzip.compress(lines(GOOD))):
        source.write_bytes(content)
        for out in (source, tmp_path / "link.jsonl"):
            result = run("score", source, "--out", out)
            assert (result.exit_code, result.stderr) == (2, f"Error: {out}: is the input too; write to another file\n")
        assert source.read_bytes() == content


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


def test_a_file_goes_through_in_chunks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(table_reader, "CHUNK_ROWS", 64)
    rows = [good(id=row, response=GOOD["response"] if row % 4 else "B") for row in range(1000)]
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(lines(*rows))
    result = run("score", source, "--out", out)
    scored = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert [row["id"] for row in scored] == list(range(1000))
    assert "multiple_choice 1,000 1.500 0.750 0.750 missing_answer=250" in " ".join(result.stderr.split())


# Which column holds what


def test_columns_are_named_on_the_command_line() -> None:
    row = {"text": "<answer>2</answer>", "gold": "2", "kind": "numerical"}
    columns = ["--column", "response=text", "--column", "reference=gold", "--column", "task=kind"]
    (scored,) = rows_of(run("score", "-", *columns, stdin=lines(row)))
    assert scored["accuracy"] == 1.0
    assert scored["text"] == row["text"]


@pytest.mark.parametrize("name", ["response", "output", "completion", "prediction"])
def test_responses_go_by_several_names(name: str) -> None:
    (scored,) = rows_of(run("score", "-", stdin=lines(good(response=None) | {name: GOOD["response"]})))
    assert scored["total"] == 2.0


def test_one_task_for_all_rows() -> None:
    result = run("score", "-", "--task", "multiple choice", stdin=lines(good(task=None), good(task="ocr")))
    assert [row["task"] for row in rows_of(result)] == ["multiple_choice"] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "orc"], "Error: --task: 'orc' is no task; did you mean ocr?"),
        (["--column", "answer=x"], "Error: --column answer=x: expected FIELD=NAME, FIELD one of response, reference"),
        (["--column", "response"], "Error: --column response: expected FIELD=NAME"),
        (["--table", "nowhere:TABLE"], "Error: --table nowhere:TABLE: there is no module 'nowhere'"),
        (["--table", "math:pi"], "Error: --table math:pi: expected a mapping from names to TaskSpec"),
        (["--table", "pi"], "Error: --table pi: 'pi' is not module:"),
    ],
)
def test_mistakes_in_options_are_one_line(arguments: list[str], message: str) -> None:
    result = run("score", "-", *arguments, stdin=lines(GOOD))
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]


TABLE = """
from dataclasses import replace
from onethinker_rewards import TASKS
MINE = {"number": replace(TASKS["numerical"], name="number")}
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_tasks_of_your_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str) -> None:
    (tmp_path / "my_tasks.py").write_text(TABLE)
    monkeypatch.chdir(tmp_path)
    row = good(task="number", reference="2", response="<think>x</think><answer>2</answer>")
    result = run("score", "-", "--table", "my_tasks.py:MINE", "--workers", workers, stdin=lines(row))
    assert [row["total"] for row in rows_of(result)] == [2.0]
    assert "number" in result.stderr


@pytest.mark.parametrize(
    ("task", "reference", "answer"),
    [
        ("temporal_grounding", {"time": [1, 2], "box": None}, '{"time": [1, 2]}'),
        ("numerical", 3, "3"),
        ("numerical", 0.5, "0.5"),
    ],
)
def test_references_may_be_objects_and_numbers(task: str, reference: object, answer: str) -> None:
    row = {"response": f"{THINK}<answer>{answer}</answer>", "reference": reference, "task": task}
    (scored,) = rows_of(run("score", "-", stdin=lines(row)))
    assert scored["total"] == 2.0


def test_verl_s_rows_are_scored() -> None:
    row = {
        "response": GOOD["response"], "data_source": "x", "prompt": [],
        "reward_model": {"style": "rule", "ground_truth": "B"}, "extra_info": {"task": "multiple_choice", "index": 1},
    }  # fmt: skip
    (scored,) = rows_of(run("score", "-", stdin=lines(row)))
    assert scored["total"] == 2.0


def test_options_of_a_csv_file_are_json(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(
        'response,reference,task,options\n<answer>cat</answer>,B,multiple_choice,"[""dog"", ""cat""]"\n'
    )
    (scored,) = rows_of(run("score", tmp_path / "in.csv"))
    assert scored["accuracy"] == 1.0


def test_an_empty_cell_of_the_response_is_an_empty_response(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("output,reference,task,options\n,B,multiple_choice,\nx,,ocr,\n")
    empty, without_reference = rows_of(run("score", source))
    assert (empty["output"], empty["total"], empty["failure"]) == ("", 0.0, "missing_answer")
    assert without_reference["error"].startswith("no column 'reference'")
    source.write_text("response,output,reference,task\n,<answer>B</answer>,B,multiple_choice\n")
    (filled,) = rows_of(run("score", source))
    assert filled["accuracy"] == 1.0
    assert "response" not in filled


RECIPE = """
from onethinker_rewards import Recipe
MINE = Recipe(name="mine", end_tokens=("<|mine|>",), format_weight=0.5)
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_recipe_of_your_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str) -> None:
    (tmp_path / "my_recipe.py").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    row = good(response=f"{GOOD['response']}<|mine|>")
    result = run("score", "-", "--recipe", "my_recipe.py:MINE", "--workers", workers, stdin=lines(row))
    assert [row["total"] for row in rows_of(result)] == [1.5]
    assert "1 row scored, recipe my_recipe.py:MINE" in result.stderr


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("poem", "Error: --recipe poem: there are paper, lenient, release, and your own as module:RECIPE\n"),
        ("nowhere:R", "Error: --recipe nowhere:R: there is no module 'nowhere'\n"),
        ("math:pi", "Error: --recipe math:pi: expected a Recipe\n"),
    ],
)
def test_a_wrong_recipe_is_one_line(recipe: str, message: str) -> None:
    result = run("score", "-", "--recipe", recipe, stdin=lines(GOOD))
    assert (result.exit_code, result.stderr) == (2, message)


# What ends a run


class _Failing(io.BytesIO):
    """Standard input of which the second read fails."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(lines(*[GOOD] * 1000))
        self.error = error

    def readinto(self, buffer: Any) -> int:
        if self.tell() > 0:
            raise self.error
        return super().readinto(buffer)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OSError(5, "Input/output error"), 2, "Error: <stdin>: Input/output error\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
    ],
)
def test_what_happens_while_reading_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    monkeypatch.setattr(table_reader, "_open_raw", lambda path: io.BufferedReader(_Failing(error), 100))
    result = run("score", "-")
    assert (result.exit_code, result.stderr) == (code, message)


def test_an_interrupt_that_python_drops_ends_the_run_at_the_next_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(table_reader, "CHUNK_ROWS", 1)
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    write = write_all

    def interrupted(*arguments: Any) -> None:
        Interrupted()
        write(*arguments)

    monkeypatch.setattr("onethinker_rewards.cli.outputs.write_all", interrupted)
    result = run("score", "-", stdin=lines(*[GOOD] * 5))
    assert (result.exit_code, len(rows_of(result))) == (130, 1)
    assert result.stderr.splitlines()[-1] == "Interrupted."


def test_an_interrupt_that_is_ignored_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    write = write_all

    def interrupted(*arguments: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        write(*arguments)

    monkeypatch.setattr("onethinker_rewards.cli.outputs.write_all", interrupted)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert run("score", "-", stdin=lines(GOOD)).exit_code == 0
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(lines(GOOD))
    result = run("score", tmp_path / "in", "--out", "/dev/full")
    assert (result.exit_code, result.stderr) == (2, "Error: /dev/full: No space left on device\n")


def test_a_pipe_without_a_reader_fails_once() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe, pytest.raises(BrokenPipeError):
        write_all(pipe, "-", b"x")


# Several processes


def test_two_processes_write_what_one_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_reader, "CHUNK_ROWS", 16)
    source = tmp_path / "in.jsonl"
    source.write_bytes(lines(*[GOOD, "{", good(response="B"), good(task="math", reference="x", response="")] * 50))
    alone, both = run("score", source), run("score", source, "--workers", 2)
    assert both.stdout == alone.stdout
    assert both.stderr == alone.stderr
    assert both.exit_code == alone.exit_code == 2


def test_more_processes_than_the_machine_can_use_are_refused() -> None:
    result = run("score", "-", "--workers", 1000, stdin=lines(GOOD))
    assert result.exit_code == 2
    assert re.match(r"Error: --workers 1000: this machine has \d+ cores; give \d+ at most\n", result.stderr)


def _dies(chunk: object) -> None:
    os._exit(3)


def test_a_worker_that_dies_is_one_line() -> None:
    job: Any = _dies
    with pytest.raises(CliError, match="a worker process ended: killed, out of memory"):
        list(process_pool.run_in_processes(job, 2, iter([1, 2, 3])))


PROGRAM = """
import sys, time
from onethinker_rewards.cli import main, table_reader
table_reader.CHUNK_ROWS = 16
if __name__ == "__main__":
    main(sys.argv[1:])
"""


def children(pid: int) -> set[int]:
    """Return all processes below one."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    below = {int(child) for child in found.read_text().split()} if found.exists() else set()
    return below.union(*map(children, below))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_owner(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py"), "score", "-", "--workers", "2"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdin is not None
        running.stdin.write(lines(*[GOOD] * 200))
        running.stdin.flush()
        wait_for(lambda: len(children(running.pid)) >= 3)
        below = children(running.pid)
        running.send_signal(number)
        said = running.communicate(timeout=LONGEST)[1]
    assert running.returncode == (-number if number is signal.SIGKILL else 130)
    assert number is signal.SIGKILL or (said.splitlines()[-1] == b"Interrupted." and b"Traceback" not in said)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below))


def test_what_is_there_is_named_as_far_as_a_line_goes() -> None:
    row = {"x" * 100: 1, "two\nlines": 2} | {f"c{number}": number for number in range(1500)}
    said = f"{NO_RESPONSE} '{'x' * 40}…', 'two\\nlines', 'c0', 'c1', 'c2', 'c3', 'c4', 'c5', and 1,494 more{NAME_IT}"
    assert error_of(row) == said
    assert error_of({"response": None}) == f"{NO_RESPONSE} none{NAME_IT}"


def test_wide_integers_keep_their_digits() -> None:
    wide = 340282366920938463463374607431768211455
    columns = {"problem_id": wide, "deep": [{"a": [-wide, 1.5]}], "plain": 2**63, "large": 1e300}
    (scored,) = rows_of(run("score", "-", stdin=lines(good(**columns))))
    assert {name: scored[name] for name in columns} == columns
    assert scored["total"] == 2.0


def test_the_best_of_several_references_counts() -> None:
    rows = [
        {"task": "ocr", "response": f"{THINK}<answer>a car</answer>", "references": ["automobile", "a car"]},
        {"task": "numerical", "response": f"{THINK}<answer>7</answer>", "references": [8, 7.0], "answer": "9"},
        {"task": "ocr", "response": f"{THINK}<answer>a car</answer>", "references": '["a car"]'},
    ]
    result = run("score", "-", stdin=lines(*rows))
    assert [row["total"] for row in rows_of(result)] == [2.0, 2.0, 2.0]
    assert rows_of(result)[1]["references"] == [8, 7.0]


@pytest.mark.parametrize(
    ("references", "why"),
    [
        ("a car", "references: expected a list, got text"),
        (["a", True], "references: expected text, a number, a list or an object, got a truth value"),
        (["a", None], "references: a list holds null"),
        ([{"a": float("nan")}], "references: nan is not a finite number"),
    ],
)
def test_several_references_that_are_none(references: object, why: str) -> None:
    assert error_of({"task": "ocr", "response": "a", "references": references}) == why


def test_bad_references_cost_a_row_its_result_only_where_none_can_be_read() -> None:
    row = {"task": "numerical", "response": f"{THINK}<answer>7</answer>"}
    assert rows_of(run("score", "-", stdin=lines(row | {"references": ["7", "x"]})))[0]["total"] == 2.0
    why = error_of(row | {"references": ["y", "x"]})
    assert why.startswith("unreadable reference: reference 1 of 2: not_a_number for numerical: 'y'")
    assert "; reference 2 of 2: not_a_number for numerical: 'x'" in why


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_looks_wrong_is_printed_once(workers: str) -> None:
    response = '{"boxes": [0.1, 0.1, 0.3, 0.3]}'
    rows = [
        {"task": "spatial_grounding", "response": response, "reference": {"boxes": [100, 100, 300, 300 + number % 40]}}
        for number in range(2100)
    ]
    result = run("score", "-", "--workers", workers, stdin=lines(*rows))
    warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1
    assert warnings[0].startswith("warning: the format is 0 because 1024 of 1024 responses lack <think> or <answer>")
    tagged = [row | {"response": f"{THINK}<answer>{response}</answer>"} for row in rows]
    result = run("score", "-", "--workers", workers, stdin=lines(*tagged))
    (warning,) = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert warning.startswith("warning: spatial_grounding: the answers look like 0…1, not like thousandths")
