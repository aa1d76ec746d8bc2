"""``--dialect`` and ``--reference-dialect`` of every command, and where the size of an image comes from."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import Result

import onethinker_rewards as otr
from onethinker_rewards.answers import DIALECTS, Dialect
from tests.answers.dialect_cases import highest_totals, native_rows
from tests.cli.runs import lines, rows_of, run
from tests.rewards.cases import wrap
from tests.trainer.examples import example_row

OURS, NATIVE_BOX = '{"boxes": [100, 200, 300, 400]}', '[{"bbox_2d": [64, 96, 192, 192], "label": "cat"}]'
ROW = {"task": "spatial_grounding", "response": wrap(NATIVE_BOX), "reference": OURS}
PIXELS = ("--dialect", "qwen2.5-vl")
NO_SIZE = "the dialect qwen2.5-vl writes pixels: no column 'size', or 'width' and 'height'"
# Where a file may have the size of an image of 640 by 480.
SIZES: list[dict[str, Any]] = [
    {"size": [640, 480]},
    {"size": {"width": 640, "height": 480}},
    {"width": 640, "height": 480},
    {"image_width": 640.0, "image_height": 480.0},
]
# A function of yours, as `module:NAME`.
semicolons = Dialect("semicolons", boxes=lambda text: [otr.answers.Item([float(part) for part in text.split(";")])])


def as_csv(*rows: dict[str, Any]) -> bytes:
    """Return rows as CSV, whose cells are text: lists and objects as JSON."""
    file = io.StringIO()
    writer = csv.DictWriter(file, [*rows[0]])
    writer.writeheader()
    for row in rows:
        writer.writerow({name: cell if isinstance(cell, str) else json.dumps(cell) for name, cell in row.items()})
    return file.getvalue().encode()


@pytest.fixture(params=["jsonl", "csv"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    numbers = count()

    def written(*rows: dict[str, Any]) -> Path:
        path = tmp_path / f"{next(numbers)}.{request.param}"
        path.write_bytes(as_csv(*rows) if request.param == "csv" else lines(*rows))
        return path

    return written


def totals(result: Result) -> list[float]:
    return [row["total"] for row in rows_of(result)]


@pytest.mark.parametrize("columns", SIZES)
def test_pixels_by_any_column_of_sizes(columns: dict[str, Any], write: Callable[..., Path], tmp_path: Path) -> None:
    file = write(ROW | columns)
    assert totals(run("score", file, *PIXELS)) == [2.0]
    assert run("validate", file, *PIXELS).exit_code == 0
    wrong = run("explain", write(ROW | columns | {"response": wrap("[]")}), *PIXELS)
    assert (wrong.exit_code, "wrong_length" in wrong.stdout) == (0, True)
    kept = tmp_path / "kept.jsonl"
    assert run("filter", write(ROW | columns), *PIXELS, "--out", kept).exit_code == 0
    assert json.loads(kept.read_bytes())["normalized"] == 1.0


@pytest.mark.parametrize("columns", SIZES)
def test_references_in_pixels(columns: dict[str, Any], write: Callable[..., Path], tmp_path: Path) -> None:
    row, both = ROW | {"reference": NATIVE_BOX} | columns, (*PIXELS, "--reference-dialect", "qwen2.5-vl")
    assert totals(run("score", write(row), *both)) == [2.0]
    # With --references, --dialect is that of references.
    assert run("validate", write(row), "--references", *PIXELS).exit_code == 0
    assert run("validate", write(row), "--references").exit_code == 1
    kept = tmp_path / "kept.jsonl"
    assert run("filter", write(row), *both, "--out", kept).exit_code == 0
    explained = run("explain", write(row | {"response": f"{wrap(NATIVE_BOX)} That is it."}), *both)
    assert "total      1.00 = accuracy 1.00 (box_iou 1.00) + format 0.00" in explained.stdout


def test_a_missing_size_costs_its_row_alone(write: Callable[..., Path], tmp_path: Path) -> None:
    file = write(ROW | {"size": [640, 480]}, ROW | {"size": ""}, ROW | {"size": [640, 480]})
    scored = run("score", file, *PIXELS)
    assert scored.exit_code == 2
    assert [row.get("total", row.get("error")) for row in rows_of(scored)] == [2.0, NO_SIZE, 2.0]
    for options in ((), ("--references",)):
        checked = run("validate", write(ROW | {"reference": NATIVE_BOX, "size": ""}), *PIXELS, *options)
        assert (checked.exit_code, rows_of(checked)) == (2, [{"row": 1, "error": NO_SIZE}])
    explained = run("explain", file, *PIXELS)
    assert (explained.exit_code, explained.stdout) == (2, "")
    assert explained.stderr == f"row 2: {NO_SIZE}\n0 rows with a fault\n"
    done = run("filter", file, *PIXELS, "--out", tmp_path / "kept.jsonl")
    assert (done.exit_code, len((tmp_path / "kept.jsonl").read_bytes().splitlines())) == (2, 2)
    assert NO_SIZE in (tmp_path / "kept.bad.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize("size", [[640], "big", {"width": 640}, [0, 480]])
def test_a_size_that_is_none(size: Any, write: Callable[..., Path]) -> None:
    for command in ("score", "validate"):
        result = run(command, write(ROW | {"size": size}), *PIXELS)
        (row,) = rows_of(result)
        assert (result.exit_code, row["row"]) == (2, 1)
        assert "size" in row["error"]


def test_times_and_answers_without_coordinates_need_no_size() -> None:
    row = {"task": "temporal_grounding", "response": wrap('{"time": [1, 2]}'), "reference": '{"time": [1, 2]}'}
    assert totals(run("score", "-", *PIXELS, stdin=lines(row))) == [2.0]
    assert run("validate", "-", *PIXELS, stdin=lines(row)).exit_code == 0
    # A reference of ours has none either.
    bare = {"task": "spatial_grounding", "reference": OURS}
    assert run("validate", "-", "--references", stdin=lines(bare)).exit_code == 0


def test_explain_takes_one_size_for_rows_without() -> None:
    rows = [ROW | {"response": f"{wrap(NATIVE_BOX)} That is it."}, ROW | {"response": f"{wrap(NATIVE_BOX)} So."}]
    half = [rows[0], rows[1] | {"size": [1280, 960]}]
    result = run("explain", "-", *PIXELS, "--size", "640x480", stdin=lines(*half))
    first, second = result.stdout.split("row 2\n")
    assert "accuracy 1.00" in first
    assert "accuracy 0.00" in second


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "onethinker"])
def test_native_answers_earn_the_maximum(dialect: str, write: Callable[..., Path]) -> None:
    for native in (False, True):
        rows = native_rows(dialect, native=native)
        options = ("--dialect", dialect) + (("--reference-dialect", dialect) if native else ())
        scored = totals(run("score", write(*rows), *options))
        assert scored == pytest.approx(highest_totals(rows), abs=1e-9)
        assert run("validate", write(*rows), "--dialect", dialect).exit_code == 0


def test_prompts_ask_for_the_dialect() -> None:
    for dialect in DIALECTS:
        shown = run("prompt", "gui_click", "Where?", "--dialect", dialect)
        assert shown.stdout.strip() == otr.prompt("gui_click", "Where?", dialect=dialect).strip()


def test_prepared_prompts_and_references(tmp_path: Path) -> None:
    """Width and height do not count: in data sets they are those of the file."""
    row = example_row("spatial_grounding", answer=NATIVE_BOX)
    both = (*PIXELS, "--reference-dialect", "qwen2.5-vl", "--check-media", "none")
    out = tmp_path / "out.parquet"
    assert run("prepare", "-", "--out", out, *both, stdin=lines(row | {"size": [640, 480]})).exit_code == 0
    (made,) = pq.read_table(out).to_pylist()
    assert "bbox_2d" in made["prompt"][0]["content"]
    assert made["reward_model"]["ground_truth"] == NATIVE_BOX
    assert made["extra_info"]["size"] == [640.0, 480.0]
    sides = {"width": 640, "height": 480}
    result = run("prepare", "-", "--out", tmp_path / "none.parquet", *both, stdin=lines(row | sides))
    assert result.exit_code == 2
    assert "writes pixels: no column 'size'" in (tmp_path / "none.bad.jsonl").read_text(encoding="utf-8")


COMMANDS: dict[str, tuple[str, ...]] = {
    "score": ("-",),
    "validate": ("-",),
    "explain": ("-",),
    "filter": ("-", "--out", "out.jsonl"),
    "prepare": ("-", "--out", "out.parquet"),
    "prompt": ("ocr", "?"),
    "schema": ("pointing",),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_name_is_one_line(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["--dialect"] + ["--reference-dialect"] * (command in ("score", "explain", "filter", "prepare"))
    for option in names:
        for name, why in (
            ("qwen", "there are onethinker, qwen3-vl, qwen2.5-vl, internvl, molmo"),
            ("tests.cli.test_dialects:nothing", "nothing"),
            ("tests.cli.test_dialects:SIZES", "expected a Dialect or a function"),
        ):
            result = run(command, *COMMANDS[command], option, name, stdin=lines(ROW))
            assert (result.exit_code, result.stdout) == (2, "")
            assert result.stderr.startswith(f"Error: --dialect {name}: ")
            assert why in result.stderr
            assert result.stderr.count("\n") == 1
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("command", ["score", "validate", "explain", "filter"])
def test_release_knows_no_dialect(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(command, *COMMANDS[command], "--recipe", "release", "--dialect", "qwen3-vl", stdin=lines(ROW))
    assert result.exit_code == 2
    assert result.stderr == "Error: dialect: release compares texts as they are and knows no dialect\n"


def test_a_dialect_of_yours_by_its_module(tmp_path: Path) -> None:
    own = ("--dialect", "tests.cli.test_dialects:semicolons")
    row = ROW | {"response": wrap("100;200;300;400")}
    assert totals(run("score", "-", *own, stdin=lines(row))) == [2.0]
    assert run("validate", "-", *own, stdin=lines(row)).exit_code == 0
    explained = run("explain", "-", *own, stdin=lines(row | {"response": wrap("100;200;300")}))
    assert "wrong_length" in explained.stdout
    kept = tmp_path / "kept.jsonl"
    assert run("filter", "-", *own, "--out", kept, stdin=lines(row)).exit_code == 0
    assert totals(run("score", "-", "--workers", "2", *own, stdin=lines(row, row))) == [2.0, 2.0]
